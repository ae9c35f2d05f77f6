//! One source on its way: its index, what is wanted of it, and the charts, many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;

use super::{Options, Row};
use crate::chartrepo::fetch::Repository;
use crate::chartrepo::pins::Pinned;
use crate::chartrepo::{Entry, Error, Fetcher, Pins, Selection, Shelf, Source};
use crate::digest::Digest;
use crate::observe::{Event, Observer, Outcome};

/// One source on its way.
pub(super) struct Run<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) source: &'a Source,
    pub(super) place: &'a str,
    pub(super) shelf: Option<Arc<Shelf>>,
    pub(super) options: &'a Options,
    pub(super) observer: &'a dyn Observer,
}

impl Run<'_> {
    /// Asks the source what it has.
    pub(super) async fn repository(&self) -> Result<Repository, Error> {
        let repository = self.fetcher.repository(self.source).await?;
        for problem in repository.index.problems() {
            self.warn(&problem.to_string());
        }
        Ok(repository)
    }

    /// The rows of a wish that a lock pins and of which everything is here: then nobody is asked what there is.
    pub(super) async fn known(&self) -> Result<Option<Vec<Row>>, Error> {
        let (Some(pins), Some(shelf)) = (self.options.pins.as_deref(), &self.shelf) else {
            return Ok(None);
        };
        let Ok(selection) = self.source.narrowed(&self.options.selection) else {
            return Ok(None);
        };
        let (source, asked) = (self.source.to_string(), selection.to_string());
        let listed = shelf.look(|index| {
            let pinned = pins.of(&source, &asked, index)?;
            let entries = pinned
                .entries
                .into_iter()
                .map(|(entry, pin)| (entry.clone(), pin));
            pinned.gone.is_empty().then(|| entries.collect())
        });
        let Some(listed) = listed else {
            return Ok(None);
        };
        let rows = self.all_here(shelf, listed).await?;
        if let Some(rows) = &rows {
            note(pins, &source, &asked, rows);
        }
        Ok(rows)
    }

    /// Mirrors what is wanted. Only a disk that takes nothing more is an error.
    pub(super) async fn mirror(&self, repository: &Repository) -> Result<Vec<Row>, Error> {
        let selection = match self.source.narrowed(&self.options.selection) {
            Ok(selection) => selection,
            Err(error) => return Ok(vec![Row::failed(self.source, &"", &error)]),
        };
        let (source, asked) = (self.source.to_string(), selection.to_string());
        let pins = self.options.pins.as_deref();
        let pinned = pins.and_then(|pins| pins.of(&source, &asked, &repository.index));
        let (entries, mut rows) = match pinned {
            Some(Pinned { entries, gone }) => (entries, gone.iter().map(|text| self.nothing(text)).collect()),
            None => self.select(&selection, repository),
        };
        self.observer.on(&Event::Planned {
            items: entries.len() as u64,
            blobs: 0,
            bytes: 0,
        });
        rows.extend(self.bring_all(repository, entries).await?);
        if let Some(pins) = pins {
            note(pins, &source, &asked, &rows);
        }
        Ok(rows)
    }

    /// Chooses from what the source has now, and tells what there is not.
    fn select<'a>(
        &self,
        selection: &Selection,
        repository: &'a Repository,
    ) -> (Vec<(&'a Entry, Option<Digest>)>, Vec<Row>) {
        let selected = selection.of(&repository.index);
        for note in &selected.notes {
            self.warn(note);
        }
        // A wish that finds nothing fails; a chart that only the whole repository's selection passes over does not.
        let wished = !selection.charts.is_empty();
        let mut rows: Vec<Row> = Vec::new();
        for text in selected.nothing {
            if wished {
                rows.push(self.nothing(&text));
            } else {
                self.warn(&text);
            }
        }
        let entries = selected.entries.into_iter().map(|entry| (entry, None));
        (entries.collect(), rows)
    }

    /// The row of something that is not there.
    fn nothing(&self, text: &str) -> Row {
        Row {
            outcome: Outcome::Failed(text.to_owned()),
            ..Row::new(self.source, &text)
        }
    }

    /// Fetches charts, many at once. Those with a digest must have it.
    async fn bring_all(
        &self,
        repository: &Repository,
        entries: Vec<(&Entry, Option<Digest>)>,
    ) -> Result<Vec<Row>, Error> {
        let site = repository.site.as_ref();
        let items = entries.into_iter().enumerate().map(|(number, (entry, pin))| {
            let shelf = self.shelf.as_ref();
            let claimed = shelf.map_or(Ok(()), |shelf| shelf.claim(&entry.file_name()));
            let item = self.item(site, entry, pin, claimed);
            async move { (number, item.await) }
        });
        let last = async {
            if let Some(shelf) = &self.shelf {
                shelf.hurry();
            }
            None
        };
        // As they come: a large archive keeps none of those behind it waiting.
        let fetched = futures_util::stream::iter(items)
            .buffer_unordered(self.options.jobs.max(1))
            .map(Some)
            .chain(futures_util::stream::once(last));
        // Many archives may wait for the disk, beside those that are fetched: it syncs them together.
        let room = self.shelf.as_ref().map_or(1, |shelf| shelf.room());
        let settled = fetched
            .filter_map(std::future::ready)
            .map(|(number, item)| async move { (number, self.settle(item).await) })
            .buffer_unordered(room.max(1));
        let mut settled = std::pin::pin!(settled);
        let mut ordered = BTreeMap::new();
        while let Some((number, row)) = settled.next().await {
            ordered.insert(number, row?);
        }
        Ok(ordered.into_values().collect())
    }

    fn warn(&self, text: &str) {
        self.observer.on(&Event::Warning {
            text: format!("{}: {text}", self.source),
        });
    }
}

/// Lets the next lock say what a selection came to.
fn note(pins: &Pins, source: &str, selection: &str, rows: &[Row]) {
    if rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))) {
        pins.note_failed(source, selection);
        return;
    }
    let archives = rows
        .iter()
        .filter_map(|row| Some((row.chart.clone(), row.digest?)));
    pins.note(source, selection, archives.collect());
}
