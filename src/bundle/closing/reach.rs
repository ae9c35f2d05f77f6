//! What the references of a bundle reach: its blobs and manifests, and the platforms that are here.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::bundle::{Bundle, Error, FileRecord, Files, blob, layout};
use crate::digest::{Algorithm, Digest};
use crate::oci::{Descriptor, Document, NESTING_CAP, Platform};

/// Larger image configurations are not looked into for their platform.
const CONFIG_CAP: u64 = 4 << 20;

/// Everything that the references reach.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) files: Files,
    /// Manifests that were followed for the reference at hand.
    followed: BTreeSet<Digest>,
}

impl Reached {
    /// Records what one reference reaches, and gives the platforms that are here of it.
    pub(super) fn follow(
        &mut self,
        bundle: &Bundle,
        descriptor: &Descriptor,
    ) -> Result<BTreeSet<Platform>, Error> {
        let mut platforms = BTreeSet::new();
        self.followed.clear();
        walk(bundle, descriptor, NESTING_CAP, self, &mut platforms)?;
        Ok(platforms)
    }
}

/// Records a manifest, what it points to, and the platforms that are here. What is not here is `verify`'s matter.
fn walk(
    bundle: &Bundle,
    descriptor: &Descriptor,
    depth: usize,
    reached: &mut Reached,
    platforms: &mut BTreeSet<Platform>,
) -> Result<(), Error> {
    if let Some(platform) = &descriptor.platform {
        platforms.insert(Platform::clone(platform));
    }
    if !reached.followed.insert(descriptor.digest) {
        return Ok(());
    }
    let (bytes, document) = match bundle.document(&descriptor.digest, &descriptor.media_type) {
        Ok(found) => found,
        Err(Error::BlobMissing { .. } | Error::Damaged { .. } | Error::BadManifest { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    record(bundle, &descriptor.digest, bytes.len() as u64, &mut reached.files)?;
    if depth == 0 {
        return Ok(());
    }
    for child in &document.manifests {
        if bundle.blob_size(&child.digest)?.is_some() {
            walk(bundle, child, depth - 1, reached, platforms)?;
        }
    }
    if descriptor.platform.is_none() && !document.is_index() {
        platforms.extend(platform_of(bundle, &document));
    }
    for blob in &document.blobs {
        if !reached.files.has_blob(&blob.digest)
            && let Some(size) = bundle.blob_size(&blob.digest)?
        {
            record(bundle, &blob.digest, size, &mut reached.files)?;
        }
    }
    Ok(())
}

/// The platform that an image's configuration names, if it is an image's.
fn platform_of(bundle: &Bundle, document: &Document) -> Option<Platform> {
    #[derive(Deserialize)]
    struct Configuration {
        os: String,
        architecture: String,
        variant: Option<String>,
        #[serde(rename = "os.version")]
        os_version: Option<String>,
    }
    let config = document.blobs.first().filter(|c| c.size <= CONFIG_CAP)?;
    // An artifact's configuration is no image's, and a missing one is `verify`'s matter.
    let bytes = bundle.described_blob(config).ok()?.read().ok()?;
    let found: Configuration = serde_json::from_slice(&bytes).ok()?;
    Some(Platform {
        os: found.os,
        architecture: found.architecture,
        variant: found.variant,
        os_version: found.os_version,
    })
}

/// Puts a blob in, or its parts.
fn record(bundle: &Bundle, digest: &Digest, size: u64, files: &mut Files) -> Result<(), Error> {
    if files.has_blob(digest) {
        return Ok(());
    }
    for (name, size) in blob::parts(&bundle.rooms, digest)? {
        let path = format!("{}/{name}", layout::part_folder(digest));
        let part = bundle.any_file(&path)?;
        let sha256 = part.hash(&Digest::sha256(b""))?;
        files.insert(path, FileRecord { sha256, size });
    }
    let whole = match bundle.rooms.blobs(digest.algorithm())? {
        Some(folder) => folder.size_of(&digest.hex())?,
        None => None,
    };
    if whole.is_none() {
        return Ok(());
    }
    let sha256 = match digest.algorithm() {
        Algorithm::Sha256 => *digest,
        Algorithm::Sha512 => bundle.blob(digest)?.hash(&Digest::sha256(b""))?,
    };
    files.insert(layout::blob_path(digest), FileRecord { sha256, size });
    Ok(())
}
