//! Mirroring repositories: plan what is missing, fetch it, report every item.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;

use super::archive::ARCHIVE_CAP;
use super::fetch::{self, Site};
use super::oci_chart::{Fetched, PROVENANCE_CAP};
use super::{Archive, Entry, Error, Fetcher, Index, Selection, Shelf, Source};
use crate::digest::Digest;
use crate::fsx::Folder;
use crate::observe::{Event, Observer, Outcome};

/// What to do about provenance files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provenance {
    /// Do not ask for them.
    Never,
    /// Take them where they are.
    #[default]
    IfThere,
    /// A chart without one fails.
    Required,
}

/// What to do about an archive that is not what its index says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestMismatch {
    /// It fails, with both values.
    #[default]
    Refuse,
    /// It is taken, with a warning that has both values; the new index gives the true one.
    Accept,
}

/// How to mirror.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is wanted of every repository.
    pub selection: Selection,
    /// Provenance files.
    pub provenance: Provenance,
    /// Archives that are not what their index says.
    pub digest_mismatch: DigestMismatch,
    /// The URL that the folder of all repositories will have, if indexes shall hold absolute URLs.
    pub base_url: Option<String>,
    /// Archives on their way at once.
    pub jobs: usize,
}

/// How one chart or repository ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The source, without secrets.
    pub source: String,
    /// The chart and its version, or what was asked for and not found; empty for the repository as a whole.
    pub chart: String,
    /// The archive's path below the folder of all repositories.
    pub file: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes fetched.
    pub bytes: u64,
    /// What the operator should know, one line each.
    pub warnings: Vec<String>,
}

/// Mirrors the sources into `root`, each into the folder of its [`place`](Source::place). One row for every chart, and
/// one for every repository or wish that failed as a whole. Without a `root` nothing is fetched but the indexes: the rows
/// are the plan.
///
/// # Errors
/// Only a disk that cannot be written ends the run; everything else is a row.
pub async fn pull(
    fetcher: &Fetcher,
    sources: &[Source],
    root: Option<&Folder>,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    // Sources of one place share one index.
    let mut places: BTreeMap<String, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        places.entry(source.place()).or_default().push(source);
    }
    for (place, sources) in places {
        let base = options
            .base_url
            .as_ref()
            .map(|base| format!("{}/{place}", base.trim_end_matches('/')));
        let shelf = match root {
            None => None,
            Some(root) => Some(Arc::new(Shelf::open(root, &place, base.as_deref())?)),
        };
        for text in shelf.iter().flat_map(|shelf| shelf.warnings()) {
            observer.on(&Event::Warning { text });
        }
        for source in sources {
            let run = Run {
                fetcher,
                source,
                place: &place,
                shelf: shelf.clone(),
                options,
                observer,
            };
            rows.extend(run.mirror().await?);
        }
        if let Some(shelf) = shelf {
            blocking(move || shelf.finish()).await?;
        }
    }
    Ok(rows)
}

/// One source on its way.
struct Run<'a> {
    fetcher: &'a Fetcher,
    source: &'a Source,
    place: &'a str,
    shelf: Option<Arc<Shelf>>,
    options: &'a Options,
    observer: &'a dyn Observer,
}

