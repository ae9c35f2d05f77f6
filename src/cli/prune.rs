//! `carrack prune`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{ResultFormat, with_causes};
use super::failure::{Exit, Failure};
use super::session::Session;
use crate::commands::prune::{Options, run};
use crate::reference::Reference;

/// Make room in a bundle: take references out, and remove every blob that no reference needs. `export --prune` does so
/// with all that is not asked for any more.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Take this reference out. May be repeated.
    #[arg(long, value_name = "REFERENCE", value_parser = with_causes::<Reference>)]
    remove: Vec<Reference>,
    /// Remove also what an interrupted run has brought, with which the same run would go on.
    #[arg(long)]
    unfinished: bool,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(None);
        let options = Options {
            bundle: self.bundle,
            remove: self.remove,
            unfinished: self.unfinished,
            holder: session.holder(),
        };
        let report = Session::block_in_place(&world, move |world| run(&options, world))?;
        session.finish(&report, self.output)
    }
}
