//! Every blob hashed, on several threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::walk::Wanted;
use super::{ProblemKind, kind_of};
use crate::bundle::{Bundle, Error};
use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::{Event, Observer};

/// Hashes every blob. The largest come first, so that no thread ends with a large one alone.
pub(super) fn hash_all(
    bundle: &Bundle,
    blobs: &BTreeMap<Digest, Wanted>,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<(Digest, ProblemKind, String)>, Error> {
    let mut order: Vec<(&Digest, &Wanted)> = blobs.iter().collect();
    order.sort_by(|a, b| b.1.size.cmp(&a.1.size).then(a.0.cmp(b.0)));
    let next = AtomicUsize::new(0);
    let halt = AtomicBool::new(false);
    let bad = Mutex::new(Vec::new());
    let fatal = Mutex::new(None);
    let work = || {
        while !halt.load(Ordering::Relaxed)
            && let Some((digest, wanted)) = order.get(next.fetch_add(1, Ordering::Relaxed))
        {
            observer.on(&Event::BlobStarted {
                digest: **digest,
                size: wanted.size,
            });
            match hash_one(bundle, digest, observer) {
                Ok(None) => observer.on(&Event::BlobFinished { digest: **digest }),
                Ok(Some((fault, text))) => bad
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((**digest, fault, text)),
                Err(error) => {
                    halt.store(true, Ordering::Relaxed);
                    *fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.clamp(1, 16)).map(|_| scope.spawn(work)).collect();
        while handles.iter().any(|h| !h.is_finished()) {
            if stop() {
                halt.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    match fatal.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(bad.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn hash_one(
    bundle: &Bundle,
    digest: &Digest,
    observer: &dyn Observer,
) -> Result<Option<(ProblemKind, String)>, Error> {
    let told = |bytes| {
        observer.on(&Event::BlobAdvanced {
            digest: *digest,
            bytes,
        });
    };
    match bundle.blob(digest).and_then(|blob| blob.hash(digest, told)) {
        Ok(found) if found == *digest => Ok(None),
        Ok(found) => Ok(Some((ProblemKind::Damaged, format!("its bytes hash to {found}")))),
        Err(error) => Ok(Some((kind_of(&error)?, chain(&error)))),
    }
}
