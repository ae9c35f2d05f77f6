//! `import --charts-to`: a bundle's charts where `helm install` finds them inside.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

use super::charts_push::{self, PushOptions};
use super::{Ending, Error, Report as _, World, charts, charts_upload};
use crate::bundle::Bundle;
use crate::chartrepo::{self, Row, Source};
use crate::fsx::Folder;
use crate::mirrors::{self, Target};
use crate::observe::{Observer, Outcome};
use crate::secret::redact_url;

/// Where charts go.
#[derive(Clone, Debug)]
pub enum ChartsTo {
    /// Into a folder that any web server offers, beside what is there.
    Folder(PathBuf),
    /// Into an OCI registry, by Helm's rules.
    Registry(Target),
    /// Into a repository that takes uploads: ChartMuseum, or Harbor up to 2.7.
    Museum(Source),
}

/// A text names no place for charts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadPlace {
    /// It is no registry.
    #[error(transparent)]
    Registry(#[from] mirrors::Error),
    /// It is no repository.
    #[error(transparent)]
    Repository(#[from] chartrepo::Error),
    /// It names charts of a repository, and all go there.
    #[error("`{text}` chooses among charts: write https://HOST[/PATH] alone")]
    Chosen {
        /// What was written, without secrets.
        text: String,
    },
}

impl FromStr for ChartsTo {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if ["https://", "http://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return match text.parse::<Source>()? {
                Source::Classic { pattern: Some(_), .. } => Err(BadPlace::Chosen {
                    text: redact_url(text),
                }),
                repository => Ok(Self::Museum(repository)),
            };
        }
        match text.strip_prefix("dir:") {
            Some(path) => Ok(Self::Folder(path.into())),
            None => Ok(Self::Registry(text.parse()?)),
        }
    }
}

impl ChartsTo {
    /// Sees that the place can be reached with the settings that there are. Nobody is asked yet.
    pub(super) fn try_way(&self, world: &World, observer: &Arc<dyn Observer>) -> Result<(), Error> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Registry(_) => world.registry(observer).map(drop),
            Self::Museum(_) => world.charts(false, observer).map(drop),
        }
    }
}

/// What became of the charts.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ChartsIn {
    /// In a folder.
    Folder {
        /// The folder.
        to: PathBuf,
        /// One row for each chart.
        charts: Vec<Row>,
    },
    /// In a registry.
    Registry(charts_push::Pushed),
    /// In a repository that takes uploads.
    Museum(charts_upload::Uploads),
}

/// Brings every chart of a bundle to its place; a dry run only says which.
pub(super) async fn bring(
    bundle: &Bundle,
    to: &ChartsTo,
    dry_run: bool,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<ChartsIn, Error> {
    match to {
        ChartsTo::Registry(to) => {
            let options = PushOptions {
                sources: vec![bundle.path().join("charts")],
                to: to.clone(),
                dry_run,
            };
            Ok(ChartsIn::Registry(
                charts_push::push(&options, world, observer).await?,
            ))
        }
        ChartsTo::Museum(repository) => {
            let folder = bundle.path().join("charts");
            Ok(ChartsIn::Museum(
                charts_upload::upload(&folder, repository, dry_run, world, observer).await?,
            ))
        }
        ChartsTo::Folder(folder) => {
            let charts = if dry_run {
                Vec::new()
            } else {
                let (bundle, folder) = (bundle.clone(), folder.clone());
                let copied = tokio::task::spawn_blocking(move || {
                    let shelf = Folder::create(&folder).map_err(chartrepo::Error::from)?;
                    charts::copy(&bundle, &shelf)
                });
                copied.await.map_err(|_| Error::Crashed)??
            };
            Ok(ChartsIn::Folder {
                to: folder.clone(),
                charts,
            })
        }
    }
}

impl ChartsIn {
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Registry(pushed) => pushed.ending(),
            Self::Museum(uploads) => uploads.ending(),
            Self::Folder { charts, .. } if charts.iter().any(is_failed) => Ending::SomeFailed,
            Self::Folder { .. } => Ending::Done,
        }
    }
}

fn is_failed(row: &Row) -> bool {
    matches!(row.outcome, Outcome::Failed(_))
}

impl fmt::Display for ChartsIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(pushed) => pushed.fmt(f),
            Self::Museum(uploads) => uploads.fmt(f),
            Self::Folder { to, charts } => {
                for row in charts {
                    if let Outcome::Failed(reason) = &row.outcome {
                        writeln!(f, "failed: {} {}: {reason}", row.source, row.chart)?;
                    }
                }
                let failed = charts.iter().filter(|row| is_failed(row)).count();
                let present = charts
                    .iter()
                    .filter(|row| row.outcome == Outcome::Present)
                    .count();
                write!(
                    f,
                    "{}: {} charts new, {present} there already, {failed} failed; any web server can offer this folder",
                    to.display(),
                    charts.len() - failed - present
                )
            }
        }
    }
}
