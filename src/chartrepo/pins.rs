//! What selections of charts came to in the run before, so that the next one carries the same archives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Entry, Index};
use crate::digest::Digest;

/// Charts with their versions, `redis-18.1.0`, and what their archives hash to.
type Archives = BTreeMap<String, Digest>;

/// What selections of charts came to, by the source and by the selection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Choices(BTreeMap<String, BTreeMap<String, Archives>>);

impl Choices {
    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps what `before` says of selections that this one says nothing of.
    pub fn keep(&mut self, before: &Self) {
        for (source, selections) in &before.0 {
            let kept = self.0.entry(source.clone()).or_default();
            for (selection, archives) in selections {
                let archives = || archives.clone();
                kept.entry(selection.clone()).or_insert_with(archives);
            }
        }
    }

    /// Every chart that is chosen, with its source, its selection and what its archive hashes to.
    pub fn iter(&self) -> impl Iterator<Item = ((&str, &str, &str), &Digest)> {
        self.0.iter().flat_map(|(source, selections)| {
            selections.iter().flat_map(move |(selection, archives)| {
                let named = move |(chart, digest)| ((source.as_str(), selection.as_str(), chart), digest);
                archives
                    .iter()
                    .map(|(chart, digest)| (chart.as_str(), digest))
                    .map(named)
            })
        })
    }

    fn of(&self, source: &str, selection: &str) -> Option<&Archives> {
        self.0.get(source)?.get(selection)
    }
}

/// The charts that a lock pins, and what the run comes to.
#[derive(Debug, Default)]
pub struct Pins {
    before: Choices,
    /// Repositories are asked for what they have now.
    refresh: bool,
    after: Mutex<Choices>,
}

/// What is brought of a source where a lock pins it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pinned<'a> {
    /// The charts, with what their archives must hash to.
    pub(super) entries: Vec<(&'a Entry, Option<Digest>)>,
    /// Those that the source does not list any more, one line each.
    pub(super) gone: Vec<String>,
}

impl Pins {
    /// Pins what the run before came to, or with `refresh` nothing.
    pub fn new(before: Choices, refresh: bool) -> Self {
        Self {
            before,
            refresh,
            after: Mutex::default(),
        }
    }

    /// What of an index a selection came to before; `None` if it is new, or chosen anew.
    pub(super) fn of<'a>(&self, source: &str, selection: &str, index: &'a Index) -> Option<Pinned<'a>> {
        let archives = self.before.of(source, selection).filter(|_| !self.refresh)?;
        let mut left = archives.clone();
        let mut pinned = Pinned::default();
        for entry in index.charts().values().flatten() {
            if let Some(digest) = left.remove(&entry.to_string()) {
                pinned.entries.push((entry, Some(digest)));
            }
        }
        pinned.gone = left
            .into_keys()
            .map(|chart| {
                format!("the lock pins {chart}, which the repository does not list any more: --refresh chooses anew")
            })
            .collect();
        Some(pinned)
    }

    /// Notes what a selection came to.
    pub(super) fn note(&self, source: &str, selection: &str, archives: Archives) {
        self.after(source, selection, archives);
    }

    /// Notes that not all of a selection could be had: it is what it was before. A part of it would pass for all of it in the
    /// next run.
    pub(super) fn note_failed(&self, source: &str, selection: &str) {
        if let Some(archives) = self.before.of(source, selection) {
            self.after(source, selection, archives.clone());
        }
    }

    fn after(&self, source: &str, selection: &str, archives: Archives) {
        if !archives.is_empty() {
            let mut after = self.locked();
            let selections = after.0.entry(source.to_owned()).or_default();
            selections.insert(selection.to_owned(), archives);
        }
    }

    /// What the run came to.
    pub fn take_chosen(&self) -> Choices {
        std::mem::take(&mut *self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, Choices> {
        self.after.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archives(charts: &[&str]) -> Archives {
        let digest = |chart: &&str| ((*chart).to_owned(), Digest::sha256(chart.as_bytes()));
        charts.iter().map(digest).collect()
    }

    fn choices(selections: &[(&str, &[&str])]) -> Choices {
        let pins = Pins::default();
        for (selection, charts) in selections {
            pins.note("https://charts.example.com", selection, archives(charts));
        }
        pins.take_chosen()
    }

    #[test]
    fn a_selection_that_failed_is_what_it_was_and_one_that_is_new_is_none() {
        let before = choices(&[("app@^1", &["app-1.0.0"])]);
        let pins = Pins::new(before.clone(), false);
        pins.note_failed("https://charts.example.com", "app@^1");
        pins.note_failed("https://charts.example.com", "other");
        assert_eq!(pins.take_chosen(), before);
    }

    #[test]
    fn only_selections_that_nothing_is_said_of_are_kept() {
        let mut after = choices(&[("app@^1", &["app-1.1.0"])]);
        after.keep(&choices(&[
            ("app@^1", &["app-1.0.0"]),
            ("other", &["other-2.0.0"]),
        ]));
        assert_eq!(
            after,
            choices(&[("app@^1", &["app-1.1.0"]), ("other", &["other-2.0.0"])])
        );
    }

    #[test]
    fn a_refresh_pins_nothing() {
        let before = choices(&[("app@^1", &["app-1.0.0"])]);
        let of = |pins: &Pins| {
            pins.of("https://charts.example.com", "app@^1", &Index::default())
                .is_some()
        };
        assert!(of(&Pins::new(before.clone(), false)));
        assert!(!of(&Pins::new(before, true)));
    }
}
