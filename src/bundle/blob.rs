//! One blob of a bundle, read from wherever it lies.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags};

use crate::digest::Digest;
use crate::fsx::{self, Folder, Kind, PastCache};

use super::rooms::Rooms;
use super::{Error, layout};

/// How much is hashed at once.
const READ: usize = 1 << 17;

/// An open blob. Cheap to clone; reading has no position of its own.
#[derive(Clone, Debug)]
pub struct Blob {
    pieces: Arc<[Piece]>,
    size: u64,
    path: PathBuf,
}

#[derive(Debug)]
struct Piece {
    file: File,
    start: u64,
    size: u64,
}

impl Piece {
    /// Where `offset` of the blob lies in this piece's file, and as much of the buffer as the piece can fill.
    fn cut<'a>(&self, offset: u64, buffer: &'a mut [u8]) -> (&File, u64, &'a mut [u8]) {
        let within = offset - self.start;
        let most = usize::try_from(self.size - within).map_or(buffer.len(), |left| left.min(buffer.len()));
        (&self.file, within, buffer.get_mut(..most).unwrap_or_default())
    }
}

impl Blob {
    fn piece_at(&self, offset: u64) -> Option<&Piece> {
        self.pieces
            .iter()
            .find(|p| offset >= p.start && offset < p.start + p.size)
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads some bytes at `offset` into `buffer`; 0 at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(piece) = self.piece_at(offset) else {
            return Ok(0);
        };
        let (file, within, buffer) = piece.cut(offset, buffer);
        file.read_at(buffer, within)
    }

