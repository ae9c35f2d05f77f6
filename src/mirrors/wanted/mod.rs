//! What nodes asked for and did not get: the way back from the secure side to the next trip.
//!
//! Logs of container engines and kubelets, Kubernetes events and pods as JSON, and access logs of registries are read
//! line by line. They are input from strangers: what is no image reference is passed over, lines and tables are bounded.
//! An image that was got later is not wanted any more.

mod access;
mod events;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use super::Mapping;
use crate::reference::Reference;

/// More of a line is not looked at.
const LINE_CAP: usize = 64 << 10;

/// More distinct names than this are counted and not kept.
const NAME_CAP: usize = 100_000;

/// How many askers of one image are kept.
const ASKER_CAP: usize = 3;

/// One image that was asked for in vain.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Want {
    /// How often it was asked for in vain.
    pub times: u64,
    /// Who asked: a pod, or the log that says so. The first few.
    pub by: BTreeSet<String>,
}

/// What logs say.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Wanted {
    /// The images, under the names that nodes know them by.
    pub images: BTreeMap<Reference, Want>,
    /// Names at a mirror that do not tell the host they come from, and how often they were asked for.
    pub unplaced: BTreeMap<String, u64>,
    /// Names that there was no room for.
    pub dropped: u64,
}

/// Reads logs, one after the other.
#[derive(Debug)]
pub struct Reader<'m> {
    mapping: &'m Mapping,
    texts: texts::Patterns,
    requests: access::Patterns,
    wanted: Wanted,
}

/// What one line says of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// It was not found.
    Missed(Reference),
    /// It was got.
    Got(Reference),
    /// Something was not found whose host the name does not tell.
    Unplaced(String),
}

impl<'m> Reader<'m> {
    /// A reader for logs of nodes and of a mirror that was filled by `mapping`.
    pub fn new(mapping: &'m Mapping) -> Self {
        Self {
            mapping,
            texts: texts::Patterns::new(),
            requests: access::Patterns::new(),
            wanted: Wanted::default(),
        }
    }

    /// Takes one line of a log; `log` names it for the report.
    pub fn line(&mut self, log: &str, line: &str) {
        let line = match line.char_indices().nth(LINE_CAP) {
            Some((end, _)) => line.get(..end).unwrap_or_default(),
            None => line,
        };
        if let Some(said) = self.requests.read(line, self.mapping) {
            self.take(said, log);
        } else {
            for said in self.texts.read(line) {
                self.take(said, log);
            }
        }
    }

    /// Takes a JSON document: events, pods, or a list of them. `false` if it is neither.
    pub fn document(&mut self, log: &str, document: &serde_json::Value) -> bool {
        let Some(reports) = events::read(document) else {
            return false;
        };
        for report in reports {
            let asker = report.asker.unwrap_or_else(|| log.to_owned());
            match report.image {
                Some(image) => {
                    if let Ok(reference) = image.parse() {
                        self.take(Said::Missed(reference), &asker);
                    }
                }
                None => {
                    for said in self.texts.read(&report.text) {
                        self.take(said, &asker);
                    }
                }
            }
        }
        true
    }

    fn take(&mut self, said: Said, asker: &str) {
        let full = self.wanted.images.len() + self.wanted.unplaced.len() >= NAME_CAP;
        match said {
            Said::Got(reference) => {
                self.wanted.images.remove(&reference);
            }
            Said::Missed(reference) if full && !self.wanted.images.contains_key(&reference) => {
                self.wanted.dropped += 1;
            }
            Said::Missed(reference) => {
                let want = self.wanted.images.entry(reference).or_default();
                want.times += 1;
                if want.by.len() < ASKER_CAP {
                    want.by.insert(asker.to_owned());
                }
            }
            Said::Unplaced(name) if full && !self.wanted.unplaced.contains_key(&name) => {
                self.wanted.dropped += 1;
            }
            Said::Unplaced(name) => *self.wanted.unplaced.entry(name).or_default() += 1,
        }
    }

    /// Everything that was asked for in vain.
    pub fn finish(self) -> Wanted {
        self.wanted
    }
}

impl Wanted {
    /// Whether nothing was asked for in vain.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.unplaced.is_empty() && self.dropped == 0
    }
}

#[cfg(test)]
mod tests;
