//! From references to a plan: manifests are fetched, checked and kept, and tell which blobs are missing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::{Event, Observer, Outcome};
use crate::oci::{Descriptor, Document};
use crate::reference::{Reference, Repository};

use super::acknowledgements::Acknowledgements;
use super::choice::{Choice, Companions};
use super::follow::{ALL_ON_THE_WAY, Trail};
use super::found::Found;
use super::referrers::Inquiry;
use super::source::Source;
use super::wanted::{Wanted, named};
use super::write_behind::{Hashed, WriteBehind};
use super::{Error, Item, Plan, Shelf, State, blocking};

/// Everything that the walks of all items share.
pub(super) struct Walk<'a> {
    pub(super) source: &'a Source,
    pub(super) shelf: &'a Shelf,
    pub(super) choice: &'a Choice,
    pub(super) inquiry: Inquiry,
    acknowledgements: Acknowledgements,
    write_behind: Option<WriteBehind>,
    pub(super) cancel: &'a CancellationToken,
    /// One for each child of an index that is on its way.
    pub(super) children: Semaphore,
    found: Mutex<Found>,
}

/// Asks for every reference's manifests and finds out which blobs are missing.
///
/// Manifests that arrive are kept at once, under their digests; they may still be on their way to the disk when the plan is
/// made, and [`fetch`](super::fetch()) waits for them. A reference that cannot be resolved is an item with
/// [`State::Failed`]; an error is only what concerns the whole run.
pub async fn plan(
    wanted: Vec<Wanted>,
    source: &Source,
    shelf: &Shelf,
    choice: &Choice,
    parallel: usize,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<Plan, Error> {
    let (write_behind, writing) = shelf.writer().map(Arc::clone).map(WriteBehind::begin).unzip();
    let walk = Walk {
        source,
        shelf,
        choice,
        inquiry: Inquiry::default(),
        acknowledgements: Acknowledgements::default(),
        write_behind,
        cancel,
        children: Semaphore::new(ALL_ON_THE_WAY),
        found: Mutex::default(),
    };
    let wanted = named(wanted);
    let resolving = stream::iter(wanted.into_iter().enumerate()).map(|(number, (key, wanted))| {
        let walk = &walk;
        async move {
            observer.on(&Event::ItemStarted {
                subject: key.to_string(),
            });
            let state = walk.resolve(number, &key, &wanted).await;
            (shelf.held(key), wanted, state)
        }
    });
    let mut plan = Plan::default();
    let mut results = resolving.buffered(parallel.max(1));
    while let Some((key, wanted, state)) = results.next().await {
        let state = match state {
            Ok(state) => state,
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                error.tell_trouble(observer);
                State::Failed(chain(&error))
            }
        };
        if let State::Failed(text) = &state {
            observer.on(&Event::ItemFinished {
                subject: key.to_string(),
                outcome: Outcome::Failed(text.clone()),
            });
        }
        plan.items.push(Item {
            on_disk: source.root_on_disk(&wanted.reference).is_some(),
            reference: if wanted.reference == key {
                key.clone()
            } else {
                wanted.reference
            },
            key,
            provenance: wanted.provenance,
            state,
        });
    }
    drop(results);
    plan.acknowledgements = walk.acknowledgements.clone();
    let plan = walk.finish(plan, observer).await?;
    if let Some(writing) = writing {
        writing.await.map_err(|_| Error::WorkerLost)?;
    }
    Ok(plan)
}

