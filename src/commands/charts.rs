//! `carrack charts pull`: chart repositories into a folder that any web server can offer.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Ending, Error, Report, World};
use crate::bundle::Bundle;
use crate::chartrepo::{self, Entry, LocalArchive, Row, Source};
use crate::fsx::Folder;
use crate::observe::{Observer, Outcome};

/// No chart archive and no index is larger.
const FILE_CAP: u64 = 256 << 20;

/// What to mirror, and where to.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// Repositories and charts.
    pub sources: Vec<Source>,
    /// The folder under which each repository gets `HOST/PATH/`; made if it is not there.
    pub to: PathBuf,
    /// How to mirror. `jobs` is set from the world.
    pub pull: chartrepo::Options,
    /// Send a repository's credentials also to other hosts that its index names.
    pub pass_credentials: bool,
    /// Only say what would be fetched.
    pub dry_run: bool,
}

/// What became of every chart.
#[derive(Clone, Debug, Serialize)]
pub struct Pulled {
    /// The folder.
    pub to: PathBuf,
    /// Whether nothing was fetched because only the plan was asked for.
    pub dry_run: bool,
    /// One row for each chart, and one for each source or wish that failed as a whole.
    pub charts: Vec<Row>,
}

/// Mirrors the sources.
pub async fn pull(
    options: &PullOptions,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Pulled, Error> {
    if options.sources.is_empty() {
        return Err(Error::Usage {
            problem: "charts pull needs a repository, such as https://argoproj.github.io/argo-helm".into(),
        });
    }
    let settings = chartrepo::Options {
        jobs: world.jobs,
        ..options.pull.clone()
    };
    let fetcher = world.charts(options.pass_credentials, observer)?;
    let root = if options.dry_run {
        None
    } else {
        Some(Folder::create(&options.to).map_err(chartrepo::Error::from)?)
    };
    let work = chartrepo::pull(
        &fetcher,
        &options.sources,
        root.as_ref(),
        &settings,
        observer.as_ref(),
    );
    let charts = tokio::select! {
        done = work => done?,
        // Archives that have their names are whole, and the next run finds them.
        () = world.cancel.cancelled() => return Err(Error::Interrupted),
    };
    Ok(Pulled {
        to: options.to.clone(),
        dry_run: options.dry_run,
        charts,
    })
}

/// Merges the charts of a bundle into the folder of another's repositories: same places, same bytes, one index.
pub(super) fn copy(bundle: &Bundle, shelf: &Folder) -> Result<Vec<Row>, Error> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in bundle.chart_files()? {
        if let Some((place, name)) = file.path.rsplit_once('/') {
            places.entry(place.to_owned()).or_default().push(name.to_owned());
        }
    }
    let mut rows = Vec::new();
    for (place, names) in places {
        let read = |name: &str| -> Result<Vec<u8>, Error> {
            let mut bytes = Vec::new();
            let mut reader = bundle.chart_file(&format!("{place}/{name}"))?.reader(0);
            let read = reader.by_ref().take(FILE_CAP).read_to_end(&mut bytes);
            read.map_err(|source| Error::Read {
                path: bundle.path().join("charts").join(&place).join(name),
                source,
            })?;
            Ok(bytes)
        };
        let index = match names.iter().find(|name| *name == "index.yaml") {
            Some(name) => chartrepo::Index::parse(&read(name)?)?,
            None => chartrepo::Index::default(),
        };
        let listed: BTreeMap<String, &Entry> = index
            .charts()
            .values()
            .flatten()
            .map(|entry| (entry.file_name(), entry))
            .collect();
        let archives = names.iter().filter(|name| is_archive(name)).map(|name| {
            let provenance = format!("{name}.prov");
            Ok::<_, Error>(LocalArchive {
                label: format!("{place}/{name}"),
                entry: listed.get(name).map(|entry| (*entry).clone()),
                bytes: read(name)?,
                provenance: names
                    .contains(&provenance)
                    .then(|| read(&provenance))
                    .transpose()?,
            })
        });
        rows.extend(chartrepo::put_local(shelf, &place, archives)?);
    }
    Ok(rows)
}

/// Our own repositories write the ending in small letters.
fn is_archive(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "tgz")
}

impl Report for Pulled {
    fn ending(&self) -> Ending {
        if self
            .charts
            .iter()
            .any(|row| matches!(row.outcome, Outcome::Failed(_)))
        {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl fmt::Display for Pulled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            for row in &self.charts {
                match &row.outcome {
                    Outcome::Failed(reason) => writeln!(f, "failed  {} {}: {reason}", row.source, row.chart)?,
                    _ => writeln!(f, "fetch   {} {}", row.source, row.chart)?,
                }
            }
            return write!(
                f,
                "{} charts would be fetched into {}",
                self.charts.len(),
                self.to.display()
            );
        }
        let count =
            |wanted: fn(&Outcome) -> bool| self.charts.iter().filter(|row| wanted(&row.outcome)).count();
        for row in &self.charts {
            if let Outcome::Failed(reason) = &row.outcome {
                writeln!(f, "failed  {} {}: {reason}", row.source, row.chart)?;
            }
        }
        let bytes: u64 = self.charts.iter().map(|row| row.bytes).sum();
        write!(
            f,
            "{} charts fetched ({bytes} bytes), {} were there, {} failed; in {}",
            count(|outcome| *outcome == Outcome::Done),
            count(|outcome| *outcome == Outcome::Present),
            count(|outcome| matches!(outcome, Outcome::Failed(_))),
            self.to.display()
        )
    }
}
