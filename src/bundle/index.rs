//! `index.json`: one descriptor for each reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fsx::Folder;
use crate::oci::{Descriptor, media_type};
use crate::reference::Reference;

use super::{Error, layout};

/// The annotation that OCI tools read.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation that containerd reads.
pub(super) const IMAGE_NAME: &str = "io.containerd.image.name";

/// Larger indexes are refused: this is room for a hundred thousand references.
const INDEX_CAP: u64 = 64 << 20;

/// The references of a bundle and what each points to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(BTreeMap<Reference, Descriptor>);

impl Entries {
    pub(super) fn from_map(map: BTreeMap<Reference, Descriptor>) -> Self {
        Self(map)
    }

    /// The references in bytewise order.
    pub fn as_map(&self) -> &BTreeMap<Reference, Descriptor> {
        &self.0
    }

    /// Puts a reference in, or points it elsewhere. The descriptor's own annotations stay out of the index.
    pub fn insert(&mut self, reference: Reference, descriptor: Descriptor) -> Option<Descriptor> {
        self.0.insert(reference, descriptor)
    }

    /// Takes a reference out.
    pub fn remove(&mut self, reference: &Reference) -> Option<Descriptor> {
        self.0.remove(reference)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: u64,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

/// Reads the index. An entry without a name is another tool's and is left out: nothing can ask for it.
pub(super) fn load(folder: &Folder) -> Result<Entries, Error> {
    let bytes = folder.read(layout::INDEX, INDEX_CAP)?;
    let wire: Wire = serde_json::from_slice(&bytes).map_err(|source| Error::Malformed {
        path: folder.path().join(layout::INDEX),
        source,
    })?;
    let mut entries = Entries::default();
    for mut descriptor in wire.manifests {
        let name = descriptor
            .annotations
            .remove(IMAGE_NAME)
            .or_else(|| descriptor.annotations.get(REF_NAME).cloned());
        let Some(name) = name else { continue };
        let reference = name.parse().map_err(|source| Error::BadEntry {
            name: crate::secret::printable(&name, 120),
            source,
        })?;
        descriptor.annotations.remove(REF_NAME);
        entries.insert(reference, descriptor);
    }
    Ok(entries)
}

/// The bytes of the index for these entries.
pub(super) fn encode(entries: &Entries) -> Vec<u8> {
    let manifests = entries
        .0
        .iter()
        .map(|(reference, descriptor)| {
            let mut descriptor = descriptor.clone();
            for annotation in [REF_NAME, IMAGE_NAME] {
                descriptor
                    .annotations
                    .insert(annotation.to_owned(), reference.to_string());
            }
            descriptor
        })
        .collect();
    let wire = Wire {
        schema_version: 2,
        media_type: media_type::OCI_INDEX.to_owned(),
        manifests,
    };
    serde_json::to_vec_pretty(&wire).expect("an index of strings and numbers is JSON")
}
