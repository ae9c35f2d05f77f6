//! Images that other tools left on disk, by the names that they are to have. They answer for themselves: what they need and
//! do not have is looked for nowhere else.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::digest::Digest;
use crate::layouts::{self, BlobBytes, Store};
use crate::oci::Descriptor;
use crate::reference::Reference;

/// Stores of images that lie beside the registries.
#[derive(Debug, Default)]
pub(super) struct OnDisk {
    stores: Vec<Store>,
    roots: BTreeMap<Reference, Descriptor>,
}

impl OnDisk {
    /// Puts the images of several stores together. Of two with one name the first is taken.
    pub(super) fn new(stores: Vec<Store>) -> Self {
        let mut roots = BTreeMap::new();
        for entry in stores.iter().flat_map(Store::entries) {
            let root = || entry.root.clone();
            roots.entry(entry.reference.clone()).or_insert_with(root);
        }
        Self { stores, roots }
    }

    /// What a name points to here. With a digest it must be that one.
    pub(super) fn root(&self, reference: &Reference) -> Option<&Descriptor> {
        self.roots.get(reference).or_else(|| {
            let short = Reference::tagged(reference.repository().clone(), reference.tag()?.clone());
            let root = self.roots.get(&short)?;
            (Some(&root.digest) == reference.digest()).then_some(root)
        })
    }

    /// The bytes of a manifest; `None` if no image here is about it.
    pub(super) fn manifest(&self, digest: &Digest) -> Result<Option<Bytes>, layouts::Error> {
        self.first(|store| Ok(store.manifest(digest)?.map(Bytes::from)))
    }

    /// The bytes of a blob; `None` if no image here needs it.
    pub(super) fn blob(&self, digest: &Digest, offset: u64) -> Result<Option<BlobBytes>, layouts::Error> {
        self.first(|store| store.blob(digest, offset))
    }

    /// The first answer. One image may have what another one lacks.
    fn first<T>(
        &self,
        ask: impl Fn(&Store) -> Result<Option<T>, layouts::Error>,
    ) -> Result<Option<T>, layouts::Error> {
        let mut missing = None;
        for store in &self.stores {
            match ask(store) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => missing = Some(error),
            }
        }
        missing.map_or(Ok(None), Err)
    }
}
