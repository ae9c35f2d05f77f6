//! Images that other tools left on disk: OCI layouts and archives (podman, buildah, umoci, skopeo), and docker archives
//! (docker, podman).
//!
//! Manifests are carried byte for byte where there are any. Older docker archives have none, but a configuration and
//! uncompressed layers: those are carried as they are, so that the image keeps its ID, and one manifest is written for
//! them, always the same for the same archive.
//!
//! All of it is input from strangers: nothing is unpacked, no link leaves an archive, every document is capped, and a path
//! is only ever looked up among the archive's own names.

mod docker;
mod members;
mod oci_layout;
mod source;
mod tarball;

pub use source::{Kind, LocalSource};

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::digest::Digest;
use crate::fsx;
use crate::oci::{Descriptor, Document, MANIFEST_CAP, NESTING_CAP};
use crate::reference::{self, Reference};

/// Why an image on disk cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The words do not name a source.
    #[error(
        "`{text}` is no image on disk: write oci:FOLDER, oci-archive:FILE or docker-archive:FILE, with NAME= before it to give it a name"
    )]
    BadSource {
        /// What was written, shortened.
        text: String,
    },
    /// The name that the image is to have is none.
    #[error("`{text}` is no name for an image")]
    BadName {
        /// What was written, shortened.
        text: String,
        /// Why not.
        #[source]
        source: reference::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// A folder cannot be read.
    #[error(transparent)]
    Disk(#[from] fsx::Error),
    /// The archive is compressed as a whole.
    #[error("{} is compressed with {kind}: unpack it first, `{command} {}`", path.display(), path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// By what.
        kind: &'static str,
        /// What unpacks it.
        command: &'static str,
    },
    /// The archive is damaged, cut short, or made to do harm.
    #[error("{} is no archive that can be read: {problem}", path.display())]
    BadArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A part that must be there is not.
    #[error("{} has no {part}: it is no {kind}", path.display())]
    Missing {
        /// The source.
        path: PathBuf,
        /// The part.
        part: String,
        /// What it should be.
        kind: &'static str,
    },
    /// A document in it cannot be understood.
    #[error("{part} in {} is not well formed", path.display())]
    Malformed {
        /// The source.
        path: PathBuf,
        /// The document.
        part: String,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
    /// A part is larger than any that is read.
    #[error("{part} in {} has {size} bytes, at most {cap} are read", path.display())]
    TooLarge {
        /// The source.
        path: PathBuf,
        /// The part.
        part: String,
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        cap: u64,
    },
    /// There are several images, and the source does not say which.
    #[error("{} holds {found}: say which with :NAME behind it", path.display())]
    Several {
        /// The source.
        path: PathBuf,
        /// Their names.
        found: String,
    },
    /// There is no image of that name.
    #[error("{} holds no image named {wanted:?}, but {found}", path.display())]
    NotFound {
        /// The source.
        path: PathBuf,
        /// The name.
        wanted: String,
        /// The names that are there.
        found: String,
    },
    /// The image has no name that nodes could ask for.
    #[error("the image in {} has no full name ({found}): give it one, `REGISTRY/PATH:TAG=` before the source", path.display())]
    Nameless {
        /// The source.
        path: PathBuf,
        /// What it is called there.
        found: String,
    },
    /// A part has other bytes than its name says.
    #[error("{expected} in {} has the bytes of {found}", path.display())]
    Damaged {
        /// The source.
        path: PathBuf,
        /// Its digest.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// The configuration speaks of other layers than the archive has.
    #[error("{} has {layers} layers, and its configuration speaks of {named}", path.display())]
    Layers {
        /// The source.
        path: PathBuf,
        /// How many there are.
        layers: usize,
        /// How many there should be.
        named: usize,
    },
    /// An image needs something that is not here. It is looked for nowhere else.
    #[error("{} has no {digest}, which its images need; where that is a platform, choose those that are there with --platform", path.display())]
    NotWhole {
        /// The source.
        path: PathBuf,
        /// What is missing.
        digest: Digest,
    },
}

/// One image of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that nodes will ask for.
    pub reference: Reference,
    /// Its manifest or index.
    pub root: Descriptor,
    /// What the operator should know of it, one sentence.
    pub note: Option<String>,
}

/// Where the bytes of a blob are.
#[derive(Clone, Debug)]
enum Place {
    /// Made here: the manifest of a docker archive.
    Made(Arc<[u8]>),
    /// A part of a file.
    Part { file: Arc<File>, offset: u64, size: u64 },
}

/// An image source on disk, open for reading.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    blobs: BTreeMap<Digest, Place>,
    /// A layout's folder, whose blobs are looked for when they are asked for.
    folder: Option<fsx::Folder>,
    entries: Vec<Entry>,
    /// Everything that the entries lead to, whether it is here or not.
    needed: BTreeSet<Digest>,
}

