//! `index.json`: one descriptor for each reference.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fsx::Folder;
use crate::oci::{Descriptor, media_type};
use crate::reference::Reference;

use super::{Error, layout, streamed};

/// The annotation that OCI tools read.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation that containerd reads.
pub(super) const IMAGE_NAME: &str = "io.containerd.image.name";

/// Larger indexes are refused: this is room for a hundred thousand references.
const INDEX_CAP: u64 = 64 << 20;

/// The references of a bundle and what each points to. Clones share the descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(BTreeMap<Reference, Arc<Descriptor>>);

impl Entries {
    /// The references in bytewise order.
    pub fn as_map(&self) -> &BTreeMap<Reference, Arc<Descriptor>> {
        &self.0
    }

    /// The same reference as it is held here, so that it is held once.
    pub(super) fn held(&self, reference: Reference) -> Reference {
        let known = self.0.get_key_value(&reference);
        known.map_or(reference, |(held, _)| held.clone())
    }

    /// Puts a reference in, or points it elsewhere. The descriptor's own annotations stay out of the index.
    pub fn insert(&mut self, reference: Reference, descriptor: Arc<Descriptor>) {
        self.0.insert(reference, descriptor);
    }

    /// Takes a reference out.
    pub fn remove(&mut self, reference: &Reference) -> Option<Arc<Descriptor>> {
        self.0.remove(reference)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<M> {
    schema_version: u64,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    manifests: M,
}

/// Reads the index. An entry without a name is another tool's and is left out: nothing can ask for it.
pub(super) fn load(folder: &Folder) -> Result<Entries, Error> {
    let wire: Wire<Read> = streamed::read(folder, layout::INDEX, INDEX_CAP)?;
    wire.manifests.0
}

/// The entries, made of each descriptor as it is read.
struct Read(Result<Entries, Error>);

impl Default for Read {
    fn default() -> Self {
        Self(Ok(Entries::default()))
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut manifests: A) -> Result<Read, A::Error> {
        // Made of a list, the tree has no gaps.
        let mut named = Vec::new();
        let mut bad = None;
        while let Some(descriptor) = manifests.next_element()? {
            match entry(descriptor) {
                Ok(entry) => named.extend(entry),
                Err(error) => bad = bad.or(Some(error)),
            }
        }
        Ok(Read(match bad {
            Some(error) => Err(error),
            None => Ok(Entries(named.into_iter().collect())),
        }))
    }
}

/// What a descriptor is the entry of, if it has a name.
fn entry(mut descriptor: Descriptor) -> Result<Option<(Reference, Arc<Descriptor>)>, Error> {
    let mut annotations = std::mem::take(&mut descriptor.annotations);
    let name = annotations.remove(IMAGE_NAME);
    let other = annotations.remove(REF_NAME);
    let Some(name) = name.or(other) else {
        return Ok(None);
    };
    let reference = name.parse().map_err(|source| Error::BadEntry {
        name: crate::secret::printable(&name, 120),
        source,
    })?;
    // A tree that something was taken out of keeps its memory.
    if !annotations.is_empty() {
        descriptor.annotations = annotations;
    }
    Ok(Some((reference, Arc::new(descriptor))))
}

/// Writes the bytes of the index for these entries.
pub(super) fn encode(entries: &Entries, to: &mut dyn Write) -> io::Result<()> {
    let wire = Wire {
        schema_version: 2,
        media_type: media_type::OCI_INDEX.to_owned(),
        manifests: entries,
    };
    Ok(serde_json::to_writer_pretty(to, &wire)?)
}

impl Serialize for Entries {
    /// Each descriptor with its name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(reference, descriptor)| {
            let mut named = Descriptor::clone(descriptor);
            for annotation in [REF_NAME, IMAGE_NAME] {
                named
                    .annotations
                    .insert(annotation.to_owned(), reference.to_string());
            }
            named
        }))
    }
}
