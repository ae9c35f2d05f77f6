use super::*;
use crate::{fsx, oci};

fn place() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    (place, folder)
}

fn layout_with(name: &str) -> (tempfile::TempDir, Digest) {
    let (place, folder) = place();
    folder.write(layout::OCI_LAYOUT, layout::OCI_LAYOUT_TEXT).unwrap();
    let manifest =
        br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let digest = Digest::sha256(manifest);
    let blobs = folder
        .make_folder(layout::blob_folder(digest.algorithm()))
        .unwrap();
    blobs.write(&digest.hex(), manifest).unwrap();
    let mut entries = Entries::default();
    entries.insert(
        name.parse().unwrap(),
        Descriptor::new(oci::media_type::OCI_INDEX, digest, manifest.len() as u64).into(),
    );
    folder
        .write_with(layout::INDEX, |file| index::encode(&entries, file))
        .unwrap();
    (place, digest)
}

#[test]
fn a_reference_goes_through_the_index_and_back() {
    let (place, digest) = layout_with("nginx:1.27");
    let bundle = Bundle::open(place.path()).unwrap();
    let (reference, descriptor) = bundle.entries().first_key_value().unwrap();
    assert_eq!(reference.to_string(), "docker.io/library/nginx:1.27");
    assert_eq!(descriptor.digest, digest);
    assert!(descriptor.annotations.is_empty());
    let (_, document) = bundle.document(&digest, &descriptor.media_type).unwrap();
    assert!(document.is_index());
    assert_eq!(bundle.inventory().unwrap(), None);
}

#[test]
fn a_folder_that_is_no_bundle_says_so() {
    let (place, _) = place();
    assert!(matches!(
        Bundle::open(place.path()),
        Err(Error::NotABundle { .. })
    ));
}

#[test]
fn a_flipped_bit_in_a_manifest_is_found_before_it_is_used() {
    let (place, digest) = layout_with("nginx:1.27");
    let path = place.path().join(layout::blob_path(&digest));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    Folder::open(path.parent().unwrap())
        .unwrap()
        .write(&digest.hex(), &bytes)
        .unwrap();
    let bundle = Bundle::open(place.path()).unwrap();
    assert!(matches!(bundle.manifest(&digest), Err(Error::Damaged { .. })));
}

#[test]
fn a_blob_folder_that_is_a_link_is_refused() {
    let (place, digest) = layout_with("nginx:1.27");
    std::fs::remove_dir_all(place.path().join("blobs/sha256")).unwrap();
    std::os::unix::fs::symlink("/etc", place.path().join("blobs/sha256")).unwrap();
    let bundle = Bundle::open(place.path()).unwrap();
    assert!(matches!(
        bundle.blob(&digest),
        Err(Error::Disk(fsx::Error::NotAFolder { .. }))
    ));
}

#[test]
fn a_chart_path_that_leaves_the_bundle_is_refused() {
    let (place, _) = layout_with("nginx:1.27");
    fsx::write(&place.path().join("charts/example.com/a-1.0.0.tgz"), b"tgz").unwrap();
    let bundle = Bundle::open(place.path()).unwrap();
    assert_eq!(
        bundle.chart_files().unwrap(),
        [ChartFile {
            path: "example.com/a-1.0.0.tgz".into(),
            size: 3
        }]
    );
    assert_eq!(bundle.chart_file("example.com/a-1.0.0.tgz").unwrap().size(), 3);
    assert!(bundle.chart_file("../index.json").is_err());
}

