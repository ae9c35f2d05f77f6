//! What a push takes from: a bundle, or registries whose manifests were just resolved.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use crate::bundle::{self, Absent, AbsentReason, Bundle, Inventory, Referrers};
use crate::digest::Digest;
use crate::http::{BoxedRead, OpeningSource};
use crate::observe::Observer;
use crate::oci::{Descriptor, Document};
use crate::reference::{Reference, Repository};

use super::inspection::{Inspection, Taken};
use super::payload::Payload;
use super::source::Chunks;
use super::{Error, Manifests, Plan, Source, State, blocking};

/// How often a stream from a registry is opened again where it brought nothing new.
const TRIES: u32 = 4;

/// What a push takes from.
#[derive(Clone, Debug)]
pub enum Stock {
    /// A bundle on disk.
    Bundle {
        /// The bundle.
        bundle: Bundle,
        /// What it says about itself.
        inventory: Option<Arc<Inventory>>,
        /// Who hashes its blobs before they are sent; nobody if all of them were hashed already.
        inspection: Option<Arc<Inspection>>,
    },
    /// Registries.
    Registries(Arc<Resolved>),
}

/// References whose manifests are in memory and whose blobs are still at their registries.
#[derive(Debug)]
pub struct Resolved {
    source: Source,
    manifests: Manifests,
    roots: BTreeMap<Reference, Descriptor>,
    offers: HashMap<Digest, Vec<Repository>>,
    absent: BTreeMap<Digest, Absent>,
}

impl Stock {
    /// What `plan` resolved from `source`, whose manifests were kept in `manifests`.
    pub fn resolved(plan: &Plan, source: Source, manifests: Manifests) -> Self {
        let mut roots = BTreeMap::new();
        for item in &plan.items {
            if let State::Resolved { root, attached, .. } = &item.state {
                roots.extend(attached.clone());
                roots.insert(item.key.clone(), (**root).clone());
            }
        }
        let offers = plan.blobs.iter();
        Self::Registries(Arc::new(Resolved {
            source,
            manifests,
            roots,
            offers: offers
                .map(|b| (b.descriptor.digest, b.repositories.clone()))
                .collect(),
            absent: plan.absent.clone(),
        }))
    }

    /// What a reference points to.
    pub(super) fn root(&self, reference: &Reference) -> Option<&Descriptor> {
        match self {
            Self::Bundle { bundle, .. } => bundle.entries().get(reference).map(|root| &**root),
            Self::Registries(resolved) => resolved.roots.get(reference),
        }
    }

    /// What of all this is about a manifest: signatures, attestations, SBOMs.
    pub(super) fn referrers(&self) -> Result<Referrers, Error> {
        match self {
            Self::Bundle { bundle, .. } => Ok(bundle.referrers()?),
            // What cannot be read is a failed item in a moment.
            Self::Registries(resolved) => Referrers::among(&resolved.roots, |descriptor| {
                Ok(self.document(descriptor).ok().map(|(_, document)| document))
            }),
        }
    }

    /// A manifest's size in bytes, and what it points to.
    pub(super) fn document(&self, descriptor: &Descriptor) -> Result<(u64, Document), Error> {
        let Descriptor {
            digest, media_type, ..
        } = descriptor;
        match self {
            Self::Bundle { bundle, .. } => {
                let (bytes, document) = bundle.document(digest, media_type)?;
                Ok((bytes.len() as u64, document))
            }
            Self::Registries(resolved) => {
                let bytes = resolved.manifest(digest)?;
                let called = Some(media_type.as_str()).filter(|t| !t.is_empty());
                let document =
                    Document::parse_or_opaque(&bytes, called).map_err(|source| Error::Manifest {
                        digest: *digest,
                        source,
                    })?;
                Ok((bytes.len() as u64, document))
            }
        }
    }

    /// Whether a blob or manifest can be had here.
    pub(super) fn holds(&self, digest: &Digest) -> Result<bool, Error> {
        match self {
            Self::Bundle { bundle, .. } => Ok(bundle.blob_size(digest)?.is_some()),
            Self::Registries(resolved) => {
                Ok(resolved.offers.contains_key(digest) || resolved.manifests.get(digest).is_some())
            }
        }
    }

    /// Why something was left out on purpose.
    pub(super) fn left_out(&self, digest: &Digest) -> Option<AbsentReason> {
        let absent = match self {
            Self::Bundle { inventory, .. } => &inventory.as_ref()?.absent,
            Self::Registries(resolved) => &resolved.absent,
        };
        Some(absent.get(digest)?.reason)
    }

