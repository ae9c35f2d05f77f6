//! One source on its way: its index, what is wanted of it, and the charts, many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;

use super::{Options, Row};
use crate::chartrepo::fetch::Repository;
use crate::chartrepo::{Error, Fetcher, Shelf, Source};
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

    /// Mirrors what is wanted. Only a disk that takes nothing more is an error.
    pub(super) async fn mirror(&self, repository: &Repository) -> Result<Vec<Row>, Error> {
        let selection = match self.source.narrowed(&self.options.selection) {
            Ok(selection) => selection,
            Err(error) => return Ok(vec![Row::failed(self.source, &"", &error)]),
        };
        let selected = selection.of(&repository.index);
        self.observer.on(&Event::Planned {
            items: selected.entries.len() as u64,
            blobs: 0,
            bytes: 0,
        });
        for note in &selected.notes {
            self.warn(note);
        }
        // A wish that finds nothing fails; a chart that only the whole repository's selection passes over does not.
        let wished = !selection.charts.is_empty();
        let mut rows: Vec<Row> = Vec::new();
        for text in selected.nothing {
            if wished {
                rows.push(Row {
                    outcome: Outcome::Failed(text.clone()),
                    ..Row::new(self.source, &text)
                });
            } else {
                self.warn(&text);
            }
        }
        let site = repository.site.as_ref();
        let items = selected.entries.into_iter().enumerate().map(|(number, entry)| {
            let shelf = self.shelf.as_ref();
            let claimed = shelf.map_or(Ok(()), |shelf| shelf.claim(&entry.file_name()));
            let item = self.item(site, entry, claimed);
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
        rows.extend(ordered.into_values());
        Ok(rows)
    }

    fn warn(&self, text: &str) {
        self.observer.on(&Event::Warning {
            text: format!("{}: {text}", self.source),
        });
    }
}
