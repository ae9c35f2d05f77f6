//! The upstream of the first voyage: a few tiny real images and one chart, as a bundle that `carrack serve` offers.
//!
//! It is built here by hand, byte for byte the same each time, and lies under `fixtures/voyage/upstream`. It owes nothing
//! to the program's own writer, so that a mistake there cannot hide itself. `UPDATE_FIXTURES=1 cargo test voyage_fixture`
//! writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use carrack::digest::Digest;
use carrack::oci::media_type;
use serde_json::{Value, json};

/// Every file of the upstream by its path.
type Files = BTreeMap<String, Vec<u8>>;

struct Built {
    digest: Digest,
    size: usize,
    media_type: &'static str,
}

impl Built {
    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.size})
    }
}

/// A tar archive of the given files, the same bytes on every machine.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Gzip without compression: its bytes do not depend on the compressor's version.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), flate2::Compression::none());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn blob(files: &mut Files, bytes: Vec<u8>, media_type: &'static str) -> Built {
    let digest = Digest::sha256(&bytes);
    let built = Built {
        digest,
        size: bytes.len(),
        media_type,
    };
    files.insert(format!("blobs/sha256/{}", digest.hex()), bytes);
    built
}

fn document(files: &mut Files, document: &Value, media_type: &'static str) -> Built {
    blob(files, serde_json::to_vec(document).unwrap(), media_type)
}

const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image of the shared base layer and one layer of its own.
fn image(files: &mut Files, name: &str, architecture: &str, docker: bool) -> Built {
    let (config_type, layer_type, manifest_type) = if docker {
        (DOCKER_CONFIG, DOCKER_LAYER, media_type::DOCKER_MANIFEST)
    } else {
        (media_type::OCI_CONFIG, OCI_LAYER, media_type::OCI_MANIFEST)
    };
    let base = archive(&[("etc/harbour", b"the base that all images of the harbour share\n")]);
    let own = archive(&[("srv/name", format!("{name} for {architecture}\n").as_bytes())]);
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [Digest::sha256(&base), Digest::sha256(&own)]},
    });
    let config = document(files, &config, config_type);
    let layers = [base, own].map(|layer| blob(files, gzip(&layer), layer_type).descriptor());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": manifest_type, "config": config.descriptor(), "layers": layers,
    });
    document(files, &manifest, manifest_type)
}

fn index(files: &mut Files, name: &str, architectures: &[&str]) -> Built {
    let manifests: Vec<Value> = architectures
        .iter()
        .map(|architecture| {
            let mut descriptor = image(files, name, architecture, false).descriptor();
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            descriptor
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests});
    document(files, &index, media_type::OCI_INDEX)
}

/// The chart as `helm package` lays it out, with the digest of the pinned image filled in.
fn chart(source: &Path, pinned: &Digest) -> Vec<u8> {
    let names = [
        "Chart.yaml",
        "values.yaml",
        "templates/_helpers.tpl",
        "templates/lighthouse.yaml",
        "templates/store.yaml",
        "templates/migrate.yaml",
    ];
    let contents: Vec<(String, Vec<u8>)> = names
        .iter()
        .map(|name| {
            let text = fs::read_to_string(source.join(name)).unwrap();
            let text = text.replace(&format!("sha256:{}", "0".repeat(64)), &pinned.to_string());
            (format!("harbour/{name}"), text.into_bytes())
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = contents
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_slice()))
        .collect();
    gzip(&archive(&entries))
}

fn upstream(chart_source: &Path) -> Files {
    let mut files = Files::new();
    let migrate = image(&mut files, "migrate", "amd64", false);
    let pinned = migrate.digest;
    let entries = [
        (
            "registry.example.com/harbour/lighthouse:1.0".to_owned(),
            index(&mut files, "lighthouse", &["amd64", "arm64"]),
        ),
        (
            "registry.example.com/harbour/store:2.1".to_owned(),
            image(&mut files, "store", "amd64", true),
        ),
        (
            "docker.io/library/pilot:3".to_owned(),
            image(&mut files, "pilot", "amd64", false),
        ),
        (
            "registry.example.com/harbour/exporter:0.9".to_owned(),
            image(&mut files, "exporter", "amd64", true),
        ),
        (format!("registry.example.com/harbour/migrate@{pinned}"), migrate),
    ];
    let manifests: Vec<Value> = entries
        .iter()
        .map(|(reference, built)| {
            let mut descriptor = built.descriptor();
            descriptor["annotations"] = json!({
                "org.opencontainers.image.ref.name": reference, "io.containerd.image.name": reference,
            });
            descriptor
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests});
    files.insert("index.json".into(), serde_json::to_vec_pretty(&index).unwrap());
    files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());

    let archive = chart(chart_source, &pinned);
    let repository = format!(
        "apiVersion: v1\nentries:\n  harbour:\n  - apiVersion: v2\n    appVersion: \"1.0\"\n    created: \"2024-01-01T00:00:00Z\"\n    \
         description: A small chart for the first voyage\n    digest: {}\n    name: harbour\n    type: application\n    urls:\n    - \
         harbour-1.0.0.tgz\n    version: 1.0.0\ngenerated: \"2024-01-01T00:00:00Z\"\n",
        Digest::sha256(&archive).hex()
    );
    let folder = "charts/charts.example.com/stable";
    files.insert(format!("{folder}/harbour-1.0.0.tgz"), archive);
    files.insert(format!("{folder}/index.yaml"), repository.into_bytes());
    files
}

fn on_disk(root: &Path) -> Files {
    fn collect(root: &Path, folder: &Path, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut files = Files::new();
    if root.is_dir() {
        collect(root, root, &mut files);
    }
    files
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test writes its own fixture when it is asked to"
)]
fn rewrite(root: &Path, files: &Files) {
    if std::env::var_os("UPDATE_FIXTURES").is_none() {
        return;
    }
    let _ = fs::remove_dir_all(root);
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn the_upstream_of_the_voyage_is_what_this_test_builds() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/voyage");
    let built = upstream(&fixtures.join("chart"));
    let root = fixtures.join("upstream");
    rewrite(&root, &built);
    let found = on_disk(&root);
    assert_eq!(found.keys().collect::<Vec<_>>(), built.keys().collect::<Vec<_>>());
    for (name, content) in &built {
        assert!(
            found[name] == *content,
            "{name} is not what the test builds: UPDATE_FIXTURES=1 writes it anew"
        );
    }
}
