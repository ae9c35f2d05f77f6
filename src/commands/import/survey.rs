//! What a bundle is like: all of it before anything is used, or each blob when it is.
//!
//! Of a bundle that someone vouches for nothing may be used if anything is wrong, so that it is hashed first. What nobody
//! vouches for comes as far as it is sound, and its blobs are hashed by whoever reads them to bring them: a drive is slow,
//! and has more than the page cache keeps for a second reading.

use std::num::NonZero;
use std::sync::Arc;

use crate::bundle::{self, Bundle, Unsound, Verified};
use crate::commands::admission::Admitted;
use crate::commands::{Error, World};
use crate::digest::Digest;
use crate::observe::{Event, Observer};

/// What is known of a bundle before anything of it is brought.
pub(super) struct Survey {
    /// What was found until now.
    pub(super) verified: Verified,
    /// Blobs that nobody has hashed, with their sizes: whoever brings one takes it out.
    pub(super) unread: Vec<(Digest, u64)>,
}

impl Survey {
    /// Looks at all but the bytes of blobs, or at these, too, if nothing is brought. `verified` is what is known already.
    pub(super) async fn of(
        bundle: &Bundle,
        admitted: &Admitted,
        verified: Option<Verified>,
        dry_run: bool,
        world: &World,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let known = match verified {
            None if dry_run => Some(check(bundle, admitted, world, observer).await?),
            known => known,
        };
        if let Some(verified) = known {
            return Ok(Self {
                verified,
                unread: Vec::new(),
            });
        }
        observer.on(&Event::Phase {
            name: "reading manifests".to_owned(),
        });
        let (bundle, inventory) = (bundle.clone(), admitted.inventory.clone());
        let work = move || bundle::survey(&bundle, inventory.as_deref());
        let surveyed = tokio::task::spawn_blocking(work).await;
        let (verified, unread) = surveyed.map_err(|_| Error::Crashed)??;
        Ok(Self { verified, unread })
    }

    /// Hashes what nobody has read to bring it, so that a damaged drive is known to be one, and joins what was found to be
    /// unsound on the way.
    pub(super) async fn complete(
        mut self,
        bundle: &Bundle,
        admitted: &Admitted,
        mut unsound: Vec<Unsound>,
        world: &World,
        observer: &Arc<dyn Observer>,
    ) -> Result<Verified, Error> {
        if !self.unread.is_empty() {
            unsound.extend(hash(bundle, self.unread, world, observer).await?);
        }
        self.verified
            .blame(bundle, admitted.inventory.as_deref(), unsound)?;
        Ok(self.verified)
    }
}

/// Hashes every blob.
pub(super) async fn check(
    bundle: &Bundle,
    admitted: &Admitted,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Verified, Error> {
    let admitted = admitted.clone();
    hashing(bundle, world, observer, move |bundle, observer, stop| {
        admitted.verify(bundle, observer, stop)
    })
    .await
}

async fn hash(
    bundle: &Bundle,
    blobs: Vec<(Digest, u64)>,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Vec<Unsound>, Error> {
    hashing(bundle, world, observer, move |bundle, observer, stop| {
        let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
        Ok(bundle::hash_all(bundle, blobs, threads, observer, stop)?)
    })
    .await
}

/// Runs work that reads a bundle, on a thread of its own, until it is interrupted.
async fn hashing<T: Send + 'static>(
    bundle: &Bundle,
    world: &World,
    observer: &Arc<dyn Observer>,
    work: impl FnOnce(&Bundle, &dyn Observer, &dyn Fn() -> bool) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    observer.on(&Event::Phase {
        name: "verifying".to_owned(),
    });
    let (bundle, cancel, observer) = (bundle.clone(), world.cancel.clone(), Arc::clone(observer));
    let done =
        tokio::task::spawn_blocking(move || work(&bundle, &*observer, &|| cancel.is_cancelled())).await;
    let done = done.map_err(|_| Error::Crashed)??;
    if world.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    Ok(done)
}
