//! What a run wrote, read again past the page cache before the run calls itself done.
//!
//! A drive may say yes to every write and keep nothing of it, or have less room than it claims and write in a circle.
//! Nothing but reading finds that out, after everything was written: a drive that writes in a circle has the first blobs
//! until the last ones come. A disk that is built into the machine is not of that kind: what it has taken is read again
//! while other blobs still come.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{JoinHandle, ScopedJoinHandle};

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

/// The blobs that a run has made durable.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Those that nobody has read again.
    unread: Mutex<Vec<(Digest, u64)>>,
    on_the_way: Mutex<Option<OnTheWay>>,
    was_read_back: AtomicBool,
}

/// Threads that read each blob as soon as it is durable.
#[derive(Debug)]
struct OnTheWay {
    durable: mpsc::Sender<Digest>,
    readers: Vec<JoinHandle<Unkept>>,
}

impl Written {
    /// Notes a blob that is durable.
    pub(super) fn note(&self, digest: Digest, size: u64) {
        if let Some(on_the_way) = &*lock(&self.on_the_way)
            && on_the_way.durable.send(digest).is_ok()
        {
            return;
        }
        lock(&self.unread).push((digest, size));
    }

    /// Starts reading each blob as soon as it is noted.
    pub(super) fn read_on_the_way(&self, bundle: &Bundle, threads: usize) {
        let (durable, noted) = mpsc::channel();
        let noted = Arc::new(Mutex::new(noted));
        let readers = (0..threads.max(1)).map(|_| {
            let (bundle, noted) = (bundle.clone(), Arc::clone(&noted));
            std::thread::spawn(move || {
                let mut found = Unkept::default();
                loop {
                    let next = lock(&noted).recv();
                    let Ok(digest) = next else { return found };
                    found.look_at(&bundle, &digest);
                }
            })
        });
        let readers = readers.collect();
        *lock(&self.on_the_way) = Some(OnTheWay { durable, readers });
    }

    /// Whether each blob is read as soon as it is noted.
    pub(super) fn is_read_on_the_way(&self) -> bool {
        lock(&self.on_the_way).is_some()
    }

    /// Reads what was not read again yet, on `threads` threads, and tells what of all of it is wrong.
    pub(super) fn read_back(&self, bundle: &Bundle, threads: usize) -> Unkept {
        self.was_read_back.store(true, Ordering::Relaxed);
        let mut all = Unkept::default();
        if let Some(OnTheWay { durable, readers }) = lock(&self.on_the_way).take() {
            drop(durable);
            all.join(bundle, readers.into_iter().map(JoinHandle::join));
        }
        if all.unreadable.is_none() {
            let unread = std::mem::take(&mut *lock(&self.unread));
            all.look_at_all(bundle, &unread, threads);
        }
        all.blobs.sort();
        all
    }

    /// Whether what was written has been read again.
    pub(super) fn was_read_back(&self) -> bool {
        self.was_read_back.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Unkept {
    /// Hashes a blob again. After one that cannot be read at all the drive is gone or ill: the others need not wait for
    /// their own errors.
    fn look_at(&mut self, bundle: &Bundle, digest: &Digest) {
        if self.unreadable.is_some() {
            return;
        }
        match is_kept(bundle, digest) {
            Ok(true) => {}
            Ok(false) => self.blobs.push(*digest),
            Err(error) => self.unreadable = Some(error),
        }
    }

    /// Hashes blobs again, all of them whatever the first ones are like. Large ones are read on `threads` threads, so that
    /// a disk that turns need not jump between many places.
    fn look_at_all(&mut self, bundle: &Bundle, written: &[(Digest, u64)], threads: usize) {
        let (small, large): (Vec<_>, Vec<_>) = written.iter().partition(|(_, size)| *size <= SMALL);
        for (those, threads) in [(small, SMALL_AT_ONCE), (large, threads)] {
            if self.unreadable.is_none() {
                self.at_once(bundle, &those, threads);
            }
        }
    }

    fn at_once(&mut self, bundle: &Bundle, written: &[&(Digest, u64)], threads: usize) {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Self::default();
            while let Some((digest, _)) = written.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.look_at(bundle, digest);
                if found.unreadable.is_some() {
                    next.store(written.len(), Ordering::Relaxed);
                }
            }
            found
        };
        std::thread::scope(|scope| {
            let threads = threads.clamp(1, written.len().max(1));
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            self.join(bundle, threads.into_iter().map(ScopedJoinHandle::join));
        });
    }

    /// Takes what threads have found; one that broke off has found nothing out.
    fn join(&mut self, bundle: &Bundle, threads: impl Iterator<Item = std::thread::Result<Self>>) {
        for ended in threads {
            let path = bundle.path().to_path_buf();
            let found = ended.unwrap_or_else(|_| Self {
                unreadable: Some(Error::StillWriting { path }),
                ..Self::default()
            });
            self.blobs.extend(found.blobs);
            self.unreadable = self.unreadable.take().or(found.unreadable);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Writer;
    use crate::fsx::Folder;

    #[test]
    fn what_is_wrong_is_found_on_the_way_as_it_is_at_the_end() {
        let place = tempfile::tempdir().unwrap();
        let writer = Writer::open(place.path(), "a test").unwrap();
        let texts: Vec<String> = (0..20).map(|number| format!("content {number}")).collect();
        let digests: Vec<Digest> = texts.iter().map(|text| Digest::sha256(text.as_bytes())).collect();
        for (digest, text) in digests.iter().zip(&texts) {
            let (sender, told) = mpsc::channel();
            let tell = Box::new(move |result| sender.send(result).unwrap());
            writer.put(digest, text.as_bytes(), false, tell);
            told.recv().unwrap().unwrap();
        }
        let (wrong, lost) = (digests[3], digests[11]);
        let blobs = Folder::open(place.path()).unwrap();
        let blobs = blobs.make_folder(layout::blob_folder(wrong.algorithm())).unwrap();
        blobs.write(&wrong.hex(), b"another").unwrap();
        blobs.remove(&lost.hex()).unwrap();
        let mut expected = [wrong, lost];
        expected.sort();
        for on_the_way in [false, true] {
            let written = Written::default();
            if on_the_way {
                written.read_on_the_way(writer.bundle(), 3);
            }
            for (digest, text) in digests.iter().zip(&texts) {
                written.note(*digest, text.len() as u64);
            }
            assert_eq!(lock(&written.unread).is_empty(), on_the_way);
            assert!(!written.was_read_back());
            let unkept = written.read_back(writer.bundle(), 2);
            assert_eq!(unkept.blobs, expected, "on the way: {on_the_way}");
            assert!(unkept.unreadable.is_none());
            assert!(written.was_read_back());
        }
    }
}
