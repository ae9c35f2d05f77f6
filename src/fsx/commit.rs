//! Group commit: many files made durable for little more than the price of one.
//!
//! A few threads take finished files in batches. Each batch goes through the order of the module's page step by step:
//! all files fsynced, all renamed, all fsynced again where the file system may need that, then each folder once. A file is
//! acknowledged only after its folder was synced; while a batch is at the disk the next one gathers.
//!
//! On ext, XFS and btrfs one `syncfs` stands for the fsyncs of a whole batch: each fsync makes the drive empty its cache,
//! which costs a stick tens of milliseconds, whatever the file's size. A few files are synced one by one all the same,
//! because `syncfs` also waits for the large blobs that are still being written.
//!
//! On FAT and exFAT a renamed file has no size until it is synced again; on FAT it keeps its old name until the old folder
//! is synced, too. There each file goes through rename, second fsync and sync of the old folder before the next one is
//! renamed, so that a power cut finds few such files, and not a batch of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Error, FileSystem, Finished, Folder};

/// How many files one batch takes at most, and how many may wait for the next one. Each of them is open: a disk that is
/// slower than the network would otherwise use up the process's files.
const BATCH: usize = 64;

/// The share of the process's files that a batch may take.
const SHARE: u64 = 8;

/// How many threads commit. Syncs of one journal serialise, so that more would only wait.
const THREADS: usize = 2;

/// So many files are worth a sync of the whole volume.
const MANY: usize = 16;

/// How long a thread waits for another file where one sync serves a whole batch, and how often while files do come: it
/// stops after so many naps in which none came.
const NAP: Duration = Duration::from_millis(1);
const NAPS: u32 = 64;
const QUIET_NAPS: u32 = 5;

/// What is told when a file is durable, or why it is not. Called on a committing thread.
pub type Acknowledged = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A finished file and the place where it shall be.
pub struct Commit {
    /// The file.
    pub file: Finished,
    /// The folder of its final name, on the same volume.
    pub folder: Folder,
    /// Its final name.
    pub name: String,
    /// Whom to tell.
    pub acknowledged: Acknowledged,
}

impl std::fmt::Debug for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commit")
            .field("folder", &self.folder.path())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Commit>,
    /// Whether a thread waits for a batch to fill; another one takes only full batches.
    gathering: bool,
    /// Whether nothing is worth waiting for any more.
    hurried: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    taken: Condvar,
    batch: usize,
    naps: u32,
    /// Whether a sync of the volume has failed. Its error is told once, to whoever asks first, and may be about another
    /// thread's file: from then on each file is asked itself. Held while the volume is synced.
    volume_failed: Mutex<bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch, waiting for one; `None` when all is done.
    fn next(&self) -> Option<Vec<Commit>> {
        let mut queue = self.lock();
        loop {
            if queue.waiting.len() >= self.batch || !queue.waiting.is_empty() && !queue.gathering {
                queue = self.gather(queue);
                let count = queue.waiting.len().min(self.batch);
                let batch = queue.waiting.drain(..count).collect();
                self.taken.notify_all();
                return Some(batch);
            }
            if queue.closed {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for a full batch as long as files keep coming. By sleeping, and not until a moment of some clock.
    fn gather<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let mut quiet = 0;
        for _ in 0..self.naps {
            if queue.waiting.len() >= self.batch || queue.closed || queue.hurried || quiet == QUIET_NAPS {
                break;
            }
            let before = queue.waiting.len();
            queue.gathering = true;
            drop(queue);
            std::thread::sleep(NAP);
            queue = self.lock();
            queue.gathering = false;
            quiet = if queue.waiting.len() == before {
                quiet + 1
            } else {
                0
            };
        }
        queue
    }
}

/// The threads that make finished files durable. Dropping it waits until all that was given to it is acknowledged.
pub struct Committer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer").finish_non_exhaustive()
    }
}

impl Default for Committer {
    fn default() -> Self {
        Self::new()
    }
}

impl Committer {
    /// Starts the threads.
    pub fn new() -> Self {
        Self::on(FileSystem::Other)
    }

