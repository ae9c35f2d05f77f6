//! What a run wrote, read again past the page cache before the run calls itself done.
//!
//! A drive may say yes to every write and keep nothing of it, or have less room than it claims and write in a circle.
//! Nothing but reading finds that out.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::digest::Digest;

use super::closing::Closed;
use super::{Bundle, Error, blob, layout};

/// What of the things that were read is not what was written: how many, and the first of them.
#[derive(Debug, Default)]
pub(super) struct Unkept {
    /// The blobs whose bytes are wrong.
    pub(super) blobs: Vec<Digest>,
    /// Why one could not be read at all.
    pub(super) unreadable: Option<Error>,
}

/// Hashes blobs again, all of them whatever the first ones are like, on `threads` threads.
pub(super) fn blobs(bundle: &Bundle, digests: &[Digest], threads: usize) -> Unkept {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Unkept::default();
        while let Some(digest) = digests.get(next.fetch_add(1, Ordering::Relaxed)) {
            match is_kept(bundle, digest) {
                Ok(true) => {}
                Ok(false) => found.blobs.push(*digest),
                Err(error) => {
                    // The drive is gone or ill: the others need not wait for their own errors.
                    next.store(digests.len(), Ordering::Relaxed);
                    found.unreadable = Some(error);
                }
            }
        }
        found
    };
    let mut all = Unkept::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let path = bundle.path().to_path_buf();
            let found = thread.join().unwrap_or_else(|_| Unkept {
                unreadable: Some(Error::StillWriting { path }),
                ..Unkept::default()
            });
            all.blobs.extend(found.blobs);
            all.unreadable = all.unreadable.take().or(found.unreadable);
        }
    });
    all.blobs.sort();
    all
}

fn is_kept(bundle: &Bundle, digest: &Digest) -> Result<bool, Error> {
    let blob = match blob::open(&bundle.folder, digest) {
        // It had its name a moment ago.
        Err(Error::BlobMissing { .. }) => return Ok(false),
        opened => opened?,
    };
    Ok(blob.hash_on_drive(digest)? == *digest)
}

/// Reads every other file again that is not as the last run had it, and the inventory itself.
pub(super) fn pages(bundle: &Bundle, closed: &Closed) -> Result<(), Error> {
    let inventory = format!("{}/{}", layout::CARRACK, layout::INVENTORY);
    let inventory = closed.is_new.then_some((&inventory, &closed.digest));
    let fresh = closed.fresh.iter().map(|(path, digest)| (path, digest));
    let mut wrong = Vec::new();
    for (path, expected) in fresh.chain(inventory) {
        if bundle.any_file(path)?.hash_on_drive(expected)? != *expected {
            wrong.push(path.clone());
        }
    }
    match wrong.first() {
        None => Ok(()),
        Some(first) => Err(Error::NotKept {
            path: bundle.path().to_path_buf(),
            wrong: wrong.len(),
            first: first.clone(),
        }),
    }
}
