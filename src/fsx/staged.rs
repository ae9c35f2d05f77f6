//! A file on its way: under a temporary name, hashed as it is written or as the drive has it, resumable.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::num::NonZeroU64;

use crate::digest::{Algorithm, Digest, Hasher};

use super::past_cache::leave_cache;
use super::{Error, Folder, PastCache};

/// How much of a kept prefix is read at once.
const READ: usize = 1 << 17;

/// The drive is asked to begin with so many bytes at once.
const AT_ONCE: u64 = 2 << 20;

/// Files of this many bytes are worth being taken out of the page cache.
const LARGE: u64 = 1 << 20;

/// When the bytes of a file are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// As they are written, so that finishing reads nothing back.
    AsWritten,
    /// When all of them are durable, as the drive gives them back: the digest then speaks for the way there, too, and nobody
    /// needs to read them again.
    OnDrive,
}

/// A file on its way into a folder; nothing is visible under its final name until it is committed.
#[derive(Debug)]
pub struct Staged {
    folder: Folder,
    name: String,
    file: File,
    hashing: Hashing,
    hasher: Hasher,
    length: u64,
    /// As much of it the drive was asked to write.
    sent_off: u64,
}

impl Staged {
    /// Begins an empty file, throwing away what an earlier run left under the temporary name.
    pub fn create(folder: &Folder, name: &str, algorithm: Algorithm) -> Result<Self, Error> {
        Ok(Self {
            file: folder.create_file(name)?,
            folder: folder.clone(),
            name: name.to_owned(),
            hashing: Hashing::AsWritten,
            hasher: algorithm.hasher(),
            length: 0,
            sent_off: 0,
        })
    }

    /// Hashes the bytes at another time. To be called before the first byte.
    #[must_use]
    pub fn hashed(mut self, hashing: Hashing) -> Self {
        self.hashing = hashing;
        self
    }

    /// Writes a whole file whose bytes were hashed already.
    pub fn whole(folder: &Folder, name: &str, bytes: &[u8], digest: Digest) -> Result<Finished, Error> {
        let mut file = folder.create_file(name)?;
        file.write_all(bytes)
            .map_err(|e| Error::io("write", folder.path().join(name), e))?;
        Ok(Finished {
            folder: folder.clone(),
            name: name.to_owned(),
            file,
            digest,
            length: bytes.len() as u64,
            is_proved: false,
        })
    }

    /// Goes on with what an earlier run left under the temporary name, at most `limit` bytes of it, or begins anew.
    ///
    /// The kept bytes are read and hashed again: a prefix that has rotted is then found when the whole is checked.
    pub fn resume(folder: &Folder, name: &str, algorithm: Algorithm, limit: u64) -> Result<Self, Error> {
        Self::resume_telling(folder, name, algorithm, limit, &mut |_| {})
    }

    /// The same, with the kept bytes told to someone who has a use for them.
    pub fn resume_telling(
        folder: &Folder,
        name: &str,
        algorithm: Algorithm,
        limit: u64,
        told: &mut dyn FnMut(&[u8]),
    ) -> Result<Self, Error> {
        let file = match folder.reopen(name) {
            Ok(file) => file,
            Err(Error::NotAFile { .. }) => return Self::create(folder, name, algorithm),
            Err(error) if error.is_absent() => return Self::create(folder, name, algorithm),
            Err(error) => return Err(error),
        };
        let mut staged = Self {
            folder: folder.clone(),
            name: name.to_owned(),
            file,
            hashing: Hashing::AsWritten,
            hasher: algorithm.hasher(),
            length: 0,
            sent_off: 0,
        };
        staged.rehash(limit, told)?;
        Ok(staged)
    }

    fn rehash(&mut self, limit: u64, told: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let mut buffer = vec![0; READ];
        while self.length < limit {
            let want = usize::try_from(limit - self.length).map_or(READ, |left| left.min(READ));
            let read = self
                .file
                .read(buffer.get_mut(..want).unwrap_or_default())
                .map_err(|e| self.error("read", e))?;
            if read == 0 {
                break;
            }
            let bytes = buffer.get(..read).unwrap_or_default();
            self.hasher.update(bytes);
            told(bytes);
            self.length += read as u64;
        }
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .map(|_| ())
            .map_err(|e| self.error("write", e))
    }

