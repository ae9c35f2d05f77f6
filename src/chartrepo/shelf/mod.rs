//! A repository of ours: a folder that any web server can offer.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::archive::ARCHIVE_CAP;
use super::oci_chart::PROVENANCE_CAP;
use super::{Entry, Error, INDEX_CAP, Index};
use crate::digest::{Algorithm, Digest};
use crate::fsx::{self, Commit, Committer, Finished, Folder, Kind, Staged, Volume};

const INDEX: &str = "index.yaml";

/// What the names of files on their way end in.
const STAGED: &str = ".part";

/// An archive that is written and not yet durable.
#[derive(Debug)]
pub(super) struct Arriving {
    entry: Entry,
    digest: Digest,
    name: String,
    provenance: Option<oneshot::Receiver<Result<(), fsx::Error>>>,
    archive: Finished,
}

/// The folder of one repository: `index.yaml`, archives and provenance files. Runs add to it.
#[derive(Debug)]
pub struct Shelf {
    folder: Folder,
    base: Option<String>,
    committer: Committer,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: Index,
    /// The index as it lies on the disk.
    written: Option<Vec<u8>>,
    /// Whether the index is no longer what lies on the disk.
    changed: bool,
    /// Names in small letters → names as they are.
    names: BTreeMap<String, String>,
    /// The files that lay here when the run began, and those that it has added.
    there: HashSet<String>,
    warnings: Vec<String>,
}

/// The name of a file on its way.
fn staged_name(name: &str) -> String {
    format!(".{name}{STAGED}")
}

/// Whether the name is one of a file on its way, left by an interrupted run.
fn is_left_over(name: &str) -> bool {
    name.starts_with('.') && name.strip_suffix(STAGED).is_some()
}

