//! One file a command: options → plan → run → report. Nothing here prints or reads the environment.

pub mod admission;
pub mod bill;
pub mod charts;
pub mod charts_diff;
pub mod charts_in;
pub mod charts_list;
pub mod charts_push;
pub mod charts_upload;
pub mod check;
pub mod configuration;
pub mod consignment;
pub mod direct;
pub mod engine_config;
pub mod export;
pub mod images;
pub mod import;
pub mod init;
pub mod lock;
mod node_files;
mod node_policy;
mod order;
pub mod prune;
pub mod render;
pub mod serve;
pub mod sign;
pub mod survey;
pub mod through;
pub mod values;
pub mod verify;
pub mod vetting;
pub mod volumes;
pub mod wanted;

pub(crate) use crate::observe::size;
pub use crate::transfer::SMALL_EACH;

use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::chartrepo::{Fetcher, Repositories};
use crate::observe::{Clock, Observer};
use crate::{bundle, credentials, fsx, helm, http, registry, transfer};

/// What every command works with.
#[derive(Clone, Debug)]
pub struct World {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Ends the run tidily when it is cancelled.
    pub cancel: CancellationToken,
    /// How many transfers or files are worked on at once.
    pub jobs: usize,
    /// How hosts are reached.
    pub http: http::Settings,
    /// Who we are to them.
    pub credentials: credentials::Settings,
    /// Where Helm lists the repositories that it knows.
    pub helm_repositories: Option<PathBuf>,
}

impl World {
    /// A client for chart repositories and all else that is not a registry.
    pub fn http(&self, observer: &Arc<dyn Observer>) -> Result<http::Client, Error> {
        Ok(http::Client::new(
            self.http.clone(),
            Arc::clone(observer),
            Arc::clone(&self.clock),
        )?)
    }

    /// The way to charts, by the names, credentials and authorities that Helm knows. `pass_credentials` sends a
    /// repository's credentials also to other hosts that its index names.
    pub fn charts(&self, pass_credentials: bool, observer: &Arc<dyn Observer>) -> Result<Fetcher, Error> {
        let repositories = Repositories::load(self.helm_repositories.as_deref())?;
        let mut settings = self.http.clone();
        for (host, tls) in repositories.tls() {
            settings.per_host.entry(host).or_insert(tls);
        }
        let http = http::Client::new(settings, Arc::clone(observer), Arc::clone(&self.clock))?;
        let credentials = credentials::Store::load(&self.credentials)?;
        Ok(Fetcher::new(http, credentials, pass_credentials).with_repositories(repositories))
    }

    /// A client for registries.
    pub fn registry(&self, observer: &Arc<dyn Observer>) -> Result<registry::Client, Error> {
        let credentials = credentials::Store::load(&self.credentials)?;
        Ok(registry::Client::new(self.http(observer)?, credentials))
    }
}

/// How a run that came to its end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Everything asked for was done, and the closure was checked.
    Done,
    /// Some items failed; the others are done.
    SomeFailed,
    /// What was asked for beside the items could not be done.
    Failed,
    /// Content did not verify.
    NotVerified,
}

/// What a command brings back: text for people by `Display`, data for machines by `Serialize`.
pub trait Report: Serialize + fmt::Display {
    /// How the run went.
    fn ending(&self) -> Ending;
}

/// What sort of failure an error is; the exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The run failed.
    Failed,
    /// The arguments or a configuration file are wrong.
    Usage,
    /// Content did not verify.
    NotVerified,
    /// The run was interrupted.
    Interrupted,
}

