//! The client: one for all registries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::auth::Auth;
use super::error::{Asked, Error, What};
use super::scope::Scopes;
use crate::credentials::Store;
use crate::http::{self, Request, StatusCode, Url};
use crate::reference::{DOCKER_HUB, Repository};

/// Speaks to all registries. Clones share connections, budgets and tokens.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) http: http::Client,
    pub(super) auth: Auth,
    /// Hosts that turned down a whole blob in one request: the next ones go in chunks from the start.
    pub(super) chunked: Mutex<BTreeSet<String>>,
    /// Repositories in which a blob was asked for and was not there.
    pub(super) lacking: Mutex<BTreeSet<Repository>>,
    /// Hosts that have linked a blob from one repository into another.
    pub(super) mounting: Mutex<BTreeSet<String>>,
    /// Hosts whose limit of pulls was told to be nearly reached.
    pub(super) nearly_spent: Mutex<BTreeSet<String>>,
    /// Hosts, and repositories of other hosts, that were found to have no referrers API.
    pub(super) without_referrers: Mutex<BTreeSet<String>>,
    /// Hosts that are or were asked for referrers for the first time.
    pub(super) asked_for_referrers: Mutex<BTreeMap<String, Arc<OnceCell<()>>>>,
}

/// The host to connect to. Docker Hub's references say `docker.io`, where only a web site answers.
pub(super) fn connection_host(host: &str) -> &str {
    if host == DOCKER_HUB {
        "registry-1.docker.io"
    } else {
        host
    }
}

impl Client {
    /// A client that sends credentials to the registries themselves, to their known token servers and to those that
    /// the store trusts.
    pub fn new(http: http::Client, credentials: Store) -> Self {
        let auth = Auth::new(http.clone(), credentials);
        Self {
            inner: Arc::new(Inner {
                http,
                auth,
                chunked: Mutex::default(),
                lacking: Mutex::default(),
                mounting: Mutex::default(),
                nearly_spent: Mutex::default(),
                without_referrers: Mutex::default(),
                asked_for_referrers: Mutex::default(),
            }),
        }
    }

    /// Tells whoever watches the run of something that is no failure.
    pub fn warn(&self, text: String) {
        self.inner.http.tell(&crate::observe::Event::Warning { text });
    }

    /// Asks whether `host` is a registry and lets us in: one request, and the token or password that it asks for.
    pub async fn ping(&self, host: &str) -> Result<(), Error> {
        let asked = Asked {
            host: host.to_owned(),
            repository: String::new(),
            what: What::Ping,
        };
        self.retrying(&asked, || async {
            let request = Request::get(self.url(&asked, "v2/")?);
            let response = self.call(&asked, &Scopes::default(), request).await?;
            match response.status() {
                StatusCode::OK => Ok(()),
                _ => Err(super::call::refusal(&asked, response).await),
            }
        })
        .await
    }

    /// The URL of `path` (without a leading slash) at the registry.
    pub(super) fn url(&self, asked: &Asked, path: &str) -> Result<Url, Error> {
        let mut url = self.origin(asked)?;
        url.set_path(path);
        Ok(url)
    }

    /// The registry's root URL.
    pub(super) fn origin(&self, asked: &Asked) -> Result<Url, Error> {
        let root = self.inner.http.root(connection_host(&asked.host));
        root.map_err(|error| Error::new(asked, error))
    }
}

impl Asked {
    pub(super) fn of(repository: &Repository, what: What) -> Self {
        Self {
            host: repository.host().to_owned(),
            repository: repository.path().to_owned(),
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Source;
    use crate::oci::Descriptor;
    use crate::registry::TagOrDigest;

    fn may_move_between_threads<T: Send>(_: &T) {}

    /// Never called: that it compiles is the test. Workers on several threads run these.
    #[expect(dead_code, reason = "its compilation is what it is for")]
    fn every_question_may_be_asked_from_a_spawned_task(
        client: &Client,
        repository: &Repository,
        descriptor: &Descriptor,
        at: &TagOrDigest,
        source: Arc<dyn Source>,
    ) {
        may_move_between_threads(&client.manifest(repository, at));
        may_move_between_threads(&client.blob(repository, descriptor, 0));
        may_move_between_threads(&client.push_blob(repository, descriptor, source, None));
        may_move_between_threads(&client.tags(repository));
        may_move_between_threads(&client.referrers(repository, &descriptor.digest));
        may_move_between_threads(&client.attaching_tags(repository, 1));
        may_move_between_threads(&client.keep_list(repository, &descriptor.digest, &[], None));
    }

    #[test]
    fn docker_hub_is_connected_to_where_its_registry_is() {
        assert_eq!(connection_host("docker.io"), "registry-1.docker.io");
        assert_eq!(connection_host("quay.io"), "quay.io");
    }
}