impl Shelf {
    /// Opens the repository at `place` below `root`, making it if there is none. `base` is the URL that this folder
    /// will have, if its index shall hold absolute URLs.
    pub fn open(root: &Folder, place: &str, base: Option<&str>) -> Result<Self, Error> {
        let folder = root.make_folder(place)?;
        let mut warnings = Vec::new();
        let mut names = BTreeMap::new();
        let mut there = HashSet::new();
        for entry in folder.entries()? {
            // What an interrupted run left.
            if entry.kind == Kind::File && is_left_over(&entry.name) {
                folder.remove(&entry.name)?;
            } else {
                there.insert(entry.name.clone());
                names.insert(entry.name.to_lowercase(), entry.name);
            }
        }
        let written = match folder.read(INDEX, INDEX_CAP) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.is_absent() => None,
            Err(error) => return Err(error.into()),
        };
        let mut changed = false;
        let index = match written.as_deref().map(Index::parse) {
            None => Index::default(),
            Some(Ok(index)) => index,
            Some(Err(error)) => {
                warnings.push(format!(
                    "{place}/{INDEX} could not be read and is made anew: {error}"
                ));
                changed = true;
                Index::default()
            }
        };
        let committer = Committer::on(Volume::of(&folder)?.file_system);
        Ok(Self {
            folder,
            base: base.map(|base| base.trim_end_matches('/').to_owned()),
            committer,
            state: Mutex::new(State {
                index,
                written,
                changed,
                names,
                there,
                warnings,
            }),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the operator should know about what was there, one line each.
    pub fn warnings(&self) -> Vec<String> {
        self.state().warnings.clone()
    }

    /// Looks into the index of what is here.
    pub(super) fn look<T>(&self, into: impl FnOnce(&Index) -> T) -> T {
        into(&self.state().index)
    }

    /// Whether a file of the entry's name lies here. Nothing is read.
    pub(super) fn has_file(&self, entry: &Entry) -> bool {
        self.state().there.contains(&entry.file_name())
    }

    /// Whether the entry's archive is here with the bytes that the entry asks for; without a digest in the entry, with
    /// the bytes that an earlier run noted. The file is read and hashed.
    pub fn has(&self, entry: &Entry) -> Result<Option<Digest>, Error> {
        let name = entry.file_name();
        let noted = {
            let state = self.state();
            let versions = state.index.charts().get(entry.name());
            let listed =
                versions.and_then(|versions| versions.iter().find(|other| other.file_name() == name));
            // An archive that was taken in spite of its digest is as the index of ours says.
            listed.and_then(|listed| listed.digest().copied())
        };
        let file = match self.folder.open_file(&name) {
            Ok(file) => file,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(noted) = noted.or_else(|| entry.digest().copied()) else {
            return Ok(None);
        };
        let mut hasher = Algorithm::Sha256.hasher();
        let mut buffer = vec![0; 1 << 16];
        let mut file = file;
        loop {
            let read = file
                .read(&mut buffer)
                .map_err(|error| fsx::Error::io("read", self.folder.path().join(&name), error))?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
        let found = hasher.finish();
        let wanted = entry.digest().copied().unwrap_or(noted);
        Ok((found == wanted || found == noted).then_some(found))
    }

    /// Notes that an archive that is here belongs to the entry.
    pub fn keep(&self, entry: &Entry, digest: Digest) {
        let listed = entry.listed_as(self.url_of(&entry.file_name()), digest);
        let mut state = self.state();
        state.there.insert(entry.file_name());
        if !state.index.has(&listed) {
            state.index.insert(listed);
            state.changed = true;
        }
    }

    /// Whether a provenance file lies beside the entry's archive.
    pub fn has_provenance(&self, entry: &Entry) -> bool {
        let name = format!("{}.prov", entry.file_name());
        self.state().names.contains_key(&name.to_lowercase())
    }

    /// The entry's archive and its provenance file as they lie here.
    pub fn read(&self, entry: &Entry) -> Result<(Vec<u8>, Option<Vec<u8>>), Error> {
        let name = entry.file_name();
        let archive = self.folder.read(&name, ARCHIVE_CAP)?;
        let provenance = match self.folder.read(&format!("{name}.prov"), PROVENANCE_CAP) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.is_absent() => None,
            Err(error) => return Err(error.into()),
        };
        Ok((archive, provenance))
    }

    /// Writes an archive and its provenance durably, and puts the entry into the index. Blocks until the disk has them.
    pub fn put(&self, entry: &Entry, archive: &[u8], provenance: Option<&[u8]>) -> Result<(), Error> {
        let mut arriving = self.begin(entry, Digest::sha256(archive), archive, provenance)?;
        if let Some(told) = arriving.provenance.take() {
            self.answer(told.blocking_recv(), &arriving.name)?;
        }
        let name = arriving.name.clone();
        let told = self.commit(arriving.archive, &name);
        self.answer(told.blocking_recv(), &name)?;
        self.keep(entry, arriving.digest);
        Ok(())
    }

    /// Writes an archive of this digest and its provenance, neither durable nor visible yet.
    pub(super) fn begin(
        &self,
        entry: &Entry,
        digest: Digest,
        archive: &[u8],
        provenance: Option<&[u8]>,
    ) -> Result<Arriving, Error> {
        let name = entry.file_name();
        self.claim(&name)?;
        let archive = Staged::whole(&self.folder, &staged_name(&name), archive, digest)?;
        let provenance = match provenance {
            Some(bytes) => {
                let name = format!("{name}.prov");
                let digest = Digest::sha256(bytes);
                let staged = Staged::whole(&self.folder, &staged_name(&name), bytes, digest)?;
                Some(self.commit(staged, &name))
            }
            None => None,
        };
        Ok(Arriving {
            entry: entry.clone(),
            digest,
            name,
            provenance,
            archive,
        })
    }

    /// How many charts may settle at once. Each is up to two files: the archive and its provenance.
    pub(super) fn room(&self) -> usize {
        self.committer.room(2)
    }

    /// Says that the last chart has begun, so that the disk need not wait for others.
    pub(super) fn hurry(&self) {
        self.committer.hurry();
    }

    /// Makes what [`begin`](Self::begin) wrote durable, and puts the entry into the index. Many may wait at once: the disk
    /// syncs them together. The archive comes last: where it lies, its provenance was decided.
    pub(super) async fn settle(&self, arriving: Arriving) -> Result<(), Error> {
        if let Some(told) = arriving.provenance {
            self.answer(told.await, &arriving.name)?;
        }
        let told = self.commit(arriving.archive, &arriving.name);
        self.answer(told.await, &arriving.name)?;
        self.keep(&arriving.entry, arriving.digest);
        Ok(())
    }

    /// Takes a name, unless another one differs from it in capitals only.
    pub(super) fn claim(&self, name: &str) -> Result<(), Error> {
        let mut state = self.state();
        let known = state
            .names
            .entry(name.to_lowercase())
            .or_insert_with(|| name.to_owned());
        if known == name {
            Ok(())
        } else {
            Err(Error::SameName {
                name: name.to_owned(),
                other: known.clone(),
            })
        }
    }

    fn commit(&self, file: Finished, name: &str) -> oneshot::Receiver<Result<(), fsx::Error>> {
        let (told, wait) = oneshot::channel();
        self.committer.submit(Commit {
            file,
            folder: self.folder.clone(),
            name: name.to_owned(),
            acknowledged: Box::new(move |result| {
                // Nobody waits any more if the run was given up.
                let _ = told.send(result);
            }),
        });
        wait
    }

    fn answer(
        &self,
        told: Result<Result<(), fsx::Error>, oneshot::error::RecvError>,
        name: &str,
    ) -> Result<(), Error> {
        Ok(told.unwrap_or_else(|_| {
            Err(fsx::Error::WriterStopped {
                path: self.folder.path().join(name),
            })
        })?)
    }

    fn url_of(&self, file: &str) -> String {
        let file = file.replace('+', "%2B");
        match &self.base {
            Some(base) => format!("{base}/{file}"),
            None => file,
        }
    }

    /// Writes `index.yaml` if it changed: only what is here, in an order that does not depend on the day. Gives the
    /// number of its entries.
    pub fn finish(&self) -> Result<usize, Error> {
        let there: BTreeSet<String> = self
            .folder
            .entries()?
            .into_iter()
            .filter(|entry| entry.kind == Kind::File)
            .map(|entry| entry.name)
            .collect();
        let mut state = self.state();
        let before = state.index.len();
        state.index.retain(|entry| there.contains(&entry.file_name()));
        let count = state.index.len();
        if state.written.is_some() && !state.changed && before == count {
            return Ok(count);
        }
        let text = state.index.to_yaml()?.into_bytes();
        if state.written.as_ref() != Some(&text) {
            self.folder.write(INDEX, &text)?;
            state.written = Some(text);
        }
        state.changed = false;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