/// Why a command could not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The arguments do not make sense together.
    #[error("{problem}")]
    Usage {
        /// What is wrong with them, one line.
        problem: String,
    },
    /// A file that the arguments name cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The runtime for network work could not start.
    #[error("the system does not let the program start its threads")]
    Runtime {
        /// The system's word.
        #[source]
        cause: io::Error,
    },
    /// The result could not be written to standard output.
    #[error("the result could not be written to standard output")]
    Result {
        /// The system's word.
        #[source]
        cause: io::Error,
    },
    /// A configuration cannot be used.
    #[error(transparent)]
    Config(Box<crate::config::Error>),
    /// The network client could not be made of its settings.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// A file with credentials cannot be used.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// The bundle cannot be served.
    #[error(transparent)]
    Serve(#[from] crate::serve::Error),
    /// The bundle could not be read or written.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
    /// References cannot be placed on the target.
    #[error(transparent)]
    Mirrors(#[from] crate::mirrors::Error),
    /// The target cannot take an import.
    #[error(transparent)]
    Preflight(#[from] import::preflight::Error),
    /// The configuration of a node cannot be used.
    #[error(transparent)]
    NodeConfig(#[from] crate::mirrors::nodes::Error),
    /// Content could not be moved.
    #[error(transparent)]
    Transfer(transfer::Error),
    /// A chart does not load or does not render.
    #[error(transparent)]
    Helm(#[from] helm::Error),
    /// Somebody's signature is missing, wrong or not worth anything.
    #[error(transparent)]
    Trust(#[from] crate::trust::Error),
    /// A policy cannot be used.
    #[error("{} is no policy: {problem}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, one line.
        problem: String,
    },
    /// A bundle that shall be signed holds files that its inventory does not name.
    #[error(
        "{} holds files that its inventory does not name, and the other side would refuse it: {first}{}",
        bundle.display(), and_more(*more)
    )]
    Unlisted {
        /// The bundle's folder.
        bundle: PathBuf,
        /// The first of them.
        first: String,
        /// How many there are beside it.
        more: usize,
    },
    /// `ssh-keygen` did not sign.
    #[error("ssh-keygen did not sign with {}{}", key.display(), after_colon(said))]
    Signing {
        /// The key's file.
        key: PathBuf,
        /// The system's word, if the program could not be run.
        #[source]
        source: Option<io::Error>,
        /// What the program said.
        said: String,
    },
    /// A file or folder of the operator's own could not be written.
    #[error(transparent)]
    Disk(#[from] fsx::Error),
    /// Chart repositories could not be mirrored.
    #[error(transparent)]
    Charts(#[from] crate::chartrepo::Error),
    /// The work ended without a result, which is a mistake of the program.
    #[error("the program made a mistake and stopped; please report it with the lines above")]
    Crashed,
    /// The run was interrupted by the user or the system.
    #[error("interrupted; what was done is kept, and the same command goes on from here")]
    Interrupted,
}

impl Error {
    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. }
            | Self::Read { .. }
            | Self::Config(_)
            | Self::Credentials(_)
            | Self::NodeConfig(_)
            | Self::Mirrors(_)
            | Self::Policy { .. }
            | Self::Http(http::Error::Proxy { .. }) => Kind::Usage,
            Self::Transfer(transfer::Error::BadLock { .. } | transfer::Error::UnknownLock { .. }) => {
                Kind::Usage
            }
            Self::Charts(error) if error.is_of_configuration() => Kind::Usage,
            Self::Bundle(bundle::Error::NotKept { .. }) => Kind::NotVerified,
            Self::Trust(error) if error.is_refusal() => Kind::NotVerified,
            Self::Trust(error) if error.is_configuration() => Kind::Usage,
            Self::Interrupted => Kind::Interrupted,
            Self::Runtime { .. }
            | Self::Result { .. }
            | Self::Http(_)
            | Self::Crashed
            | Self::Serve(_)
            | Self::Preflight(_)
            | Self::Bundle(_)
            | Self::Trust(_)
            | Self::Unlisted { .. }
            | Self::Signing { .. }
            | Self::Disk(_)
            | Self::Charts(_)
            | Self::Helm(_)
            | Self::Transfer(_) => Kind::Failed,
        }
    }

    /// What the operator may do about it, one line each.
    pub fn hints(&self) -> Vec<String> {
        let fault = match self {
            Self::Bundle(error) => error.fault(),
            Self::Trust(error) => return trust_hints(error),
            Self::Unlisted { .. } => {
                return vec!["remove them from the drive, then sign again".to_owned()];
            }
            Self::Signing { source: Some(_), .. } => {
                return vec!["ssh-keygen belongs to OpenSSH: install openssh-client 8.2 or newer".to_owned()];
            }
            Self::Transfer(error) => error.fault(),
            Self::Charts(crate::chartrepo::Error::Disk(error)) | Self::Disk(error) => error.fault(),
            _ => None,
        };
        if let Self::Preflight(error) = self {
            return error.advice();
        }
        let advice = match self {
            Self::Transfer(transfer::Error::NoRoom { .. }) => {
                "nothing was copied yet: take a larger drive, or split the set over several with --volume-size".to_owned()
            }
            Self::Transfer(transfer::Error::TooLargeForVolume { .. }) => {
                "nothing was copied yet: name a larger --volume-size, or carry fewer platforms with --platform".to_owned()
            }
            Self::Transfer(transfer::Error::TooFewFiles { .. }) => {
                "nothing was copied yet: the file system has run out of inodes; remove files or format the drive anew".to_owned()
            }
            Self::Transfer(transfer::Error::TooManyBlobs { .. }) => {
                "nothing was copied yet: format the drive as exFAT (`mkfs.exfat`) or ext4".to_owned()
            }
            Self::Transfer(transfer::Error::ReadOnly { .. }) => {
                fsx::Fault::ReadOnly.advice().unwrap_or_default().to_owned()
            }
            Self::Transfer(transfer::Error::BadLock { .. }) => {
                "restore the file, or remove it: the next run resolves everything anew and writes it again".to_owned()
            }
            Self::Bundle(bundle::Error::CannotPrune { .. }) => {
                "run the export again, which fetches what is broken, and then prune".to_owned()
            }
            Self::Config(error) if error.is_absent() => {
                "`carrack init` writes one from what there is: charts, lists, pods, other tools' files".to_owned()
            }
            Self::Bundle(bundle::Error::NotKept { .. }) => {
                "the drive fails, or has less room than it says: do not trust it; run the same command with another drive"
                    .to_owned()
            }
            Self::Bundle(bundle::Error::NotABundle { .. }) => {
                "a bundle is the folder that `carrack export --to FOLDER` made; on a drive it may lie one level deeper"
                    .to_owned()
            }
            Self::Bundle(bundle::Error::Disk(fsx::Error::Locked { .. })) => {
                "wait for the other run to end; its lock goes with its process".to_owned()
            }
            _ => match fault.and_then(fsx::Fault::advice) {
                Some(advice) => advice.to_owned(),
                None => return Vec::new(),
            },
        };
        vec![advice]
    }
}

impl From<transfer::Error> for Error {
    fn from(error: transfer::Error) -> Self {
        match error {
            transfer::Error::Cancelled => Self::Interrupted,
            transfer::Error::Bundle(error) => Self::Bundle(error),
            error => Self::Transfer(error),
        }
    }
}

fn and_more(more: usize) -> String {
    if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    }
}

fn after_colon(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

fn trust_hints(error: &crate::trust::Error) -> Vec<String> {
    use crate::trust::Error as Trust;
    let advice = match error {
        Trust::NotVouchedFor { .. } | Trust::NoInventory => {
            "nothing was taken from it: ask those who exported it to run `carrack sign`, and see that their keys are in the file of signers"
        }
        Trust::BadSignature { .. } => {
            "nothing was taken from it: the drive was changed after it was signed, or is damaged; have it exported and signed again"
        }
        Trust::Replayed { .. } => {
            "nothing was taken from it: ask for the newest drive; if going back is what you want, remove this bundle's entry from accepted.json in the folder of --state"
        }
        Trust::BadState { .. } => {
            "restore the file from a backup; removing it forgets which bundles were accepted, so that older ones pass again"
        }
        _ => return Vec::new(),
    };
    vec![advice.to_owned()]
}

/// A number of things for people: `1 blob`, `2 blobs`.
pub(crate) fn count(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}
