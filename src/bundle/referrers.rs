//! What refers to the manifests of a bundle: signatures, attestations, SBOMs.
//!
//! Each is an entry of index.json like any other, so that every tool copies it and none collects it as garbage: under
//! the tag that it has upstream (`host/repo:sha256-<hex>.sig`), or by its own digest where the registry lists it without
//! a tag (`host/repo@sha256:<hex>`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::oci::{Attachment, Descriptor, Document, MediaType, NESTING_CAP, media_type};
use crate::reference::{Reference, Repository};

use super::{Bundle, Error, Subjects};

/// Something that is about a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    // The fields stand in the order of their names: serialised one after the other they are canonical JSON.
    /// What it is, by its manifest's `artifactType` or else its configuration's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// How it is attached.
    pub by: Attachment,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The entry of index.json through which it is here.
    pub entry: Reference,
    /// The media type of its manifest.
    pub media_type: MediaType,
    /// The size of its manifest in bytes.
    pub size: u64,
}

/// Everything in a bundle that is about a manifest, by repository and subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referrers {
    by_subject: BTreeMap<Repository, Subjects>,
    /// How far each entry is from what is about nothing.
    depths: BTreeMap<Reference, usize>,
    /// The entries that say that they are about a manifest, and that a node could run all the same.
    runnable: BTreeSet<Reference>,
}

impl Referrers {
    /// What refers to the manifest `subject` in `repository`, sorted. That may have signatures of its own: ask again.
    pub fn of(&self, repository: &Repository, subject: &Digest) -> &[Referrer] {
        let found = self.by_subject.get(repository).and_then(|of| of.get(subject));
        found.unwrap_or_default()
    }

    /// What refers to the manifest `subject`, in whatever repository.
    pub fn anywhere(&self, subject: &Digest) -> impl Iterator<Item = &Referrer> {
        let all = self.by_subject.values();
        let subject = *subject;
        all.filter_map(move |of| of.get(&subject)).flatten()
    }

    /// What is here through one entry of index.json, each with the manifest that it is about.
    pub fn through(&self, entry: &Reference) -> impl Iterator<Item = (&Digest, &Referrer)> {
        let of = self.by_subject.get(entry.repository());
        let is_there = self.depths.contains_key(entry);
        let all = of.into_iter().filter(move |_| is_there).flat_map(Subjects::iter);
        all.flat_map(|(subject, found)| found.iter().map(move |f| (subject, f)))
            .filter(move |(_, referrer)| referrer.entry == *entry)
    }

    /// Whether an entry of index.json is about a manifest of its repository.
    pub fn is_referrer(&self, entry: &Reference) -> bool {
        self.depths.contains_key(entry)
    }

    /// Whether an entry is about a manifest and nothing else: it has no ordinary tag, and nothing in it would become
    /// files of a container. An image whose manifest names a subject is still an image, and whoever asks something of
    /// images must ask it of that one too.
    pub fn is_companion(&self, entry: &Reference) -> bool {
        self.is_referrer(entry) && !self.runnable.contains(entry)
    }

    /// How far an entry is from what it is about in the end: 0 for an image, 1 for its SBOM, 2 for the SBOM's signature.
    /// Deeper ones than indexes may nest count as the deepest.
    pub fn depth(&self, entry: &Reference) -> usize {
        self.depths.get(entry).copied().unwrap_or(0)
    }

    /// By repository and subject.
    pub(super) fn into_subjects(self) -> BTreeMap<Repository, Subjects> {
        self.by_subject
    }

    fn add(
        &mut self,
        entry: &Reference,
        subject: Digest,
        by: Attachment,
        descriptor: &Descriptor,
        document: Option<&Document>,
    ) {
        self.depths.insert(entry.clone(), 1);
        let of = self.by_subject.entry(entry.repository().clone()).or_default();
        let found = of.of(subject);
        let known = document.map(|d| MediaType::from(&d.media_type));
        let referrer = Referrer {
            artifact_type: document.and_then(|d| d.artifact_type.clone()),
            by,
            digest: descriptor.digest,
            entry: entry.clone(),
            media_type: known.unwrap_or_else(|| descriptor.media_type.clone()),
            size: descriptor.size,
        };
        // A list names what may be an entry of its own as well.
        if !found.iter().any(|f| f.by == by && f.digest == referrer.digest) {
            let place = found.partition_point(|f| f < &referrer);
            found.insert(place, referrer);
        }
    }
}

impl Referrers {
    /// Finds out how deep each entry is. A tag may attach a manifest to itself, so the depth has an end.
    fn measure(&mut self) {
        for _ in 1..NESTING_CAP {
            let mut next = self.depths.clone();
            for of in self.by_subject.values() {
                let all = of
                    .iter()
                    .flat_map(|(subject, found)| found.iter().map(move |f| (subject, f)));
                let holders: BTreeMap<&Digest, &Reference> = all
                    .clone()
                    .map(|(_, found)| (&found.digest, &found.entry))
                    .collect();
                for (subject, found) in all {
                    let below = holders.get(subject).map_or(0, |holder| self.depth(holder));
                    let depth = next.entry(found.entry.clone()).or_default();
                    *depth = (*depth).max(below + 1);
                }
            }
            if next == self.depths {
                return;
            }
            self.depths = next;
        }
    }
}

