//! The lists of versions in an index, as they come out of the text.

use std::collections::HashMap;

use super::{PROBLEMS, Problem, pieces, problem};
use crate::chartrepo::entry::{Entry, as_text};
use crate::goyaml::{self, Listed, Value};

/// Where an index has its lists.
pub(super) const KEY: &str = "entries";

/// The versions of each chart as they come out of the text.
#[derive(Debug, PartialEq)]
pub(super) struct Lists {
    pub(super) by_name: HashMap<String, List>,
    pub(super) count: usize,
    /// How often the mapping of lists has begun.
    pub(super) begun: usize,
    limit: usize,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
    pub(super) problems: Vec<Problem>,
    pub(super) untold: usize,
    length: usize,
}

impl Lists {
    pub(super) fn within(limit: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            count: 0,
            begun: 0,
            limit,
        }
    }

    /// Reads an index: its lists, and the document without them. No document where anchors tie the lists together: the lists
    /// do not count then.
    pub(super) fn read(bytes: &[u8], limit: usize) -> Result<(Option<Value>, Self), goyaml::Error> {
        if let Some((document, lists)) = pieces::read(bytes, limit) {
            return Ok((Some(document), lists));
        }
        Self::read_whole(bytes, limit)
    }

    /// The same on this thread alone.
    pub(super) fn read_whole(bytes: &[u8], limit: usize) -> Result<(Option<Value>, Self), goyaml::Error> {
        let mut lists = Self::within(limit);
        let document = goyaml::parse_listed(bytes, KEY, &mut |listed| lists.take(listed))?;
        Ok((document, lists))
    }

    /// Takes the lists of another piece of the same index.
    pub(super) fn join(&mut self, other: Self) {
        self.by_name.extend(other.by_name);
        self.count += other.count;
    }

    pub(super) fn take(&mut self, listed: Listed<'_>) {
        match listed {
            Listed::AllBegin => {
                self.begun += 1;
                self.by_name.clear();
            }
            Listed::Begins(name) => {
                self.by_name.insert(name.to_owned(), List::default());
            }
            Listed::Element(name, entry) => {
                self.count += 1;
                if self.count > self.limit {
                    return;
                }
                if let Some(list) = self.by_name.get_mut(name) {
                    list.read(name, list.length, entry);
                }
            }
        }
    }
}

impl List {
    pub(super) fn read(&mut self, name: &str, number: usize, entry: Value) {
        self.length += 1;
        let Value::Map(fields) = entry else {
            let reason = format!("version {} in its list is no mapping", number + 1);
            return self.note(name, None, reason);
        };
        let label = fields.get("version").and_then(as_text);
        let mut notes = Vec::new();
        match Entry::read(fields, &mut notes) {
            Ok(entry) => self.entries.push(entry),
            Err(reason) => notes.push(reason),
        }
        for reason in notes {
            self.note(name, label.as_deref(), reason);
        }
    }

    fn note(&mut self, name: &str, version: Option<&str>, reason: String) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(problem(name, version, reason));
        } else {
            self.untold += 1;
        }
    }
}
