//! Sending one request: which connection, which budget, which redirects.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION};
use hyper::{Method, StatusCode};
use tokio::sync::watch;
use url::Url;

use super::body::{Part, Upload};
use super::error::Error;
use super::host::{authority, is_loopback, same_origin};
use super::lanes::{Lanes, Pass};
use super::proxy::Routes;
use super::request::{Body, Request};
use super::response::Response;
use super::retry::{Exhausted, Retry, Temporary};
use super::settings::{HostTls, Settings};
use super::{certs_d, dns, echo, tls};
use crate::causes::chain;
use crate::observe::{Clock, Event, Observer};
use crate::secret::{Secret, printable, redact_url};

/// Redirects that one request may follow.
const REDIRECTS: usize = 5;

/// The largest body of a redirect that is read so that its connection can be used again.
const REDIRECT_BODY_CAP: u64 = 64 << 10;

/// The program's HTTP client. Clones share connections and budgets.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    routes: Routes,
    plain: reqwest::Client,
    /// Made when the first host asks for TLS: reading the system's authorities takes a while.
    secure: Mutex<Option<reqwest::Client>>,
    per_host: BTreeMap<String, reqwest::Client>,
    lanes: Lanes,
}

impl Client {
    /// Makes the client. Certificate files and proxies that cannot be used are errors here, not at the first request.
    pub fn new(
        settings: Settings,
        observer: Arc<dyn Observer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let routes = Routes::new(&settings.proxies)?;
        let plain = build(&settings, &routes, tls::none()?)?;
        let secure = if settings.ca_files.is_empty() {
            None
        } else {
            let configuration = tls::configuration("all hosts", &settings.ca_files, &HostTls::default())?;
            Some(build(&settings, &routes, configuration)?)
        };
        let mut per_host = BTreeMap::new();
        let mut hosts = certs_d::read(&settings.certificate_folders)?;
        hosts.extend(settings.per_host.clone());
        for (host, host_tls) in &hosts {
            let configuration = tls::configuration(host, &settings.ca_files, host_tls)?;
            per_host.insert(
                host.to_ascii_lowercase(),
                build(&settings, &routes, configuration)?,
            );
        }
        let lanes = Lanes::new(
            settings.requests_per_host,
            settings.rate_per_host,
            settings.rates.clone(),
        );
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                observer,
                clock,
                routes,
                plain,
                secure: Mutex::new(secure),
                per_host,
                lanes,
            }),
        })
    }

    /// Whether `host` (with its port, if it has one) is spoken to without TLS: it is loopback or was named for it, and
    /// has no TLS settings of its own.
    pub fn is_plain(&self, host: &str) -> bool {
        let settings = &self.inner.settings;
        let named = || {
            settings
                .plain_http
                .iter()
                .any(|plain| plain.eq_ignore_ascii_case(host))
        };
        !self.inner.per_host.contains_key(&host.to_ascii_lowercase()) && (is_loopback(host) || named())
    }

    /// The root URL of `host`, with the scheme that [`is_plain`](Self::is_plain) asks for.
    pub fn root(&self, host: &str) -> Result<Url, Error> {
        let scheme = if self.is_plain(host) { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{host}/")).map_err(|_| Error::BadRequest {
            host: printable(host, 100),
            what: "host",
        })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The clock it was made with.
    pub fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    /// Tells the observer of something.
    pub fn tell(&self, event: &Event) {
        self.inner.observer.on(event);
    }

    /// Runs `operation` by the settings' retry policy; pauses are told to the observer as waits for `host`, the one that
    /// `operation` connects to.
    pub async fn retrying<T, E, F>(
        &self,
        host: &str,
        operation: impl FnMut(u32) -> F,
    ) -> Result<T, Exhausted<E>>
    where
        E: Temporary,
        F: Future<Output = Result<T, E>>,
    {
        let retry: Retry = self.inner.settings.retry;
        let known = || self.inner.lanes.knows(host);
        retry
            .run(host, known, self.inner.observer.as_ref(), operation)
            .await
    }

    /// Sends `request` once and follows its redirects. Every status is an answer, not an error.
    ///
    /// The answer holds its place in the host's budget until its body is read or dropped. Dropping the future gives
    /// everything back and closes the connection.
    pub async fn send(&self, request: &Request) -> Result<Response, Error> {
        let host = authority(&request.url);
        let mut pass = Some(self.inner.lanes.enter(&host, request.lane).await);
        let mut url = request.url.clone();
        let mut headers = request.headers.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.exchange(request, &url, &headers).await;
            log(&request.method, &url, &answer);
            let answer = answer?;
            self.inner.lanes.has_answered(&authority(&url));
            let target = if request.follow {
                redirect(request, &url, &answer)?
            } else {
                None
            };
            let Some(target) = target else {
                let secrets = echo::secrets(&headers, &request.secrets);
                return Ok(self.response(answer, url, pass.take(), secrets));
            };
            self.drain(answer, &url).await;
            // Once off the origin the headers are gone for good, also if a later hop leads back to it.
            if !same_origin(&request.url, &target) {
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            url = target;
        }
        Err(Error::TooManyRedirects {
            host,
            limit: REDIRECTS,
            last: redact_url(url.as_str()),
        })
    }

    fn response(
        &self,
        answer: reqwest::Response,
        url: Url,
        pass: Option<Pass>,
        secrets: Vec<Secret>,
    ) -> Response {
        let stall = self.inner.settings.stall_timeout;
        Response::new(answer, url, pass, stall, self.inner.clock.now(), secrets)
    }

    /// Reads the short body of a redirect, so that its connection can serve the next request.
    async fn drain(&self, answer: reqwest::Response, url: &Url) {
        if answer
            .content_length()
            .is_some_and(|length| length <= REDIRECT_BODY_CAP)
        {
            // What the body says and whether it comes does not matter here.
            let _ = self
                .response(answer, url.clone(), None, Vec::new())
                .bytes("redirect", REDIRECT_BODY_CAP)
                .await;
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, Error> {
        let settings = &self.inner.settings;
        let host = authority(url);
        let client = self.connections(&host, url)?;
        let mut wire = reqwest::Request::new(request.method.clone(), url.clone());
        wire.headers_mut().clone_from(headers);
        let answer_timeout = request.answer_timeout.unwrap_or(settings.answer_timeout);
        let mut upload = None;
        match &request.body {
            Body::Empty => {}
            Body::Bytes(bytes) => *wire.body_mut() = Some(bytes.clone().into()),
            Body::Part {
                source,
                offset,
                length,
            } => {
                let part = Part {
                    source: Arc::clone(source),
                    offset: *offset,
                    length: *length,
                };
                let (body, progress) = open(&host, &part).await?;
                *wire.body_mut() = Some(reqwest::Body::wrap(body));
                upload = Some((progress, part.length));
            }
        }
        let answer = client.execute(wire);
        let silence = silence(upload, settings.stall_timeout, answer_timeout);
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| {
                Error::from_reqwest(&host, error, settings.connect_timeout).through(self.inner.routes.of(url))
            }),
            stalled = silence => Err(match stalled {
                Silence::Answer => Error::NoAnswer { host, after: answer_timeout },
                Silence::Body => Error::Stalled { host, after: settings.stall_timeout },
            }),
        }
    }

    /// The pool of connections that a host's TLS settings ask for.
    fn connections(&self, host: &str, url: &Url) -> Result<reqwest::Client, Error> {
        let inner = &self.inner;
        if let Some(client) = inner.per_host.get(host) {
            return Ok(client.clone());
        }
        if url.scheme() != "https" {
            return Ok(inner.plain.clone());
        }
        let mut secure = inner.secure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = secure.as_ref() {
            return Ok(client.clone());
        }
        let settings = &inner.settings;
        let configuration = tls::configuration("all hosts", &settings.ca_files, &HostTls::default())?;
        let client = build(settings, &inner.routes, configuration)?;
        *secure = Some(client.clone());
        Ok(client)
    }
}

