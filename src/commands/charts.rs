//! `carrack charts pull`: chart repositories into a folder that any web server can offer.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::{Ending, Error, Report, World};
use crate::chartrepo::{self, Fetcher, Row, Source};
use crate::credentials::Store;
use crate::fsx::Folder;
use crate::observe::{Observer, Outcome};

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
    let credentials = Store::load(&world.credentials)?;
    let fetcher = Fetcher::new(world.http(observer)?, credentials, options.pass_credentials);
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
