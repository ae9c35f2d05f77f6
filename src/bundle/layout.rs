//! The names inside a bundle.

use std::path::Path;

use serde::Deserialize;

use crate::digest::{Algorithm, Digest};
use crate::fsx::Folder;

use super::Error;

pub(super) const OCI_LAYOUT: &str = "oci-layout";
pub(super) const OCI_LAYOUT_TEXT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(super) const INDEX: &str = "index.json";
pub(super) const BLOBS: &str = "blobs";
pub(super) const HAVE: &str = "carrack/have";
pub(super) const PARTS: &str = "carrack/parts";
/// The same below the folder [`CARRACK`].
const PARTS_WITHIN: &str = "parts";
pub(super) const CHARTS: &str = "charts";
pub(super) const CARRACK: &str = "carrack";
pub(super) const INVENTORY: &str = "inventory.json";
pub(super) const SIGNATURE: &str = "inventory.json.sshsig";
pub(super) const PLAIN_SIGNATURE: &str = "inventory.json.sig";
pub(super) const SUMS: &str = "SHA256SUMS";
pub(super) const README: &str = "README.txt";
/// Programs of this name with a platform behind it may lie in the bundle's root: `carrack-linux-x86_64`.
pub(super) const PROGRAM: &str = "carrack-";
pub(super) const TMP: &str = "carrack/tmp";
pub(super) const LOCK: &str = "lock";

/// What operating systems put into the root of a drive unasked.
pub(super) const FURNITURE: [&str; 3] = ["lost+found", "System Volume Information", "$RECYCLE.BIN"];

/// How deep folders may nest under `charts/`.
pub(super) const CHART_DEPTH: usize = 16;

/// Larger `oci-layout` files are refused.
/// Whether a folder is meant as a bundle, by what it has in it; nothing is read.
pub fn is_bundle(path: &Path) -> bool {
    path.join(OCI_LAYOUT).is_file() && path.join(CARRACK).is_dir()
}

const OCI_LAYOUT_CAP: u64 = 4096;

/// The only version of the image layout there is.
const LAYOUT_VERSION: &str = "1.0.0";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OciLayout {
    image_layout_version: String,
}

/// Checks that a folder is an OCI image layout.
pub(super) fn check(folder: &Folder) -> Result<(), Error> {
    let path = folder.path().join(OCI_LAYOUT);
    let bytes = match folder.read(OCI_LAYOUT, OCI_LAYOUT_CAP) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => {
            return Err(Error::NotABundle {
                path: folder.path().to_path_buf(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    let layout: OciLayout = serde_json::from_slice(&bytes).map_err(|source| Error::Malformed {
        path: path.clone(),
        source,
    })?;
    if layout.image_layout_version == LAYOUT_VERSION {
        Ok(())
    } else {
        Err(Error::UnknownVersion {
            path,
            found: crate::secret::printable(&layout.image_layout_version, 40),
            expected: LAYOUT_VERSION,
        })
    }
}

/// The folder of all blobs of one algorithm, below the bundle's root.
pub(super) fn blob_folder(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => "blobs/sha256",
        Algorithm::Sha512 => "blobs/sha512",
    }
}

/// A blob's path below the bundle's root.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("{}/{}", blob_folder(digest.algorithm()), digest.hex())
}

/// The folder of a blob's parts, below the bundle's root.
pub(super) fn part_folder(digest: &Digest) -> String {
    format!("{PARTS}/{}", digest.hex())
}

/// The folder of a blob's parts, below the folder [`CARRACK`].
pub(super) fn parts_within(digest: &Digest) -> String {
    format!("{PARTS_WITHIN}/{}", digest.hex())
}

/// The name of a blob's `number`th part, counted from 1.
pub(super) fn part_name(number: usize) -> String {
    format!("{number:04}")
}
