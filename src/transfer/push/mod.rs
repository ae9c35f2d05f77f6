//! From a bundle, or from other registries, into a registry: blobs first, each sent once and linked where else it is
//! needed; then manifests, children before parents, and what is about an image after it; tags last.

mod manifests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt as _};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::causes::chain;
use crate::digest::Digest;
use crate::http::Source;
use crate::observe::{Event, Observer};
use crate::oci::{Attachment, Descriptor};
use crate::reference::Repository;
use crate::registry::{Client, Landed};

use super::inspection::Taken;
use super::listings::Listing;
use super::queue::{Queue, SMALL_EACH};
use super::report::Pushed;
use super::shipment::{Cargo, PushPlan, Shipment};
use super::turns::Turns;
use super::{Error, RowOutcome, Stock, delta};

/// What all workers share.
struct Run {
    client: Client,
    stock: Stock,
    items: Vec<Shipment>,
    blobs: Vec<Cargo>,
    queue: Queue,
    failed: Mutex<BTreeMap<usize, String>>,
    touched: Mutex<BTreeSet<usize>>,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    counts: Counts,
    turns: Turns,
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
        turns: Turns::of(&plan.items),
        items: plan.items,
        queue: Queue::new(plan.blobs.iter().map(|cargo| cargo.descriptor.size)),
        blobs: plan.blobs,
        failed: Mutex::new(failed),
        touched: Mutex::default(),
        observer: Arc::clone(observer),
        cancel: cancel.clone(),
        counts: Counts::default(),
    });
    run.ask_for(plan.had, &plan.elsewhere, jobs).await?;
    run.send_blobs(jobs).await?;
    let new = run.send_manifests(jobs).await?;
    run.settle(plan.listings, jobs).await?;
    let run = Arc::into_inner(run).ok_or(Error::WorkerLost)?;
    Ok(run.into_pushed(&new))
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
    async fn ask_for(&self, had: Vec<Cargo>, elsewhere: &[Repository], jobs: usize) -> Result<(), Error> {
        let mut answers = stream::iter(&had)
            .map(|cargo| delta::find(&self.client, cargo, elsewhere))
            .buffer_unordered(jobs.max(1) * SMALL_EACH);
        while let Some(found) = answers.next().await {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            for delta::Found { items, linked } in found {
                match linked {
                    Ok(()) => {
                        self.counts.mounted.fetch_add(1, Ordering::Relaxed);
                        self.touch(items);
                    }
                    Err(error) => {
                        let text = chain(&error);
                        for item in items {
                            self.fail(*item, &text);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes that something came to these items, whose manifests the target then takes anew.
    fn touch(&self, items: &[usize]) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.extend(items.iter().copied());
    }

    async fn send_blobs(self: &Arc<Self>, jobs: usize) -> Result<(), Error> {
        let mut workers = JoinSet::new();
        for small_only in self.queue.workers(jobs, 0) {
            let run = Arc::clone(self);
            workers.spawn(async move {
                while let Some(cargo) = run
                    .queue
                    .next(small_only)
                    .and_then(|number| run.blobs.get(number))
                {
                    tokio::select! {
                        biased;
                        () = run.cancel.cancelled() => return Err(Error::Cancelled),
                        sent = run.send(cargo) => sent.inspect_err(|_| run.queue.close())?,
                    }
                }
                Ok(())
            });
        }
        let mut all = Ok(());
        while let Some(ended) = workers.join_next().await {
            all = all.and(ended.unwrap_or(Err(Error::WorkerLost)));
        }
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        all
    }

    /// Brings one blob to every repository that needs it: its bytes to the first, links to the others. An error ends the
    /// whole run.
    async fn send(&self, cargo: &Cargo) -> Result<(), Error> {
        let descriptor = &cargo.descriptor;
        let digest = descriptor.digest;
        self.observer.on(&Event::BlobStarted {
            digest,
            size: descriptor.size,
        });
        match self.stock.take(descriptor, &self.observer, &self.cancel).await? {
            Taken::Sound(source) => self.send_sound(cargo, &source).await,
            Taken::Unsound(text) => {
                for item in cargo.places.iter().flat_map(|(_, items)| items) {
                    self.fail(*item, &text);
                }
            }
        }
        self.observer.on(&Event::BlobFinished { digest });
        Ok(())
    }

    async fn send_sound(&self, cargo: &Cargo, source: &Arc<dyn Source>) {
        let mut has_it: Option<&Repository> = None;
        for (repository, items) in &cargo.places {
            if self.is_pointless(items) {
                continue;
            }
            match self.send_to(&cargo.descriptor, source, repository, has_it).await {
                Ok(landed) => {
                    has_it = has_it.or(Some(repository));
                    if landed != Landed::Present {
                        self.touch(items);
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
    }

    async fn send_to(
        &self,
        descriptor: &Descriptor,
        source: &Arc<dyn Source>,
        repository: &Repository,
        has_it: Option<&Repository>,
    ) -> Result<Landed, Error> {
        let pushed = self
            .client
            .push_blob(repository, descriptor, Arc::clone(source), has_it)
            .await?;
        let counter = match pushed.landed {
            Landed::Present => &self.counts.present,
            Landed::Mounted => &self.counts.mounted,
            Landed::Uploaded => &self.counts.uploaded,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.counts.sent.fetch_add(pushed.sent, Ordering::Relaxed);
        if pushed.landed != Landed::Present {
            if !self.stock.tells_what_is_read() {
                self.observer.on(&Event::BlobAdvanced {
                    digest: descriptor.digest,
                    bytes: descriptor.size,
                });
            }
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

    /// Brings all manifests, those of a lower depth first. Gives the numbers of the items that were new.
    async fn send_manifests(self: &Arc<Self>, jobs: usize) -> Result<BTreeSet<usize>, Error> {
        let mut depths: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, item) in self.items.iter().enumerate() {
            depths.entry(item.depth).or_default().push(number);
        }
        let mut new = BTreeSet::new();
        for numbers in depths.into_values() {
            let mut outcomes = stream::iter(numbers)
                .map(|number| {
                    let run = Arc::clone(self);
                    async move { (number, run.manifests(number).await) }
                })
                .buffer_unordered(jobs.max(1) * SMALL_EACH);
            while let Some((number, outcome)) = outcomes.next().await {
                match outcome {
                    Ok(true) => {
                        new.insert(number);
                    }
                    Ok(false) => {}
                    Err(error) => self.fail(number, &chain(&error)),
                }
            }
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
        }
        Ok(new)
    }

    /// Sees to it that the target lists what refers to what.
    async fn settle(&self, mut listings: Vec<Listing>, jobs: usize) -> Result<(), Error> {
        listings.retain_mut(|listing| listing.without(&self.lock_failed()));
        let mut settling = stream::iter(&listings)
            .map(|listing| async move { (listing, listing.settle(&self.client, &self.stock).await) })
            .buffer_unordered(jobs.max(1) * SMALL_EACH);
        while let Some((listing, settled)) = settling.next().await {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if let Err(error) = settled {
                let text = chain(&error);
                for item in listing.items() {
                    self.fail(item, &text);
                }
            }
        }
        Ok(())
    }

    /// What was done. `new` are the numbers of the items that were new.
    fn into_pushed(self, new: &BTreeSet<usize>) -> Pushed {
        let proven = self.proven(&self.lock_failed());
        let Self {
            items,
            blobs,
            failed,
            counts,
            ..
        } = self;
        // Before there are rows: each of both may be tens of thousands.
        drop(blobs);
        let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let rows = items.into_iter().enumerate().map(|(number, item)| {
            item.row(match failed.remove(&number) {
                Some(error) => RowOutcome::Failed { error },
                None if new.contains(&number) => RowOutcome::Done,
                None => RowOutcome::Present,
            })
        });
        Pushed {
            rows: rows.collect(),
            uploaded: counts.uploaded.into_inner(),
            mounted: counts.mounted.into_inner(),
            present: counts.present.into_inner(),
            bytes: counts.sent.into_inner(),
            proven,
        }
    }

    /// Every digest that the target has shown to have.
    fn proven(&self, failed: &BTreeMap<usize, String>) -> BTreeSet<Digest> {
        let mut proven = BTreeSet::new();
        for (number, item) in self.items.iter().enumerate() {
            if !failed.contains_key(&number) {
                // A list may have been joined with the target's own.
                let is_list = item.by == Some(Attachment::List);
                let stored = item.manifests.iter().map(|m| m.digest);
                proven.extend(stored.filter(|digest| !is_list || *digest != item.placed.digest));
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
