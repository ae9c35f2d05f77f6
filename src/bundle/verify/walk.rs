//! What a bundle's references lead to, and what an inventory says beside.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, ProblemKind, Unsound, Verified, kind_of};
use crate::bundle::{Bundle, Error, FileRecord, Inventory, Subjects, layout};
use crate::causes::chain;
use crate::digest::Digest;
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::Reference;

/// A blob that something points to.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) size: u64,
    /// Whether its bytes were hashed on the way.
    was_read: bool,
    /// By their numbers, rising. A list of the one that most blobs have takes a quarter of a tree's memory.
    references: Vec<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) blobs: BTreeMap<Digest, Wanted>,
    names: Vec<Reference>,
    problems: BTreeMap<(String, ProblemKind), Problem>,
    absent: BTreeSet<Digest>,
    pub(super) notes: Vec<String>,
    other_bytes: u64,
}

impl Found {
    pub(super) fn problem(
        &mut self,
        subject: &str,
        fault: ProblemKind,
        text: String,
        reference: Option<&Reference>,
    ) {
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
    pub(super) fn walk(
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
        if let Some(wanted) = self.blobs.get_mut(&descriptor.digest) {
            wanted.was_read = true;
        }
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
                let wanted = Wanted {
                    size,
                    was_read: false,
                    references: vec![number],
                };
                self.blobs.insert(digest, wanted);
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
    pub(super) fn compare(&mut self, bundle: &Bundle, inventory: &Inventory) -> Result<(), Error> {
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
    pub(super) fn compare_sealed(&mut self, bundle: &Bundle, inventory: &Inventory) -> Result<(), Error> {
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
            .and_then(|file| Ok((file.size(), file.hash(&record.sha256)?)));
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

    /// The blobs whose bytes nobody has hashed yet, with their sizes.
    pub(super) fn unread(&self) -> Vec<(Digest, u64)> {
        let unread = self.blobs.iter().filter(|(_, wanted)| !wanted.was_read);
        unread.map(|(digest, wanted)| (*digest, wanted.size)).collect()
    }

    pub(super) fn into_verified(mut self, bundle: &Bundle, bad: Vec<Unsound>) -> Verified {
        for Unsound { digest, fault, text } in bad {
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
        let mut verified = Verified {
            references: bundle.entries().len() as u64,
            blobs: self.blobs.len() as u64,
            bytes: self.blobs.values().map(|b| b.size).sum::<u64>() + self.other_bytes,
            absent: self.absent.len() as u64,
            problems: Vec::new(),
            notes: self.notes,
        };
        verified.add(self.problems.into_values());
        verified
    }
}
