//! The portable directory that crosses the gap: layout, inventory, verify.
//!
//! ```text
//! <bundle>/
//!   oci-layout  index.json  blobs/sha256/<hex>     one OCI image layout that other tools read
//!   charts/<host>/<path>/{index.yaml,*.tgz,*.prov} ready-to-serve Helm repositories
//!   carrack/inventory.json                         what this bundle is; written last
//!   carrack/{SHA256SUMS,have/,parts/,tmp/,lock}    for `sha256sum -c`, receipts, large blobs, downloads on their way
//!   README.txt                                     for someone who has only the drive
//! ```
//!
//! [`Bundle`] reads; a drive is hostile input to it: no link is followed, every read is capped, and no path is made of
//! anything but a parsed digest or a checked name. [`Writer`] is the only one that changes a bundle.
//!
//! ```
//! use carrack::bundle::{self, Bundle};
//! use carrack::observe::Silent;
//!
//! let bundle = Bundle::open("fixtures/voyage/upstream".as_ref())?;
//! let lighthouse = "registry.example.com/harbour/lighthouse:1.0".parse().unwrap();
//! assert!(bundle.entries().contains_key(&lighthouse));
//! let verified = bundle::verify(&bundle, 1, &Silent, &|| false)?;
//! assert!(verified.problems.is_empty());
//! # Ok::<(), bundle::Error>(())
//! ```

mod blob;
mod closing;
mod error;
mod files;
mod held;
mod incoming;
mod index;
mod inventory;
mod layout;
mod prune;
mod read_back;
mod receipt;
mod referrers;
mod rooms;
mod sealed;
mod shared;
mod streamed;
mod subjects;
mod verify;
mod writer;

pub use blob::{Blob, BlobReader};
pub use closing::Closing;
pub use error::Error;
pub use files::Files;
pub use held::Held;
pub use incoming::{Arrived, Incoming};
pub use index::Entries;
pub use inventory::{
    Absent, AbsentReason, FORMAT_VERSION, FileRecord, INVENTORY_CAP, Inventory, Provenance, Record, Volume,
};
pub use layout::is_bundle;
pub use prune::Pruned;
pub use receipt::Receipt;
pub use referrers::{Referrer, Referrers};
pub use sealed::{SUMS_BY_HAND, Sealed, read_unsigned};
pub use shared::{Pool, Shared};
pub use subjects::Subjects;
pub use verify::{
    Problem, ProblemKind, Unsound, Verified, hash_all, survey, verify, verify_against, verify_sealed,
};
pub use writer::{Finished, Writer};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::digest::{Algorithm, Digest};
use crate::fsx::{Folder, Kind};
use crate::oci::{Descriptor, Document, MANIFEST_CAP};
use crate::reference::Reference;

/// A file under `charts/`, ready to be served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChartFile {
    /// Its path below `charts/`: `charts.example.com/stable/redis-1.2.3.tgz`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A bundle that is open for reading.
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: Folder,
    rooms: rooms::Rooms,
    /// Shared, so that clones cost nothing: each thread that reads a blob has one.
    entries: Arc<Entries>,
}

