//! A file on its way: under a temporary name, hashed as it is written, resumable.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use crate::digest::{Algorithm, Digest, Hasher};

use super::{Error, Folder};

/// How much of a kept prefix is read at once.
const READ: usize = 1 << 17;

/// Files of this many bytes are worth being taken out of the page cache.
const LARGE: u64 = 1 << 20;

/// A file on its way into a folder; nothing is visible under its final name until it is committed.
///
/// Bytes are hashed as they are written, so that finishing reads nothing back.
#[derive(Debug)]
pub struct Staged {
    folder: Folder,
    name: String,
    file: File,
    hasher: Hasher,
    length: u64,
}

impl Staged {
    /// Begins an empty file, throwing away what an earlier run left under the temporary name.
    pub fn create(folder: &Folder, name: &str, algorithm: Algorithm) -> Result<Self, Error> {
        Ok(Self {
            file: folder.create_file(name)?,
            folder: folder.clone(),
            name: name.to_owned(),
            hasher: algorithm.hasher(),
            length: 0,
        })
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
            hasher: algorithm.hasher(),
            length: 0,
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
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
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
        Ok(())
    }

    /// Ends the writing. The file keeps its temporary name until it is committed.
    pub fn finish(self) -> Finished {
        Finished {
            digest: self.hasher.finish(),
            folder: self.folder,
            name: self.name,
            file: self.file,
            length: self.length,
        }
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
    /// checks what the drive has, and the next file gets memory that is at hand. While much is free nobody needs it, and
    /// letting go is work, too.
    pub(super) fn leave_cache(&self) {
        if self.length >= LARGE && !much_memory_is_free() {
            // A wish, not a promise.
            let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
        }
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file
            .sync_all()
            .map_err(|e| Error::io("sync", self.folder.path().join(&self.name), e))
    }
}

/// Whether a quarter of the machine's memory is used by nothing, not even by a cache.
fn much_memory_is_free() -> bool {
    let system = rustix::system::sysinfo();
    system.freeram > system.totalram / 4
}
