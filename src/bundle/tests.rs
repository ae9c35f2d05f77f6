use super::*;

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
        Descriptor::new(oci::media_type::OCI_INDEX, digest, manifest.len() as u64),
    );
    folder.write(layout::INDEX, &index::encode(&entries)).unwrap();
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
