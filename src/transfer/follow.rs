//! From a manifest to everything below it, level by level. Each child is looked into as it comes and then forgotten: an
//! image takes the memory of a few manifests, however many it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use crate::bundle::{Absent, AbsentReason};
use crate::digest::Digest;
use crate::oci::{Descriptor, Document, NESTING_CAP, media_type};
use crate::reference::Repository;

use super::Error;
use super::choice::{is_about_a_sibling, is_real};
use super::resolve::Walk;

/// Manifests that one image may have: the largest known have some dozens.
const COUNT_CAP: usize = 4_096;

/// Bytes that the manifests of one image may have together.
const BYTES_CAP: u64 = 128 << 20;

/// Children of one image that are on their way at once.
const ON_THE_WAY: usize = 4;

/// Children of all images that are on their way at once: each may have as many bytes as a manifest may have.
pub(super) const ALL_ON_THE_WAY: usize = 32;

/// What the walk of one item found out.
#[derive(Default)]
pub(super) struct Trail {
    /// Manifests that were followed, or are about to be.
    pub(super) followed: BTreeSet<Digest>,
    pub(super) blobs: Vec<Descriptor>,
    /// What each of the blobs and children is said to have in bytes.
    sizes: HashMap<Digest, u64>,
    pub(super) is_new: bool,
    pub(super) manifest_bytes: u64,
    /// Manifests whose repository has told everything that is about them.
    pub(super) asked: BTreeSet<Digest>,
    /// Content that is left out on purpose.
    pub(super) absent: BTreeMap<Digest, Absent>,
    /// Whether something of it is carried, besides what is about it.
    pub(super) is_carried: bool,
    /// Platforms of it that nobody wanted.
    pub(super) passed_over: BTreeSet<String>,
    pub(super) bounds: Bounds,
}

/// How much is followed at most.
pub(super) struct Bounds {
    pub(super) manifests: usize,
    pub(super) bytes: u64,
    /// What is wrong with more.
    pub(super) beyond: fn() -> Error,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            manifests: COUNT_CAP,
            bytes: BYTES_CAP,
            beyond: || Error::TooManyManifests {
                count_cap: COUNT_CAP,
                bytes_cap: BYTES_CAP,
            },
        }
    }
}

/// A manifest that another one points to.
struct Child {
    descriptor: Descriptor,
    /// Whether it is about another child rather than one that runs.
    is_attestation: bool,
}

impl Child {
    /// Engines that read an index by the book take no manifest of another size than it says. The bytes have the right
    /// digest, so it is the index that is wrong, and stays so.
    fn check_size(&self, bytes: &[u8]) -> Result<(), Error> {
        let Descriptor { digest, size, .. } = self.descriptor;
        if size == bytes.len() as u64 {
            return Ok(());
        }
        Err(Error::WrongManifestSize {
            digest,
            said: size,
            size: bytes.len() as u64,
        })
    }
}

impl Trail {
    /// Counts the bytes of a manifest, and so many manifests that are to be followed.
    fn check(&mut self, bytes: usize, manifests: usize) -> Result<(), Error> {
        self.manifest_bytes += bytes as u64;
        let is_within = self.manifest_bytes <= self.bounds.bytes
            && self.followed.len() + manifests <= self.bounds.manifests;
        if is_within {
            Ok(())
        } else {
            Err((self.bounds.beyond)())
        }
    }

    fn leave_out(&mut self, descriptor: &Descriptor, reason: AbsentReason) {
        let absent = Absent {
            reason,
            size: descriptor.size,
        };
        self.absent.insert(descriptor.digest, absent);
    }

    fn note_blob(&mut self, blob: &Descriptor) -> Result<(), Error> {
        if !self.sizes.contains_key(&blob.digest) {
            let mut bare = Descriptor::new(blob.media_type.clone(), blob.digest, blob.size);
            bare.urls.clone_from(&blob.urls);
            self.blobs.push(bare);
        }
        self.note_size(blob)
    }

    /// Two manifests of an image may not say different sizes of what they point to.
    fn note_size(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        let said = *self.sizes.entry(descriptor.digest).or_insert(descriptor.size);
        if said == descriptor.size {
            return Ok(());
        }
        Err(Error::SizesDisagree {
            digest: descriptor.digest,
            one: said,
            other: descriptor.size,
        })
    }
}

