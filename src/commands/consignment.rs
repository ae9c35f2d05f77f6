//! What an export is asked to carry: references as they are, the images of charts and manifests, and the charts
//! themselves, which go into the bundle's own repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::images;
use super::survey::Placeless;
use super::{Error, World};
use crate::bundle;
use crate::causes::chain;
use crate::chartrepo::{self, LocalArchive, Provenance, Row};
use crate::discover::{Image, Severity};
use crate::fsx::Folder;
use crate::layouts::{self, LocalSource, Store};
use crate::observe::{Event, Observer, Outcome};
use crate::reference::Reference;
use crate::secret::printable;
use crate::shell::quoted;
use crate::transfer::{TagFilter, TagSelection, Wanted};

/// Larger chart archives are refused, as in a mirrored repository.
const ARCHIVE_CAP: u64 = 100 << 20;

/// How many places of one image the inventory keeps; the report of `images` has all.
const PLACES: usize = 8;

/// Who named what stands on the command line itself.
const COMMAND_LINE: &str = "command line";

/// One thing that an export is asked to carry.
#[derive(Clone, Debug)]
pub enum Item {
    /// An image.
    Reference(Reference),
    /// Tags of a repository, whichever they are today.
    Tags(TagSelection),
    /// Charts of a repository, with their images.
    Repository(chartrepo::Source),
    /// A chart, manifests or a list on disk, with the images found there.
    Path(PathBuf),
    /// Images that another tool left on disk.
    OnDisk(LocalSource),
}

/// Whether a word that names nothing here is a file's name all the same: images are not called so.
fn is_file_name(text: &str) -> bool {
    let end = text.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    !text.contains(':')
        && matches!(
            end.as_deref(),
            Some("txt" | "yaml" | "yml" | "json" | "tgz" | "lst" | "list")
        )
}

impl Item {
    /// A file or folder with charts, manifests or a list. A bundle is none: the receipts in it name other registries.
    pub fn path(text: &str) -> Result<Self, Error> {
        let path = PathBuf::from(text);
        if bundle::is_bundle(&path) {
            let shown = printable(text, 200);
            let (layout, word) = (format!("oci:{shown}"), quoted(&shown));
            return Err(Error::Usage {
                problem: format!(
                    "`{shown}` is a bundle: {} names the images in it, and `carrack import --from {word} --to dir:FOLDER` copies all of it",
                    quoted(&layout)
                ),
            });
        }
        Ok(Self::Path(path))
    }

    /// Whether a word of the command line names images on disk.
    pub fn is_on_disk(text: &str) -> bool {
        LocalSource::is_one(text)
    }

    /// Tells what a word of the command line is: a URL, images on disk, a file or folder, or else a reference. With a filter
    /// of tags, a reference without tag and digest is a repository whose tags are chosen by it.
    pub fn parse(text: &str, tags: Option<&TagFilter>) -> Result<Self, Error> {
        if ["http://", "https://", "oci://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return Ok(Self::Repository(text.parse()?));
        }
        if LocalSource::is_one(text) {
            let parsed = text.parse().map(Self::OnDisk);
            return parsed.map_err(|error: layouts::Error| Error::Usage {
                problem: chain(&error),
            });
        }
        if text == "-" || Path::new(text).exists() {
            return Self::path(text);
        }
        if is_file_name(text) {
            return Err(Error::Usage {
                problem: format!("there is no file `{}` here", printable(text, 200)),
            });
        }
        if let Some(filter) = tags
            && let Ok(repository) = text.parse()
        {
            return Ok(Self::Tags(TagSelection {
                repository,
                filter: filter.clone(),
                source: COMMAND_LINE.to_owned(),
            }));
        }
        text.parse()
            .map(Self::Reference)
            .map_err(|error: crate::reference::Error| Error::Usage {
                problem: format!(
                    "`{}` is no file or folder that is here, and no image reference: {error}",
                    printable(text, 200)
                ),
            })
    }
}

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

