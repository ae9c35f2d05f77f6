//! Why content did not move.

use crate::digest::Digest;
use crate::observe::{Event, Observer, size};
use crate::{bundle, fsx, oci, reference, registry};

/// Why content did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry did not give or take it.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// The bundle did not give or take it.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
    /// An image on disk could not be read.
    #[error(transparent)]
    Layout(#[from] crate::layouts::Error),
    /// The rules about pull sources do not let it be pulled.
    #[error(transparent)]
    PullSource(#[from] crate::mirrors::PullError),
    /// A manifest cannot be mirrored.
    #[error("the manifest {digest} cannot be mirrored")]
    Manifest {
        /// Its digest.
        digest: Digest,
        /// Why.
        #[source]
        source: oci::Error,
    },
    /// A manifest has other bytes than its digest says.
    #[error("the manifest {expected} came as {found}")]
    WrongManifest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Indexes nest too deep.
    #[error("indexes nest deeper than {cap}")]
    TooDeep {
        /// The depth that is followed.
        cap: usize,
    },
    /// An image has more manifests than are followed.
    #[error("its manifests are more than {count_cap}, or more than {bytes_cap} bytes")]
    TooManyManifests {
        /// How many are followed at most.
        count_cap: usize,
        /// How many bytes they may have.
        bytes_cap: u64,
    },
    /// Of an image no platform is wanted.
    #[error("no platform of it is {wanted}; it has {found}")]
    NoPlatform {
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// A manifest says another size of a blob than the blob has.
    #[error("its manifest says that blob {digest} has {said} bytes; {by} has it with {size}")]
    WrongSize {
        /// Its digest.
        digest: Digest,
        /// Bytes that the manifest says.
        said: u64,
        /// Bytes that it has.
        size: u64,
        /// Who has it.
        by: String,
    },
    /// An index says another size of a manifest than the manifest has.
    #[error(
        "its index says that manifest {digest} has {said} bytes, and it has {size}: containerd and `carrack verify` refuse such an image; whoever made it must push it again"
    )]
    WrongManifestSize {
        /// Its digest.
        digest: Digest,
        /// Bytes that the index says.
        said: u64,
        /// Bytes that it has.
        size: u64,
    },
    /// Manifests say different sizes of a blob, and nobody can tell which is right.
    #[error("two manifests say different sizes of blob {digest}: {one} and {other}")]
    SizesDisagree {
        /// Its digest.
        digest: Digest,
        /// Bytes that one says.
        one: u64,
        /// Bytes that the other says.
        other: u64,
    },
    /// A registry did not say what is about a manifest. That is no absence: an image must not seem unsigned by accident.
    #[error("it is not known whether {subject} has signatures, attestations or SBOMs")]
    Referrers {
        /// The manifest.
        subject: Digest,
        /// Why it is not known.
        #[source]
        source: Box<Self>,
    },
    /// An image has more signatures, attestations and SBOMs than are carried.
    #[error(
        "its signatures, attestations and SBOMs are more than {count_cap}, or more than {bytes_cap} bytes"
    )]
    TooMuchAttached {
        /// How many are carried at most.
        count_cap: usize,
        /// How many bytes are carried at most.
        bytes_cap: u64,
    },
    /// The reference is not in the bundle that is the source.
    #[error("it is not in the source bundle")]
    NotInSource,
    /// No tag of a repository is among those that are wanted.
    #[error("none of the {listed} tags of {repository} is among: {filter}")]
    NoTag {
        /// The repository.
        repository: String,
        /// What was chosen by.
        filter: String,
        /// How many tags the repository has.
        listed: usize,
    },
    /// The tags of a repository were asked for once, and did not come.
    #[error("its tags could not be listed: {problem}")]
    NotListed {
        /// The whole chain of causes.
        problem: String,
    },
    /// A lock file is not what this program writes.
    #[error("{} is no lock file", path.display())]
    BadLock {
        /// The file.
        path: std::path::PathBuf,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
    /// A lock file is of a version that this program does not know.
    #[error("{} is a lock file of version {found}, this program reads {expected}", path.display())]
    UnknownLock {
        /// The file.
        path: std::path::PathBuf,
        /// What it says.
        found: u64,
        /// What this program reads.
        expected: u64,
    },
    /// A blob ended before its size.
    #[error("blob {digest} ended after {found} of {expected} bytes")]
    CutShort {
        /// Its digest.
        digest: Digest,
        /// Bytes that its descriptor says.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// A blob has other bytes than its digest says.
    #[error("what came of blob {expected} from {sender} hashes to {found}")]
    WrongBlob {
        /// Its digest.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
        /// Who sent it.
        sender: String,
    },
    /// A blob is longer than its size.
    #[error("blob {digest} has more than its {expected} bytes")]
    TooLong {
        /// Its digest.
        digest: Digest,
        /// Bytes that its descriptor says.
        expected: u64,
    },
    /// The drive has not enough room.
    #[error(
        "{} are to be written and {} are free on {}: {} too little",
        size(*needed), size(*free), path.display(), size(needed.saturating_sub(*free))
    )]
    NoRoom {
        /// The bundle's folder.
        path: std::path::PathBuf,
        /// Bytes that the run needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// An image does not fit on one volume.
    #[error(
        "{reference} needs {}, a volume holds {}{}",
        crate::observe::size(*bytes),
        crate::observe::size(*size),
        if *others > 0 { format!("; {others} more are too large") } else { String::new() }
    )]
    TooLargeForVolume {
        /// The first that does not fit.
        reference: String,
        /// Bytes that a volume with it alone needs.
        bytes: u64,
        /// Bytes that a volume holds.
        size: u64,
        /// How many others do not fit either.
        others: usize,
    },
    /// The file system cannot hold so many files in one folder.
    #[error("{blobs} blobs are to lie in one folder, the file system of {} holds {limit}", path.display())]
    TooManyBlobs {
        /// The bundle's folder.
        path: std::path::PathBuf,
        /// Blobs that there would be.
        blobs: u64,
        /// The file system's limit.
        limit: u64,
    },
    /// The file system has no room for so many files.
    #[error("{needed} files are to be made and {} takes {free} more", path.display())]
    TooFewFiles {
        /// The bundle's folder.
        path: std::path::PathBuf,
        /// Files that the run makes.
        needed: u64,
        /// Files that can still be made.
        free: u64,
    },
    /// The drive takes no writes.
    #[error("{} is on a read-only file system", path.display())]
    ReadOnly {
        /// The bundle's folder.
        path: std::path::PathBuf,
    },
    /// The target confirmed a blob and does not show it.
    #[error("{repository} confirmed blob {digest} and does not have it afterwards")]
    NotKept {
        /// Its digest.
        digest: Digest,
        /// Where it was sent.
        repository: String,
    },
    /// The bundle leaves a blob out because a receipt said that the target has it, and it has not.
    #[error(
        "blob {digest} was left out of the bundle because a receipt said that the registry has it; {repository} does not"
    )]
    Lost {
        /// Its digest.
        digest: Digest,
        /// Where it should be.
        repository: String,
    },
    /// The bundle that is the source leaves a blob out because a receipt said that a registry has it, and it is not where
    /// the content goes.
    #[error(
        "blob {digest} is not in the source bundle: it was left out (export --have) because a receipt said that a registry has it, and it is not here either"
    )]
    LeftOutByReceipt {
        /// Its digest.
        digest: Digest,
    },
    /// The bundle leaves a blob out because the target has it, and the target does not link it to where it is needed.
    #[error(
        "blob {digest} was left out of the bundle because {from} has it; the registry does not link it into {repository}"
    )]
    NotLinked {
        /// Its digest.
        digest: Digest,
        /// Where it is needed.
        repository: String,
        /// Where it is.
        from: String,
    },
    /// The target has the referrers API and does not list what it was sent.
    #[error("{repository} took {digest} and does not list it as about {subject}")]
    Unlisted {
        /// The referrer.
        digest: Digest,
        /// What it is about.
        subject: Digest,
        /// Where it was sent.
        repository: String,
    },
    /// The target answers with other bytes than were sent.
    #[error("{place} answers with other bytes than were sent")]
    Different {
        /// Where.
        place: String,
    },
    /// A place on the target is no legal name.
    #[error("`{place}` is no legal repository")]
    BadPlace {
        /// The place.
        place: String,
        /// Why.
        #[source]
        source: reference::Error,
    },
    /// A thread of the run went away.
    #[error("a worker stopped without an answer")]
    WorkerLost,
    /// The run was cancelled.
    #[error("the run was interrupted")]
    Cancelled,
}

