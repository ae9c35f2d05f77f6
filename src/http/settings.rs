//! What a user may set about the network. Plain data: the environment is read elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::retry::Retry;
use crate::secret::redact_url;

/// Everything that shapes a [`Client`](super::Client).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts, each with its port if it has one, that are spoken to without TLS because the user said so.
    pub plain_http: Vec<String>,
    /// PEM files with certificate authorities that count beside the system's, for every host.
    pub ca_files: Vec<PathBuf>,
    /// Certificate authorities and client certificates of single hosts (`host` or `host:port`).
    pub per_host: BTreeMap<String, HostTls>,
    /// Folders in the shape of docker's `certs.d`: a folder for each host, with `*.crt` for authorities and `*.cert`
    /// with `*.key` for a client certificate. What `per_host` says counts before them; folders that do not exist are
    /// skipped.
    pub certificate_folders: Vec<PathBuf>,
    /// Proxies.
    pub proxies: Proxies,
    /// How long name resolution, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long a server may think before the first byte of its answer.
    pub answer_timeout: Duration,
    /// How long a body may stand still in either direction.
    pub stall_timeout: Duration,
    /// What the program calls itself.
    pub user_agent: String,
    /// Requests that may run at the same time against one host, reading and writing counted apart.
    pub requests_per_host: usize,
    /// Requests that may begin per second against one host; `None` is no limit.
    pub rate_per_host: Option<u32>,
    /// The same for single hosts, each with its port if it has one; it counts before `rate_per_host`.
    pub rates: BTreeMap<String, u32>,
    /// When and how often a failed request is tried again.
    pub retry: Retry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plain_http: Vec::new(),
            ca_files: Vec::new(),
            per_host: BTreeMap::new(),
            certificate_folders: Vec::new(),
            proxies: Proxies::default(),
            connect_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(60),
            user_agent: concat!("carrack/", env!("CARGO_PKG_VERSION")).to_owned(),
            requests_per_host: 8,
            rate_per_host: None,
            rates: BTreeMap::new(),
            retry: Retry::default(),
        }
    }
}

/// TLS settings of one host. A host with such an entry is always spoken to with TLS, loopback or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostTls {
    /// PEM files with certificate authorities.
    pub ca_files: Vec<PathBuf>,
    /// The client certificate and its key, both PEM files.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Proxies as the usual environment variables name them. Loopback addresses are never proxied.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `http` URLs.
    pub http: Option<Proxy>,
    /// For `https` URLs.
    pub https: Option<Proxy>,
    /// Hosts, domains and networks that are reached directly, separated by commas.
    pub except: String,
}

/// A proxy, and who says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable of the environment that names it.
    pub variable: String,
    /// As it is written; a login may be in it.
    pub url: String,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.variable, redact_url(&self.url))
    }
}
