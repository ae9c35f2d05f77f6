//! Asking web servers and registries for indexes and archives.

use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use url::Url;

use super::known::authority;
use super::pull::blocking;
use super::{Error, Index, Repositories, Selection, Source};
use crate::credentials::{Credential, Store};
use crate::http::header::{AUTHORIZATION, HeaderValue};
use crate::http::{self, Request, StatusCode};
use crate::registry;
use crate::secret::{Secret, printable, redact_url};

/// The way to all sources of a run.
#[derive(Clone, Debug)]
pub struct Fetcher {
    http: http::Client,
    registries: registry::Client,
    credentials: Store,
    pass_credentials: bool,
    known: Arc<Repositories>,
}

/// A repository that was asked what it has.
#[derive(Debug)]
pub(super) struct Repository {
    /// The classic repository; none for a registry.
    pub(super) site: Option<Site>,
    pub(super) index: Index,
}

/// One classic repository, and who we are to it.
#[derive(Clone, Debug)]
pub(super) struct Site {
    url: Url,
    authorization: Option<HeaderValue>,
    pass_credentials: bool,
}

impl Fetcher {
    /// A fetcher that shares connections, budgets and credentials with the rest of the run.
    ///
    /// `pass_credentials` sends a repository's credentials also to other hosts that its index names, as Helm's option
    /// of this name. Without it they stay on the repository's scheme, host and port (CVE-2021-32690).
    pub fn new(http: http::Client, credentials: Store, pass_credentials: bool) -> Self {
        Self {
            registries: registry::Client::new(http.clone(), credentials.clone()),
            http,
            credentials,
            pass_credentials,
            known: Arc::default(),
        }
    }

    /// The same fetcher, with the repositories that Helm knows: their names, and who we are to them.
    #[must_use]
    pub fn with_repositories(self, known: Repositories) -> Self {
        Self {
            known: Arc::new(known),
            ..self
        }
    }

    /// The repositories that Helm knows.
    pub(super) fn repositories(&self) -> &Repositories {
        &self.known
    }

    /// The source with a name of Helm's list replaced by the address.
    pub(super) fn resolve(&self, source: &Source) -> Result<Source, Error> {
        match source {
            Source::Named { name, pattern } => {
                let known = self.known.named(name)?;
                if known.url.starts_with("oci://") {
                    return known.url.parse();
                }
                Source::classic(&known.url, pattern.clone())
            }
            other => Ok(other.clone()),
        }
    }

    pub(super) fn registries(&self) -> &registry::Client {
        &self.registries
    }

