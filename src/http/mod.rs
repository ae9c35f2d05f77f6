//! One HTTP client for all hosts: TLS, redirects, retries, budgets.
//!
//! What holds for every request of the program stands here and nowhere else: certificates are always checked; an
//! `https` request never ends at an `http` one; `Authorization` stays on the scheme, host and port it was made for;
//! nothing is decompressed; no body is read past a named cap; a peer that falls silent is given up; and a repeated try
//! is told to the observer.

mod body;
mod certs_d;
mod client;
mod dns;
mod echo;
mod error;
mod host;
mod lanes;
mod proxy;
mod request;
mod response;
mod retry;
mod settings;
mod tls;

pub use body::{BoxedRead, BytesSource, FileSource, OpeningSource, Source};
pub use client::Client;
pub use error::Error;
pub use host::{is_loopback, same_origin};
pub use request::{Body, Lane, Request};
pub use response::Response;
pub use retry::{Patience, Retry, Temporary};
pub use settings::{HostTls, Proxies, Proxy, Settings};

pub use hyper::header;
pub use hyper::{HeaderMap, Method, StatusCode};
pub use url::Url;
