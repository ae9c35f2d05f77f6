//! `carrack/inventory.json`: what a bundle is, in canonical JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fsx::Folder;
use crate::oci::Platform;
use crate::reference::Reference;

use super::{Error, layout};

/// The version of the inventory that this program writes and reads.
pub const FORMAT_VERSION: u64 = 1;

/// Larger inventories are refused.
pub const INVENTORY_CAP: u64 = 256 << 20;

/// What a bundle says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u64,
    /// The name of this bundle: it stays when a later run adds to it.
    pub bundle_id: String,
    /// How many runs have finished on this bundle.
    pub sequence: u64,
    /// The digest of the inventory that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// When the run ended, as RFC 3339 in UTC.
    pub created: String,
    /// The program that wrote it: `carrack 0.1.0`.
    pub tool: String,
    /// The digest of the configuration that the references were chosen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Digest>,
    /// Every reference, in bytewise order.
    pub references: BTreeMap<Reference, Record>,
    /// Every file but the inventory, its signature and SHA256SUMS, by its path below the bundle's root.
    pub files: BTreeMap<String, FileRecord>,
    /// Content that manifests point to and that is not here on purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<Digest, Absent>,
}

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// Its media type, as upstream's.
    pub media_type: String,
    /// The size of its manifest or index in bytes.
    pub size: u64,
    /// The platforms that it has here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Why it is here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<Provenance>,
}

/// Where a reference was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What named it: a file, a chart's name, `command line`.
    pub source: String,
    /// The chart's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The values profile that the chart was rendered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The template that printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The JSON pointer into the rendered document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// How sure the finding is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

/// Content that is not here on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Its size in bytes.
    pub size: u64,
    /// Why it is not here.
    pub reason: AbsentReason,
}

/// Why content is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbsentReason {
    /// Its platform was not selected.
    Platform,
    /// A receipt proved that the target has it.
    Have,
    /// It is a layer that registries may not distribute.
    Foreign,
}

/// Reads the inventory, if there is one.
pub(super) fn load(root: &Folder) -> Result<Option<Inventory>, Error> {
    let bytes = match root
        .folder(layout::CARRACK)
        .and_then(|folder| folder.read(layout::INVENTORY, INVENTORY_CAP))
    {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let path = root.path().join(layout::CARRACK).join(layout::INVENTORY);
    let inventory: Inventory = serde_json::from_slice(&bytes).map_err(|source| Error::Malformed {
        path: path.clone(),
        source,
    })?;
    if inventory.format_version == FORMAT_VERSION {
        Ok(Some(inventory))
    } else {
        Err(Error::UnknownVersion {
            path,
            found: inventory.format_version.to_string(),
            expected: "1",
        })
    }
}
