//! `carrack config` and `carrack init`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::arguments::ResultFormat;
use super::failure::{Exit, Failure};
use super::session::{Session, print};
use crate::commands::check::{self, check};
use crate::commands::init::{self, init};
use crate::config;

/// Work with `carrack.yaml`, the file that says what crosses.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Read the file, and say what it asks for or where it is wrong. Needs no network.
    Check(Check),
    /// Print the JSON Schema of the file, for editors.
    Schema,
}

/// The arguments of `config check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The file: a carrack.yaml, or another tool's file, to see how it would be read.
    #[arg(value_name = "FILE", default_value = "carrack.yaml")]
    file: PathBuf,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
}

impl Command {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Check(arguments) => {
                let options = check::Options { file: arguments.file };
                session.finish(&check(&options, &session.world(None))?, arguments.output)
            }
            Self::Schema => {
                print(config::schema().as_bytes())?;
                Ok(Exit::Done)
            }
        }
    }
}

/// Write a commented carrack.yaml from what there is: charts, repositories, manifests, image lists, pods, other tools' files.
#[derive(Debug, Args)]
pub struct Init {
    /// Charts and manifests on disk, `https://HOST/PATH#CHART[@RANGE]`, `oci://HOST/PATH/CHART`, an image list, what
    /// `kubectl get pods -A -o json` printed, a skopeo sync file, a hauler manifest, a compose file, a script of
    /// helm-mirror or one of its command lines in quotes; `-` is standard input. Without any: a file to fill in.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The file to write; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "carrack.yaml")]
    output: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(None);
        let observer = session.observer();
        let options = init::Options {
            sources: self.sources,
            output: (self.output.as_os_str() != "-").then_some(self.output),
            force: self.force,
        };
        let made = Session::block_in_place(&world, move |world| init(&options, world, observer.as_ref()))?;
        if made.written.is_some() {
            return session.finish(&made, ResultFormat::Text);
        }
        print(made.text.as_bytes())?;
        Ok(Exit::Done)
    }
}
