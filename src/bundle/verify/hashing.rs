//! Blobs hashed: many on several threads, or one at a time by whoever is about to use it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{ProblemKind, kind_of};
use crate::bundle::{Bundle, Error};
use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::{Event, Observer};
use crate::oci::Descriptor;

/// A blob whose bytes are not what they should be, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    /// The blob.
    pub digest: Digest,
    /// What is wrong with it.
    pub fault: ProblemKind,
    /// One line for people.
    pub text: String,
}

impl Unsound {
    fn damaged(digest: &Digest, found: &Digest) -> Self {
        Self {
            digest: *digest,
            fault: ProblemKind::Damaged,
            text: format!("its bytes hash to {found}"),
        }
    }

    /// What an error about one blob means; an error about the whole drive is given back.
    fn by(digest: &Digest, error: &Error) -> Result<Self, Error> {
        Ok(match error {
            Error::Damaged { found, .. } => Self::damaged(digest, found),
            _ => Self {
                digest: *digest,
                fault: kind_of(error)?,
                text: chain(error),
            },
        })
    }
}

impl Bundle {
    /// Hashes a blob as long as `goes_on`, which is told the number of each piece of bytes read. `None` if it is sound, or
    /// if it was not hashed to its end; an error is one about the drive as a whole.
    pub fn inspect(
        &self,
        digest: &Digest,
        goes_on: impl FnMut(u64) -> bool,
    ) -> Result<Option<Unsound>, Error> {
        match self
            .blob(digest)
            .and_then(|blob| blob.hash_while(digest, goes_on))
        {
            Ok(Some(found)) if found != *digest => Ok(Some(Unsound::damaged(digest, &found))),
            Ok(_) => Ok(None),
            Err(error) => Unsound::by(digest, &error).map(Some),
        }
    }

    /// The bytes of a blob that is small, or what is wrong with it; an error is one about the drive as a whole.
    pub fn inspected(&self, descriptor: &Descriptor) -> Result<Result<Vec<u8>, Unsound>, Error> {
        match self.small_blob(descriptor, descriptor.size) {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) => Unsound::by(&descriptor.digest, &error).map(Err),
        }
    }
}

/// Hashes blobs of these sizes on `threads` threads, until `stop`. The largest come first, so that no thread ends with a
/// large one alone.
pub fn hash_all(
    bundle: &Bundle,
    mut blobs: Vec<(Digest, u64)>,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Unsound>, Error> {
    blobs.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let next = AtomicUsize::new(0);
    let halt = AtomicBool::new(false);
    let bad = Mutex::new(Vec::new());
    let fatal = Mutex::new(None);
    let work = || {
        while !halt.load(Ordering::Relaxed)
            && let Some((digest, size)) = blobs.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let digest = *digest;
            observer.on(&Event::BlobStarted { digest, size: *size });
            let inspected = bundle.inspect(&digest, |bytes| {
                observer.on(&Event::BlobAdvanced { digest, bytes });
                !halt.load(Ordering::Relaxed)
            });
            match inspected {
                Ok(None) => observer.on(&Event::BlobFinished { digest }),
                Ok(Some(unsound)) => bad.lock().unwrap_or_else(PoisonError::into_inner).push(unsound),
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
