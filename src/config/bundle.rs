//! The section `bundle`, and what goes along with every image.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::written::{Size, Written};

/// How bundles are written; the command line's flags of the same names win.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bundle {
    /// The file that keeps what tags came to, so that the next run carries the same bytes: `carrack.lock`.
    pub lock: Option<PathBuf>,
    /// Put this program onto the drive, too.
    #[serde(default)]
    pub with_carrack: bool,
    /// Take out of the bundle what is not asked for any more, once everything that is asked for has come.
    #[serde(default)]
    pub prune: bool,
    /// Split the set into volumes of at most this size: `32GB`.
    pub volume_size: Option<Written<Size>>,
    /// Store blobs larger than this as parts, joined again at import: `4GiB`.
    pub largest_file: Option<Written<Size>>,
}

/// What goes along with images because it is about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Referrers {
    /// Signatures, attestations and SBOMs, whatever there is.
    #[default]
    All,
    /// Nothing, by choice.
    None,
}
