//! `carrack charts push`: archives out of a folder into an OCI registry, where `helm pull oci://…` finds them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{Ending, Error, Report, World};
use crate::causes::chain;
use crate::chartrepo;
use crate::fsx::{Folder, Kind};
use crate::mirrors::Target;
use crate::observe::{Event, Observer, Outcome};

/// An archive larger than this is no chart's.
const ARCHIVE_CAP: u64 = 100 << 20;

/// How deep folders are searched for archives.
const DEPTH: usize = 16;

/// What is pushed, and where to.
#[derive(Clone, Debug)]
pub struct PushOptions {
    /// Archives, and folders that are searched for them, such as the `charts` folder of a bundle.
    pub sources: Vec<PathBuf>,
    /// The registry and the path on it.
    pub to: Target,
    /// Only say what would be pushed.
    pub dry_run: bool,
}

/// What became of one archive.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The archive.
    pub file: PathBuf,
    /// Where it is in the registry.
    pub reference: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What became of all archives.
#[derive(Clone, Debug, Serialize)]
pub struct Pushed {
    /// The registry and the path on it.
    pub to: Target,
    /// Whether nothing was sent on purpose.
    pub dry_run: bool,
    /// One row for each archive, by path.
    pub charts: Vec<Row>,
}

/// Pushes every archive that the sources hold.
pub async fn push(
    options: &PushOptions,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Pushed, Error> {
    let files = archives(&options.sources)?;
    let client = &world.registry(observer)?;
    let charts = each(files, world, observer, |file| one(options, client, file)).await?;
    Ok(Pushed {
        to: options.to.clone(),
        dry_run: options.dry_run,
        charts,
    })
}

/// Every archive among the sources and in their folders, by path.
pub(super) fn archives(sources: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for source in sources {
        if source.is_dir() {
            let folder = Folder::open(source).map_err(chartrepo::Error::from)?;
            search(&folder, source, DEPTH, &mut files)?;
        } else {
            files.push(source.clone());
        }
    }
    if files.is_empty() {
        return Err(Error::Usage {
            problem: "there is no chart archive (.tgz) in what was named".into(),
        });
    }
    files.sort();
    Ok(files)
}

/// Does the same with one archive after the other, and tells of each.
pub(super) async fn each<F: Future<Output = Row>>(
    files: Vec<PathBuf>,
    world: &World,
    observer: &Arc<dyn Observer>,
    bring: impl Fn(PathBuf) -> F,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for file in files {
        if world.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let subject = file.display().to_string();
        observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let row = bring(file).await;
        observer.on(&Event::ItemFinished {
            subject,
            outcome: row.outcome.clone(),
        });
        rows.push(row);
    }
    Ok(rows)
}

/// Every archive below a folder. No link is followed.
fn search(folder: &Folder, path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in folder.entries().map_err(chartrepo::Error::from)? {
        let below = path.join(&entry.name);
        match entry.kind {
            Kind::File if below.extension().is_some_and(|extension| extension == "tgz") => files.push(below),
            Kind::Folder if depth > 0 => {
                let inner = folder.folder(&entry.name).map_err(chartrepo::Error::from)?;
                search(&inner, &below, depth - 1, files)?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn one(options: &PushOptions, client: &crate::registry::Client, file: PathBuf) -> Row {
    let pushed = push_one(options, client, &file).await;
    let (reference, outcome) = match pushed {
        Ok(None) => (None, Outcome::Done),
        Ok(Some(pushed)) => {
            let outcome = if pushed.was_there {
                Outcome::Present
            } else {
                Outcome::Done
            };
            (Some(pushed.reference.to_string()), outcome)
        }
        Err(error) => (None, Outcome::Failed(chain(&error))),
    };
    Row {
        file,
        reference,
        outcome,
    }
}

async fn push_one(
    options: &PushOptions,
    client: &crate::registry::Client,
    file: &Path,
) -> Result<Option<chartrepo::Pushed>, chartrepo::Error> {
    let (archive, provenance) = with_provenance(file)?;
    if options.dry_run {
        chartrepo::Archive::read(&archive)?;
        return Ok(None);
    }
    let (host, path) = (options.to.registry(), options.to.prefix());
    chartrepo::push(client, host, path, archive, provenance)
        .await
        .map(Some)
}

/// An archive, and its provenance file if there is one.
pub(super) fn with_provenance(file: &Path) -> Result<(Bytes, Option<Bytes>), chartrepo::Error> {
    let archive = read(file)?.unwrap_or_default();
    Ok((archive, read(&file.with_extension("tgz.prov"))?))
}

/// A whole file; nothing of that name is `None`.
fn read(path: &Path) -> Result<Option<Bytes>, chartrepo::Error> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = Folder::open(parent.unwrap_or_else(|| Path::new(".")))?;
    match folder.read(name, ARCHIVE_CAP) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.is_absent() && name.ends_with("prov") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Report for Pushed {
    fn ending(&self) -> Ending {
        ending(&self.charts)
    }
}

/// How a run over these charts went.
pub(super) fn ending(charts: &[Row]) -> Ending {
    if charts.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))) {
        Ending::SomeFailed
    } else {
        Ending::Done
    }
}

impl fmt::Display for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rows(f, &format!("oci://{}", self.to), self.dry_run, &self.charts)
    }
}

/// What failed, and how many charts are at their place now.
pub(super) fn write_rows(
    f: &mut fmt::Formatter<'_>,
    place: &str,
    dry_run: bool,
    charts: &[Row],
) -> fmt::Result {
    let count = |wanted: fn(&Outcome) -> bool| charts.iter().filter(|row| wanted(&row.outcome)).count();
    for row in charts {
        match &row.outcome {
            Outcome::Failed(reason) => writeln!(f, "failed  {}: {reason}", row.file.display())?,
            _ if dry_run => writeln!(f, "push    {}", row.file.display())?,
            _ => {}
        }
    }
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let done = count(|outcome| *outcome == Outcome::Done);
    if dry_run {
        return write!(f, "{place}: {done} charts would be pushed, {failed} cannot be");
    }
    let present = count(|outcome| *outcome == Outcome::Present);
    write!(
        f,
        "{place}: {done} charts new, {present} there already, {failed} failed"
    )
}
