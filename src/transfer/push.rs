//! From a bundle, or from other registries, into a registry: blobs first, each sent once and linked where else it is needed; then manifests,
//! children before parents; tags last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bundle::AbsentReason;
use crate::digest::Digest;
use crate::mirrors::Placed;
use crate::observe::{Event, Observer, Outcome};
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::{self, Reference, Repository};
use crate::registry::{Client, Landed, TagOrDigest};

use super::report::{Pushed, PushedRow};
use super::{Error, RowOutcome, Stock, chain};

/// What is sent where.
#[derive(Clone, Debug, Default)]
pub struct PushPlan {
    items: Vec<Shipment>,
    blobs: Vec<Cargo>,
    /// Content that the target must have already, because a receipt said so, by repository.
    had: Vec<Cargo>,
}

/// One reference on its way to one place.
#[derive(Clone, Debug)]
struct Shipment {
    placed: Placed,
    repository: Repository,
    /// Children before parents; the root is the last.
    manifests: Vec<Descriptor>,
    failed: Option<String>,
}

/// One blob and the places that need it.
#[derive(Clone, Debug)]
struct Cargo {
    descriptor: Descriptor,
    places: Vec<(Repository, Vec<usize>)>,
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
        let mut plan = Self::default();
        let mut blobs: HashMap<Digest, Cargo> = HashMap::new();
        let mut had: HashMap<Digest, Cargo> = HashMap::new();
        for placed in placed {
            let number = plan.items.len();
            let mut item = Shipment {
                repository: at(registry, &placed.path)?,
                manifests: Vec::new(),
                failed: broken.get(&placed.source).cloned(),
                placed,
            };
            if item.failed.is_none() {
                match follow(stock, &item.placed) {
                    Ok(trail) => {
                        item.manifests = trail.manifests;
                        for descriptor in trail.blobs {
                            add(&mut blobs, descriptor, &item.repository, number);
                        }
                        for descriptor in trail.had {
                            add(&mut had, descriptor, &item.repository, number);
                        }
                    }
                    Err(error) => item.failed = Some(chain(&error)),
                }
            }
            plan.items.push(item);
        }
        plan.blobs = blobs.into_values().collect();
        plan.had = had.into_values().collect();
        for cargo in [&mut plan.blobs, &mut plan.had] {
            cargo.sort_by(|a, b| {
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
    fn row(&self, outcome: RowOutcome) -> PushedRow {
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

fn add(all: &mut HashMap<Digest, Cargo>, descriptor: Descriptor, repository: &Repository, number: usize) {
    let cargo = all.entry(descriptor.digest).or_insert_with(|| Cargo {
        descriptor,
        places: Vec::new(),
    });
    match cargo.places.iter_mut().find(|(r, _)| r == repository) {
        Some((_, items)) => items.push(number),
        None => cargo.places.push((repository.clone(), vec![number])),
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

/// What all workers share.
struct Run {
    client: Client,
    stock: Stock,
    items: Vec<Shipment>,
    blobs: Vec<Cargo>,
    next: AtomicUsize,
    failed: Mutex<BTreeMap<usize, String>>,
    touched: Mutex<BTreeSet<usize>>,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    uploaded: AtomicU64,
    mounted: AtomicU64,
    present: AtomicU64,
}

/// Does what a plan says. A reference that fails is a row; an error is only what ends the whole run.
pub async fn push(
    plan: PushPlan,
    stock: &Stock,
    client: &Client,
    jobs: usize,
    observer: &Arc<dyn Observer>,
    cancel: &CancellationToken,
) -> Result<Pushed, Error> {
    let (items, blobs, bytes) = plan.totals();
    observer.on(&Event::Planned { items, blobs, bytes });
    let failed = plan
        .items
        .iter()
        .enumerate()
        .filter_map(|(number, item)| Some((number, item.failed.clone()?)))
        .collect();
    let run = Arc::new(Run {
        client: client.clone(),
        stock: stock.clone(),
        items: plan.items,
        blobs: plan.blobs,
        next: AtomicUsize::new(0),
        failed: Mutex::new(failed),
        touched: Mutex::default(),
        observer: Arc::clone(observer),
        cancel: cancel.clone(),
        counts: Counts::default(),
    });
    run.ask_for(plan.had, jobs).await?;
    run.send_blobs(jobs).await?;
    let outcomes: Vec<(usize, Result<bool, Error>)> = stream::iter(0..run.items.len())
        .map(|number| {
            let run = Arc::clone(&run);
            async move { (number, run.manifests(number).await) }
        })
        .buffer_unordered(jobs.max(1) * 2)
        .collect()
        .await;
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let mut new = vec![false; run.items.len()];
    for (number, outcome) in outcomes {
        match outcome {
            Ok(is_new) => {
                if let Some(slot) = new.get_mut(number) {
                    *slot = is_new;
                }
            }
            Err(error) => run.fail(number, &chain(&error)),
        }
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let failed = run.lock_failed();
    let rows = run
        .items
        .iter()
        .zip(new)
        .enumerate()
        .map(|(number, (item, is_new))| {
            item.row(match failed.get(&number) {
                Some(error) => RowOutcome::Failed { error: error.clone() },
                None if is_new => RowOutcome::Done,
                None => RowOutcome::Present,
            })
        });
    Ok(Pushed {
        rows: rows.collect(),
        uploaded: count(&run.counts.uploaded),
        mounted: count(&run.counts.mounted),
        present: count(&run.counts.present),
        bytes: count(&run.counts.sent),
        proven: run.proven(&failed),
    })
}

impl Run {
    fn lock_failed(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, number: usize, text: &str) {
        self.lock_failed()
            .entry(number)
            .or_insert_with(|| text.to_owned());
    }

    /// Whether every item that waits for a blob has failed already, so that the blob need not travel.
    fn is_pointless(&self, items: &[usize]) -> bool {
        let failed = self.lock_failed();
        items.iter().all(|i| failed.contains_key(i))
    }

    /// Asks the target for content that a receipt said it has. What it lost fails the items that need it.
    async fn ask_for(&self, had: Vec<Cargo>, jobs: usize) -> Result<(), Error> {
        let questions = had
            .iter()
            .flat_map(|cargo| cargo.places.iter().map(move |place| (cargo, place)));
        let mut answers = stream::iter(questions)
            .map(|(cargo, (repository, items))| async move {
                let answer = self.client.has_blob(repository, &cargo.descriptor).await;
                (cargo, repository, items, answer)
            })
            .buffer_unordered(jobs.max(1) * 2);
        while let Some((cargo, repository, items, answer)) = answers.next().await {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let text = match answer {
                Ok(true) => continue,
                Ok(false) => {
                    let digest = cargo.descriptor.digest;
                    chain(&Error::Lost {
                        digest,
                        repository: repository.to_string(),
                    })
                }
                Err(error) => chain(&error),
            };
            for item in items {
                self.fail(*item, &text);
            }
        }
        Ok(())
    }

    async fn send_blobs(self: &Arc<Self>, jobs: usize) -> Result<(), Error> {
        let mut workers = JoinSet::new();
        for _ in 0..jobs.max(1).min(self.blobs.len()) {
            let run = Arc::clone(self);
            workers.spawn(async move {
                while let Some(cargo) = run.blobs.get(run.next.fetch_add(1, Ordering::Relaxed)) {
                    tokio::select! {
                        biased;
                        () = run.cancel.cancelled() => return,
                        () = run.send(cargo) => {}
                    }
                }
            });
        }
        let mut lost = false;
        while let Some(ended) = workers.join_next().await {
            lost |= ended.is_err();
        }
        if self.cancel.is_cancelled() {
            Err(Error::Cancelled)
        } else if lost {
            Err(Error::WorkerLost)
        } else {
            Ok(())
        }
    }

    /// Brings one blob to every repository that needs it: its bytes to the first, links to the others.
    async fn send(&self, cargo: &Cargo) {
        let descriptor = &cargo.descriptor;
        let digest = descriptor.digest;
        self.observer.on(&Event::BlobStarted {
            digest,
            size: descriptor.size,
        });
        let mut has_it: Option<&Repository> = None;
        for (repository, items) in &cargo.places {
            if self.is_pointless(items) {
                continue;
            }
            match self.send_to(descriptor, repository, has_it).await {
                Ok(landed) => {
                    has_it = has_it.or(Some(repository));
                    if landed != Landed::Present {
                        self.touched
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .extend(items.iter().copied());
                    }
                }
                Err(error) => {
                    let text = chain(&error);
                    for item in items {
                        self.fail(*item, &text);
                    }
                }
            }
        }
        self.observer.on(&Event::BlobFinished { digest });
    }

    async fn send_to(
        &self,
        descriptor: &Descriptor,
        repository: &Repository,
        has_it: Option<&Repository>,
    ) -> Result<Landed, Error> {
        let payload = self.stock.payload(descriptor);
        let pushed = self
            .client
            .push_blob(repository, descriptor, payload, has_it)
            .await?;
        let counter = match pushed.landed {
            Landed::Present => &self.counts.present,
            Landed::Mounted => &self.counts.mounted,
            Landed::Uploaded => &self.counts.uploaded,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.counts.sent.fetch_add(pushed.sent, Ordering::Relaxed);
        if pushed.landed != Landed::Present {
            self.observer.on(&Event::BlobAdvanced {
                digest: descriptor.digest,
                bytes: descriptor.size,
            });
            // A registry has been seen to confirm what it does not keep.
            if !self.client.has_blob(repository, descriptor).await? {
                return Err(Error::NotKept {
                    digest: descriptor.digest,
                    repository: repository.to_string(),
                });
            }
        }
        Ok(pushed.landed)
    }

    /// Brings an item's manifests to the target, children first, and checks what the target then says. Tells whether
    /// anything was new.
    async fn manifests(&self, number: usize) -> Result<bool, Error> {
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
            let tag = item.placed.tag.as_ref().filter(|_| position == last);
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
        }
        Ok(is_new)
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

    /// Every digest that the target has shown to have.
    fn proven(&self, failed: &BTreeMap<usize, String>) -> BTreeSet<Digest> {
        let mut proven = BTreeSet::new();
        for (number, item) in self.items.iter().enumerate() {
            if !failed.contains_key(&number) {
                proven.extend(item.manifests.iter().map(|m| m.digest));
            }
        }
        for cargo in &self.blobs {
            let whole = |items: &Vec<usize>| items.iter().any(|i| !failed.contains_key(i));
            if cargo.places.iter().any(|(_, items)| whole(items)) {
                proven.insert(cargo.descriptor.digest);
            }
        }
        proven
    }
}
