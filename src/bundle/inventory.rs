//! `carrack/inventory.json`: what a bundle is, in canonical JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fsx::Folder;
use crate::observe::Identity;
use crate::oci::Platform;
use crate::reference::{Reference, Repository};

use super::{Error, Referrer, layout};

/// The version of the inventory that this program writes and reads.
pub const FORMAT_VERSION: u64 = 1;

/// Larger inventories are refused.
pub const INVENTORY_CAP: u64 = 256 << 20;

/// What a bundle says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    // The fields stand in the order of their names: serialised one after the other they are canonical JSON.
    /// Content that manifests point to and that is not here on purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<Digest, Absent>,
    /// The name of this bundle: it stays when a later run adds to it.
    pub bundle_id: String,
    /// The digest of the configuration that the references were chosen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Digest>,
    /// When the run ended, as RFC 3339 in UTC.
    pub created: String,
    /// Every file but the inventory and its signature, by its path below the bundle's root.
    pub files: BTreeMap<String, FileRecord>,
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u64,
    /// The digest of the inventory that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Every reference, in bytewise order.
    pub references: BTreeMap<Reference, Record>,
    /// What refers to the manifests of each repository: signatures, attestations, SBOMs. A manifest with an empty list
    /// was asked about and has none; nobody asked about one that is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub referrers: BTreeMap<Repository, BTreeMap<Digest, Vec<Referrer>>>,
    /// How many runs have finished on this bundle.
    pub sequence: u64,
    /// The program that wrote it: `carrack 0.1.0`.
    pub tool: String,
    /// Which part of a larger set this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
}

/// One of the bundles that together hold a set. Each of them imports alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its number, counted from 1.
    pub number: u64,
    /// How many there are.
    pub of: u64,
    /// The name of the set, the same on all of them.
    pub set: String,
}

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// Its media type, as upstream's.
    pub media_type: String,
    /// The platforms that it has here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Why it is here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<Provenance>,
    /// Whether its signatures, attestations and SBOMs were left out by choice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub referrers_left_out: bool,
    /// Whose signatures were checked before it was brought here, by the names of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    /// The size of its manifest or index in bytes.
    pub size: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Where a reference was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The JSON pointer into the rendered document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The values profile that the chart was rendered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What named it: a file, a chart's name, `command line`.
    pub source: String,
    /// The template that printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How sure the finding is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The chart's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Content that is not here on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Why it is not here.
    pub reason: AbsentReason,
    /// Its size in bytes.
    pub size: u64,
}

/// Why content is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    parse(&bytes, &path).map(Some)
}

/// What the bytes of the inventory that lies at `path` say.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Inventory, Error> {
    let inventory: Inventory = serde_json::from_slice(bytes).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        source,
    })?;
    if inventory.format_version == FORMAT_VERSION {
        Ok(inventory)
    } else {
        Err(Error::UnknownVersion {
            path: path.to_owned(),
            found: inventory.format_version.to_string(),
            expected: "1",
        })
    }
}

/// Which bundle an inventory is of, for the record of a run.
pub fn identity(inventory: &Inventory) -> Identity {
    Identity {
        bundle_id: inventory.bundle_id.clone(),
        inventory: Digest::sha256(&encode(inventory)),
        sequence: inventory.sequence,
        signers: Vec::new(),
    }
}

/// The bytes of an inventory: canonical JSON and a line end.
pub(super) fn encode(inventory: &Inventory) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(inventory).expect("an inventory of strings and numbers is JSON");
    bytes.push(b'\n');
    bytes
}
