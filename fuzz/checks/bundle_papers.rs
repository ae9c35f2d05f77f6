//! What a drive says of itself: its index, its inventory and its receipts are read or refused, and what was read is
//! written and read as the same.

#![expect(clippy::disallowed_methods, reason = "what a fuzzer lays out needs no care")]

use std::path::Path;
use std::sync::OnceLock;

use carrack::bundle::{self, Bundle, Inventory, Receipt};
use carrack::observe::Silent;
use tempfile::TempDir;

/// The first byte tells which paper it is.
pub(super) fn check(data: &[u8]) {
    let Some((which, paper)) = data.split_first() else {
        return;
    };
    let drive = drive();
    let put = |name: &str, bytes: &[u8]| std::fs::write(drive.join(name), bytes).expect("a folder of ours");
    match which {
        b'I' => {
            let _ = std::fs::remove_file(drive.join("carrack/inventory.json"));
            put("index.json", paper);
            index(drive);
            put("index.json", EMPTY);
        }
        b'R' => {
            put("carrack/have/other.json", paper);
            receipt(drive, paper);
        }
        _ => {
            put("carrack/inventory.json", paper);
            inventory(drive, paper);
        }
    }
}

const EMPTY: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

/// One folder for each process, and for each thread of the tests.
fn drive() -> &'static Path {
    thread_local!(static DRIVE: OnceLock<&'static TempDir> = const { OnceLock::new() });
    DRIVE.with(|drive| {
        drive
            .get_or_init(|| {
                let folder = Box::leak(Box::new(tempfile::tempdir().expect("room for a small folder")));
                std::fs::create_dir_all(folder.path().join("carrack/have")).expect("a new folder");
                let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
                std::fs::write(folder.path().join("oci-layout"), layout).expect("a new file");
                std::fs::write(folder.path().join("index.json"), EMPTY).expect("a new file");
                folder
            })
            .path()
    })
}

fn index(drive: &Path) {
    let Ok(opened) = Bundle::open(drive) else { return };
    for (reference, descriptor) in opened.entries() {
        assert_eq!(reference.to_string().parse().as_ref(), Ok(reference));
        assert_eq!(descriptor.digest.to_string().parse(), Ok(descriptor.digest));
    }
    let verified = bundle::verify(&opened, 1, &Silent, &|| false).expect("only the drive itself may fail it");
    // Nothing is on this drive, so no reference is whole.
    assert_eq!(verified.broken().len(), opened.entries().len());
}

fn inventory(drive: &Path, paper: &[u8]) {
    let opened = Bundle::open(drive).expect("an empty layout");
    let Ok(Some(inventory)) = opened.inventory() else {
        return;
    };
    let written = serde_json::to_vec(&inventory).expect("strings and numbers");
    let again: Inventory = serde_json::from_slice(&written).expect("what was written");
    assert_eq!(again, inventory);
    assert_eq!(serde_json::to_vec(&again).expect("strings and numbers"), written);
    let _ = serde_json::to_vec(&inventory);
    let verified = bundle::verify(&opened, 1, &Silent, &|| false).expect("only the drive itself may fail it");
    let named = inventory.references.len() + inventory.files.len();
    assert!(
        named == 0 || !verified.problems.is_empty(),
        "{}",
        String::from_utf8_lossy(paper)
    );
}

fn receipt(drive: &Path, paper: &[u8]) {
    let Ok(receipt) = Receipt::load(&drive.join("carrack/have/other.json")) else {
        return;
    };
    let name = receipt.file_name();
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    assert!(name.bytes().all(harmless) && !name.starts_with(".."), "{name:?}");
    let again: Receipt = serde_json::from_slice(&receipt.encode()).expect("what was written");
    assert_eq!(again, receipt, "{}", String::from_utf8_lossy(paper));
    let opened = Bundle::open(drive).expect("an empty layout");
    assert_eq!(opened.receipts().expect("one receipt"), [receipt]);
}
