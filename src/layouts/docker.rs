//! Docker archives: `docker save`, `podman save`.
//!
//! Docker 25 and later puts an OCI layout into them, whose manifests are carried. The others have no registry manifest, so
//! that one is written.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::source::LocalSource;
use super::tarball::Tarball;
use super::{Entry, Error, Place, Store, oci_layout};
use crate::digest::{Algorithm, Digest};
use crate::oci::media_type::DOCKER_MANIFEST;
use crate::oci::{Descriptor, MANIFEST_CAP};
use crate::reference::Reference;
use crate::secret::printable;

const KIND: &str = "docker archive";
const CONFIGURATION: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// Images of one archive that are looked at.
const IMAGE_CAP: usize = 1000;

/// A row of the archive's `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// What a configuration says of the layers.
#[derive(Deserialize)]
struct Configuration {
    rootfs: Rootfs,
}

#[derive(Deserialize)]
struct Rootfs {
    diff_ids: Vec<Digest>,
}

/// The manifest that is written. Its fields have an order of their own, so that its bytes never change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Image {
    fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }
}

pub(super) fn open(source: &LocalSource) -> Result<Store, Error> {
    let archive = Tarball::open(&source.path, KIND)?;
    if archive.has("oci-layout") && archive.has(oci_layout::INDEX) {
        return oci_layout::of_archive(source, &archive);
    }
    let images: Vec<Image> = archive.document("manifest.json", MANIFEST_CAP)?;
    let mut store = Store::empty(source);
    for image in chosen(source, &images)? {
        let (root, id) = compose(&archive, image, &mut store)?;
        let note = format!(
            "{source} is a docker archive, which has no registry manifest: {} was written for it; the image keeps its ID {id}",
            root.digest
        );
        for reference in references(source, image)? {
            store.entries.push(Entry {
                reference,
                root: root.clone(),
                note: Some(note.clone()),
            });
        }
    }
    Ok(store)
}

/// The images that the source means.
fn chosen<'i>(source: &LocalSource, images: &'i [Image]) -> Result<Vec<&'i Image>, Error> {
    let path = || source.path.clone();
    let names: Vec<&str> = images.iter().flat_map(Image::tags).map(String::as_str).collect();
    let found = printable(&names.join(", "), 300);
    let is_chosen =
        |image: &&Image| source.which.is_none() || image.tags().iter().any(|tag| source.chooses(tag));
    let chosen: Vec<&Image> = images.iter().filter(is_chosen).collect();
    match (&source.which, chosen.len()) {
        (Some(which), 0) => Err(Error::NotFound {
            path: path(),
            wanted: which.clone(),
            found,
        }),
        (None, 0) => Err(Error::Missing {
            path: path(),
            part: "image in its manifest.json".to_owned(),
            kind: KIND,
        }),
        (_, 2..) if source.name.is_some() => Err(Error::Several { path: path(), found }),
        (_, count) if count > IMAGE_CAP => Err(Error::BadArchive {
            path: path(),
            problem: format!("it has more than {IMAGE_CAP} images"),
        }),
        _ => Ok(chosen),
    }
}

/// What nodes will call an image.
fn references(source: &LocalSource, image: &Image) -> Result<Vec<Reference>, Error> {
    let nameless = |found: &str| Error::Nameless {
        path: source.path.clone(),
        found: printable(found, 200),
    };
    if let Some(name) = &source.name {
        return Ok(vec![name.clone()]);
    }
    let tags = image.tags().iter().filter(|tag| source.chooses(tag));
    let named: Result<Vec<Reference>, Error> =
        tags.map(|tag| tag.parse().map_err(|_| nameless(tag))).collect();
    let named = named?;
    if named.is_empty() {
        return Err(nameless("no name at all"));
    }
    Ok(named)
}

/// Writes the manifest of an image and notes where its parts are. Gives the manifest and the image's ID, which is the
/// digest of its configuration.
fn compose(archive: &Tarball<'_>, image: &Image, store: &mut Store) -> Result<(Descriptor, Digest), Error> {
    let config = archive.bytes(&image.config, MANIFEST_CAP)?;
    let id = Digest::sha256(&config);
    let called = image.config.strip_suffix(".json").unwrap_or_default();
    if let Ok(expected) = Digest::from_hex(Algorithm::Sha256, called) {
        check(store, expected, id)?;
    }
    let Configuration { rootfs } = archive.document(&image.config, MANIFEST_CAP)?;
    if rootfs.diff_ids.len() != image.layers.len() {
        return Err(Error::Layers {
            path: store.path.clone(),
            layers: image.layers.len(),
            named: rootfs.diff_ids.len(),
        });
    }
    store.blobs.insert(id, archive.place(&image.config)?);
    let mut layers = Vec::new();
    for (name, unpacked) in image.layers.iter().zip(rootfs.diff_ids) {
        let place = archive.place(name)?;
        let Place::Part { offset, size, .. } = place else {
            continue;
        };
        let (digest, is_gzip) = archive.hash(offset, size)?;
        let media_type = if is_gzip {
            // Its digest is not the one that the configuration names; the engine compares it when it unpacks.
            format!("{LAYER}.gzip")
        } else {
            check(store, unpacked, digest)?;
            LAYER.to_owned()
        };
        layers.push(Descriptor::new(media_type, digest, size));
        store.blobs.insert(digest, place);
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: DOCKER_MANIFEST,
        config: Descriptor::new(CONFIGURATION, id, config.len() as u64),
        layers,
    };
    let bytes = serde_json::to_vec(&manifest).map_err(|source| Error::Malformed {
        path: store.path.clone(),
        part: "the manifest that was written".to_owned(),
        source,
    })?;
    let root = Descriptor::new(DOCKER_MANIFEST, Digest::sha256(&bytes), bytes.len() as u64);
    store.blobs.insert(root.digest, Place::Made(Arc::from(bytes)));
    Ok((root, id))
}

fn check(store: &Store, expected: Digest, found: Digest) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Damaged {
        path: store.path.clone(),
        expected,
        found,
    })
}