impl Consignment {
    /// Finds the images of a source on disk, and tells what the operator should know of them.
    async fn open(
        &mut self,
        source: &LocalSource,
        who: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let opening = source.clone();
        let opened = tokio::task::spawn_blocking(move || Store::open(&opening)).await;
        let store = match opened.map_err(|_| Error::Crashed)? {
            Ok(store) => store,
            Err(error) => {
                self.failures.push(images::Failure {
                    subject: source.to_string(),
                    reason: chain(&error),
                });
                return Ok(());
            }
        };
        for entry in store.entries() {
            let taken = self.on_disk.iter().flat_map(Store::entries);
            if let Some(other) = taken
                .filter(|other| other.reference == entry.reference)
                .find(|other| other.root.digest != entry.root.digest)
            {
                self.failures.push(images::Failure {
                    subject: source.to_string(),
                    reason: format!(
                        "its {} is {}, and another source has that name for {}",
                        entry.reference, entry.root.digest, other.root.digest
                    ),
                });
                return Ok(());
            }
        }
        let notes: BTreeSet<&String> = store
            .entries()
            .iter()
            .filter_map(|entry| entry.note.as_ref())
            .collect();
        for text in notes {
            observer.on(&Event::Warning { text: text.clone() });
        }
        let named_by = match who {
            Some(who) => format!("{who} ({source})"),
            None => source.to_string(),
        };
        for entry in store.entries() {
            self.wanted.push(Wanted {
                pinned: Some(entry.root.digest),
                ..Wanted::new(entry.reference.clone(), &named_by)
            });
        }
        self.on_disk.push(store);
        Ok(())
    }
}

/// The archives that were fetched, or were there, and are to be looked into.
pub(super) fn files(rows: &[Row], shelf: &Folder) -> Vec<PathBuf> {
    let whole = rows.iter().filter(|row| !row.is_part);
    let files = whole.filter_map(|row| row.file.as_ref());
    files.map(|file| shelf.path().join(file)).collect()
}

/// The charts that could not be fetched, where charts are looked into and do not go along.
pub(super) fn failures(rows: Vec<Row>) -> impl Iterator<Item = images::Failure> {
    rows.into_iter().filter_map(|row| match row.outcome {
        Outcome::Failed(reason) => Some(images::Failure {
            subject: format!("{} {}", row.source, row.chart).trim_end().to_owned(),
            reason,
        }),
        _ => None,
    })
}

/// Fetches charts of repositories.
pub(super) async fn pull(
    asked: &Asked,
    repositories: &[chartrepo::Source],
    shelf: &Folder,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Vec<Row>, Error> {
    if repositories.is_empty() {
        return Ok(Vec::new());
    }
    let fetcher = world.charts(asked.pass_credentials, observer)?;
    let options = chartrepo::Options {
        jobs: world.jobs,
        ..asked.charts.clone()
    };
    let work = chartrepo::pull(&fetcher, repositories, Some(shelf), &options, observer.as_ref());
    tokio::select! {
        done = work => Ok(done?),
        () = world.cancel.cancelled() => Err(Error::Interrupted),
    }
}

/// Puts the chart archives among the paths into the bundle. What already lies there stays.
fn keep(paths: &[PathBuf], shelf: &Folder) -> Result<Vec<Row>, Error> {
    let read = |path: &Path| {
        read_capped(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })
    };
    let archives = paths
        .iter()
        .filter(|path| is_archive(path) && !path.starts_with(shelf.path()));
    let archives = archives.map(|path| {
        let mut provenance = path.clone().into_os_string();
        provenance.push(".prov");
        let provenance = PathBuf::from(provenance);
        Ok::<_, Error>(LocalArchive {
            label: path.display().to_string(),
            entry: None,
            bytes: read(path)?,
            provenance: provenance.is_file().then(|| read(&provenance)).transpose()?,
        })
    });
    chartrepo::put_local(shelf, chartrepo::NO_REPOSITORY, archives)
}

fn is_archive(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("tgz"))
}

fn read_capped(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(ARCHIVE_CAP + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > ARCHIVE_CAP {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "chart archives may have 100 MiB at most",
        ));
    }
    Ok(bytes)
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

/// Whether a chart that was to go along did not.
pub(super) fn is_failed(row: &Row) -> bool {
    matches!(row.outcome, Outcome::Failed(_))
}
