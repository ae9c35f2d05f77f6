//! What the walks of all items found: every distinct blob and the items that need it. Then the bundle is asked which of them
//! it has, and who is wrong about a size fails.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bundle::{Absent, Held};
use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::{Event, Observer, Outcome};
use crate::oci::Descriptor;
use crate::reference::Repository;

use super::resolve::Walk;
use super::{Error, Plan, PlannedBlob, Shelf, State, blocking};

/// Repositories that are asked for the size of a blob about which manifests disagree.
const WITNESSES: usize = 4;

/// What the walks found.
#[derive(Default)]
pub(super) struct Found {
    blobs: Vec<PlannedBlob>,
    /// Where each of them is in the list.
    places: HashMap<Digest, usize>,
    /// The same blobs as other manifests describe them: with another size.
    disputed: BTreeMap<Digest, Vec<PlannedBlob>>,
    /// Content that is left out on purpose.
    pub(super) absent: BTreeMap<Digest, Absent>,
}

/// The blobs of a plan beside the bundle.
#[derive(Default)]
struct Compared {
    missing: Vec<PlannedBlob>,
    present: u64,
    bytes_present: u64,
    refused: BTreeMap<usize, String>,
}

impl Found {
    /// An item needs a blob that a repository offers.
    pub(super) fn want(&mut self, blob: &Descriptor, repository: &Repository, number: usize) {
        let Some(planned) = self.planned(blob) else {
            // Most blobs are needed once: lists of one take the least room.
            let planned = PlannedBlob {
                descriptor: blob.clone(),
                repositories: vec![repository.clone()],
                items: vec![number],
                kept: 0,
            };
            if self.places.contains_key(&blob.digest) {
                self.disputed.entry(blob.digest).or_default().push(planned);
            } else {
                self.places.insert(blob.digest, self.blobs.len());
                self.blobs.push(planned);
            }
            return;
        };
        if !planned.repositories.contains(repository) && planned.repositories.len() < WITNESSES {
            planned.repositories.push(repository.clone());
        }
        planned.items.push(number);
    }

    /// The blob as it is known with this size.
    fn planned(&mut self, blob: &Descriptor) -> Option<&mut PlannedBlob> {
        let first = self.blobs.get_mut(*self.places.get(&blob.digest)?)?;
        if first.descriptor.size == blob.size {
            return Some(first);
        }
        let mut others = self.disputed.get_mut(&blob.digest)?.iter_mut();
        others.find(|other| other.descriptor.size == blob.size)
    }
}

