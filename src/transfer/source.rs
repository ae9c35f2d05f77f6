//! Where content comes from: registries, or another bundle, and beside them images that other tools left on disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::bundle::{AbsentReason, BlobReader, Bundle, Inventory};
use crate::digest::Digest;
use crate::fsx;
use crate::layouts::{BlobBytes, Store};
use crate::mirrors::PullSources;
use crate::oci::{Descriptor, MediaType, media_type};
use crate::reference::{Reference, Repository, Tag};
use crate::registry::{Client, TagOrDigest};

use super::manifests::Kept;
use super::on_disk::OnDisk;
use super::places::Places;
use super::proven::{Proof, Proven};
use super::{Error, Manifests, blocking};

/// Bytes read from a bundle at once.
const READ: usize = 256 << 10;

/// Where content comes from.
#[derive(Clone, Debug)]
pub struct Source {
    origin: Origin,
    /// Manifests that were fetched before and are not asked for again.
    manifests: Option<Manifests>,
    /// Images that are asked before the origin.
    on_disk: Option<Arc<OnDisk>>,
    /// What a bundle that is the origin says about itself.
    inventory: Option<Arc<Inventory>>,
    /// What of that bundle has been read and is sound.
    proven: Option<Arc<Proven>>,
}

#[derive(Clone, Debug)]
enum Origin {
    /// The registries that the references name, or the places that stand in for them.
    Registries(Places),
    /// A bundle.
    Bundle(Bundle),
}

/// A manifest as it came, checked against its digest where one was asked for.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) bytes: Bytes,
    pub(super) digest: Digest,
    pub(super) media_type: MediaType,
}

/// A blob on its way.
#[derive(Debug)]
pub(super) enum Chunks {
    Registry(Box<crate::registry::Blob>),
    Bundle(BlobReader, Option<Box<Proof>>),
    OnDisk(BlobBytes),
}

impl Source {
    /// The registries that the references name, or the places that stand in for them.
    pub fn registries(client: Client, pull_sources: PullSources) -> Self {
        Self {
            origin: Origin::Registries(Places::new(client, pull_sources)),
            manifests: None,
            on_disk: None,
            inventory: None,
            proven: None,
        }
    }

    /// A bundle, and what it says about itself. `proven` is told of each blob that was read and is sound.
    pub fn bundle(bundle: Bundle, inventory: Option<Arc<Inventory>>, proven: Option<Arc<Proven>>) -> Self {
        Self {
            origin: Origin::Bundle(bundle),
            manifests: None,
            on_disk: None,
            inventory,
            proven,
        }
    }

    /// Whether a bundle that is the source does not have it.
    pub(super) fn lacks(&self, digest: &Digest) -> Result<bool, Error> {
        match &self.origin {
            Origin::Registries(_) => Ok(false),
            Origin::Bundle(bundle) => Ok(bundle.blob_size(digest)?.is_none()),
        }
    }

    /// Why a bundle that is the source does not have something, if that is on purpose.
    pub(super) fn left_out(&self, digest: &Digest) -> Result<Option<AbsentReason>, Error> {
        let absent = self.inventory.as_ref().and_then(|i| i.absent.get(digest));
        match absent {
            Some(absent) if self.lacks(digest)? => Ok(Some(absent.reason)),
            _ => Ok(None),
        }
    }

    /// The same, but manifests that are known already are not asked for again.
    #[must_use]
    pub fn remembering(self, manifests: Manifests) -> Self {
        Self {
            manifests: Some(manifests),
            ..self
        }
    }

    /// The same, but images on disk are taken for the names that they have, whoever else has such a name.
    #[must_use]
    pub fn beside(self, images: Vec<Store>) -> Self {
        Self {
            on_disk: (!images.is_empty()).then(|| Arc::new(OnDisk::new(images))),
            ..self
        }
    }

    /// What a name points to on disk.
    pub(super) fn root_on_disk(&self, reference: &Reference) -> Option<&Descriptor> {
        self.on_disk.as_ref()?.root(reference)
    }

    /// A manifest of an image on disk.
    async fn manifest_on_disk(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        match self.on_disk.clone() {
            Some(images) => blocking(move || Ok(images.manifest(&digest)?)).await,
            None => Ok(None),
        }
    }

