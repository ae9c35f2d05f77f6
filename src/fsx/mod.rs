//! The only writer of files: atomic, durable (FAT32 too), resumable.
//!
//! Nothing has its name until it is whole. The order, measured with a real FAT32 driver under power cuts, is
//!
//! ```text
//! write to a temporary name → hash → fsync → rename → fsync the same file AGAIN → fsync the directory
//! → fsync the directory of the temporary name
//! ```
//!
//! where the hash may also come after the first fsync, of what the drive then gives back ([`Hashing::OnDrive`]),
//! and every directory that was newly made is synced up to the folder the work began in. The second fsync is what
//! vfat needs: it writes a renamed file's size into the new directory entry only when the inode is synced once more;
//! on ext, XFS and btrfs many files at once go without it.
//! The last one is what its `fsck` needs: a file that has both names after a power cut shares its clusters with itself,
//! and is emptied.
//!
//! A drive is hostile input. Every path is walked from an open folder, one component at a time, and no link is followed.

mod commit;
mod disk;
mod folder;
mod lock;
mod log;
mod past_cache;
mod place;
mod staged;
mod volume;

pub use commit::{Acknowledged, Commit, Committer};
pub use disk::is_built_in;
pub use folder::{Entry, Folder, Kind};
pub use lock::Lock;
pub use log::Log;
pub use past_cache::PastCache;
pub use place::{is_same, leads_into};
pub use staged::{Finished, Hashing, Staged};
pub use volume::{FileSystem, Volume};

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the disk did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("could not {action} {}: {fault}", path.display())]
    Io {
        /// What was being done: `write`, `open`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, in this program's words.
        fault: Fault,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A name cannot be a file's name here.
    #[error("{name:?} in {} is no plain file name", folder.display())]
    BadName {
        /// The folder.
        folder: PathBuf,
        /// The name.
        name: String,
    },
    /// What should be a regular file is something else, such as a link or a device.
    #[error("{} is no regular file: links and devices on a drive are not followed", path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
    },
    /// What should be a folder is something else.
    #[error("{} is no folder (a link to one is not followed)", path.display())]
    NotAFolder {
        /// Where it is.
        path: PathBuf,
    },
    /// A file is larger than its reader accepts.
    #[error("{} has {size} bytes, at most {cap} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        cap: u64,
    },
    /// Someone else works on the same folder.
    #[error("{} is in use by {holder}", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who holds it: process, host and since when, as the holder wrote it.
        holder: String,
    },
    /// The commit's worker went away; nothing may be taken for written.
    #[error("the writer of {} stopped before it was durable", path.display())]
    WriterStopped {
        /// The file that waited for it.
        path: PathBuf,
    },
}

impl Error {
    /// Wraps what the operating system said.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            fault: Fault::of(&source),
            source,
        }
    }

    /// What is wrong, if the operating system said it.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Io { fault, .. } => Some(*fault),
            _ => None,
        }
    }

    /// Whether the file or folder is simply not there. Only this is "absent"; every other error is an error.
    pub fn is_absent(&self) -> bool {
        self.fault() == Some(Fault::Absent)
    }

    /// Whether going on with other files is pointless: the drive itself is full, gone, or read-only.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self.fault(),
            Some(Fault::Full | Fault::ReadOnly | Fault::Gone | Fault::Quota)
        )
    }
}

/// A disk's fault in this program's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// ENOSPC.
    Full,
    /// EDQUOT.
    Quota,
    /// EROFS.
    ReadOnly,
    /// EIO.
    Medium,
    /// ENODEV, ENXIO, ENOMEDIUM.
    Gone,
    /// EFBIG.
    FileTooLarge,
    /// EACCES, EPERM.
    Denied,
    /// ENOENT.
    Absent,
    /// EMFILE, ENFILE.
    TooManyOpen,
    /// ELOOP, ENOTDIR: a link, or a file where a folder should be.
    Link,
    /// Anything else.
    Other,
}

