//! `carrack serve`: a bundle as a read-only registry and chart repository, until it is stopped.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::{Ending, Error, Report, World};
use crate::mirrors::{Mapping, Rule};
use crate::observe::{Event, Observer};
use crate::serve::{Logins, Server, Settings};

/// What to serve, and to whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// PEM file with the server's certificate chain; needs `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    pub tls_key: Option<PathBuf>,
    /// Password file as `htpasswd -B` writes it; without it everybody may read.
    pub htpasswd: Option<PathBuf>,
    /// More places of sources, as `import --map` takes them.
    pub rules: Vec<Rule>,
}

/// How the serving ended.
#[derive(Clone, Debug, Serialize)]
pub struct Served {
    /// Where it was served.
    pub address: String,
    /// Transfers that took too long to end after the stop, and were cut.
    pub cut: usize,
}

/// Serves until the run is cancelled, then lets running transfers end.
pub async fn run(options: &Options, world: &World, observer: &dyn Observer) -> Result<Served, Error> {
    let tls = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => {
            return Err(Error::Usage {
                problem: "--tls-cert and --tls-key need each other".into(),
            });
        }
    };
    let logins = options.htpasswd.as_deref().map(Logins::read).transpose()?;
    let settings = Settings {
        address: options.listen,
        tls,
        logins,
        mapping: Mapping::default().with_rules(options.rules.iter().cloned()),
    };
    let server = Server::bind(&options.bundle, settings).await?;
    let address = format!("{}://{}", server.scheme(), server.address()?);
    let count = server.catalog().1.entries().len();
    observer.on(&Event::Listening {
        url: address.clone(),
        offer: format!("{count} references"),
    });
    let cut = server.run(world.cancel.cancelled(), observer).await;
    Ok(Served { address, cut })
}

impl Report for Served {
    fn ending(&self) -> Ending {
        if self.cut == 0 {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cut {
            0 => write!(f, "stopped serving {}", self.address),
            1 => write!(f, "stopped serving {}; 1 connection was cut", self.address),
            cut => write!(f, "stopped serving {}; {cut} connections were cut", self.address),
        }
    }
}
