//! What is sent: a request that can be sent any number of times.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use url::Url;

use super::body::Source;
use crate::secret::Secret;

/// Which of a host's budgets a request counts against.
///
/// A transfer within one host reads one body while it writes another. If both counted against one budget, workers that
/// hold a read could wait for one another's writes for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Requests whose answer is the content.
    Read,
    /// Requests that change the server.
    Write,
    /// Tokens: other requests wait for them, so they never wait for others.
    Token,
}

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// `length` bytes of `source` from `offset` on, opened anew for each try.
    Part {
        /// Where the bytes come from.
        source: Arc<dyn Source>,
        /// The first byte to send.
        offset: u64,
        /// How many bytes to send.
        length: u64,
    },
}

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers; `Authorization` reaches only the scheme, host and port of `url`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// The budget it counts against.
    pub lane: Lane,
    /// Whether redirects are followed.
    pub follow: bool,
    /// How long the server may think, where the usual time is not enough.
    pub answer_timeout: Option<Duration>,
    /// What of the body no message may repeat, should the server say what it was sent.
    pub secrets: Vec<Secret>,
}

impl Request {
    /// A request without body and headers that follows redirects.
    pub fn new(method: Method, url: Url) -> Self {
        let lane = if method.is_safe() { Lane::Read } else { Lane::Write };
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::Empty,
            lane,
            follow: true,
            answer_timeout: None,
            secrets: Vec::new(),
        }
    }

    /// A request for the content of `url`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }
}