    /// A blob of an image on disk, from `offset` on.
    async fn blob_on_disk(&self, digest: Digest, offset: u64) -> Result<Option<BlobBytes>, Error> {
        match self.on_disk.clone() {
            Some(images) => blocking(move || Ok(images.blob(&digest, offset)?)).await,
            None => Ok(None),
        }
    }

    fn remembered(&self, digest: &Digest) -> Option<Kept> {
        self.manifests.as_ref()?.get(digest)
    }

    /// Every tag of a repository, sorted.
    pub(super) async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        match &self.origin {
            Origin::Registries(places) => {
                let question = |client: Client, place: Repository| async move { client.tags(&place).await };
                places.ask(repository, false, question).await
            }
            Origin::Bundle(bundle) => {
                let own = bundle.entries().keys().filter(|r| r.repository() == repository);
                let tags: BTreeSet<Tag> = own.filter_map(|r| r.tag().cloned()).collect();
                Ok(tags.into_iter().collect())
            }
        }
    }

    /// The digest that a tag has now, by the cheapest question; `None` if the registry does not say it that way.
    pub(super) async fn tag(&self, reference: &Reference) -> Result<Option<Digest>, Error> {
        if let Some(root) = self.root_on_disk(reference) {
            return Ok(Some(root.digest));
        }
        match &self.origin {
            Origin::Registries(places) => {
                let Some(tag) = reference.tag() else {
                    return Ok(reference.digest().copied());
                };
                let question = |client: Client, place: Repository| async move {
                    client.head_manifest(&place, &tag.clone().into()).await
                };
                let head = places.ask(reference.repository(), false, question).await?;
                Ok(head.and_then(|h| h.digest))
            }
            Origin::Bundle(bundle) => Ok(bundle.entries().get(reference).map(|d| d.digest)),
        }
    }

    /// What a reference points to.
    pub(super) async fn root(&self, reference: &Reference) -> Result<Manifest, Error> {
        if let Some(digest) = reference.digest()
            && let Some(Kept { bytes, media_type }) = self.remembered(digest)
        {
            return Ok(Manifest {
                bytes,
                digest: *digest,
                media_type: media_type.into(),
            });
        }
        if let Some(root) = self.root_on_disk(reference) {
            let bytes = self.manifest_on_disk(root.digest).await?;
            return Ok(Manifest {
                bytes: bytes.ok_or(Error::NotInSource)?,
                digest: root.digest,
                media_type: root.media_type.clone(),
            });
        }
        match &self.origin {
            Origin::Registries(places) => {
                let wanted = &TagOrDigest::of(reference).ok_or(Error::NotInSource)?;
                let question =
                    |client: Client, place: Repository| async move { client.manifest(&place, wanted).await };
                let by_digest = reference.digest().is_some();
                let manifest = places.ask(reference.repository(), by_digest, question).await?;
                Ok(Manifest {
                    digest: manifest.digest,
                    media_type: manifest.media_type.into(),
                    bytes: manifest.bytes,
                })
            }
            Origin::Bundle(bundle) => {
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

    /// The client, where a repository is asked at its own host only, which then knows everything in it.
    pub(super) fn home(&self, repository: &Repository) -> Result<Option<&Client>, Error> {
        match &self.origin {
            Origin::Registries(places) => places.home(repository),
            Origin::Bundle(_) => Ok(None),
        }
    }

    /// What the referrers API lists for a manifest; `None` where there is no such API.
    ///
    /// A bundle names all that it has by references of their own, so nothing is listed here.
    pub(super) async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        match &self.origin {
            Origin::Registries(places) => places.referrers(repository, subject).await,
            Origin::Bundle(_) => Ok(Some(Vec::new())),
        }
    }

    /// What a tag points to; `None` only if the source itself says that there is no such tag.
    pub(super) async fn if_any(&self, reference: &Reference) -> Result<Option<Manifest>, Error> {
        match self.root(reference).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(Error::Registry(error)) if error.is_absent() => Ok(None),
            Err(Error::NotInSource) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A manifest that an index points to.
    pub(super) async fn child(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Bytes, Error> {
        let digest = descriptor.digest;
        if let Some(kept) = self.remembered(&digest) {
            return Ok(kept.bytes);
        }
        if let Some(bytes) = self.manifest_on_disk(digest).await? {
            return Ok(bytes);
        }
        match &self.origin {
            Origin::Registries(places) => {
                let question = |client: Client, place: Repository| async move {
                    client.manifest(&place, &digest.into()).await
                };
                Ok(places.ask(repository, true, question).await?.bytes)
            }
            Origin::Bundle(bundle) => {
                let bundle = bundle.clone();
                blocking(move || Ok(Bytes::from(bundle.manifest(&digest)?))).await
            }
        }
    }

    /// The size that a blob has in bytes, unhashed; `None` where nobody tells.
    pub(super) async fn blob_size(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, Error> {
        if let Some(bytes) = self.blob_on_disk(*digest, 0).await? {
            return Ok(Some(bytes.left()));
        }
        match &self.origin {
            Origin::Registries(places) => {
                let question =
                    |client: Client, place: Repository| async move { client.blob_size(&place, digest).await };
                places.ask(repository, true, question).await
            }
            Origin::Bundle(bundle) => Ok(bundle.blob_size(digest)?),
        }
    }

    /// A blob's bytes from `offset` on.
    pub(super) async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Chunks, Error> {
        if let Some(bytes) = self.blob_on_disk(descriptor.digest, offset).await? {
            return Ok(Chunks::OnDisk(bytes));
        }
        match &self.origin {
            Origin::Registries(places) => {
                let question = |client: Client, place: Repository| async move {
                    match client.blob(&place, descriptor, offset).await {
                        // Registries seldom keep such layers; their descriptors say where they are.
                        Err(error) if error.is_absent() && media_type::is_foreign(&descriptor.media_type) => {
                            client.foreign_blob(&place, descriptor, offset).await
                        }
                        opened => opened,
                    }
                };
                let blob = places.ask(repository, true, question).await?;
                Ok(Chunks::Registry(Box::new(blob)))
            }
            Origin::Bundle(bundle) => {
                let (bundle, descriptor) = (bundle.clone(), descriptor.clone());
                let proof = self.proven.as_ref().filter(|_| offset == 0);
                let proof = proof.map(|proven| Box::new(Proof::of(descriptor.digest, proven)));
                blocking(move || {
                    let reader = bundle.described_blob(&descriptor)?.reader(offset);
                    Ok(Chunks::Bundle(reader, proof))
                })
                .await
            }
        }
    }
}

/// What a bundle has under a reference. One with tag and digest may be entered under its tag.
fn entry<'b>(bundle: &'b Bundle, reference: &Reference) -> Option<&'b Descriptor> {
    let entries = bundle.entries();
    let found = entries.get(reference).or_else(|| {
        let short = Reference::tagged(reference.repository().clone(), reference.tag()?.clone());
        entries
            .get(&short)
            .filter(|d| Some(&d.digest) == reference.digest())
    });
    found.map(|descriptor| &**descriptor)
}

impl Chunks {
    /// Who sends them, for messages.
    pub(super) fn sender(&self) -> String {
        match self {
            Self::Registry(blob) => format!("{}/{}", blob.asked().host, blob.asked().repository),
            Self::Bundle(..) => "the source bundle".to_owned(),
            Self::OnDisk(_) => "an image on disk".to_owned(),
        }
    }

    /// Where the bytes really begin: a registry may send the whole blob though only the rest was asked for.
    pub(super) fn offset(&self, asked: u64) -> u64 {
        match self {
            Self::Registry(blob) => blob.offset(),
            Self::Bundle(..) | Self::OnDisk(_) => asked,
        }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Registry(blob) => Ok(blob.chunk().await?),
            Self::Bundle(reader, proof) => {
                // A read of a local file is short; block_in_place would need a runtime of many threads.
                let piece = reader
                    .next_piece(READ)
                    .map_err(|e| fsx::Error::io("read", "a blob of the source bundle", e))?;
                match proof {
                    Some(proof) if !piece.is_empty() => proof.add(&piece),
                    _ => proof.take().map_or((), |proof| proof.end()),
                }
                Ok((!piece.is_empty()).then(|| piece.into()))
            }
            Self::OnDisk(bytes) => {
                let piece = bytes.next_piece(READ)?;
                Ok((!piece.is_empty()).then(|| piece.into()))
            }
        }
    }
}
