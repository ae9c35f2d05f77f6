//! Large files of a bundle, read and written piece by piece: never whole in memory.

use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::digest::{Algorithm, Hasher};
use crate::fsx::{self, Folder};

use super::{Error, FileRecord};

/// What makes a file's bytes. It is asked for the same bytes more than once.
pub(super) type Making<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// How much is read at once.
const READ: usize = 1 << 16;

/// Reads a file of JSON of at most `cap` bytes.
pub(super) fn read<T: DeserializeOwned>(folder: &Folder, name: &str, cap: u64) -> Result<T, Error> {
    parse(folder.reader(name, cap)?, &|| folder.path().join(name))
}

/// The same, with what the very bytes are that were read.
pub(super) fn read_hashed<T: DeserializeOwned>(
    folder: &Folder,
    name: &str,
    cap: u64,
) -> Result<(T, FileRecord), Error> {
    let mut hashing = Hashing::onto(folder.reader(name, cap)?);
    let value = parse(&mut hashing, &|| folder.path().join(name))?;
    Ok((value, hashing.finish()))
}

fn parse<T: DeserializeOwned>(file: impl Read, path: &dyn Fn() -> PathBuf) -> Result<T, Error> {
    // The reader goes on to the end of the file: nothing else may stand there.
    serde_json::from_reader(BufReader::with_capacity(READ, file)).map_err(|source| {
        if source.is_io() {
            fsx::Error::io("read", path(), source.into()).into()
        } else {
            let path = path();
            Error::Malformed { path, source }
        }
    })
}

/// What the bytes are that `making` makes.
pub(super) fn record(making: Making<'_>) -> Result<FileRecord, Error> {
    let mut hashing = Hashing::onto(io::sink());
    // Nothing but memory is written to.
    making(&mut hashing).map_err(|e| fsx::Error::io("make", "a file of the bundle", e))?;
    Ok(hashing.finish())
}

/// Writes a file unless the same bytes are there, and says what they are.
pub(super) fn write_if_new(folder: &Folder, name: &str, making: Making<'_>) -> Result<FileRecord, Error> {
    let record = record(making)?;
    let is_same = match folder.size_of(name) {
        Ok(Some(size)) if size == record.size => found(folder, name, size)? == record,
        Ok(_) | Err(fsx::Error::NotAFile { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    if is_same {
        return Ok(record);
    }
    write(folder, name, making)
}

/// Writes a file, and says what its bytes are.
pub(super) fn write(folder: &Folder, name: &str, making: Making<'_>) -> Result<FileRecord, Error> {
    let mut record = None;
    folder.write_with(name, |file| {
        let mut hashing = Hashing::onto(file);
        making(&mut hashing)?;
        record = Some(hashing.finish());
        Ok(())
    })?;
    Ok(record.expect("a file that was written was made"))
}

/// What the bytes of a file are that has at most `cap` of them.
pub(super) fn found(folder: &Folder, name: &str, cap: u64) -> Result<FileRecord, Error> {
    let mut file = folder.reader(name, cap)?;
    let mut hashing = Hashing::onto(io::sink());
    let mut buffer = vec![0; READ];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok(hashing.finish()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(fsx::Error::io("read", folder.path().join(name), error).into()),
        };
        hashing.take(buffer.get(..read).unwrap_or_default());
    }
}

/// Hashes and counts what goes through it, whichever way.
struct Hashing<W> {
    on: W,
    hasher: Hasher,
    size: u64,
}

impl<W> Hashing<W> {
    fn onto(on: W) -> Self {
        Self {
            on,
            hasher: Algorithm::Sha256.hasher(),
            size: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn finish(self) -> FileRecord {
        FileRecord {
            sha256: self.hasher.finish(),
            size: self.size,
        }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.on.read(buffer)?;
        self.take(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.on.write(bytes)?;
        self.take(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.on.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn a_file_is_written_once_and_its_record_is_that_of_its_bytes() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let text = |to: &mut dyn Write| (0..50_000).try_for_each(|n| writeln!(to, "line {n}"));
        let written = write_if_new(&folder, "sums", &text).unwrap();
        let bytes = std::fs::read(place.path().join("sums")).unwrap();
        assert_eq!(written.size, bytes.len() as u64);
        assert_eq!(written.sha256, Digest::sha256(&bytes));
        assert_eq!(found(&folder, "sums", written.size).unwrap(), written);
        let before = folder.open_file("sums").unwrap().metadata().unwrap();
        assert_eq!(write_if_new(&folder, "sums", &text).unwrap(), written);
        let after = folder.open_file("sums").unwrap().metadata().unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        let other = write_if_new(&folder, "sums", &|to| to.write_all(b"other")).unwrap();
        assert_eq!(other.sha256, Digest::sha256(b"other"));
        assert_eq!(std::fs::read(place.path().join("sums")).unwrap(), b"other");
    }

    #[test]
    fn json_is_read_with_the_digest_of_its_bytes_and_nothing_may_follow_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        folder.write("good", b"[1, 2]\n").unwrap();
        let (value, record) = read_hashed::<Vec<u8>>(&folder, "good", 100).unwrap();
        assert_eq!((value, record.sha256), (vec![1, 2], Digest::sha256(b"[1, 2]\n")));
        folder.write("bad", b"[1, 2]\n[3]").unwrap();
        let refused = read::<Vec<u8>>(&folder, "bad", 100);
        assert!(matches!(refused, Err(Error::Malformed { .. })), "{refused:?}");
        let capped = read::<Vec<u8>>(&folder, "good", 6);
        assert!(
            matches!(capped, Err(Error::Disk(fsx::Error::TooLarge { .. }))),
            "{capped:?}"
        );
    }
}
