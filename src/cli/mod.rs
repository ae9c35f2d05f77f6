//! The people's side: arguments, environment, printer, progress, failures.

pub mod arguments;
pub mod audit;
pub mod bill;
pub mod charts;
pub mod charts_look;
pub mod config;
mod declared;
pub mod discovery;
pub mod env;
pub mod export;
pub mod failure;
pub mod images;
pub mod import;
pub mod manual;
pub mod placement;
pub mod progress;
pub mod prune;
pub mod screen;
pub mod serve;
pub mod session;
pub mod sign;
pub mod trust;
pub mod values;
pub mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::secret::without_logins;

pub use arguments::Cli;
pub use env::Environment;
pub use failure::{Exit, Failure};
pub use progress::bytes;

/// Runs the program: reads arguments and environment, does the command, prints, and gives the exit code.
pub fn main() -> ExitCode {
    let environment = Environment::read();
    match Cli::try_parse() {
        Ok(cli) => session::run(cli, environment).into(),
        Err(error) => {
            // clap prints help and versions to standard output, mistakes to standard error.
            if !error.use_stderr() {
                let _ = error.print();
                return Exit::Done.into();
            }
            // clap repeats the word that it refuses, and whoever mistypes a URL may have a password in it.
            let plain = error.render().to_string();
            let shown = without_logins(&plain);
            if shown == plain {
                let _ = error.print();
            } else {
                let _ = write!(std::io::stderr().lock(), "{shown}");
            }
            Exit::Usage.into()
        }
    }
}