    /// Starts the threads for files on this kind of file system.
    pub fn on(file_system: FileSystem) -> Self {
        let order = Order::on(file_system);
        let shared = Arc::new(Shared {
            batch: batch(),
            naps: if order == Order::Together { NAPS } else { 0 },
            ..Shared::default()
        });
        let threads = (0..if order == Order::OneByOne { 1 } else { THREADS })
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    while let Some(batch) = shared.next() {
                        commit(batch, order, &shared.volume_failed);
                    }
                })
            })
            .collect();
        Self { shared, threads }
    }

    /// How many commits of `files` open files each may be under way at once: as many as fill every thread's batch and the
    /// next one, and no more than three eighths of the process's files.
    pub fn room(&self, files: u64) -> usize {
        let batches = self.threads.len() + 1;
        let share = usize::try_from(open_files() / SHARE / files.max(1)).unwrap_or(BATCH);
        self.shared.batch.min(share.max(1)) * batches
    }

    /// Tells the threads that no more files will come soon: they need not gather them.
    pub fn hurry(&self) {
        self.shared.lock().hurried = true;
    }

    /// Gives a finished file to the threads. Returns at once, unless the disk is a whole batch behind.
    pub fn submit(&self, commit: Commit) {
        let mut queue = self.shared.lock();
        while queue.waiting.len() >= self.shared.batch {
            queue = self
                .shared
                .taken
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        queue.waiting.push(commit);
        // A thread that gathers sees it by itself; the other one is woken for a full batch only.
        let wake = !queue.gathering || queue.waiting.len() >= self.shared.batch;
        drop(queue);
        if wake {
            self.shared.arrived.notify_one();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.arrived.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has not acknowledged its batch; whoever waits for it learns that from the
            // dropped callback.
            let _ = thread.join();
        }
    }
}

/// How many files a batch takes in this process.
fn batch() -> usize {
    let share = (open_files() / SHARE).max(1);
    usize::try_from(share).unwrap_or(BATCH).min(BATCH)
}

/// How many files this process may have open.
fn open_files() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.unwrap_or(u64::MAX)
}

/// What a file goes through after its first fsync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Rename, a second fsync and a sync of the old folder, before the next file is renamed.
    OneByOne,
    /// All renamed, then all fsynced again.
    SyncedAgain,
    /// All renamed: what the first fsync wrote holds whatever the name.
    SyncedOnce,
    /// The same, with one sync of the volume for the first fsync of many files.
    Together,
}

impl Order {
    fn on(file_system: FileSystem) -> Self {
        match file_system {
            FileSystem::Fat | FileSystem::ExFat => Self::OneByOne,
            FileSystem::Unix if volume_sync_tells_errors() => Self::Together,
            FileSystem::Unix => Self::SyncedOnce,
            FileSystem::Other => Self::SyncedAgain,
        }
    }
}

/// Whether `syncfs` tells of data that could not be written: Linux 5.8 and newer.
fn volume_sync_tells_errors() -> bool {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 8),
        _ => false,
    }
}

/// Makes the content of all files durable that is not: many by one sync of the volume, as long as that has never failed.
fn synced(batch: Vec<Commit>, order: Order, volume_failed: &Mutex<bool>) -> Vec<Commit> {
    let unsynced = batch.iter().filter(|c| !c.file.is_proved()).count();
    if order == Order::Together && unsynced >= MANY {
        let mut failed = volume_failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed |= batch
            .first()
            .is_none_or(|c| *failed || c.folder.sync_volume().is_err());
        if !*failed {
            return batch;
        }
    }
    each(batch, |c| c.file.sync_content())
}

/// Takes one batch through every step. A file that fails drops out with its error; the others go on.
fn commit(batch: Vec<Commit>, order: Order, volume_failed: &Mutex<bool>) {
    let batch = synced(batch, order, volume_failed);
    let name = |c: &Commit| c.file.folder.rename(&c.file.name, &c.folder, &c.name);
    let batch = match order {
        Order::OneByOne => each(batch, |c| {
            // Until its folder is synced FAT keeps the old name, too. With both names on the drive after a power cut, fsck
            // finds two files that share clusters, and empties one of them.
            name(c)
                .and_then(|()| c.file.sync())
                .and_then(|()| c.file.folder.sync())
        }),
        Order::SyncedAgain => each(each(batch, name), |c| c.file.sync()),
        Order::SyncedOnce | Order::Together => each(batch, name),
    };
    let mut folders = Synced::default();
    for commit in batch {
        let synced = folders.once(&commit.folder);
        commit.file.leave_cache();
        (commit.acknowledged)(synced);
    }
}

/// The folders of one batch, each of which is synced once.
#[derive(Default)]
struct Synced(HashMap<PathBuf, Result<(), String>>);

impl Synced {
    fn once(&mut self, folder: &Folder) -> Result<(), Error> {
        let path = folder.path().to_path_buf();
        match self.0.get(&path) {
            Some(Ok(())) => Ok(()),
            // The first one got the real error; syncing again would lie, so the others fail with it.
            Some(Err(text)) => Err(Error::io("sync", &path, std::io::Error::other(text.clone()))),
            None => {
                let result = folder.sync();
                self.0
                    .insert(path, result.as_ref().copied().map_err(ToString::to_string));
                result
            }
        }
    }
}

fn each(batch: Vec<Commit>, step: impl Fn(&Commit) -> Result<(), Error>) -> Vec<Commit> {
    let mut left = Vec::with_capacity(batch.len());
    for commit in batch {
        match step(&commit) {
            Ok(()) => left.push(commit),
            Err(error) => (commit.acknowledged)(Err(error)),
        }
    }
    left
}
