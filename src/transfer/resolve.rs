//! From references to a plan: manifests are fetched, checked and kept, and tell which blobs are missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};
use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use crate::bundle::{Absent, AbsentReason};
use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::{Event, Observer, Outcome};
use crate::oci::{self, Descriptor, Document, NESTING_CAP, media_type};
use crate::reference::{Reference, Repository};

use super::acknowledgements::Acknowledgements;
use super::choice::{Choice, Companions};
use super::referrers::{Inquiry, too_much};
use super::source::Source;
use super::wanted::{Wanted, named};
use super::write_behind::{Hashed, WriteBehind};
use super::{Error, Item, Plan, PlannedBlob, Shelf, State, blocking};

/// Everything that the walks of all items share.
pub(super) struct Walk<'a> {
    pub(super) source: &'a Source,
    pub(super) shelf: &'a Shelf,
    pub(super) choice: &'a Choice,
    pub(super) inquiry: Inquiry,
    acknowledgements: Acknowledgements,
    write_behind: Option<WriteBehind>,
    cancel: &'a CancellationToken,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    blobs: Vec<PlannedBlob>,
    /// Where each of them is in the list.
    places: HashMap<Digest, usize>,
    absent: BTreeMap<Digest, Absent>,
    lost: HashMap<Digest, String>,
}

/// What the walk of one item found out.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) followed: BTreeSet<Digest>,
    pub(super) blobs: Vec<Descriptor>,
    pub(super) is_new: bool,
    manifest_bytes: u64,
    /// Manifests whose repository has told everything that is about them.
    pub(super) asked: BTreeSet<Digest>,
    /// How many manifests are followed at most, where strangers may add to an image.
    pub(super) limit: Option<usize>,
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
    let plan = walk.finish(plan).await?;
    if let Some(writing) = writing {
        writing.await.map_err(|_| Error::WorkerLost)?;
    }
    Ok(plan)
}

