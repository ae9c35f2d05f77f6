//! What can go wrong below the protocol that is spoken over HTTP.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::dns;
use super::proxy::Through;
use super::retry::{Patience, Temporary};
use crate::observe::Trouble;

/// Why a request has no answer, or its answer no body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A certificate or key file cannot be read.
    #[error("cannot read the certificate file {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A certificate or key file has nothing usable in it.
    #[error("{} holds no PEM {wanted}", path.display())]
    NoPem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// A client certificate has no key.
    #[error("{} has no {} beside it", path.display(), path.with_extension("key").file_name().unwrap_or_default().display())]
    NoKey {
        /// The certificate.
        path: PathBuf,
    },
    /// A certificate and key do not make a TLS configuration.
    #[error("the TLS settings for {host} do not work")]
    TlsSettings {
        /// The host, or `all hosts`.
        host: String,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// A proxy setting is none that can be used.
    #[error(
        "the proxy `{proxy}` in {variable} is none that can be used: expected http://HOST:PORT; https, socks4, socks5 and socks5h may stand for http"
    )]
    Proxy {
        /// The variable that says so.
        variable: String,
        /// The setting, without its password.
        proxy: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot start")]
    Start {
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// The host's name has no address.
    #[error("the name {host} cannot be resolved")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: dns::Error,
    },
    /// Nothing listens there.
    #[error("{host} refuses the connection: nothing listens there")]
    ConnectionRefused {
        /// The host.
        host: String,
    },
    /// No connection came about for another reason.
    #[error("no connection to {host}")]
    Connect {
        /// The host.
        host: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// No connection came about in time.
    #[error("no connection to {host} within {} s", after.as_secs())]
    ConnectTimeout {
        /// The host.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// The proxy on the way was not reached, or not in time.
    #[error("no connection to {host} through the proxy {proxy} that {variable} names")]
    ProxyUnreachable {
        /// The host.
        host: String,
        /// The proxy, without a login.
        proxy: String,
        /// The variable that names it.
        variable: String,
        /// Why not.
        #[source]
        source: Box<Self>,
    },
    /// The proxy on the way makes no connection.
    #[error("no connection to {host} through the proxy {proxy} that {variable} names")]
    ProxyRefuses {
        /// The host.
        host: String,
        /// The proxy, without a login.
        proxy: String,
        /// The variable that names it.
        variable: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// The TLS handshake failed.
    #[error("no trusted TLS connection to {host}")]
    Tls {
        /// The host.
        host: String,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// The host answers with plain HTTP where TLS was asked for.
    #[error("{host} does not speak TLS; plain HTTP is used only for hosts that are named for it")]
    NotTls {
        /// The host.
        host: String,
    },
    /// The connection broke, or the peer does not speak HTTP.
    #[error("the connection to {host} broke")]
    Broken {
        /// The host.
        host: String,
        /// How it broke.
        #[source]
        source: reqwest::Error,
    },
    /// The server did not begin to answer.
    #[error("{host} gave no answer for {} s", after.as_secs())]
    NoAnswer {
        /// The host.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// A body stood still.
    #[error("{host} stood still for {} s in the middle of a transfer", after.as_secs())]
    Stalled {
        /// The host.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// The body ended before its announced length.
    #[error("{host} ended the body after {received} of {expected} bytes")]
    CutShort {
        /// The host.
        host: String,
        /// Bytes that came.
        received: u64,
        /// Bytes that were announced.
        expected: u64,
    },
    /// A body is longer than this kind of document may be.
    #[error("{what} from {host} is longer than {cap} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// What was read.
        what: &'static str,
        /// The cap, in bytes.
        cap: u64,
    },
    /// The server sends from one place to the next without end.
    #[error("{host} redirects more than {limit} times, last to {last}")]
    TooManyRedirects {
        /// The host that was asked first.
        host: String,
        /// The limit.
        limit: usize,
        /// The last target, redacted.
        last: String,
    },
    /// A redirect leads from TLS to plain HTTP.
    #[error("{host} redirects from https to plain http ({target}), which is refused")]
    Downgrade {
        /// The host that redirects.
        host: String,
        /// The target, redacted.
        target: String,
    },
    /// A redirect has no usable target.
    #[error("{host} redirects to `{target}`, which is no http or https URL")]
    BadRedirect {
        /// The host that redirects.
        host: String,
        /// The target, printable and capped.
        target: String,
    },
    /// The bytes that were to be sent cannot be read.
    #[error("cannot read what is to be sent to {host}")]
    Source {
        /// The host.
        host: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A request could not be put together.
    #[error("the request to {host} is not well formed: {what}")]
    BadRequest {
        /// The host.
        host: String,
        /// Which part.
        what: &'static str,
    },
}

impl Error {
    /// What the operator can do something about.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Tls {
                source: rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer),
                ..
            } => Some(Trouble::UnknownAuthority),
            // The library has no name for it of its own.
            Self::Tls { source, .. } if source.to_string().contains("CaUsedAsEndEntity") => {
                Some(Trouble::AuthorityAsServer)
            }
            Self::NotTls { .. } => Some(Trouble::NoTls),
            Self::Unresolved {
                source: dns::Error::UnknownName,
                ..
            } => Some(Trouble::UnknownName),
            _ => None,
        }
    }

    /// Sorts what reqwest reports. `host` is the one that was asked, `connect_timeout` the limit that was set.
    pub(crate) fn from_reqwest(host: &str, error: reqwest::Error, connect_timeout: Duration) -> Self {
        let host = host.to_owned();
        let error = error.without_url();
        if let Some(source) = find::<dns::Error>(&error) {
            return Self::Unresolved {
                host,
                source: source.clone(),
            };
        }
        if let Some(source) = find::<rustls::Error>(&error) {
            return match source {
                rustls::Error::InvalidMessage(_) => Self::NotTls { host },
                other => Self::Tls {
                    host,
                    source: other.clone(),
                },
            };
        }
        if let Some(source) = find::<SourceFailed>(&error) {
            return Self::Source {
                host,
                source: source.to_io(),
            };
        }
        if !error.is_connect() {
            return Self::Broken { host, source: error };
        }
        if error.is_timeout() {
            return Self::ConnectTimeout {
                host,
                after: connect_timeout,
            };
        }
        match find::<io::Error>(&error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Self::ConnectionRefused { host },
            _ => Self::Connect { host, source: error },
        }
    }

    /// The same of a request that went through a proxy, if it did: where no connection came about, the proxy must be named,
    /// and what is wrong with the proxy must not be told of the host.
    pub(super) fn through(self, proxy: Option<Through>) -> Self {
        let Some(Through {
            proxy,
            authority,
            variable,
        }) = proxy
        else {
            return self;
        };
        let (host, source) = match self {
            Self::Connect { host, source } => {
                return Self::ProxyRefuses {
                    host,
                    proxy,
                    variable,
                    source,
                };
            }
            Self::ConnectionRefused { host } => (host, Self::ConnectionRefused { host: authority }),
            Self::Unresolved { host, source } => (
                host,
                Self::Unresolved {
                    host: authority,
                    source,
                },
            ),
            // It may be the proxy or the host behind it that says nothing.
            Self::ConnectTimeout { host, after } => (host.clone(), Self::ConnectTimeout { host, after }),
            other => return other,
        };
        Self::ProxyUnreachable {
            host,
            proxy,
            variable,
            source: Box::new(source),
        }
    }

    /// Whether the server was reached and took at least the head of the request.
    pub fn was_connected(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. } | Self::NoAnswer { .. } | Self::Stalled { .. } | Self::CutShort { .. }
        )
    }
}

