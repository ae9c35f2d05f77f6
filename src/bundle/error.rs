//! Why a bundle could not be read or written.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::fsx;
use crate::oci::{self, MANIFEST_CAP};

/// Why a bundle could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk did not do what it was asked for.
    #[error(transparent)]
    Disk(#[from] fsx::Error),
    /// The folder has no `oci-layout` file.
    #[error("{} is no bundle: it has no `oci-layout` file", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
    /// A folder in which a bundle should begin has other things in it.
    #[error("{} is no bundle and not empty (it has {found:?}): name a new or empty folder", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// The first name that is there.
        found: String,
    },
    /// What was written to the drive and called durable by it does not come back from it.
    #[error(
        "{} did not keep what was written to it: {wrong} files read back wrong, {first} is one of them",
        path.display()
    )]
    NotKept {
        /// The bundle.
        path: PathBuf,
        /// How many files are wrong.
        wrong: usize,
        /// One of them: a blob's digest, or a path in the bundle.
        first: String,
    },
    /// A run cannot end while a worker of it still writes.
    #[error("{} is still being written", path.display())]
    StillWriting {
        /// The bundle's folder.
        path: PathBuf,
    },
    /// Two files would be one on a drive that knows no upper case.
    #[error("{name:?} and {other:?} would be one file on FAT32 and exFAT")]
    NamesMerge {
        /// The file to be written.
        name: String,
        /// The file that is there.
        other: String,
    },
    /// A file of the layout cannot be read as what it should be.
    #[error("{} is not well formed", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
    /// The layout is of a version that this program does not know.
    #[error("{} is of version {found}, this program reads {expected}", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What this program reads.
        expected: &'static str,
    },
    /// An entry of index.json has no name, or one that is no image reference.
    #[error("an entry of index.json is named {name:?}, which is no image reference")]
    BadEntry {
        /// The name, shortened.
        name: String,
        /// Why it is none.
        #[source]
        source: crate::reference::Error,
    },
    /// There are more signatures beside the inventory than are read.
    #[error("{} holds {found} signatures of the inventory, at most 16 are read", path.display())]
    TooManySignatures {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// A blob is not in the bundle.
    #[error("{digest} is not in the bundle")]
    BlobMissing {
        /// Its digest.
        digest: Digest,
    },
    /// A blob's file has another size than what points to it says.
    #[error("{digest} has {found} bytes in the bundle, it should have {expected}")]
    WrongSize {
        /// Its digest.
        digest: Digest,
        /// Bytes that its descriptor says.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A blob's bytes are not those that its name says.
    #[error("the bytes of {expected} in the bundle hash to {found}: they are damaged")]
    Damaged {
        /// Its digest.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// A blob is larger than what is read of its kind.
    #[error("{digest} has {size} bytes, at most {cap} of such are read")]
    BlobTooLarge {
        /// Its digest.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        cap: u64,
    },
    /// More hangs on one image than is looked at.
    #[error("{found} signatures and attestations hang on one image, more than are looked at")]
    TooManyReferrers {
        /// How many were counted.
        found: usize,
    },
    /// A manifest is larger than any that is read.
    #[error("the manifest {digest} has {size} bytes, at most {MANIFEST_CAP} are read")]
    ManifestTooLarge {
        /// Its digest.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
    },
    /// Blobs cannot be removed while it is not known what a manifest needs.
    #[error(
        "nothing is removed: the manifest {digest} cannot be read, so that nobody knows which blobs it needs"
    )]
    CannotPrune {
        /// Its digest.
        digest: Digest,
        /// Why it cannot be read.
        #[source]
        source: Box<Self>,
    },
    /// A manifest cannot be understood.
    #[error("the manifest {digest} cannot be used")]
    BadManifest {
        /// Its digest.
        digest: Digest,
        /// Why.
        #[source]
        source: oci::Error,
    },
}

impl Error {
    /// The disk's fault behind it, if there is one.
    pub fn fault(&self) -> Option<fsx::Fault> {
        match self {
            Self::Disk(error) => error.fault(),
            _ => None,
        }
    }
}
