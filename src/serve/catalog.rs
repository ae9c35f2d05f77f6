//! What a bundle offers, looked up once and asked for often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bundle::{self, Bundle, Inventory};
use crate::causes::chain;
use crate::digest::Digest;
use crate::mirrors::{Mapping, Names, Resolution};
use crate::oci::{Descriptor, Document, MediaType, NESTING_CAP, Platform};
use crate::reference::{Reference, Repository, Tag};

/// More manifests than this are not looked into: a hostile index may point to itself in many spellings.
const MANIFEST_LIMIT: usize = 1_000_000;

/// Everything in a bundle that a client can ask for by a repository's name.
#[derive(Debug)]
pub struct Catalog {
    names: Names,
    shelves: BTreeMap<Repository, Shelf>,
    entries: BTreeMap<Reference, Arc<Descriptor>>,
    facts: BTreeMap<Reference, Facts>,
    bytes: u64,
    inventory: Option<Inventory>,
    problems: Vec<String>,
}

/// What is known of one reference without asking for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The platforms that its index names and the bundle has; empty for an image without an index.
    pub platforms: Vec<Platform>,
    /// Bytes of everything that it points to, each blob once.
    pub bytes: u64,
}

/// One repository's content.
#[derive(Debug, Default)]
pub struct Shelf {
    tags: BTreeMap<Tag, Digest>,
    manifests: BTreeMap<Digest, MediaType>,
    referrers: BTreeMap<Digest, Vec<Descriptor>>,
}

impl Shelf {
    /// The tags in bytewise order, with the digests they point to.
    pub fn tags(&self) -> &BTreeMap<Tag, Digest> {
        &self.tags
    }

    /// The media type of a manifest that belongs here. Its bytes may still be absent from the bundle by choice.
    pub fn media_type(&self, digest: &Digest) -> Option<&str> {
        self.manifests.get(digest).map(MediaType::as_str)
    }

    /// What says that it is about `subject`: signatures, SBOMs.
    pub fn referrers(&self, subject: &Digest) -> &[Descriptor] {
        self.referrers.get(subject).map_or(&[], Vec::as_slice)
    }
}

impl Catalog {
    /// Walks every manifest of the bundle once. A manifest that cannot be read is a problem to tell, not the end: the
    /// others are served.
    pub fn new(bundle: &Bundle, mapping: &Mapping) -> Result<Self, bundle::Error> {
        let mut walk = Walk {
            bundle,
            shelves: BTreeMap::new(),
            problems: Vec::new(),
            facts: BTreeMap::new(),
            all: BTreeMap::new(),
            looked_at: 0,
        };
        for (reference, descriptor) in bundle.entries() {
            walk.enter(reference, descriptor);
        }
        let Walk {
            shelves,
            problems,
            facts,
            all,
            ..
        } = walk;
        Ok(Self {
            names: Names::new(shelves.keys(), mapping),
            entries: bundle.entries().clone(),
            facts,
            bytes: all.values().fold(0, |sum: u64, size| sum.saturating_add(*size)),
            inventory: bundle.inventory()?,
            shelves,
            problems,
        })
    }

    /// The repository that a client means by `name`; `namespace` is containerd's `?ns=`.
    pub fn resolve(&self, name: &str, namespace: Option<&str>) -> Resolution<'_> {
        self.names.resolve(name, namespace)
    }

    /// A repository's content.
    pub fn shelf(&self, repository: &Repository) -> Option<&Shelf> {
        self.shelves.get(repository)
    }

    /// The names that `_catalog` lists, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.catalog()
    }

    /// Every reference, with what it points to.
    pub fn entries(&self) -> &BTreeMap<Reference, Arc<Descriptor>> {
        &self.entries
    }

    /// What is known of every reference.
    pub fn facts(&self) -> &BTreeMap<Reference, Facts> {
        &self.facts
    }

    /// Bytes of everything that references point to, each blob once.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the bundle says about itself, if its last run finished.
    pub fn inventory(&self) -> Option<&Inventory> {
        self.inventory.as_ref()
    }

    /// What cannot be served and why, one line each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

