//! Certificates of one test: a server's, a client's, and their PEM files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// A server's and a client's certificate, each its own authority.
pub(crate) struct Certificates {
    server: CertifiedKey<KeyPair>,
    client: CertifiedKey<KeyPair>,
    folder: TempDir,
}

impl Certificates {
    /// New ones, for 127.0.0.1 and localhost.
    pub(crate) fn new() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let server = rcgen::generate_simple_self_signed(names(&["127.0.0.1", "localhost"])).unwrap();
        let client = rcgen::generate_simple_self_signed(names(&["client"])).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("ca.pem"), &server.cert.pem());
        write(&folder.path().join("client.pem"), &client.cert.pem());
        write(
            &folder.path().join("client.key"),
            &client.signing_key.serialize_pem(),
        );
        Self {
            server,
            client,
            folder,
        }
    }

    /// The authority that the server's certificate is from.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The client's certificate and key.
    pub(crate) fn client(&self) -> (PathBuf, PathBuf) {
        (
            self.folder.path().join("client.pem"),
            self.folder.path().join("client.key"),
        )
    }

    pub(super) fn acceptor(&self, ask_for_client: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if ask_for_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.client.cert.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.server.signing_key.serialize_der()));
        let configuration = builder
            .with_single_cert(vec![self.server.cert.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(configuration))
    }
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
