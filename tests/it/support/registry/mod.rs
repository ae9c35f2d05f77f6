//! A working registry on 127.0.0.1 whose faults are data: it takes pushes, serves ranges, tokens and pages, mounts, and
//! breaks exactly where a test says. Every request is logged; one that it does not know fails the test.

mod answer;
mod certificates;
mod faults;
mod profile;
mod routes;
mod store;
mod tokens;
mod uploads;

pub(crate) use certificates::Certificates;
pub(crate) use faults::{Fault, On};
pub(crate) use profile::{LOGIN, Profile, ReferrersApi};
pub(crate) use store::Logged;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use carrack::digest::Digest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::images::Image;
use store::State;

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mode {
    /// Everybody.
    #[default]
    Open,
    /// Whoever has this user and password.
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// Whoever brings a token of the registry's own token server.
    Bearer {
        /// User and password that the token server asks for; without them it gives tokens to everybody.
        login: Option<(String, String)>,
        /// Whether tokens to pull are given without a login too.
        anonymous_pull: bool,
        /// An identity token that the token server trades.
        identity: Option<String>,
        /// Requests after which a token is no longer good; 0 is never.
        uses: u32,
        /// The realm to name instead of the registry's own.
        realm: Option<String>,
    },
}

impl Mode {
    /// User and password with every request.
    pub(crate) fn basic(user: &str, password: &str) -> Self {
        Self::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// Tokens for everybody.
    pub(crate) fn bearer() -> Self {
        Self::Bearer {
            login: None,
            anonymous_pull: true,
            identity: None,
            uses: 0,
            realm: None,
        }
    }

    /// Tokens for this user and password.
    pub(crate) fn bearer_for(user: &str, password: &str) -> Self {
        Self::Bearer {
            login: Some((user.to_owned(), password.to_owned())),
            anonymous_pull: false,
            identity: None,
            uses: 0,
            realm: None,
        }
    }
}

/// The registry. It stops when it is dropped.
#[derive(Debug)]
pub(crate) struct TestRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
}

impl TestRegistry {
    /// A registry that lets everybody in.
    pub(crate) fn start() -> Self {
        Self::start_as(Mode::Open)
    }

    /// A registry that speaks the dialect of one that operators have.
    pub(crate) fn start_like(profile: Profile) -> Self {
        let dialect = profile.dialect();
        let registry = Self::start_as(dialect.mode.clone());
        {
            let mut state = registry.state();
            let armed = dialect.faults.into_iter();
            state.faults = armed.map(|(on, fault)| faults::Armed::new(on, fault)).collect();
            state.token_path = dialect.token_path;
            state.referrers = dialect.referrers;
            state.mounts = dialect.mounts;
            state.makes_repositories = dialect.makes_repositories;
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            state.projects = dialect.projects.map(owned);
        }
        registry
    }

    /// A registry that asks who one is.
    pub(crate) fn start_as(mode: Mode) -> Self {
        Self::start_with(mode, None)
    }

    /// A registry that speaks TLS, and asks for a client certificate if `Certificates` has one to ask for.
    pub(crate) fn start_tls(certificates: &Certificates, ask_for_client: bool) -> Self {
        Self::start_with(Mode::Open, Some(certificates.acceptor(ask_for_client)))
    }

    fn start_with(mode: Mode, tls: Option<TlsAcceptor>) -> Self {
        let state = Arc::new(Mutex::new(State::new(mode)));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let served = Arc::clone(&state);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                served.lock().unwrap().host = address.to_string();
                tell.send(address).unwrap();
                tokio::select! {
                    () = serve(listener, served, tls) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: told.recv().unwrap(),
            state,
            stop: Some(stop),
        }
    }

    /// Its `host:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its root URL without the slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts an image under `repository:tag` (a repository alone gets no tag) and gives back its full name here.
    pub(crate) fn seed(&self, name: &str, image: &Image) -> String {
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        self.state().seed(repository, tag, image);
        format!("{}/{name}", self.address)
    }

    /// Puts any bytes under a tag with any media type, however wrong.
    pub(crate) fn seed_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Digest {
        self.state()
            .put_manifest(repository, Some(tag), media_type, bytes.to_vec().into())
    }

