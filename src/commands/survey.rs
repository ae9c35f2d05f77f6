//! `carrack images` over everything that can be asked for: charts of repositories are fetched first, all else is on disk.

use std::sync::Arc;

use super::consignment::{self, Asked, Item};
use super::{Error, World, images};
use crate::causes::chain;
use crate::chartrepo;
use crate::discover::Include;
use crate::fsx::Folder;
use crate::layouts::{LocalSource, Store};
use crate::observe::{Event, Observer};

/// Finds the images of everything that is asked for. Charts of repositories go into `shelf`; without any of those no
/// connection is opened.
pub async fn survey(
    asked: &[Asked],
    shelf: Option<&Folder>,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<images::Report, Error> {
    let mut groups = Vec::new();
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    for asked in asked {
        let mut options = asked.images.clone();
        let mut repositories = Vec::new();
        for item in &asked.items {
            match item {
                Item::Path(path) if asked.pulls(path) => {
                    repositories.push(chartrepo::Source::Local { path: path.clone() });
                }
                Item::Path(path) => options.sources.push(path.clone()),
                Item::Repository(source) => repositories.push(source.clone()),
                Item::Reference(reference) => options.include.push(Include {
                    image: reference.to_string(),
                    reason: asked.source.clone().unwrap_or_default(),
                }),
                Item::OnDisk(source) => match open(source).await? {
                    Ok(images) => options.include.extend(images),
                    Err(failure) => failures.push(failure),
                },
                Item::Tags(selection) => warnings.push(format!(
                    "{}: {} are chosen at the export: only the registry knows them",
                    selection.repository, selection.filter
                )),
            }
        }
        if let Some(shelf) = shelf {
            let rows = consignment::pull(asked, &repositories, shelf, world, observer).await?;
            options.sources.extend(consignment::files(&rows, shelf));
            failures.extend(consignment::failures(rows));
        }
        groups.push(options);
    }
    gather_choices(&mut groups);
    let (cancel, told) = (world.cancel.clone(), Placeless::of(shelf, observer));
    let placeless = told.clone();
    let found = tokio::task::spawn_blocking(move || images::run_all(&groups, &cancel, &told)).await;
    let mut report = found.map_err(|_| Error::Crashed)??;
    report.failures.extend(failures);
    placeless.forget(&mut report);
    report.failures.sort();
    report.warnings.extend(warnings);
    Ok(report)
}

/// Tells of charts without the folder that they lie in for the time of the run: it says nothing to anybody.
#[derive(Clone, Debug)]
pub(super) struct Placeless {
    place: Option<String>,
    observer: Arc<dyn Observer>,
}

impl Placeless {
    pub(super) fn of(folder: Option<&Folder>, observer: &Arc<dyn Observer>) -> Self {
        Self {
            place: folder.map(|folder| format!("{}/", folder.path().display())),
            observer: Arc::clone(observer),
        }
    }

    /// Takes the folder out of what a report says.
    pub(super) fn forget(&self, report: &mut images::Report) {
        let Some(place) = &self.place else {
            return;
        };
        for failure in &mut report.failures {
            failure.subject = failure.subject.replace(place, "");
        }
    }

    fn shown(&self, subject: &str) -> String {
        let place = self.place.as_deref().unwrap_or_default();
        subject.strip_prefix(place).unwrap_or(subject).to_owned()
    }
}

impl Observer for Placeless {
    fn on(&self, event: &Event) {
        match event {
            Event::ItemStarted { subject } => self.observer.on(&Event::ItemStarted {
                subject: self.shown(subject),
            }),
            Event::ItemFinished { subject, outcome } => self.observer.on(&Event::ItemFinished {
                subject: self.shown(subject),
                outcome: outcome.clone(),
            }),
            other => self.observer.on(other),
        }
    }
}

/// The images of a source on disk, or why it cannot be read.
async fn open(source: &LocalSource) -> Result<Result<Vec<Include>, images::Failure>, Error> {
    let opening = source.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&opening)).await;
    Ok(match opened.map_err(|_| Error::Crashed)? {
        Ok(store) => Ok(store
            .entries()
            .iter()
            .map(|entry| Include {
                image: entry.reference.to_string(),
                reason: source.to_string(),
            })
            .collect()),
        Err(error) => Err(images::Failure {
            subject: source.to_string(),
            reason: chain(&error),
        }),
    })
}

/// Whether anything of this must be fetched before it can be looked into.
pub fn needs_network(asked: &[Asked]) -> bool {
    asked.iter().any(|asked| {
        asked.items.iter().any(|item| match item {
            Item::Repository(_) => true,
            Item::Path(path) => asked.pulls(path),
            _ => false,
        })
    })
}

/// Images to add and to leave out hold for all groups: the first one has them all, each once.
pub(super) fn gather_choices(groups: &mut [images::Options]) {
    let mut include = Vec::new();
    let mut exclude = Vec::new();
    for group in groups.iter_mut() {
        for one in std::mem::take(&mut group.include) {
            if !include.contains(&one) {
                include.push(one);
            }
        }
        for one in std::mem::take(&mut group.exclude) {
            if !exclude.contains(&one) {
                exclude.push(one);
            }
        }
    }
    let least = groups.iter().map(|group| group.least).max();
    let all_values = groups.iter().any(|group| group.all_values);
    if let Some(first) = groups.first_mut() {
        first.include = include;
        first.exclude = exclude;
        first.least = least.unwrap_or(first.least);
        first.all_values = all_values;
    }
}