impl Fault {
    /// Reads the operating system's error.
    pub fn of(error: &io::Error) -> Self {
        use rustix::io::Errno;
        let Some(errno) = Errno::from_io_error(error) else {
            return match error.kind() {
                io::ErrorKind::NotFound => Self::Absent,
                _ => Self::Other,
            };
        };
        match errno {
            Errno::NOSPC => Self::Full,
            Errno::DQUOT => Self::Quota,
            Errno::ROFS => Self::ReadOnly,
            Errno::IO => Self::Medium,
            Errno::NODEV | Errno::NXIO | Errno::NOMEDIUM => Self::Gone,
            Errno::FBIG => Self::FileTooLarge,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::NOENT => Self::Absent,
            Errno::MFILE | Errno::NFILE => Self::TooManyOpen,
            Errno::LOOP | Errno::NOTDIR => Self::Link,
            _ => Self::Other,
        }
    }

    /// What is safe, what is missing and what to do next: one or two sentences for people.
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Full => {
                "everything that has its name on the drive is whole; make room or take a larger drive, then run the same command again: it goes on where it stopped"
            }
            Self::Quota => {
                "everything that has its name is whole; ask for a larger quota or choose another folder, then run the same command again: it goes on where it stopped"
            }
            Self::ReadOnly => {
                "the file system is read-only: look for a write-protect switch, or for errors in `dmesg` that made the kernel remount it, as when a drive is pulled out; what was written before is whole"
            }
            Self::Medium => {
                "the device reported a read or write error: look at `dmesg`; copy what `carrack verify` accepts to another drive, and do not trust this one"
            }
            Self::Gone => {
                "the drive was removed: plug it in again and run the same command; what had its name before is whole, the rest is fetched again"
            }
            Self::FileTooLarge => {
                "the file system cannot hold a file of this size: format the drive as exFAT (`mkfs.exfat`) or ext4"
            }
            Self::Denied => "the folder belongs to someone else: run as its owner or choose another one",
            Self::TooManyOpen => "too many open files: raise `ulimit -n` or lower --jobs",
            _ => return None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the drive is full",
            Self::Quota => "the disk quota is used up",
            Self::ReadOnly => "the drive is read-only",
            Self::Medium => "the drive reported an input/output error",
            Self::Gone => "the drive was removed",
            Self::FileTooLarge => "the file is too large for this file system",
            Self::Denied => "permission denied",
            Self::Absent => "it is not there",
            Self::TooManyOpen => "too many open files",
            Self::Link => "a link or a file stands where a folder should be",
            Self::Other => "the operating system refused",
        })
    }
}

/// Writes a whole file under `path`, durably and in one step, making its folders. For small files outside a bundle.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let (folder, name) = parent(path)?;
    folder.write(&name, bytes)
}

/// The same for a file with a secret in it: only its owner may read it, from its first byte on.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let (folder, name) = parent(path)?;
    let mut staged = Staged::create(
        &folder,
        &format!(".{name}.part"),
        crate::digest::Algorithm::Sha256,
    )?;
    staged.keep_private()?;
    staged.write(bytes)?;
    staged.finish()?.commit(&folder, &name)
}

/// Sees that a file may be written to `path` later: makes its folders, and a file beside it for a moment.
pub fn try_file(path: &Path) -> Result<(), Error> {
    let (folder, name) = parent(path)?;
    folder.try_write(&name)
}

/// Makes a folder, and sees that files may be written into it.
pub fn try_folder(path: &Path) -> Result<(), Error> {
    Folder::create(path)?.try_write("try")
}

fn parent(path: &Path) -> Result<(Folder, String), Error> {
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or_else(|| Error::BadName {
            folder: path.to_path_buf(),
            name: String::new(),
        })?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Folder::create(parent)?,
        _ => Folder::create(Path::new("."))?,
    };
    Ok((folder, name.to_owned()))
}

#[cfg(test)]
mod tests;
