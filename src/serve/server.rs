//! Connections: how many, how patient, and how they end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use super::access::Logins;
use super::catalog::Catalog;
use super::house::House;
use super::{Error, tls};
use crate::bundle::Bundle;
use crate::mirrors::Mapping;
use crate::observe::{Event, Observer};

/// Connections beyond this wait in the listener's queue.
const CONNECTIONS: usize = 2048;

/// A client that does not finish its request's head in this time is let go.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How long running transfers may take to end after the server was asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// How many bytes one connection may hold on their way to a slow client.
const BUFFER: usize = 128 << 10;

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

impl Server {
    /// Reads the bundle and begins to listen.
    pub async fn bind(path: &std::path::Path, settings: Settings) -> Result<Self, Error> {
        let acceptor = match &settings.tls {
            Some((certificate, key)) => Some(tls::acceptor(certificate, key)?),
            None => None,
        };
        let (house, log) = House::open(path, settings.mapping, settings.logins, acceptor.is_some())?;
        let listener = TcpListener::bind(settings.address)
            .await
            .map_err(|source| Error::Listen {
                address: settings.address,
                source,
            })?;
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
