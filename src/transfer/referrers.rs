//! What goes along with an image because it is about it: signatures, attestations, SBOMs, and what is about those.
//!
//! A repository is asked for its list of tags once, which answers for all tags that attach something; where the list is
//! longer than the questions it saves, or a cache stands in for the repository and may not know all of it, the tags are
//! asked for one by one. What the last run was told about a digest is not asked again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use crate::digest::Digest;
use crate::oci::{Attachment, Descriptor, Document};
use crate::reference::{Reference, Repository, Tag};
use crate::registry::Client;

use super::Error;
use super::follow::{Bounds, Trail};
use super::resolve::Walk;
use super::source::Manifest;

/// Manifests that one image may bring along: endless attestations are an attack (CVE-2023-46737).
const COUNT_CAP: usize = 1_000;

/// Bytes that one image may bring along.
const BYTES_CAP: u64 = 1 << 30;

/// Questions about one image at once.
const ASKING: usize = 4;

/// The tags of a repository that attach something, once they are known; `None` if the list was not to be had.
type Tags = Arc<OnceCell<Option<BTreeSet<Tag>>>>;

/// What the repositories said about their tags; each is asked once.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    tags: Mutex<HashMap<Repository, Tags>>,
}

impl Inquiry {
    /// The tags that attach something; `None` if they must be asked for one by one, which would take `questions`.
    async fn tags(&self, client: &Client, repository: &Repository, questions: usize) -> Result<Tags, Error> {
        let cell = {
            let mut all = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(repository.clone()).or_default())
        };
        cell.get_or_try_init(|| client.attaching_tags(repository, questions))
            .await?;
        Ok(cell)
    }
}

/// Something that is about a manifest, as it came.
struct Found {
    entry: Reference,
    by: Attachment,
    descriptor: Descriptor,
    bytes: Bytes,
    is_new: bool,
}

