//! `carrack sign`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::ResultFormat;
use super::failure::{Exit, Failure};
use super::session::Session;
use crate::commands::sign::{Options, run};

/// Sign a bundle's inventory with ssh-keygen, so that the other side can tell who exported it and that nothing changed.
/// Each further signer's signature is laid beside the others.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    bundle: PathBuf,
    /// The key: a private key's file, or the `.pub` file of one that ssh-agent, a security key or a smart card holds.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let options = Options {
            bundle: self.bundle,
            key: self.key,
            holder: session.holder(),
        };
        session.finish(&run(&options)?, self.output)
    }
}
