//! An internet of a few names: a proxy that takes every connection, ends its TLS, and hands it to whoever plays the host.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The hosts, by name, each with the plain server behind it.
pub(crate) struct Internet {
    proxy: SocketAddr,
    authority: String,
}

impl Internet {
    /// Starts it; it ends with the test's process.
    pub(crate) fn start(hosts: BTreeMap<String, SocketAddr>) -> Self {
        let names: Vec<String> = hosts.keys().cloned().collect();
        let certificate = rcgen::generate_simple_self_signed(names).unwrap();
        let authority = certificate.cert.pem();
        let acceptor = acceptor(&certificate);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let hosts = Arc::new(hosts);
                while let Ok((client, _)) = listener.accept().await {
                    let (hosts, acceptor) = (Arc::clone(&hosts), acceptor.clone());
                    tokio::spawn(async move { pass(client, &hosts, acceptor).await });
                }
            });
        });
        Self {
            proxy: told.recv().unwrap(),
            authority,
        }
    }

    /// The environment in which programs see it. The authority's certificate is written into `folder`.
    pub(crate) fn environment(&self, folder: &Path) -> Vec<(&'static str, PathBuf)> {
        let authority = folder.join("authority.pem");
        carrack::fsx::write(&authority, self.authority.as_bytes()).unwrap();
        let proxy = PathBuf::from(format!("http://{}", self.proxy));
        vec![
            ("HTTPS_PROXY", proxy.clone()),
            ("https_proxy", proxy),
            ("SSL_CERT_FILE", authority),
        ]
    }
}

fn acceptor(certificate: &CertifiedKey<KeyPair>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der()));
    let configuration = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(configuration))
}

/// Answers `CONNECT host:443` and joins the two sides. A host that is not on this internet is refused.
async fn pass(client: TcpStream, hosts: &BTreeMap<String, SocketAddr>, acceptor: TlsAcceptor) -> Option<()> {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    loop {
        let before = head.len();
        client.read_line(&mut head).await.ok()?;
        if head.len() - before <= 2 {
            break;
        }
    }
    let host = head.strip_prefix("CONNECT ")?.split(':').next()?;
    let Some(address) = hosts.get(host) else {
        client
            .write_all(b"HTTP/1.1 502 No such host\r\n\r\n")
            .await
            .ok()?;
        return None;
    };
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.ok()?;
    let mut inside = acceptor.accept(client).await.ok()?;
    let mut server = TcpStream::connect(address).await.ok()?;
    tokio::io::copy_bidirectional(&mut inside, &mut server)
        .await
        .ok()?;
    Some(())
}