impl Walk<'_> {
    /// Looks for what is about the manifests of an item, then for what is about that, until nothing more comes. Gives
    /// the entries that go with the item.
    pub(super) async fn attach(
        &self,
        repository: &Repository,
        trail: &mut Trail,
    ) -> Result<BTreeMap<Reference, Descriptor>, Error> {
        let own_blobs = trail.blobs.len();
        trail.bounds = Bounds {
            manifests: trail.followed.len() + COUNT_CAP,
            bytes: trail.manifest_bytes + BYTES_CAP,
            beyond: too_much,
        };
        let mut attached = BTreeMap::new();
        let mut manifests = BTreeMap::new();
        let mut asked: BTreeSet<Digest> = BTreeSet::new();
        loop {
            let subjects: Vec<Digest> = trail.followed.difference(&asked).copied().collect();
            if subjects.is_empty() {
                return Ok(attached);
            }
            let questions = subjects.len() * (Attachment::OF_COSIGN.len() + 1);
            let answers: Vec<Vec<Found>> = stream::iter(&subjects)
                .map(|subject| self.about(repository, *subject, questions))
                .buffered(ASKING)
                .try_collect()
                .await?;
            trail.asked.extend(&subjects);
            asked.extend(subjects);
            for found in answers.into_iter().flatten() {
                if found.by == Attachment::List {
                    // A list is no statement that somebody could sign.
                    asked.insert(found.descriptor.digest);
                }
                trail.is_new |= found.is_new;
                manifests.insert(found.descriptor.digest, found.descriptor.size);
                self.follow(repository, &found.descriptor, found.bytes, trail)
                    .await?;
                attached.insert(found.entry, found.descriptor);
                let blobs = trail.blobs.iter().skip(own_blobs).map(|blob| blob.size);
                check_bytes(manifests.values().copied().chain(blobs))?;
            }
        }
    }

    /// What is about one manifest: as the last run was told, or else as the registry says now.
    async fn about(
        &self,
        repository: &Repository,
        subject: Digest,
        questions: usize,
    ) -> Result<Vec<Found>, Error> {
        if let Some(known) = self.known(repository, &subject).await? {
            return Ok(known);
        }
        let found = self.ask(repository, &subject, questions).await;
        found.map_err(|source| Error::Referrers {
            subject,
            source: Box::new(source),
        })
    }

    /// What the bundle has, if the repository was asked by an earlier run and all of it is still there.
    async fn known(&self, repository: &Repository, subject: &Digest) -> Result<Option<Vec<Found>>, Error> {
        if self.choice.refresh {
            return Ok(None);
        }
        let Some(referrers) = self.shelf.referrers(repository, subject) else {
            return Ok(None);
        };
        let mut known: Vec<Found> = Vec::new();
        for referrer in referrers {
            if known.iter().any(|found| found.entry == referrer.entry) {
                continue;
            }
            let Some(descriptor) = self.shelf.entry(&referrer.entry) else {
                return Ok(None);
            };
            let Some(bytes) = self.kept_manifest(descriptor.digest).await? else {
                return Ok(None);
            };
            let by = referrer.entry.tag().and_then(Attachment::of_tag);
            known.push(Found {
                by: by.map_or(Attachment::Subject, |(_, by)| by),
                entry: referrer.entry.clone(),
                descriptor: Arc::unwrap_or_clone(descriptor),
                bytes,
                is_new: false,
            });
        }
        Ok(Some(known))
    }

    async fn ask(
        &self,
        repository: &Repository,
        subject: &Digest,
        questions: usize,
    ) -> Result<Vec<Found>, Error> {
        let tags = async {
            match self.source.home(repository)? {
                Some(client) => self.inquiry.tags(client, repository, questions).await.map(Some),
                // A cache may list only what passed through it.
                None => Ok(None),
            }
        };
        let listed = self.source.referrers(repository, subject);
        let (tags, listed) = tokio::try_join!(tags, listed)?;
        let tags = tags.as_ref().and_then(|cell| cell.get()).and_then(Option::as_ref);
        let is_worth_asking = |by: &Attachment| match tags {
            Some(tags) => by.tag(subject).is_some_and(|tag| tags.contains(&tag)),
            // Where there is an API, the list is what is left of the time before it.
            None => *by != Attachment::List || listed.is_none(),
        };
        let kinds = Attachment::OF_COSIGN.into_iter().chain([Attachment::List]);
        let entries: Vec<(Reference, Attachment)> = kinds
            .filter(is_worth_asking)
            .filter_map(|by| Some((Reference::tagged(repository.clone(), by.tag(subject)?), by)))
            .collect();
        let mut found: Vec<Found> = stream::iter(listed.iter().flatten())
            .map(|descriptor| self.by_digest(repository, descriptor))
            .buffered(ASKING)
            .try_collect()
            .await?;
        let by_tag: Vec<Option<Found>> = stream::iter(entries)
            .map(|(entry, by)| self.by_tag(entry, by))
            .buffered(ASKING)
            .try_collect()
            .await?;
        found.extend(by_tag.into_iter().flatten());
        Ok(found)
    }

    async fn by_digest(&self, repository: &Repository, listed: &Descriptor) -> Result<Found, Error> {
        let (bytes, is_new) = self.child(repository, listed).await?;
        let mut descriptor = Descriptor::new(listed.media_type.clone(), listed.digest, bytes.len() as u64);
        descriptor.artifact_type.clone_from(&listed.artifact_type);
        Ok(Found {
            entry: Reference::pinned(repository.clone(), listed.digest),
            by: Attachment::Subject,
            descriptor,
            bytes,
            is_new,
        })
    }

    async fn by_tag(&self, entry: Reference, by: Attachment) -> Result<Option<Found>, Error> {
        let Some(Manifest {
            bytes,
            digest,
            media_type,
        }) = self.source.if_any(&entry).await?
        else {
            return Ok(None);
        };
        // No digest was asked for, so a page of some gateway would pass for a signature.
        Document::parse(&bytes, Some(&media_type)).map_err(|source| Error::Manifest { digest, source })?;
        let is_new = self.shelf.entry(&entry).is_none_or(|d| d.digest != digest);
        if is_new || self.kept_manifest(digest).await?.is_none() {
            self.keep(digest, &media_type, bytes.clone()).await?;
        }
        Ok(Some(Found {
            descriptor: Descriptor::new(media_type, digest, bytes.len() as u64),
            entry,
            by,
            bytes,
            is_new,
        }))
    }
}

/// More than is carried along with one image.
fn too_much() -> Error {
    Error::TooMuchAttached {
        count_cap: COUNT_CAP,
        bytes_cap: BYTES_CAP,
    }
}

fn check_bytes(mut sizes: impl Iterator<Item = u64>) -> Result<(), Error> {
    let all = sizes.try_fold(0_u64, u64::checked_add);
    all.filter(|all| *all <= BYTES_CAP)
        .map(|_| ())
        .ok_or_else(too_much)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_may_not_bring_along_bytes_without_end() {
        assert!(check_bytes([1 << 30].into_iter()).is_ok());
        assert!(check_bytes([1 << 30, 1].into_iter()).is_err());
        assert!(check_bytes([u64::MAX, u64::MAX].into_iter()).is_err());
    }
}