struct Walk<'a> {
    bundle: &'a Bundle,
    shelves: BTreeMap<Repository, Shelf>,
    problems: Vec<String>,
    facts: BTreeMap<Reference, Facts>,
    /// Every blob and its size.
    all: BTreeMap<Digest, u64>,
    looked_at: usize,
}

impl Walk<'_> {
    fn enter(&mut self, reference: &Reference, descriptor: &Descriptor) {
        let shelf = self.shelves.entry(reference.repository().clone()).or_default();
        if let Some(tag) = reference.tag() {
            if reference.digest().is_none() {
                shelf.tags.insert(tag.clone(), descriptor.digest);
            } else {
                // `name:tag` owns the tag; `name:tag@digest` has it only where there is no such entry.
                shelf.tags.entry(tag.clone()).or_insert(descriptor.digest);
            }
        }
        let mut facts = Facts {
            digest: descriptor.digest,
            platforms: Vec::new(),
            bytes: 0,
        };
        let mut queue = vec![(descriptor.clone(), 0)];
        let mut seen = BTreeSet::new();
        let mut blobs = BTreeMap::new();
        while let Some((descriptor, depth)) = queue.pop() {
            if !seen.insert(descriptor.digest) {
                continue;
            }
            self.looked_at += 1;
            if self.looked_at > MANIFEST_LIMIT {
                self.problems.push(format!(
                    "more than {MANIFEST_LIMIT} manifests: the rest is left out"
                ));
                return;
            }
            let children = self.look_into(reference, &descriptor, depth, &mut blobs);
            if let Some(platform) = descriptor
                .platform
                .filter(|p| blobs.contains_key(&descriptor.digest) && p.os != "unknown")
            {
                facts.platforms.push(*platform);
            }
            queue.extend(children.into_iter().map(|child| (child, depth + 1)));
        }
        facts.platforms.sort();
        facts.bytes = blobs.values().fold(0, |sum: u64, size| sum.saturating_add(*size));
        self.all.append(&mut blobs);
        self.facts.insert(reference.clone(), facts);
    }

    /// Puts one manifest on the shelf and gives what it points to.
    fn look_into(
        &mut self,
        reference: &Reference,
        descriptor: &Descriptor,
        depth: usize,
        blobs: &mut BTreeMap<Digest, u64>,
    ) -> Vec<Descriptor> {
        let document = match self.bundle.document(&descriptor.digest, &descriptor.media_type) {
            Ok((bytes, document)) => {
                blobs.insert(descriptor.digest, bytes.len() as u64);
                blobs.extend(document.blobs.iter().map(|blob| (blob.digest, blob.size)));
                Some(document)
            }
            // A platform that was not chosen: the index names it, the bundle does not have it.
            Err(bundle::Error::BlobMissing { .. }) if depth > 0 => return Vec::new(),
            Err(error) => {
                self.problems.push(format!("{reference}: {}", chain(&error)));
                None
            }
        };
        let media_type = document.as_ref().map_or_else(
            || descriptor.media_type.clone(),
            |document| MediaType::from(&document.media_type),
        );
        let shelf = self.shelves.entry(reference.repository().clone()).or_default();
        shelf.manifests.insert(descriptor.digest, media_type);
        let Some(document) = document else {
            return Vec::new();
        };
        if let Some(subject) = &document.subject {
            let listed = shelf.referrers.entry(subject.digest).or_default();
            // It may be here through a list and by itself.
            if !listed.iter().any(|known| known.digest == descriptor.digest) {
                listed.push(referrer(descriptor, &document));
            }
        }
        if depth == NESTING_CAP && !document.manifests.is_empty() {
            self.problems.push(format!(
                "{reference}: indexes nest deeper than {NESTING_CAP} levels"
            ));
            return Vec::new();
        }
        document.manifests
    }
}

/// A referrer as the referrers list describes it.
fn referrer(descriptor: &Descriptor, document: &Document) -> Descriptor {
    let mut found = Descriptor::new(document.media_type.clone(), descriptor.digest, descriptor.size);
    found.annotations.clone_from(&document.annotations);
    found.artifact_type.clone_from(&document.artifact_type);
    found
}