/// A line of the log for each request: what was asked, without secrets, and what came.
fn log(method: &Method, url: &Url, answer: &Result<reqwest::Response, Error>) {
    match answer {
        Ok(answer) => tracing::info!("{method} {} {}", redact_url(url.as_str()), answer.status()),
        Err(error) => tracing::info!("{method} {} {}", redact_url(url.as_str()), chain(error)),
    }
}

async fn open(host: &str, part: &Part) -> Result<(Upload, watch::Receiver<u64>), Error> {
    let opened = part.source.open(part.offset).await;
    let stream = opened.map_err(|source| Error::Source {
        host: host.to_owned(),
        source,
    })?;
    Ok(Upload::new(stream, part.length))
}

/// What a server is silent about.
enum Silence {
    /// It does not answer.
    Answer,
    /// It does not take the body.
    Body,
}

/// Ends when the server has been silent for too long. While a body goes out, its progress counts as a sign of life.
async fn silence(upload: Option<(watch::Receiver<u64>, u64)>, stall: Duration, answer: Duration) -> Silence {
    if let Some((mut progress, length)) = upload {
        while *progress.borrow_and_update() < length {
            match tokio::time::timeout(stall, progress.changed()).await {
                Ok(Ok(())) => {}
                // The body was dropped: the answer has come early, or the request has failed.
                Ok(Err(_)) => break,
                Err(_) => return Silence::Body,
            }
        }
    }
    tokio::time::sleep(answer).await;
    Silence::Answer
}

/// Where an answer sends the request, if it does.
fn redirect(request: &Request, from: &Url, answer: &reqwest::Response) -> Result<Option<Url>, Error> {
    let keeps_method = matches!(
        answer.status(),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    let changes_method = matches!(
        answer.status(),
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER
    );
    // A POST that becomes a GET has not done what was asked; it is no success and is left to the caller to see.
    if !(keeps_method || changes_method && request.method.is_safe()) {
        return Ok(None);
    }
    let Some(location) = answer.headers().get(LOCATION) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(location.as_bytes());
    let bad = || Error::BadRedirect {
        host: authority(from),
        target: printable(&redact_url(&text), 200),
    };
    let mut target = from.join(&text).map_err(|_| bad())?;
    if !matches!(target.scheme(), "http" | "https") || !target.has_host() {
        return Err(bad());
    }
    if from.scheme() == "https" && target.scheme() == "http" {
        return Err(Error::Downgrade {
            host: authority(from),
            target: redact_url(target.as_str()),
        });
    }
    // Whoever redirects must not choose the credentials either.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    Ok(Some(target))
}

fn build(settings: &Settings, routes: &Routes, tls: rustls::ClientConfig) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .http1_only()
        .tls_backend_preconfigured(tls)
        .dns_resolver(dns::Resolver::default())
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(settings.requests_per_host.saturating_mul(2))
        .tcp_keepalive(Duration::from_secs(30));
    for proxy in routes.proxies()? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|source| Error::Start { source })
}
