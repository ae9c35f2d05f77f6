//! Files as the drive has them: read past the page cache where the file system can do that.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{AtFlags, OFlags, StatxFlags};
use rustix::io::Errno;

/// How much is read from the drive at once.
const READ: usize = 1 << 20;

/// What reads past the page cache begin at a multiple of, in the file and in memory.
const ALIGNED: usize = 4096;

/// Reads files past the page cache. Where the file system cannot do that the cache is asked to forget them before, which is
/// a wish and not a promise.
#[derive(Debug)]
pub struct PastCache {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl PastCache {
    /// For files of at most so many bytes, or larger ones in several reads.
    pub fn for_files_of(largest: u64) -> Self {
        let length = usize::try_from(largest)
            .map_or(READ, |largest| largest.clamp(1, READ))
            .next_multiple_of(ALIGNED);
        let memory = vec![0; length + ALIGNED];
        let start = memory.as_ptr().align_offset(ALIGNED).min(ALIGNED);
        Self {
            memory,
            start,
            length,
        }
    }

    /// Reads the `size` bytes of a file, or as many as it has, and tells them in their order.
    pub fn read(&mut self, file: &File, size: u64, mut told: impl FnMut(&[u8])) -> io::Result<()> {
        let buffer = self
            .memory
            .get_mut(self.start..self.start + self.length)
            .unwrap_or_default();
        let usual = rustix::fs::fcntl_getfl(file)?;
        let mut direct = rustix::fs::fcntl_setfl(file, usual | OFlags::DIRECT).is_ok();
        if !(direct && is_read_past_cache(file)) {
            leave_cache(file, 0, None);
        }
        let mut offset = 0;
        while offset < size {
            match file.read_at(buffer, offset) {
                Ok(0) => break,
                Ok(read) => {
                    told(buffer.get(..read).unwrap_or_default());
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The file system says that it can and cannot: its blocks are larger, or a read ended within one.
                Err(error) if direct && error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                    rustix::fs::fcntl_setfl(file, usual)?;
                    leave_cache(file, 0, None);
                    direct = false;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Asks the page cache to forget so many bytes of a file, or all that come after `offset`. What the drive does not have yet
/// stays, and is begun to be written. A wish, not a promise.
pub(super) fn leave_cache(file: &File, offset: u64, length: Option<NonZeroU64>) {
    let _ = rustix::fs::fadvise(file, offset, length, rustix::fs::Advice::DontNeed);
}

/// Whether the kernel says that direct reads of this very file are direct: some files of a file system are read by way of the
/// cache all the same, such as encrypted ones.
fn is_read_past_cache(file: &File) -> bool {
    let wanted = StatxFlags::DIOALIGN;
    rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, wanted)
        .is_ok_and(|told| told.stx_mask & wanted.bits() != 0 && told.stx_dio_mem_align != 0)
}