impl Walk<'_> {
    /// Follows a manifest to everything below it.
    pub(super) async fn follow(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        bytes: Bytes,
        trail: &mut Trail,
    ) -> Result<(), Error> {
        if !trail.followed.insert(descriptor.digest) {
            return Ok(());
        }
        let mut level = self.look_into(descriptor, false, bytes, trail)?;
        for _ in 0..NESTING_CAP {
            if level.is_empty() {
                return Ok(());
            }
            level = self.below(repository, level, trail).await?;
        }
        if level.is_empty() {
            Ok(())
        } else {
            Err(Error::TooDeep { cap: NESTING_CAP })
        }
    }

    /// Looks into the manifests of a level, and gives those of the next one.
    async fn below(
        &self,
        repository: &Repository,
        level: Vec<Child>,
        trail: &mut Trail,
    ) -> Result<Vec<Child>, Error> {
        // Each has its place before it is on its way, in the order in which they are looked into: none waits for one
        // that waits for a place.
        let placed = stream::iter(level).then(|child| async {
            let place = self.children.acquire().await;
            (child, place)
        });
        let coming = placed.map(|(child, place)| async move {
            let place = place.map_err(|_| Error::Cancelled)?;
            let (bytes, is_new) = self.child(repository, &child.descriptor).await?;
            Ok::<_, Error>((child, bytes, is_new, place))
        });
        let mut coming = pin!(coming.buffered(ON_THE_WAY));
        let mut next = Vec::new();
        while let Some(came) = coming.next().await {
            let (child, bytes, is_new, _place) = came?;
            child.check_size(&bytes)?;
            trail.is_new |= is_new;
            next.extend(self.look_into(&child.descriptor, child.is_attestation, bytes, trail)?);
        }
        Ok(next)
    }

    /// Notes what a manifest points to. Gives the manifests among it that are carried and were not followed yet.
    fn look_into(
        &self,
        descriptor: &Descriptor,
        is_attestation: bool,
        bytes: Bytes,
        trail: &mut Trail,
    ) -> Result<Vec<Child>, Error> {
        trail.check(bytes.len(), 0)?;
        let called = Some(descriptor.media_type.as_str()).filter(|t| !t.is_empty());
        let document = Document::parse_or_opaque(&bytes, called).map_err(|source| Error::Manifest {
            digest: descriptor.digest,
            source,
        })?;
        drop(bytes);
        trail.is_carried |= !is_attestation && !document.is_index();
        self.note_blobs(&document, trail)?;
        let (kept, left_out) = self.split(&document.manifests)?;
        for child in left_out {
            trail.leave_out(child, AbsentReason::Platform);
            let platform = child.platform.as_deref().filter(|platform| is_real(platform));
            trail.passed_over.extend(platform.map(ToString::to_string));
        }
        kept.iter().try_for_each(|child| trail.note_size(child))?;
        let kept: Vec<&Descriptor> = kept
            .into_iter()
            .filter(|child| !trail.followed.contains(&child.digest))
            .collect();
        // What is named a thousand times counts a thousand times: nobody means that.
        trail.check(0, kept.len())?;
        let children = kept
            .into_iter()
            .filter(|child| trail.followed.insert(child.digest));
        let children = children.map(|child| Child {
            descriptor: Descriptor::new(child.media_type.clone(), child.digest, child.size),
            is_attestation: is_about_a_sibling(child),
        });
        Ok(children.collect())
    }

    fn note_blobs(&self, document: &Document, trail: &mut Trail) -> Result<(), Error> {
        for blob in &document.blobs {
            let may_be_left = media_type::is_foreign(&blob.media_type);
            if may_be_left && (!self.choice.include_foreign || self.source.lacks(&blob.digest)?) {
                trail.leave_out(blob, AbsentReason::Foreign);
            } else if self.choice.have.contains(&blob.digest) {
                // Manifests always travel: they are small, and without them nobody can tell what a delta is about.
                trail.leave_out(blob, AbsentReason::Have);
            } else {
                trail.note_blob(blob)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_of_an_image_have_an_end() {
        let mut trail = Trail::default();
        let most = usize::try_from(BYTES_CAP).unwrap();
        assert!(trail.check(most, COUNT_CAP).is_ok());
        assert!(matches!(trail.check(1, 0), Err(Error::TooManyManifests { .. })));
        let mut trail = Trail::default();
        trail.followed.insert(Digest::sha256(b"root"));
        assert!(trail.check(0, COUNT_CAP - 1).is_ok());
        assert!(trail.check(0, COUNT_CAP).is_err());
    }
}