impl Walk<'_> {
    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
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
        self.follow(repository, &root, bytes, NESTING_CAP, &mut trail)
            .await?;
        let attached = match self.choice.referrers {
            // A layout names what it has about its images; their names may be those of registries that know nothing of them.
            _ if self.source.root_on_disk(&wanted.reference).is_some() => BTreeMap::new(),
            Companions::Sought => self.attach(repository, &mut trail).await?,
            Companions::LeftOut | Companions::Named => BTreeMap::new(),
        };
        self.check_left_out(&trail.blobs).await?;
        for blob in &trail.blobs {
            self.want(blob, repository, number);
        }
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

    /// Follows a manifest to everything below it.
    pub(super) fn follow<'s>(
        &'s self,
        repository: &'s Repository,
        descriptor: &'s Descriptor,
        bytes: Bytes,
        depth: usize,
        trail: &'s mut Trail,
    ) -> BoxFuture<'s, Result<(), Error>> {
        Box::pin(async move {
            if !trail.followed.insert(descriptor.digest) {
                return Ok(());
            }
            if trail.limit.is_some_and(|limit| trail.followed.len() > limit) {
                return Err(too_much());
            }
            let called = Some(descriptor.media_type.as_str()).filter(|t| !t.is_empty());
            let Some(document) = parse(&bytes, called, descriptor.digest)? else {
                return Ok(());
            };
            trail.manifest_bytes += bytes.len() as u64;
            drop(bytes);
            self.note_blobs(&document, trail)?;
            if document.manifests.is_empty() {
                return Ok(());
            }
            if depth == 0 {
                return Err(Error::TooDeep { cap: NESTING_CAP });
            }
            let (kept, left_out) = self.split(&document.manifests)?;
            for child in left_out {
                self.leave_out(child, AbsentReason::Platform);
            }
            let kept: Vec<&Descriptor> = kept
                .into_iter()
                .filter(|c| !trail.followed.contains(&c.digest))
                .collect();
            if trail
                .limit
                .is_some_and(|limit| trail.followed.len() + kept.len() > limit)
            {
                return Err(too_much());
            }
            let children = try_join_all(kept.iter().map(|child| self.child(repository, child))).await?;
            for (child, (bytes, is_new)) in kept.into_iter().zip(children) {
                trail.is_new |= is_new;
                self.follow(repository, child, bytes, depth - 1, trail).await?;
            }
            Ok(())
        })
    }

    fn note_blobs(&self, document: &Document, trail: &mut Trail) -> Result<(), Error> {
        for blob in &document.blobs {
            let may_be_left = media_type::is_foreign(&blob.media_type);
            if may_be_left && (!self.choice.include_foreign || self.source.lacks(&blob.digest)?) {
                self.leave_out(blob, AbsentReason::Foreign);
            } else if self.choice.have.contains(&blob.digest) {
                // Manifests always travel: they are small, and without them nobody can tell what a delta is about.
                self.leave_out(blob, AbsentReason::Have);
            } else if !trail.blobs.iter().any(|b| b.digest == blob.digest) {
                let mut bare = Descriptor::new(blob.media_type.clone(), blob.digest, blob.size);
                bare.urls.clone_from(&blob.urls);
                trail.blobs.push(bare);
            }
        }
        Ok(())
    }

    fn leave_out(&self, descriptor: &Descriptor, reason: AbsentReason) {
        let absent = Absent {
            reason,
            size: descriptor.size,
        };
        self.found().absent.insert(descriptor.digest, absent);
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

    fn want(&self, blob: &Descriptor, repository: &Repository, number: usize) {
        let found = &mut *self.found();
        let known = found.places.get(&blob.digest).copied();
        let Some(planned) = known.and_then(|place| found.blobs.get_mut(place)) else {
            found.places.insert(blob.digest, found.blobs.len());
            // Most blobs are needed once: lists of one take the least room.
            found.blobs.push(PlannedBlob {
                descriptor: blob.clone(),
                repositories: vec![repository.clone()],
                items: vec![number],
                kept: 0,
            });
            return;
        };
        if planned.descriptor.size != blob.size {
            let text = format!(
                "two manifests say different sizes of blob {}: {} and {}",
                blob.digest, planned.descriptor.size, blob.size
            );
            found.lost.insert(blob.digest, text);
            return;
        }
        if !planned.repositories.contains(repository) && planned.repositories.len() < 4 {
            planned.repositories.push(repository.clone());
        }
        planned.items.push(number);
    }

    /// Asks the bundle which of the blobs it has, and orders the others.
    async fn finish(self, mut plan: Plan) -> Result<Plan, Error> {
        let found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (digest, text) in found.lost {
            let blob = found
                .places
                .get(&digest)
                .and_then(|place| found.blobs.get(*place));
            for item in blob.iter().flat_map(|b| &b.items) {
                if let Some(item) = plan.items.get_mut(*item) {
                    item.state = State::Failed(text.clone());
                }
            }
        }
        let shelf = self.shelf.clone();
        let cancel = self.cancel.clone();
        drop(found.places);
        let blobs = found.blobs;
        let (missing, present, bytes) = blocking(move || {
            let (mut present, mut bytes) = (0, 0);
            let kept = shelf.kept()?;
            let mut is_missing = |blob: &mut PlannedBlob| {
                if cancel.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                if shelf.holds(&blob.descriptor)? {
                    present += 1;
                    bytes += blob.descriptor.size;
                    return Ok(false);
                }
                let left = kept.get(&blob.descriptor.digest).copied().unwrap_or(0);
                blob.kept = left.min(blob.descriptor.size);
                Ok(true)
            };
            let missing = blobs
                .into_iter()
                .filter_map(|mut blob| match is_missing(&mut blob) {
                    Ok(true) => Some(Ok(blob)),
                    Ok(false) => None,
                    Err(error) => Some(Err(error)),
                });
            let missing: Vec<PlannedBlob> = missing.collect::<Result<_, Error>>()?;
            Ok((missing, present, bytes))
        })
        .await?;
        plan.blobs = missing;
        plan.blobs.sort_unstable_by(|a, b| {
            (b.descriptor.size, &a.descriptor.digest).cmp(&(a.descriptor.size, &b.descriptor.digest))
        });
        (plan.blobs_present, plan.bytes_present) = (present, bytes);
        plan.absent = found.absent;
        Ok(plan)
    }
}

/// What a manifest points to; `None` for a document of a type that nobody here knows, which is carried as it is.
fn parse(bytes: &[u8], called: Option<&str>, digest: Digest) -> Result<Option<Document>, Error> {
    match Document::parse(bytes, called) {
        Ok(document) => Ok(Some(document)),
        Err(oci::Error::Json(_) | oci::Error::Empty)
            if called.is_some_and(|t| !media_type::ACCEPTED.contains(&t)) =>
        {
            Ok(None)
        }
        Err(source) => Err(Error::Manifest { digest, source }),
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
