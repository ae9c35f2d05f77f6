//! Tiny real images: layers are gzipped tar archives with one file, so that container engines take them.

use std::io::Write;

use bytes::Bytes;
use carrack::digest::Digest;
use carrack::oci::{Descriptor, Platform, media_type};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// A blob and its descriptor.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// What a manifest says of it.
    pub descriptor: Descriptor,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Blob {
    /// A blob of these bytes.
    pub(crate) fn new(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let descriptor = Descriptor::new(media_type, Digest::sha256(&bytes), bytes.len() as u64);
        Self { descriptor, bytes }
    }
}

/// An image manifest or an index, with everything that it points to.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Configuration and layers; empty for an index.
    pub blobs: Vec<Blob>,
    /// The images of an index, in order.
    pub children: Vec<Self>,
}

impl Image {
    fn new(media_type: &str, manifest: &serde_json::Value, blobs: Vec<Blob>, children: Vec<Self>) -> Self {
        let manifest = Bytes::from(serde_json::to_vec_pretty(manifest).unwrap());
        Self {
            digest: Digest::sha256(&manifest),
            manifest,
            media_type: media_type.to_owned(),
            blobs,
            children,
        }
    }

    /// The layers, without the configuration.
    pub(crate) fn layers(&self) -> &[Blob] {
        self.blobs.get(1..).unwrap_or_default()
    }

    /// This image's and its children's blobs.
    pub(crate) fn all_blobs(&self) -> Vec<&Blob> {
        let of_children = self.children.iter().flat_map(Self::all_blobs);
        self.blobs.iter().chain(of_children).collect()
    }

    /// The descriptor of the manifest.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.media_type, self.digest, self.manifest.len() as u64)
    }
}

/// An image that is being described.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    docker: bool,
    platform: Platform,
    layers: Vec<(String, usize)>,
    subject: Option<Descriptor>,
}

/// An OCI image for linux/amd64 without layers.
pub(crate) fn image() -> Builder {
    Builder {
        docker: false,
        platform: platform("linux/amd64"),
        layers: Vec::new(),
        subject: None,
    }
}

/// `os/architecture` or `os/architecture/variant`.
pub(crate) fn platform(text: &str) -> Platform {
    let mut parts = text.split('/').map(str::to_owned);
    Platform {
        os: parts.next().unwrap_or_default(),
        architecture: parts.next().unwrap_or_default(),
        variant: parts.next(),
        os_version: None,
    }
}

impl Builder {
    /// A layer with one file `name` of `size` bytes. The same name and size give the same layer.
    pub(crate) fn layer(mut self, name: &str, size: usize) -> Self {
        self.layers.push((name.to_owned(), size));
        self
    }

    /// Docker's schema 2 instead of OCI.
    pub(crate) fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Another platform, written `os/architecture`.
    pub(crate) fn platform(mut self, text: &str) -> Self {
        self.platform = platform(text);
        self
    }

    /// The image says that it is about another, and runs all the same.
    pub(crate) fn about(mut self, subject: &Image) -> Self {
        self.subject = Some(subject.descriptor());
        self
    }

    /// The image.
    pub(crate) fn build(self) -> Image {
        let (manifest_type, config_type, layer_type) = if self.docker {
            (media_type::DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)
        } else {
            (media_type::OCI_MANIFEST, media_type::OCI_CONFIG, OCI_LAYER)
        };
        let archives: Vec<_> = self
            .layers
            .iter()
            .map(|(name, size)| archive(name, *size))
            .collect();
        let ids: Vec<_> = archives.iter().map(|tar| Digest::sha256(tar)).collect();
        let config = json!({
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "config": {"Cmd": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": ids},
        });
        let mut blobs = vec![Blob::new(config_type, serde_json::to_vec(&config).unwrap())];
        blobs.extend(archives.iter().map(|tar| Blob::new(layer_type, gzip(tar))));
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": blobs[0].descriptor,
            "layers": blobs[1..].iter().map(|blob| &blob.descriptor).collect::<Vec<_>>(),
        });
        if let Some(subject) = &self.subject {
            manifest["subject"] = json!(subject);
        }
        Image::new(manifest_type, &manifest, blobs, Vec::new())
    }
}

/// An OCI index of images, each with its platform.
pub(crate) fn index(children: Vec<(&str, Image)>) -> Image {
    let manifests: Vec<_> = children
        .iter()
        .map(|(name, image)| {
            let mut descriptor = image.descriptor();
            descriptor.platform = Some(Box::new(platform(name)));
            descriptor
        })
        .collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests});
    let children = children.into_iter().map(|(_, image)| image).collect();
    Image::new(media_type::OCI_INDEX, &manifest, Vec::new(), children)
}

/// An artifact of one layer that names its subject, as SBOMs and signatures do that the referrers API lists.
pub(crate) fn referrer(subject: &Image, artifact_type: &str, content: &str) -> Image {
    let empty = Blob::new("application/vnd.oci.empty.v1+json", &b"{}"[..]);
    let layer = Blob::new(artifact_type, content.as_bytes().to_vec());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": empty.descriptor,
        "layers": [layer.descriptor],
        "subject": subject.descriptor(),
        "annotations": {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"},
    });
    Image::new(
        media_type::OCI_MANIFEST,
        &manifest,
        vec![empty, layer],
        Vec::new(),
    )
}

/// What cosign puts under a tag: an image whose layers are signatures or attestations.
pub(crate) fn attachment(contents: &[&str]) -> Image {
    let kind = "application/vnd.dev.cosign.simplesigning.v1+json";
    let layers: Vec<Blob> = contents
        .iter()
        .map(|content| Blob::new(kind, content.as_bytes().to_vec()))
        .collect();
    let ids: Vec<_> = layers.iter().map(|layer| layer.descriptor.digest).collect();
    let config = json!({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": ids}});
    let mut blobs = vec![Blob::new(
        media_type::OCI_CONFIG,
        serde_json::to_vec(&config).unwrap(),
    )];
    blobs.extend(layers);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": blobs[0].descriptor,
        "layers": blobs[1..].iter().map(|blob| &blob.descriptor).collect::<Vec<_>>(),
    });
    Image::new(media_type::OCI_MANIFEST, &manifest, blobs, Vec::new())
}

/// The list of referrers that clients keep under a tag where a registry has no referrers API.
pub(crate) fn referrer_list(referrers: Vec<(&str, Image)>) -> Image {
    let manifests: Vec<_> = referrers
        .iter()
        .map(|(artifact_type, image)| {
            let mut descriptor = image.descriptor();
            descriptor.artifact_type = Some((*artifact_type).to_owned());
            descriptor
        })
        .collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests});
    let children = referrers.into_iter().map(|(_, image)| image).collect();
    Image::new(media_type::OCI_INDEX, &manifest, Vec::new(), children)
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: &str, size: usize) -> Vec<u8> {
    let mut state = seed.bytes().fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn archive(name: &str, size: usize) -> Vec<u8> {
    let content = noise(name, size);
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, content.as_slice()).unwrap();
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