impl Store {
    /// Opens a source and finds the images in it. Docker archives without manifests are read whole.
    pub fn open(source: &LocalSource) -> Result<Self, Error> {
        let mut store = match source.kind {
            Kind::OciFolder => oci_layout::open_folder(source),
            Kind::OciArchive => oci_layout::open_archive(source),
            Kind::DockerArchive => docker::open(source),
        }?;
        let roots: Vec<Descriptor> = store.entries.iter().map(|entry| entry.root.clone()).collect();
        for root in roots {
            store.follow(&root, NESTING_CAP)?;
        }
        Ok(store)
    }

    /// A store without anything in it.
    fn empty(source: &LocalSource) -> Self {
        Self {
            path: source.path.clone(),
            blobs: BTreeMap::new(),
            folder: None,
            entries: Vec::new(),
            needed: BTreeSet::new(),
        }
    }

    /// The images that the source names.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Notes everything that a manifest leads to. What cannot be understood is told when it is resolved.
    fn follow(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Error> {
        if !self.needed.insert(descriptor.digest) || depth == 0 {
            return Ok(());
        }
        let Some(bytes) = self.held(&descriptor.digest)? else {
            return Ok(());
        };
        let Ok(document) = Document::parse(&bytes, Some(&descriptor.media_type)) else {
            return Ok(());
        };
        self.needed.extend(document.blobs.iter().map(|blob| blob.digest));
        for child in &document.manifests {
            self.follow(child, depth - 1)?;
        }
        Ok(())
    }

    /// The bytes of a manifest, hashed; `None` if none of the images here is about it.
    pub fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        if !self.needed.contains(digest) {
            return Ok(None);
        }
        let held = self.held(digest)?;
        held.map(Some).ok_or_else(|| self.not_whole(digest))
    }

    /// A blob's bytes from `offset` on, not hashed; `None` if none of the images here needs it.
    pub fn blob(&self, digest: &Digest, offset: u64) -> Result<Option<BlobBytes>, Error> {
        if !self.needed.contains(digest) {
            return Ok(None);
        }
        let reader = self.reader(digest, offset)?;
        reader.map(Some).ok_or_else(|| self.not_whole(digest))
    }

    fn not_whole(&self, digest: &Digest) -> Error {
        Error::NotWhole {
            path: self.path.clone(),
            digest: *digest,
        }
    }

    /// The bytes of a manifest, hashed; `None` if they are not here.
    fn held(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut reader) = self.reader(digest, 0)? else {
            return Ok(None);
        };
        if reader.left > MANIFEST_CAP {
            return Err(Error::TooLarge {
                path: self.path.clone(),
                part: digest.to_string(),
                size: reader.left,
                cap: MANIFEST_CAP,
            });
        }
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|source| reader.unreadable(source))?;
        let found = Digest::of(digest.algorithm(), &bytes);
        if found == *digest {
            Ok(Some(bytes))
        } else {
            Err(Error::Damaged {
                path: self.path.clone(),
                expected: *digest,
                found,
            })
        }
    }

    fn reader(&self, digest: &Digest, offset: u64) -> Result<Option<BlobBytes>, Error> {
        let place = match (self.blobs.get(digest), &self.folder) {
            (Some(place), _) => place.clone(),
            (None, Some(folder)) => match oci_layout::blob(folder, digest)? {
                Some(place) => place,
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        let size = match &place {
            Place::Made(bytes) => bytes.len() as u64,
            Place::Part { size, .. } => *size,
        };
        let offset = offset.min(size);
        Ok(Some(BlobBytes {
            path: self.path.clone(),
            place,
            offset,
            left: size - offset,
        }))
    }
}

/// The bytes of a blob.
#[derive(Debug)]
pub struct BlobBytes {
    path: PathBuf,
    place: Place,
    offset: u64,
    left: u64,
}

impl BlobBytes {
    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next bytes, `most` of them; none at the end.
    pub fn next_piece(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        let mut piece = vec![0; most];
        let read = self.read(&mut piece).map_err(|source| self.unreadable(source))?;
        piece.truncate(read);
        Ok(piece)
    }

    fn unreadable(&self, source: io::Error) -> Error {
        Error::Read {
            path: self.path.clone(),
            source,
        }
    }
}

impl Read for BlobBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &self.place {
            Place::Made(bytes) => {
                let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
                bytes.get(start..).unwrap_or_default().read(buffer)?
            }
            Place::Part { file, offset, .. } => file.read_at(buffer, offset + self.offset)?,
        };
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
