//! A repository's `index.yaml`: which charts there are, and where their archives lie.
//!
//! An index of tens of megabytes is read entry by entry and kept as text, never as a tree.

mod lists;
mod pieces;

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};

use super::Error;
use super::entry::{Entry, is_chart_name};
use crate::goyaml::{self, Listed, Map, Value};
use crate::secret::printable;
use lists::{List, Lists};

/// Larger indexes are refused; the largest one known has 20 MiB.
pub const INDEX_CAP: u64 = 256 << 20;

/// Indexes of more entries are refused; the largest one known has some 30,000.
const ENTRIES: usize = 500_000;

/// Longer keys are written in another form by go-yaml, with a question mark before them.
const SHORT_KEY: usize = 120;

/// So few entries are not worth a thread of their own.
const FEW: usize = 64;

/// So many problems of one index are told in full; of the others the number.
const PROBLEMS: usize = 1_000;

/// An entry that cannot be used as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which entry: the chart's name and the version's text, shortened.
    pub entry: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry, self.reason)
    }
}

/// A repository's charts, each with its versions, the highest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    charts: BTreeMap<String, Vec<Entry>>,
    problems: Vec<Problem>,
    untold: usize,
}

impl Index {
    /// Reads an index. Entries that cannot be used are problems; only a document that is no index is an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse_within(bytes, ENTRIES)
    }

    fn parse_within(bytes: &[u8], limit: usize) -> Result<Self, Error> {
        if let Some(error) = what_else_it_is(bytes) {
            return Err(error);
        }
        let bad = |source| Error::BadIndex { source };
        let (document, mut lists) = Lists::read(bytes, limit).map_err(bad)?;
        let mut document = if let Some(document) = document {
            charts_of(document)?
        } else {
            // Anchors tie the lists together: rare, and read as a tree.
            lists = Lists::within(limit);
            charts_of(goyaml::parse(bytes).map_err(bad)?)?
        };
        for (name, versions) in &mut document {
            if let Value::Seq(versions) = versions
                && !versions.is_empty()
            {
                lists.take(Listed::Begins(name));
                for version in std::mem::take(versions) {
                    lists.take(Listed::Element(name, version));
                }
            }
        }
        if lists.count > limit {
            return Err(Error::IndexTooLong { limit });
        }
        let mut index = Self::default();
        for (name, versions) in document {
            match versions {
                // Nobody could ask for it, and no index could hold it again.
                Value::Seq(_) if !is_chart_name(&name) => {
                    let reason = format!("`{}` is no chart name", printable(&name, 80));
                    index.problem(problem(&name, None, reason));
                }
                Value::Seq(_) => {
                    let list = lists.by_name.remove(&name).unwrap_or_default();
                    index.add_list(&name, list);
                }
                Value::Null => {}
                _ => index.problem(problem(&name, None, "its versions are no list".to_owned())),
            }
        }
        if index.untold > 0 {
            let reason = format!("{} more problems", index.untold);
            index.problems.push(problem("and", None, reason));
        }
        Ok(index)
    }

    /// An index of one chart, out of entries that did not come from a file.
    pub(super) fn of_entries(name: &str, entries: Vec<Value>) -> Self {
        let mut list = List::default();
        for (number, entry) in entries.into_iter().enumerate() {
            list.read(name, number, entry);
        }
        let mut index = Self::default();
        index.add_list(name, list);
        index
    }

    fn add_list(&mut self, name: &str, list: List) {
        for problem in list.problems {
            self.problem(problem);
        }
        self.untold += list.untold;
        let mut entries = list.entries;
        // The first of equal versions is the one that Helm takes.
        entries.sort_by(|a, b| b.version().cmp(a.version()));
        let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut known: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        for entry in entries {
            let file = entry.file_name();
            let first = known.get(&file).and_then(|at| kept.get(*at));
            match first {
                None => {
                    known.insert(file, kept.len());
                    kept.push(entry);
                }
                Some(first) if first.digest() == entry.digest() && first.urls() == entry.urls() => {}
                Some(_) => self.problem(problem(
                    name,
                    Some(entry.version().original()),
                    "listed more than once with different archives; the first one counts".into(),
                )),
            }
        }
        if !kept.is_empty() {
            self.charts.insert(name.to_owned(), kept);
        }
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(problem);
        } else {
            self.untold += 1;
        }
    }

    /// The charts by name.
    pub fn charts(&self) -> &BTreeMap<String, Vec<Entry>> {
        &self.charts
    }

    /// What could not be used as it is.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.charts.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.charts.is_empty()
    }

    /// Whether this entry is in it, with the same URL, digest and fields.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        let versions = self.charts.get(entry.name());
        versions.is_some_and(|versions| versions.contains(entry))
    }

    /// Puts an entry in; one of the same name and version goes.
    pub fn insert(&mut self, entry: Entry) {
        let versions = self.charts.entry(entry.name().to_owned()).or_default();
        versions.retain(|other| other.version().original() != entry.version().original());
        let at = versions.partition_point(|other| {
            let build = || other.version().original().cmp(entry.version().original());
            entry.version().cmp(other.version()).then_with(build).is_lt()
        });
        versions.insert(at, entry);
    }

    /// Takes out the entries that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        for versions in self.charts.values_mut() {
            versions.retain(&keep);
        }
        self.charts.retain(|_, versions| !versions.is_empty());
    }

    /// The text of `index.yaml`: the same for the same entries, whatever the day.
    pub fn to_yaml(&self) -> Result<String, Error> {
        let mut text = String::from("apiVersion: v1\nentries:");
        text.push_str(if self.charts.is_empty() { " {}\n" } else { "\n" });
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for charts in self.texts(threads) {
            text.push_str(&charts?);
        }
        Ok(text)
    }

    /// The texts of all charts, one after the other; each thread writes some of them.
    fn texts(&self, threads: usize) -> Vec<Result<String, Error>> {
        let share = self.len().div_ceil(threads.max(1)).max(FEW);
        let mut shares: Vec<Vec<_>> = vec![Vec::new()];
        let mut count = 0;
        for chart in &self.charts {
            if count >= share {
                shares.push(Vec::new());
                count = 0;
            }
            count += chart.1.len();
            if let Some(last) = shares.last_mut() {
                last.push(chart);
            }
        }
        std::thread::scope(|scope| {
            let others = shares.split_off(1);
            let others: Vec<_> = others
                .into_iter()
                .map(|share| scope.spawn(|| text_of(share)))
                .collect();
            let first = text_of(shares.into_iter().flatten());
            let others = others.into_iter().map(|thread| match thread.join() {
                Ok(text) => text,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(first).chain(others).collect()
        })
    }
}

/// Some charts as they stand in `index.yaml`.
fn text_of<'a>(charts: impl IntoIterator<Item = (&'a String, &'a Vec<Entry>)>) -> Result<String, Error> {
    let yaml = |source| Error::BadIndex { source };
    let mut text = String::new();
    for (name, versions) in charts {
        text.push_str("  ");
        if name.len() > SHORT_KEY {
            // It is a chart's name, with nothing in it that must be escaped.
            let _ = write!(text, "\"{name}\":");
        } else {
            let key = goyaml::to_yaml(&Value::Map(Map::from([(name.clone(), Value::Seq(Vec::new()))])));
            text.push_str(key.map_err(yaml)?.trim_end_matches(" []"));
        }
        text.push('\n');
        for entry in versions {
            let mut prefix = "  - ";
            for line in entry.to_yaml().map_err(yaml)?.lines() {
                if !line.is_empty() {
                    text.push_str(prefix);
                    text.push_str(line);
                }
                text.push('\n');
                prefix = "    ";
            }
        }
    }
    Ok(text)
}

fn problem(name: &str, version: Option<&str>, reason: String) -> Problem {
    let entry = version.map_or_else(|| name.to_owned(), |version| format!("{name}-{version}"));
    Problem {
        entry: printable(&entry, 160),
        reason,
    }
}

/// The lists of versions in the document of an index.
fn charts_of(document: Value) -> Result<Map, Error> {
    let no_index = |found| Err(Error::NoIndex { found });
    let Value::Map(mut document) = document else {
        return no_index("no mapping at its top");
    };
    if !matches!(document.get("apiVersion"), Some(Value::String(version)) if !version.is_empty()) {
        return no_index("no `apiVersion`");
    }
    match document.remove("entries") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Map(charts)) => Ok(charts),
        Some(_) => no_index("`entries` that are no mapping"),
    }
}

/// Servers answer with a page where they have no index.
fn what_else_it_is(bytes: &[u8]) -> Option<Error> {
    let head = bytes.trim_ascii_start();
    if head.is_empty() {
        return Some(Error::NoIndex {
            found: "nothing in it",
        });
    }
    (head.first() == Some(&b'<')).then_some(Error::NoIndex {
        found: "a web page, not YAML",
    })
}

#[cfg(test)]
mod tests;
