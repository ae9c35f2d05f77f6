//! What is sent where, decided before the first blob moves.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::bundle::AbsentReason;
use crate::causes::chain;
use crate::digest::Digest;
use crate::mirrors::Placed;
use crate::oci::{Attachment, Descriptor, NESTING_CAP};
use crate::reference::{self, Reference, Repository};

use super::listings::{Listing, Listings};
use super::report::PushedRow;
use super::{Error, RowOutcome, Stock};

/// What is sent where.
#[derive(Clone, Debug, Default)]
pub struct PushPlan {
    pub(super) items: Vec<Shipment>,
    pub(super) blobs: Vec<Cargo>,
    /// Content that the target must have already, because a receipt said so, by repository.
    pub(super) had: Vec<Cargo>,
    /// Repositories of the target that receipts name, to link such content from.
    pub(super) elsewhere: Vec<Repository>,
    pub(super) listings: Vec<Listing>,
}

/// One reference on its way to one place.
#[derive(Clone, Debug)]
pub(super) struct Shipment {
    pub(super) placed: Placed,
    pub(super) repository: Repository,
    /// Children before parents; the root is the last.
    pub(super) manifests: Vec<Descriptor>,
    /// How it is attached to another manifest by its tag, if it is.
    pub(super) by: Option<Attachment>,
    /// Items of a lower depth go first: 0 is about nothing, 1 is about an image.
    pub(super) depth: usize,
    pub(super) failed: Option<String>,
}

/// One blob and the places that need it.
#[derive(Clone, Debug)]
pub(super) struct Cargo {
    pub(super) descriptor: Descriptor,
    pub(super) places: Vec<(Repository, Vec<usize>)>,
}

impl PushPlan {
    /// Follows every placed reference of a stock. What is broken there is a failed item.
    ///
    /// `broken` are references that verification found not to be whole, with what is wrong.
    pub fn new(
        stock: &Stock,
        registry: &str,
        placed: Vec<Placed>,
        broken: &BTreeMap<Reference, String>,
    ) -> Result<Self, Error> {
        let referrers = stock.referrers()?;
        let mut listings = Listings::default();
        let mut plan = Self::default();
        let mut blobs = Cargos::default();
        let mut had = Cargos::default();
        for placed in placed {
            let number = plan.items.len();
            let mut item = Shipment {
                repository: at(registry, &placed.path)?,
                manifests: Vec::new(),
                by: placed.tag.as_ref().and_then(Attachment::of_tag).map(|(_, by)| by),
                depth: referrers.depth(&placed.source),
                failed: broken.get(&placed.source).cloned(),
                placed,
            };
            if item.failed.is_none() {
                match follow(stock, &item.placed) {
                    Ok(mut trail) => {
                        // Most have one, and a list that grew has room for more.
                        trail.manifests.shrink_to_fit();
                        item.manifests = trail.manifests;
                        listings.add(&referrers, &item.placed, &item.repository, number);
                        for descriptor in trail.blobs {
                            blobs.add(descriptor, &item.repository, number);
                        }
                        for descriptor in trail.had {
                            had.add(descriptor, &item.repository, number);
                        }
                    }
                    Err(error) => item.failed = Some(chain(&error)),
                }
            }
            plan.items.push(item);
        }
        plan.listings = listings.into_vec();
        plan.blobs = blobs.all;
        plan.had = had.all;
        if !plan.had.is_empty() {
            plan.elsewhere = stock.repositories_on(registry);
        }
        for cargo in [&mut plan.blobs, &mut plan.had] {
            cargo.sort_unstable_by(|a, b| {
                (b.descriptor.size, &a.descriptor.digest).cmp(&(a.descriptor.size, &b.descriptor.digest))
            });
        }
        Ok(plan)
    }

    /// References, distinct blobs and their bytes.
    pub fn totals(&self) -> (u64, u64, u64) {
        (
            self.items.len() as u64,
            self.blobs.len() as u64,
            self.blobs.iter().map(|b| b.descriptor.size).sum(),
        )
    }

