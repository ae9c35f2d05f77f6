//! A bundle as a read-only registry and chart repository: for a site that has no registry, and for looking at a drive.
//!
//! ```text
//! /v2/…                 the OCI distribution protocol, its reading half
//! /charts/<host>/<path> Helm repositories, as they lie in the bundle
//! /                     one page for people      /healthz  /metrics  for machines
//! ```
//!
//! The drive is hostile: a request's path never becomes a file's path. Blobs are found by a parsed digest, charts by
//! checked names, and no link is followed. Bodies stream from the disk, so memory does not grow with a layer's size.

mod access;
mod answer;
mod body;
mod catalog;
mod charts;
mod conditions;
mod content;
mod house;
mod metrics;
mod page;
mod registry;
mod route;
mod server;
mod tls;

pub use access::Logins;
pub use catalog::{Catalog, Facts, Shelf};
pub use server::{Server, Settings};

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{bundle, fsx};

/// Why a bundle cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
    /// A file cannot be read.
    #[error(transparent)]
    Files(#[from] fsx::Error),
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A certificate or key file holds none.
    #[error("{} holds no usable {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
    },
    /// Certificate and key do not fit each other or TLS.
    #[error("the certificate in {} cannot be used", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// A password file has no password.
    #[error("{} has no line `user:bcrypt-hash`, and nobody could read anything: `htpasswd -B` writes one", path.display())]
    NoPasswords {
        /// The file.
        path: PathBuf,
    },
    /// A line of the password file is none.
    #[error("line {line} of {} is no `user:bcrypt-hash`, as `htpasswd -B` writes it", path.display())]
    PasswordLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}
