//! One after the other: what several items bring into one place.
//!
//! Two tags of one image have the same manifests. Debian's registry writes a manifest's link anew whenever it is sent
//! again, and whoever reads it in that moment, to see whether the children of an index are there, finds it empty and is
//! told that his digest is wrong.

use std::collections::HashMap;

use tokio::sync::{Mutex, MutexGuard};

use crate::digest::Digest;
use crate::reference::Repository;

use super::shipment::Shipment;

/// The manifests that more than one item brings into the same repository, and whether one has done so.
#[derive(Debug, Default)]
pub(super) struct Turns(HashMap<(Repository, Digest), Mutex<bool>>);

/// The turn of one item with one manifest.
#[derive(Debug)]
pub(super) struct Turn<'a>(Option<MutexGuard<'a, bool>>);

impl Turns {
    pub(super) fn of(items: &[Shipment]) -> Self {
        let mut all: Vec<(&Repository, &Digest)> = items
            .iter()
            .flat_map(|item| item.manifests.iter().map(|m| (&item.repository, &m.digest)))
            .collect();
        all.sort_unstable();
        let shared = all.windows(2).filter_map(|pair| match pair {
            [one, next] if one == next => Some(((*one.0).clone(), *one.1)),
            _ => None,
        });
        Self(shared.map(|key| (key, Mutex::default())).collect())
    }

    /// Waits until nobody else is busy with this manifest.
    pub(super) async fn take(&self, repository: &Repository, digest: Digest) -> Turn<'_> {
        match self.0.get(&(repository.clone(), digest)) {
            Some(turn) => Turn(Some(turn.lock().await)),
            None => Turn(None),
        }
    }
}

impl Turn<'_> {
    /// Whether an item before this one has brought the manifest and seen that it is there.
    pub(super) fn was_brought(&self) -> bool {
        self.0.as_deref().copied().unwrap_or(false)
    }

    /// The manifest is there.
    pub(super) fn ends(mut self) {
        if let Some(brought) = &mut self.0 {
            **brought = true;
        }
    }
}
