//! What the file system under a folder can hold.

use super::{Error, Folder};

/// A kind of file system, as far as its limits matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileSystem {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// exFAT.
    ExFat,
    /// ext, XFS or btrfs: a file's size lies with the file and not with its name, so that a rename cannot lose it.
    Unix,
    /// Any other.
    Other,
}

/// The magic numbers of `statfs(2)`.
const MSDOS_MAGIC: u64 = 0x4d44;
const EXFAT_MAGIC: u64 = 0x2011_bab0;
const EXT_MAGIC: u64 = 0xef53;
const XFS_MAGIC: u64 = 0x5846_5342;
const BTRFS_MAGIC: u64 = 0x9123_683e;

/// The largest file on FAT32, in bytes.
const FAT_LARGEST_FILE: u64 = (4 << 30) - 1;

/// How many files with names of 64 characters a directory of FAT32 holds: 65,536 slots, six for each name.
const FAT_DIRECTORY_ENTRIES: u64 = 10_922;

/// A file system and what is free on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What kind it is.
    pub file_system: FileSystem,
    /// Bytes that this user can still write.
    pub free_bytes: u64,
    /// Files that can still be made, where the file system counts them.
    pub free_files: Option<u64>,
    /// The unit of allocation in bytes: each file takes a multiple of it.
    pub block: u64,
    /// The largest possible file in bytes, where it is smaller than any blob can be.
    pub largest_file: Option<u64>,
    /// How many blobs one directory can hold.
    pub directory_entries: Option<u64>,
    /// Whether nothing can be written.
    pub read_only: bool,
}

impl Volume {
    /// Asks the file system under an open folder.
    pub fn of(folder: &Folder) -> Result<Self, Error> {
        let error = |e: rustix::io::Errno| Error::io("look at", folder.path(), e.into());
        let status = rustix::fs::fstatvfs(folder.fd()).map_err(error)?;
        let magic = rustix::fs::fstatfs(folder.fd()).map_err(error)?.f_type;
        let file_system = match u64::try_from(magic) {
            Ok(MSDOS_MAGIC) => FileSystem::Fat,
            Ok(EXFAT_MAGIC) => FileSystem::ExFat,
            Ok(EXT_MAGIC | XFS_MAGIC | BTRFS_MAGIC) => FileSystem::Unix,
            _ => FileSystem::Other,
        };
        let is_fat = file_system == FileSystem::Fat;
        Ok(Self {
            file_system,
            free_bytes: status.f_bavail.saturating_mul(status.f_frsize),
            free_files: (status.f_files > 0).then_some(status.f_favail),
            block: status.f_frsize.max(1),
            largest_file: is_fat.then_some(FAT_LARGEST_FILE),
            directory_entries: is_fat.then_some(FAT_DIRECTORY_ENTRIES),
            read_only: status.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }

    /// How many bytes of the volume a file of `size` bytes takes.
    pub fn allocated(&self, size: u64) -> u64 {
        size.div_ceil(self.block).saturating_mul(self.block)
    }
}
