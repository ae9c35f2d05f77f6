//! Where a path leads.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Whether what lies at `path`, or would be made there, is in `folder` or the folder itself. Links, `..` and other spellings
/// of a name do not matter: the file system is asked which folder is which.
pub fn leads_into(path: &Path, folder: &Path) -> bool {
    let (Ok(place), Ok(folder)) = (resolved(path), identity(folder)) else {
        return false;
    };
    let mut above = place.ancestors();
    above.any(|above| identity(above).is_ok_and(|above| above == folder))
}

/// Whether both paths lead to one folder or file that is there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let (one, other) = (identity(one), identity(other));
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

/// What the file system knows a file or folder by.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The path without links and `..`, also where it is not there yet: a folder that will be made is no link.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => {
                resolved.push(other);
                resolved = resolved.canonicalize().unwrap_or(resolved);
            }
        }
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsx::Folder;

    #[test]
    fn a_path_leads_into_a_folder_by_whatever_way() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for made in ["bundle/blobs", "bundle-2", "elsewhere"] {
            Folder::create(&at(made)).unwrap();
        }
        std::os::unix::fs::symlink(at("bundle"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("bundle/blobs"), at("elsewhere/deep")).unwrap();
        for inside in [
            "bundle",
            "bundle/",
            "bundle/new",
            "bundle/new/deeper",
            "bundle/blobs",
            "./bundle-2/../bundle/new",
            "link",
            "link/new",
            "elsewhere/deep/new",
            "elsewhere/deep/../new",
            "absent/../bundle",
            "absent/../link/new",
            "absent/deeper/../../bundle/new",
        ] {
            assert!(leads_into(&at(inside), &at("bundle")), "{inside}");
            assert!(leads_into(&at(inside), &at("link")), "{inside}");
        }
        for outside in [
            "",
            "bundle-2",
            "bundle-2/bundle",
            "bundle/..",
            "bundle/../new",
            "link/../new",
            "bundle/absent/../../new",
            "elsewhere/new",
            "absent/bundle",
        ] {
            assert!(!leads_into(&at(outside), &at("bundle")), "{outside}");
        }
        assert!(!leads_into(&at("absent/new"), &at("absent")), "nothing is there");
        assert!(is_same(&at("link"), &at("bundle/blobs/..")));
        assert!(!is_same(&at("bundle"), &at("bundle-2")) && !is_same(&at("absent"), &at("absent")));
    }
}