impl Bundle {
    /// Opens the bundle in the folder `path` and reads its index.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::within(Folder::open(path)?)
    }

    /// The same for a folder that is open already.
    pub(crate) fn within(folder: Folder) -> Result<Self, Error> {
        layout::check(&folder)?;
        Ok(Self {
            entries: Arc::new(index::load(&folder)?),
            rooms: rooms::Rooms::of(folder.clone()),
            folder,
        })
    }

    /// The folder that the bundle lies in.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every reference that the bundle holds and what it points to, in bytewise order of the references.
    pub fn entries(&self) -> &BTreeMap<Reference, Arc<Descriptor>> {
        self.entries.as_map()
    }

    /// What the bundle says about itself; `None` if the run that makes it did not finish, or another tool made it.
    pub fn inventory(&self) -> Result<Option<Inventory>, Error> {
        let mut inventory = inventory::load(&self.folder)?;
        if let Some(inventory) = &mut inventory {
            let references = std::mem::take(&mut inventory.references).into_iter();
            let held = references.map(|(reference, record)| (self.entries.held(reference), record));
            inventory.references = held.collect();
        }
        Ok(inventory)
    }

    /// The same reference as the bundle holds it, so that it is held once.
    pub(crate) fn held(&self, reference: Reference) -> Reference {
        self.entries.held(reference)
    }

    /// Whether a run of this program has begun on the bundle, finished or not; another tool's layout has no such trace.
    pub(crate) fn was_begun(&self) -> Result<bool, Error> {
        match self.folder.folder(layout::CARRACK) {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The size of a blob in bytes, or `None` if it is not in the bundle. Only the file's size is asked for.
    pub fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        blob::size(&self.rooms, digest)
    }

    /// How many files lie in the folder of SHA-256 blobs.
    pub fn blob_count(&self) -> Result<u64, Error> {
        match self.rooms.blobs(Algorithm::Sha256)? {
            Some(folder) => Ok(folder.entries()?.len() as u64),
            None => Ok(0),
        }
    }

    /// Opens a blob. Its bytes are not hashed here.
    pub fn blob(&self, digest: &Digest) -> Result<Blob, Error> {
        blob::open(&self.rooms, digest)
    }

    /// Opens a blob that must have the size its descriptor says.
    pub fn described_blob(&self, descriptor: &Descriptor) -> Result<Blob, Error> {
        let blob = self.blob(&descriptor.digest)?;
        if blob.size() == descriptor.size {
            Ok(blob)
        } else {
            Err(Error::WrongSize {
                digest: descriptor.digest,
                expected: descriptor.size,
                found: blob.size(),
            })
        }
    }

    /// The bytes of a manifest or index, hashed before they are handed out.
    pub fn manifest(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let blob = self.blob(digest)?;
        if blob.size() > MANIFEST_CAP {
            return Err(Error::ManifestTooLarge {
                digest: *digest,
                size: blob.size(),
            });
        }
        let bytes = blob.read()?;
        let found = Digest::of(digest.algorithm(), &bytes);
        if found == *digest {
            Ok(bytes)
        } else {
            Err(Error::Damaged {
                expected: *digest,
                found,
            })
        }
    }

    /// The bytes of a blob that is small, hashed before they are handed out.
    pub fn small_blob(&self, descriptor: &Descriptor, cap: u64) -> Result<Vec<u8>, Error> {
        let blob = self.described_blob(descriptor)?;
        if blob.size() > cap {
            return Err(Error::BlobTooLarge {
                digest: descriptor.digest,
                size: blob.size(),
                cap,
            });
        }
        let bytes = blob.read()?;
        let found = Digest::of(descriptor.digest.algorithm(), &bytes);
        if found == descriptor.digest {
            Ok(bytes)
        } else {
            Err(Error::Damaged {
                expected: descriptor.digest,
                found,
            })
        }
    }

    /// A manifest's bytes and what they point to, which is nothing if nobody here knows its type. `media_type` is what the
    /// descriptor that led here calls it.
    pub fn document(&self, digest: &Digest, media_type: &str) -> Result<(Vec<u8>, Document), Error> {
        let bytes = self.manifest(digest)?;
        let called = (!media_type.is_empty()).then_some(media_type);
        let document = Document::parse_or_opaque(&bytes, called).map_err(|source| Error::BadManifest {
            digest: *digest,
            source,
        })?;
        Ok((bytes, document))
    }

    /// Every file under `charts/`, sorted by path.
    pub fn chart_files(&self) -> Result<Vec<ChartFile>, Error> {
        let mut found = Vec::new();
        match self.folder.folder(layout::CHARTS) {
            Ok(charts) => list(&charts, "", layout::CHART_DEPTH, &mut found)?,
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error.into()),
        }
        found.sort();
        Ok(found)
    }

    /// Opens any file of the bundle by its path below the root, walked name by name.
    pub(crate) fn any_file(&self, path: &str) -> Result<Blob, Error> {
        match path.rsplit_once('/') {
            Some((folder, name)) => blob::open_file(&self.folder.folder(folder)?, name),
            None => blob::open_file(&self.folder, path),
        }
    }

    /// Opens a file under `charts/` by its path below it. The path is walked name by name; `..` and links are refused.
    pub fn chart_file(&self, path: &str) -> Result<Blob, Error> {
        self.any_file(&format!("{}/{path}", layout::CHARTS))
    }
}

fn list(folder: &Folder, prefix: &str, depth: usize, found: &mut Vec<ChartFile>) -> Result<(), Error> {
    for entry in folder.entries()? {
        let path = if prefix.is_empty() {
            entry.name.clone()
        } else {
            format!("{prefix}/{}", entry.name)
        };
        match entry.kind {
            Kind::File => found.push(ChartFile {
                path,
                size: entry.size,
            }),
            Kind::Folder if depth > 0 => list(&folder.folder(&entry.name)?, &path, depth - 1, found)?,
            Kind::Folder | Kind::Other => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