    /// Takes the blobs that it brings out of a list.
    pub fn leave_others(&self, blobs: &mut Vec<(Digest, u64)>) {
        let brought: HashSet<&Digest> = self.blobs.iter().map(|cargo| &cargo.descriptor.digest).collect();
        blobs.retain(|(digest, _)| !brought.contains(digest));
        // Few are left as a rule, and are kept until everything else has been sent.
        blobs.shrink_to_fit();
    }

    /// The rows of a dry run.
    pub fn rows(&self) -> Vec<PushedRow> {
        self.items
            .iter()
            .map(|item| {
                item.row(
                    item.failed
                        .clone()
                        .map_or(RowOutcome::Planned, |error| RowOutcome::Failed { error }),
                )
            })
            .collect()
    }
}

impl Shipment {
    pub(super) fn row(&self, outcome: RowOutcome) -> PushedRow {
        PushedRow {
            reference: self.placed.source.clone(),
            target: match &self.placed.tag {
                Some(tag) => format!("{}:{tag}", self.repository),
                None => format!("{}@{}", self.repository, self.placed.digest),
            },
            digest: self.placed.digest,
            outcome,
        }
    }
}

fn at(registry: &str, path: &str) -> Result<Repository, Error> {
    Repository::new(registry, path).map_err(|source: reference::Error| Error::BadPlace {
        place: format!("{registry}/{path}"),
        source,
    })
}

/// Blobs as they are found, each once.
#[derive(Default)]
struct Cargos {
    all: Vec<Cargo>,
    /// Where each of them is in the list.
    places: HashMap<Digest, usize>,
}

impl Cargos {
    fn add(&mut self, descriptor: Descriptor, repository: &Repository, number: usize) {
        let known = self.places.get(&descriptor.digest).copied();
        let Some(cargo) = known.and_then(|place| self.all.get_mut(place)) else {
            self.places.insert(descriptor.digest, self.all.len());
            // Most blobs are needed at one place: lists of one take the least room.
            let places = vec![(repository.clone(), vec![number])];
            self.all.push(Cargo { descriptor, places });
            return;
        };
        match cargo.places.iter_mut().find(|(r, _)| r == repository) {
            Some((_, items)) => items.push(number),
            None => cargo.places.push((repository.clone(), vec![number])),
        }
    }
}

/// What a reference reaches.
#[derive(Default)]
struct Trail {
    manifests: Vec<Descriptor>,
    blobs: Vec<Descriptor>,
    had: Vec<Descriptor>,
    seen: BTreeSet<Digest>,
}

fn follow(stock: &Stock, placed: &Placed) -> Result<Trail, Error> {
    let root = stock.root(&placed.source).ok_or(Error::NotInSource)?;
    let mut trail = Trail::default();
    descend(stock, root, NESTING_CAP, &mut trail)?;
    Ok(trail)
}

fn descend(stock: &Stock, descriptor: &Descriptor, depth: usize, trail: &mut Trail) -> Result<(), Error> {
    if !trail.seen.insert(descriptor.digest) {
        return Ok(());
    }
    let (size, document) = stock.document(descriptor)?;
    for blob in &document.blobs {
        if !trail.seen.insert(blob.digest) {
            continue;
        }
        let mut bare = Descriptor::new(blob.media_type.clone(), blob.digest, blob.size);
        bare.urls.clone_from(&blob.urls);
        if stock.holds(&blob.digest)? {
            trail.blobs.push(bare);
            continue;
        }
        match stock.left_out(&blob.digest) {
            Some(AbsentReason::Have) => trail.had.push(bare),
            Some(AbsentReason::Foreign) => {}
            Some(AbsentReason::Platform) | None => {
                return Err(crate::bundle::Error::BlobMissing { digest: blob.digest }.into());
            }
        }
    }
    for child in &document.manifests {
        if depth == 0 {
            return Err(Error::TooDeep { cap: NESTING_CAP });
        }
        let left_out = stock.left_out(&child.digest) == Some(AbsentReason::Platform);
        if left_out && !stock.holds(&child.digest)? {
            continue;
        }
        descend(stock, child, depth - 1, trail)?;
    }
    trail
        .manifests
        .push(Descriptor::new(document.media_type, descriptor.digest, size));
    Ok(())
}
