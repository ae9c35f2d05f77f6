//! Blobs on their way up: present, mounted or uploaded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, Kind, What};
use super::scope::{Access, Scopes};
use super::upload::{Upload, session_url};
use crate::http::header::{HeaderValue, LOCATION};
use crate::http::{Method, Request, Response, Source, StatusCode};
use crate::oci::Descriptor;
use crate::reference::Repository;

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// It was there.
    Present,
    /// The registry linked it from another of its repositories.
    Mounted,
    /// Its bytes were sent.
    Uploaded,
}

/// A blob that a registry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// How it came there.
    pub landed: Landed,
    /// Bytes that went over the wire for it, those of failed tries included.
    pub sent: u64,
}

/// A blob of at most so many bytes costs no more to send than to ask for.
const CHEAP: u64 = 32 << 10;

/// How an upload begins.
enum Opened {
    /// The registry had the blob in this repository, or has linked it.
    There(Landed),
    /// The registry awaits the bytes here.
    Session(Box<Upload>),
}

impl Client {
    /// Brings a blob into a repository: nothing if it is there, a mount if `mount_from` (another repository of the same
    /// registry that has it) is given and the registry can, the bytes of `source` otherwise.
    ///
    /// The whole blob goes in one request; registries and proxies that refuse that get it in chunks. Every try opens
    /// `source` anew.
    pub async fn push_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        source: Arc<dyn Source>,
        mount_from: Option<&Repository>,
    ) -> Result<Pushed, Error> {
        let asked = Asked::of(repository, What::PushBlob(descriptor.digest));
        let mut tries = 0;
        self.retrying(&asked, || {
            tries += 1;
            self.push_blob_once(repository, descriptor, &source, mount_from, tries, &asked)
        })
        .await
    }

    async fn push_blob_once(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        source: &Arc<dyn Source>,
        mount_from: Option<&Repository>,
        tries: u32,
        asked: &Asked,
    ) -> Result<Pushed, Error> {
        let mut upload = match self
            .find_or_open(repository, descriptor, mount_from, asked)
            .await?
        {
            Opened::Session(upload) => upload,
            Opened::There(landed) => return Ok(Pushed { landed, sent: 0 }),
        };
        if !self.wants_chunks(&asked.host) {
            match upload.whole(self, descriptor, source).await {
                Ok(()) => {
                    let landed = Landed::Uploaded;
                    let sent = descriptor.size;
                    return Ok(Pushed { landed, sent });
                }
                Err(error) if asks_for_chunks(&error, tries) => {
                    upload.abort(self).await;
                    self.remember_chunks(&asked.host);
                    upload = match self.open(repository, descriptor, None, asked).await? {
                        Opened::Session(upload) => upload,
                        Opened::There(landed) => return Ok(Pushed { landed, sent: 0 }),
                    };
                }
                Err(error) => {
                    upload.abort(self).await;
                    return Err(error);
                }
            }
        }
        if let Err(error) = upload.in_chunks(self, descriptor, source).await {
            upload.abort(self).await;
            return Err(error);
        }
        // The position after each chunk was the registry's word; this is its answer to what it has.
        if self
            .has_blob_once(repository, descriptor, Access::Push, asked)
            .await?
        {
            let landed = Landed::Uploaded;
            let sent = descriptor.size;
            return Ok(Pushed { landed, sent });
        }
        Err(Error::new(asked, Kind::NotStored))
    }

    /// Asks the registry to link a blob from another of its repositories. `false` if it would rather have the bytes.
    pub async fn mount(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        from: &Repository,
    ) -> Result<bool, Error> {
        let asked = Asked::of(repository, What::PushBlob(descriptor.digest));
        self.retrying(&asked, || async {
            match self.open(repository, descriptor, Some(from), &asked).await? {
                Opened::There(_) => Ok(true),
                Opened::Session(mut upload) => {
                    upload.abort(self).await;
                    Ok(false)
                }
            }
        })
        .await
    }

    /// Whether we may push into a repository: begins an upload and gives it up. Nothing is left behind.
    pub async fn try_push(&self, repository: &Repository) -> Result<(), Error> {
        let asked = Asked::of(repository, What::Push);
        let nothing = Descriptor::new("application/octet-stream", crate::digest::Digest::sha256(b""), 0);
        self.retrying(&asked, || async {
            if let Opened::Session(mut upload) = self.open(repository, &nothing, None, &asked).await? {
                upload.abort(self).await;
            }
            Ok(())
        })
        .await
    }

    /// Asks whether the blob is there, and begins its upload if it is not.
    async fn find_or_open(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        mount_from: Option<&Repository>,
        asked: &Asked,
    ) -> Result<Opened, Error> {
        let is_cheap = mount_from.is_none() && descriptor.size <= CHEAP;
        if is_cheap
            && self.may_begin_unasked(repository)
            && let Some(opened) = self.begin_unasked(repository, descriptor, asked).await?
        {
            return Ok(opened);
        }
        if self
            .has_blob_once(repository, descriptor, Access::Push, asked)
            .await?
        {
            return Ok(Opened::There(Landed::Present));
        }
        lock(&self.inner.lacking).insert(repository.clone());
        self.open(repository, descriptor, mount_from, asked).await
    }

    /// Whether a blob was not there in this repository, so that others will hardly be, and the registry knows mounts.
    fn may_begin_unasked(&self, repository: &Repository) -> bool {
        lock(&self.inner.lacking).contains(repository)
            && lock(&self.inner.mounting).contains(repository.host())
    }

    /// Question and beginning in one request: a mount of the blob from the very repository that shall have it. `None` if
    /// the registry does not like that. One that would rather have the bytes again gets them, which is why only small blobs
    /// go this way.
    async fn begin_unasked(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        asked: &Asked,
    ) -> Result<Option<Opened>, Error> {
        let scopes = Scopes::repository(repository.path(), Access::Push);
        let response = self
            .post(repository, descriptor, Some(repository), &scopes, asked)
            .await?;
        match response.status() {
            StatusCode::ACCEPTED => Ok(Some(session(&response, scopes, asked)?)),
            StatusCode::CREATED => {
                drop(response);
                let is_there = self.has_blob_once(repository, descriptor, Access::Push, asked);
                Ok(is_there.await?.then_some(Opened::There(Landed::Present)))
            }
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                lock(&self.inner.mounting).remove(repository.host());
                Ok(None)
            }
            _ => Err(refusal(asked, response).await),
        }
    }

    /// Begins an upload, with a mount if there is a repository to mount from.
    async fn open(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        mount_from: Option<&Repository>,
        asked: &Asked,
    ) -> Result<Opened, Error> {
        let from = mount_from.filter(|from| from.host() == repository.host() && *from != repository);
        let plain = Scopes::repository(repository.path(), Access::Push);
        if let Some(from) = from {
            let scopes = plain.clone().and_pull(from.path());
            let response = self
                .post(repository, descriptor, Some(from), &scopes, asked)
                .await?;
            match response.status() {
                StatusCode::CREATED => {
                    lock(&self.inner.mounting).insert(repository.host().to_owned());
                    return Ok(Opened::There(Landed::Mounted));
                }
                StatusCode::ACCEPTED => return session(&response, scopes, asked),
                // No right to the other repository, or mounts are not known: the bytes will do.
                status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    drop(response);
                }
                _ => return Err(refusal(asked, response).await),
            }
        }
        let response = self.post(repository, descriptor, None, &plain, asked).await?;
        match response.status() {
            StatusCode::ACCEPTED => session(&response, plain, asked),
            // Some registries know the blob and say so at once.
            StatusCode::CREATED => Ok(Opened::There(Landed::Mounted)),
            _ => Err(refusal(asked, response).await),
        }
    }

    async fn post(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        from: Option<&Repository>,
        scopes: &Scopes,
        asked: &Asked,
    ) -> Result<Response, Error> {
        let mut url = self.url(asked, &format!("v2/{}/blobs/uploads/", repository.path()))?;
        if let Some(from) = from {
            url.query_pairs_mut()
                .append_pair("mount", &descriptor.digest.to_string())
                .append_pair("from", from.path());
        } else if descriptor.digest.algorithm() != crate::digest::Algorithm::Sha256 {
            url.query_pairs_mut()
                .append_pair("digest-algorithm", descriptor.digest.algorithm().name());
        }
        let mut request = Request::new(Method::POST, url);
        request
            .headers
            .insert(crate::http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        self.call(asked, scopes, request).await
    }

    fn wants_chunks(&self, host: &str) -> bool {
        lock(&self.inner.chunked).contains(host)
    }

    fn remember_chunks(&self, host: &str) {
        lock(&self.inner.chunked).insert(host.to_owned());
    }
}

fn lock<T>(set: &Mutex<T>) -> MutexGuard<'_, T> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session(response: &Response, scopes: Scopes, asked: &Asked) -> Result<Opened, Error> {
    let location = response.headers().get(LOCATION);
    let problem = "an upload was accepted without a Location";
    let location = location.ok_or_else(|| Error::new(asked, Kind::Protocol { problem }))?;
    let url = session_url(response.url(), location.as_bytes(), asked)?;
    let least = response
        .header("oci-chunk-min-length")
        .and_then(|text| text.trim().parse().ok());
    Ok(Opened::Session(Box::new(Upload::new(
        asked.clone(),
        scopes,
        url,
        least,
    ))))
}

/// Whether a refused or broken upload of a whole blob may go through in chunks: the registry or a proxy says that it is
/// too much at once, or the body was cut for the second time.
fn asks_for_chunks(error: &Error, tries: u32) -> bool {
    match error.kind() {
        Kind::Refused { status, .. } => match status.as_u16() {
            413 | 416 => true,
            502 | 504 => tries > 1,
            _ => false,
        },
        Kind::Http(error) => tries > 1 && error.was_connected(),
        _ => false,
    }
}
