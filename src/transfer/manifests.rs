//! Manifests in memory: for runs that write no bundle, or several.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::digest::Digest;

/// Manifests that were fetched and checked. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Manifests(Arc<Mutex<HashMap<Digest, Kept>>>);

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) bytes: Bytes,
    pub(super) media_type: String,
}

impl Manifests {
    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep(&self, digest: Digest, media_type: &str, bytes: Bytes) {
        let media_type = media_type.to_owned();
        self.lock().insert(digest, Kept { bytes, media_type });
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Kept> {
        self.lock().get(digest).cloned()
    }
}
