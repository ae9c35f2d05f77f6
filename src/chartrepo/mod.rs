//! Helm repositories: which charts there are, their archives, and repositories of our own.
//!
//! ```text
//! Source ──fetch──▶ Index ──Selection──▶ entries ──fetch, check──▶ archives ──▶ Shelf: index.yaml, *.tgz, *.prov
//! ```
//!
//! Archives cross as they are, byte by byte; the `digest` of the index is compared with what arrives, which Helm itself
//! does not do. No path comes out of an index: a file's name is made of a checked chart name and a parsed version.

mod archive;
mod dependencies;
mod entry;
mod fetch;
mod index;
mod known;
mod local;
mod oci_chart;
mod pack;
mod pins;
mod provenance;
mod pull;
mod push;
mod selection;
mod shelf;
mod source;
mod stock;
mod unpacked;
mod upload;

pub use archive::Archive;
pub use entry::Entry;
pub use fetch::Fetcher;
pub use index::{INDEX_CAP, Index, Problem};
pub use known::{Known, Repositories};
pub use local::{LocalArchive, NO_REPOSITORY, put_local};
pub use pins::{Choices, Pins};
pub use provenance::Keyring;
pub use pull::{DigestMismatch, Options, Provenance, Row, pull};
pub use push::{Pushed, push};
pub use selection::{Pattern, Selected, Selection, parse_moment, parse_range};
pub use shelf::Shelf;
pub use source::Source;
pub use stock::{Stock, stock_at};
pub use upload::Uploaded;

use std::path::PathBuf;
use std::time::Duration;

use crate::digest::Digest;
use crate::http::{self, StatusCode};
use crate::{credentials, fsx, goyaml, helm, oci, reference, registry, version};

