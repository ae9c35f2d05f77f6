//! How much may run against one host at a time, and how much may begin in a second.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::request::Lane;

/// The budgets of all hosts.
#[derive(Debug)]
pub(super) struct Lanes {
    width: usize,
    gap: Option<Duration>,
    gaps: BTreeMap<String, Duration>,
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Clone, Debug)]
struct Host {
    read: Arc<Semaphore>,
    write: Arc<Semaphore>,
    /// The time between the beginnings of two requests, if there is a limit.
    gap: Option<Duration>,
    next_start: Arc<Mutex<Option<Instant>>>,
    /// Whether it has answered in this run.
    answered: Arc<AtomicBool>,
}

/// A place among the requests that run against one host. It is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    _place: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    /// `per_second` holds for every host that `rates` does not name.
    pub(super) fn new(width: usize, per_second: Option<u32>, rates: BTreeMap<String, u32>) -> Self {
        let gap = |rate: u32| Duration::from_secs(1) / rate.max(1);
        Self {
            width: width.max(1),
            gap: per_second.map(gap),
            gaps: rates
                .into_iter()
                .map(|(host, rate)| (host.to_ascii_lowercase(), gap(rate)))
                .collect(),
            hosts: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a place on `host`, and then for its turn if there is a limit per second.
    pub(super) async fn enter(&self, host: &str, lane: Lane) -> Pass {
        let host = self.host(host);
        let semaphore = match lane {
            Lane::Read => Some(host.read),
            Lane::Write => Some(host.write),
            Lane::Token => None,
        };
        let place = match semaphore {
            Some(semaphore) => semaphore.acquire_owned().await.ok(),
            None => None,
        };
        if let Some(gap) = host.gap {
            let start = reserve(&host.next_start, gap);
            tokio::time::sleep_until(start).await;
        }
        Pass { _place: place }
    }

    /// Remembers that `host` has answered.
    pub(super) fn has_answered(&self, host: &str) {
        self.host(host).answered.store(true, Ordering::Relaxed);
    }

    /// Whether `host` has answered in this run.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.host(host).answered.load(Ordering::Relaxed)
    }

    fn host(&self, name: &str) -> Host {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(name) {
            return host.clone();
        }
        let host = Host {
            read: Arc::new(Semaphore::new(self.width)),
            write: Arc::new(Semaphore::new(self.width)),
            gap: self.gaps.get(name).copied().or(self.gap),
            next_start: Arc::default(),
            answered: Arc::default(),
        };
        hosts.insert(name.to_owned(), host.clone());
        host
    }
}

fn reserve(next_start: &Mutex<Option<Instant>>, gap: Duration) -> Instant {
    let mut next = next_start.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let start = next.map_or(now, |planned| planned.max(now));
    *next = Some(start + gap);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_per_second_are_spread_out() {
        let lanes = Lanes::new(8, Some(10), BTreeMap::new());
        let started = Instant::now();
        for _ in 0..11 {
            drop(lanes.enter("h", Lane::Read).await);
        }
        assert_eq!(started.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_may_have_a_rate_of_its_own() {
        let lanes = Lanes::new(8, None, BTreeMap::from([("Slow".to_owned(), 2)]));
        let started = Instant::now();
        for _ in 0..5 {
            drop(lanes.enter("fast", Lane::Read).await);
        }
        assert_eq!(started.elapsed().as_millis(), 0);
        for _ in 0..3 {
            drop(lanes.enter("slow", Lane::Read).await);
        }
        assert_eq!(started.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_that_are_held_do_not_block_writes_or_tokens() {
        let lanes = Lanes::new(1, None, BTreeMap::new());
        let _read = lanes.enter("h", Lane::Read).await;
        let _write = lanes.enter("h", Lane::Write).await;
        let _token = lanes.enter("h", Lane::Token).await;
        let second = tokio::time::timeout(Duration::from_secs(1), lanes.enter("h", Lane::Read)).await;
        assert!(second.is_err());
        drop(lanes.enter("other", Lane::Read).await);
    }
}
