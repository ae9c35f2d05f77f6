use std::io::Write as _;

use serde_json::{Value, json};

use super::*;

/// An archive of these files; a name with ` -> ` is a link.
fn archive(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        if let Some((name, target)) = name.split_once(" -> ") {
            header.set_size(0);
            header.set_entry_type(tar::EntryType::Symlink);
            builder.append_link(&mut header, name, target).unwrap();
        } else {
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
    }
    file(&builder.into_inner().unwrap())
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Opens an archive; `more` is what stands behind its name, or before and behind it with `|` between.
fn open(kind: &str, file: &tempfile::NamedTempFile, more: &str) -> Result<Store, Error> {
    let (before, after) = more.split_once('|').unwrap_or(("", more));
    let text = format!("{before}{kind}:{}{after}", file.path().display());
    Store::open(&text.parse().unwrap())
}

fn said(kind: &str, file: &tempfile::NamedTempFile, more: &str) -> String {
    let error = open(kind, file, more).unwrap_err().to_string();
    error.replace(&file.path().display().to_string(), "FILE")
}

fn whole(store: &Store, digest: &Digest) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut blob = store.blob(digest, 0).unwrap().unwrap();
    blob.read_to_end(&mut bytes).unwrap();
    bytes
}

const IMAGES: &[u8] = br#"[{"Config":"c.json","RepoTags":["registry.suse.com/kiwi:1","kiwi:2"],"Layers":["a/layer.tar","b/layer.tar"]}]"#;

/// The configuration of an image with these layers.
fn configuration(layers: &[&[u8]]) -> Vec<u8> {
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| format!("\"{}\"", Digest::sha256(layer)))
        .collect();
    let text = format!(
        r#"{{"os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        layers.join(",")
    );
    text.into_bytes()
}

/// A docker archive as engines write it: the second layer is the first one again.
fn saved(layer: &[u8], configuration: &[u8]) -> tempfile::NamedTempFile {
    archive(&[
        ("c.json", configuration),
        ("a/layer.tar", layer),
        ("b/layer.tar -> ../a/layer.tar", b""),
        ("manifest.json", IMAGES),
    ])
}

#[test]
fn a_docker_archive_gets_one_manifest_that_is_always_the_same_and_keeps_its_id() {
    let configuration = configuration(&[b"layer", b"layer"]);
    let file = saved(b"layer", &configuration);
    let store = open("docker-archive", &file, "").unwrap();
    let names: Vec<_> = store.entries().iter().map(|e| e.reference.to_string()).collect();
    assert_eq!(names, ["registry.suse.com/kiwi:1", "docker.io/library/kiwi:2"]);
    let root = &store.entries()[0].root;
    let manifest: Value = serde_json::from_slice(&store.manifest(&root.digest).unwrap().unwrap()).unwrap();
    let id = Digest::sha256(&configuration);
    assert_eq!(manifest["config"]["digest"], id.to_string());
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    assert_eq!(whole(&store, &Digest::sha256(b"layer")), b"layer");
    // Written down: another digest would be another image to everybody who pinned it.
    assert_eq!(
        root.digest.to_string(),
        "sha256:6a5e1a295ae05f5d504a356df17f6207b06117649466c200c556fe69139a6f91"
    );
    let note = store.entries()[0].note.clone().unwrap();
    assert!(
        note.contains("no registry manifest") && note.contains(&id.to_string()),
        "{note}"
    );
    let named = open(
        "docker-archive",
        &file,
        "registry.lan/x:1=|:docker.io/library/kiwi:2",
    )
    .unwrap();
    assert_eq!(named.entries()[0].root, *root);
    assert_eq!(named.entries()[0].reference.to_string(), "registry.lan/x:1");
}

