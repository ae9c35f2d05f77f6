//! What a text may cost, each with a name.

use super::error::Error;
use crate::deadline;

/// The largest YAML or JSON text that is read, in bytes: far above any manifest (etcd takes 1.5 MiB per object), and
/// above the largest `index.yaml` known (Bitnami's, 20 MiB).
pub const SIZE_CAP: usize = 256 << 20;

/// How many collections may stand inside one another. go-yaml stops at 10,000, which is more than a small thread's
/// stack can walk; a document of real use is below 50.
pub const DEPTH_CAP: usize = 1_000;

/// How many bytes of text aliases may repeat. go-yaml shares the bytes of repeated strings and bounds their number
/// only; here each repetition owns its text.
pub const REPEATED_TEXT_CAP: usize = 64 << 20;

/// What the values of a document may weigh in memory, in bytes, for each byte of its text. Short texts can mean a lot:
/// a mapping of one entry takes more than half a kilobyte, and `{a},` has four bytes. Real documents weigh ten to
/// seventeen times their text.
pub const WEIGHT_RATIO: usize = 32;

/// What the values of any document may weigh, in bytes.
pub const LIGHT: usize = 64 << 20;

/// What the values of no document may exceed, in bytes.
pub const WEIGHT_CAP: usize = 384 << 20;

/// About what a node takes beside its text.
const NODE_WEIGHT: usize = 64;

/// About what a mapping takes beside its entries.
const MAP_WEIGHT: usize = 640;

/// What the nodes of a document weigh so far, and what they may.
#[derive(Debug)]
pub(super) struct Weight {
    bytes: usize,
    limit: usize,
}

impl Weight {
    /// Nothing yet, of a document in a text of `size` bytes.
    pub(super) fn of_text(size: usize) -> Self {
        Self {
            bytes: 0,
            limit: size.saturating_mul(WEIGHT_RATIO).clamp(LIGHT, WEIGHT_CAP),
        }
    }

    /// What a scalar weighs.
    pub(super) fn of_scalar(text: usize) -> usize {
        NODE_WEIGHT + text
    }

    /// What a collection weighs without its nodes.
    pub(super) fn of_collection(is_map: bool) -> usize {
        if is_map {
            NODE_WEIGHT + MAP_WEIGHT
        } else {
            NODE_WEIGHT
        }
    }

    /// Counts `bytes` more.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limit {
            return Err(Error::TooHeavy { limit: self.limit });
        }
        in_time()
    }

    /// Takes back what was handed over and is in memory here no longer.
    pub(super) fn release(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Fails when the time of the work that this is part of is over. Asked for each node.
pub(super) fn in_time() -> Result<(), Error> {
    if deadline::is_over() {
        return Err(Error::TakesTime);
    }
    Ok(())
}

/// Runs a step of a recursion with enough stack for it, whatever thread it is on.
pub(super) fn with_stack<T>(step: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(32 << 10, 1 << 20, step)
}
