//! Blobs on their way down, from any offset.

use bytes::{Bytes, BytesMut};

use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, Kind, What};
use super::manifest::{CONTENT_DIGEST, refuse_encoding};
use super::scope::{Access, Scopes};
use crate::digest::Digest;
use crate::http::header::{ACCEPT_ENCODING, CONTENT_RANGE, HeaderValue, RANGE};
use crate::http::{self, Method, Request, Response, StatusCode};
use crate::oci::Descriptor;
use crate::reference::Repository;

/// Places of a foreign layer that are tried.
const FOREIGN_PLACES: usize = 4;

/// A blob that is being read. The bytes are not hashed here: whoever writes them does that.
#[derive(Debug)]
pub struct Blob {
    asked: Asked,
    response: Option<Response>,
    offset: u64,
    left: u64,
    size: u64,
}

impl Blob {
    /// The question that it answers: whose bytes these are.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Where the bytes begin: the offset that was asked for, or 0 if the server does not resume. Whoever kept a prefix
    /// must begin anew then.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, `None` at the end. An end before the descriptor's size is an error that is worth another try; a
    /// byte more than that size is an error too.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(response) = &mut self.response else {
            return Ok(None);
        };
        let next = response.chunk().await;
        let Some(bytes) = next.map_err(|error| Error::new(&self.asked, error))? else {
            self.response = None;
            if self.left == 0 {
                return Ok(None);
            }
            let error = http::Error::CutShort {
                host: self.asked.host.clone(),
                received: self.size - self.left,
                expected: self.size,
            };
            return Err(Error::new(&self.asked, error));
        };
        let length = bytes.len() as u64;
        if length > self.left {
            let found = self.size - self.left + length;
            let expected = self.size;
            self.response = None;
            return Err(Error::new(&self.asked, Kind::SizeMismatch { expected, found }));
        }
        self.left -= length;
        Ok(Some(bytes))
    }
}

impl Client {
    /// Opens a blob at `offset`. An answer that cannot be joined to a prefix of `offset` bytes is never given out as if
    /// it could: a wrong range is asked for again from the start, and [`Blob::offset`] tells.
    ///
    /// Opening is tried again by the policy; a break in the middle is an error, after which the caller opens again at
    /// the offset that it reached.
    pub async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Blob, Error> {
        let asked = Asked::of(repository, What::Blob(descriptor.digest));
        if offset != 0 && offset == descriptor.size {
            return Ok(Blob {
                asked,
                response: None,
                offset,
                left: 0,
                size: descriptor.size,
            });
        }
        let offset = if offset < descriptor.size { offset } else { 0 };
        self.retrying(&asked, || self.open_blob(repository, descriptor, offset, &asked))
            .await
    }