impl Run<'_> {
    async fn mirror(&self) -> Result<Vec<Row>, Error> {
        let (site, index) = match self.index().await {
            Ok(read) => read,
            Err(error) => return Ok(vec![self.failed(String::new(), &error)]),
        };
        for problem in index.problems() {
            self.observer.on(&Event::Warning {
                text: format!("{}: {problem}", self.source),
            });
        }
        let selection = match self.selection() {
            Ok(selection) => selection,
            Err(error) => return Ok(vec![self.failed(String::new(), &error)]),
        };
        let selected = selection.of(&index);
        self.observer.on(&Event::Planned {
            items: selected.entries.len() as u64,
            blobs: 0,
            bytes: 0,
        });
        // A wish that finds nothing fails; a chart that only the whole repository's selection passes over does not.
        let wished = !selection.charts.is_empty();
        let mut rows: Vec<Row> = Vec::new();
        for text in selected.nothing {
            if wished {
                rows.push(self.row(text.clone(), None, Outcome::Failed(text)));
            } else {
                self.observer.on(&Event::Warning {
                    text: format!("{}: {text}", self.source),
                });
            }
        }
        let items = selected
            .entries
            .into_iter()
            .map(|entry| self.item(site.as_ref(), entry));
        let mut running = futures_util::stream::iter(items).buffered(self.options.jobs.max(1));
        while let Some(row) = running.next().await {
            rows.push(row?);
        }
        Ok(rows)
    }

    async fn index(&self) -> Result<(Option<Site>, Index), Error> {
        if let Some((url, login)) = fetch::classic(self.source) {
            let site = self.fetcher.site(url, login).await?;
            let bytes = self.fetcher.index(&site).await?;
            let index = blocking(move || Index::parse(&bytes)).await?;
            return Ok((Some(site), index));
        }
        match self.source {
            Source::Oci { repository, .. } => Ok((None, self.fetcher.oci_index(repository).await?)),
            Source::Classic { .. } => Ok((None, Index::default())),
        }
    }

    /// The run's selection, narrowed by what the source itself says.
    fn selection(&self) -> Result<Selection, Error> {
        let mut selection = self.options.selection.clone();
        match self.source {
            Source::Classic {
                pattern: Some(pattern),
                ..
            } => selection.charts = vec![pattern.clone()],
            Source::Classic { pattern: None, .. } => {}
            Source::Oci { range, repository } => {
                let name = repository.path().rsplit('/').next().unwrap_or_default();
                let range = range
                    .as_ref()
                    .map(|range| format!("@{range}"))
                    .unwrap_or_default();
                selection.charts = vec![format!("{name}{range}").parse()?];
            }
        }
        Ok(selection)
    }

    async fn item(&self, site: Option<&Site>, entry: &Entry) -> Result<Row, Error> {
        let subject = format!("{} {entry}", self.source);
        self.observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let mut row = self.row(
            entry.to_string(),
            Some(format!("{}/{}", self.place, entry.file_name())),
            Outcome::Done,
        );
        if entry.is_deprecated() {
            row.warnings
                .push("upstream calls this chart deprecated".to_owned());
        }
        if let Some(shelf) = &self.shelf {
            match self.mirror_entry(site, shelf, entry, &mut row).await {
                Ok(outcome) => row.outcome = outcome,
                // A full or missing drive ends the run: every other chart would fail in the same way.
                Err(Error::Disk(error)) if error.is_fatal() => return Err(error.into()),
                Err(error) => {
                    row.file = None;
                    row.outcome = Outcome::Failed(chain(&error));
                }
            }
        }
        for warning in &row.warnings {
            self.observer.on(&Event::Warning {
                text: format!("{subject}: {warning}"),
            });
        }
        self.observer.on(&Event::ItemFinished {
            subject,
            outcome: row.outcome.clone(),
        });
        Ok(row)
    }

    async fn mirror_entry(
        &self,
        site: Option<&Site>,
        shelf: &Arc<Shelf>,
        entry: &Entry,
        row: &mut Row,
    ) -> Result<Outcome, Error> {
        let here = {
            let (shelf, entry) = (shelf.clone(), entry.clone());
            blocking(move || {
                let found = shelf.has(&entry)?;
                if let (Some(digest), true) = (found, entry.digest().is_some()) {
                    shelf.keep(&entry, digest);
                }
                Ok(found)
            })
            .await?
        };
        if here.is_some() {
            return Ok(Outcome::Present);
        }
        let (fetched, from_registry) = self.fetch(site, entry).await?;
        row.bytes = fetched.archive.len() as u64;
        let found = Digest::sha256(&fetched.archive);
        if let Some(expected) = entry.digest().filter(|expected| **expected != found) {
            match self.options.digest_mismatch {
                DigestMismatch::Refuse => {
                    return Err(Error::DigestMismatch {
                        expected: *expected,
                        found,
                    });
                }
                DigestMismatch::Accept => row.warnings.push(format!(
                    "the archive hashes to {found}, the index says {expected}: taken all the same"
                )),
            }
        }
        if self.options.provenance == Provenance::Required && fetched.provenance.is_none() {
            return Err(Error::NoProvenance);
        }
        let (shelf, entry) = (shelf.clone(), entry.clone());
        let warning = blocking(move || {
            let archive = Archive::read(&fetched.archive)?;
            let same = archive.name == entry.name() && archive.version == entry.version().original();
            let warning = (!same).then(|| {
                let (name, version) = (shown(&archive.name), shown(&archive.version));
                format!("the archive calls itself {name} {version}")
            });
            let listed = if from_registry {
                described_by(&archive, &entry, found).unwrap_or(entry)
            } else {
                entry
            };
            shelf.put(&listed, &fetched.archive, fetched.provenance.as_deref())?;
            Ok(warning)
        })
        .await?;
        row.warnings.extend(warning);
        Ok(Outcome::Done)
    }

    /// The archive from the first of the entry's URLs that has it, and whether that was a registry.
    async fn fetch(&self, site: Option<&Site>, entry: &Entry) -> Result<(Fetched, bool), Error> {
        let mut first_error = None;
        for url in entry.urls() {
            let fetched = match (url.starts_with("oci://"), site) {
                (true, _) | (false, None) => self.fetcher.oci_chart(url).await.map(|fetched| (fetched, true)),
                (false, Some(site)) => self
                    .fetch_classic(site, url)
                    .await
                    .map(|fetched| (fetched, false)),
            };
            match fetched {
                Ok(fetched) => return Ok(fetched),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(Error::NoIndex { found: "no URL" }))
    }

    async fn fetch_classic(&self, site: &Site, url: &str) -> Result<Fetched, Error> {
        let url = site.resolve(url)?;
        let archive = self
            .fetcher
            .get(site, &url, "a chart's archive", ARCHIVE_CAP)
            .await?;
        let provenance = self.provenance(site, url).await?;
        Ok(Fetched { archive, provenance })
    }

    /// The provenance file beside an archive. Only "not found" is absence; that it could not be asked for is an error.
    async fn provenance(&self, site: &Site, mut url: url::Url) -> Result<Option<Bytes>, Error> {
        if self.options.provenance == Provenance::Never {
            return Ok(None);
        }
        url.set_path(&format!("{}.prov", url.path()));
        match self
            .fetcher
            .get(site, &url, "a provenance file", PROVENANCE_CAP)
            .await
        {
            // A server that answers everything with a page has no provenance file.
            Ok(bytes)
                if bytes
                    .trim_ascii_start()
                    .starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----") =>
            {
                Ok(Some(bytes))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_absent() => Ok(None),
            // S3 without the right to list answers 403 for what is not there.
            Err(Error::Refused { status, .. })
                if status == crate::http::StatusCode::FORBIDDEN
                    && self.options.provenance == Provenance::IfThere =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn row(&self, chart: String, file: Option<String>, outcome: Outcome) -> Row {
        Row {
            source: self.source.to_string(),
            chart,
            file,
            outcome,
            bytes: 0,
            warnings: Vec::new(),
        }
    }

    fn failed(&self, chart: String, error: &Error) -> Row {
        self.row(chart, None, Outcome::Failed(chain(error)))
    }
}

/// The entry that the chart's own `Chart.yaml` makes, for a source without an index.
fn described_by(archive: &Archive, entry: &Entry, digest: Digest) -> Option<Entry> {
    let described = Entry::of_chart(archive.metadata.clone(), digest, entry.file_name()).ok()?;
    (described.file_name() == entry.file_name()).then_some(described)
}

fn shown(text: &str) -> String {
    crate::secret::printable(text, 80)
}

/// Runs what waits for the disk or takes the processor on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(joined) => match joined.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends: so does everybody who waits for this.
            Err(_) => std::future::pending().await,
        },
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