impl Referrers {
    /// Finds everything that is about a manifest by one look into each entry. `look` gives what a manifest points to,
    /// `None` for one that cannot be used.
    pub fn among<'e, E>(
        entries: impl IntoIterator<Item = (&'e Reference, &'e Descriptor)>,
        look: impl Fn(&Descriptor) -> Result<Option<Document>, E>,
    ) -> Result<Self, E> {
        let mut found = Self::default();
        for (entry, descriptor) in entries {
            let document = look(descriptor)?;
            let attached = entry.tag().and_then(Attachment::of_tag);
            if let Some((subject, by)) = attached {
                found.add(entry, subject, by, descriptor, document.as_ref());
            } else if let Some(subject) = document.as_ref().and_then(|d| d.subject.as_ref()) {
                let by = Attachment::Subject;
                found.add(entry, subject.digest, by, descriptor, document.as_ref());
            }
            let is_list = attached.is_some_and(|(_, by)| by == Attachment::List);
            let is_named = entry.tag().is_some() && attached.is_none();
            let mut is_runnable = is_named || document.as_ref().is_none_or(|d| runs(d, is_list));
            for child in document.iter().filter(|_| is_list).flat_map(|d| &d.manifests) {
                let document = look(child)?;
                // One that is not here names nothing that could be run.
                is_runnable |= document.as_ref().is_some_and(|d| runs(d, false));
                let named = document.as_ref().and_then(|d| d.subject.as_ref());
                // One that does not name its subject is about the list's.
                let subject = named
                    .map(|s| s.digest)
                    .or_else(|| attached.map(|(subject, _)| subject));
                if let Some(subject) = subject {
                    found.add(entry, subject, Attachment::Subject, child, document.as_ref());
                }
            }
            if is_runnable {
                found.runnable.insert(entry.clone());
            }
        }
        found.measure();
        Ok(found)
    }
}

/// Whether a node could run what a manifest points to. An index could lead to any image, if it is no list of referrers,
/// whose children are looked into one by one.
fn runs(document: &Document, is_list: bool) -> bool {
    if document.is_index() {
        return !is_list;
    }
    // Artifacts that are no images may have such layers; they say so by an empty configuration.
    let is_empty = |blob: &Descriptor| blob.media_type == media_type::OCI_EMPTY && blob.size == 2;
    let has_configuration = !document.blobs.first().is_some_and(is_empty);
    let mut types = document.blobs.iter().map(|blob| blob.media_type.as_str());
    has_configuration && types.any(media_type::is_file_system)
}

impl Bundle {
    /// Finds everything that is about a manifest by one look into each entry of index.json.
    ///
    /// An entry whose manifest is missing, damaged or not understood is found by its tag, or not at all; naming it is
    /// the matter of [`verify`](super::verify()), which comes before any use.
    pub fn referrers(&self) -> Result<Referrers, Error> {
        let entries = self
            .entries()
            .iter()
            .map(|(entry, descriptor)| (entry, &**descriptor));
        Referrers::among(entries, |descriptor| self.readable(descriptor))
    }

    /// These references with everything in the bundle that is about their manifests.
    pub fn with_companions(&self, references: &[Reference]) -> Result<BTreeSet<Reference>, Error> {
        let referrers = self.referrers()?;
        let mut chosen = BTreeSet::new();
        let mut waiting: Vec<Reference> = references.to_vec();
        while let Some(reference) = waiting.pop() {
            if !chosen.insert(reference.clone()) {
                continue;
            }
            let root = self.entries().get(&reference).map(|root| Descriptor::clone(root));
            let mut manifests: Vec<(Descriptor, usize)> = root.into_iter().map(|root| (root, 0)).collect();
            let mut seen = BTreeSet::new();
            while let Some((descriptor, depth)) = manifests.pop() {
                if depth > NESTING_CAP || !seen.insert(descriptor.digest) {
                    continue;
                }
                let about = referrers.of(reference.repository(), &descriptor.digest);
                waiting.extend(about.iter().map(|referrer| referrer.entry.clone()));
                let document = self.readable(&descriptor)?;
                let children = document.into_iter().flat_map(|document| document.manifests);
                manifests.extend(children.map(|child| (child, depth + 1)));
            }
        }
        Ok(chosen)
    }

    fn readable(&self, descriptor: &Descriptor) -> Result<Option<Document>, Error> {
        match self.document(&descriptor.digest, &descriptor.media_type) {
            Ok((_, document)) => Ok(Some(document)),
            Err(Error::Disk(error)) if error.is_fatal() => Err(error.into()),
            Err(
                Error::BlobMissing { .. }
                | Error::Damaged { .. }
                | Error::ManifestTooLarge { .. }
                | Error::BadManifest { .. }
                | Error::Disk(_),
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
