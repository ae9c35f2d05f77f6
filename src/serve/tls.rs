//! Certificate and key of the server.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::Error;

/// Reads a certificate chain and its key, both PEM, and prepares to answer with them.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, Error> {
    let missing = |path: &Path, what| Error::Pem {
        path: path.to_path_buf(),
        what,
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|_| missing(certificate, "certificate"))?;
    if chain.is_empty() {
        return Err(missing(certificate, "certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|_| missing(key, "private key"))?;
    let refused = |source| Error::Certificate {
        path: certificate.to_path_buf(),
        source,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
