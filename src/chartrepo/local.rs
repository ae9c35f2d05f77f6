//! Chart archives that are at hand already, on disk or in a bundle, put into one of our repositories.

use super::Error;
use super::archive::Archive;
use super::index::Entry;
use super::pull::{Row, chain};
use super::shelf::Shelf;
use crate::digest::Digest;
use crate::fsx::Folder;
use crate::observe::Outcome;

/// The place of charts that came from no repository. A host cannot be called so: it has no dot.
pub const NO_REPOSITORY: &str = "local";

/// Puts the archives into the repository `place` below `root`, byte for byte, with their provenance. One row for each;
/// only a disk that cannot be written, or an archive that `archives` could not read, ends the run. `place` must be made of
/// checked names. One archive at a time is in memory.
pub fn put_local<E: From<Error>>(
    root: &Folder,
    place: &str,
    archives: impl Iterator<Item = Result<LocalArchive, E>>,
) -> Result<Vec<Row>, E> {
    let mut archives = archives.peekable();
    if archives.peek().is_none() {
        return Ok(Vec::new());
    }
    let shelf = Shelf::open(root, place, None)?;
    let mut rows = Vec::new();
    for archive in archives {
        let archive = archive?;
        let mut row = Row {
            source: archive.label.clone(),
            chart: String::new(),
            file: None,
            outcome: Outcome::Done,
            bytes: 0,
            warnings: Vec::new(),
        };
        match put(&shelf, place, &archive, &mut row) {
            Ok(()) => {}
            Err(Error::Disk(error)) if error.is_fatal() => return Err(Error::from(error).into()),
            Err(error) => row.outcome = Outcome::Failed(chain(&error)),
        }
        rows.push(row);
    }
    shelf.finish()?;
    Ok(rows)
}

/// A chart archive that is at hand.
#[derive(Clone, Debug)]
pub struct LocalArchive {
    /// Its path, for the report.
    pub label: String,
    /// What the index of its repository says of it, if it has one; else its own `Chart.yaml` is asked.
    pub entry: Option<Entry>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The bytes of its provenance file.
    pub provenance: Option<Vec<u8>>,
}

fn put(shelf: &Shelf, place: &str, archive: &LocalArchive, row: &mut Row) -> Result<(), Error> {
    let known = Archive::read(&archive.bytes)?;
    let digest = Digest::sha256(&archive.bytes);
    let name = format!("{}-{}.tgz", known.name, known.version);
    let entry =
        Entry::of_chart(known.metadata, digest, name).map_err(|problem| Error::BadArchive { problem })?;
    row.chart = entry.to_string();
    row.file = Some(format!("{place}/{}", entry.file_name()));
    if shelf.has(&entry)?.is_some() {
        shelf.keep(&entry, digest);
        row.outcome = Outcome::Present;
        return Ok(());
    }
    row.bytes = archive.bytes.len() as u64;
    shelf.put(&entry, &archive.bytes, archive.provenance.as_deref())
}
