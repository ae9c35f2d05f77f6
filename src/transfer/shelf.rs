//! The bundle that content goes to, as far as it exists: a dry run has no writer, and a first one no bundle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::bundle::{self, Bundle, Held, Inventory, Referrer, Writer};
use crate::digest::Digest;
use crate::fsx::{Folder, Volume};
use crate::oci::Descriptor;
use crate::reference::{Reference, Repository};

use super::{Error, Manifests};

/// Where content goes.
#[derive(Clone, Debug)]
pub struct Shelf {
    path: PathBuf,
    writer: Option<Arc<Writer>>,
    bundle: Option<Bundle>,
    manifests: Option<Manifests>,
    /// What the bundle says of itself, where there is no writer who knows it.
    inventory: Option<Arc<Inventory>>,
}

impl Shelf {
    /// A shelf that is written to.
    pub fn writing(writer: Arc<Writer>) -> Self {
        Self {
            path: writer.bundle().path().to_path_buf(),
            bundle: Some(writer.bundle().clone()),
            inventory: None,
            writer: Some(writer),
            manifests: None,
        }
    }

    /// A shelf that is only looked at. What is not there yet counts as empty.
    pub fn looking_at(path: &Path) -> Result<Self, Error> {
        let bundle = match Bundle::open(path) {
            Ok(bundle) => Some(bundle),
            Err(bundle::Error::NotABundle { .. }) => None,
            Err(bundle::Error::Disk(error)) if error.is_absent() => None,
            Err(error) => return Err(error.into()),
        };
        let inventory = match bundle.as_ref().map(Bundle::inventory).transpose() {
            Ok(inventory) => inventory.flatten(),
            // The writer, too, goes on without one that it cannot read.
            Err(bundle::Error::Malformed { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            path: path.to_path_buf(),
            writer: None,
            bundle,
            manifests: None,
            inventory: inventory.map(Arc::new),
        })
    }

    /// No bundle at all: nothing is there yet, and manifests are kept in memory.
    pub fn in_memory(manifests: Manifests) -> Self {
        Self {
            path: PathBuf::new(),
            writer: None,
            bundle: None,
            inventory: None,
            manifests: Some(manifests),
        }
    }

    /// Keeps a manifest in memory, if this shelf does that.
    pub(super) fn remember(&self, digest: Digest, media_type: &str, bytes: Bytes) {
        if let Some(manifests) = &self.manifests {
            manifests.keep(digest, media_type, bytes);
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn writer(&self) -> Option<&Arc<Writer>> {
        self.writer.as_ref()
    }

    /// The file system that the bundle lies on, or will.
    pub(super) fn volume(&self) -> Result<Volume, Error> {
        let mut path = self.path.as_path();
        loop {
            let here = if path.as_os_str().is_empty() {
                Path::new(".")
            } else {
                path
            };
            match (Folder::open(here), path.parent()) {
                (Err(error), Some(parent)) if error.is_absent() => path = parent,
                (opened, _) => return Ok(Volume::of(&opened?)?),
            }
        }
    }

    /// How many files lie in the folder of blobs.
    pub(super) fn blob_count(&self) -> Result<u64, Error> {
        match &self.bundle {
            Some(bundle) => Ok(bundle.blob_count()?),
            None => Ok(0),
        }
    }

    /// What a reference points to at present.
    pub(super) fn entry(&self, reference: &Reference) -> Option<Arc<Descriptor>> {
        self.bundle.as_ref()?.entries().get(reference).cloned()
    }

    /// The same reference as the bundle holds it, so that it is held once.
    pub(super) fn held(&self, reference: Reference) -> Reference {
        match &self.bundle {
            Some(bundle) => bundle.held(reference),
            None => reference,
        }
    }

    /// What an earlier run was told to be about a manifest of a repository; `None` if nobody was asked.
    pub(super) fn referrers(&self, repository: &Repository, subject: &Digest) -> Option<&[Referrer]> {
        let inventory = match &self.writer {
            Some(writer) => writer.before(),
            None => self.inventory.as_deref(),
        };
        inventory?.referrers.get(repository)?.get(subject)
    }

    /// Whether a blob is there and may be trusted.
    pub(super) fn holds(&self, descriptor: &Descriptor) -> Result<Held, Error> {
        match (&self.writer, &self.bundle) {
            (Some(writer), _) => Ok(writer.holds(descriptor)?),
            (None, Some(bundle)) => Ok(bundle.holds(descriptor)?),
            (None, None) => Ok(Held::Absent),
        }
    }

    /// How many bytes of each blob earlier runs left on their way.
    pub(super) fn kept(&self) -> Result<BTreeMap<Digest, u64>, Error> {
        match &self.writer {
            Some(writer) => Ok(writer.staged_lengths()?),
            None => Ok(BTreeMap::new()),
        }
    }

    /// A manifest that is there and whole.
    pub(super) fn manifest(&self, digest: &Digest) -> Result<Option<Bytes>, Error> {
        if let Some(manifests) = &self.manifests {
            return Ok(manifests.get(digest).map(|kept| kept.bytes));
        }
        match (&self.writer, &self.bundle) {
            (Some(writer), _) => Ok(writer.manifest(digest)?.map(Bytes::from)),
            (None, Some(bundle)) => Ok(bundle.manifest(digest).ok().map(Bytes::from)),
            (None, None) => Ok(None),
        }
    }
}
