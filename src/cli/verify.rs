//! `carrack verify`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::ResultFormat;
use super::failure::{Exit, Failure};
use super::session::Session;
use super::trust::Trust;
use crate::commands::verify::{Options, run};

/// Check a bundle: hash every file, and see that nothing which a manifest needs is missing.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    bundle: PathBuf,
    #[command(flatten)]
    trust: Trust,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(None);
        let observer = session.observer();
        let options = Options {
            bundle: self.bundle,
            admission: self.trust.options(session, false)?,
        };
        let report = Session::block_in_place(&world, move |world| run(&options, world, observer.as_ref()))?;
        session.finish(&report, self.output)
    }
}
