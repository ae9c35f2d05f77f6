//! Receipts: what a target has shown to have, carried back to the connected side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fsx::Folder;
use crate::reference::Reference;

use super::{Bundle, Error, layout};

/// Larger receipts are refused: this is room for three million digests.
const RECEIPT_CAP: u64 = 256 << 20;

/// The version of the receipt that this program writes and reads.
const VERSION: u64 = 1;

/// What one target has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    // The fields stand in the order of their names: serialised one after the other they are canonical JSON.
    /// The bundle that was imported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    /// When the import ended, as RFC 3339 in UTC.
    pub created: String,
    /// Every digest that the target has shown to have.
    pub digests: BTreeSet<Digest>,
    /// The version of this format.
    pub format_version: u64,
    /// The mapping that decided the places, as its own room writes it.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub mapping: serde_json::Value,
    /// Where each reference is on the target.
    pub references: BTreeMap<Reference, String>,
    /// How many runs had finished on that bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The target: `mirror.lan/project`.
    pub target: String,
}

impl Receipt {
    /// A receipt of this version.
    pub fn new(target: String, created: std::time::SystemTime) -> Self {
        Self {
            bundle_id: None,
            created: super::closing::rfc3339(created),
            digests: BTreeSet::new(),
            format_version: VERSION,
            mapping: serde_json::Value::Null,
            references: BTreeMap::new(),
            sequence: None,
            target,
        }
    }

    /// Reads a receipt from a file that the operator names.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => Folder::open(parent)?,
            _ => Folder::open(Path::new("."))?,
        };
        read(&folder, name)
    }

    /// What the file of this target is called.
    pub fn file_name(&self) -> String {
        format!("{}.json", plain(&self.target))
    }

    /// The bytes of the receipt: canonical JSON and a line end.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a receipt of strings and numbers is JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Adds what an earlier receipt of the same target says.
    fn merge(&mut self, earlier: Self) {
        if earlier.target == self.target {
            self.digests.extend(earlier.digests);
            for (reference, place) in earlier.references {
                self.references.entry(reference).or_insert(place);
            }
        }
    }
}

impl Bundle {
    /// Every receipt on the drive, by the order of their files' names.
    pub fn receipts(&self) -> Result<Vec<Receipt>, Error> {
        let folder = match self.folder.folder(layout::HAVE) {
            Ok(folder) => folder,
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut receipts = Vec::new();
        for entry in folder.entries()? {
            if Path::new(&entry.name).extension().is_some_and(|e| e == "json") && !entry.name.starts_with('.')
            {
                receipts.push(read(&folder, &entry.name)?);
            }
        }
        Ok(receipts)
    }

    /// Leaves a receipt on the drive, joined with an earlier one of the same target, and says where.
    pub fn leave_receipt(&self, mut receipt: Receipt) -> Result<String, Error> {
        let folder = self.folder.make_folder(layout::HAVE)?;
        let name = receipt.file_name();
        match read(&folder, &name) {
            Ok(earlier) => receipt.merge(earlier),
            // One that cannot be read is replaced: it is of no use to anybody.
            Err(Error::Malformed { .. } | Error::UnknownVersion { .. }) => {}
            Err(Error::Disk(error)) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
        folder.write(&name, &receipt.encode())?;
        Ok(format!("{}/{name}", layout::HAVE))
    }

    /// Leaves a list of images beside the receipts: what the target's nodes want from the next trip. Says where.
    pub fn leave_request(&self, target: &str, list: &str) -> Result<String, Error> {
        let folder = self.folder.make_folder(layout::HAVE)?;
        let name = format!("{}.wanted.txt", plain(target));
        folder.write(&name, list.as_bytes())?;
        Ok(format!("{}/{name}", layout::HAVE))
    }
}

/// A target as part of a file's name.
fn plain(target: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let name: String = target
        .to_ascii_lowercase()
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .collect();
    name.trim_matches('.').to_owned()
}

fn read(folder: &Folder, name: &str) -> Result<Receipt, Error> {
    let bytes = folder.read(name, RECEIPT_CAP)?;
    let path = folder.path().join(name);
    let receipt: Receipt = serde_json::from_slice(&bytes).map_err(|source| Error::Malformed {
        path: path.clone(),
        source,
    })?;
    if receipt.format_version == VERSION {
        Ok(receipt)
    } else {
        Err(Error::UnknownVersion {
            path,
            found: receipt.format_version.to_string(),
            expected: "1",
        })
    }
}
