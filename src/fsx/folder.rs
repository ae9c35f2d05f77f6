//! An open folder, from which every path is walked without following links.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::retry_on_intr;

use super::{Error, Fault};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How much of a file that is made as it is written waits for the disk.
const WRITE: usize = 1 << 16;

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Anything else: a link, a device, a pipe.
    Other,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// Size in bytes, of a regular file.
    pub size: u64,
}

/// An open folder. Cheap to clone; stays the same folder though its path be renamed.
#[derive(Clone, Debug)]
pub struct Folder {
    fd: Arc<OwnedFd>,
    path: PathBuf,
}

impl Folder {
    /// Opens a folder that the operator named. The operator's own path may go through links; nothing below it may.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty())).map_err(|e| {
            if e == rustix::io::Errno::NOTDIR {
                Error::NotAFolder {
                    path: path.to_path_buf(),
                }
            } else {
                Error::io("open", path, e.into())
            }
        })?;
        Ok(Self {
            fd: Arc::new(fd),
            path: path.to_path_buf(),
        })
    }

    /// Opens a folder that the operator named, making it and its parents durably where they are missing.
    pub fn create(path: &Path) -> Result<Self, Error> {
        match Self::open(path) {
            Err(error) if error.is_absent() => {}
            other => return other,
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => Self::create(parent)?,
            _ => Self::open(Path::new("."))?,
        };
        match rustix::fs::mkdir(path, Mode::from_raw_mode(0o777)) {
            Ok(()) => parent.sync()?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(Error::io("make", path, error.into())),
        }
        Self::open(path)
    }

    /// Where the folder is, for messages and child processes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder at `relative`, each component without following links.
    pub fn folder(&self, relative: &str) -> Result<Self, Error> {
        let mut folder = self.clone();
        for name in relative.split('/') {
            folder = folder.step(name)?;
        }
        Ok(folder)
    }

    /// Opens the folder at `relative`, making missing ones durably.
    pub fn make_folder(&self, relative: &str) -> Result<Self, Error> {
        let mut folder = self.clone();
        for name in relative.split('/') {
            folder = match folder.step(name) {
                Err(error) if error.is_absent() => folder.make(name)?,
                other => other?,
            };
        }
        Ok(folder)
    }

    fn make(&self, name: &str) -> Result<Self, Error> {
        match rustix::fs::mkdirat(&*self.fd, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => self.sync()?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(Error::io("make", self.path.join(name), error.into())),
        }
        self.step(name)
    }

    fn step(&self, name: &str) -> Result<Self, Error> {
        self.check(name)?;
        let path = self.path.join(name);
        let fd =
            retry_on_intr(|| rustix::fs::openat(&*self.fd, name, FOLDER, Mode::empty())).map_err(|e| {
                let error = Error::io("open", &path, e.into());
                if error.fault() == Some(Fault::Link) {
                    Error::NotAFolder { path: path.clone() }
                } else {
                    error
                }
            })?;
        Ok(Self {
            fd: Arc::new(fd),
            path,
        })
    }

    fn check(&self, name: &str) -> Result<(), Error> {
        let plain = !name.is_empty()
            && name != "."
            && name != ".."
            && !name.contains(['/', '\\', '\0'])
            && !name.chars().any(char::is_control);
        if plain {
            Ok(())
        } else {
            Err(Error::BadName {
                folder: self.path.clone(),
                name: name.to_owned(),
            })
        }
    }

    /// Opens a regular file for reading. Links, devices and pipes are refused and never waited for.
    pub fn open_file(&self, name: &str) -> Result<File, Error> {
        Ok(self.open_sized(name)?.0)
    }

    /// The same, with the file's size in bytes.
    pub fn open_sized(&self, name: &str) -> Result<(File, u64), Error> {
        self.open_with(name, OFlags::RDONLY)
    }

    /// Opens a regular file for reading and writing at its end.
    pub(super) fn reopen(&self, name: &str) -> Result<File, Error> {
        Ok(self.open_with(name, OFlags::RDWR)?.0)
    }

    fn open_with(&self, name: &str, access: OFlags) -> Result<(File, u64), Error> {
        self.check(name)?;
        let path = self.path.join(name);
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match retry_on_intr(|| rustix::fs::openat(&*self.fd, name, flags, Mode::empty())) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::ISDIR) => return Err(Error::NotAFile { path }),
            Err(error) => return Err(Error::io("open", path, error.into())),
        };
        let status = rustix::fs::fstat(&fd).map_err(|e| Error::io("look at", &path, e.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(Error::NotAFile { path });
        }
        Ok((File::from(fd), u64::try_from(status.st_size).unwrap_or(0)))
    }

    /// Makes a new, empty file for writing; a file or link of that name goes first.
    pub(super) fn create_file(&self, name: &str) -> Result<File, Error> {
        self.check(name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open =
            || retry_on_intr(|| rustix::fs::openat(&*self.fd, name, flags, Mode::from_raw_mode(0o666)));
        let made = match open() {
            Err(rustix::io::Errno::EXIST) => {
                self.remove(name)?;
                open()
            }
            other => other,
        };
        made.map(File::from)
            .map_err(|e| Error::io("write", self.path.join(name), e.into()))
    }

    /// The size of a regular file in bytes, or `None` if nothing has that name.
    pub fn size_of(&self, name: &str) -> Result<Option<u64>, Error> {
        self.check(name)?;
        let path = || self.path.join(name);
        match rustix::fs::statat(&*self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) if FileType::from_raw_mode(status.st_mode) == FileType::RegularFile => {
                Ok(Some(u64::try_from(status.st_size).unwrap_or(0)))
            }
            Ok(_) => Err(Error::NotAFile { path: path() }),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("look at", path(), error.into())),
        }
    }

    /// Reads a whole regular file of at most `cap` bytes.
    pub fn read(&self, name: &str, cap: u64) -> Result<Vec<u8>, Error> {
        let path = || self.path.join(name);
        let (file, size) = self.open_capped(name, cap)?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(cap + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io("read", path(), e))?;
        if bytes.len() as u64 > cap {
            return Err(self.too_large(name, bytes.len() as u64, cap));
        }
        Ok(bytes)
    }

    /// A reader of a regular file of at most `cap` bytes. Of one that grows while it is read no more is seen than that.
    pub fn reader(&self, name: &str, cap: u64) -> Result<impl Read, Error> {
        let (file, _) = self.open_capped(name, cap)?;
        Ok(file.take(cap))
    }

    fn open_capped(&self, name: &str, cap: u64) -> Result<(File, u64), Error> {
        let (file, size) = self.open_sized(name)?;
        if size > cap {
            return Err(self.too_large(name, size, cap));
        }
        Ok((file, size))
    }

    fn too_large(&self, name: &str, size: u64, cap: u64) -> Error {
        let path = self.path.join(name);
        Error::TooLarge { path, size, cap }
    }

    /// Writes a whole file durably and in one step: the old content or the new, never a mixture.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write_with(name, |file| file.write_all(bytes))
    }

    /// The same for bytes that are made as they are written.
    pub fn write_with(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        self.check(name)?;
        let temporary = format!(".{name}.new");
        let file = self.create_file(&temporary)?;
        let path = self.path.join(name);
        let mut buffered = BufWriter::with_capacity(WRITE, &file);
        let written = fill(&mut buffered)
            .and_then(|()| buffered.flush())
            .and_then(|()| file.sync_all())
            .map_err(|e| Error::io("write", &path, e));
        // What a failed write left in it is not tried once more.
        drop(buffered.into_parts());
        if let Err(error) = written {
            // Best effort: the error that matters is the first one.
            let _ = self.remove(&temporary);
            return Err(error);
        }
        self.rename(&temporary, self, name)?;
        file.sync_all().map_err(|e| Error::io("write", &path, e))?;
        self.sync()
    }

    /// Sees that [`write`](Self::write) may put a file under this name. What has the name already stays as it is.
    pub(super) fn try_write(&self, name: &str) -> Result<(), Error> {
        if self.step(name).is_ok() {
            let path = self.path.join(name);
            return Err(Error::NotAFile { path });
        }
        let temporary = format!(".{name}.new");
        self.create_file(&temporary)?;
        self.remove(&temporary)
    }

    /// Gives a file of this folder a name in another folder of the same volume.
    pub(super) fn rename(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Error> {
        to.check(new_name)?;
        retry_on_intr(|| rustix::fs::renameat(&*self.fd, name, &*to.fd, new_name))
            .map_err(|e| Error::io("name", to.path.join(new_name), e.into()))
    }

    /// Removes a file, or a link itself. Nothing there is no error.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.check(name)?;
        match rustix::fs::unlinkat(&*self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("remove", self.path.join(name), error.into())),
        }
    }

    /// Removes an empty folder. Nothing there is no error.
    pub fn remove_folder(&self, name: &str) -> Result<(), Error> {
        self.check(name)?;
        match rustix::fs::unlinkat(&*self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("remove", self.path.join(name), error.into())),
        }
    }

    /// Every name in the folder, sorted. A name that is not UTF-8 is an error: this program writes none.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let error = |e: rustix::io::Errno| Error::io("list", &self.path, e.into());
        let mut found = Vec::new();
        for entry in retry_on_intr(|| rustix::fs::Dir::read_from(&*self.fd)).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let text = name.to_str().map_err(|_| Error::BadName {
                folder: self.path.clone(),
                name: OsStr::from_bytes(name.to_bytes()).to_string_lossy().into_owned(),
            })?;
            let status = match rustix::fs::statat(&*self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(status) => status,
                Err(rustix::io::Errno::NOENT) => continue,
                Err(e) => return Err(Error::io("look at", self.path.join(text), e.into())),
            };
            let kind = match FileType::from_raw_mode(status.st_mode) {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                _ => Kind::Other,
            };
            found.push(Entry {
                name: text.to_owned(),
                kind,
                size: if kind == Kind::File {
                    u64::try_from(status.st_size).unwrap_or(0)
                } else {
                    0
                },
            });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Makes the folder's names durable.
    pub fn sync(&self) -> Result<(), Error> {
        match retry_on_intr(|| rustix::fs::fsync(&*self.fd)) {
            // Some FUSE file systems know no fsync of a folder; there is nothing more that can be done there.
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP) => Ok(()),
            Err(error) => Err(Error::io("sync", &self.path, io::Error::from(error))),
        }
    }

    /// Makes everything durable that was written to the folder's volume, whoever wrote it.
    pub(super) fn sync_volume(&self) -> Result<(), Error> {
        retry_on_intr(|| rustix::fs::syncfs(&*self.fd))
            .map_err(|error| Error::io("sync", &self.path, io::Error::from(error)))
    }

    /// The open folder, for questions about its volume.
    pub(super) fn fd(&self) -> impl AsFd + '_ {
        self.fd.as_fd()
    }
}
