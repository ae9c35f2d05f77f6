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
pub mod serve;
pub mod session;
pub mod sign;
pub mod trust;
pub mod values;
pub mod verify;

use std::process::ExitCode;

use clap::Parser as _;

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
            let _ = error.print();
            if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            }
        }
    }
}
