//! Removing what no reference needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::digest::{Algorithm, Digest};
use crate::fsx::Kind;
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::Reference;

use super::{Bundle, Error, Inventory, layout};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// References that were taken out.
    pub references: u64,
    /// Files of blobs that none of the others needs.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (references, files, bytes) = (self.references, self.files, self.bytes);
        write!(
            f,
            "{references} references and {files} blobs with {bytes} bytes removed"
        )
    }
}

/// Removes every blob that the inventory does not list: it is made of what the references reach. Comes last in a run, so
/// that a bundle which loses power here only has some blobs too many.
///
/// A manifest that cannot be read stops it before anything is removed: what it needs would look as if nobody did.
pub(super) fn unreached(
    bundle: &Bundle,
    before: &BTreeMap<Reference, Arc<Descriptor>>,
    inventory: &Inventory,
) -> Result<Pruned, Error> {
    let mut seen = BTreeSet::new();
    for descriptor in bundle.entries().values() {
        readable(bundle, inventory, descriptor, NESTING_CAP, &mut seen)?;
    }
    let gone = before.keys().filter(|r| !bundle.entries().contains_key(r));
    let mut pruned = Pruned {
        references: gone.count() as u64,
        ..Pruned::default()
    };
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let name = layout::blob_folder(algorithm);
        remove(bundle, name, &mut pruned, |path| inventory.files.contains(path))?;
    }
    let parts = match bundle.folder.folder(layout::PARTS) {
        Ok(parts) => parts.entries()?,
        Err(error) if error.is_absent() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    for entry in parts.into_iter().filter(|entry| entry.kind == Kind::Folder) {
        let name = format!("{}/{}", layout::PARTS, entry.name);
        remove(bundle, &name, &mut pruned, |path| inventory.files.contains(path))?;
    }
    Ok(pruned)
}

/// Sees that every manifest below a descriptor says what it needs.
fn readable(
    bundle: &Bundle,
    inventory: &Inventory,
    descriptor: &Descriptor,
    depth: usize,
    seen: &mut BTreeSet<Digest>,
) -> Result<(), Error> {
    let digest = descriptor.digest;
    if depth == 0 || !seen.insert(digest) || inventory.absent.contains_key(&digest) {
        return Ok(());
    }
    let (_, document) = bundle
        .document(&digest, &descriptor.media_type)
        .map_err(|error| Error::CannotPrune {
            digest,
            source: Box::new(error),
        })?;
    for child in &document.manifests {
        readable(bundle, inventory, child, depth - 1, seen)?;
    }
    Ok(())
}

fn remove(
    bundle: &Bundle,
    name: &str,
    pruned: &mut Pruned,
    needed: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let folder = match bundle.folder.folder(name) {
        Ok(folder) => folder,
        Err(error) if error.is_absent() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in folder.entries()? {
        if entry.kind == Kind::File && !needed(&format!("{name}/{}", entry.name)) {
            folder.remove(&entry.name)?;
            pruned.files += 1;
            pruned.bytes += entry.size;
        }
    }
    Ok(folder.sync()?)
}