    async fn open_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
        asked: &Asked,
    ) -> Result<Blob, Error> {
        let mut response = self
            .ask_for_blob(Method::GET, repository, descriptor, offset, asked)
            .await?;
        let mut start = offset;
        if offset > 0 && !continues(&response, offset, descriptor.size) {
            start = 0;
            if response.status() == StatusCode::PARTIAL_CONTENT
                || response.status() == StatusCode::RANGE_NOT_SATISFIABLE
            {
                drop(response);
                response = self
                    .ask_for_blob(Method::GET, repository, descriptor, 0, asked)
                    .await?;
            }
        }
        let expected_status = if start > 0 {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        if response.status() != expected_status {
            if response.status().is_success() {
                let problem = "a part of the blob was sent where all of it was asked for";
                return Err(Error::new(asked, Kind::Protocol { problem }));
            }
            return Err(refusal(asked, response).await);
        }
        began(asked, response, descriptor, start)
    }

    /// A foreign layer from the places that its descriptor names, in their order, without any credential: who writes
    /// the descriptor must not learn who we are (CVE-2020-15157). The last place's error is returned if none has it.
    pub async fn foreign_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Blob, Error> {
        let asked = Asked::of(repository, What::Blob(descriptor.digest));
        let problem = "the layer is not kept in registries, and its descriptor names no usable place";
        let mut failed = Error::new(&asked, Kind::Protocol { problem });
        let urls = descriptor.urls.iter().take(FOREIGN_PLACES);
        for url in urls.filter_map(|url| http::Url::parse(url).ok()) {
            let host = url.host_str().unwrap_or_default().to_owned();
            if url.scheme() != "https" && !(url.scheme() == "http" && self.inner.http.is_plain(&place(&url)))
            {
                continue;
            }
            let asked = Asked {
                host,
                ..asked.clone()
            };
            let opened = self.retrying(&asked, || self.open_foreign(&url, descriptor, offset, &asked));
            match opened.await {
                Ok(blob) => return Ok(blob),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn open_foreign(
        &self,
        url: &http::Url,
        descriptor: &Descriptor,
        offset: u64,
        asked: &Asked,
    ) -> Result<Blob, Error> {
        let mut url = url.clone();
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let offset = if offset < descriptor.size { offset } else { 0 };
        let request = ranged(Request::get(url), offset, asked)?;
        let response = self.inner.http.send(&request).await;
        let response = response.map_err(|error| Error::new(asked, error))?;
        let start = if offset > 0 && continues(&response, offset, descriptor.size) {
            offset
        } else {
            0
        };
        if start == 0 && response.status() != StatusCode::OK {
            return Err(refusal(asked, response).await);
        }
        began(asked, response, descriptor, start)
    }

    /// A whole small blob, such as an image's configuration, checked against its descriptor. One that is longer than
    /// `cap` bytes is refused before it is asked for.
    pub async fn blob_bytes(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        cap: u64,
    ) -> Result<Bytes, Error> {
        let asked = Asked::of(repository, What::Blob(descriptor.digest));
        if descriptor.size > cap {
            let error = http::Error::TooLong {
                host: asked.host.clone(),
                what: "a blob",
                cap,
            };
            return Err(Error::new(&asked, error));
        }
        self.retrying(&asked, || async {
            let mut blob = self.open_blob(repository, descriptor, 0, &asked).await?;
            let mut bytes = BytesMut::new();
            while let Some(chunk) = blob.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            let found = Digest::of(descriptor.digest.algorithm(), &bytes);
            if found != descriptor.digest {
                let expected = descriptor.digest;
                return Err(Error::new(&asked, Kind::DigestMismatch { expected, found }));
            }
            Ok(bytes.freeze())
        })
        .await
    }

    /// Whether the registry has the blob with the descriptor's size. A 404 is `false`: at worst a blob is pushed that
    /// was there. Another size is `false` too, so that it is pushed anew; one that the registry does not tell is no other.
    pub async fn has_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, Error> {
        let asked = Asked::of(repository, What::Blob(descriptor.digest));
        self.retrying(&asked, || {
            self.has_blob_once(repository, descriptor, Access::Pull, &asked)
        })
        .await
    }

    pub(super) async fn has_blob_once(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        access: Access,
        asked: &Asked,
    ) -> Result<bool, Error> {
        let head = self
            .head_blob(repository, &descriptor.digest, access, asked)
            .await?;
        let size = head.map(|response| response.content_length());
        Ok(size.is_some_and(|size| size.is_none_or(|size| size == descriptor.size)))
    }

    /// The size of a blob as the registry tells it; `None` if it does not have the blob, or does not tell.
    pub async fn blob_size(&self, repository: &Repository, digest: &Digest) -> Result<Option<u64>, Error> {
        let asked = Asked::of(repository, What::Blob(*digest));
        let head = self.retrying(&asked, || {
            self.head_blob(repository, digest, Access::Pull, &asked)
        });
        Ok(head.await?.and_then(|response| response.content_length()))
    }

    /// What the registry says of a blob without sending it; `None` if it does not have it.
    async fn head_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
        asked: &Asked,
    ) -> Result<Option<Response>, Error> {
        let url = self.blob_url(repository, digest, asked)?;
        let scopes = Scopes::repository(repository.path(), access);
        let response = self.call(asked, &scopes, Request::new(Method::HEAD, url)).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(asked, response).await),
        }
    }

    fn blob_url(&self, repository: &Repository, digest: &Digest, asked: &Asked) -> Result<http::Url, Error> {
        self.url(asked, &format!("v2/{}/blobs/{digest}", repository.path()))
    }

    async fn ask_for_blob(
        &self,
        method: Method,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
        asked: &Asked,
    ) -> Result<Response, Error> {
        let request = Request::new(method, self.blob_url(repository, &descriptor.digest, asked)?);
        let request = ranged(request, offset, asked)?;
        let scopes = Scopes::repository(repository.path(), Access::Pull);
        self.call(asked, &scopes, request).await
    }
}

