//! Charts that are at hand already, on disk or in a bundle, put into one of our repositories.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::archive::{ARCHIVE_CAP, Archive};
use super::dependencies::{Unfinished, missing_from};
use super::oci_chart::PROVENANCE_CAP;
use super::pull::{blocking, check_provenance};
use super::{Entry, Error, Options, Row, Shelf, pack};
use crate::causes::chain;
use crate::digest::Digest;
use crate::fsx::Folder;
use crate::helm::{self, Chart};
use crate::observe::Outcome;

/// The place of charts that came from no repository. A host cannot be called so: it has no dot.
pub const NO_REPOSITORY: &str = "local";

/// Folders within folders are searched this far.
const DEEPEST: usize = 16;

/// Puts the archives into the repository `place` below `root`, byte for byte, with their provenance. One row for each;
/// only a disk that cannot be written, or an archive that `archives` could not read, ends the run. `place` must be made of
/// checked names. One archive at a time is in memory.
pub fn put_local<E: From<Error>>(
    root: &Folder,
    place: &str,
    archives: impl Iterator<Item = Result<LocalArchive, E>>,
) -> Result<Vec<Row>, E> {
    put_listed(root, place, None, archives, |_, _, _| Ok(()))
}

/// The same, with an index of absolute URLs that begin with `base`.
pub(super) fn put_listed<E: From<Error>>(
    root: &Folder,
    place: &str,
    base: Option<&str>,
    archives: impl Iterator<Item = Result<LocalArchive, E>>,
    vet: impl Fn(&str, Digest, Option<&[u8]>) -> Result<(), Error>,
) -> Result<Vec<Row>, E> {
    let mut archives = archives.peekable();
    if archives.peek().is_none() {
        return Ok(Vec::new());
    }
    let shelf = Shelf::open(root, place, base)?;
    let mut rows = Vec::new();
    for archive in archives {
        let archive = archive?;
        let mut row = Row::new(&archive.label, &"");
        match put(&shelf, place, &archive, &vet, &mut row) {
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

fn put(
    shelf: &Shelf,
    place: &str,
    archive: &LocalArchive,
    vet: impl Fn(&str, Digest, Option<&[u8]>) -> Result<(), Error>,
    row: &mut Row,
) -> Result<(), Error> {
    let known = Archive::read(&archive.bytes)?;
    let digest = Digest::sha256(&archive.bytes);
    let name = format!("{}-{}.tgz", known.name, known.version);
    let entry =
        Entry::of_chart(known.metadata, digest, name).map_err(|problem| Error::BadArchive { problem })?;
    row.chart = entry.to_string();
    vet(&entry.file_name(), digest, archive.provenance.as_deref())?;
    row.file = Some(format!("{place}/{}", entry.file_name()));
    if shelf.has(&entry)? == Some(digest) {
        shelf.keep(&entry, digest);
        row.outcome = Outcome::Present;
        return Ok(());
    }
    row.bytes = archive.bytes.len() as u64;
    shelf.put(&entry, &archive.bytes, archive.provenance.as_deref())
}

/// Puts the charts at `paths` into the repository [`NO_REPOSITORY`]: archives as they are, folders of charts packed. Gives
/// back the folders that ask for charts which are not inside, if those are to be fetched.
pub(super) async fn keep(
    paths: Vec<PathBuf>,
    root: Option<&Folder>,
    options: &Options,
) -> Result<(Vec<Row>, Vec<Unfinished>), Error> {
    if paths.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let (root, options) = (root.cloned(), options.clone());
    blocking(move || {
        let mut found = Found::default();
        for path in &paths {
            if let Err(error) = found.look(path, options.dependencies, DEEPEST) {
                found.rows.push(Row::failed(&path.display(), &"", &error));
            }
        }
        if let Some(root) = root {
            let base = options.base_of(NO_REPOSITORY);
            let archives = found.archives.iter().map(|path| read_archive(path));
            let archives = found.packed.into_iter().map(Ok).chain(archives);
            let vet = |file: &str, digest: Digest, provenance: Option<&[u8]>| {
                let keyring = options.keyring.as_deref();
                check_provenance(options.provenance, keyring, file, digest, provenance)
            };
            let rows = put_listed(&root, NO_REPOSITORY, base.as_deref(), archives, vet)?;
            found.rows.extend(rows);
        } else {
            let planned = found.archives.iter().map(|path| Row::new(&path.display(), &""));
            found.rows.extend(planned);
            let packed = found.packed.iter().map(|archive| Row::new(&archive.label, &""));
            found.rows.extend(packed);
        }
        Ok((found.rows, found.unfinished))
    })
    .await
}

/// What lies at the paths that were named.
#[derive(Default)]
struct Found {
    archives: Vec<PathBuf>,
    packed: Vec<LocalArchive>,
    unfinished: Vec<Unfinished>,
    rows: Vec<Row>,
}

impl Found {
    fn look(&mut self, path: &Path, complete: bool, depth: usize) -> Result<(), Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        if !fs::metadata(path).map_err(unreadable)?.is_dir() {
            self.archives.push(path.to_owned());
            return Ok(());
        }
        if path.join("Chart.yaml").is_file() {
            return self.look_into_chart(path, complete);
        }
        let before = self.archives.len() + self.packed.len() + self.unfinished.len();
        let mut names: Vec<PathBuf> = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(unreadable)?;
        names.sort();
        for name in names {
            let hidden = name
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // Links may lead in circles; only what the operator named itself may be one.
            let kind = fs::symlink_metadata(&name).map_err(unreadable)?;
            let is_archive = name
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("tgz"));
            if kind.is_file() && is_archive {
                self.archives.push(name);
            } else if kind.is_dir() && !hidden && depth > 0 {
                self.look(&name, complete, depth - 1)?;
            }
        }
        let after = self.archives.len() + self.packed.len() + self.unfinished.len();
        if depth == DEEPEST && before == after {
            return Err(Error::NoCharts {
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    fn look_into_chart(&mut self, path: &Path, complete: bool) -> Result<(), Error> {
        let chart = helm::load(path)?;
        let missing = missing_from(&chart);
        if missing.is_empty() {
            self.packed.push(LocalArchive {
                label: path.display().to_string(),
                entry: None,
                bytes: pack::pack(chart.name(), &files_of(&chart))?,
                provenance: None,
            });
            return Ok(());
        }
        if !complete {
            let names = missing.iter().map(|missing| missing.name.clone()).collect();
            return Err(Error::MissingDependencies { names });
        }
        self.unfinished.push(Unfinished {
            label: path.display().to_string(),
            chart,
            folder: Some(path.to_owned()),
        });
        Ok(())
    }
}

/// The files of a chart by their names below its folder.
pub(super) fn files_of(chart: &Chart) -> BTreeMap<String, &[u8]> {
    let files = chart.raw.iter();
    files.map(|file| (file.name.clone(), &*file.data)).collect()
}

fn read_archive(path: &Path) -> Result<LocalArchive, Error> {
    let mut provenance = path.to_owned().into_os_string();
    provenance.push(".prov");
    let provenance = PathBuf::from(provenance);
    Ok(LocalArchive {
        label: path.display().to_string(),
        entry: None,
        bytes: read_capped(path, ARCHIVE_CAP)?,
        provenance: provenance
            .is_file()
            .then(|| read_capped(&provenance, PROVENANCE_CAP))
            .transpose()?,
    })
}

pub(super) fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(cap + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > cap {
        return Err(Error::BadArchive {
            problem: format!("it has more than {cap} bytes"),
        });
    }
    Ok(bytes)
}
