//! What is attached to the images of a bundle: signatures, attestations, lists of parts.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::bundle::{self, Bundle};
use crate::digest::{Algorithm, Digest};
use crate::oci::{Descriptor, Document};
use crate::reference::{Reference, Repository};

/// The attached manifests of a bundle, by the repository and the digest of what they are attached to.
#[derive(Debug, Default)]
pub(super) struct Attached {
    by_subject: BTreeMap<(Repository, Digest), Vec<Descriptor>>,
    entries: BTreeSet<Reference>,
}

impl Attached {
    /// Looks into every entry of index.json once. What cannot be understood is attached to nothing, which `verify` tells.
    pub(super) fn to_images_of(bundle: &Bundle) -> Result<Self, Error> {
        let mut attached = Self::default();
        for (reference, descriptor) in bundle.entries() {
            let document = readable(bundle, descriptor)?;
            let subject = document
                .as_ref()
                .and_then(|d| d.subject.as_ref())
                .map(|s| s.digest);
            let by_tag = reference.tag().and_then(|tag| subject_of(tag.as_str()));
            let Some((digest, is_list)) = by_tag.or_else(|| subject.map(|digest| (digest, false))) else {
                continue;
            };
            attached.entries.insert(reference.clone());
            let children = document.into_iter().filter(|_| is_list).flat_map(|d| d.manifests);
            let found = attached
                .by_subject
                .entry((reference.repository().clone(), digest))
                .or_default();
            if is_list {
                found.extend(children);
            } else {
                found.push(descriptor.clone());
            }
        }
        Ok(attached)
    }

    /// What is attached to one manifest.
    pub(super) fn to(&self, repository: &Repository, subject: &Digest) -> &[Descriptor] {
        let found = self.by_subject.get(&(repository.clone(), *subject));
        found.map_or(&[], Vec::as_slice)
    }

    /// Whether an entry of index.json is attached to an image, and none itself.
    pub(super) fn has(&self, entry: &Reference) -> bool {
        self.entries.contains(entry)
    }
}

/// The manifest that a tag is about, and whether the tag is the list of all that refer to it: `sha256-<hex>[.sig]`.
fn subject_of(tag: &str) -> Option<(Digest, bool)> {
    let rest = tag.strip_prefix("sha256-")?;
    let (hex, ending) = rest.split_once('.').unwrap_or((rest, ""));
    let is_list = match ending {
        "" => true,
        "sig" | "att" | "sbom" => false,
        _ => return None,
    };
    Some((Digest::from_hex(Algorithm::Sha256, hex).ok()?, is_list))
}

fn readable(bundle: &Bundle, descriptor: &Descriptor) -> Result<Option<Document>, Error> {
    match bundle.document(&descriptor.digest, &descriptor.media_type) {
        Ok((_, document)) => Ok(Some(document)),
        Err(
            bundle::Error::BlobMissing { .. }
            | bundle::Error::Damaged { .. }
            | bundle::Error::ManifestTooLarge { .. }
            | bundle::Error::BadManifest { .. },
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_cosign_and_of_lists_tell_what_they_are_about() {
        let digest = Digest::sha256(b"image");
        let tag = |ending: &str| format!("sha256-{}{ending}", digest.hex());
        assert_eq!(subject_of(&tag(".sig")), Some((digest, false)));
        assert_eq!(subject_of(&tag(".att")), Some((digest, false)));
        assert_eq!(subject_of(&tag("")), Some((digest, true)));
        for other in ["latest", "sha256-12.sig", &tag(".other")] {
            assert_eq!(subject_of(other), None, "{other}");
        }
    }
}
