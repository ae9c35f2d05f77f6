//! The places that stand in for a registry, asked one after the other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::causes::chain;
use crate::digest::Digest;
use crate::mirrors::PullSources;
use crate::oci::Descriptor;
use crate::reference::Repository;
use crate::registry::{self, Client};

use super::Error;

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

    /// The client, if no other place stands in for this repository.
    pub(super) fn home(&self, repository: &Repository) -> Result<Option<&Client>, Error> {
        let places = self.sources.places(repository, true)?;
        let is_home = places.iter().all(|place| place == repository);
        Ok(is_home.then_some(&self.client))
    }

    /// What the referrers API lists for a manifest, at the first place that lists anything; `None` where no place has
    /// the API. That a mirror lists nothing says nothing about the place that it stands in for: the last one decides.
    pub(super) async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let places = self.sources.places(repository, true)?;
        let last = places.len().saturating_sub(1);
        let mut found = None;
        for (at, place) in places.into_iter().enumerate() {
            if at < last && self.is_left_out(place.host()) {
                continue;
            }
            match self.client.listed_referrers(&place, subject).await {
                Ok(Some(listed)) if listed.is_empty() => found = Some(listed),
                Ok(Some(listed)) => return Ok(Some(listed)),
                Ok(None) => {}
                Err(error) if at < last => self.leave_out(place.host(), &error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
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
