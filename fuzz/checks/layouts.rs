//! Archives that other tools left on disk: any bytes are images or an error, and bytes are handed out under their own
//! digest alone.

#![expect(clippy::disallowed_methods, reason = "what a fuzzer lays out needs no care")]

use std::path::Path;
use std::sync::OnceLock;

use carrack::digest::Digest;
use carrack::layouts::{Kind, LocalSource, Store};
use carrack::oci::Document;

use super::tar::with_checksums;

/// The tar's checksums are put right, so that a change of a byte is a change of a name, a size or a kind.
pub(super) fn check(data: &[u8]) {
    let file = file();
    std::fs::write(file, with_checksums(data)).expect("a file of ours");
    for kind in [Kind::OciArchive, Kind::DockerArchive] {
        let source = LocalSource::new(kind, file.to_owned(), None, None);
        let Ok(store) = Store::open(&source) else { continue };
        for entry in store.entries() {
            assert_eq!(entry.reference.to_string().parse().as_ref(), Ok(&entry.reference));
            let Ok(Some(bytes)) = store.manifest(&entry.root.digest) else {
                continue;
            };
            assert_eq!(
                Digest::of(entry.root.digest.algorithm(), &bytes),
                entry.root.digest
            );
            let Ok(document) = Document::parse(&bytes, Some(&entry.root.media_type)) else {
                continue;
            };
            for blob in document.blobs.iter().take(20) {
                let Ok(Some(mut reader)) = store.blob(&blob.digest, 0) else {
                    continue;
                };
                let mut read = 0;
                while let Ok(piece) = reader.next_piece(64 << 10)
                    && !piece.is_empty()
                {
                    read += piece.len();
                    assert!(read <= data.len() + (1 << 20), "more bytes than there are");
                }
            }
        }
    }
}

/// One file for each process, and for each thread of the tests.
fn file() -> &'static Path {
    thread_local!(static FILE: OnceLock<&'static Path> = const { OnceLock::new() });
    FILE.with(|file| {
        *file.get_or_init(|| {
            let folder = Box::leak(Box::new(tempfile::tempdir().expect("room for a small file")));
            Box::leak(folder.path().join("images.tar").into_boxed_path())
        })
    })
}
