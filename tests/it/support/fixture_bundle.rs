//! A small bundle made by hand, independent of the program's own writer: an index with two platforms, a Docker schema 2
//! image, a layer that both share, a signature that refers to the index, and a chart repository.

use std::path::Path;

use carrack::digest::Digest;
use carrack::fsx;
use serde_json::{Value, json};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What was put in, for tests to compare with.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) index: Digest,
    pub(crate) children: Vec<Digest>,
    pub(crate) docker: Digest,
    pub(crate) signature: Digest,
    pub(crate) shared_layer: Vec<u8>,
}

impl Fixture {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

struct Writer<'a> {
    root: &'a Path,
    entries: Vec<Value>,
}

impl Writer<'_> {
    fn blob(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        fsx::write(&self.root.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        digest
    }

    fn descriptor(&self, media_type: &str, bytes: &[u8]) -> Value {
        json!({"mediaType": media_type, "digest": self.blob(bytes), "size": bytes.len()})
    }

    fn image(&self, media_type: &str, platform: &str, layers: &[&[u8]], more: &Value) -> Vec<u8> {
        let docker = media_type == DOCKER_MANIFEST;
        let (config, layer) = if docker {
            (
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            )
        } else {
            (
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            )
        };
        let diffs: Vec<_> = layers.iter().map(|l| Digest::sha256(&unpacked(l))).collect();
        let configuration = json!({"architecture": platform, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}});
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": self.descriptor(config, configuration.to_string().as_bytes()),
            "layers": layers.iter().map(|l| self.descriptor(layer, l)).collect::<Vec<_>>(),
        });
        for (key, value) in more.as_object().unwrap() {
            manifest[key] = value.clone();
        }
        let bytes = manifest.to_string().into_bytes();
        self.blob(&bytes);
        bytes
    }

    fn enter(&mut self, reference: &str, media_type: &str, bytes: &[u8]) -> Digest {
        let mut descriptor = self.descriptor(media_type, bytes);
        descriptor["annotations"] = json!({
            "org.opencontainers.image.ref.name": reference,
            "io.containerd.image.name": reference,
        });
        self.entries.push(descriptor);
        Digest::sha256(bytes)
    }
}

/// Writes the bundle. `hub` is also there under `registry.example:5000`, so that a name with a port can be tested.
pub(crate) fn make() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer {
        root: folder.path(),
        entries: Vec::new(),
    };
    // Does not compress, so that the layer has more than one piece on the wire.
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2])
        .collect();
    let shared_layer = layer(&[("etc/shared", &noise)]);
    let own = layer(&[("etc/own", b"own")]);
    let children: Vec<Vec<u8>> = ["amd64", "arm64"]
        .into_iter()
        .map(|platform| writer.image(OCI_MANIFEST, platform, &[&shared_layer, &own], &json!({})))
        .collect();
    let manifests: Vec<Value> = ["amd64", "arm64"]
        .into_iter()
        .zip(&children)
        .map(|(platform, bytes)| {
            let mut descriptor = writer.descriptor(OCI_MANIFEST, bytes);
            descriptor["platform"] = json!({"os": "linux", "architecture": platform});
            descriptor
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).to_string();
    let index_digest = writer.enter("docker.io/library/hello:1.0", OCI_INDEX, index.as_bytes());
    writer.enter("docker.io/library/hello:2.0", OCI_INDEX, index.as_bytes());
    writer.enter(
        "registry.example:5000/team/sub/hello:1.0",
        OCI_INDEX,
        index.as_bytes(),
    );
    let docker = writer.image(DOCKER_MANIFEST, "amd64", &[&shared_layer], &json!({}));
    let docker = writer.enter("quay.io/team/tool:3", DOCKER_MANIFEST, &docker);
    let subject = json!({"mediaType": OCI_INDEX, "digest": index_digest, "size": index.len()});
    let more = json!({"subject": subject, "artifactType": "application/vnd.example.signature"});
    let signature = writer.image(OCI_MANIFEST, "amd64", &[], &more);
    let name = format!("docker.io/library/hello@{}", Digest::sha256(&signature));
    let signature = writer.enter(&name, OCI_MANIFEST, &signature);

    let write = |path: &str, bytes: &[u8]| fsx::write(&folder.path().join(path), bytes).unwrap();
    let entries = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": writer.entries});
    write("index.json", entries.to_string().as_bytes());
    write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    chart(folder.path());
    Fixture {
        index: index_digest,
        children: children.iter().map(|bytes| Digest::sha256(bytes)).collect(),
        docker,
        signature,
        shared_layer,
        folder,
    }
}

/// What stands for the internet: images of these names, and a chart at this place that needs some of them.
pub(crate) fn upstream(images: &[&str], place: &str, chart: &str, needs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer {
        root: folder.path(),
        entries: Vec::new(),
    };
    for name in images {
        let own = layer(&[("etc/name", name.as_bytes())]);
        let image = writer.image(OCI_MANIFEST, "amd64", &[&own], &json!({}));
        writer.enter(name, OCI_MANIFEST, &image);
    }
    let entries = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": writer.entries});
    fsx::write(&folder.path().join("index.json"), entries.to_string().as_bytes()).unwrap();
    fsx::write(
        &folder.path().join("oci-layout"),
        br#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    write_chart(folder.path(), place, chart, needs);
    folder
}

/// A chart `hello` in the repository charts.example.com/stable.
fn chart(root: &Path) {
    write_chart(root, "charts.example.com/stable", "hello", &["hello:1.0"]);
}

/// A chart in version 1.0.0 with a pod of these images, and the index of its repository.
fn write_chart(root: &Path, place: &str, name: &str, images: &[&str]) {
    let containers: Vec<_> = images
        .iter()
        .map(|image| format!("{{name: {name}, image: \"{image}\"}}"))
        .collect();
    let containers = containers.join(", ");
    let pod = format!(
        "kind: Pod\napiVersion: v1\nmetadata: {{name: {name}}}\nspec: {{containers: [{containers}]}}\n"
    );
    let archive = layer(&[
        (
            &format!("{name}/Chart.yaml"),
            format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n").as_bytes(),
        ),
        (&format!("{name}/templates/pod.yaml"), pod.as_bytes()),
    ]);
    let digest = Digest::sha256(&archive).hex();
    let index = format!(
        "apiVersion: v1\nentries:\n  {name}:\n  - apiVersion: v2\n    name: {name}\n    version: 1.0.0\n    digest: {digest}\n    urls: [{name}-1.0.0.tgz]\n"
    );
    let folder = root.join("charts").join(place);
    fsx::write(&folder.join(format!("{name}-1.0.0.tgz")), &archive).unwrap();
    fsx::write(&folder.join("index.yaml"), index.as_bytes()).unwrap();
}

/// A gzip-compressed tar archive of these files, the same bytes every time.
pub(crate) fn layer(files: &[(&str, &[u8])]) -> Vec<u8> {
    let encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(encoder);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut unpacked).unwrap();
    unpacked
}