/// Why a repository or a chart cannot be mirrored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source is none.
    #[error("`{source_text}` is no chart source: {problem}")]
    BadSource {
        /// What was written, without password, shortened.
        source_text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A range of versions is none.
    #[error("`{range}` is no range of versions")]
    BadRange {
        /// What was written, shortened.
        range: String,
        /// What is wrong with it.
        #[source]
        source: version::Error,
    },
    /// The index is no YAML.
    #[error("index.yaml is not well formed")]
    BadIndex {
        /// What is wrong with it.
        #[source]
        source: goyaml::Error,
    },
    /// The document is no index.
    #[error("this is no index.yaml of a chart repository: it has {found}")]
    NoIndex {
        /// What it has or lacks.
        found: &'static str,
    },
    /// The index has more entries than are kept in memory.
    #[error("the index lists more than {limit} archives")]
    IndexTooLong {
        /// How many are read.
        limit: usize,
    },
    /// A moment is none.
    #[error("`{text}` is neither a day such as 2024-05-31 nor a moment such as 2024-05-31T12:00:00Z")]
    BadMoment {
        /// What was written, shortened.
        text: String,
    },
    /// A file or folder that was named cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// A folder has nothing to mirror in it.
    #[error("there is no chart and no archive (.tgz) in {}; the address of a repository begins with https:// or oci://", path.display())]
    NoCharts {
        /// The folder.
        path: PathBuf,
    },
    /// Helm's list of repositories cannot be used.
    #[error("{}: {problem}", path.display())]
    BadRepositoryList {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A name is not in Helm's list of repositories.
    #[error("no repository is called `{name}` in {}", path.as_deref().map_or_else(|| "Helm's repositories.yaml".into(), |path| path.to_string_lossy()))]
    UnknownRepository {
        /// The name, shortened.
        name: String,
        /// The list, if there is a place for one.
        path: Option<PathBuf>,
    },
    /// A chart does not load.
    #[error(transparent)]
    Chart(#[from] helm::Error),
    /// A folder's chart asks for charts that are not in `charts/`.
    #[error("it needs charts that are not in charts/: {}; --with-dependencies fetches them", names.join(", "))]
    MissingDependencies {
        /// Their names.
        names: Vec<String>,
    },
    /// Something that a chart asks for cannot be had.
    #[error("its dependency `{name}` {problem}")]
    Dependency {
        /// The name of the dependency, shortened.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A URL in an index is none, or of a scheme that is not fetched.
    #[error("the index gives `{url}`, {problem}")]
    BadUrl {
        /// The URL, without secrets, shortened.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A URL without TLS to a host that was not named for it.
    #[error("{url} is plain HTTP, which is spoken only to this machine and to hosts named with --plain-http")]
    PlainHttp {
        /// The URL, without secrets.
        url: String,
    },
    /// The server says no.
    #[error("{url}: {status}")]
    Refused {
        /// What was asked for, without secrets.
        url: String,
        /// Its answer.
        status: StatusCode,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server does not take an upload.
    #[error("{url}: {status}: {said}")]
    NotTaken {
        /// Where it was sent, without secrets.
        url: String,
        /// Its answer.
        status: StatusCode,
        /// What it says, shortened.
        said: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server has no place for uploads.
    #[error(
        "{url} takes no charts: uploads need ChartMuseum, or Harbor up to 2.7 (/chartrepo/PROJECT); newer ones take charts as oci://REGISTRY/PATH"
    )]
    NoUpload {
        /// The repository, without secrets.
        url: String,
    },
    /// There is no whole answer.
    #[error("{url} could not be fetched")]
    Http {
        /// What was asked for, without secrets.
        url: String,
        /// Why not.
        #[source]
        source: http::Error,
    },
    /// We do not know who we are.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// A registry said no, or nothing.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// An image in the place of a chart, or a chart that lacks its archive.
    #[error("{reference} is no Helm chart: {problem}")]
    NotAChart {
        /// What was asked for.
        reference: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A manifest of a registry cannot be used.
    #[error("the manifest of {reference} cannot be used")]
    BadManifest {
        /// What was asked for.
        reference: String,
        /// What is wrong with it.
        #[source]
        source: oci::Error,
    },
    /// What is asked for cannot be an OCI reference.
    #[error("`{name}` cannot be asked for in a registry")]
    BadReference {
        /// What was written, shortened.
        name: String,
        /// What is wrong with it.
        #[source]
        source: reference::Error,
    },
    /// The archive is not the one that the index describes.
    #[error("the archive hashes to {found}, the index says {expected}")]
    DigestMismatch {
        /// What the index says.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The archive is not the one that the lock pins.
    #[error(
        "the archive hashes to {found}, the lock pins {expected}: another one has this version now; --refresh takes it"
    )]
    PinMismatch {
        /// What the lock says.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The archive is no chart, or a hostile one.
    #[error("the archive cannot be used: {problem}")]
    BadArchive {
        /// What is wrong with it.
        problem: String,
    },
    /// A registry has this version of the chart with another archive.
    #[error("{reference} is there already with {theirs}, not with {ours}: versions do not change")]
    VersionTaken {
        /// The chart in the registry.
        reference: String,
        /// The archive that was to be pushed.
        ours: Digest,
        /// What is there.
        theirs: NotSent,
    },
    /// A provenance file was required and there is none.
    #[error("there is no provenance file, and one is required")]
    NoProvenance,
    /// A provenance file does not prove what it should.
    #[error("its provenance file {problem}")]
    BadProvenance {
        /// What is wrong with it.
        problem: String,
    },
    /// A file of keys cannot be used.
    #[error("{} has no keys that signatures can be checked with: {problem}", path.display())]
    BadKeyring {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Two charts would have one name on a file system that does not tell capitals from small letters.
    #[error("`{name}` and `{other}` differ only in capitals, which a FAT or exFAT drive cannot tell apart")]
    SameName {
        /// The file that was to be written.
        name: String,
        /// The file that is there.
        other: String,
    },
    /// The disk did not do what it was asked for.
    #[error(transparent)]
    Disk(#[from] fsx::Error),
}

/// What stands where a chart was to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Another archive.
    Other(Digest),
    /// Something that is no chart.
    NoChart,
}

impl std::fmt::Display for NotSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Other(digest) => digest.fmt(f),
            Self::NoChart => f.write_str("something that is no chart"),
        }
    }
}

impl Error {
    /// Whether what the operator wrote is wrong: a source, or a file on this machine such as Helm's list of repositories or
    /// a keyring.
    pub fn is_of_configuration(&self) -> bool {
        matches!(
            self,
            Self::BadSource { .. }
                | Self::BadReference { .. }
                | Self::BadRepositoryList { .. }
                | Self::BadKeyring { .. }
                | Self::Unreadable { .. }
        )
    }

    /// Whether the server says that something else has the name.
    fn is_conflict(&self) -> bool {
        let status = match self {
            Self::Refused { status, .. } | Self::NotTaken { status, .. } => *status,
            _ => return false,
        };
        status == StatusCode::CONFLICT
    }

    /// Whether the server says that it does not have it; nothing else is absence.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(*status, StatusCode::NOT_FOUND | StatusCode::GONE),
            Self::Registry(error) => error.is_absent(),
            _ => false,
        }
    }
}

impl http::Temporary for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } | Self::NotTaken { status, .. } => {
                matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            Self::Http { source, .. } => source.is_transient(),
            _ => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::NotTaken { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn patience(&self) -> http::Patience {
        match self {
            Self::Http { source, .. } => source.patience(),
            _ => http::Patience::Full,
        }
    }
}
