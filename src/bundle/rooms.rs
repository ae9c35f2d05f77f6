//! The folders that blobs lie in, each opened once: a set of small images asks for thousands of files of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::digest::{Algorithm, Digest};
use crate::fsx::Folder;

use super::{Error, layout};

/// The root of a bundle with its folders of blobs. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    root: Folder,
    opened: Arc<Opened>,
}

#[derive(Debug, Default)]
struct Opened {
    sha256: OnceLock<Folder>,
    sha512: OnceLock<Folder>,
    carrack: OnceLock<Folder>,
    /// Whether it is known that no blob lies here in parts.
    no_parts: AtomicBool,
}

impl Rooms {
    pub(super) fn of(root: Folder) -> Self {
        Self {
            root,
            opened: Arc::default(),
        }
    }

    /// The folder of all blobs of one algorithm, if there is one.
    pub(super) fn blobs(&self, algorithm: Algorithm) -> Result<Option<Folder>, Error> {
        let kept = match algorithm {
            Algorithm::Sha256 => &self.opened.sha256,
            Algorithm::Sha512 => &self.opened.sha512,
        };
        self.once(kept, layout::blob_folder(algorithm))
    }

    /// Looks once whether there are parts of any blob. Only for the one who alone may write some, and who
    /// [says so](Self::parts_come) before.
    pub(super) fn look_for_parts(&self) -> Result<(), Error> {
        let any = present(self.root.folder(layout::PARTS))?;
        self.opened.no_parts.store(any.is_none(), Ordering::Relaxed);
        Ok(())
    }

    /// Parts of a blob are about to be written.
    pub(super) fn parts_come(&self) {
        self.opened.no_parts.store(false, Ordering::Relaxed);
    }

    /// The folder of a blob's parts, if there is one.
    pub(super) fn parts(&self, digest: &Digest) -> Result<Option<Folder>, Error> {
        if self.opened.no_parts.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.once(&self.opened.carrack, layout::CARRACK)? {
            Some(carrack) => present(carrack.folder(&layout::parts_within(digest))),
            None => Ok(None),
        }
    }

    /// Opens a folder, once if it is there. One that is missing may be made later.
    fn once(&self, kept: &OnceLock<Folder>, path: &str) -> Result<Option<Folder>, Error> {
        if let Some(folder) = kept.get() {
            return Ok(Some(folder.clone()));
        }
        let folder = present(self.root.folder(path))?;
        Ok(folder.map(|folder| kept.get_or_init(|| folder).clone()))
    }
}

fn present(opened: Result<Folder, crate::fsx::Error>) -> Result<Option<Folder>, Error> {
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
