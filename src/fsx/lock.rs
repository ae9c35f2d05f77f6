//! One run at a time on one folder.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

use rustix::fs::FlockOperation;

use super::{Error, Folder};

/// What a stranger's lock file may say, in bytes.
const HOLDER_CAP: u64 = 400;

/// A folder held by this process. It is let go when the value is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock file `name` of `folder`, and writes `holder` into it for whoever comes second.
    ///
    /// The file stays where it is: removing it would let a third process lock another file of the same name.
    pub fn take(folder: &Folder, name: &str, holder: &str) -> Result<Self, Error> {
        let path = folder.path().join(name);
        let mut file = match folder.reopen(name) {
            Ok(file) => file,
            Err(error) if error.is_absent() => folder.create_file(name)?,
            Err(error) => return Err(error),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = Vec::new();
                // Best effort: an unreadable name of the holder does not make the lock free.
                let _ = (&mut file).take(HOLDER_CAP).read_to_end(&mut text);
                let holder = crate::secret::printable(String::from_utf8_lossy(&text).trim(), 200);
                return Err(Error::Locked {
                    path: folder.path().to_path_buf(),
                    holder: if holder.is_empty() {
                        "another run".to_owned()
                    } else {
                        holder
                    },
                });
            }
            // A file system without locks (some network and FUSE ones) cannot keep a second run out.
            Ok(()) | Err(rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP | rustix::io::Errno::NOLCK) => {
            }
            Err(error) => return Err(Error::io("lock", path, error.into())),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{holder}"))
            .map_err(|e| Error::io("write", path, e))?;
        Ok(Self { _file: file })
    }
}