impl Error {
    /// The disk's fault behind it, if there is one.
    pub fn fault(&self) -> Option<fsx::Fault> {
        match self {
            Self::Bundle(error) => error.fault(),
            Self::Referrers { source, .. } => source.fault(),
            _ => None,
        }
    }

    /// Whether going on with other items is pointless.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Bundle(bundle::Error::Disk(error)) => error.is_fatal(),
            Self::Cancelled | Self::WorkerLost => true,
            Self::Referrers { source, .. } => source.is_fatal(),
            _ => false,
        }
    }

    /// Whether the same may go well a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_transient(),
            Self::CutShort { .. } => true,
            _ => false,
        }
    }

    /// Whether other content came than was asked for, of which one more try may bring the right one: a cache on the way may
    /// have been wrong, and twice is the source's own doing.
    pub(super) fn is_wrong_content(&self) -> bool {
        match self {
            Self::WrongBlob { .. } => true,
            Self::Registry(error) => error.is_wrong_content() && error.is_transient(),
            _ => false,
        }
    }
}

impl From<fsx::Error> for Error {
    fn from(error: fsx::Error) -> Self {
        Self::Bundle(error.into())
    }
}

impl Error {
    /// Tells what the operator can do something about.
    pub(super) fn tell_trouble(&self, observer: &dyn Observer) {
        match self {
            Self::Registry(error) => {
                if let Some(kind) = error.trouble() {
                    let host = error.asked().host.clone();
                    observer.on(&Event::Trouble { host, kind });
                }
            }
            Self::Referrers { source, .. } => source.tell_trouble(observer),
            _ => {}
        }
    }
}