    /// Removes a blob from a repository.
    pub(crate) fn forget_blob(&self, repository: &str, digest: &Digest) {
        self.state().repository(repository).blobs.remove(digest);
    }

    /// From now on, requests that `on` matches meet this fault.
    pub(crate) fn fault(&self, on: On, fault: Fault) {
        self.state().faults.push(faults::Armed::new(on, fault));
    }

    /// Takes all faults away.
    pub(crate) fn mend(&self) {
        self.state().faults.clear();
    }

    /// Switches the referrers API on or off; it is on at first.
    pub(crate) fn set_referrers_api(&self, on: bool) {
        let absent = ReferrersApi::Absent(404);
        self.state().referrers = if on { ReferrersApi::Full } else { absent };
    }

    /// Makes an empty repository, for registries that make none at a push.
    pub(crate) fn make_repository(&self, path: &str) {
        self.state().repository(path);
    }

    /// Bodies that were pushed under a digest that is not theirs.
    pub(crate) fn bad_pushes(&self) -> usize {
        self.state().bad_pushes
    }

    /// Makes it a Harbor with these projects: pushes into others are turned down.
    pub(crate) fn set_projects(&self, projects: &[&str]) {
        self.state().projects = Some(projects.iter().map(|name| (*name).to_owned()).collect());
    }

    /// Harbor's projects.
    pub(crate) fn projects(&self) -> Vec<String> {
        self.state().projects.iter().flatten().cloned().collect()
    }

    /// Takes indexes that name manifests which are not there, from now on.
    pub(crate) fn take_sparse_indexes(&self) {
        self.state().takes_sparse = true;
    }

    /// Entries of one page of a list.
    pub(crate) fn set_page_size(&self, entries: usize) {
        self.state().page_size = entries;
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Logged> {
        self.state().log.clone()
    }

    /// Requests as `METHOD path?query`, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests().iter().map(ToString::to_string).collect()
    }

    /// How many requests have this method and this text in their path.
    pub(crate) fn count(&self, method: &str, text: &str) -> usize {
        let matches = |logged: &&Logged| logged.method == method && logged.path.contains(text);
        self.requests().iter().filter(matches).count()
    }

    /// Connections that were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    /// Forgets the log.
    pub(crate) fn clear_log(&self) {
        self.state().log.clear();
    }

    /// The `Range` headers with which a blob was asked for; `0-` stands for a request without one.
    pub(crate) fn ranges_asked(&self, digest: &Digest) -> Vec<String> {
        let text = format!("/blobs/{digest}");
        let gets = self.requests();
        let gets = gets
            .iter()
            .filter(|l| l.method == "GET" && l.path.ends_with(&text));
        gets.map(|logged| match logged.header("range") {
            Some(range) => range.trim_start_matches("bytes=").to_owned(),
            None => "0-".to_owned(),
        })
        .collect()
    }

    /// A blob of a repository.
    pub(crate) fn blob(&self, repository: &str, digest: &Digest) -> Option<Vec<u8>> {
        let blob = self.state().find_blob(repository, digest);
        blob.map(|bytes| bytes.to_vec())
    }

    /// A manifest's bytes and media type by tag or digest.
    pub(crate) fn manifest(&self, repository: &str, at: &str) -> Option<(Vec<u8>, String)> {
        let found = self.state().find_manifest(repository, at);
        found.map(|(_, manifest)| (manifest.bytes.to_vec(), manifest.media_type))
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if !thread::panicking() {
            let unknown = self.state.lock().unwrap().unknown.clone();
            assert!(unknown.is_empty(), "requests that no registry knows: {unknown:?}");
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, state: Arc<Mutex<State>>, tls: Option<TlsAcceptor>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let _ = stream.set_nodelay(true);
        state.lock().unwrap().connections += 1;
        let state = Arc::clone(&state);
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls {
                None => speak(stream, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        speak(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<Mutex<State>>) {
    let service = hyper::service::service_fn(move |request| routes::answer(Arc::clone(&state), request));
    // A connection that a fault cuts ends with an error here, which is what was wanted.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
