//! Chart archives that lie on this machine already, put into a repository beside the mirrored ones.

use super::Error;
use super::archive::Archive;
use super::index::Entry;
use super::pull::{Row, chain};
use super::shelf::Shelf;
use crate::digest::Digest;
use crate::fsx::Folder;
use crate::observe::Outcome;

/// The folder of charts that came from no repository. A host cannot be called so: it has no dot.
const PLACE: &str = "local";

/// Puts the archives into the repository `local` below `root`, byte for byte, with the `.prov` file beside each if there
/// is one. One row for each; only a disk that cannot be written ends the run.
pub fn put_local(root: &Folder, archives: &[LocalArchive]) -> Result<Vec<Row>, Error> {
    if archives.is_empty() {
        return Ok(Vec::new());
    }
    let shelf = Shelf::open(root, PLACE, None)?;
    let mut rows = Vec::new();
    for archive in archives {
        let mut row = Row {
            source: archive.label.clone(),
            chart: String::new(),
            file: None,
            outcome: Outcome::Done,
            bytes: 0,
            warnings: Vec::new(),
        };
        match put(&shelf, archive, &mut row) {
            Ok(()) => {}
            Err(Error::Disk(error)) if error.is_fatal() => return Err(error.into()),
            Err(error) => row.outcome = Outcome::Failed(chain(&error)),
        }
        rows.push(row);
    }
    shelf.finish()?;
    Ok(rows)
}

/// A chart archive from disk.
#[derive(Clone, Debug)]
pub struct LocalArchive {
    /// Its path, for the report.
    pub label: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The bytes of its provenance file.
    pub provenance: Option<Vec<u8>>,
}

fn put(shelf: &Shelf, archive: &LocalArchive, row: &mut Row) -> Result<(), Error> {
    let known = Archive::read(&archive.bytes)?;
    let digest = Digest::sha256(&archive.bytes);
    let name = format!("{}-{}.tgz", known.name, known.version);
    let entry =
        Entry::of_chart(known.metadata, digest, name).map_err(|problem| Error::BadArchive { problem })?;
    row.chart = entry.to_string();
    row.file = Some(format!("{PLACE}/{}", entry.file_name()));
    if shelf.has(&entry)?.is_some() {
        shelf.keep(&entry, digest);
        row.outcome = Outcome::Present;
        return Ok(());
    }
    row.bytes = archive.bytes.len() as u64;
    shelf.put(&entry, &archive.bytes, archive.provenance.as_deref())
}
