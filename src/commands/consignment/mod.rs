//! What an export is asked to carry: references as they are, the images of charts and manifests, and the charts
//! themselves, which go into the bundle's own repositories.

mod charts;
mod item;
mod on_disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::images;
use super::survey::Placeless;
use super::{Error, World};
use crate::bundle;
use crate::chartrepo::{self, Provenance, Row};
use crate::discover::{Image, Severity};
use crate::fsx::Folder;
use crate::layouts::Store;
use crate::observe::{Event, Observer};
use crate::reference::Reference;
use crate::secret::printable;
use crate::transfer::{TagSelection, Wanted};

pub(super) use charts::{failures, files, is_failed, pull};
use charts::{is_archive, keep};
use item::COMMAND_LINE;
pub use item::Item;

/// How many places of one image the inventory keeps; the report of `images` has all.
const PLACES: usize = 8;

/// What is asked for, and how images are looked for in it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The things to carry.
    pub items: Vec<Item>,
    /// How charts are rendered and searched. The sources are set from the items.
    pub images: images::Options,
    /// How charts of repositories are chosen.
    pub charts: chartrepo::Options,
    /// Send a repository's credentials also to other hosts that its index names.
    pub pass_credentials: bool,
    /// Who asks, for the inventory: a file, or the command line if nobody is named.
    pub source: Option<String>,
}

impl Asked {
    /// Whether a path is a chart that must go the way of charts that are fetched: what it depends on is wanted, too, or a
    /// signature.
    pub(super) fn pulls(&self, path: &Path) -> bool {
        let charts = &self.charts;
        let asks = charts.dependencies || charts.provenance == Provenance::Required;
        asks && (is_archive(path) || path.join("Chart.yaml").is_file())
    }
}

/// The answer: what to fetch, and what could not be looked into.
#[derive(Debug, Default)]
pub(super) struct Consignment {
    /// References with who named them.
    pub(super) wanted: Vec<Wanted>,
    /// Repositories whose tags only their registries know.
    pub(super) selections: Vec<TagSelection>,
    /// What became of the charts that go along.
    pub(super) charts: Vec<Row>,
    /// Charts and files that could not be read or rendered, and texts that ought to be images and are none.
    pub(super) failures: Vec<images::Failure>,
    /// Images that other tools left on disk.
    pub(super) on_disk: Vec<Store>,
}

/// Looks into everything that is asked for. Charts go into `shelf`: the folder of the bundle's chart repositories, in
/// which they go along, or one for the time of the run. Without one repositories cannot be looked into, which is an error
/// and no silence.
pub(super) async fn gather(
    asked: &[Asked],
    shelf: Option<Folder>,
    goes_along: bool,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Consignment, Error> {
    let mut consignment = Consignment::default();
    let mut groups = Vec::new();
    for asked in asked {
        let sources = consignment
            .take(asked, shelf.as_ref(), goes_along, world, observer)
            .await?;
        if !sources.is_empty() || !asked.images.include.is_empty() {
            groups.push(images::Options {
                sources,
                ..asked.images.clone()
            });
        }
    }
    super::survey::gather_choices(&mut groups);
    let passing = shelf.filter(|_| !goes_along);
    let (cancel, told) = (world.cancel.clone(), Placeless::of(passing.as_ref(), observer));
    let placeless = told.clone();
    let found = tokio::task::spawn_blocking(move || images::run_all(&groups, &cancel, &told)).await;
    let mut found = found.map_err(|_| Error::Crashed)??;
    placeless.forget(&mut found);
    for text in std::mem::take(&mut found.warnings) {
        observer.on(&Event::Warning { text });
    }
    consignment.failures.extend(found.failures);
    for text in found
        .unresolved
        .into_iter()
        .filter(|text| text.severity == Severity::Error)
    {
        consignment.failures.push(images::Failure {
            subject: text.place.subject.file.clone(),
            reason: format!(
                "`{}` stands where an image must: {}",
                printable(&text.raw, 200),
                text.reason
            ),
        });
    }
    consignment.wanted.extend(found.images.iter().map(wanted));
    consignment.wanted = merged(consignment.wanted);
    Ok(consignment)
}

impl Consignment {
    /// Takes what needs no look, brings charts into the shelf, and gives what images are to be looked for in.
    async fn take(
        &mut self,
        asked: &Asked,
        shelf: Option<&Folder>,
        goes_along: bool,
        world: &World,
        observer: &Arc<dyn Observer>,
    ) -> Result<Vec<PathBuf>, Error> {
        let mut paths: Vec<PathBuf> = Vec::new();
        let mut repositories = Vec::new();
        for item in &asked.items {
            match item {
                Item::Reference(reference) => {
                    let source = asked.source.as_deref().unwrap_or(COMMAND_LINE);
                    self.wanted.push(Wanted::new(reference.clone(), source));
                }
                Item::Tags(selection) => self.selections.push(selection.clone()),
                Item::Repository(source) => repositories.push(source.clone()),
                Item::Path(path) if asked.pulls(path) => {
                    repositories.push(chartrepo::Source::Local { path: path.clone() });
                }
                Item::Path(path) => paths.push(path.clone()),
                Item::OnDisk(source) => {
                    self.open(source, asked.source.as_deref(), observer.as_ref())
                        .await?;
                }
            }
        }
        let Some(shelf) = shelf else {
            if repositories.is_empty() {
                return Ok(paths);
            }
            return Err(Error::Usage {
                problem: "this run has no folder that charts could go into: mirror them with `carrack charts pull --to DIR` and name DIR"
                    .to_owned(),
            });
        };
        let (archives, folder) = (paths.clone(), shelf.clone());
        let rows = pull(asked, &repositories, shelf, world, observer).await?;
        paths.extend(files(&rows, shelf));
        if !goes_along {
            self.failures.extend(failures(rows));
            return Ok(paths);
        }
        self.charts.extend(rows);
        let kept = tokio::task::spawn_blocking(move || keep(&archives, &folder)).await;
        self.charts.extend(kept.map_err(|_| Error::Crashed)??);
        Ok(paths)
    }
}

/// An image that was found, with the surest of its places.
fn wanted(image: &Image) -> Wanted {
    let provenance = image.sources.iter().take(PLACES).map(|place| {
        let subject = &place.place.subject;
        bundle::Provenance {
            pointer: Some(place.place.pointer.clone()).filter(|pointer| !pointer.is_empty()),
            profile: place.under.first().cloned(),
            source: subject.chart.clone().unwrap_or_else(|| subject.file.clone()),
            template: subject.chart.as_ref().map(|_| subject.file.clone()),
            tier: Some(place.tier.to_string()),
            version: subject.chart_version.clone(),
        }
    });
    Wanted {
        reference: image.reference.clone(),
        pinned: None,
        provenance: provenance.collect(),
    }
}

/// Each reference once, with everybody who named it.
pub(super) fn merged(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut all: BTreeMap<Reference, Wanted> = BTreeMap::new();
    for one in wanted {
        match all.get_mut(&one.reference) {
            Some(known) => {
                let both = known.provenance.iter().chain(&one.provenance);
                known.provenance = both.cloned().collect();
                known.pinned = known.pinned.or(one.pinned);
            }
            None => {
                all.insert(one.reference.clone(), one);
            }
        }
    }
    // Most of them were named by the same file.
    let mut alike = bundle::Pool::default();
    let all = all.into_values();
    all.map(|wanted| Wanted {
        provenance: alike.one(wanted.provenance),
        ..wanted
    })
    .collect()
}
