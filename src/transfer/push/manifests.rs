//! The manifests of one item: brought in their order, and read back.

use std::sync::PoisonError;

use bytes::Bytes;

use super::Run;
use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::{Event, Outcome};
use crate::oci::{Attachment, Document};
use crate::reference::Repository;
use crate::registry::TagOrDigest;
use crate::transfer::Error;
use crate::transfer::shipment::Shipment;

impl Run {
    /// Brings an item's manifests to the target, children first, and checks what the target then says. Tells whether
    /// anything was new.
    pub(super) async fn manifests(&self, number: usize) -> Result<bool, Error> {
        let Some(item) = self.items.get(number) else {
            return Ok(false);
        };
        let subject = item.placed.source.to_string();
        self.observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let failed = self.lock_failed().get(&number).cloned();
        let result = match failed {
            Some(text) => Err(text),
            None if self.cancel.is_cancelled() => return Err(Error::Cancelled),
            None => self.bring(number, item).await.map_err(|e| chain(&e)),
        };
        let outcome = match &result {
            Ok(true) => Outcome::Done,
            Ok(false) => Outcome::Present,
            Err(text) => {
                self.fail(number, text);
                Outcome::Failed(text.clone())
            }
        };
        self.observer.on(&Event::ItemFinished { subject, outcome });
        Ok(result.unwrap_or(false))
    }

    async fn bring(&self, number: usize, item: &Shipment) -> Result<bool, Error> {
        let touched = self
            .touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&number);
        let mut is_new = touched;
        let last = item.manifests.len().saturating_sub(1);
        for (position, manifest) in item.manifests.iter().enumerate() {
            let digest = manifest.digest;
            let bytes = self.stock.manifest(digest).await?;
            let is_root = position == last;
            if is_root && item.by == Some(Attachment::List) {
                // The target's list may have more than upstream's: it is settled at the end.
                continue;
            }
            let mut tag = item.placed.tag.as_ref().filter(|_| is_root);
            if is_root && item.by.is_some() && self.has_more(item, &bytes).await? {
                tag = None;
            }
            let turn = self.turns.take(&item.repository, digest).await;
            if tag.is_none() && turn.was_brought() {
                continue;
            }
            let at = match tag {
                Some(tag) => TagOrDigest::Tag(tag.clone()),
                None => TagOrDigest::Digest(digest),
            };
            if touched || !self.is_there(&item.repository, &at, &digest).await? {
                is_new = true;
                self.client
                    .push_manifest(&item.repository, &bytes, &manifest.media_type, &at)
                    .await?;
            }
            self.check(&item.repository, &digest.into(), &bytes).await?;
            if tag.is_some() {
                self.check(&item.repository, &at, &bytes).await?;
            }
            turn.ends();
        }
        Ok(is_new)
    }

    /// Whether a tag of cosign holds all that ours does and more: a site that signs inside adds to upstream's
    /// signatures, and would lose its own by the next import.
    async fn has_more(&self, item: &Shipment, bytes: &Bytes) -> Result<bool, Error> {
        let Some(tag) = &item.placed.tag else {
            return Ok(false);
        };
        let there = self.client.manifest_if_any(&item.repository, tag).await?;
        let Some(there) = there.filter(|there| there.bytes != bytes) else {
            return Ok(false);
        };
        let documents = (Document::parse(bytes, None), there.document());
        let (Ok(ours), Ok(theirs)) = documents else {
            return Ok(false);
        };
        // The first blob is the configuration, which counts the others.
        let mut layers = ours.blobs.iter().skip(1);
        Ok(layers.all(|layer| theirs.blobs.iter().any(|b| b.digest == layer.digest)))
    }

    async fn is_there(
        &self,
        repository: &Repository,
        at: &TagOrDigest,
        digest: &Digest,
    ) -> Result<bool, Error> {
        let head = self.client.head_manifest(repository, at).await?;
        Ok(head.and_then(|h| h.digest) == Some(*digest))
    }

    /// Reads a manifest back and compares it byte by byte.
    async fn check(&self, repository: &Repository, at: &TagOrDigest, bytes: &Bytes) -> Result<(), Error> {
        let found = self.client.manifest(repository, at).await?;
        if found.bytes == bytes {
            return Ok(());
        }
        Err(Error::Different {
            place: format!("{repository} {at}"),
        })
    }
}
