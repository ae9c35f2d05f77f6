//! What a run did, row by row.

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
