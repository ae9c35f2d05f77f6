//! The lock file of an export: what was resolved before is pinned, what is resolved now is written down.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Error, World, images};
use crate::causes::chain;
use crate::chartrepo::Pins;
use crate::digest::Digest;
use crate::fsx;
use crate::reference::Reference;
use crate::transfer::{self, Changes, Difference, Expansion, Lockfile, Row, Source, TagSelection, Wanted};

/// A lock file that was brought up to date.
#[derive(Clone, Debug, Serialize)]
pub struct Locked {
    /// The file.
    pub path: PathBuf,
    /// How it differs from what it was.
    #[serde(flatten)]
    pub since: Difference,
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { references, charts } = &self.since;
        write!(f, "{}: {}", self.path.display(), Told(references))?;
        if charts.are_none() {
            return Ok(());
        }
        write!(f, "; charts: {}", Told(charts))
    }
}

struct Told<'a>(&'a Changes);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes {
            added,
            changed,
            removed,
        } = self.0;
        write!(f, "{added} added, {changed} changed, {removed} removed")
    }
}

/// The lock file of a run: what it pins, and what it will say afterwards.
pub(super) struct Lock<'a> {
    path: Option<&'a Path>,
    refresh: bool,
    before: Lockfile,
    after: Lockfile,
    charts: Arc<Pins>,
}

impl<'a> Lock<'a> {
    /// Reads the file; without one nothing is pinned. With `refresh` registries are asked all the same.
    pub(super) fn load(path: Option<&'a Path>, refresh: bool) -> Result<Self, Error> {
        let before = path.map(Lockfile::load).transpose()?.unwrap_or_default();
        Ok(Self {
            path,
            refresh,
            charts: Arc::new(Pins::new(before.charts().clone(), refresh)),
            before,
            after: Lockfile::default(),
        })
    }

    /// The charts that are pinned.
    pub(super) fn charts(&self) -> Arc<Pins> {
        Arc::clone(&self.charts)
    }

    /// Finds out now, and not when everything has come, that the file cannot be written.
    pub(super) fn check(&self) -> Result<(), Error> {
        Ok(self.path.map_or(Ok(()), fsx::try_file)?)
    }

    /// Pins what the lock knows, and asks registries for the tags of selections that it does not.
    pub(super) async fn apply(
        &mut self,
        mut wanted: Vec<Wanted>,
        selections: Vec<TagSelection>,
        source: &Source,
        world: &World,
        failures: &mut Vec<images::Failure>,
    ) -> Result<Vec<Wanted>, Error> {
        let (known, unknown): (Vec<_>, Vec<_>) = selections
            .into_iter()
            .partition(|selection| !self.refresh && self.before.chosen(selection).is_some());
        let asked = transfer::expand(unknown, source, world.jobs, &world.cancel).await?;
        let known = known.into_iter().map(|selection| Expansion {
            tags: Ok(self.before.chosen(&selection).unwrap_or_default().to_vec()),
            selection,
        });
        let expansions: Vec<Expansion> = known.chain(asked).collect();
        for Expansion { selection, tags } in expansions {
            match tags {
                Ok(tags) => {
                    wanted.extend(selection.wanted(&tags));
                    self.after.choose(&selection, tags);
                }
                Err(error) => {
                    self.keep(&selection);
                    failures.push(images::Failure {
                        subject: selection.repository.to_string(),
                        reason: chain(&error),
                    });
                }
            }
        }
        for wanted in &mut wanted {
            // What fails in this run, or belongs to another shard, stays pinned.
            if let Some(digest) = self.before.pinned(&wanted.reference) {
                self.after.pin(wanted.reference.clone(), digest);
                let known = (!self.refresh).then_some(digest);
                wanted.pinned = wanted.pinned.or(known);
            }
        }
        Ok(wanted)
    }

    /// Lets the lock say of a selection what it said before.
    fn keep(&mut self, selection: &TagSelection) {
        let Some(tags) = self.before.chosen(selection) else {
            return;
        };
        for tag in tags {
            let reference = Reference::tagged(selection.repository.clone(), tag.clone());
            if let Some(digest) = self.before.pinned(&reference) {
                self.after.pin(reference, digest);
            }
        }
        self.after.choose(selection, tags.to_vec());
    }

    /// Writes what the run resolved, if there is a file for it and it says something else. Where not all that was asked for
    /// could be looked into, nobody knows what is not asked for any more: that stays pinned.
    pub(super) fn update(
        mut self,
        resolved: impl IntoIterator<Item = (Reference, Digest)>,
        is_complete: bool,
    ) -> Result<Option<Locked>, Error> {
        let Some(path) = self.path else {
            return Ok(None);
        };
        for (reference, digest) in resolved {
            self.after.pin(reference, digest);
        }
        self.after.choose_charts(self.charts.take_chosen());
        if !is_complete {
            self.after.keep(&self.before);
        }
        if self.after != self.before {
            self.after.write(path)?;
        }
        Ok(Some(Locked {
            path: path.to_path_buf(),
            since: self.after.since(&self.before),
        }))
    }
}

/// What rows that did not fail came to.
pub(super) fn resolved(rows: &[Row]) -> impl Iterator<Item = (Reference, Digest)> {
    let came = rows.iter().filter(|row| !row.is_failed());
    came.filter_map(|row| Some((row.reference.clone(), row.digest?)))
}
