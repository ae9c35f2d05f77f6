//! What work tells while it runs, and the clock it runs by.
//!
//! Work sends typed [`Event`]s to one [`Observer`]; bars, lines, JSON and the tests' recorder are four observers of the
//! same events. Nothing below `cli` prints.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::digest::Digest;
use crate::secret::printable;

/// How an item ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was moved, made or checked in this run.
    Done,
    /// It was there already.
    Present,
    /// It failed; the text is the whole chain of causes.
    Failed(String),
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A phase of the run began, such as `resolving` or `copying`.
    Phase {
        /// Its name, one or two words for people.
        name: String,
    },
    /// The plan is known.
    Planned {
        /// References, charts or files that the run is about.
        items: u64,
        /// Distinct blobs that must move.
        blobs: u64,
        /// Bytes that must move.
        bytes: u64,
    },
    /// Work on an item began.
    ItemStarted {
        /// What it is: a canonical reference, a chart's name and version, a file.
        subject: String,
    },
    /// Work on an item ended.
    ItemFinished {
        /// The same text as in `ItemStarted`.
        subject: String,
        /// How it ended.
        outcome: Outcome,
    },
    /// A blob began to move.
    BlobStarted {
        /// Its digest.
        digest: Digest,
        /// Its size in bytes, as its descriptor says.
        size: u64,
    },
    /// More bytes of a blob arrived.
    BlobAdvanced {
        /// Its digest.
        digest: Digest,
        /// Bytes since the last such event.
        bytes: u64,
    },
    /// Bytes of a blob must be moved again: a try failed.
    BlobTakenBack {
        /// Its digest.
        digest: Digest,
        /// How many bytes the counters lose.
        bytes: u64,
    },
    /// A blob is whole and has its name.
    BlobFinished {
        /// Its digest.
        digest: Digest,
    },
    /// The run pauses on purpose.
    Waiting {
        /// The host that asked for it or failed.
        host: String,
        /// For how long, in milliseconds.
        #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
        pause: Duration,
        /// Why, in one line.
        reason: String,
    },
    /// A server is ready.
    Listening {
        /// Its address as a URL.
        url: String,
        /// What it offers, one line.
        offer: String,
    },
    /// A server answered a request: one row of the access log.
    Answered {
        /// The client's address.
        client: String,
        /// `GET` or `HEAD`, or what else the client tried.
        method: String,
        /// What was asked for, control characters escaped.
        target: String,
        /// The HTTP status.
        status: u16,
        /// Bytes of the body that went out.
        bytes: u64,
        /// From the request's head to the last byte.
        #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
        duration: Duration,
    },
    /// The run is over: what is printed now is its result.
    Ended,
    /// The bundle that the run is about was opened, or written.
    Identified(Identity),
    /// A host does not do what is asked, and the operator can do something about it. What failed is told besides.
    Trouble {
        /// The host.
        host: String,
        /// What is in the way.
        #[serde(rename = "trouble")]
        kind: Trouble,
    },
    /// Something that the operator should know and that is no failure.
    Warning {
        /// One line.
        text: String,
    },
}

/// What is in the way at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Trouble {
    /// It does not let us in.
    NotLetIn,
    /// Nobody whom we trust signed its certificate.
    UnknownAuthority,
    /// Its certificate is an authority's own.
    AuthorityAsServer,
    /// It does not speak TLS.
    NoTls,
    /// Its name has no address.
    UnknownName,
    /// It was asked too often.
    TooMany,
}

impl Trouble {
    /// What may be done about it.
    pub fn advice(self, host: &str) -> String {
        let host = printable(host, 200);
        match self {
            Self::NotLetIn => format!(
                "sign in to {host} with `podman login {host}` or `docker login {host}`, or name a file with --authfile; some registries answer so for what they do not have"
            ),
            Self::UnknownAuthority => format!(
                "if the authority behind {host} is to be trusted, name it with --ca-file FILE, or in `ca-files` of carrack.yaml"
            ),
            Self::AuthorityAsServer => format!(
                "{host} shows an authority's own certificate (CA:TRUE): let the authority sign one for {host}, and name the authority with --ca-file"
            ),
            Self::NoTls => {
                format!("if {host} is to be spoken to without TLS, say `--plain-http {host}`")
            }
            Self::UnknownName => format!(
                "look at the spelling of {host}; behind a proxy HTTPS_PROXY must be set, and --pull-through names a cache"
            ),
            Self::TooMany => format!(
                "sign in to {host}, which may allow more, or ask less often with --requests-per-second"
            ),
        }
    }
}

/// Which bundle a run is about, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The bundle's name.
    pub bundle_id: String,
    /// The digest of its inventory.
    pub inventory: Digest,
    /// How many runs have finished on it.
    pub sequence: u64,
    /// Whose signatures count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
}

fn milliseconds<S: serde::Serializer>(pause: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(pause.as_millis())
}

/// Someone who is told of each [`Event`].
pub trait Observer: Send + Sync + fmt::Debug {
    /// Takes one event. Called from many threads; must return at once.
    fn on(&self, event: &Event);
}

/// An observer that listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _event: &Event) {}
}

/// An observer that keeps every event, for tests and reports.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
}

impl Recorder {
    /// All events so far, in the order of their arrival.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Recorder {
    fn on(&self, event: &Event) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}

/// Where the time of day comes from. Only records and expiry checks ask it; no decision about content does.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day.
    fn now(&self) -> SystemTime;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door through which the clock comes in"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// What this thread has used of the processor: a measure of work that a busy machine does not change.
pub fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// A clock that stands still, for reproducible output.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub SystemTime);

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// A number of bytes for people: `1.2 GB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale = 1000_u64;
    while unit + 1 < UNITS.len() && bytes / scale >= 1000 {
        scale *= 1000;
        unit += 1;
    }
    let tenths = bytes / (scale / 10);
    let name = UNITS.get(unit).copied().unwrap_or_default();
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_serialise_with_their_kind() {
        let event = Event::Waiting {
            host: "registry-1.docker.io".into(),
            pause: Duration::from_secs(2),
            reason: "429 Too Many Requests".into(),
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"event":"waiting","host":"registry-1.docker.io","milliseconds":2000,"reason":"429 Too Many Requests"}"#
        );
    }

    #[test]
    fn a_recorder_keeps_the_order() {
        let recorder = Recorder::default();
        recorder.on(&Event::Phase { name: "one".into() });
        recorder.on(&Event::Phase { name: "two".into() });
        assert_eq!(recorder.events().len(), 2);
        assert_eq!(recorder.events()[1], Event::Phase { name: "two".into() });
    }
}