#[test]
fn a_docker_archive_whose_layers_are_not_those_of_its_configuration_is_refused() {
    let other = saved(b"other", &configuration(&[b"layer", b"layer"]));
    let text = said("docker-archive", &other, "");
    let (layer, found) = (Digest::sha256(b"layer"), Digest::sha256(b"other"));
    assert_eq!(text, format!("{layer} in FILE has the bytes of {found}"));
    let fewer = saved(b"layer", &configuration(&[b"layer"]));
    assert_eq!(
        said("docker-archive", &fewer, ""),
        "FILE has 2 layers, and its configuration speaks of 1"
    );
    let called = Digest::sha256(b"not the configuration");
    let name = format!("{}.json", called.hex());
    let images = format!(r#"[{{"Config":"{name}","RepoTags":["a:1"],"Layers":[]}}]"#);
    let swapped = archive(&[(&name, &configuration(&[])), ("manifest.json", images.as_bytes())]);
    assert!(said("docker-archive", &swapped, "").starts_with(&called.to_string()));
}

/// An OCI archive of one image with that name, its manifest, and more files of the archive.
fn layout(name: &str, more: &[(&str, &[u8])]) -> (tempfile::NamedTempFile, Digest, Vec<u8>) {
    let config = Digest::sha256(b"{}");
    let manifest =
        json!({"schemaVersion": 2, "config": {"mediaType": "x", "digest": config, "size": 2}, "layers": []});
    let manifest = manifest.to_string().into_bytes();
    let digest = Digest::sha256(&manifest);
    let entry = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.len(),
        "annotations": {"org.opencontainers.image.ref.name": name}});
    let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
    let blob = format!("blobs/sha256/{}", digest.hex());
    let mut files: Vec<(&str, &[u8])> = vec![
        ("oci-layout", b"{}"),
        ("index.json", index.as_bytes()),
        (&blob, &manifest),
    ];
    files.extend(more);
    (archive(&files), digest, manifest)
}

#[test]
fn an_oci_archive_keeps_its_bytes_and_needs_a_full_name() {
    let (file, digest, manifest) = layout("latest", &[]);
    assert_eq!(
        said("oci-archive", &file, ""),
        "the image in FILE has no full name (latest): give it one, `REGISTRY/PATH:TAG=` before the source"
    );
    assert!(matches!(
        open("oci-archive", &file, ":other"),
        Err(Error::NotFound { .. })
    ));
    let store = open("oci-archive", &file, "registry.lan/app:1=|:latest").unwrap();
    assert_eq!(store.entries()[0].root.digest, digest);
    assert_eq!(store.manifest(&digest).unwrap().unwrap(), manifest);
    assert!(
        store
            .manifest(&Digest::sha256(b"of another image"))
            .unwrap()
            .is_none()
    );
    // Its configuration is needed and not there: nobody else is to be asked for it.
    let missing = store.blob(&Digest::sha256(b"{}"), 0).unwrap_err();
    assert!(matches!(missing, Error::NotWhole { .. }), "{missing}");
}

#[test]
fn a_docker_archive_that_has_an_oci_layout_keeps_its_manifests() {
    let (file, digest, _) = layout("registry.lan/app:1", &[("manifest.json", IMAGES)]);
    let store = open("docker-archive", &file, "").unwrap();
    assert_eq!(store.entries()[0].root.digest, digest);
    assert_eq!(store.entries()[0].note, None);
}

#[test]
fn a_signature_in_a_layout_goes_with_its_image_under_no_name_of_its_own() {
    let (_, subject, manifest) = layout("x", &[]);
    let signature = json!({"schemaVersion": 2, "artifactType": "example/signature", "config": {"mediaType": "x", "digest": Digest::sha256(b"{}"), "size": 2},
        "layers": [], "subject": {"mediaType": "m", "digest": subject, "size": 1}})
    .to_string();
    let digest = Digest::sha256(signature.as_bytes());
    let entries = [
        json!({"mediaType": "", "digest": digest, "size": signature.len()}),
        json!({"mediaType": "", "digest": subject, "size": manifest.len(), "annotations": {"io.containerd.image.name": "registry.lan/app:1"}}),
    ];
    let index = json!({"manifests": entries}).to_string();
    let (one, other) = (
        format!("blobs/sha256/{}", digest.hex()),
        format!("blobs/sha256/{}", subject.hex()),
    );
    let file = archive(&[
        ("index.json", index.as_bytes()),
        (&one, signature.as_bytes()),
        (&other, &manifest),
    ]);
    let store = open("oci-archive", &file, "").unwrap();
    let names: Vec<_> = store.entries().iter().map(|e| e.reference.to_string()).collect();
    assert_eq!(
        names,
        [
            "registry.lan/app:1".to_owned(),
            format!("registry.lan/app@{digest}")
        ]
    );
}

