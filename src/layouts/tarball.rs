//! A tar archive as a table of its names.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::members::{self, Member, plain};
use super::{Error, Place};
use crate::digest::{Algorithm, Digest};
use crate::secret::printable;

/// Links that lead to links are followed this far.
const LINK_CAP: usize = 8;

/// Bytes that are hashed at once.
const PIECE: usize = 256 << 10;

/// How compressed files begin, and what unpacks them.
const COMPRESSED: [(&[u8], &str, &str); 4] = [
    (&[0x1f, 0x8b], "gzip", "gunzip --keep"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz", "unxz --keep"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", "unzstd"),
    (b"BZh", "bzip2", "bunzip2 --keep"),
];

/// An open archive.
pub(super) struct Tarball<'p> {
    path: &'p Path,
    kind: &'static str,
    file: Arc<File>,
    members: HashMap<String, Member>,
    /// What was hashed before, by place: a hostile list may name one layer without end.
    hashed: RefCell<HashMap<(u64, u64), (Digest, bool)>>,
}

impl<'p> Tarball<'p> {
    /// Opens an archive that ought to be of a `kind`, which errors name.
    pub(super) fn open(path: &'p Path, kind: &'static str) -> Result<Self, Error> {
        let read = |source| Error::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        let mut start = [0; 6];
        let length = file.read_at(&mut start, 0).map_err(read)?;
        let begins = start.get(..length).unwrap_or_default();
        // Unpacking is left to the operator: an archive is read at many places, and its size is then known.
        if let Some((_, compression, command)) =
            COMPRESSED.iter().find(|(magic, ..)| begins.starts_with(magic))
        {
            return Err(Error::Compressed {
                path: path.to_path_buf(),
                kind: compression,
                command,
            });
        }
        Ok(Self {
            path,
            kind,
            members: members::read(path, &file)?,
            file: Arc::new(file),
            hashed: RefCell::default(),
        })
    }

    /// Whether the archive has a name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Where a file's bytes are. A link leads only to other names of the archive.
    pub(super) fn place(&self, name: &str) -> Result<Place, Error> {
        let mut name = plain(name);
        for _ in 0..LINK_CAP {
            match self.members.get(&name) {
                Some(Member::File { offset, size }) => {
                    return Ok(Place::Part {
                        file: Arc::clone(&self.file),
                        offset: *offset,
                        size: *size,
                    });
                }
                Some(Member::Sparse) => {
                    return Err(Error::BadArchive {
                        path: self.path.to_path_buf(),
                        problem: format!("{} is stored as a sparse file", printable(&name, 200)),
                    });
                }
                Some(Member::Link(target)) => name.clone_from(target),
                None => break,
            }
        }
        Err(Error::Missing {
            path: self.path.to_path_buf(),
            part: printable(&name, 200),
            kind: self.kind,
        })
    }

    /// Names that begin with a text, with the places of their bytes.
    pub(super) fn below<'t>(&'t self, prefix: &'t str) -> impl Iterator<Item = (&'t str, Place)> {
        self.members.keys().filter_map(move |name| {
            let rest = name.strip_prefix(prefix)?;
            Some((rest, self.place(name).ok()?))
        })
    }

    /// The bytes of a small file.
    pub(super) fn bytes(&self, name: &str, cap: u64) -> Result<Vec<u8>, Error> {
        let Place::Part { offset, size, .. } = self.place(name)? else {
            return Ok(Vec::new());
        };
        if size > cap {
            return Err(Error::TooLarge {
                path: self.path.to_path_buf(),
                part: printable(name, 200),
                size,
                cap,
            });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.read(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// A JSON document.
    pub(super) fn document<T: DeserializeOwned>(&self, name: &str, cap: u64) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes(name, cap)?).map_err(|source| Error::Malformed {
            path: self.path.to_path_buf(),
            part: printable(name, 200),
            source,
        })
    }

    /// The SHA-256 of a part of the archive, and whether it begins as gzip does.
    pub(super) fn hash(&self, offset: u64, size: u64) -> Result<(Digest, bool), Error> {
        if let Some(known) = self.hashed.borrow().get(&(offset, size)) {
            return Ok(*known);
        }
        let mut hasher = Algorithm::Sha256.hasher();
        let (mut at, mut is_gzip, mut buffer) = (0, false, vec![0; PIECE]);
        while at < size {
            let wanted = usize::try_from(size - at).map_or(PIECE, |left| left.min(PIECE));
            let piece = buffer.get_mut(..wanted).unwrap_or_default();
            self.read(piece, offset + at)?;
            if at == 0 {
                is_gzip = piece.starts_with(&[0x1f, 0x8b]);
            }
            hasher.update(piece);
            at += wanted as u64;
        }
        let found = (hasher.finish(), is_gzip);
        self.hashed.borrow_mut().insert((offset, size), found);
        Ok(found)
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), Error> {
        let read = self.file.read_exact_at(bytes, offset);
        read.map_err(|source| Error::Read {
            path: self.path.to_path_buf(),
            source,
        })
    }
}
