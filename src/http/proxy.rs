//! Which requests go through a proxy, and what messages call it.

use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::error::Error;
use super::settings::{Proxies, Proxy};
use crate::secret::{printable, redact_url};

/// Loopback addresses are never proxied.
const NEVER: &str = "localhost,127.0.0.0/8,::1";

/// The proxies of the settings; each was found usable.
pub(super) struct Routes {
    matcher: Matcher,
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: String,
}

/// A proxy that a request goes through, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Through {
    /// Its scheme, host and port, without a login.
    pub(super) proxy: String,
    /// Its host and port.
    pub(super) authority: String,
    /// The variable that names it.
    pub(super) variable: String,
}

impl Routes {
    /// Reads the settings. One that the HTTP library would pass over in silence is an error: content must not take
    /// another way than the one that was asked for.
    pub(super) fn new(settings: &Proxies) -> Result<Self, Error> {
        let given = |proxy: &Option<Proxy>| proxy.clone().filter(|proxy| !proxy.url.is_empty());
        let (http, https) = (given(&settings.http), given(&settings.https));
        for proxy in [&http, &https].into_iter().flatten() {
            check(proxy)?;
        }
        let except = format!("{NEVER},{}", settings.except);
        let url = |proxy: &Option<Proxy>| proxy.as_ref().map_or_else(String::new, |proxy| proxy.url.clone());
        Ok(Self {
            matcher: Matcher::builder()
                .http(url(&http))
                .https(url(&https))
                .no(except.clone())
                .build(),
            http,
            https,
            except,
        })
    }

    /// The same for the HTTP library.
    pub(super) fn proxies(&self) -> Result<Vec<reqwest::Proxy>, Error> {
        let except = reqwest::NoProxy::from_string(&self.except);
        let make = |proxy: &Option<Proxy>, make: fn(&str) -> reqwest::Result<reqwest::Proxy>| {
            proxy.as_ref().map(|proxy| {
                make(&proxy.url)
                    .map(|made| made.no_proxy(except.clone()))
                    .map_err(|_| unusable(proxy))
            })
        };
        make(&self.http, |text| reqwest::Proxy::http(text))
            .into_iter()
            .chain(make(&self.https, |text| reqwest::Proxy::https(text)))
            .collect()
    }

    /// The proxy that a request to `url` goes through, if it goes through one.
    pub(super) fn of(&self, url: &Url) -> Option<Through> {
        let found = self.matcher.intercept(&url.as_str().parse().ok()?)?;
        let named = if url.scheme() == "https" {
            &self.https
        } else {
            &self.http
        };
        let (scheme, authority) = (found.uri().scheme_str()?, found.uri().authority()?);
        Some(Through {
            proxy: format!("{scheme}://{authority}"),
            authority: authority.to_string(),
            variable: named.as_ref()?.variable.clone(),
        })
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("http", &self.http)
            .field("https", &self.https)
            .field("except", &self.except)
            .finish_non_exhaustive()
    }
}

/// Asks both libraries, which read such texts by different rules.
fn check(proxy: &Proxy) -> Result<(), Error> {
    let matcher = Matcher::builder().http(proxy.url.clone()).build();
    let is_known = matcher
        .intercept(&Uri::from_static("http://any.invalid/"))
        .is_some();
    if is_known && reqwest::Proxy::http(&proxy.url).is_ok() {
        Ok(())
    } else {
        Err(unusable(proxy))
    }
}

fn unusable(proxy: &Proxy) -> Error {
    Error::Proxy {
        variable: proxy.variable.clone(),
        proxy: printable(redact_url(&proxy.url).trim_end_matches('/'), 200),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(https: &str, except: &str) -> Result<Routes, Error> {
        Routes::new(&Proxies {
            https: Some(Proxy {
                variable: "https_proxy".to_owned(),
                url: https.to_owned(),
            }),
            except: except.to_owned(),
            ..Proxies::default()
        })
    }

    fn through(routes: &Routes, url: &str) -> Option<String> {
        Some(routes.of(&url.parse().unwrap())?.proxy)
    }

    #[test]
    fn a_proxy_that_nobody_could_use_is_an_error_that_names_its_variable() {
        for (text, shown) in [
            ("foo://x", "foo://x"),
            ("ftp://user:pass@proxy.lan", "ftp://proxy.lan"),
            ("http://", "http:"),
            ("a b", "a b"),
            ("http://proxy.lan:port", "http://proxy.lan:port"),
        ] {
            let error = routes(text, "").unwrap_err().to_string();
            assert!(
                error.contains(&format!("the proxy `{shown}` in https_proxy")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_request_knows_its_proxy_without_the_password() {
        for (text, shown) in [
            ("http://user:pass@proxy.lan:3128/", "http://proxy.lan:3128"),
            ("proxy.lan:3128", "http://proxy.lan:3128"),
            ("socks5h://proxy.lan:1080", "socks5h://proxy.lan:1080"),
        ] {
            let routes = routes(text, "inside.lan,10.0.0.0/8").unwrap();
            assert_eq!(
                through(&routes, "https://registry.example.com/v2/").as_deref(),
                Some(shown)
            );
            for direct in [
                "https://mirror.inside.lan/v2/",
                "https://10.1.2.3/v2/",
                "https://localhost:5000/v2/",
                "http://registry.example.com/v2/",
            ] {
                assert_eq!(through(&routes, direct), None, "{direct}");
            }
            assert!(!format!("{routes:?}").contains("pass"), "{routes:?}");
        }
    }
}
