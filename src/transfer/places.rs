//! The places that stand in for a registry, asked one after the other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::mirrors::PullSources;
use crate::reference::Repository;
use crate::registry::{self, Client};

use super::{Error, chain};

/// Registries, by the names that references have.
#[derive(Clone, Debug)]
pub(super) struct Places {
    client: Client,
    sources: PullSources,
    /// Hosts that did not work, and that nobody waits for a second time while there is another one.
    left_out: Arc<Mutex<BTreeSet<String>>>,
}

impl Places {
    pub(super) fn new(client: Client, sources: PullSources) -> Self {
        Self {
            client,
            sources,
            left_out: Arc::default(),
        }
    }

    /// Asks the places of a repository in their order until one answers. What a mirror does not have, the next one may;
    /// a mirror that does not work is told once and left out from there on. The last place's error is the error.
    pub(super) async fn ask<T, F>(
        &self,
        repository: &Repository,
        by_digest: bool,
        question: impl Fn(Client, Repository) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, registry::Error>>,
    {
        let places = self.sources.places(repository, by_digest)?;
        let mut failed = Error::NotInSource;
        let last = places.len().saturating_sub(1);
        for (at, place) in places.into_iter().enumerate() {
            if at < last && self.is_left_out(place.host()) {
                continue;
            }
            match question(self.client.clone(), place.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    if at < last && !error.is_absent() {
                        self.leave_out(place.host(), &error);
                    }
                    failed = error.into();
                }
            }
        }
        Err(failed)
    }

    fn is_left_out(&self, host: &str) -> bool {
        let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        left_out.contains(host)
    }

    fn leave_out(&self, host: &str, error: &registry::Error) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if left_out.insert(host.to_owned()) {
            let why = chain(error);
            self.client.warn(format!(
                "the mirror {host} is not asked any more in this run: {why}"
            ));
        }
    }
}
