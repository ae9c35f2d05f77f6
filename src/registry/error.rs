//! What went wrong, where, and whether another try may help.

use std::fmt;
use std::time::Duration;

use super::TagOrDigest;
use crate::digest::Digest;
use crate::http::{self, Patience, StatusCode, Temporary};
use crate::observe::Trouble;
use crate::{credentials, oci};

/// What a registry was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Whether it is a registry and lets us in.
    Ping,
    /// An access token.
    Token,
    /// A manifest.
    Manifest(TagOrDigest),
    /// A blob.
    Blob(Digest),
    /// To begin an upload.
    Push,
    /// Harbor's projects.
    Projects,
    /// To take a blob.
    PushBlob(Digest),
    /// To take a manifest.
    PushManifest(TagOrDigest),
    /// The list of tags.
    Tags,
    /// What refers to a manifest.
    Referrers(Digest),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping => f.write_str("the registry"),
            Self::Token => f.write_str("an access token"),
            Self::Manifest(wanted) => write!(f, "manifest {wanted}"),
            Self::Blob(digest) => write!(f, "blob {digest}"),
            Self::Push => f.write_str("an upload"),
            Self::Projects => f.write_str("the projects"),
            Self::PushBlob(digest) => write!(f, "upload of blob {digest}"),
            Self::PushManifest(wanted) => write!(f, "upload of manifest {wanted}"),
            Self::Tags => f.write_str("the list of tags"),
            Self::Referrers(digest) => write!(f, "the referrers of {digest}"),
        }
    }
}

/// A question to a registry, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The registry's host as references write it.
    pub host: String,
    /// The repository's path; empty for questions to the registry as a whole.
    pub repository: String,
    /// What was asked.
    pub what: What,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.repository.is_empty() {
            write!(f, "{} at {}", self.what, self.host)
        } else {
            write!(f, "{} in {}/{}", self.what, self.host, self.repository)
        }
    }
}

/// A question that has no good answer.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    asked: Asked,
    kind: Kind,
    tries: u32,
    elapsed: Duration,
    /// The client has done all that its policy allows.
    given_up: bool,
}

/// What is wrong with the answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// There is no answer, or it broke off.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// We do not know who we are.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// The registry says no.
    #[error("{}", Refusal { status: *status, code: code.as_deref(), message })]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The registry's own error code, such as `MANIFEST_UNKNOWN`.
        code: Option<String>,
        /// The registry's message, printable and capped; empty if there is none.
        message: String,
        /// How long the registry asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The document is no manifest that can be mirrored.
    #[error(transparent)]
    Manifest(#[from] oci::Error),
    /// The bytes are not the ones that the digest names.
    #[error("the bytes have the digest {found}, not {expected}")]
    DigestMismatch {
        /// The digest that was asked for, or that the registry's header gives.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The registry says another size than the descriptor.
    #[error("the registry sends {found} bytes, the descriptor says {expected}")]
    SizeMismatch {
        /// From the descriptor, in bytes.
        expected: u64,
        /// From the answer, in bytes.
        found: u64,
    },
    /// The answer is compressed on the way although that was not asked for, so its bytes are not the blob's.
    #[error("the answer is encoded as `{encoding}`, which was not asked for")]
    Encoded {
        /// The `Content-Encoding`, printable and capped.
        encoding: String,
    },
    /// An answer lacks what the protocol asks for.
    #[error("the answer is not one of a registry: {problem}")]
    Protocol {
        /// What is missing or wrong.
        problem: &'static str,
    },
    /// A `Location` or `Link` leads where it must not.
    #[error("the registry sends on to {target}, {problem}")]
    BadLink {
        /// The target, redacted, printable and capped.
        target: String,
        /// Why it is not followed.
        problem: &'static str,
    },
    /// The token server that the registry names cannot be used.
    #[error("the registry names {realm} as its token server, {problem}")]
    BadRealm {
        /// The realm, redacted, printable and capped.
        realm: String,
        /// Why it is not used.
        problem: &'static str,
    },
    /// The registry forgot an upload while it ran.
    #[error("the registry lost the upload session")]
    SessionLost,
    /// The registry confirmed an upload and does not have it.
    #[error("the registry confirmed the upload, but does not show the blob afterwards")]
    NotStored,
    /// A manifest has more referrers than are read.
    #[error("it has more than {cap} referrers")]
    TooManyReferrers {
        /// How many are read.
        cap: usize,
    },
    /// A list has no end.
    #[error("the list has no end: page {page} leads back to one that was read, or there are too many")]
    Endless {
        /// The page that was read last, from 1.
        page: usize,
    },
}

struct Refusal<'a> {
    status: StatusCode,
    code: Option<&'a str>,
    message: &'a str,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match (self.code, self.message) {
            (None, "") => Ok(()),
            (None, message) => write!(f, " ({message})"),
            (Some(code), "") => write!(f, " ({code})"),
            (Some(code), message) => write!(f, " ({code}: {message})"),
        }
    }
}

