//! Mirroring repositories: plan what is missing, fetch it, report every item.

mod item;
mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::fetch::Repository;
use super::{Error, Fetcher, Keyring, Pins, Selection, Shelf, Source, dependencies, local};
use crate::causes::chain;
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
    /// The keys that provenance files must be signed with; without them signatures are not checked.
    pub keyring: Option<Arc<Keyring>>,
    /// Archives that are not what their index says.
    pub digest_mismatch: DigestMismatch,
    /// Fetch what charts depend on and do not bring along, and put such charts whole into the repository
    /// [`NO_REPOSITORY`](super::NO_REPOSITORY).
    pub dependencies: bool,
    /// The URL that the folder of all repositories will have, if indexes shall hold absolute URLs.
    pub base_url: Option<String>,
    /// Archives on their way at once.
    pub jobs: usize,
    /// What a lock pins, and where what the run comes to is noted.
    pub pins: Option<Arc<Pins>>,
}

impl Options {
    /// The URL that the repository at `place` will have, if indexes shall hold absolute URLs.
    pub(super) fn base_of(&self, place: &str) -> Option<String> {
        let base = self.base_url.as_ref()?;
        Some(format!("{}/{place}", base.trim_end_matches('/')))
    }
}

/// Checks what came with an archive, or lies beside it. "Required but absent" is a failure.
pub(super) fn check_provenance(
    demanded: Provenance,
    keyring: Option<&Keyring>,
    file: &str,
    digest: Digest,
    provenance: Option<&[u8]>,
) -> Result<(), Error> {
    match (provenance, keyring) {
        (None, _) if demanded == Provenance::Required => Err(Error::NoProvenance),
        (Some(provenance), Some(keyring)) => keyring.verify(provenance, file, digest),
        _ => Ok(()),
    }
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
    /// What the archive that came, or was there, hashes to.
    #[serde(skip)]
    pub digest: Option<Digest>,
    /// What the operator should know, one line each.
    pub warnings: Vec<String>,
    /// Whether it is here for another chart, or lies whole in [`NO_REPOSITORY`](super::NO_REPOSITORY): whoever looks into
    /// charts need not look into this archive.
    #[serde(skip)]
    pub is_part: bool,
}

impl Row {
    /// A row of which nothing is known yet.
    pub(super) fn new(source: &dyn fmt::Display, chart: &dyn fmt::Display) -> Self {
        Self {
            source: source.to_string(),
            chart: chart.to_string(),
            file: None,
            outcome: Outcome::Done,
            bytes: 0,
            digest: None,
            warnings: Vec::new(),
            is_part: false,
        }
    }

    /// The row of something that failed.
    pub(super) fn failed(source: &dyn fmt::Display, chart: &dyn fmt::Display, error: &Error) -> Self {
        Self {
            outcome: Outcome::Failed(chain(error)),
            ..Self::new(source, chart)
        }
    }
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
    let (mut remote, mut paths) = (Vec::new(), Vec::new());
    for source in sources {
        match fetcher.resolve(source) {
            Ok(Source::Local { path }) => paths.push(path),
            Ok(source) => remote.push(source),
            Err(error) => rows.push(Row::failed(source, &"", &error)),
        }
    }
    let fetched = pull_each(fetcher, &remote, root, options, observer).await?;
    rows.extend(fetched.into_iter().map(|(_, row)| row));
    let (kept, unfinished) = local::keep(paths, root, options).await?;
    rows.extend(kept);
    if let (true, Some(root)) = (options.dependencies, root) {
        let completed =
            dependencies::complete(fetcher, &mut rows, unfinished, root, options, observer).await?;
        rows.extend(completed);
    }
    Ok(rows)
}

/// Mirrors repositories; each row comes with the number of its source.
pub(super) async fn pull_each(
    fetcher: &Fetcher,
    sources: &[Source],
    root: Option<&Folder>,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Vec<(usize, Row)>, Error> {
    // Sources of one place share one index.
    let mut places: BTreeMap<String, Vec<(usize, &Source)>> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        places.entry(source.place()).or_default().push((number, source));
    }
    let mut rows = Vec::new();
    for (place, sources) in places {
        let shelf = match root {
            None => None,
            Some(root) => {
                let (root, place, base) = (root.clone(), place.clone(), options.base_of(&place));
                Some(blocking(move || Shelf::open(&root, &place, base.as_deref())).await?)
            }
        };
        let shelf = shelf.map(Arc::new);
        for text in shelf.iter().flat_map(|shelf| shelf.warnings()) {
            observer.on(&Event::Warning { text });
        }
        let mut known: Option<(String, Repository)> = None;
        for (number, source) in sources {
            let run = run::Run {
                fetcher,
                source,
                place: &place,
                shelf: shelf.clone(),
                options,
                observer,
            };
            if let Some(rows_here) = run.known().await? {
                rows.extend(rows_here.into_iter().map(|row| (number, row)));
                continue;
            }
            // Several wishes of one repository need one index.
            let repository = match known.take() {
                Some((name, repository)) if name == source.to_string() => Ok(repository),
                _ => run.repository().await,
            };
            match repository {
                Ok(repository) => {
                    let mirrored = run.mirror(&repository).await?;
                    rows.extend(mirrored.into_iter().map(|row| (number, row)));
                    known = Some((source.to_string(), repository));
                }
                Err(error) => rows.push((number, Row::failed(source, &"", &error))),
            }
        }
        if let Some(shelf) = shelf {
            blocking(move || shelf.finish()).await?;
        }
    }
    Ok(rows)
}

/// Runs what waits for the disk or takes the processor on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
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
