//! `carrack serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::arguments::{ResultFormat, with_causes};
use super::failure::{Exit, Failure};
use super::session::Session;
use crate::commands::serve::{Options, run};
use crate::mirrors::Rule;

/// Offer a bundle to nodes: a read-only registry and chart repository, with no server to install.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    bundle: PathBuf,
    /// Where to listen; port 0 takes a free one and says which.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Serve TLS with the certificate chain in this PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Ask for the passwords in this file, as `htpasswd -B` writes it.
    #[arg(long, value_name = "FILE")]
    htpasswd: Option<PathBuf>,
    /// Offer a source at one more place, as `import --map` does. May be repeated.
    #[arg(long, value_name = "SOURCE=PLACE", value_parser = with_causes::<Rule>)]
    map: Vec<Rule>,
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let options = Options {
            bundle: self.bundle,
            listen: self.listen,
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            htpasswd: self.htpasswd,
            rules: self.map,
        };
        let world = session.world(None);
        let observer = session.observer();
        let served = Session::block_on(&world, run(&options, &world, observer.as_ref()))?;
        session.finish(&served, ResultFormat::Text)
    }
}