/// The blob that an answer begins, if its head promises what the descriptor does.
fn began(asked: &Asked, response: Response, descriptor: &Descriptor, start: u64) -> Result<Blob, Error> {
    refuse_encoding(asked, &response)?;
    let left = descriptor.size - start;
    if let Some(length) = response.content_length()
        && length != left
    {
        let (expected, found) = (descriptor.size, start.saturating_add(length));
        return Err(Error::new(asked, Kind::SizeMismatch { expected, found }));
    }
    refuse_other_digest(asked, &response, descriptor)?;
    Ok(Blob {
        asked: asked.clone(),
        response: Some(response),
        offset: start,
        left,
        size: descriptor.size,
    })
}

/// The request for the bytes as they are, from `offset` on.
fn ranged(mut request: Request, offset: u64, asked: &Asked) -> Result<Request, Error> {
    let headers = &mut request.headers;
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if offset > 0 {
        let problem = "the offset makes no header";
        let range = HeaderValue::from_str(&format!("bytes={offset}-"))
            .map_err(|_| Error::new(asked, Kind::Protocol { problem }))?;
        headers.insert(RANGE, range);
    }
    Ok(request)
}

/// Host and port of a URL.
fn place(url: &http::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether an answer goes on exactly where a prefix of `offset` bytes ends, and to the end of the blob.
fn continues(response: &Response, offset: u64, size: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && response
            .header(CONTENT_RANGE)
            .is_some_and(|range| is_range(range, offset, size))
}

/// Whether `text` is `bytes OFFSET-(SIZE-1)/SIZE`, or has `*` for the size.
fn is_range(text: &str, offset: u64, size: u64) -> bool {
    let parts = || {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total_fits = total == "*" || total.parse() == Ok(size);
        let range_fits = first.parse() == Ok(offset) && last.parse() == Ok(size - 1);
        Some(unit.eq_ignore_ascii_case("bytes") && total_fits && range_fits)
    };
    parts().unwrap_or(false)
}

fn refuse_other_digest(asked: &Asked, response: &Response, descriptor: &Descriptor) -> Result<(), Error> {
    let header = response
        .header(CONTENT_DIGEST)
        .and_then(|text| text.parse::<Digest>().ok());
    let expected = descriptor.digest;
    match header {
        Some(found) if found.algorithm() == expected.algorithm() && found != expected => {
            Err(Error::new(asked, Kind::DigestMismatch { expected, found }))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_range_that_was_asked_for_continues_a_prefix() {
        for good in ["bytes 10-99/100", "Bytes 10-99/*"] {
            assert!(is_range(good, 10, 100), "{good}");
        }
        for bad in [
            "bytes 0-99/100",
            "bytes 11-99/100",
            "bytes 10-98/100",
            "bytes 10-99/101",
            "10-99/100",
            "bytes 10-99",
            "bytes */100",
            "bytes -10-99/100",
            "",
        ] {
            assert!(!is_range(bad, 10, 100), "{bad}");
        }
    }
}
