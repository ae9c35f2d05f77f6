//! What shall be carried, each reference once.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::{Provenance, Shared};
use crate::digest::Digest;
use crate::reference::Reference;

/// A reference that shall be carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The reference.
    pub reference: Reference,
    /// The digest that a lock file pins it to.
    pub pinned: Option<Digest>,
    /// Why it is wanted.
    pub provenance: Shared<Provenance>,
}

impl Wanted {
    /// A reference and who named it.
    pub fn new(reference: Reference, source: &str) -> Self {
        Self {
            reference,
            pinned: None,
            provenance: Shared::from(vec![Provenance {
                source: source.to_owned(),
                ..Provenance::default()
            }]),
        }
    }
}

/// Every wanted reference once, with the name that it gets in the bundle.
///
/// `name:tag@digest` is kept under its tag, because manifests ask for it; where another reference has that name already
/// with another content, it keeps its full name.
pub(super) fn named(wanted: Vec<Wanted>) -> Vec<(Reference, Wanted)> {
    let mut merged: BTreeMap<Reference, Wanted> = BTreeMap::new();
    let mut order = Vec::new();
    for wanted in wanted {
        if let Some(same) = merged.get_mut(&wanted.reference) {
            let more = wanted
                .provenance
                .iter()
                .filter(|one| !same.provenance.contains(one));
            let more: Vec<&Provenance> = more.collect();
            if !more.is_empty() {
                same.provenance = same.provenance.iter().chain(more).cloned().collect();
            }
            same.pinned = same.pinned.or(wanted.pinned);
        } else {
            order.push(wanted.reference.clone());
            merged.insert(wanted.reference.clone(), wanted);
        }
    }
    let mut taken: BTreeSet<Reference> = merged.keys().filter(|r| r.digest().is_none()).cloned().collect();
    let mut named = Vec::with_capacity(order.len());
    for reference in order {
        let Some(wanted) = merged.remove(&reference) else {
            continue;
        };
        let key = match (reference.tag(), reference.digest()) {
            (Some(tag), Some(_)) => {
                let short = Reference::tagged(reference.repository().clone(), tag.clone());
                if taken.insert(short.clone()) {
                    short
                } else {
                    reference
                }
            }
            _ => reference,
        };
        named.push((key, wanted));
    }
    named
}