    /// Finds out who we are to a repository.
    pub(super) async fn site(&self, url: &Url, login: Option<&(String, Secret)>) -> Result<Site, Error> {
        let host = authority(url).unwrap_or_default();
        let listed = self.known.of_url(url)?;
        let known = match login.or_else(|| listed.and_then(|listed| listed.login.as_ref())) {
            Some((user, password)) => Some((user.clone(), password.clone())),
            None => match self.credentials.for_host(&host).await? {
                Some(Credential::Basic { user, password }) => Some((user, password)),
                _ => None,
            },
        };
        let authorization = known.and_then(|(user, password)| {
            let pair = format!("{user}:{}", password.expose());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Ok(Site {
            url: url.clone(),
            authorization,
            pass_credentials: self.pass_credentials || listed.is_some_and(|listed| listed.pass_credentials),
        })
    }

    /// What a source has: the entries of its index, or the versions that a registry has of the chart.
    pub async fn charts_of(&self, source: &Source) -> Result<Index, Error> {
        let source = self.resolve(source)?;
        Ok(self.repository(&source).await?.index)
    }

    /// What is wanted of a source: the selection, narrowed by the charts and ranges that the source itself names.
    pub fn narrowed(&self, source: &Source, selection: &Selection) -> Result<Selection, Error> {
        self.resolve(source)?.narrowed(selection)
    }

    /// Asks a repository what it has.
    pub(super) async fn repository(&self, source: &Source) -> Result<Repository, Error> {
        if let Source::Oci { repository, .. } = source {
            return Ok(Repository {
                site: None,
                index: self.oci_index(repository).await?,
            });
        }
        let Some((url, login)) = classic(source) else {
            return Err(Error::NoIndex { found: "no address" });
        };
        let site = self.site(url, login).await?;
        let bytes = self.index(&site).await?;
        Ok(Repository {
            site: Some(site),
            index: blocking(move || Index::parse(&bytes)).await?,
        })
    }

    /// The repository's `index.yaml`.
    pub(super) async fn index(&self, site: &Site) -> Result<Bytes, Error> {
        let url = site.resolve("index.yaml")?;
        self.get(site, &url, "an index.yaml", super::INDEX_CAP).await
    }

    /// The whole body of `url`, tried again as often as the policy says.
    pub(super) async fn get(
        &self,
        site: &Site,
        url: &Url,
        what: &'static str,
        cap: u64,
    ) -> Result<Bytes, Error> {
        let once = |request| self.get_once(request, what, cap);
        self.ask(site, Request::get(url.clone()), once).await
    }

    /// Asks with the repository's credentials where they may go, tried again as often as the policy says.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        site: &Site,
        mut request: Request,
        once: impl Fn(Request) -> F,
    ) -> Result<T, Error> {
        let host = request.url.host_str().unwrap_or_default();
        let authority = authority(&request.url).unwrap_or_default();
        if request.url.scheme() == "http" && !self.http.is_plain(&authority) && !self.http.is_plain(host) {
            return Err(Error::PlainHttp {
                url: redact_url(request.url.as_str()),
            });
        }
        if let Some(authorization) = &site.authorization
            && (site.pass_credentials || http::same_origin(&request.url, &site.url))
        {
            request.headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.http
            .retrying(&authority, |_| once(request.clone()))
            .await
            .map_err(|exhausted| exhausted.error)
    }

    /// Sends a request once.
    pub(super) async fn send(&self, request: &Request) -> Result<http::Response, http::Error> {
        self.http.send(request).await
    }

    async fn get_once(&self, request: Request, what: &'static str, cap: u64) -> Result<Bytes, Error> {
        let url = || redact_url(request.url.as_str());
        let response = self
            .http
            .send(&request)
            .await
            .map_err(|source| Error::Http { url: url(), source })?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Error::Refused {
                url: url(),
                status,
                retry_after: response.retry_after(),
            });
        }
        response
            .bytes(what, cap)
            .await
            .map_err(|source| Error::Http { url: url(), source })
    }
}

impl Site {
    /// A URL of the index against the repository's own, by RFC 3986. The repository's query goes with it, because some
    /// servers carry their token there, but not to another origin.
    pub(super) fn resolve(&self, reference: &str) -> Result<Url, Error> {
        let bad = |problem| Error::BadUrl {
            url: printable(&redact_url(reference), 160),
            problem,
        };
        let mut url = self.url.join(reference).map_err(|_| bad("which is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("whose scheme is not fetched"));
        }
        if url.query().is_none() && http::same_origin(&url, &self.url) {
            url.set_query(self.url.query());
        }
        Ok(url)
    }
}

/// The classic repository of a source, if it is one.
pub(super) fn classic(source: &Source) -> Option<(&Url, Option<&(String, Secret)>)> {
    match source {
        Source::Classic { url, login, .. } => Some((url, login.as_ref())),
        Source::Oci { .. } | Source::Named { .. } | Source::Local { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(base: &str, reference: &str) -> String {
        let site = Site {
            url: Url::parse(base).unwrap(),
            authorization: None,
            pass_credentials: false,
        };
        site.resolve(reference)
            .map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn urls_of_an_index_are_read_against_its_folder() {
        let base = "https://h.example/charts/?token=x";
        for (reference, url) in [
            ("a-1.0.0.tgz", "https://h.example/charts/a-1.0.0.tgz?token=x"),
            ("sub/a.tgz", "https://h.example/charts/sub/a.tgz?token=x"),
            ("/other/a.tgz", "https://h.example/other/a.tgz?token=x"),
            ("../a.tgz", "https://h.example/a.tgz?token=x"),
            ("https://cdn.example/a.tgz", "https://cdn.example/a.tgz"),
            ("//cdn.example/a.tgz", "https://cdn.example/a.tgz"),
            ("a.tgz?v=1", "https://h.example/charts/a.tgz?v=1"),
        ] {
            assert_eq!(resolve(base, reference), url, "{reference}");
        }
        assert!(resolve(base, "file:///etc/passwd").contains("not fetched"));
        assert!(resolve(base, "http://[").contains("no URL"));
    }
}
