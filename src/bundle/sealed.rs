//! The inventory as bytes, with the signatures beside it, before anybody parses it; and what it does not name.

use std::path::Path;

use crate::digest::Digest;
use crate::fsx::{Folder, Kind, Lock};

use super::{Bundle, Error, INVENTORY_CAP, Inventory, inventory, layout};

/// The command that checks every listed file of a bundle, by the sums that the signed inventory itself vouches for.
pub const SUMS_BY_HAND: &str = r#"sed 's/.*"\(carrack.SHA256SUMS\)":{"sha256":"sha256:\([0-9a-f]*\).*/\2  \1/' carrack/inventory.json | sha256sum -c && sha256sum -c --quiet carrack/SHA256SUMS"#;

/// Larger signatures are refused; those of `ssh-keygen` have 300 to 1,500 bytes.
const SIGNATURE_CAP: u64 = 64 << 10;

/// More signatures than this are refused.
const SIGNATURES: usize = 16;

/// How deep folders of a bundle nest at most, `charts/` being the deepest.
const DEPTH: usize = layout::CHART_DEPTH + 1;

/// Names below `carrack/` that no inventory has: what stands beside it, and what runs leave for each other.
const BESIDE: [&str; 7] = [
    layout::INVENTORY,
    layout::LOCK,
    "tmp",
    "have",
    "accepted.json",
    "accepted.lock",
    layout::PLAIN_SIGNATURE,
];

/// The bytes of an inventory and the signatures beside it.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The inventory's bytes.
    pub bytes: Vec<u8>,
    /// The files that sign it by their names, and their bytes.
    pub signatures: Vec<(String, Vec<u8>)>,
}

/// What a bundle in the folder `path` says about itself if nobody has signed it, with the digest of the very bytes. `None`
/// if there is a signature, which must be checked before anybody parses them, or if there is no inventory.
pub fn read_unsigned(path: &Path) -> Result<Option<(Inventory, Digest)>, Error> {
    let Some(carrack) = papers(path)? else {
        return Ok(None);
    };
    if !signature_names(&carrack)?.is_empty() {
        return Ok(None);
    }
    inventory::load_hashed(&carrack)
}

/// The folder of a bundle that has its inventory, and what signs it; `None` if there is none.
fn papers(path: &Path) -> Result<Option<Folder>, Error> {
    let root = Folder::open(path)?;
    layout::check(&root)?;
    match root.folder(layout::CARRACK) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Sealed {
    /// Reads the inventory of the bundle in the folder `path`, and what signs it; `None` if there is no inventory.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(carrack) = papers(path)? else {
            return Ok(None);
        };
        let bytes = match carrack.read(layout::INVENTORY, INVENTORY_CAP) {
            Ok(bytes) => bytes,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut signatures = Vec::new();
        for name in signature_names(&carrack)? {
            let bytes = carrack.read(&name, SIGNATURE_CAP)?;
            signatures.push((name, bytes));
        }
        if signatures.len() > SIGNATURES {
            return Err(Error::TooManySignatures {
                path: carrack.path().to_path_buf(),
                found: signatures.len(),
            });
        }
        Ok(Some(Self { bytes, signatures }))
    }

    /// What these bytes say.
    pub fn inventory(&self, path: &Path) -> Result<Inventory, Error> {
        inventory::parse(&self.bytes, &path.join(layout::CARRACK).join(layout::INVENTORY))
    }

    /// The name that the next signature of `ssh-keygen` gets.
    pub fn next_signature_name(&self) -> String {
        let taken = |name: &str| self.signatures.iter().any(|(known, _)| known == name);
        let mut names = (1..).map(|number| match number {
            1 => layout::SIGNATURE.to_owned(),
            number => format!("{}.{number}", layout::SIGNATURE),
        });
        names.find(|name| !taken(name)).unwrap_or_default()
    }

    /// Lays a signature beside the inventory, if the inventory is still this one and no other run is at work.
    pub fn put_signature(
        &self,
        path: &Path,
        name: &str,
        signature: &[u8],
        holder: &str,
    ) -> Result<(), Error> {
        let carrack = Folder::open(path)?.folder(layout::CARRACK)?;
        let lock = Lock::take(&carrack, layout::LOCK, holder)?;
        let same = carrack.read(layout::INVENTORY, INVENTORY_CAP)? == self.bytes;
        // A lock that is dropped and not released keeps its mark: that run must still be completed.
        if lock.found_unfinished() || !same {
            return Err(Error::StillWriting {
                path: path.to_path_buf(),
            });
        }
        carrack.write(name, signature)?;
        Ok(lock.release()?)
    }
}

fn is_signature(name: &str) -> bool {
    let number =
        |rest: &str| rest.is_empty() || rest.strip_prefix('.').is_some_and(|n| n.parse::<u8>().is_ok());
    name == layout::PLAIN_SIGNATURE || name.strip_prefix(layout::SIGNATURE).is_some_and(number)
}

fn signature_names(carrack: &Folder) -> Result<Vec<String>, Error> {
    let names = carrack.entries()?.into_iter().map(|entry| entry.name);
    Ok(names.filter(|name| is_signature(name)).collect())
}

/// Takes every signature away: none may ever stand beside an inventory that it does not sign.
pub(super) fn remove_signatures(carrack: &Folder) -> Result<(), Error> {
    for name in signature_names(carrack)? {
        carrack.remove(&name)?;
    }
    Ok(())
}

impl Bundle {
    /// Every file of the bundle's folder that the inventory does not name, by its path.
    ///
    /// Left aside are what lies beside every inventory (signatures, receipts, downloads on their way) and, in the root,
    /// what operating systems put onto drives unasked.
    pub fn unlisted(&self, inventory: &Inventory) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for entry in self.folder.entries()? {
            if entry.name.starts_with('.') || layout::FURNITURE.contains(&entry.name.as_str()) {
                continue;
            }
            gather(
                &self.folder,
                &entry.name,
                "",
                entry.kind,
                DEPTH,
                inventory,
                &mut found,
            )?;
        }
        Ok(found)
    }
}

fn gather(
    folder: &Folder,
    name: &str,
    prefix: &str,
    kind: Kind,
    depth: usize,
    inventory: &Inventory,
    found: &mut Vec<String>,
) -> Result<(), Error> {
    let path = if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    };
    if prefix == layout::CARRACK && (BESIDE.contains(&name) || is_signature(name)) {
        return Ok(());
    }
    if kind != Kind::Folder {
        if kind == Kind::Other || !inventory.files.contains(&path) {
            found.push(path);
        }
        return Ok(());
    }
    if depth == 0 {
        found.push(path);
        return Ok(());
    }
    let folder = folder.folder(name)?;
    for entry in folder.entries()? {
        gather(
            &folder,
            &entry.name,
            &path,
            entry.kind,
            depth - 1,
            inventory,
            found,
        )?;
    }
    Ok(())
}