impl Walk<'_> {
    pub(super) fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn resolve(&self, number: usize, key: &Reference, wanted: &Wanted) -> Result<State, Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let before = self.shelf.entry(key);
        let mut trail = Trail::default();
        let (root, bytes) = self.root(wanted, before.as_deref(), &mut trail).await?;
        let repository = wanted.reference.repository();
        self.follow(repository, &root, bytes, &mut trail).await?;
        self.choice.check_carried(trail.is_carried, &trail.passed_over)?;
        let attached = match self.choice.referrers {
            // A layout names what it has about its images; their names may be those of registries that know nothing of them.
            _ if self.source.root_on_disk(&wanted.reference).is_some() => BTreeMap::new(),
            Companions::Sought => self.attach(repository, &mut trail).await?,
            Companions::LeftOut | Companions::Named => BTreeMap::new(),
        };
        self.check_left_out(&trail.blobs).await?;
        let mut found = self.found();
        for blob in &trail.blobs {
            found.want(blob, repository, number);
        }
        found.absent.append(&mut trail.absent);
        drop(found);
        let moved_from = before.as_ref().map(|b| b.digest).filter(|d| *d != root.digest);
        Ok(State::Resolved {
            is_new: trail.is_new || before.is_none() || moved_from.is_some(),
            root: match before {
                Some(before) if *before == root => before,
                _ => Arc::new(root),
            },
            moved_from: moved_from.map(Box::new),
            manifest_bytes: trail.manifest_bytes,
            attached,
            asked: trail.asked.into_iter().collect(),
        })
    }

    /// The manifest that a reference points to, from the bundle where its digest is known and it is there.
    async fn root(
        &self,
        wanted: &Wanted,
        before: Option<&Descriptor>,
        trail: &mut Trail,
    ) -> Result<(Descriptor, Bytes), Error> {
        let known = match wanted.reference.digest().copied().or(wanted.pinned) {
            Some(digest) => Some(digest),
            // The bundle has something under this tag: one small question tells whether it is still the same.
            None if before.is_some() => self.source.tag(&wanted.reference).await?,
            None => None,
        };
        if let Some(digest) = known
            && let Some(bytes) = self.kept_manifest(digest).await?
        {
            // Its entry says what type it has, or else the document. One that says nothing is asked for once more: an
            // entry without a type would be pushed without one.
            let media_type = match before.filter(|b| b.digest == digest) {
                Some(entry) => Some(entry.media_type.clone()),
                None => Document::parse(&bytes, None).ok().map(|d| d.media_type.into()),
            };
            if let Some(media_type) = media_type.filter(|t| !t.is_empty()) {
                return Ok((Descriptor::new(media_type, digest, bytes.len() as u64), bytes));
            }
        }
        let asked = match known {
            Some(digest) => wanted.reference.with_digest(digest),
            None => wanted.reference.clone(),
        };
        let manifest = self.source.root(&asked).await?;
        check(known, &manifest.bytes, &manifest.digest)?;
        self.keep(manifest.digest, &manifest.media_type, manifest.bytes.clone())
            .await?;
        trail.is_new = true;
        let root = Descriptor::new(manifest.media_type, manifest.digest, manifest.bytes.len() as u64);
        Ok((root, manifest.bytes))
    }

    pub(super) async fn child(
        &self,
        repository: &Repository,
        child: &Descriptor,
    ) -> Result<(Bytes, bool), Error> {
        if let Some(bytes) = self.kept_manifest(child.digest).await? {
            return Ok((bytes, false));
        }
        let bytes = self.source.child(repository, child).await?;
        check(
            Some(child.digest),
            &bytes,
            &Digest::of(child.digest.algorithm(), &bytes),
        )?;
        self.keep(child.digest, &child.media_type, bytes.clone()).await?;
        Ok((bytes, true))
    }

    pub(super) async fn kept_manifest(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        let shelf = self.shelf.clone();
        blocking(move || shelf.manifest(&digest)).await
    }

    /// Writes a manifest into the bundle, or keeps it in memory; in a dry run it is forgotten.
    pub(super) async fn keep(&self, digest: Digest, media_type: &str, bytes: Bytes) -> Result<(), Error> {
        let Some(write_behind) = &self.write_behind else {
            self.shelf.remember(digest, media_type, bytes);
            return Ok(());
        };
        let permit = self.acknowledgements.permit().await?;
        let manifest = Hashed {
            digest,
            bytes,
            may_repeat: true,
            acknowledged: self.acknowledgements.ticket_of_manifest(permit, digest),
        };
        write_behind.give(manifest).await
    }
}

fn check(expected: Option<Digest>, bytes: &[u8], found: &Digest) -> Result<(), Error> {
    let expected = expected.unwrap_or(*found);
    let real = Digest::of(expected.algorithm(), bytes);
    if real == expected {
        Ok(())
    } else {
        Err(Error::WrongManifest {
            expected,
            found: real,
        })
    }
}
