//! TLS configurations: the system's authorities, the user's, and client certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::error::Error;
use super::settings::HostTls;

/// Larger certificate files are refused; the system's whole bundle has a quarter of a megabyte.
const PEM_CAP: u64 = 16 << 20;

/// A configuration that trusts the system's authorities, those of `ca_files`, and those of `host`.
///
/// A system without any authority is no error here: the handshake says so, and only where TLS is spoken.
pub(super) fn configuration(
    name: &str,
    ca_files: &[std::path::PathBuf],
    host: &HostTls,
) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in ca_files.iter().chain(&host.ca_files) {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|source| failed(name, source))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| failed(name, source))?
        .with_root_certificates(roots);
    let mut configuration = match &host.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|source| failed(name, source))?,
    };
    // One TCP connection for all blobs, as HTTP/2 would have it, is slower than a pool of them.
    configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(configuration)
}

/// A configuration for clients that never speak TLS.
pub(super) fn none() -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| failed("plain HTTP", source))?;
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn failed(name: &str, source: rustls::Error) -> Error {
    Error::TlsSettings {
        host: name.to_owned(),
        source,
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::NoPem {
            path: path.to_owned(),
            wanted: "certificate",
        }),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| Error::NoPem {
        path: path.to_owned(),
        wanted: "private key",
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::CertificateFile {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, PEM_CAP), &mut text).map_err(failed)?;
    Ok(text)
}
