//! Blobs on their way into a bundle: a few workers, largest first, each blob resumable and retried.

mod attempt;
mod items;
mod tries;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bundle::Writer;
use crate::causes::chain;
use crate::fsx::Acknowledged;
use crate::observe::{Event, Observer, Outcome};
use crate::oci::Descriptor;

use super::acknowledgements::Acknowledgements;
use super::queue::Queue;
use super::source::Source;
use super::write_behind::WriteBehind;
use super::{Error, Fetched, Plan, PlannedBlob, Row, RowOutcome, State};
use items::Items;

/// So many blobs may come back from the drive, to be hashed, beside the transfers. They wait for it more than they work.
const PROVING: usize = 4;

/// What all workers share.
struct Run {
    source: Source,
    writer: Arc<Writer>,
    blobs: Vec<PlannedBlob>,
    queue: Queue,
    /// One for each transfer: who only waits for the drive leaves it to another.
    places: Semaphore,
    items: Arc<Items>,
    acknowledgements: Acknowledgements,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    moved: AtomicU64,
    finished: Arc<AtomicU64>,
    write_behind: WriteBehind,
}

/// Does what a plan says. References whose every blob is there are entered into the bundle; the others are rows with
/// their errors. An error is only what concerns the whole run, such as a full drive.
pub async fn fetch(
    plan: Plan,
    source: &Source,
    writer: &Arc<Writer>,
    jobs: usize,
    observer: &Arc<dyn Observer>,
    cancel: &CancellationToken,
) -> Result<Fetched, (Fetched, Error)> {
    let totals = plan.totals();
    observer.on(&Event::Planned {
        items: plan.items.len() as u64,
        blobs: totals.blobs,
        bytes: totals.bytes,
    });
    let items = Items::new(&plan);
    for (item, waiting) in plan.items.iter().zip(&items.waiting) {
        if let State::Resolved { is_new, .. } = &item.state
            && waiting.load(Ordering::Relaxed) == 0
        {
            observer.on(&Event::ItemFinished {
                subject: item.key.to_string(),
                outcome: if *is_new { Outcome::Done } else { Outcome::Present },
            });
        }
    }
    let Plan {
        items: asked,
        blobs,
        acknowledgements,
        ..
    } = plan;
    let (write_behind, writing) = WriteBehind::begin(Arc::clone(writer));
    let run = Arc::new(Run {
        source: source.clone(),
        writer: Arc::clone(writer),
        queue: Queue::new(blobs.iter().map(|blob| blob.descriptor.size)),
        places: Semaphore::new(jobs.max(1)),
        blobs,
        items: Arc::new(items),
        acknowledgements,
        observer: Arc::clone(observer),
        cancel: cancel.clone(),
        moved: AtomicU64::new(0),
        finished: Arc::default(),
        write_behind,
    });
    let ended = work(&run, jobs).await;
    let lost = run.acknowledgements.lost();
    let rows = asked.into_iter().enumerate().map(|(number, item)| {
        let referrers = item.state.attached().len();
        let (outcome, digest, moved_from) = match item.state {
            State::Failed(error) => (RowOutcome::Failed { error }, None, None),
            State::Resolved {
                root,
                moved_from,
                is_new,
                attached,
                ..
            } => {
                let failed = run.items.failed().get(&number).cloned();
                let waiting = run
                    .items
                    .waiting
                    .get(number)
                    .map_or(0, |w| w.load(Ordering::Acquire));
                let digest = Some(root.digest);
                let had_blobs = run.items.needed.get(number).is_some_and(|n| *n);
                match failed {
                    Some(error) => (RowOutcome::Failed { error }, digest, None),
                    None if waiting > 0
                        || lost.leaves_open(writer.bundle(), &root)
                        || attached
                            .values()
                            .any(|about| lost.leaves_open(writer.bundle(), about)) =>
                    {
                        let error = "the run ended before all of it had come".to_owned();
                        (RowOutcome::Failed { error }, digest, None)
                    }
                    None => {
                        writer.insert(item.key.clone(), root);
                        for (reference, descriptor) in attached {
                            writer.insert(reference, descriptor.into());
                        }
                        let outcome = if is_new || had_blobs {
                            RowOutcome::Done
                        } else {
                            RowOutcome::Present
                        };
                        (outcome, digest, moved_from.map(|d| *d))
                    }
                }
            }
        };
        Row {
            reference: item.key,
            outcome,
            digest,
            moved_from,
            referrers,
        }
    });
    let fetched = Fetched {
        rows: rows.collect(),
        plan: totals,
        blobs: run.finished.load(Ordering::Relaxed),
        bytes: run.moved.load(Ordering::Relaxed),
    };
    drop(run);
    let ended = ended.and(writing.await.map_err(|_| Error::WorkerLost));
    match ended {
        Ok(()) => Ok(fetched),
        Err(error) => Err((fetched, error)),
    }
}

