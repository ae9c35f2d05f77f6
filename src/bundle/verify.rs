//! Whether a bundle is whole: every byte hashed, every manifest's children present or left out on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::digest::Digest;
use crate::fsx::{self, Fault};
use crate::observe::{Event, Observer};
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::Reference;

use super::{Bundle, Error, FileRecord, Inventory, Subjects, layout};

/// What was found in a bundle.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// References that the bundle names.
    pub references: u64,
    /// Distinct blobs that they reach, manifests among them.
    pub blobs: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// Content left out on purpose.
    pub absent: u64,
    /// Everything that is wrong, references first, then by digest or path.
    pub problems: Vec<Problem>,
    /// What is no fault and still worth saying, such as a run that did not finish.
    pub notes: Vec<String>,
}

impl Verified {
    /// The references that are not whole.
    pub fn broken(&self) -> BTreeSet<Reference> {
        self.problems
            .iter()
            .flat_map(|p| p.references.iter().cloned())
            .collect()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// A digest, or a path below the bundle's root.
    pub subject: String,
    /// What is wrong with it.
    pub fault: ProblemKind,
    /// One line for people.
    pub text: String,
    /// The references that cannot be used because of it.
    pub references: BTreeSet<Reference>,
}

/// What is wrong with a blob or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// It is not there and nothing says that it was left out on purpose.
    Missing,
    /// It has another size than what points to it says.
    WrongSize,
    /// Its bytes are not those that its name or the inventory says.
    Damaged,
    /// The drive could not read it.
    Unreadable,
    /// It is a link, a device, or something else that a bundle never holds.
    NotAFile,
    /// A manifest that cannot be understood.
    BadManifest,
    /// The inventory and the index do not say the same.
    Disagrees,
    /// A run on the bundle began and none has finished yet.
    Unfinished,
    /// A file that a signed inventory does not name.
    Unlisted,
}

/// Reads and hashes everything, on `threads` threads. Everything that is wrong is in the result; an error is only what
/// makes the bundle unreadable as a whole. `stop` ends it early, with what was found so far.
pub fn verify(
    bundle: &Bundle,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    let inventory = bundle.inventory()?;
    check(bundle, inventory.as_ref(), false, threads, observer, stop)
}

/// The same against an inventory that was read already.
pub fn verify_against(
    bundle: &Bundle,
    inventory: &Inventory,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    check(bundle, Some(inventory), false, threads, observer, stop)
}

/// The same against an inventory that someone vouches for: beside it nothing else may be there, neither references nor
/// files, and what it names must be, whether a reference reaches it or not.
pub fn verify_sealed(
    bundle: &Bundle,
    inventory: &Inventory,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    check(bundle, Some(inventory), true, threads, observer, stop)
}

fn check(
    bundle: &Bundle,
    inventory: Option<&Inventory>,
    sealed: bool,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    let mut found = Found::default();
    for (reference, descriptor) in bundle.entries() {
        found.walk(bundle, inventory, reference, descriptor, NESTING_CAP)?;
    }
    if let Some(inventory) = inventory {
        found.compare(bundle, inventory)?;
        if sealed {
            found.compare_sealed(bundle, inventory)?;
        }
    } else if bundle.was_begun()? {
        found.problem(
            &format!("{}/{}", layout::CARRACK, layout::INVENTORY),
            ProblemKind::Unfinished,
            "it is not there, so the export did not finish: run the same export again, it goes on where it was".to_owned(),
            None,
        );
    } else {
        found.notes.push(
            "there is no carrack/inventory.json, another tool made this layout: only what index.json names was checked"
                .to_owned(),
        );
    }
    observer.on(&Event::Planned {
        items: bundle.entries().len() as u64,
        blobs: found.blobs.len() as u64,
        bytes: found.blobs.values().map(|b| b.size).sum(),
    });
    let bad = hash_all(bundle, &found.blobs, threads, observer, stop)?;
    Ok(found.into_verified(bundle, bad))
}

/// A blob that something points to.
#[derive(Debug)]
struct Wanted {
    size: u64,
    /// By their numbers, rising. A list of the one that most blobs have takes a quarter of a tree's memory.
    references: Vec<usize>,
}

#[derive(Debug, Default)]
struct Found {
    blobs: BTreeMap<Digest, Wanted>,
    names: Vec<Reference>,
    problems: BTreeMap<(String, ProblemKind), Problem>,
    absent: BTreeSet<Digest>,
    notes: Vec<String>,
    other_bytes: u64,
}

impl Found {
    fn problem(&mut self, subject: &str, fault: ProblemKind, text: String, reference: Option<&Reference>) {
        self.problems
            .entry((subject.to_owned(), fault))
            .or_insert_with(|| Problem {
                subject: subject.to_owned(),
                fault,
                text,
                references: BTreeSet::new(),
            })
            .references
            .extend(reference.cloned());
    }

