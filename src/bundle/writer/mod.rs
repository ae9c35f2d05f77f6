//! The only one that changes a bundle.
//!
//! The order of a run: blobs and manifests under their digests, then `index.json`, the charts' indexes, SHA256SUMS and
//! last the inventory. A manifest may have its digest name before its layers do, which nobody sees: what is visible is
//! what `index.json` names, and that is written when all of it is there. A run that is killed at any point leaves the
//! old index, and the next run completes.

mod beside;
mod ending;
mod on_its_way;
mod parts;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::digest::{Algorithm, Digest};
use crate::fsx::{self, Acknowledged, Commit, Committer, Folder, Hashing, Lock, Staged, Volume};
use crate::oci::Descriptor;
use crate::reference::Reference;

use super::{Arrived, Bundle, Entries, Error, Held, Incoming, Inventory, blob, index, layout, read_back};
use beside::begin;
pub(super) use beside::write_if_new;
pub use ending::Finished;
use on_its_way::temporary;
use parts::Together;
use read_back::Written;

/// A bundle that is open for writing, and locked.
#[derive(Debug)]
pub struct Writer {
    bundle: Bundle,
    tmp: Folder,
    sha256: Folder,
    sha512: OnceLock<Folder>,
    lock: Lock,
    committer: Committer,
    /// The entries as this run will leave them. Until it changes something they are the bundle's own.
    entries: Mutex<Arc<Entries>>,
    before: Option<Inventory>,
    puts: AtomicU64,
    largest_file: Option<u64>,
    /// Whether what is there is hashed whatever vouches for it.
    hashes_all: bool,
    /// What this run has made durable, for reading it back.
    pub(super) written: Arc<Written>,
}

impl Writer {
    /// Opens the bundle in the folder `path` or begins one there. `holder` names this run for one that comes second.
    ///
    /// A folder that has other things in it is refused: a drive with someone's files is no place to begin.
    pub fn open(path: &Path, holder: &str) -> Result<Self, Error> {
        let root = Folder::create(path)?;
        begin(&root)?;
        // Before the folder of what is on its way, so that fsck comes to a digest's name first, should a power cut leave FAT
        // with both names of a file.
        let sha256 = root.make_folder(layout::blob_folder(Algorithm::Sha256))?;
        let lock = Lock::take(&root.make_folder(layout::CARRACK)?, layout::LOCK, holder)?;
        if root.size_of(layout::INDEX)?.is_none() {
            root.write_with(layout::INDEX, |file| index::encode(&Entries::default(), file))?;
        }
        let bundle = Bundle::within(root.clone())?;
        bundle.rooms.look_for_parts()?;
        // An inventory that cannot be read is of no use for this run, which writes a new one.
        let before = match bundle.inventory() {
            Ok(before) => before,
            Err(Error::Malformed { .. }) => None,
            Err(error) => return Err(error),
        };
        let volume = Volume::of(&root)?;
        Ok(Self {
            tmp: root.make_folder(layout::TMP)?,
            sha256,
            sha512: OnceLock::new(),
            lock,
            committer: Committer::on(volume.file_system),
            entries: Mutex::new(Arc::clone(&bundle.entries)),
            before,
            puts: AtomicU64::new(0),
            largest_file: volume.largest_file,
            hashes_all: false,
            written: Arc::default(),
            bundle,
        })
    }

    /// The same bundle for reading. Its entries are those from before this run.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What the last run that finished said about the bundle.
    pub fn before(&self) -> Option<&Inventory> {
        self.before.as_ref()
    }

    /// Whether the last run did not come to its end.
    pub fn found_unfinished(&self) -> bool {
        self.lock.found_unfinished()
    }

    /// Lets the bundle go as it was found, by a run that has changed nothing in it.
    pub fn leave(self) -> Result<(), Error> {
        if self.lock.found_unfinished() {
            return Ok(());
        }
        Ok(self.lock.release()?)
    }

    /// The file system that the bundle lies on.
    pub fn volume(&self) -> Result<Volume, Error> {
        Ok(Volume::of(&self.bundle.folder)?)
    }

