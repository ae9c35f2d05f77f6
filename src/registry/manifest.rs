//! Manifests: read whole, checked, never re-encoded.

use bytes::Bytes;

use super::TagOrDigest;
use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, Kind, What};
use super::scope::{Access, Scopes};
use crate::digest::{Algorithm, Digest};
use crate::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use crate::http::{Body, Method, Request, Response, StatusCode};
use crate::oci::{self, Document, MANIFEST_CAP, media_type};
use crate::reference::Repository;
use crate::secret::printable;

/// The header in which registries name the digest of what they send.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// All of `media_type::ACCEPTED`: without the whole list registries convert or answer 404. Other types come last, for
/// artifacts.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
    */*;q=0.1";

/// A manifest as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes; their digest is [`digest`](Self::digest).
    pub bytes: Bytes,
    /// The media type: the document's own, or else the registry's.
    pub media_type: String,
    /// The digest of the bytes, by the algorithm that was asked for, SHA-256 for a tag.
    pub digest: Digest,
}

impl Manifest {
    /// What the manifest points to.
    pub fn document(&self) -> Result<Document, oci::Error> {
        Document::parse(&self.bytes, Some(&self.media_type))
    }
}

/// What a registry says of a manifest without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The digest, if the registry gives one that is well formed.
    pub digest: Option<Digest>,
    /// The media type, if given.
    pub media_type: Option<String>,
    /// The size in bytes, if given.
    pub size: Option<u64>,
}

impl Client {
    /// The manifest of a tag or digest. Its digest, its type and, for a digest, its identity are checked.
    pub async fn manifest(&self, repository: &Repository, wanted: &TagOrDigest) -> Result<Manifest, Error> {
        let asked = Asked::of(repository, What::Manifest(wanted.clone()));
        self.retrying(&asked, || self.manifest_once(repository, wanted, &asked))
            .await
    }

    async fn manifest_once(
        &self,
        repository: &Repository,
        wanted: &TagOrDigest,
        asked: &Asked,
    ) -> Result<Manifest, Error> {
        let response = self
            .ask_for_manifest(Method::GET, repository, wanted, asked)
            .await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(asked, response).await);
        }
        refuse_encoding(asked, &response)?;
        let header = response.header(CONTENT_TYPE).map(str::to_owned);
        let promised = response.header(CONTENT_DIGEST).map(str::parse::<Digest>);
        let bytes = response.bytes("a manifest", MANIFEST_CAP).await;
        let bytes = bytes.map_err(|error| Error::new(asked, error))?;
        let algorithm = match wanted {
            TagOrDigest::Digest(digest) => digest.algorithm(),
            TagOrDigest::Tag(_) => Algorithm::Sha256,
        };
        let digest = Digest::of(algorithm, &bytes);
        let mut expected = Vec::new();
        if let TagOrDigest::Digest(digest) = wanted {
            expected.push(*digest);
        }
        // A digest of another algorithm, or none that can be read, says nothing about these bytes.
        expected.extend(
            promised
                .and_then(Result::ok)
                .filter(|p| p.algorithm() == algorithm),
        );
        if let Some(expected) = expected.into_iter().find(|expected| *expected != digest) {
            let found = digest;
            return Err(Error::new(asked, Kind::DigestMismatch { expected, found }));
        }
        let media_type = checked_type(&bytes, header.as_deref()).map_err(|error| Error::new(asked, error))?;
        Ok(Manifest {
            bytes,
            media_type,
            digest,
        })
    }

    /// What the registry says of a manifest, `None` on 404.
    ///
    /// A `HEAD` answer has no body, so its 404 cannot be told from that of a proxy: `None` means "push it", or "ask
    /// [`manifest`](Self::manifest), which can tell", and never "it does not exist".
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        wanted: &TagOrDigest,
    ) -> Result<Option<Head>, Error> {
        let asked = Asked::of(repository, What::Manifest(wanted.clone()));
        self.retrying(&asked, || async {
            let response = self
                .ask_for_manifest(Method::HEAD, repository, wanted, &asked)
                .await?;
            match response.status() {
                StatusCode::OK => Ok(Some(Head {
                    digest: response.header(CONTENT_DIGEST).and_then(|text| text.parse().ok()),
                    media_type: response.header(CONTENT_TYPE).map(bare_type),
                    size: response.content_length(),
                })),
                StatusCode::NOT_FOUND => Ok(None),
                _ => Err(refusal(&asked, response).await),
            }
        })
        .await
    }

    async fn ask_for_manifest(
        &self,
        method: Method,
        repository: &Repository,
        wanted: &TagOrDigest,
        asked: &Asked,
    ) -> Result<Response, Error> {
        let url = self.url(asked, &format!("v2/{}/manifests/{wanted}", repository.path()))?;
        let mut request = Request::new(method, url);
        request.headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        request
            .headers
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let scopes = Scopes::repository(repository.path(), Access::Pull);
        self.call(asked, &scopes, request).await
    }

    /// Pushes the bytes of a manifest under a tag or its digest. Children and blobs must be there before.
    ///
    /// The bytes go out as they are. A registry that reports another digest for them has changed them, which is an error.
    pub async fn push_manifest(
        &self,
        repository: &Repository,
        bytes: &Bytes,
        media_type: &str,
        at: &TagOrDigest,
    ) -> Result<(), Error> {
        let asked = Asked::of(repository, What::PushManifest(at.clone()));
        if let TagOrDigest::Digest(expected) = at {
            let found = Digest::of(expected.algorithm(), bytes);
            if found != *expected {
                let expected = *expected;
                return Err(Error::new(&asked, Kind::DigestMismatch { expected, found }));
            }
        }
        self.retrying(&asked, || {
            self.push_manifest_once(repository, bytes, media_type, at, &asked)
        })
        .await
    }

    async fn push_manifest_once(
        &self,
        repository: &Repository,
        bytes: &Bytes,
        media_type: &str,
        at: &TagOrDigest,
        asked: &Asked,
    ) -> Result<(), Error> {
        let url = self.url(asked, &format!("v2/{}/manifests/{at}", repository.path()))?;
        let mut request = Request::new(Method::PUT, url);
        let problem = "the media type has characters that no header may have";
        let media_type =
            HeaderValue::from_str(media_type).map_err(|_| Error::new(asked, Kind::Protocol { problem }))?;
        request.headers.insert(CONTENT_TYPE, media_type);
        request.body = Body::Bytes(bytes.clone());
        let scopes = Scopes::repository(repository.path(), Access::Push);
        let response = self.call(asked, &scopes, request).await?;
        if !response.status().is_success() {
            return Err(refusal(asked, response).await);
        }
        let stored = response
            .header(CONTENT_DIGEST)
            .and_then(|text| text.parse::<Digest>().ok());
        if let Some(stored) = stored {
            let ours = Digest::of(stored.algorithm(), bytes);
            if stored != ours {
                let (expected, found) = (ours, stored);
                return Err(Error::new(asked, Kind::DigestMismatch { expected, found }));
            }
        }
        Ok(())
    }
}

/// The media type of a document that two readers cannot read in two ways. A document of a type that is not known is
/// opaque: it is carried as it is.
fn checked_type(bytes: &[u8], header: Option<&str>) -> Result<String, oci::Error> {
    match Document::parse(bytes, header) {
        Ok(document) => Ok(document.media_type),
        Err(error @ (oci::Error::Json(_) | oci::Error::Empty)) => {
            let header = header.map(bare_type).unwrap_or_default();
            let known = media_type::ACCEPTED.contains(&header.as_str());
            let says_nothing = matches!(
                header.as_str(),
                "" | "application/json" | "application/octet-stream" | "text/html" | "text/plain"
            );
            if known || says_nothing {
                Err(error)
            } else {
                Ok(header)
            }
        }
        Err(error) => Err(error),
    }
}

/// A media type without its parameters.
fn bare_type(text: &str) -> String {
    text.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// Refuses an answer whose bytes were changed on the way, however well they are meant.
pub(super) fn refuse_encoding(asked: &Asked, response: &Response) -> Result<(), Error> {
    match response.header("content-encoding").map(str::trim) {
        None | Some("" | "identity") => Ok(()),
        Some(encoding) => {
            let encoding = printable(encoding, 40);
            Err(Error::new(asked, Kind::Encoded { encoding }))
        }
    }
}
