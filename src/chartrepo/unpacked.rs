//! What a small archive unpacks to, all of it in memory.
//!
//! Most charts unpack to a few hundred kilobytes. Inflated in one go into memory that the next archive takes again, and
//! walked by jumping from header to header, nothing of such an archive is copied or cleared for being passed over.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::bufread::MultiGzDecoder;

/// Archives that unpack to more are read piece by piece. As many threads as ever look into archives at once, as often there
/// is memory of so many bytes.
const SMALL: usize = 2 << 20;

/// Memory that is at hand, and nobody's just now. What was used last is taken first: it is still in the processor's cache.
static AT_HAND: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn at_hand() -> MutexGuard<'static, Vec<Vec<u8>>> {
    AT_HAND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets `look` see what a small archive unpacks to. `None` if it is large, or if its gzip is broken: whoever reads it piece
/// by piece finds out where.
pub(super) fn at_once<T>(archive: &[u8], look: impl FnOnce(Unpacked<'_>) -> T) -> Option<T> {
    // The last member's length, as it says itself: a hint, and wrong where there are several members.
    let (_, length) = archive.split_last_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > SMALL {
        return None;
    }
    let mut memory = at_hand().pop().unwrap_or_default();
    if memory.len() <= length {
        memory.resize(length + 1, 0);
    }
    // One byte more, to see that there is no more.
    let inflated = memory.get_mut(..=length).and_then(|all| inflate(archive, all));
    let looked = inflated.and_then(|()| {
        let bytes = memory.get(..length)?;
        Some(look(Unpacked { bytes, position: 0 }))
    });
    at_hand().push(memory);
    looked
}

/// Fills all of `memory` but its last byte.
fn inflate(archive: &[u8], memory: &mut [u8]) -> Option<()> {
    let mut inflater = MultiGzDecoder::new(archive);
    let mut length = 0;
    loop {
        match inflater.read(memory.get_mut(length..)?) {
            Ok(0) => return (length + 1 == memory.len()).then_some(()),
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// Unpacked bytes in which nobody can jump behind the end: an archive that is cut is not mistaken for a whole one.
#[derive(Debug)]
pub(super) struct Unpacked<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.get(self.position..).unwrap_or_default().read(buffer)?;
        self.position += read;
        Ok(read)
    }
}

impl Seek for Unpacked<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |base: usize, by: i64| i64::try_from(base).ok()?.checked_add(by);
        let place = match to {
            SeekFrom::Start(place) => usize::try_from(place).ok(),
            SeekFrom::Current(by) => from(self.position, by).and_then(|place| usize::try_from(place).ok()),
            SeekFrom::End(by) => from(self.bytes.len(), by).and_then(|place| usize::try_from(place).ok()),
        };
        let place = place
            .filter(|place| *place <= self.bytes.len())
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "unexpected end of the archive"))?;
        self.position = place;
        Ok(place as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(archive: &[u8]) -> Option<Vec<u8>> {
        at_once(archive, |mut unpacked| {
            let mut bytes = Vec::new();
            unpacked.read_to_end(&mut bytes).unwrap();
            bytes
        })
    }

    #[test]
    fn a_small_archive_is_unpacked_whole_whatever_was_unpacked_before() {
        let long: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for bytes in [&b""[..], b"short", &long, b"short again", b""] {
            assert_eq!(unpacked(&gzip(bytes)).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn what_is_large_or_broken_or_has_several_members_is_left_to_others() {
        assert!(unpacked(&gzip(&vec![0; SMALL])).is_some());
        assert!(unpacked(&gzip(&vec![0; SMALL + 1])).is_none());
        let mut broken = gzip(b"some bytes");
        broken[14] ^= 1;
        assert!(unpacked(&broken).is_none());
        assert!(unpacked(&[gzip(b"one"), gzip(b"two")].concat()).is_none());
        assert!(unpacked(&[gzip(b"a longer one"), gzip(b"two")].concat()).is_none());
        assert!(unpacked(b"").is_none());
    }

    #[test]
    fn nobody_jumps_behind_the_end() {
        at_once(&gzip(b"12345678"), |mut unpacked| {
            let mut byte = [0];
            assert_eq!(unpacked.seek(SeekFrom::Current(7)).unwrap(), 7);
            assert_eq!((unpacked.read(&mut byte).unwrap(), byte), (1, *b"8"));
            assert_eq!(unpacked.seek(SeekFrom::End(0)).unwrap(), 8);
            assert_eq!(unpacked.seek(SeekFrom::Start(1)).unwrap(), 1);
            for to in [
                SeekFrom::Start(9),
                SeekFrom::Current(8),
                SeekFrom::Current(-2),
                SeekFrom::End(1),
                SeekFrom::Current(i64::MAX),
            ] {
                assert!(unpacked.seek(to).is_err(), "{to:?}");
            }
        })
        .unwrap();
    }
}