    /// Lets only the file's owner read it. To be called before the first byte.
    pub fn keep_private(&self) -> Result<(), Error> {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::fchmod(&self.file, mode).map_err(|e| self.error("protect", e.into()))
    }

    /// How many bytes are there already.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|e| self.error("write", e))?;
        if self.hashing == Hashing::AsWritten {
            self.hasher.update(bytes);
        }
        self.length += bytes.len() as u64;
        self.send_off();
        Ok(())
    }

    /// Asks the drive to begin with what has come. Whoever hashes what is on the drive would wait for it in the end, for all
    /// of it at once.
    fn send_off(&mut self) {
        let fresh = self.length - self.sent_off;
        if self.hashing == Hashing::OnDrive && fresh >= AT_ONCE {
            leave_cache(&self.file, self.sent_off, NonZeroU64::new(fresh));
            self.sent_off = self.length;
        }
    }

    /// Throws away all bytes and begins anew.
    pub fn restart(&mut self) -> Result<(), Error> {
        let algorithm = self.hasher.clone().finish().algorithm();
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|e| self.error("write", e))?;
        self.hasher = algorithm.hasher();
        self.length = 0;
        self.sent_off = 0;
        Ok(())
    }

    /// Ends the writing. The file keeps its temporary name until it is committed. What was not hashed as it was written is
    /// made durable now and hashed, which takes a while.
    pub fn finish(mut self) -> Result<Finished, Error> {
        let is_proved = self.hashing == Hashing::OnDrive;
        if is_proved {
            if let Err(error) = self.file.sync_all() {
                forget(&self.folder, &self.name);
                return Err(self.error("sync", error));
            }
            PastCache::for_files_of(self.length)
                .read(&self.file, self.length, |bytes| self.hasher.update(bytes))
                .map_err(|e| self.error("read", e))?;
        }
        Ok(Finished {
            digest: self.hasher.finish(),
            folder: self.folder,
            name: self.name,
            file: self.file,
            length: self.length,
            is_proved,
        })
    }

    fn error(&self, action: &'static str, source: std::io::Error) -> Error {
        Error::io(action, self.folder.path().join(&self.name), source)
    }
}

/// A file that is written and hashed, and still has its temporary name.
#[derive(Debug)]
pub struct Finished {
    pub(super) folder: Folder,
    pub(super) name: String,
    pub(super) file: File,
    digest: Digest,
    length: u64,
    is_proved: bool,
}

impl Finished {
    /// The digest of all bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The number of bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the digest is that of what the drive has: the content is durable.
    pub fn is_proved(&self) -> bool {
        self.is_proved
    }

    /// Removes the file: it is not what it should be.
    pub fn discard(self) -> Result<(), Error> {
        self.folder.remove(&self.name)
    }

    /// Makes the file durable under its final name, alone and at once.
    pub fn commit(self, to: &Folder, name: &str) -> Result<(), Error> {
        self.sync()?;
        self.folder.rename(&self.name, to, name)?;
        self.sync()?;
        to.sync()?;
        if self.folder.path() == to.path() {
            return Ok(());
        }
        // FAT keeps the old name until its folder is synced too.
        self.folder.sync()
    }

    /// Lets go of the memory that a large file takes, once the drive has it. Nobody reads it again soon but whoever
    /// checks what the drive has, and the next file gets memory that is at hand: in a virtual machine, what was free for a
    /// while may first have to be fetched from the host.
    pub(super) fn leave_cache(&self) {
        if self.length >= LARGE {
            leave_cache(&self.file, 0, None);
        }
    }

    /// Makes the content durable, if it is not yet.
    pub(super) fn sync_content(&self) -> Result<(), Error> {
        if self.is_proved {
            return Ok(());
        }
        self.sync().inspect_err(|_| forget(&self.folder, &self.name))
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file
            .sync_all()
            .map_err(|e| Error::io("sync", self.folder.path().join(&self.name), e))
    }
}

/// Removes a file whose sync has failed. The system may call its pages clean from then on, though the drive never got them,
/// and whoever goes on with the file would find the right bytes in memory.
fn forget(folder: &Folder, name: &str) {
    // Best effort: the drive may be gone, and what it has is what the next run then reads.
    let _ = folder.remove(name);
}