fn stored(largest_file: Option<u64>, bytes: &[u8]) -> (tempfile::TempDir, Digest) {
    let (place, _) = place();
    let writer = Writer::open(place.path(), "a test")
        .unwrap()
        .with_largest_file(largest_file);
    let digest = Digest::sha256(bytes);
    let descriptor = Descriptor::new("application/octet-stream", digest, bytes.len() as u64);
    let mut incoming = writer.stage(&descriptor).unwrap();
    let (first, rest) = bytes.split_at(bytes.len() / 3);
    incoming.write(first).unwrap();
    drop(incoming);
    let mut incoming = writer.stage(&descriptor).unwrap();
    assert_eq!(
        incoming.length(),
        first.len() as u64,
        "what was kept is gone on with"
    );
    incoming.write(rest).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let acknowledged = Box::new(move |result: Result<(), fsx::Error>| tell.send(result.is_ok()).unwrap());
    writer
        .commit(incoming.finish().unwrap(), &digest, acknowledged)
        .unwrap();
    assert_eq!(told.recv(), Ok(true));
    assert!(told.recv().is_err(), "it is told once");
    assert_eq!(writer.holds(&descriptor).unwrap(), Held::Whole);
    (place, digest)
}

#[test]
fn a_blob_larger_than_the_largest_file_is_stored_in_parts_and_read_as_one() {
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let (place, digest) = stored(Some(90_000), &bytes);
    let parts = place.path().join("carrack/parts").join(digest.hex());
    assert_eq!(std::fs::read_dir(&parts).unwrap().count(), 5);
    assert!(!place.path().join(layout::blob_path(&digest)).exists());
    let bundle = Bundle::open(place.path()).unwrap();
    let blob = bundle.blob(&digest).unwrap();
    assert_eq!(blob.size(), 400_000);
    assert_eq!(blob.hash(&digest).unwrap(), digest);
    let mut tail = Vec::new();
    std::io::Read::read_to_end(&mut blob.reader(89_990), &mut tail).unwrap();
    assert_eq!(tail, bytes[89_990..]);
    std::fs::remove_file(parts.join("0003")).unwrap();
    assert_eq!(
        bundle.blob_size(&digest).unwrap(),
        Some(180_000),
        "a lost part makes it too short"
    );
}

#[test]
fn a_wrong_size_in_a_description_costs_no_blob_and_a_wrong_file_has_no_size() {
    for largest in [None, Some(90)] {
        let (place, digest) = stored(largest, &[7; 300]);
        let writer = Writer::open(place.path(), "a test").unwrap();
        let wrong = Descriptor::new("application/octet-stream", digest, 301);
        assert_eq!(writer.holds(&wrong).unwrap(), Held::OfOtherSize(300));
        assert_eq!(writer.bundle().holds(&wrong).unwrap(), Held::OfOtherSize(300));
        assert_eq!(writer.bundle().blob_size(&digest).unwrap(), Some(300));
        let path = match largest {
            None => place.path().join(layout::blob_path(&digest)),
            Some(_) => place.path().join("carrack/parts").join(digest.hex()).join("0002"),
        };
        fsx::write(&path, b"cut").unwrap();
        assert_eq!(writer.bundle().holds(&wrong).unwrap(), Held::Absent);
        assert_eq!(writer.holds(&wrong).unwrap(), Held::Absent);
        assert_eq!(writer.bundle().blob_size(&digest).unwrap(), None);
    }
}

#[test]
fn a_blob_within_the_limit_is_one_file() {
    let (place, digest) = stored(Some(90_000), &[7; 9000]);
    assert!(place.path().join(layout::blob_path(&digest)).exists());
    assert!(!place.path().join("carrack/parts").exists());
}

#[test]
fn bytes_that_are_not_the_digests_get_no_name() {
    let (place, _) = place();
    let writer = Writer::open(place.path(), "a test").unwrap();
    let expected = Digest::sha256(b"right");
    let descriptor = Descriptor::new("application/octet-stream", expected, 5);
    let mut incoming = writer.stage(&descriptor).unwrap();
    incoming.write(b"wrong").unwrap();
    let error = writer.commit(incoming.finish().unwrap(), &expected, Box::new(|_| {}));
    assert!(matches!(error, Err(Error::Damaged { .. })));
    assert_eq!(writer.holds(&descriptor).unwrap(), Held::Absent);
    assert!(writer.staged_lengths().unwrap().is_empty());
}

