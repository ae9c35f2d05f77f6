//! Where content comes from: registries, or another bundle.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::bundle::{BlobReader, Bundle};
use crate::digest::Digest;
use crate::fsx;
use crate::mirrors::PullSources;
use crate::oci::{Descriptor, media_type};
use crate::reference::{Reference, Repository};

use super::{Error, blocking};

/// Bytes read from a bundle at once.
const READ: usize = 256 << 10;

/// Where content comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The registries that the references name, or the places that stand in for them.
    Registries(Arc<crate::registry::Client>, PullSources),
    /// A bundle.
    Bundle(Bundle),
}

/// A manifest as it came, checked against its digest where one was asked for.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) bytes: Bytes,
    pub(super) digest: Digest,
    pub(super) media_type: String,
}

/// A blob on its way.
#[derive(Debug)]
pub(super) enum Chunks {
    Registry(Box<crate::registry::Blob>),
    Bundle(BlobReader),
}

impl Source {
    /// The digest that a tag has now, by the cheapest question; `None` if the registry does not say it that way.
    pub(super) async fn tag(&self, reference: &Reference) -> Result<Option<Digest>, Error> {
        match self {
            Self::Registries(client, sources) => {
                let Some(tag) = reference.tag() else {
                    return Ok(reference.digest().copied());
                };
                let head = client
                    .head_manifest(&sources.place(reference.repository())?, &tag.clone().into())
                    .await?;
                Ok(head.and_then(|h| h.digest))
            }
            Self::Bundle(bundle) => Ok(bundle.entries().get(reference).map(|d| d.digest)),
        }
    }

    /// What a reference points to.
    pub(super) async fn root(&self, reference: &Reference) -> Result<Manifest, Error> {
        match self {
            Self::Registries(client, sources) => {
                let wanted = crate::registry::TagOrDigest::of(reference).ok_or(Error::NotInSource)?;
                let manifest = client
                    .manifest(&sources.place(reference.repository())?, &wanted)
                    .await?;
                Ok(Manifest {
                    digest: manifest.digest,
                    media_type: manifest.media_type,
                    bytes: manifest.bytes,
                })
            }
            Self::Bundle(bundle) => {
                let descriptor = entry(bundle, reference).ok_or(Error::NotInSource)?;
                let (bundle, digest) = (bundle.clone(), descriptor.digest);
                Ok(Manifest {
                    bytes: blocking(move || Ok(Bytes::from(bundle.manifest(&digest)?))).await?,
                    digest,
                    media_type: descriptor.media_type.clone(),
                })
            }
        }
    }

    /// A manifest that an index points to.
    pub(super) async fn child(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Bytes, Error> {
        let digest = descriptor.digest;
        match self {
            Self::Registries(client, sources) => {
                let place = sources.place(repository)?;
                Ok(client.manifest(&place, &digest.into()).await?.bytes)
            }
            Self::Bundle(bundle) => {
                let bundle = bundle.clone();
                blocking(move || Ok(Bytes::from(bundle.manifest(&digest)?))).await
            }
        }
    }

    /// A blob's bytes from `offset` on.
    pub(super) async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Chunks, Error> {
        match self {
            Self::Registries(client, sources) => {
                let place = sources.place(repository)?;
                let blob = match client.blob(&place, descriptor, offset).await {
                    // Registries may hold a foreign layer all the same; its own places are asked when they do not.
                    Err(error) if error.is_absent() && media_type::is_foreign(&descriptor.media_type) => {
                        client.foreign_blob(&place, descriptor, offset).await?
                    }
                    answer => answer?,
                };
                Ok(Chunks::Registry(Box::new(blob)))
            }
            Self::Bundle(bundle) => {
                let (bundle, descriptor) = (bundle.clone(), descriptor.clone());
                blocking(move || Ok(Chunks::Bundle(bundle.described_blob(&descriptor)?.reader(offset)))).await
            }
        }
    }
}

/// What a bundle has under a reference. One with tag and digest may be entered under its tag.
fn entry<'b>(bundle: &'b Bundle, reference: &Reference) -> Option<&'b Descriptor> {
    let entries = bundle.entries();
    entries.get(reference).or_else(|| {
        let short = Reference::tagged(reference.repository().clone(), reference.tag()?.clone());
        entries
            .get(&short)
            .filter(|d| Some(&d.digest) == reference.digest())
    })
}

impl Chunks {
    /// Where the bytes really begin: a registry may send the whole blob though only the rest was asked for.
    pub(super) fn offset(&self, asked: u64) -> u64 {
        match self {
            Self::Registry(blob) => blob.offset(),
            Self::Bundle(_) => asked,
        }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Registry(blob) => Ok(blob.chunk().await?),
            Self::Bundle(reader) => {
                // A read of a local file is short; block_in_place would need a runtime of many threads.
                let mut buffer = vec![0; READ];
                let read = reader
                    .read(&mut buffer)
                    .map_err(|e| fsx::Error::io("read", "a blob of the source bundle", e))?;
                buffer.truncate(read);
                Ok((read > 0).then(|| buffer.into()))
            }
        }
    }
}
