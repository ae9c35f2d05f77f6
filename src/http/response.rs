//! Answers: a head, and a body that is read with a cap and a limit to silence.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, RETRY_AFTER};
use url::Url;

use super::echo;
use super::error::Error;
use super::host::authority;
use super::lanes::Pass;
use super::retry::parse_retry_after;
use crate::secret::Secret;

/// Room is made at once for a body that says that it has so many bytes, and for longer ones as they come.
const BELIEVED: u64 = 1 << 20;

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    answer: reqwest::Response,
    url: Url,
    pass: Option<Pass>,
    stall: Duration,
    expected: Option<u64>,
    received: u64,
    arrived: SystemTime,
    /// What the request carried and nobody may read again.
    secrets: Vec<Secret>,
}

impl Response {
    pub(super) fn new(
        answer: reqwest::Response,
        url: Url,
        pass: Option<Pass>,
        stall: Duration,
        arrived: SystemTime,
        secrets: Vec<Secret>,
    ) -> Self {
        let expected = answer.content_length();
        Self {
            answer,
            url,
            pass,
            stall,
            expected,
            received: 0,
            arrived,
            secrets,
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.answer.status()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.answer.headers()
    }

    /// One header as text, if it is there and is text.
    pub fn header(&self, name: impl hyper::header::AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The `Content-Length` header. A `HEAD` answer has one without a body.
    pub fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// How long the server asks to be left alone, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        parse_retry_after(self.header(RETRY_AFTER)?, self.arrived)
    }

    /// Where the answer came from, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The next bytes of the body, `None` at its end. A body that ends before its announced length is
    /// [`Error::CutShort`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let host = || authority(&self.url);
        let Ok(next) = tokio::time::timeout(self.stall, self.answer.chunk()).await else {
            return Err(Error::Stalled {
                host: host(),
                after: self.stall,
            });
        };
        match next {
            Ok(Some(bytes)) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Ok(None) => {
                self.pass = None;
                Ok(None)
            }
            Err(error) => Err(match self.expected {
                Some(expected) if self.received < expected && !error.is_timeout() => Error::CutShort {
                    host: host(),
                    received: self.received,
                    expected,
                },
                _ => Error::Broken {
                    host: host(),
                    source: error.without_url(),
                },
            }),
        }
    }

    /// The whole body, if it is not longer than `cap` bytes. `what` names the kind of document in the error.
    pub async fn bytes(mut self, what: &'static str, cap: u64) -> Result<Bytes, Error> {
        let too_long = |url: &Url| Error::TooLong {
            host: authority(url),
            what,
            cap,
        };
        if self.expected.is_some_and(|expected| expected > cap) {
            return Err(too_long(&self.url));
        }
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        if first.len() as u64 == self.expected.unwrap_or(u64::MAX) {
            return Ok(first);
        }
        let rest = self.expected.map_or(0, |all| all.min(BELIEVED));
        let mut whole = BytesMut::with_capacity(usize::try_from(rest).unwrap_or(0).max(first.len()));
        whole.extend_from_slice(&first);
        while whole.len() as u64 <= cap {
            match self.chunk().await? {
                Some(bytes) => whole.extend_from_slice(&bytes),
                None => return Ok(whole.freeze()),
            }
        }
        Err(too_long(&self.url))
    }

    /// At most the first `cap` bytes of the body, for error messages. A body that breaks off gives what came.
    pub async fn head(mut self, cap: usize) -> Bytes {
        let mut head = BytesMut::new();
        while head.len() < cap {
            match self.chunk().await {
                Ok(Some(bytes)) => head.extend_from_slice(&bytes),
                Ok(None) | Err(_) => break,
            }
        }
        head.truncate(cap);
        echo::without(head.freeze(), &self.secrets)
    }
}
