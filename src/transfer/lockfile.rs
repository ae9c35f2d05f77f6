//! `carrack.lock`: what was resolved, so that the next run carries the same bytes and asks nobody which they are.
//!
//! One line a reference, sorted and without any time of day: equal resolutions give equal files, and a difference
//! between two of them is read with `diff`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::chartrepo::Choices;
use crate::digest::Digest;
use crate::fsx::{self, Folder};
use crate::reference::{Reference, Repository, Tag};

use super::{Error, TagSelection};

/// Larger lock files are refused: this is room for a hundred thousand references.
const CAP: u64 = 64 << 20;

/// The version of the format that this program writes and reads.
const VERSION: u64 = 1;

/// What references and selections of tags came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lockfile {
    format_version: u64,
    #[serde(default)]
    references: BTreeMap<Reference, Digest>,
    /// The tags that each filter chose, by repository.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    selections: BTreeMap<Repository, BTreeMap<String, Vec<Tag>>>,
    /// The charts that each selection came to, by source.
    #[serde(default, skip_serializing_if = "Choices::is_empty")]
    charts: Choices,
}

/// How one lock differs from the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The references.
    #[serde(flatten)]
    pub references: Changes,
    /// The charts of repositories.
    #[serde(skip_serializing_if = "Changes::are_none")]
    pub charts: Changes,
}

/// How many of a kind are not as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Those that are new.
    pub added: usize,
    /// Those that have other bytes.
    pub changed: usize,
    /// Those that nobody asks for any more.
    pub removed: usize,
}

impl Changes {
    /// Whether nothing is different.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// What is different between two lists.
    fn between<'a, K: Ord>(
        before: impl Iterator<Item = (K, &'a Digest)>,
        after: impl Iterator<Item = (K, &'a Digest)>,
    ) -> Self {
        let mut left: BTreeMap<K, &Digest> = before.collect();
        let mut changes = Self::default();
        for (key, digest) in after {
            match left.remove(&key) {
                None => changes.added += 1,
                Some(old) if old != digest => changes.changed += 1,
                Some(_) => {}
            }
        }
        changes.removed = left.len();
        changes
    }
}

impl Default for Lockfile {
    fn default() -> Self {
        Self {
            format_version: VERSION,
            references: BTreeMap::new(),
            selections: BTreeMap::new(),
            charts: Choices::default(),
        }
    }
}

impl Lockfile {
    /// Reads the file; one that is not there pins nothing.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.is_absent() => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let lock: Self = serde_json::from_slice(&bytes).map_err(|source| Error::BadLock {
            path: path.to_path_buf(),
            source,
        })?;
        if lock.format_version == VERSION {
            Ok(lock)
        } else {
            Err(Error::UnknownLock {
                path: path.to_path_buf(),
                found: lock.format_version,
                expected: VERSION,
            })
        }
    }

    /// Writes the file whole.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a lock of strings is JSON");
        bytes.push(b'\n');
        Ok(fsx::write(path, &bytes)?)
    }

    /// The digest that a reference is pinned to.
    pub fn pinned(&self, reference: &Reference) -> Option<Digest> {
        self.references.get(reference).copied()
    }

    /// Pins a reference.
    pub fn pin(&mut self, reference: Reference, digest: Digest) {
        self.references.insert(reference, digest);
    }

    /// The tags that a selection came to.
    pub fn chosen(&self, selection: &TagSelection) -> Option<&[Tag]> {
        let filters = self.selections.get(&selection.repository)?;
        Some(filters.get(&selection.filter.to_string())?)
    }

    /// Keeps the tags that a selection came to.
    pub fn choose(&mut self, selection: &TagSelection, tags: Vec<Tag>) {
        let filters = self.selections.entry(selection.repository.clone()).or_default();
        filters.insert(selection.filter.to_string(), tags);
    }

    /// What selections of charts came to.
    pub fn charts(&self) -> &Choices {
        &self.charts
    }

    /// Keeps what selections of charts came to.
    pub fn choose_charts(&mut self, charts: Choices) {
        self.charts = charts;
    }

    /// Keeps what `before` says of everything that this one says nothing of.
    pub fn keep(&mut self, before: &Self) {
        for (reference, digest) in &before.references {
            self.references.entry(reference.clone()).or_insert(*digest);
        }
        for (repository, filters) in &before.selections {
            let kept = self.selections.entry(repository.clone()).or_default();
            for (filter, tags) in filters {
                kept.entry(filter.clone()).or_insert_with(|| tags.clone());
            }
        }
        self.charts.keep(&before.charts);
    }

    /// How it differs from `before`.
    pub fn since(&self, before: &Self) -> Difference {
        Difference {
            references: Changes::between(before.references.iter(), self.references.iter()),
            charts: Changes::between(before.charts.iter(), self.charts.iter()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, fsx::Error> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Folder::open(parent)?,
        _ => Folder::open(Path::new("."))?,
    };
    folder.read(name, CAP)
}

#[cfg(test)]
mod tests {
    use super::super::TagFilter;
    use super::*;

    fn lock(rows: &[(&str, &[u8])]) -> Lockfile {
        let mut lock = Lockfile::default();
        for (reference, content) in rows {
            lock.pin(reference.parse().unwrap(), Digest::sha256(content));
        }
        lock
    }

    #[test]
    fn what_is_written_is_read_back_and_equal_locks_are_equal_bytes() {
        let place = tempfile::tempdir().unwrap();
        let (one, other) = (place.path().join("a.lock"), place.path().join("b.lock"));
        let mut first = lock(&[("nginx:1", b"a"), ("quay.io/a/b:2", b"b")]);
        let selection = TagSelection {
            repository: "quay.io/a/b".parse().unwrap(),
            filter: TagFilter::default().matching("^2").unwrap(),
            source: "command line".to_owned(),
        };
        first.choose(&selection, vec!["2".parse().unwrap()]);
        let mut second = lock(&[("quay.io/a/b:2", b"b"), ("nginx:1", b"a")]);
        second.choose(&selection, vec!["2".parse().unwrap()]);
        first.write(&one).unwrap();
        second.write(&other).unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
        let read = Lockfile::load(&one).unwrap();
        assert_eq!(read, first);
        assert_eq!(read.chosen(&selection).unwrap().len(), 1);
    }

    #[test]
    fn a_lock_that_is_not_there_pins_nothing_and_a_broken_one_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(
            Lockfile::load(&place.path().join("none.lock")).unwrap(),
            Lockfile::default()
        );
        for text in [
            "",
            "{}",
            "{\"formatVersion\":1,\"references\":{\"a b\":\"x\"}}",
            "[]",
        ] {
            let path = place.path().join("broken.lock");
            fsx::write(&path, text.as_bytes()).unwrap();
            assert!(
                matches!(Lockfile::load(&path), Err(Error::BadLock { .. })),
                "{text}"
            );
        }
        let path = place.path().join("new.lock");
        fsx::write(&path, b"{\"formatVersion\":2}").unwrap();
        assert!(matches!(Lockfile::load(&path), Err(Error::UnknownLock { .. })));
    }

    #[test]
    fn a_difference_counts_what_came_what_moved_and_what_went() {
        let before = lock(&[("a:1", b"a"), ("b:1", b"b"), ("c:1", b"c")]);
        let after = lock(&[("b:1", b"b"), ("c:1", b"other"), ("d:1", b"d"), ("e:1", b"e")]);
        let references = Changes {
            added: 2,
            changed: 1,
            removed: 1,
        };
        let charts = Changes::default();
        assert_eq!(after.since(&before), Difference { references, charts });
    }
}