impl Walk<'_> {
    /// Asks the bundle which of the blobs it has, and orders the others.
    pub(super) async fn finish(self, mut plan: Plan, observer: &dyn Observer) -> Result<Plan, Error> {
        let mut found = std::mem::take(&mut *self.found());
        let mut refused = self.settle(&mut found).await?;
        plan.absent = std::mem::take(&mut found.absent);
        let (shelf, cancel, blobs) = (self.shelf.clone(), self.cancel.clone(), found.blobs);
        drop((found.places, found.disputed));
        let compared = blocking(move || compare(blobs, &shelf, || cancel.is_cancelled())).await?;
        refused.extend(compared.refused);
        (plan.blobs_present, plan.bytes_present) = (compared.present, compared.bytes_present);
        plan.blobs = compared.missing;
        // What only failed items need need not come.
        for blob in &mut plan.blobs {
            blob.items.retain(|number| !refused.contains_key(number));
        }
        plan.blobs.retain(|blob| !blob.items.is_empty());
        plan.blobs.sort_unstable_by(|a, b| {
            (b.descriptor.size, &a.descriptor.digest).cmp(&(a.descriptor.size, &b.descriptor.digest))
        });
        for (number, text) in refused {
            let Some(item) = plan.items.get_mut(number) else {
                continue;
            };
            observer.on(&Event::ItemFinished {
                subject: item.key.to_string(),
                outcome: Outcome::Failed(text.clone()),
            });
            item.state = State::Failed(text);
        }
        Ok(plan)
    }

    /// Finds out which manifests are right about the blobs of which they say different sizes. Gives the items that are
    /// not, and all of them where nobody can tell.
    async fn settle(&self, found: &mut Found) -> Result<BTreeMap<usize, String>, Error> {
        let mut refused = BTreeMap::new();
        for (digest, others) in std::mem::take(&mut found.disputed) {
            let place = found.places.get(&digest).copied();
            let Some(first) = place.and_then(|place| found.blobs.get_mut(place)) else {
                continue;
            };
            let mut claims = vec![first.clone()];
            claims.extend(others);
            first.items.clear();
            let real = self.real_size(digest, &claims).await?;
            for claim in &claims {
                let error = match &real {
                    Some((size, _)) if *size == claim.descriptor.size => {
                        first.clone_from(claim);
                        continue;
                    }
                    Some((size, by)) => wrong_size(&claim.descriptor, *size, by),
                    None => disagreement(digest, &claims),
                };
                refused.extend(claim.items.iter().map(|number| (*number, chain(&error))));
            }
        }
        Ok(refused)
    }

    /// The size that a blob has, and who says so: the bundle, or those who offer the blob if they agree.
    async fn real_size(
        &self,
        digest: Digest,
        claims: &[PlannedBlob],
    ) -> Result<Option<(u64, String)>, Error> {
        let Some(first) = claims.first().map(|claim| claim.descriptor.clone()) else {
            return Ok(None);
        };
        let (shelf, size) = (self.shelf.clone(), first.size);
        match blocking(move || shelf.holds(&first)).await? {
            Held::Whole => return Ok(Some((size, THE_BUNDLE.to_owned()))),
            Held::OfOtherSize(size) => return Ok(Some((size, THE_BUNDLE.to_owned()))),
            Held::Absent => {}
        }
        let offering: BTreeSet<&Repository> = claims.iter().flat_map(|claim| &claim.repositories).collect();
        let mut said: Option<(u64, String)> = None;
        for repository in offering.into_iter().take(WITNESSES) {
            match self.source.blob_size(repository, &digest).await {
                Ok(Some(size)) if said.as_ref().is_some_and(|(known, _)| *known != size) => return Ok(None),
                Ok(Some(size)) => said = Some((size, repository.to_string())),
                Err(error) if error.is_fatal() => return Err(error),
                // Who does not say it is no witness.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(said)
    }
}

/// How messages name the bundle that content goes to.
const THE_BUNDLE: &str = "the bundle";

/// Asks the bundle for each blob.
fn compare(
    blobs: Vec<PlannedBlob>,
    shelf: &Shelf,
    is_cancelled: impl Fn() -> bool,
) -> Result<Compared, Error> {
    let mut compared = Compared::default();
    let kept = shelf.kept()?;
    for mut blob in blobs.into_iter().filter(|blob| !blob.items.is_empty()) {
        if is_cancelled() {
            return Err(Error::Cancelled);
        }
        let size = blob.descriptor.size;
        match shelf.holds(&blob.descriptor)? {
            Held::Whole => {
                compared.present += 1;
                compared.bytes_present += size;
            }
            Held::OfOtherSize(real) => {
                let text = chain(&wrong_size(&blob.descriptor, real, THE_BUNDLE));
                let items = blob.items.iter().map(|number| (*number, text.clone()));
                compared.refused.extend(items);
            }
            Held::Absent => {
                let left = kept.get(&blob.descriptor.digest).copied().unwrap_or(0);
                blob.kept = left.min(size);
                compared.missing.push(blob);
            }
        }
    }
    Ok(compared)
}

fn wrong_size(descriptor: &Descriptor, size: u64, by: &str) -> Error {
    Error::WrongSize {
        digest: descriptor.digest,
        said: descriptor.size,
        size,
        by: by.to_owned(),
    }
}

fn disagreement(digest: Digest, claims: &[PlannedBlob]) -> Error {
    let mut sizes = claims.iter().map(|claim| claim.descriptor.size);
    let mut next = || sizes.next().unwrap_or_default();
    Error::SizesDisagree {
        digest,
        one: next(),
        other: next(),
    }
}
