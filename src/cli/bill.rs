//! `carrack bill`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::{Exit, Failure};
use super::session::{self, Session};
use super::trust::Trust;
use crate::commands::bill::{self, Options, run};

/// Write the bill of transfer: what crosses, how large it is, why it is there and who signed it, for the people who must
/// agree to it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    bundle: PathBuf,
    /// The form: a page to read and print, the same as text, or a list of parts for other programs.
    #[arg(long, short, value_name = "FORM", default_value = "html")]
    output: Form,
    #[command(flatten)]
    trust: Trust,
}

/// The form of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One page without scripts.
    Html,
    /// Markdown.
    Markdown,
    /// SPDX 2.3, JSON.
    Spdx,
    /// `CycloneDX` 1.6, JSON.
    Cyclonedx,
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let options = Options {
            bundle: self.bundle,
            format: match self.output {
                Form::Html => bill::Format::Html,
                Form::Markdown => bill::Format::Markdown,
                Form::Spdx => bill::Format::Spdx,
                Form::Cyclonedx => bill::Format::CycloneDx,
            },
            policy: self.trust.policy(None)?,
            admission: self.trust.options(session, false)?,
        };
        let (text, ending) = run(&options, &session.world(None))?;
        session::print(text.as_bytes())?;
        Ok(ending.into())
    }
}
