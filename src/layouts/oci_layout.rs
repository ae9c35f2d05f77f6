//! OCI image layouts, in a folder or in an archive.

use std::sync::Arc;

use serde::Deserialize;

use super::source::LocalSource;
use super::tarball::Tarball;
use super::{Entry, Error, Place, Store};
use crate::digest::Digest;
use crate::fsx::Folder;
use crate::oci::{Descriptor, Document, MANIFEST_CAP};
use crate::reference::Reference;
use crate::secret::printable;

pub(super) const INDEX: &str = "index.json";
const KIND: &str = "OCI image layout";

/// What a tag or a whole name stands in, by the specification and by containerd.
const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

pub(super) fn open_folder(source: &LocalSource) -> Result<Store, Error> {
    let folder = Folder::open(&source.path)?;
    let bytes = match folder.read(INDEX, MANIFEST_CAP) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => {
            return Err(Error::Missing {
                path: source.path.clone(),
                part: INDEX.to_owned(),
                kind: KIND,
            });
        }
        Err(error) => return Err(error.into()),
    };
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| Error::Malformed {
        path: source.path.clone(),
        part: INDEX.to_owned(),
        source: error,
    })?;
    let store = Store {
        folder: Some(folder),
        ..Store::empty(source)
    };
    enter(source, store, &index.manifests)
}

pub(super) fn open_archive(source: &LocalSource) -> Result<Store, Error> {
    of_archive(source, &Tarball::open(&source.path, KIND)?)
}

pub(super) fn of_archive(source: &LocalSource, archive: &Tarball<'_>) -> Result<Store, Error> {
    let index: Index = archive.document(INDEX, MANIFEST_CAP)?;
    let blobs = archive.below("blobs/").filter_map(|(rest, place)| {
        let digest = rest.replacen('/', ":", 1).parse::<Digest>().ok()?;
        Some((digest, place))
    });
    let store = Store {
        blobs: blobs.collect(),
        ..Store::empty(source)
    };
    enter(source, store, &index.manifests)
}

/// A blob in a layout's folder.
pub(super) fn blob(folder: &Folder, digest: &Digest) -> Result<Option<Place>, Error> {
    let below = folder.folder(&format!("blobs/{}", digest.algorithm().name()));
    let file = below.and_then(|below| below.open_file(&digest.hex()));
    match file {
        Ok(file) => {
            let size = file.metadata().map_err(|source| Error::Read {
                path: folder.path().to_path_buf(),
                source,
            })?;
            Ok(Some(Place::Part {
                file: Arc::new(file),
                offset: 0,
                size: size.len(),
            }))
        }
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What an entry is called.
fn names(descriptor: &Descriptor) -> impl Iterator<Item = &str> {
    let named = |key| descriptor.annotations.get(key).map(String::as_str);
    NAMES.into_iter().filter_map(named)
}

/// Enters the images that the source means, with what else in the layout is about them.
fn enter(source: &LocalSource, mut store: Store, manifests: &[Descriptor]) -> Result<Store, Error> {
    let mut about: Vec<(&Descriptor, Digest)> = Vec::new();
    let mut images: Vec<&Descriptor> = Vec::new();
    for descriptor in manifests {
        match subject(&store, descriptor)? {
            Some(subject) if names(descriptor).next().is_none() => about.push((descriptor, subject)),
            _ => images.push(descriptor),
        }
    }
    for descriptor in chosen(source, &images)? {
        let reference = reference(source, descriptor)?;
        store.entries.push(entry(reference, descriptor));
    }
    let strays = enter_referrers(&mut store, about)?;
    match strays.first() {
        // Where one of several images was chosen, what is about the others stays with them.
        Some((_, subject)) if source.which.is_none() => Err(Error::Nameless {
            path: source.path.clone(),
            found: format!("it is about {subject}, which is not here"),
        }),
        _ => Ok(store),
    }
}

/// What a nameless manifest is about: a signature or an SBOM of another image in the layout.
fn subject(store: &Store, descriptor: &Descriptor) -> Result<Option<Digest>, Error> {
    let Some(bytes) = store.held(&descriptor.digest)? else {
        return Ok(None);
    };
    let document = Document::parse(&bytes, Some(&descriptor.media_type)).ok();
    Ok(document
        .and_then(|document| document.subject)
        .map(|subject| subject.digest))
}

/// Enters what is about the images, and what is about that, until nothing more comes. Gives what is about none of them.
fn enter_referrers<'d>(
    store: &mut Store,
    mut about: Vec<(&'d Descriptor, Digest)>,
) -> Result<Vec<(&'d Descriptor, Digest)>, Error> {
    let mut entered = 0;
    while let Some(Entry { reference, root, .. }) = store.entries.get(entered).cloned() {
        entered += 1;
        let mut subjects = vec![root.digest];
        if let Some(bytes) = store.held(&root.digest)?
            && let Ok(document) = Document::parse(&bytes, Some(&root.media_type))
        {
            subjects.extend(document.manifests.iter().map(|child| child.digest));
        }
        let (found, left): (Vec<_>, Vec<_>) = about
            .into_iter()
            .partition(|(_, subject)| subjects.contains(subject));
        about = left;
        for (descriptor, _) in found {
            let name = Reference::pinned(reference.repository().clone(), descriptor.digest);
            store.entries.push(entry(name, descriptor));
        }
    }
    Ok(about)
}

fn entry(reference: Reference, descriptor: &Descriptor) -> Entry {
    Entry {
        reference,
        root: Descriptor {
            annotations: std::collections::BTreeMap::new(),
            ..descriptor.clone()
        },
        note: None,
    }
}

/// The images that the source means.
fn chosen<'d>(source: &LocalSource, images: &[&'d Descriptor]) -> Result<Vec<&'d Descriptor>, Error> {
    let path = || source.path.clone();
    let called = |one: &&Descriptor| names(one).next().unwrap_or("an image without a name").to_owned();
    let found = printable(&images.iter().map(called).collect::<Vec<_>>().join(", "), 300);
    let is_chosen =
        |one: &&&Descriptor| source.which.is_none() || names(one).any(|name| source.chooses(name));
    let chosen: Vec<&Descriptor> = images.iter().filter(is_chosen).copied().collect();
    match (&source.which, chosen.len()) {
        (Some(which), 0) => Err(Error::NotFound {
            path: path(),
            wanted: which.clone(),
            found,
        }),
        (None, 0) => Err(Error::Missing {
            path: path(),
            part: "image in its index".to_owned(),
            kind: KIND,
        }),
        (_, 2..) if source.name.is_some() => Err(Error::Several { path: path(), found }),
        _ => Ok(chosen),
    }
}

/// What nodes will call an image: a layout's tag alone, such as `latest`, is no name that a node could ask for.
fn reference(source: &LocalSource, descriptor: &Descriptor) -> Result<Reference, Error> {
    if let Some(name) = &source.name {
        return Ok(name.clone());
    }
    let whole = |name: &str| {
        let (host, _) = name.split_once('/')?;
        let is_host = host.contains(['.', ':']) || host == "localhost";
        name.parse().ok().filter(|_| is_host)
    };
    names(descriptor).find_map(whole).ok_or_else(|| Error::Nameless {
        path: source.path.clone(),
        found: printable(names(descriptor).next().unwrap_or("no name at all"), 200),
    })
}
