//! What a run wrote, read again past the page cache before the run calls itself done.
//!
//! A drive may say yes to every write and keep nothing of it, or have less room than it claims and write in a circle.
//! Nothing but reading finds that out, after everything was written: a drive that writes in a circle has the first blobs
//! until the last ones come.

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

/// Blobs of at most so many bytes are read many at once: what takes long with them is waiting for the drive.
const SMALL: u64 = 256 << 10;
const SMALL_AT_ONCE: usize = 16;

/// Hashes blobs again, all of them whatever the first ones are like. Large ones are read on `threads` threads, so that a
/// disk that turns need not jump between many places.
pub(super) fn blobs(bundle: &Bundle, written: &[(Digest, u64)], threads: usize) -> Unkept {
    let (small, large): (Vec<_>, Vec<_>) = written.iter().partition(|(_, size)| *size <= SMALL);
    let mut all = Unkept::default();
    for (those, threads) in [(small, SMALL_AT_ONCE), (large, threads)] {
        if all.unreadable.is_none() {
            at_once(bundle, &those, threads, &mut all);
        }
    }
    all.blobs.sort();
    all
}

fn at_once(bundle: &Bundle, written: &[&(Digest, u64)], threads: usize, all: &mut Unkept) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Unkept::default();
        while let Some((digest, _)) = written.get(next.fetch_add(1, Ordering::Relaxed)) {
            match is_kept(bundle, digest) {
                Ok(true) => {}
                Ok(false) => found.blobs.push(*digest),
                Err(error) => {
                    // The drive is gone or ill: the others need not wait for their own errors.
                    next.store(written.len(), Ordering::Relaxed);
                    found.unreadable = Some(error);
                }
            }
        }
        found
    };
    std::thread::scope(|scope| {
        let threads = threads.clamp(1, written.len().max(1));
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
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
}

fn is_kept(bundle: &Bundle, digest: &Digest) -> Result<bool, Error> {
    let blob = match blob::open(&bundle.rooms, digest) {
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
