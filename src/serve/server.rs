//! Connections, and what is answered on them.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{ALLOW, HOST, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use super::access::Logins;
use super::answer::{self, Answer, Code};
use super::body::Counted;
use super::catalog::Catalog;
use super::metrics::Metrics;
use super::page::{self, Visit};
use super::registry::{Query, Registry};
use super::route::Route;
use super::{Error, charts, tls};
use crate::bundle::Bundle;
use crate::mirrors::Mapping;
use crate::observe::{Event, Observer};
use crate::secret::printable;

/// Docker's clients look for it to tell a registry from any web server.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Connections beyond this wait in the listener's queue.
const CONNECTIONS: usize = 2048;

/// A client that does not finish its request's head in this time is let go.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How long running transfers may take to end after the server was asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// How many bytes one connection may hold on their way to a slow client.
const BUFFER: usize = 128 << 10;

/// Rows of the access log that may wait for the observer.
const LOG_ROOM: usize = 4096;

/// How a bundle is served.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free one.
    pub address: SocketAddr,
    /// Certificate chain and private key, PEM files. Without them the server speaks plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who may read; without it everybody may.
    pub logins: Option<Logins>,
    /// More names under which repositories are found, beside their own.
    pub mapping: Mapping,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    house: Arc<House>,
    log: mpsc::Receiver<Event>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

/// What all connections share.
struct House {
    path: PathBuf,
    mapping: Mapping,
    is_tls: bool,
    logins: Option<Logins>,
    metrics: Metrics,
    open: Mutex<Open>,
    log: mpsc::Sender<Event>,
}

/// The bundle as it is now. An import may add to it while it is served.
struct Open {
    shown: Arc<(Bundle, Catalog)>,
    stamp: Stamp,
    looked: Instant,
}

/// Tells one index.json from another: device, inode, size and time of its last change.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl Server {
    /// Reads the bundle and begins to listen.
    pub async fn bind(path: &std::path::Path, settings: Settings) -> Result<Self, Error> {
        let acceptor = match &settings.tls {
            Some((certificate, key)) => Some(tls::acceptor(certificate, key)?),
            None => None,
        };
        let stamp = stamp(path);
        let bundle = Bundle::open(path)?;
        let catalog = Catalog::new(&bundle, &settings.mapping)?;
        let listener = TcpListener::bind(settings.address)
            .await
            .map_err(|source| Error::Listen {
                address: settings.address,
                source,
            })?;
        let (sender, log) = mpsc::channel(LOG_ROOM);
        let house = House {
            path: path.to_path_buf(),
            mapping: settings.mapping,
            is_tls: acceptor.is_some(),
            logins: settings.logins,
            metrics: Metrics::default(),
            open: Mutex::new(Open {
                shown: Arc::new((bundle, catalog)),
                stamp,
                looked: Instant::now(),
            }),
            log: sender,
        };
        Ok(Self {
            listener,
            acceptor,
            house: Arc::new(house),
            log,
        })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(|source| Error::Listen {
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            source,
        })
    }

    /// What the bundle offers.
    pub fn catalog(&self) -> Arc<(Bundle, Catalog)> {
        self.house.shown()
    }

    /// The URL scheme that clients must use.
    pub fn scheme(&self) -> &'static str {
        if self.acceptor.is_some() { "https" } else { "http" }
    }

    /// Answers until `stop` is ready, then lets running transfers end. Gives the number of connections that had to be
    /// cut because they took too long.
    pub async fn run(self, stop: impl Future<Output = ()>, observer: &dyn Observer) -> usize {
        let Self {
            listener,
            acceptor,
            house,
            mut log,
        } = self;
        for text in house.shown().1.problems() {
            observer.on(&Event::Warning { text: text.clone() });
        }
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(event) = log.recv() => observer.on(&event),
                (stream, peer, place) = accept(&listener, &places) => {
                    let connection = Connection { house: house.clone(), peer: peer.ip(), _place: place };
                    tokio::spawn(connection.answer(stream, acceptor.clone(), graceful.watcher()));
                }
            }
        }
        drop(listener);
        let open = house.metrics.open_connections();
        if open > 0 {
            observer.on(&Event::Phase {
                name: format!("stopping: {open} connections may finish"),
            });
        }
        let mut ended = std::pin::pin!(tokio::time::timeout(STOP_PATIENCE, graceful.shutdown()));
        let ended = loop {
            tokio::select! {
                ended = &mut ended => break ended,
                Some(event) = log.recv() => observer.on(&event),
            }
        };
        while let Ok(event) = log.try_recv() {
            observer.on(&event);
        }
        match ended {
            Ok(()) => 0,
            Err(_) => usize::try_from(house.metrics.open_connections()).unwrap_or(usize::MAX),
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            // Out of files or a client that went away at once: neither is a reason to end.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

struct Connection {
    house: Arc<House>,
    peer: IpAddr,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    async fn answer(
        self,
        stream: TcpStream,
        acceptor: Option<TlsAcceptor>,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let _ = stream.set_nodelay(true);
        self.house.metrics.opened();
        match acceptor {
            None => self.speak(stream, watcher).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_PATIENCE, acceptor.accept(stream)).await {
                    self.speak(stream, watcher).await;
                }
            }
        }
        self.house.metrics.closed();
    }

    async fn speak<S>(&self, stream: S, watcher: hyper_util::server::graceful::Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_buf_size(BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_send_buf_size(BUFFER)
            .max_concurrent_streams(64)
            .keep_alive_interval(HEAD_PATIENCE);
        let service = service_fn(|request| {
            let (house, peer) = (self.house.clone(), self.peer);
            async move { Ok::<_, Infallible>(house.answer(peer, request).await) }
        });
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        // A connection that breaks is the client's matter; its answers are in the log with the bytes that went out.
        let _ = watcher.watch(connection).await;
    }
}