    /// The same without waiting for a disk: what the page cache has, or `None` where a thread must wait for it.
    pub fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let Some(piece) = self.piece_at(offset) else {
            return Ok(Some(0));
        };
        let (file, within, buffer) = piece.cut(offset, buffer);
        let mut slices = [io::IoSliceMut::new(buffer)];
        match rustix::io::preadv2(file, &mut slices, within, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            // Not cached, or a file system that cannot tell.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A reader from `offset` to the end.
    pub fn reader(&self, offset: u64) -> BlobReader {
        BlobReader {
            blob: self.clone(),
            offset,
        }
    }

    /// All bytes, as many as its size said. Only for blobs that are known to be small.
    pub(super) fn read(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fsx::Error::io("read", &self.path, error).into()),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    /// The digest of its bytes as the drive has them: read past the page cache where the file system can do that, and
    /// after the cache was asked to forget them elsewhere, which is a wish and not a promise.
    pub(super) fn hash_on_drive(&self, like: &Digest) -> Result<Digest, Error> {
        let mut hasher = like.algorithm().hasher();
        let largest = self.pieces.iter().map(|piece| piece.size).max().unwrap_or(0);
        let mut past_cache = PastCache::for_files_of(largest);
        for piece in self.pieces.iter() {
            past_cache
                .read(&piece.file, piece.size, |bytes| hasher.update(bytes))
                .map_err(|e| fsx::Error::io("read", &self.path, e))?;
        }
        Ok(hasher.finish())
    }

    /// The digest of its bytes by the algorithm of `like`.
    pub fn hash(&self, like: &Digest) -> Result<Digest, Error> {
        let mut hasher = like.algorithm().hasher();
        self.read_through(|bytes| {
            hasher.update(bytes);
            true
        })?;
        Ok(hasher.finish())
    }

    /// The same for as long as `goes_on`, which is told the number of each piece of bytes read; `None` if it did not.
    pub fn hash_while(
        &self,
        like: &Digest,
        mut goes_on: impl FnMut(u64) -> bool,
    ) -> Result<Option<Digest>, Error> {
        let mut hasher = like.algorithm().hasher();
        let is_whole = self.read_through(|bytes| {
            hasher.update(bytes);
            goes_on(bytes.len() as u64)
        })?;
        Ok(is_whole.then(|| hasher.finish()))
    }

    /// Hands out all bytes in their order, as long as they are taken. Tells whether all were.
    fn read_through(&self, mut takes: impl FnMut(&[u8]) -> bool) -> Result<bool, Error> {
        let mut reader = self.reader(0);
        let mut buffer = vec![0; at_most(READ, self.size)];
        loop {
            let read = reader
                .read(&mut buffer)
                .map_err(|e| fsx::Error::io("read", &self.path, e))?;
            if read == 0 {
                return Ok(true);
            }
            if !takes(buffer.get(..read).unwrap_or_default()) {
                return Ok(false);
            }
        }
    }
}

/// Reads a blob from front to back.
#[derive(Debug)]
pub struct BlobReader {
    blob: Blob,
    offset: u64,
}

impl BlobReader {
    /// The next bytes, at most `most`; none at the end.
    pub fn next_piece(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let left = self.blob.size.saturating_sub(self.offset);
        let mut piece = vec![0; at_most(most, left)];
        let read = self.read(&mut piece)?;
        piece.truncate(read);
        Ok(piece)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.blob.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// How much memory a read of `left` bytes takes if it may take `most`. Most blobs by number are small.
fn at_most(most: usize, left: u64) -> usize {
    usize::try_from(left).map_or(most, |left| left.clamp(1, most))
}

/// The size of a blob that is there, whole or in parts.
pub(super) fn size(rooms: &Rooms, digest: &Digest) -> Result<Option<u64>, Error> {
    let whole = match rooms.blobs(digest.algorithm())? {
        Some(folder) => folder.size_of(&digest.hex())?,
        None => None,
    };
    if whole.is_some() {
        return Ok(whole);
    }
    let parts = parts(rooms, digest)?;
    Ok((!parts.is_empty()).then(|| parts.iter().map(|(_, size)| size).sum()))
}

/// The names and sizes of a blob's parts in their order; none if it has none.
pub(super) fn parts(rooms: &Rooms, digest: &Digest) -> Result<Vec<(String, u64)>, Error> {
    let Some(folder) = rooms.parts(digest)? else {
        return Ok(Vec::new());
    };
    let entries = folder.entries()?;
    let in_order = entries
        .into_iter()
        .enumerate()
        .take_while(|(number, entry)| entry.name == layout::part_name(number + 1) && entry.kind == Kind::File)
        .map(|(_, entry)| (entry.name, entry.size));
    Ok(in_order.collect())
}

/// Opens a blob by its digest.
pub(super) fn open(rooms: &Rooms, digest: &Digest) -> Result<Blob, Error> {
    let opened = rooms
        .blobs(digest.algorithm())?
        .map(|folder| open_file(&folder, &digest.hex()));
    match opened {
        None => open_parts(rooms, digest),
        Some(Err(Error::Disk(error))) if error.is_absent() => open_parts(rooms, digest),
        Some(other) => other,
    }
}

fn open_parts(rooms: &Rooms, digest: &Digest) -> Result<Blob, Error> {
    let names = parts(rooms, digest)?;
    let Some(folder) = rooms.parts(digest)?.filter(|_| !names.is_empty()) else {
        return Err(Error::BlobMissing { digest: *digest });
    };
    let mut pieces = Vec::with_capacity(names.len());
    let mut start = 0;
    for (name, size) in names {
        let file = folder.open_file(&name)?;
        pieces.push(Piece { file, start, size });
        start += size;
    }
    Ok(Blob {
        pieces: pieces.into(),
        size: start,
        path: folder.path().to_path_buf(),
    })
}

/// Opens one file as a blob.
pub(super) fn open_file(folder: &Folder, name: &str) -> Result<Blob, Error> {
    let (file, size) = folder.open_sized(name)?;
    Ok(Blob {
        pieces: Arc::from([Piece { file, start: 0, size }]),
        size,
        path: folder.path().join(name),
    })
}
