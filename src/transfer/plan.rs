//! What is to be moved, decided before the first blob moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::acknowledgements::Acknowledgements;
use crate::bundle::{Absent, Provenance, Shared};
use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::reference::{Reference, Repository};

/// A reference on its way.
#[derive(Clone, Debug)]
pub struct Item {
    /// The reference as it was asked for.
    pub reference: Reference,
    /// The name that it gets in the bundle.
    pub key: Reference,
    /// Why it is wanted.
    pub provenance: Shared<Provenance>,
    /// Whether it comes from a file here, so that no registry is asked for it.
    pub on_disk: bool,
    /// What became of it so far.
    pub state: State,
}

/// What is known of an item.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// Its manifests are there; its blobs may be missing.
    Resolved {
        /// What it points to.
        root: Arc<Descriptor>,
        /// What it pointed to before this run, if that was something else.
        moved_from: Option<Box<Digest>>,
        /// Whether a manifest of it is new to the bundle, or its name is.
        is_new: bool,
        /// Bytes of all its manifests.
        manifest_bytes: u64,
        /// Signatures, attestations and SBOMs, under their own names: they come and fail with the item.
        attached: BTreeMap<Reference, Descriptor>,
        /// Manifests whose repository has told everything that is about them.
        asked: Vec<Digest>,
    },
    /// It cannot be had; the text is the whole chain of causes.
    Failed(String),
}

impl State {
    /// What goes along with the item because it is about it, by the names that it gets in the bundle.
    pub fn attached(&self) -> &BTreeMap<Reference, Descriptor> {
        static NOTHING: BTreeMap<Reference, Descriptor> = BTreeMap::new();
        match self {
            Self::Resolved { attached, .. } => attached,
            Self::Failed(_) => &NOTHING,
        }
    }
}

impl Item {
    /// Takes out the manifests whose repository has told everything that is about them.
    pub fn take_asked(&mut self) -> Vec<Digest> {
        match &mut self.state {
            State::Resolved { asked, .. } => std::mem::take(asked),
            State::Failed(_) => Vec::new(),
        }
    }
}

/// A blob that must move.
#[derive(Clone, Debug)]
pub struct PlannedBlob {
    /// What it is.
    pub descriptor: Descriptor,
    /// The repositories that offer it.
    pub repositories: Vec<Repository>,
    /// The numbers of the items that need it.
    pub items: Vec<usize>,
    /// Bytes that an earlier run left.
    pub kept: u64,
}

/// What a run will do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every reference, in the order of asking.
    pub items: Vec<Item>,
    /// Every distinct blob that must move, largest first.
    pub blobs: Vec<PlannedBlob>,
    /// Content that is left out on purpose.
    pub absent: BTreeMap<Digest, Absent>,
    /// Bytes of blobs that are in the bundle already.
    pub bytes_present: u64,
    /// Blobs that are in the bundle already.
    pub blobs_present: u64,
    /// Manifests that are still on their way to the disk: the blobs need not wait for them.
    pub(super) acknowledgements: Acknowledgements,
}

/// A plan in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Blobs that must move.
    pub blobs: u64,
    /// Bytes that must move; what an earlier run left is not counted.
    pub bytes: u64,
    /// The largest of these blobs in bytes.
    pub largest: u64,
    /// Blobs that are there already.
    pub blobs_present: u64,
    /// Their bytes.
    pub bytes_present: u64,
}

impl Plan {
    /// The plan in numbers.
    pub fn totals(&self) -> Totals {
        Totals {
            blobs: self.blobs.len() as u64,
            bytes: self
                .blobs
                .iter()
                .map(|b| b.descriptor.size - b.kept.min(b.descriptor.size))
                .sum(),
            largest: self.blobs.first().map_or(0, |b| b.descriptor.size),
            blobs_present: self.blobs_present,
            bytes_present: self.bytes_present,
        }
    }
}
