//! Names to addresses without the C library, so that a static binary resolves as well as any other.
//!
//! Addresses and `localhost` need no resolver at all; a machine without `/etc/resolv.conf` gets the hosts file and a
//! clear error, and never a public resolver that nobody configured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why a name has no address.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name servers say that there is no such name.
    #[error("there is no such name")]
    UnknownName,
    /// The machine's resolver configuration names no server, and the hosts file does not know the name.
    #[error("it is not in /etc/hosts, and this machine has no usable /etc/resolv.conf")]
    Unconfigured,
    /// The name servers did not answer.
    #[error("the name servers do not answer: {reason}")]
    Silent {
        /// What the resolver said.
        reason: String,
    },
}

impl Error {
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }
}

/// The program's resolver. It reads the machine's configuration when the first name is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolver {
    system: Arc<OnceLock<Option<TokioResolver>>>,
}

impl Resolver {
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        if name.eq_ignore_ascii_case("localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let system = self.system.get_or_init(configured).as_ref();
        let found = system.ok_or(Error::Unconfigured)?.lookup_ip(name).await;
        match found {
            Ok(found) => Ok(found.iter().collect()),
            Err(NetError::NoConnections) => Err(Error::Unconfigured),
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => Err(Error::UnknownName),
            Err(error) => Err(Error::Silent {
                reason: crate::secret::printable(&short(&error), 200),
            }),
        }
    }
}

fn short(error: &NetError) -> String {
    match error {
        NetError::Timeout => "timed out".to_owned(),
        other => other.to_string(),
    }
}

fn configured() -> Option<TokioResolver> {
    // Without servers only the hosts file is asked; the library's own default would be a public resolver.
    let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        let nobody = ResolverConfig::from_name_servers(Vec::new());
        TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
    });
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = Duration::from_secs(3);
    options.attempts = 2;
    builder.build().ok()
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_needs_no_resolver() {
        let addresses = Resolver::default().addresses("localhost").await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback));
        let found = Resolver::default();
        found.addresses("LocalHost").await.unwrap();
        assert!(
            found.system.get().is_none(),
            "the system's configuration was read"
        );
    }

    #[tokio::test]
    async fn without_name_servers_the_error_says_what_is_missing() {
        let nobody = ResolverConfig::from_name_servers(Vec::new());
        let builder = TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default());
        let resolver = Resolver {
            system: Arc::new(OnceLock::from(builder.build().ok())),
        };
        let error = resolver.addresses("registry.example.com").await.unwrap_err();
        assert!(matches!(error, Error::Unconfigured), "{error:?}");
    }
}