#[test]
fn links_of_a_hostile_archive_stay_inside_and_end() {
    for target in ["/etc/passwd", "../../../../etc/passwd", "c.json"] {
        let link = format!("c.json -> {target}");
        let file = archive(&[(&link, b""), ("manifest.json", IMAGES)]);
        assert!(
            matches!(open("docker-archive", &file, ""), Err(Error::Missing { .. })),
            "{target}"
        );
    }
    let images = br#"[{"Config":"../../../../etc/passwd","RepoTags":["a:1"],"Layers":[]}]"#;
    let file = archive(&[("manifest.json", images)]);
    assert_eq!(
        said("docker-archive", &file, ""),
        "FILE has no ../../../../etc/passwd: it is no docker archive"
    );
}

#[test]
fn archives_that_lie_about_their_sizes_are_refused() {
    let mut header = tar::Header::new_gnu();
    header.set_path("manifest.json").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    assert_eq!(
        said("docker-archive", &file(header.as_bytes()), ""),
        "FILE is no archive that can be read: it ends within a file"
    );
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 30);
    header.set_cksum();
    let long = file(header.as_bytes());
    long.as_file().set_len(2 << 30).unwrap();
    assert!(said("docker-archive", &long, "").ends_with("a name in it is too long"));
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    header.set_cksum();
    assert!(
        said("docker-archive", &file(header.as_bytes()), "")
            .ends_with("manifest.json is stored as a sparse file")
    );
    assert!(
        said("docker-archive", &file(&[b'x'; 2000]), "")
            .ends_with("a header is damaged, or it is no tar archive")
    );
    assert!(
        said("docker-archive", &file(&header.as_bytes()[..300]), "").ends_with("it ends within a header")
    );
}

#[test]
fn a_compressed_archive_is_no_bomb_but_a_hint() {
    let packed = file(&[0x1f, 0x8b, 8, 0, 0, 0, 0]);
    assert_eq!(
        said("docker-archive", &packed, ""),
        "FILE is compressed with gzip: unpack it first, `gunzip --keep FILE`"
    );
}

#[test]
fn documents_and_manifests_that_are_not_what_they_say_are_refused() {
    let nonsense = archive(&[("manifest.json", b"{")]);
    assert!(matches!(
        open("docker-archive", &nonsense, ""),
        Err(Error::Malformed { .. })
    ));
    let digest = Digest::sha256(b"{}");
    let index = json!({"manifests": [{"mediaType": "x", "digest": digest, "size": 2, "annotations": {"io.containerd.image.name": "a.io/b:1"}}]});
    let blob = format!("blobs/sha256/{}", digest.hex());
    let wrong = archive(&[("index.json", index.to_string().as_bytes()), (&blob, b"other")]);
    assert!(matches!(
        open("oci-archive", &wrong, ""),
        Err(Error::Damaged { .. })
    ));
}

#[test]
fn large_layers_have_their_size_in_an_extended_header() {
    let record = "15 size=000003\n";
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_size(record.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend(record.as_bytes());
    pad(&mut bytes);
    let mut header = tar::Header::new_ustar();
    header.set_path("manifest.json").unwrap();
    header.set_size(0);
    header.set_cksum();
    bytes.extend(header.as_bytes());
    bytes.extend(b"[{}");
    pad(&mut bytes);
    let tarred = file(&bytes);
    let members = members::read(tarred.path(), tarred.as_file()).unwrap();
    assert_eq!(
        members["manifest.json"],
        members::Member::File {
            offset: 1536,
            size: 3
        }
    );
}

#[test]
fn a_source_may_carry_a_name_before_it_and_one_behind() {
    for (text, expected) in [
        ("oci:/x/y", true),
        ("registry.lan/a:1=oci-archive:/x.tar:latest", true),
        ("docker-archive:", true),
        ("oci://registry.lan/chart", false),
        ("registry.lan/a:1", false),
        ("a=b", false),
    ] {
        assert_eq!(LocalSource::is_one(text), expected, "{text}");
    }
    let source: LocalSource = "registry.lan/a:1=oci-archive:/x.tar:latest".parse().unwrap();
    assert_eq!(source.which.as_deref(), Some("latest"));
    assert_eq!(source.path, PathBuf::from("/x.tar"));
    assert!(matches!(
        "docker-archive:".parse::<LocalSource>(),
        Err(Error::BadSource { .. })
    ));
    assert!(matches!(
        "A B=oci:/x".parse::<LocalSource>(),
        Err(Error::BadName { .. })
    ));
}
