//! `carrack/inventory.json`: what a bundle is, in canonical JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::digest::Digest;
use crate::fsx::Folder;
use crate::observe::Identity;
use crate::oci::{MediaType, Platform};
use crate::reference::{Reference, Repository};

use super::{Error, Files, Pool, Shared, Subjects, layout, streamed};

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
    pub files: Files,
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u64,
    /// The digest of the inventory that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Every reference, in bytewise order.
    #[serde(deserialize_with = "references")]
    pub references: BTreeMap<Reference, Record>,
    /// What refers to the manifests of each repository: signatures, attestations, SBOMs. A manifest with an empty list
    /// was asked about and has none; nobody asked about one that is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub referrers: BTreeMap<Repository, Subjects>,
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
    pub media_type: MediaType,
    /// The platforms that it has here.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub platforms: Shared<Platform>,
    /// Why it is here.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub provenance: Shared<Provenance>,
    /// Whether its signatures, attestations and SBOMs were left out by choice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub referrers_left_out: bool,
    /// Whose signatures were checked before it was brought here, by the names of their keys.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub signed_by: Shared<String>,
    /// The size of its manifest or index in bytes.
    pub size: u64,
}

fn is_empty<T>(list: &Shared<T>) -> bool {
    list.is_empty()
}

/// What records have alike, held once.
#[derive(Debug, Default)]
pub(super) struct Alike {
    platforms: Pool<Platform>,
    provenance: Pool<Provenance>,
    signers: Pool<String>,
}

impl Alike {
    pub(super) fn share(&mut self, record: Record) -> Record {
        Record {
            platforms: self.platforms.one(record.platforms),
            provenance: self.provenance.one(record.provenance),
            signed_by: self.signers.one(record.signed_by),
            ..record
        }
    }
}

/// Reads the references one after the other, and makes one of what they have alike.
fn references<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Reference, Record>, D::Error> {
    struct Reading;

    impl<'de> Visitor<'de> for Reading {
        type Value = BTreeMap<Reference, Record>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut alike = Alike::default();
            // Made of a list in its order, the tree has no gaps.
            let mut all = Vec::new();
            while let Some((reference, record)) = map.next_entry()? {
                all.push((reference, alike.share(record)));
            }
            Ok(all.into_iter().collect())
        }
    }

    deserializer.deserialize_map(Reading)
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Content that is not here on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    let folder = match root.folder(layout::CARRACK) {
        Ok(folder) => folder,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(load_hashed(&folder)?.map(|(inventory, _)| inventory))
}

/// The same from the folder that it lies in, with the digest of its bytes.
pub(super) fn load_hashed(folder: &Folder) -> Result<Option<(Inventory, Digest)>, Error> {
    match streamed::read_hashed(folder, layout::INVENTORY, INVENTORY_CAP) {
        Ok((inventory, record)) => {
            let path = folder.path().join(layout::INVENTORY);
            Ok(Some((known(inventory, &path)?, record.sha256)))
        }
        Err(Error::Disk(error)) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the bytes of the inventory that lies at `path` say.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Inventory, Error> {
    let inventory = serde_json::from_slice(bytes).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        source,
    })?;
    known(inventory, path)
}

fn known(inventory: Inventory, path: &Path) -> Result<Inventory, Error> {
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
pub(super) fn identity(inventory: &Inventory, digest: Digest) -> Identity {
    Identity {
        bundle_id: inventory.bundle_id.clone(),
        inventory: digest,
        sequence: inventory.sequence,
        signers: Vec::new(),
    }
}

/// Writes the bytes of an inventory: canonical JSON and a line end.
pub(super) fn encode(inventory: &Inventory, mut to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, inventory)?;
    to.write_all(b"\n")
}
