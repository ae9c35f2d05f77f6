//! After the manifests: the target must list what refers to what, or nobody inside finds a signature.
//!
//! A registry with the referrers API lists by itself what it was sent. Where there is none, the tag that stands in for
//! it is kept by us, and what a site has listed there itself stays.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::bundle::Referrers;
use crate::digest::Digest;
use crate::mirrors::Placed;
use crate::oci::{Attachment, Descriptor, Document, MediaType};
use crate::reference::Repository;
use crate::registry::{Client, TagOrDigest};

use super::{Error, Stock};

/// What refers to one manifest at one place of the target.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    repository: Repository,
    subject: Digest,
    /// Manifests with the media types that their descriptors gave, and the numbers of the items that bring them.
    referrers: BTreeMap<Digest, (MediaType, usize)>,
    /// The list as upstream has it under its tag, and the item that brings it.
    original: Option<(Digest, usize)>,
}

/// Lists on their way, by place and subject.
#[derive(Debug, Default)]
pub(super) struct Listings(BTreeMap<(Repository, Digest), Listing>);

impl Listings {
    /// Adds what an item brings, if it brings something that a list must have.
    pub(super) fn add(
        &mut self,
        referrers: &Referrers,
        placed: &Placed,
        repository: &Repository,
        number: usize,
    ) {
        for (subject, referrer) in referrers.through(&placed.source) {
            if !matches!(referrer.by, Attachment::Subject | Attachment::List) {
                continue;
            }
            let place = (repository.clone(), *subject);
            let listing = self.0.entry(place).or_insert_with(|| Listing {
                repository: repository.clone(),
                subject: *subject,
                referrers: BTreeMap::new(),
                original: None,
            });
            if referrer.by == Attachment::List {
                listing.original = Some((referrer.digest, number));
            } else {
                let brought = (referrer.media_type.clone(), number);
                listing.referrers.insert(referrer.digest, brought);
            }
        }
    }

    pub(super) fn into_vec(self) -> Vec<Listing> {
        self.0.into_values().collect()
    }
}

/// A referrer with the bytes of its manifest.
struct Carried {
    descriptor: Descriptor,
    media_type: String,
    bytes: Bytes,
    names_subject: bool,
}

impl Carried {
    /// Whether a registry that lists what names the subject does not list this.
    fn is_missing_from(&self, listed: &[Descriptor]) -> bool {
        self.names_subject && !listed.iter().any(|l| l.digest == self.descriptor.digest)
    }
}

impl Listing {
    /// Takes out what failed items would have brought; tells whether anything is left.
    pub(super) fn without(&mut self, failed: &BTreeMap<usize, String>) -> bool {
        self.referrers
            .retain(|_, (_, number)| !failed.contains_key(number));
        self.original = self.original.filter(|(_, number)| !failed.contains_key(number));
        !self.referrers.is_empty() || self.original.is_some()
    }

    /// The numbers of the items that bring something to this list.
    pub(super) fn items(&self) -> impl Iterator<Item = usize> {
        let referrers = self.referrers.values().map(|(_, number)| *number);
        referrers.chain(self.original.iter().map(|(_, number)| *number))
    }

    /// Sees to it that the target lists everything, and asks it.
    pub(super) async fn settle(&self, client: &Client, stock: &Stock) -> Result<(), Error> {
        let carried = self.carried(stock).await?;
        let original = self.original_bytes(stock).await?;
        if let Some(listed) = client.listed_referrers(&self.repository, &self.subject).await? {
            self.check_listed(client, &carried, &listed).await?;
            if original.is_none() {
                return Ok(());
            }
        }
        let own: Vec<Descriptor> = carried.into_iter().map(|c| c.descriptor).collect();
        client
            .keep_list(&self.repository, &self.subject, &own, original.as_ref())
            .await?;
        Ok(())
    }

    /// Everything that names the subject must be in the registry's own list.
    async fn check_listed(
        &self,
        client: &Client,
        carried: &[Carried],
        listed: &[Descriptor],
    ) -> Result<(), Error> {
        let missing: Vec<&Carried> = carried.iter().filter(|c| c.is_missing_from(listed)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // It may have them from the time before it had the API: what is sent again is listed.
        for referrer in &missing {
            let at = TagOrDigest::Digest(referrer.descriptor.digest);
            client
                .push_manifest(&self.repository, &referrer.bytes, &referrer.media_type, &at)
                .await?;
        }
        let listed = client
            .listed_referrers(&self.repository, &self.subject)
            .await?
            .unwrap_or_default();
        match missing.into_iter().find(|c| c.is_missing_from(&listed)) {
            None => Ok(()),
            Some(lost) => Err(Error::Unlisted {
                digest: lost.descriptor.digest,
                subject: self.subject,
                repository: self.repository.to_string(),
            }),
        }
    }

    async fn carried(&self, stock: &Stock) -> Result<Vec<Carried>, Error> {
        let mut carried = Vec::new();
        for (digest, (media_type, _)) in &self.referrers {
            let bytes = stock.manifest(*digest).await?;
            let called = Some(media_type.as_str()).filter(|t| !t.is_empty());
            let document = Document::parse(&bytes, called).map_err(|source| Error::Manifest {
                digest: *digest,
                source,
            })?;
            carried.push(Carried {
                names_subject: document
                    .subject
                    .as_ref()
                    .is_some_and(|s| s.digest == self.subject),
                descriptor: described(digest, bytes.len() as u64, &document),
                media_type: document.media_type,
                bytes,
            });
        }
        Ok(carried)
    }

    async fn original_bytes(&self, stock: &Stock) -> Result<Option<Bytes>, Error> {
        match self.original {
            Some((digest, _)) => Ok(Some(stock.manifest(digest).await?)),
            None => Ok(None),
        }
    }
}

/// A referrer as lists describe it: with its artifact type and all its annotations.
fn described(digest: &Digest, size: u64, document: &Document) -> Descriptor {
    let mut descriptor = Descriptor::new(document.media_type.clone(), *digest, size);
    descriptor.artifact_type.clone_from(&document.artifact_type);
    descriptor.annotations.clone_from(&document.annotations);
    descriptor
}
