//! Files of blobs that are on their way: their names, and what becomes of them.

use std::collections::BTreeMap;

use crate::bundle::{Bundle, Error};
use crate::digest::Digest;
use crate::fsx::Folder;

/// Removes temporary files of blobs that are whole now. What is left of others is gone on with by a later run.
pub(super) fn clear_leftovers(tmp: &Folder, bundle: &Bundle) -> Result<(), Error> {
    for entry in tmp.entries()? {
        let is_whole = match on_its_way(&entry.name) {
            Some(digest) => bundle.blob_size(&digest)?.is_some(),
            None => true,
        };
        if is_whole {
            tmp.remove(&entry.name)?;
        }
    }
    Ok(())
}

/// A blob's name while it is on its way.
pub(super) fn temporary(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm().name(), digest.hex())
}

/// The blob that a temporary name is of: the whole of it, or a part.
fn on_its_way(name: &str) -> Option<Digest> {
    let (algorithm, rest) = name.split_once('-')?;
    let hex = rest.split('.').next().unwrap_or_default();
    format!("{algorithm}:{hex}").parse().ok()
}

/// How many bytes of each blob are there.
pub(super) fn lengths(tmp: &Folder) -> Result<BTreeMap<Digest, u64>, Error> {
    let mut lengths = BTreeMap::new();
    for entry in tmp.entries()? {
        if let Some(digest) = on_its_way(&entry.name) {
            *lengths.entry(digest).or_default() += entry.size;
        }
    }
    Ok(lengths)
}