impl Error {
    pub(super) fn new(asked: &Asked, kind: impl Into<Kind>) -> Self {
        Self(Box::new(Inner {
            asked: asked.clone(),
            kind: kind.into(),
            tries: 1,
            elapsed: Duration::ZERO,
            given_up: false,
        }))
    }

    pub(super) fn after(mut self, tries: u32, elapsed: Duration) -> Self {
        self.0.tries = tries;
        self.0.elapsed = elapsed;
        self.0.given_up = true;
        self
    }

    /// What was asked, and of whom.
    pub fn asked(&self) -> &Asked {
        &self.0.asked
    }

    /// What is wrong.
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// How often it was tried.
    pub fn tries(&self) -> u32 {
        self.0.tries
    }

    /// How long all tries and pauses took.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The status of a refusal.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.0.kind {
            Kind::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The registry's own error code, such as `MANIFEST_UNKNOWN`, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Refused { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Whether the registry itself says that it does not have this: status 404 *and* one of the codes that the
    /// specification has for it. Harbor writes `NOT_FOUND` instead.
    ///
    /// A bare 404 is not enough: it may come from a proxy or from a web server that is no registry, and to take it for
    /// an absent image would hide that. (Answers to `HEAD` have no body and are dealt with where they are asked.)
    pub fn is_absent(&self) -> bool {
        const CODES: [&str; 4] = ["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"];
        self.status() == Some(StatusCode::NOT_FOUND) && self.code().is_some_and(|code| CODES.contains(&code))
    }

    /// Whether the registry does not let us: 401 or 403, of itself or of its token server.
    pub fn is_unauthorized(&self) -> bool {
        matches!(
            self.status(),
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        )
    }

    /// What the operator can do something about.
    pub fn trouble(&self) -> Option<Trouble> {
        match &self.0.kind {
            Kind::Http(error) => error.trouble(),
            Kind::Refused { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => {
                Some(Trouble::TooMany)
            }
            _ if self.is_unauthorized() => Some(Trouble::NotLetIn),
            _ => None,
        }
    }

    /// Whether the content was not what its digest, size or type promised.
    pub fn is_wrong_content(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::DigestMismatch { .. }
                | Kind::SizeMismatch { .. }
                | Kind::Manifest(_)
                | Kind::Encoded { .. }
        )
    }

    /// Whether the caller should ask again. A question that the client has repeated itself until its policy gave up is
    /// not worth another round: what is left are bodies that break in their middle, which go on at an offset.
    pub fn is_transient(&self) -> bool {
        Temporary::is_transient(self)
    }

    /// How long the registry asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        Temporary::retry_after(self)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.asked, self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.kind.source()
    }
}

impl Temporary for Error {
    fn is_transient(&self) -> bool {
        !self.0.given_up && self.0.kind.is_temporary()
    }

    fn retry_after(&self) -> Option<Duration> {
        match &self.0.kind {
            Kind::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn patience(&self) -> Patience {
        match &self.0.kind {
            Kind::Http(error) => error.patience(),
            // A cache on the way may have been poisoned once; twice is the registry's own doing.
            Kind::DigestMismatch { .. }
            | Kind::SizeMismatch { .. }
            | Kind::Encoded { .. }
            | Kind::NotStored => Patience::Once,
            _ => Patience::Full,
        }
    }
}

impl Kind {
    /// The one table of what may pass by itself.
    fn is_temporary(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            // 425 is what a few gateways say while a backend starts; the others are the usual list.
            Self::Refused { status, .. } => {
                matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::Encoded { .. }
            | Self::SessionLost
            | Self::NotStored => true,
            _ => false,
        }
    }
}
