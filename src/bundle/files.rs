//! The files of a bundle by their paths.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Algorithm, Digest};

use super::{FileRecord, layout};

/// The files of a bundle by their paths, in bytewise order of these.
///
/// Nearly all of them are blobs that are named after the very SHA-256 that their record gives. Such a one is held as its
/// digest and size alone; its path is made where somebody asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    blobs: BTreeMap<[u8; 32], u64>,
    others: BTreeMap<String, FileRecord>,
}

impl Files {
    /// The record of a file.
    pub fn get(&self, path: &str) -> Option<FileRecord> {
        let blob = digest_in(path).and_then(|digest| self.blob(&digest));
        blob.or_else(|| self.others.get(path).copied())
    }

    /// Whether a file is there.
    pub fn contains(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// Whether a blob is there as one file.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blob(digest).is_some() || self.others.contains_key(&layout::blob_path(digest))
    }

    fn blob(&self, digest: &Digest) -> Option<FileRecord> {
        let size = *self.blobs.get(digest.as_bytes())?;
        let sha256 = *digest;
        Some(FileRecord { sha256, size })
    }

    /// Puts a file in.
    pub fn insert(&mut self, path: String, record: FileRecord) {
        if let Some(key) = key(&path, &record) {
            self.others.remove(&path);
            self.blobs.insert(key, record.size);
            return;
        }
        if let Some(digest) = digest_in(&path) {
            self.blobs.remove(digest.as_bytes());
        }
        self.others.insert(path, record);
    }

    /// Every file.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, FileRecord)> {
        let blobs = self.blobs.iter().map(|(key, size)| {
            let sha256 = Digest::from_sha256(*key);
            let path = Cow::Owned(layout::blob_path(&sha256));
            (path, FileRecord { sha256, size: *size })
        });
        let mut blobs = blobs.peekable();
        let mut others = self.others().peekable();
        std::iter::from_fn(move || match (blobs.peek(), others.peek()) {
            (Some((blob, _)), Some((other, _))) if **blob < **other => blobs.next(),
            (_, Some(_)) => others.next().map(|(path, record)| (path.into(), record)),
            (_, None) => blobs.next(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.blobs.len() + self.others.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every file that is no blob under its own SHA-256.
    pub fn others(&self) -> impl Iterator<Item = (&str, FileRecord)> {
        self.others.iter().map(|(path, record)| (path.as_str(), *record))
    }
}

/// The digest in the path of a SHA-256 blob.
fn digest_in(path: &str) -> Option<Digest> {
    let folder = layout::blob_folder(Algorithm::Sha256);
    let hex = path.strip_prefix(folder)?.strip_prefix('/')?;
    Digest::from_hex(Algorithm::Sha256, hex).ok()
}

/// What a file is held by whose record says just what its name does.
fn key(path: &str, record: &FileRecord) -> Option<[u8; 32]> {
    let digest = digest_in(path).filter(|digest| *digest == record.sha256)?;
    digest.as_bytes().try_into().ok()
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Files;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
        let mut files = Files::default();
        // Made of a list in its order, the tree has no gaps.
        let mut blobs = Vec::new();
        while let Some((path, record)) = map.next_entry::<String, FileRecord>()? {
            match key(&path, &record) {
                Some(key) => blobs.push((key, record.size)),
                None => files.insert(path, record),
            }
        }
        files.blobs = blobs.into_iter().collect();
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &[u8]) -> FileRecord {
        FileRecord {
            sha256: Digest::sha256(content),
            size: content.len() as u64,
        }
    }

    /// Blobs under their own name and under another's, and names before, among and behind them.
    fn mixed() -> BTreeMap<String, FileRecord> {
        let own = |content: &[u8]| {
            let record = record(content);
            (layout::blob_path(&record.sha256), record)
        };
        let mut all: BTreeMap<_, _> = (0..50_u8).map(|n| own(&[n])).collect();
        let lying = layout::blob_path(&Digest::sha256(b"a"));
        for path in [
            "README.txt",
            "blobs/sha256/7",
            "blobs/sha256/ff/x",
            "blobs/sha512/0",
            "charts/a.tgz",
            &lying,
        ] {
            all.insert(path.to_owned(), record(b"else"));
        }
        all
    }

    #[test]
    fn files_are_written_and_read_as_a_map_of_their_paths_would_be() {
        let expected = serde_json::to_string(&mixed()).unwrap();
        let mut files = Files::default();
        for (path, record) in mixed().into_iter().rev() {
            files.insert(path, record);
        }
        assert_eq!(serde_json::to_string(&files).unwrap(), expected);
        let read: Files = serde_json::from_str(&expected).unwrap();
        assert_eq!(read, files);
        for (path, record) in mixed() {
            assert_eq!(read.get(&path), Some(record), "{path}");
        }
        assert!(!read.contains("blobs/sha256/8") && !read.has_blob(&Digest::sha256(b"absent")));
    }

    #[test]
    fn a_path_has_the_record_that_it_was_given_last() {
        let digest = Digest::sha256(b"own");
        let path = layout::blob_path(&digest);
        for (first, last) in [(&b"own"[..], &b"else"[..]), (b"else", b"own")] {
            let mut files = Files::default();
            files.insert(path.clone(), record(first));
            files.insert(path.clone(), record(last));
            assert_eq!(files.get(&path), Some(record(last)));
            assert!(files.has_blob(&digest));
            assert_eq!(files.iter().count(), 1);
        }
    }
}
