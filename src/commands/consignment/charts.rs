//! The charts themselves: fetched from their repositories, or taken from disk, into a shelf.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Asked;
use crate::chartrepo::{self, LocalArchive, Row};
use crate::commands::{Error, World, images};
use crate::fsx::Folder;
use crate::observe::{Observer, Outcome};

/// Larger chart archives are refused, as in a mirrored repository.
const ARCHIVE_CAP: u64 = 100 << 20;

/// The archives that were fetched, or were there, and are to be looked into.
pub(in crate::commands) fn files(rows: &[Row], shelf: &Folder) -> Vec<PathBuf> {
    let whole = rows.iter().filter(|row| !row.is_part);
    let files = whole.filter_map(|row| row.file.as_ref());
    files.map(|file| shelf.path().join(file)).collect()
}

/// The charts that could not be fetched, where charts are looked into and do not go along.
pub(in crate::commands) fn failures(rows: Vec<Row>) -> impl Iterator<Item = images::Failure> {
    rows.into_iter().filter_map(|row| match row.outcome {
        Outcome::Failed(reason) => Some(images::Failure {
            subject: format!("{} {}", row.source, row.chart).trim_end().to_owned(),
            reason,
        }),
        _ => None,
    })
}

/// Fetches charts of repositories.
pub(in crate::commands) async fn pull(
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
pub(super) fn keep(paths: &[PathBuf], shelf: &Folder) -> Result<Vec<Row>, Error> {
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

/// Whether a path is a chart archive, by its name.
pub(super) fn is_archive(path: &Path) -> bool {
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

/// Whether a chart that was to go along did not.
pub(in crate::commands) fn is_failed(row: &Row) -> bool {
    matches!(row.outcome, Outcome::Failed(_))
}