    /// The repositories of a registry that earlier imports filled, by the receipts that travel along.
    pub(super) fn repositories_on(&self, registry: &str) -> Vec<Repository> {
        // A receipt comes from a drive, and is a help only: one that cannot be read, a place that is no name, or another
        // host's, is left alone.
        let receipts = match self {
            Self::Bundle { bundle, .. } => bundle.receipts().unwrap_or_default(),
            Self::Registries(_) => Vec::new(),
        };
        let places = receipts.iter().flat_map(|receipt| receipt.references.values());
        let repositories: BTreeSet<Repository> = places
            .filter_map(|place| place.parse::<Reference>().ok())
            .map(|place| place.repository().clone())
            .filter(|repository| repository.host() == registry)
            .collect();
        repositories.into_iter().collect()
    }

    /// A manifest's bytes.
    pub(super) async fn manifest(&self, digest: Digest) -> Result<Bytes, Error> {
        match self {
            Self::Bundle { bundle, .. } => {
                let bundle = bundle.clone();
                blocking(move || Ok(Bytes::from(bundle.manifest(&digest)?))).await
            }
            Self::Registries(resolved) => resolved.manifest(&digest),
        }
    }

    /// A blob as the body of a request, or what is wrong with it. An error ends the whole run.
    pub(super) async fn take(
        &self,
        descriptor: &Descriptor,
        observer: &Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<Taken, Error> {
        Ok(Taken::Sound(match self {
            Self::Bundle {
                bundle,
                inspection: Some(inspection),
                ..
            } => return inspection.take(bundle, descriptor, observer, cancel).await,
            Self::Bundle { bundle, .. } => Arc::new(Payload::new(bundle.clone(), descriptor.clone())),
            Self::Registries(resolved) => Arc::new(Offered {
                repositories: resolved
                    .offers
                    .get(&descriptor.digest)
                    .cloned()
                    .unwrap_or_default(),
                source: resolved.source.clone(),
                descriptor: descriptor.clone(),
            }),
        }))
    }

    /// Whether the observer is told of a blob's bytes as they are read from the drive.
    pub(super) fn tells_what_is_read(&self) -> bool {
        matches!(
            self,
            Self::Bundle {
                inspection: Some(_),
                ..
            }
        )
    }
}

impl Resolved {
    fn manifest(&self, digest: &Digest) -> Result<Bytes, Error> {
        let missing = || bundle::Error::BlobMissing { digest: *digest };
        Ok(self.manifests.get(digest).ok_or_else(missing)?.bytes)
    }
}

/// A blob at registries, as the body of a request to another one.
///
/// Nothing of it touches a disk. The target hashes it and refuses it if it is not what its digest says.
#[derive(Clone, Debug)]
struct Offered {
    source: Source,
    descriptor: Descriptor,
    repositories: Vec<Repository>,
}

impl Offered {
    /// The bytes from `offset` on, from the first repository that gives them.
    async fn chunks(&self, offset: u64) -> Result<Chunks, Error> {
        let mut last = Error::NotInSource;
        for repository in &self.repositories {
            match self.source.blob(repository, &self.descriptor, offset).await {
                Ok(chunks) => return Ok(chunks),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl crate::http::Source for Offered {
    fn open(&self, offset: u64) -> OpeningSource<'_> {
        Box::pin(async move {
            let flow = Flow::begin(self, offset).await.map_err(io::Error::other)?;
            let stream: BoxedRead = Box::pin(stream::unfold(Some(flow), |flow| async move {
                let mut flow = flow?;
                match flow.next().await {
                    Ok(Some(bytes)) => Some((Ok(bytes), Some(flow))),
                    Ok(None) => None,
                    Err(error) => Some((Err(io::Error::other(error)), None)),
                }
            }));
            Ok(stream)
        })
    }
}

/// A blob that flows from one registry to another. Where it breaks it goes on, as long as something new comes.
struct Flow {
    offered: Offered,
    chunks: Chunks,
    /// Where the next bytes belong.
    position: u64,
    /// Where `chunks` stands: before `position` if the registry does not resume.
    reached: u64,
    tries: u32,
}

impl Flow {
    async fn begin(offered: &Offered, offset: u64) -> Result<Self, Error> {
        let chunks = offered.chunks(offset).await?;
        Ok(Self {
            reached: chunks.offset(offset),
            position: offset,
            offered: offered.clone(),
            chunks,
            tries: 0,
        })
    }

    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.chunks.next().await {
                Ok(None) => return Ok(None),
                Ok(Some(mut bytes)) => {
                    let length = bytes.len() as u64;
                    let known = (self.position - self.reached).min(length);
                    self.reached += length;
                    // No more than `length`, which fits memory.
                    drop(bytes.split_to(usize::try_from(known).unwrap_or(bytes.len())));
                    if !bytes.is_empty() {
                        self.position = self.reached;
                        self.tries = 0;
                        return Ok(Some(bytes));
                    }
                }
                Err(error) if error.is_transient() && self.tries < TRIES => {
                    self.tries += 1;
                    self.chunks = self.offered.chunks(self.position).await?;
                    self.reached = self.chunks.offset(self.position);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
