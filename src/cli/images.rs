//! `carrack images`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::discovery::Discovery;
use super::failure::{Exit, Failure};
use super::session::{self, Session};
use crate::commands::images::{Format, Snapshot, run};
use crate::commands::{self, Report as _};

/// Find every image that charts, manifests and lists need, and say why. Needs no network.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Chart directories and archives, manifests or directories of them, image lists, skopeo sync files; `-` is
    /// standard input.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Form,
    /// Explain one image instead: every place that names it. A part of the name is enough.
    #[arg(long, value_name = "IMAGE")]
    why: Option<String>,
    /// Show what changed since an earlier run, whose JSON is in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "why")]
    since: Option<PathBuf>,
    #[command(flatten)]
    discovery: Discovery,
}

/// A form of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, by chart.
    Text,
    /// Everything, for programs.
    Json,
    /// The same as YAML.
    Yaml,
    /// One row for each place of each image.
    Csv,
    /// For `skopeo sync --src yaml`.
    Skopeo,
    /// A hauler manifest.
    Hauler,
    /// One reference a line.
    List,
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let before = self.since.as_deref().map(Snapshot::read).transpose()?;
        let why = self.why.clone();
        let format = self.output.format();
        let options = self.discovery.options(self.sources);
        let world = session.world(None);
        let observer = session.observer();
        let report = Session::block_in_place(&world, move |world| {
            run(&options, &world.cancel, observer.as_ref())
        })?;
        let text = match (why, before) {
            (Some(image), _) => {
                let text = report.why(&image);
                if text.is_empty() {
                    let problem = format!("no image of these sources has `{image}` in its name");
                    return Err(commands::Error::Usage { problem }.into());
                }
                text
            }
            (None, Some(before)) => report.since(&before).to_format(format),
            (None, None) => report.to_format(format),
        };
        session::print(text.as_bytes())?;
        Ok(report.ending().into())
    }
}

impl Form {
    fn format(self) -> Format {
        match self {
            Self::Text => Format::Text,
            Self::Json => Format::Json,
            Self::Yaml => Format::Yaml,
            Self::Csv => Format::Csv,
            Self::Skopeo => Format::Skopeo,
            Self::Hauler => Format::Hauler,
            Self::List => Format::List,
        }
    }
}