    /// Follows a descriptor as deep as it goes.
    fn walk(
        &mut self,
        bundle: &Bundle,
        inventory: Option<&Inventory>,
        reference: &Reference,
        descriptor: &Descriptor,
        depth: usize,
    ) -> Result<(), Error> {
        if self.names.last() != Some(reference) {
            self.names.push(reference.clone());
        }
        if !self.expect(bundle, inventory, reference, descriptor)? {
            return Ok(());
        }
        let document = match bundle.document(&descriptor.digest, &descriptor.media_type) {
            Ok((_, document)) => document,
            Err(error) => return self.note_error(&descriptor.digest, &error, Some(reference)),
        };
        for blob in &document.blobs {
            self.expect(bundle, inventory, reference, blob)?;
        }
        for child in &document.manifests {
            if depth == 0 {
                let text = format!("indexes nest deeper than {NESTING_CAP}");
                self.problem(
                    &child.digest.to_string(),
                    ProblemKind::BadManifest,
                    text,
                    Some(reference),
                );
            } else {
                self.walk(bundle, inventory, reference, child, depth - 1)?;
            }
        }
        Ok(())
    }

    /// Checks that a blob is there with the right size, and puts it on the list of what is hashed.
    fn expect(
        &mut self,
        bundle: &Bundle,
        inventory: Option<&Inventory>,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<bool, Error> {
        let digest = descriptor.digest;
        let number = self.names.len().saturating_sub(1);
        if let Some(wanted) = self.blobs.get_mut(&digest) {
            // Followed once for each reference: an index that names one child a thousand times costs no more.
            let is_new = wanted.references.last() != Some(&number);
            if is_new {
                wanted.references.push(number);
            }
            return Ok(is_new);
        }
        let size = match bundle.blob_size(&digest) {
            Ok(size) => size,
            Err(error) => return self.note_error(&digest, &error, Some(reference)).map(|()| false),
        };
        match size {
            None if inventory.is_some_and(|i| i.absent.contains_key(&digest)) => {
                self.absent.insert(digest);
                Ok(false)
            }
            None => {
                let text = "it is not in the bundle".to_owned();
                self.problem(&digest.to_string(), ProblemKind::Missing, text, Some(reference));
                Ok(false)
            }
            Some(size) if size != descriptor.size => {
                let text = format!("it has {size} bytes, {} are expected", descriptor.size);
                self.problem(&digest.to_string(), ProblemKind::WrongSize, text, Some(reference));
                Ok(false)
            }
            Some(size) => {
                let references = vec![number];
                self.blobs.insert(digest, Wanted { size, references });
                Ok(true)
            }
        }
    }

    /// An error about one blob is a row; an error about the drive ends the walk.
    fn note_error(
        &mut self,
        digest: &Digest,
        error: &Error,
        reference: Option<&Reference>,
    ) -> Result<(), Error> {
        let fault = kind_of(error)?;
        self.problem(&digest.to_string(), fault, chain(error), reference);
        Ok(())
    }

    /// Compares the inventory with the index and with the files that are no blobs.
    fn compare(&mut self, bundle: &Bundle, inventory: &Inventory) -> Result<(), Error> {
        for (reference, record) in &inventory.references {
            let there = bundle.entries().get(reference);
            if there.is_none_or(|d| d.digest != record.digest) {
                let text = match there {
                    Some(d) => format!(
                        "the inventory says {}, index.json says {}",
                        record.digest, d.digest
                    ),
                    None => format!("the inventory has {}, index.json does not name it", record.digest),
                };
                self.problem(
                    &reference.to_string(),
                    ProblemKind::Disagrees,
                    text,
                    Some(reference),
                );
            }
        }
        self.compare_referrers(inventory);
        let extra = bundle
            .entries()
            .keys()
            .filter(|r| !inventory.references.contains_key(*r))
            .count();
        if extra > 0 {
            self.notes.push(format!(
                "index.json names {extra} references that the inventory does not: a run is not finished, or another tool added them"
            ));
        }
        let blobs = [format!("{}/", layout::BLOBS), format!("{}/", layout::PARTS)];
        for (path, record) in inventory.files.others() {
            if blobs.iter().any(|b| path.starts_with(b.as_str())) {
                continue;
            }
            self.check_file(bundle, path, &record)?;
        }
        Ok(())
    }

    /// What only an inventory that someone vouches for can tell: things that it does not name.
    fn compare_sealed(&mut self, bundle: &Bundle, inventory: &Inventory) -> Result<(), Error> {
        for reference in bundle.entries().keys() {
            if !inventory.references.contains_key(reference) {
                let text = "index.json names it, the signed inventory does not".to_owned();
                let subject = reference.to_string();
                self.problem(&subject, ProblemKind::Disagrees, text, Some(reference));
            }
        }
        for path in bundle.unlisted(inventory)? {
            let text = "the signed inventory does not name it: someone added it".to_owned();
            self.problem(&path, ProblemKind::Unlisted, text, None);
        }
        let told: BTreeSet<String> = self.problems.keys().map(|(subject, _)| subject.clone()).collect();
        for (path, record) in inventory.files.iter() {
            let reached = path
                .strip_prefix("blobs/")
                .and_then(|p| p.replacen('/', ":", 1).parse::<Digest>().ok())
                .is_some_and(|digest| self.blobs.contains_key(&digest) || told.contains(&digest.to_string()));
            if !reached && (path.starts_with(layout::BLOBS) || path.starts_with(layout::PARTS)) {
                self.check_file(bundle, &path, &record)?;
            }
        }
        Ok(())
    }

    /// Every signature, attestation and SBOM that the inventory has must be among what index.json reaches: a lost one
    /// would make its image look unsigned.
    fn compare_referrers(&mut self, inventory: &Inventory) {
        let all = inventory.referrers.values().flat_map(Subjects::iter);
        for (subject, referrer) in all.flat_map(|(subject, found)| found.iter().map(move |f| (subject, f))) {
            let digest = &referrer.digest;
            let text = digest.to_string();
            let is_known = self.blobs.contains_key(digest)
                || self.absent.contains(digest)
                || self.problems.keys().any(|(known, _)| *known == text);
            if !is_known {
                let why = format!("{} of {subject}: index.json does not lead to it", referrer.by);
                self.problem(&text, ProblemKind::Missing, why, Some(&referrer.entry));
            }
        }
    }

    fn check_file(&mut self, bundle: &Bundle, path: &str, record: &FileRecord) -> Result<(), Error> {
        let hashed = bundle
            .any_file(path)
            .and_then(|file| Ok((file.size(), file.hash(&record.sha256, |_| {})?)));
        match hashed {
            Ok((size, digest)) if size == record.size && digest == record.sha256 => self.other_bytes += size,
            Ok((size, _)) if size != record.size => {
                let text = format!("it has {size} bytes, the inventory says {}", record.size);
                self.problem(path, ProblemKind::WrongSize, text, None);
            }
            Ok((_, digest)) => {
                let text = format!("it hashes to {digest}, the inventory says {}", record.sha256);
                self.problem(path, ProblemKind::Damaged, text, None);
            }
            Err(Error::Disk(error)) if error.is_absent() => {
                self.problem(
                    path,
                    ProblemKind::Missing,
                    "it is not in the bundle".to_owned(),
                    None,
                );
            }
            Err(error) => {
                let fault = kind_of(&error)?;
                self.problem(path, fault, chain(&error), None);
            }
        }
        Ok(())
    }

    fn into_verified(mut self, bundle: &Bundle, bad: Vec<(Digest, ProblemKind, String)>) -> Verified {
        for (digest, fault, text) in bad {
            let references: Vec<Reference> = self
                .blobs
                .get(&digest)
                .into_iter()
                .flat_map(|w| w.references.iter())
                .filter_map(|n| self.names.get(*n).cloned())
                .collect();
            for reference in &references {
                self.problem(&digest.to_string(), fault, text.clone(), Some(reference));
            }
        }
        let mut problems: Vec<Problem> = self.problems.into_values().collect();
        problems.sort_by(|a, b| (&a.references, &a.subject).cmp(&(&b.references, &b.subject)));
        Verified {
            references: bundle.entries().len() as u64,
            blobs: self.blobs.len() as u64,
            bytes: self.blobs.values().map(|b| b.size).sum::<u64>() + self.other_bytes,
            absent: self.absent.len() as u64,
            problems,
            notes: self.notes,
        }
    }
}

/// Hashes every blob. The largest come first, so that no thread ends with a large one alone.
fn hash_all(
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

/// What an error about one blob or file means; an error about the whole drive is given back.
fn kind_of(error: &Error) -> Result<ProblemKind, Error> {
    Ok(match error {
        Error::BlobMissing { .. } => ProblemKind::Missing,
        Error::WrongSize { .. } => ProblemKind::WrongSize,
        Error::Damaged { .. } => ProblemKind::Damaged,
        Error::ManifestTooLarge { .. } | Error::BadManifest { .. } => ProblemKind::BadManifest,
        Error::Disk(
            fsx::Error::NotAFile { .. } | fsx::Error::NotAFolder { .. } | fsx::Error::BadName { .. },
        ) => ProblemKind::NotAFile,
        Error::Disk(disk) if disk.fault() == Some(Fault::Gone) => {
            return Err(Error::Disk(fsx::Error::io(
                "read",
                "the bundle",
                std::io::Error::from_raw_os_error(rustix::io::Errno::NODEV.raw_os_error()),
            )));
        }
        _ => ProblemKind::Unreadable,
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