async fn work(run: &Arc<Run>, jobs: usize) -> Result<(), Error> {
    let mut workers = JoinSet::new();
    let proving = if run.writer.hashes_on_drive() { PROVING } else { 0 };
    for small_only in run.queue.workers(jobs, proving) {
        let run = Arc::clone(run);
        workers.spawn(async move { run.worker(small_only).await });
    }
    let mut first = Ok(());
    while let Some(ended) = workers.join_next().await {
        let result = ended.unwrap_or(Err(Error::WorkerLost));
        if let Err(error) = result
            && first.is_ok()
        {
            // The drive is full or gone, or the user wants to stop: the others finish nothing useful any more.
            workers.abort_all();
            first = Err(error);
        }
    }
    run.writer.hurry();
    let settled = run.acknowledgements.settled().await;
    first.and(settled)
}

impl Run {
    async fn worker(&self, small_only: bool) -> Result<(), Error> {
        while let Some(blob) = self
            .queue
            .next(small_only)
            .and_then(|number| self.blobs.get(number))
        {
            let result = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Error::Cancelled),
                result = self.blob(blob) => result,
            };
            match result {
                Ok(()) => {}
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    error.tell_trouble(&*self.observer);
                    let text = chain(&error);
                    self.items.blob_ended(&blob.items, &Err(text), &*self.observer);
                }
            }
            if let Some(error) = self.acknowledgements.take_fatal() {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Brings one blob to the committing threads, from the first repository that gives it.
    async fn blob(&self, blob: &PlannedBlob) -> Result<(), Error> {
        self.observer.on(&Event::BlobStarted {
            digest: blob.descriptor.digest,
            size: blob.descriptor.size,
        });
        let mut last = Error::NotInSource;
        for repository in &blob.repositories {
            match self.blob_from(blob, repository).await {
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => last = error,
                Ok(()) => return Ok(()),
            }
        }
        Err(last)
    }

    /// What is told when a blob is durable: its items learn of it. Waits until one more may be on its way to the disk.
    async fn ticket(&self, blob: &PlannedBlob) -> Result<Acknowledged, Error> {
        let digest = blob.descriptor.digest;
        let permit = self.acknowledgements.permit().await?;
        let (observer, items, numbers, finished) = (
            Arc::clone(&self.observer),
            Arc::clone(&self.items),
            blob.items.clone(),
            Arc::clone(&self.finished),
        );
        Ok(self.acknowledgements.ticket(permit, move |result| {
            if result.is_ok() {
                finished.fetch_add(1, Ordering::Relaxed);
                observer.on(&Event::BlobFinished { digest });
            }
            items.blob_ended(&numbers, &result, &*observer);
        }))
    }

    fn advanced(&self, descriptor: &Descriptor, bytes: u64) {
        self.observer.on(&Event::BlobAdvanced {
            digest: descriptor.digest,
            bytes,
        });
    }

    fn taken_back(&self, descriptor: &Descriptor, bytes: u64) {
        self.observer.on(&Event::BlobTakenBack {
            digest: descriptor.digest,
            bytes,
        });
    }
}