impl House {
    /// The bundle as it is now. Looks at most once a second whether index.json was replaced.
    fn shown(&self) -> Arc<(Bundle, Catalog)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.looked.elapsed() < Duration::from_secs(1) {
            return open.shown.clone();
        }
        open.looked = Instant::now();
        let now = stamp(&self.path);
        if now.is_some() && now != open.stamp {
            // A bundle that cannot be read just now is served as it was.
            let read = Bundle::open(&self.path).and_then(|bundle| {
                let catalog = Catalog::new(&bundle, &self.mapping)?;
                Ok((bundle, catalog))
            });
            if let Ok(read) = read {
                open.shown = Arc::new(read);
                open.stamp = now;
            }
        }
        open.shown.clone()
    }

    async fn answer(
        self: Arc<Self>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Response<Counted<impl FnOnce(u64) + Unpin + use<>>> {
        let started = Instant::now();
        let route = Route::parse(request.uri().path());
        let kind = route.kind();
        let mut answer = self.decide(&request, route).await;
        if request.method() == Method::HEAD {
            answer = answer::without_body(answer);
        }
        let status = answer.status().as_u16();
        let row = (
            request.method().to_string(),
            printable(&request.uri().to_string(), 512),
        );
        answer.map(|content| {
            Counted::new(content, move |bytes| {
                self.metrics.answered(kind, status, bytes);
                let event = Event::Answered {
                    client: peer.to_string(),
                    method: row.0,
                    target: row.1,
                    status,
                    bytes,
                    duration: started.elapsed(),
                };
                if self.log.try_send(event).is_err() {
                    self.metrics.unlogged();
                }
            })
        })
    }

    async fn decide(self: &Arc<Self>, request: &Request<Incoming>, route: Route) -> Answer {
        // A health check has no password.
        if route == Route::Health {
            return answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n");
        }
        if let Some(logins) = &self.logins
            && !logins.admit(request.headers()).await
        {
            let mut answer = answer::error(
                StatusCode::UNAUTHORIZED,
                Code::Unauthorized,
                "sign in with a name and password",
            );
            answer::header(
                &mut answer,
                WWW_AUTHENTICATE,
                "Basic realm=\"carrack\", charset=\"UTF-8\"",
            );
            return answer;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let message = "this registry is read-only: it serves a bundle";
            let mut answer = answer::error(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message);
            answer::header(&mut answer, ALLOW, "GET, HEAD");
            return answer;
        }
        let house = self.clone();
        let headers = request.headers().clone();
        let query = Query::parse(request.uri().query());
        // A drive may take its time; other connections must not wait with this one.
        tokio::task::spawn_blocking(move || house.look_up(route, &headers, &query))
            .await
            .unwrap_or_else(|_| {
                let message = "the server could not look it up";
                answer::error(StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown, message)
            })
    }

    fn look_up(&self, route: Route, headers: &HeaderMap, query: &Query) -> Answer {
        let shown = self.shown();
        let registry = Registry {
            bundle: &shown.0,
            catalog: &shown.1,
            headers,
            query,
        };
        let mut answer = match route {
            Route::Version => answer::json(&serde_json::json!({})),
            Route::Catalog => registry.catalog(),
            Route::Tags { name } => registry.tags(&name),
            Route::Manifest { name, wanted } => registry.manifest(&name, &wanted),
            Route::Blob { name, digest } => registry.blob(&name, &digest),
            Route::Referrers { name, subject } => registry.referrers(&name, &subject),
            Route::Chart { path } => return charts::file(&shown.0, &path, headers),
            Route::Metrics => {
                let text = self.metrics.text(shown.1.entries().len());
                return answer::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text);
            }
            Route::BadDigest => {
                answer::error(StatusCode::BAD_REQUEST, Code::DigestInvalid, "this is no digest")
            }
            Route::BadTag => answer::error(StatusCode::NOT_FOUND, Code::ManifestUnknown, "this is no tag"),
            Route::Upload => answer::absent(
                Code::Unsupported,
                "this registry is read-only: it serves a bundle",
            ),
            Route::Page => {
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                let visit = Visit {
                    // Only a host that is well formed is shown back.
                    target: host.and_then(|host| host.parse().ok()),
                    is_tls: self.is_tls,
                };
                return page::answer(&shown.0, &shown.1, &self.mapping, &visit);
            }
            Route::Health | Route::Unknown => {
                return answer::absent(Code::Unsupported, "nothing is served under this path");
            }
        };
        answer
            .headers_mut()
            .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        answer
    }
}

fn stamp(path: &std::path::Path) -> Stamp {
    let metadata = std::fs::symlink_metadata(path.join("index.json")).ok()?;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ))
}