impl Temporary for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::ConnectionRefused { .. }
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Broken { .. }
            | Self::NoAnswer { .. }
            | Self::Stalled { .. }
            | Self::CutShort { .. }
            | Self::ProxyRefuses { .. } => true,
            Self::ProxyUnreachable { source, .. } => source.is_transient(),
            Self::Unresolved { source, .. } => source.is_transient(),
            _ => false,
        }
    }

    fn patience(&self) -> Patience {
        match self {
            Self::ConnectionRefused { .. } | Self::Connect { .. } | Self::ProxyRefuses { .. } => {
                Patience::Short
            }
            Self::ProxyUnreachable { source, .. } => source.patience(),
            // Each of these has waited for its own timeouts already.
            Self::ConnectTimeout { .. } | Self::Unresolved { .. } => Patience::Once,
            _ => Patience::Full,
        }
    }
}

/// A failure of the bytes to be sent, on its way through the HTTP library.
#[derive(Debug, thiserror::Error)]
#[error("cannot read what is to be sent")]
pub(crate) struct SourceFailed(#[source] pub(crate) io::Error);

impl SourceFailed {
    fn to_io(&self) -> io::Error {
        io::Error::new(self.0.kind(), self.0.to_string())
    }
}

/// The first error of type `E` in the chain, also inside an [`io::Error`].
pub(crate) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An io::Error hides the error it carries from `source()`, which goes on below it.
        let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = hidden.and_then(|inner| find::<E>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
