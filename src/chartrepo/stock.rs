//! What lies in a folder: repositories of ours, bundles, loose archives, charts.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::{ARCHIVE_CAP, Archive};
use super::local::read_capped;
use super::{Entry, Error, INDEX_CAP, Index};
use crate::digest::Digest;
use crate::helm;

/// Folders within folders are searched this far.
const DEEPEST: usize = 16;

/// The charts at one place.
#[derive(Debug)]
pub struct Stock {
    /// The folder of the repository, or the archive.
    pub place: PathBuf,
    /// What is there, or why that cannot be said.
    pub charts: Result<Index, Error>,
}

/// The charts at a path: an archive, the folder of a chart, or a folder that is searched for repositories (their
/// `index.yaml` counts) and loose archives. A bundle is such a folder.
pub fn stock_at(path: &Path) -> Result<Vec<Stock>, Error> {
    let mut found = Vec::new();
    look(path, DEEPEST, &mut found)?;
    if found.is_empty() {
        return Err(Error::NoCharts {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

fn look(path: &Path, depth: usize, found: &mut Vec<Stock>) -> Result<(), Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let stock = |charts| Stock {
        place: path.to_owned(),
        charts,
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        found.push(stock(index_of_archive(path)));
        return Ok(());
    }
    if path.join("Chart.yaml").is_file() {
        found.push(stock(index_of_chart(path)));
        return Ok(());
    }
    let index = path.join("index.yaml");
    let has_index = index.is_file();
    if has_index {
        found.push(stock(
            read_capped(&index, INDEX_CAP).and_then(|bytes| Index::parse(&bytes)),
        ));
    }
    let mut names: Vec<PathBuf> = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(unreadable)?;
    names.sort();
    for name in names {
        // Links may lead in circles; only what the operator named itself may be one.
        let kind = fs::symlink_metadata(&name).map_err(unreadable)?;
        let hidden = name
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_archive = name
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("tgz"));
        if (kind.is_dir() && !hidden && depth > 0) || (kind.is_file() && is_archive && !has_index) {
            look(&name, depth.saturating_sub(1), found)?;
        }
    }
    Ok(())
}

fn index_of_archive(path: &Path) -> Result<Index, Error> {
    let bytes = read_capped(path, ARCHIVE_CAP)?;
    let archive = Archive::read(&bytes)?;
    index_of(archive.metadata, Digest::sha256(&bytes), path)
}

/// A folder has no digest; the entry says that of its `Chart.yaml`.
fn index_of_chart(path: &Path) -> Result<Index, Error> {
    let chart = helm::load(path)?;
    let file = chart.raw.iter().find(|file| file.name == "Chart.yaml");
    let text = file.map(|file| &*file.data).unwrap_or_default();
    index_of(
        super::archive::mapping(text, "Chart.yaml")?,
        Digest::sha256(text),
        path,
    )
}

fn index_of(metadata: crate::goyaml::Map, digest: Digest, path: &Path) -> Result<Index, Error> {
    let url = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let entry = Entry::of_chart(metadata, digest, url).map_err(|problem| Error::BadArchive { problem })?;
    let mut index = Index::default();
    index.insert(entry);
    Ok(index)
}
