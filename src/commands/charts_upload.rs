//! `import --charts-to https://…`: archives into a repository that takes uploads.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::charts_push::{self, Row};
use super::{Ending, Error, World};
use crate::causes::chain;
use crate::chartrepo::{self, Fetcher, Source};
use crate::observe::{Observer, Outcome};

/// What became of all archives.
#[derive(Clone, Debug, Serialize)]
pub struct Uploads {
    /// The repository, without secrets.
    pub to: String,
    /// Whether nothing was sent on purpose.
    pub dry_run: bool,
    /// One row for each archive, by path.
    pub charts: Vec<Row>,
}

/// Uploads every archive below a folder.
pub(super) async fn upload(
    folder: &Path,
    to: &Source,
    dry_run: bool,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Uploads, Error> {
    let files = charts_push::archives(&[folder.to_path_buf()])?;
    let fetcher = &world.charts(false, observer)?;
    let bring = |file| one(fetcher, to, dry_run, file);
    Ok(Uploads {
        to: to.to_string(),
        dry_run,
        charts: charts_push::each(files, world, observer, bring).await?,
    })
}

async fn one(fetcher: &Fetcher, to: &Source, dry_run: bool, file: PathBuf) -> Row {
    let (reference, outcome) = match upload_one(fetcher, to, dry_run, &file).await {
        Ok(None) => (None, Outcome::Done),
        Ok(Some(uploaded)) if uploaded.was_there => (Some(uploaded.url), Outcome::Present),
        Ok(Some(uploaded)) => (Some(uploaded.url), Outcome::Done),
        Err(error) => (None, Outcome::Failed(chain(&error))),
    };
    Row {
        file,
        reference,
        outcome,
    }
}

async fn upload_one(
    fetcher: &Fetcher,
    to: &Source,
    dry_run: bool,
    file: &Path,
) -> Result<Option<chartrepo::Uploaded>, chartrepo::Error> {
    let (archive, provenance) = charts_push::with_provenance(file)?;
    if dry_run {
        chartrepo::Archive::read(&archive)?;
        return Ok(None);
    }
    fetcher.upload(to, archive, provenance).await.map(Some)
}

impl Uploads {
    pub(super) fn ending(&self) -> Ending {
        charts_push::ending(&self.charts)
    }
}

impl fmt::Display for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        charts_push::write_rows(f, &self.to, self.dry_run, &self.charts)
    }
}
