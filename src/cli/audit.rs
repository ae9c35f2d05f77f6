//! `--audit-log`: one line of JSON for each run, each holding the hash of the line before it.
//!
//! The file is opened before the work begins, so that no run goes unrecorded for want of permission.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::failure::{Exit, Failure};
use crate::bundle;
use crate::commands;
use crate::digest::Digest;
use crate::fsx::Log;
use crate::observe::{Clock, Event, Identity, Observer, Outcome};

/// A run on its way into the log.
#[derive(Debug)]
pub struct Audit {
    log: Mutex<Log>,
    tally: Arc<Tally>,
}

/// What a run did, as its events told.
#[derive(Debug, Default)]
struct Tally {
    done: AtomicU64,
    present: AtomicU64,
    failed: AtomicU64,
    bundle: Mutex<Option<Identity>>,
}

/// One line. The fields stand in the order of their names.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<Identity>,
    command: &'a str,
    done: u64,
    exit: u8,
    failed: u64,
    host: Option<&'a str>,
    present: u64,
    /// The SHA-256 of the line before, without its line end; of nothing for the first.
    previous: String,
    time: String,
    tool: &'static str,
    user: u32,
}

/// Both listen to the same events.
#[derive(Debug)]
struct Both {
    shown: Arc<dyn Observer>,
    tally: Arc<Tally>,
}

impl Observer for Both {
    fn on(&self, event: &Event) {
        self.shown.on(event);
        let counter = match event {
            Event::ItemFinished { outcome, .. } => match outcome {
                Outcome::Done => &self.tally.done,
                Outcome::Present => &self.tally.present,
                Outcome::Failed(_) => &self.tally.failed,
            },
            Event::Identified(identity) => {
                let mut bundle = self.tally.bundle.lock().unwrap_or_else(PoisonError::into_inner);
                *bundle = Some(identity.clone());
                return;
            }
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Audit {
    /// Opens the log.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let log = Log::open(path).map_err(|error| commands::Error::from(bundle::Error::from(error)))?;
        Ok(Self {
            log: Mutex::new(log),
            tally: Arc::default(),
        })
    }

    /// An observer that shows what `shown` shows and remembers what the log will say.
    pub fn observing(&self, shown: Arc<dyn Observer>) -> Arc<dyn Observer> {
        Arc::new(Both {
            shown,
            tally: Arc::clone(&self.tally),
        })
    }

    /// Writes the line of a run that has ended.
    pub fn record(
        &self,
        command: &str,
        exit: Exit,
        host: Option<&str>,
        clock: &dyn Clock,
    ) -> Result<(), Failure> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut line = Line {
            bundle: self
                .tally
                .bundle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
            command,
            done: count(&self.tally.done),
            exit: exit as u8,
            failed: count(&self.tally.failed),
            host,
            present: count(&self.tally.present),
            previous: String::new(),
            time: jiff::Timestamp::try_from(clock.now())
                .map(|time| time.round(jiff::Unit::Second).unwrap_or(time).to_string())
                .unwrap_or_default(),
            tool: concat!("carrack ", env!("CARGO_PKG_VERSION")),
            user: rustix::process::getuid().as_raw(),
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let written = log.append(|last| {
            line.previous = Digest::sha256(last).to_string();
            serde_json::to_vec(&line).expect("names and numbers are JSON")
        });
        Ok(written.map_err(|error| commands::Error::from(bundle::Error::from(error)))?)
    }
}
