//! One run at a time on one folder, and a trace of a run that did not end.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use super::{Error, Folder};

/// What a stranger's lock file may say, in bytes.
const HOLDER_CAP: u64 = 400;

/// A folder held by this process. It is let go when the value is dropped or the process ends, however it ends.
///
/// The holder's name stays in the file until [`release`](Self::release), so that the next run sees that this one did
/// not come to its end.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    unfinished: bool,
}

impl Lock {
    /// Takes the lock file `name` of `folder`, and writes `holder` into it, durably, for whoever comes second.
    ///
    /// The file stays where it is: removing it would let a third process lock another file of the same name.
    pub fn take(folder: &Folder, name: &str, holder: &str) -> Result<Self, Error> {
        let path = folder.path().join(name);
        let mut file = match folder.reopen(name) {
            Ok(file) => file,
            Err(error) if error.is_absent() => folder.create_file(name)?,
            Err(error) => return Err(error),
        };
        let free = match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => false,
            // A file system without locks (some network and FUSE ones) cannot keep a second run out.
            Ok(()) | Err(rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP | rustix::io::Errno::NOLCK) => {
                true
            }
            Err(error) => return Err(Error::io("lock", path, error.into())),
        };
        let mut text = Vec::new();
        (&mut file)
            .take(HOLDER_CAP)
            .read_to_end(&mut text)
            .map_err(|e| Error::io("read", &path, e))?;
        let before = crate::secret::printable(String::from_utf8_lossy(&text).trim(), 200);
        if !free {
            return Err(Error::Locked {
                path: folder.path().to_path_buf(),
                holder: if before.is_empty() {
                    "another run".to_owned()
                } else {
                    before
                },
            });
        }
        let mut lock = Self {
            file,
            path,
            unfinished: !before.is_empty(),
        };
        lock.replace(&format!("{holder}\n"))?;
        folder.sync()?;
        Ok(lock)
    }

    /// Whether the run that held the folder before did not come to its end.
    pub fn found_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Lets the folder go after a run that came to its end.
    pub fn release(mut self) -> Result<(), Error> {
        self.replace("")
    }

    fn replace(&mut self, text: &str) -> Result<(), Error> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.sync_all())
            .map_err(|e| Error::io("write", &self.path, e))
    }
}
