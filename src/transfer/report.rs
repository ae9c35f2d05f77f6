//! What a run did, row by row.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::digest::Digest;
use crate::reference::Reference;

use super::plan::Totals;

/// One reference of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The reference.
    pub reference: Reference,
    /// How it went.
    #[serde(flatten)]
    pub outcome: RowOutcome,
    /// The digest of its manifest, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What the tag pointed to before, if the run changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Digest>,
    /// Signatures, attestations and SBOMs that go along with it.
    #[serde(skip_serializing_if = "is_zero")]
    pub referrers: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How one reference went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum RowOutcome {
    /// It is new.
    Done,
    /// It was there already.
    Present,
    /// A dry run: it would be moved.
    Planned,
    /// It failed.
    Failed {
        /// The whole chain of causes in one line.
        error: String,
    },
}

impl Row {
    /// Whether it failed.
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, RowOutcome::Failed { .. })
    }
}

/// What was fetched into a bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    /// Every reference, in the order of asking.
    pub rows: Vec<Row>,
    /// The plan in numbers.
    pub plan: Totals,
    /// Blobs that moved.
    pub blobs: u64,
    /// Bytes that moved.
    pub bytes: u64,
}

/// One reference at one place of a registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushedRow {
    /// The reference as upstream knows it.
    pub reference: Reference,
    /// Where it is now: `mirror.lan/quay.io/a/b:1`.
    pub target: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// How it went.
    #[serde(flatten)]
    pub outcome: RowOutcome,
}

/// What was brought into a registry.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pushed {
    /// Every reference and place.
    pub rows: Vec<PushedRow>,
    /// Blobs whose bytes were sent.
    pub uploaded: u64,
    /// Blobs that the registry linked from another of its repositories.
    pub mounted: u64,
    /// Blobs that were there.
    pub present: u64,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Every digest that the target has shown to have.
    #[serde(skip)]
    pub proven: BTreeSet<Digest>,
}