    /// Whether a blob is in the bundle and may be trusted. A wrong one is removed, so that it is fetched again.
    ///
    /// Its size is always compared. Its bytes are hashed if the size is another one: who says it may be wrong as well as
    /// the file; if the last run did not finish and no inventory vouches for it: a power cut can leave a file that has its
    /// name and not its bytes; or if this run [hashes all](Self::hashing_all).
    pub fn holds(&self, descriptor: &Descriptor) -> Result<Held, Error> {
        let digest = &descriptor.digest;
        match self.bundle.blob_size(digest)? {
            Some(size) if size == descriptor.size && self.is_vouched_for(digest) => Ok(Held::Whole),
            Some(_) => {
                let held = self.bundle.hashed(descriptor)?;
                if held == Held::Absent {
                    self.remove_blob(digest)?;
                }
                Ok(held)
            }
            None => Ok(Held::Absent),
        }
    }

    fn is_vouched_for(&self, digest: &Digest) -> bool {
        // Parts have no vouching entry under the blob's own name and are hashed after a run that did not finish.
        let by_inventory = || self.before.as_ref().is_some_and(|b| b.files.has_blob(digest));
        !self.hashes_all && (!self.lock.found_unfinished() || by_inventory())
    }

    fn is_sound(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.bundle.blob(digest)?.hash(digest)? == *digest)
    }

    /// The bytes of a manifest that is in the bundle; `None` if it is not, or is damaged and was removed.
    pub fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        match self.bundle.manifest(digest) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::BlobMissing { .. }) => Ok(None),
            // It may well be somebody's layer that an index calls a manifest.
            Err(Error::ManifestTooLarge { .. }) if self.is_sound(digest)? => Ok(None),
            Err(Error::Damaged { .. } | Error::ManifestTooLarge { .. }) => {
                self.remove_blob(digest)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a blob that is not what its name says.
    pub fn remove_blob(&self, digest: &Digest) -> Result<(), Error> {
        self.blob_folder(digest)?.remove(&digest.hex())?;
        for (name, _) in blob::parts(&self.bundle.rooms, digest)? {
            if let Some(folder) = self.bundle.rooms.parts(digest)? {
                folder.remove(&name)?;
            }
        }
        Ok(())
    }

    fn blob_folder(&self, digest: &Digest) -> Result<Folder, fsx::Error> {
        match digest.algorithm() {
            Algorithm::Sha256 => Ok(self.sha256.clone()),
            algorithm @ Algorithm::Sha512 => {
                if let Some(folder) = self.sha512.get() {
                    return Ok(folder.clone());
                }
                let folder = self.bundle.folder.make_folder(layout::blob_folder(algorithm))?;
                Ok(self.sha512.get_or_init(|| folder).clone())
            }
        }
    }

    /// Begins a blob, or goes on with what an earlier run left of it. The kept part is hashed again.
    pub fn stage(&self, descriptor: &Descriptor) -> Result<Incoming, Error> {
        self.stage_hashed(descriptor, Hashing::AsWritten)
    }

    /// The same for a blob of which no try has failed: while what becomes durable [is read back on the
    /// way](Self::read_back_on_the_way), it need be hashed but once, when it is read back.
    pub fn stage_first(&self, descriptor: &Descriptor) -> Result<Incoming, Error> {
        let hashing = if self.hashes_on_drive() {
            Hashing::OnDrive
        } else {
            Hashing::AsWritten
        };
        self.stage_hashed(descriptor, hashing)
    }

    /// Whether [first tries](Self::stage_first) are hashed when they are read back.
    pub fn hashes_on_drive(&self) -> bool {
        self.written.is_read_on_the_way()
    }

    fn stage_hashed(&self, descriptor: &Descriptor, hashing: Hashing) -> Result<Incoming, Error> {
        let digest = &descriptor.digest;
        Incoming::resume(
            &self.tmp,
            temporary(digest),
            digest.algorithm(),
            descriptor.size,
            self.largest_file,
            hashing,
        )
    }

    /// Stores blobs larger than this as parts, also where the file system would take them whole.
    #[must_use]
    pub fn with_largest_file(mut self, bytes: Option<u64>) -> Self {
        self.largest_file = match (self.largest_file, bytes) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// Hashes also what earlier runs left and vouched for: bytes may have changed since.
    #[must_use]
    pub fn hashing_all(self, hashes_all: bool) -> Self {
        Self { hashes_all, ..self }
    }

    /// How many bytes of each blob earlier runs left on their way.
    pub fn staged_lengths(&self) -> Result<BTreeMap<Digest, u64>, Error> {
        on_its_way::lengths(&self.tmp)
    }

    /// Gives a finished blob its name if it is what `expected` says, and tells when it is durable.
    ///
    /// A blob that is not is removed, and the error says what it was.
    pub fn commit(&self, blob: Arrived, expected: &Digest, acknowledged: Acknowledged) -> Result<(), Error> {
        if blob.digest() != expected {
            let found = *blob.digest();
            blob.discard()?;
            return Err(Error::Damaged {
                expected: *expected,
                found,
            });
        }
        let acknowledged = if blob.is_proved() {
            acknowledged
        } else {
            self.noting(*expected, blob.length(), acknowledged)
        };
        if let Some(file) = blob.whole {
            self.committer.submit(Commit {
                file,
                folder: self.blob_folder(expected)?,
                name: expected.hex(),
                acknowledged,
            });
            return Ok(());
        }
        self.bundle.rooms.parts_come();
        let folder = self.bundle.folder.make_folder(&layout::part_folder(expected))?;
        let together = Together::new(blob.parts.len(), acknowledged);
        for (number, file) in blob.parts.into_iter().enumerate() {
            let together = Arc::clone(&together);
            self.committer.submit(Commit {
                file,
                folder: folder.clone(),
                name: layout::part_name(number + 1),
                acknowledged: Box::new(move |result| together.one_more(result)),
            });
        }
        Ok(())
    }

    /// Whether a blob of so many bytes is one file here.
    pub fn takes_whole(&self, size: u64) -> bool {
        self.largest_file.is_none_or(|largest| size <= largest)
    }

    /// Notes the blob for reading it back once it is durable.
    fn noting(&self, digest: Digest, size: u64, acknowledged: Acknowledged) -> Acknowledged {
        let written = Arc::clone(&self.written);
        Box::new(move |result| {
            if result.is_ok() {
                written.note(digest, size);
            }
            acknowledged(result);
        })
    }

    /// Says that no more blobs come, so that the last ones need not wait for others.
    pub fn hurry(&self) {
        self.committer.hurry();
    }

    /// Writes a small blob whose bytes were hashed and are right, and tells when it is durable or why it is not. What a run
    /// that is killed leaves of it is gone on with by the next one, unless it `may_repeat`: then it has a name of its own on
    /// its way, because the same blob may come again before it is there.
    pub fn put(&self, digest: &Digest, bytes: &[u8], may_repeat: bool, acknowledged: Acknowledged) {
        let name = if may_repeat {
            format!("put-{}", self.puts.fetch_add(1, Ordering::Relaxed))
        } else {
            temporary(digest)
        };
        let staged = self.blob_folder(digest).and_then(|folder| {
            let file = Staged::whole(&self.tmp, &name, bytes, *digest)?;
            Ok((file, folder))
        });
        match staged {
            Ok((file, folder)) => self.committer.submit(Commit {
                file,
                folder,
                name: digest.hex(),
                acknowledged: self.noting(*digest, bytes.len() as u64, acknowledged),
            }),
            Err(error) => acknowledged(Err(error)),
        }
    }

    /// Lets a reference point to a manifest. Visible to others when the run finishes.
    pub fn insert(&self, reference: Reference, descriptor: Arc<Descriptor>) {
        let mut entries = self.lock_entries();
        if entries
            .as_map()
            .get(&reference)
            .is_none_or(|known| *known != descriptor)
        {
            Arc::make_mut(&mut entries).insert(reference, descriptor);
        }
    }

    /// Takes a reference out. Its blobs stay until they are pruned.
    pub fn remove(&self, reference: &Reference) -> Option<Arc<Descriptor>> {
        Arc::make_mut(&mut self.lock_entries()).remove(reference)
    }

    /// Every reference as it stands now.
    pub fn entries(&self) -> Arc<Entries> {
        Arc::clone(&self.lock_entries())
    }

    /// The bundle as it will be when the run finishes, for reading.
    pub fn preview(&self) -> Bundle {
        Bundle {
            entries: self.entries(),
            ..self.bundle.clone()
        }
    }

    fn lock_entries(&self) -> MutexGuard<'_, Arc<Entries>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes everything that is on its way and not whole, to make room.
    pub fn drop_partial(&self) -> Result<(), Error> {
        for entry in self.tmp.entries()? {
            self.tmp.remove(&entry.name)?;
        }
        Ok(())
    }
}
