//! A server over a bundle, in this process, on a port of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use carrack::mirrors::Mapping;
use carrack::observe::Recorder;
use carrack::serve::{Server, Settings};
use tokio_util::sync::CancellationToken;

/// A running server; stops when it is dropped.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) recorder: Arc<Recorder>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<usize>>,
}

impl Serving {
    /// Serves `bundle` on a free port of the loopback interface, everything open.
    pub(crate) fn start(bundle: &Path) -> Self {
        Self::with(bundle, open())
    }

    pub(crate) fn with(bundle: &Path, settings: Settings) -> Self {
        let recorder = Arc::new(Recorder::default());
        let stop = CancellationToken::new();
        let (token, observer, bundle) = (stop.clone(), recorder.clone(), bundle.to_path_buf());
        let (sender, receiver) = std::sync::mpsc::channel();
        // A runtime in a thread of its own, so that synchronous and asynchronous tests can both start one.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Server::bind(&bundle, settings).await.unwrap();
                sender.send(server.address().unwrap()).unwrap();
                server.run(token.cancelled(), observer.as_ref()).await
            })
        });
        let address = receiver.recv().unwrap();
        Self {
            address,
            recorder,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks it to stop and gives the number of connections that had to be cut.
    pub(crate) fn stop(&mut self) -> usize {
        self.stop.cancel();
        self.thread.take().map_or(0, |thread| thread.join().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Settings without TLS and passwords.
pub(crate) fn open() -> Settings {
    Settings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        logins: None,
        mapping: Mapping::default(),
    }
}
