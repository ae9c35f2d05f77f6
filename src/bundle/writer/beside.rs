//! What lies in a bundle beside blobs: where it begins, chart repositories, the program.

use super::Writer;
use crate::bundle::{Error, layout};
use crate::fsx::{self, Folder};

/// What else may lie in the root of a drive on which a new bundle is begun.
const OWN: [&str; 2] = [layout::README, layout::CARRACK];

impl Writer {
    /// Writes a file of a chart repository: an archive, its provenance, or `index.yaml`. `folder` is `<host>/<path>`.
    pub fn put_chart(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let folder = self
            .bundle
            .folder
            .make_folder(&format!("{}/{folder}", layout::CHARTS))?;
        let taken = folder
            .entries()?
            .into_iter()
            .find(|e| e.name != name && e.name.eq_ignore_ascii_case(name));
        if let Some(taken) = taken {
            return Err(Error::NamesMerge {
                name: name.to_owned(),
                other: taken.name,
            });
        }
        if folder.size_of(name)? == Some(bytes.len() as u64)
            && folder.read(name, bytes.len() as u64)? == bytes
        {
            return Ok(());
        }
        Ok(folder.write(name, bytes)?)
    }

    /// Puts a program into the bundle's root, for the side that has only the drive. `platform` is `linux-x86_64`.
    pub fn put_program(&self, platform: &str, bytes: &[u8]) -> Result<(), Error> {
        let name = format!("{}{platform}", layout::PROGRAM);
        write_if_new(&self.bundle.folder, &name, bytes)?;
        Ok(())
    }

    /// The folder of the bundle's chart repositories.
    pub fn charts(&self) -> Result<Folder, Error> {
        Ok(self.bundle.folder.make_folder(layout::CHARTS)?)
    }
}

/// Writes a file unless the same bytes are there.
pub(in crate::bundle) fn write_if_new(folder: &Folder, name: &str, bytes: &[u8]) -> Result<bool, Error> {
    let same = match folder.size_of(name) {
        Ok(Some(size)) if size == bytes.len() as u64 => folder.read(name, size)? == bytes,
        Ok(_) | Err(fsx::Error::NotAFile { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    if !same {
        folder.write(name, bytes)?;
    }
    Ok(!same)
}

/// Begins a bundle in an empty folder, or sees that there is one.
pub(super) fn begin(root: &Folder) -> Result<(), Error> {
    match layout::check(root) {
        Err(Error::NotABundle { path }) => {
            let stranger = root.entries()?.into_iter().find(|e| {
                !e.name.starts_with('.')
                    && !layout::FURNITURE
                        .iter()
                        .chain(&OWN)
                        .any(|known| e.name.eq_ignore_ascii_case(known))
            });
            if let Some(stranger) = stranger {
                return Err(Error::NotEmpty {
                    path,
                    found: crate::secret::printable(&stranger.name, 80),
                });
            }
            Ok(root.write(layout::OCI_LAYOUT, layout::OCI_LAYOUT_TEXT)?)
        }
        other => other,
    }
}
