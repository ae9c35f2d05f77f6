//! What is answered: the bundle as it is now, and who may see it.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{ALLOW, HOST, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::mpsc;

use super::access::Logins;
use super::answer::{self, Answer, Code};
use super::body::Counted;
use super::catalog::Catalog;
use super::charts;
use super::metrics::Metrics;
use super::page::{self, Visit};
use super::registry::{Query, Registry};
use super::route::Route;
use crate::bundle::{self, Bundle};
use crate::mirrors::Mapping;
use crate::observe::Event;
use crate::secret::printable;

/// Docker's clients look for it to tell a registry from any web server.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Rows of the access log that may wait for the observer.
const LOG_ROOM: usize = 4096;

/// What all connections share.
pub(super) struct House {
    path: PathBuf,
    mapping: Mapping,
    is_tls: bool,
    logins: Option<Logins>,
    pub(super) metrics: Metrics,
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

impl House {
    /// Reads the bundle in the folder `path`. Gives the rows of the access log, too, as they come.
    pub(super) fn open(
        path: &Path,
        mapping: Mapping,
        logins: Option<Logins>,
        is_tls: bool,
    ) -> Result<(Self, mpsc::Receiver<Event>), bundle::Error> {
        let stamp = stamp(path);
        let bundle = Bundle::open(path)?;
        let catalog = Catalog::new(&bundle, &mapping)?;
        let (sender, log) = mpsc::channel(LOG_ROOM);
        let house = Self {
            path: path.to_path_buf(),
            mapping,
            is_tls,
            logins,
            metrics: Metrics::default(),
            open: Mutex::new(Open {
                shown: Arc::new((bundle, catalog)),
                stamp,
                looked: Instant::now(),
            }),
            log: sender,
        };
        Ok((house, log))
    }

    /// The bundle as it is now. Looks at most once a second whether index.json was replaced.
    pub(super) fn shown(&self) -> Arc<(Bundle, Catalog)> {
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

    /// Answers a request, and counts what goes out.
    pub(super) async fn answer(
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

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::symlink_metadata(path.join("index.json")).ok()?;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ))
}