#[test]
fn a_blob_is_hashed_on_the_drive_on_its_first_try_where_all_is_read_back_on_the_way() {
    for is_built_in in [false, true] {
        let (place, folder) = place();
        let writer = Writer::open(place.path(), "a test").unwrap();
        if is_built_in {
            writer.written.read_on_the_way(writer.bundle(), 1);
        }
        let digest = Digest::sha256(b"right");
        let descriptor = Descriptor::new("application/octet-stream", digest, 5);
        let rots = |mut incoming: Incoming| {
            incoming.write(b"right").unwrap();
            let tmp = folder.folder(layout::TMP).unwrap();
            let file = tmp.path().join(format!("sha256-{}", digest.hex()));
            std::os::unix::fs::FileExt::write_at(
                &std::fs::File::options().write(true).open(file).unwrap(),
                b"m",
                0,
            )
            .unwrap();
            let (tell, told) = std::sync::mpsc::channel();
            let tell = Box::new(move |result: Result<(), fsx::Error>| tell.send(result.is_ok()).unwrap());
            let committed = writer.commit(incoming.finish().unwrap(), &digest, tell);
            assert_eq!(told.recv().is_ok(), committed.is_ok());
            committed
        };
        let first = rots(writer.stage_first(&descriptor).unwrap());
        let is_found = matches!(first, Err(Error::Damaged { .. }));
        assert_eq!(is_found, is_built_in, "{first:?}");
        assert_eq!(writer.bundle().blob_size(&digest).unwrap().is_none(), is_found);
        // Who fetches it again learns whether the source or the drive was wrong.
        rots(writer.stage(&descriptor).unwrap()).unwrap();
        assert!(matches!(writer.read_back(1), Err(Error::NotKept { .. })));
    }
}

#[test]
fn what_killed_runs_left_of_each_blob_is_known_whole_or_in_parts() {
    let (place, folder) = place();
    let writer = Writer::open(place.path(), "a test").unwrap();
    let (small, large) = (Digest::sha256(b"small"), Digest::sha256(b"large"));
    let tmp = folder.folder(layout::TMP).unwrap();
    for (name, bytes) in [
        (format!("sha256-{}", small.hex()), "small"),
        (format!("sha256-{}.0001", large.hex()), "la"),
        (format!("sha256-{}.0002", large.hex()), "r"),
        ("put-1".to_owned(), "a manifest"),
    ] {
        tmp.write(&name, bytes.as_bytes()).unwrap();
    }
    assert_eq!(
        writer.staged_lengths().unwrap(),
        BTreeMap::from([(small, 5), (large, 3)])
    );
}

#[test]
fn a_small_blob_is_told_of_when_it_is_durable_or_when_it_cannot_be_written() {
    let (place, _) = place();
    let writer = Writer::open(place.path(), "a test").unwrap();
    let put = |digest: Digest| {
        let (sender, told) = std::sync::mpsc::channel();
        writer.put(
            &digest,
            b"content",
            false,
            Box::new(move |result| sender.send(result).unwrap()),
        );
        told.recv().unwrap()
    };
    let digest = Digest::sha256(b"content");
    put(digest).unwrap();
    assert_eq!(
        std::fs::read(place.path().join(layout::blob_path(&digest))).unwrap(),
        b"content"
    );
    // Nothing can be made in a folder that is gone.
    std::fs::remove_dir(place.path().join(layout::TMP)).unwrap();
    assert!(put(Digest::sha256(b"other")).is_err());
}

#[test]
fn a_manifest_may_come_again_while_it_is_on_its_way() {
    let (place, _) = place();
    let writer = Writer::open(place.path(), "a test").unwrap();
    let digest = Digest::sha256(b"twice");
    let told: Vec<_> = (0..8)
        .map(|_| {
            let (sender, told) = std::sync::mpsc::channel();
            let tell = Box::new(move |result| sender.send(result).unwrap());
            writer.put(&digest, b"twice", true, tell);
            told
        })
        .collect();
    assert!(told.iter().all(|told| told.recv().unwrap().is_ok()));
}
