//! `carrack images`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::{Exit, Failure};
use super::session::{self, Session};
use super::values::{Rendering, Values};
use crate::commands::images::{Format, Options, Profile, Snapshot, run};
use crate::commands::{self, Report as _};
use crate::discover::{Exclude, Include, Tier};

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
    /// Render once more with these values files on top, and unite what is found. May be repeated.
    #[arg(long = "values-profile", value_name = "NAME=FILE[,FILE]", value_parser = profile)]
    profiles: Vec<Profile>,
    /// Flip switches of the values to find what the defaults hide, and name the switch of each image.
    #[arg(long)]
    explore: bool,
    /// Count images that the values declare with an exact tag although nothing renders them.
    #[arg(long)]
    all_values: bool,
    /// Count images down to this tier: 1 certain, 2 strong, 3 heuristic, 4 candidates.
    #[arg(long, value_name = "TIER", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=4))]
    min_tier: u8,
    /// Add an image that nothing names. May be repeated.
    #[arg(long, value_name = "IMAGE[=REASON]")]
    include: Vec<String>,
    /// Leave images out: `*` in the pattern stands for any text. May be repeated.
    #[arg(long, value_name = "PATTERN[=REASON]")]
    exclude: Vec<String>,
    /// Rules beside the built-in ones: images that operators compose, fields that hold them (TOML).
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    rendering: Rendering,
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
        let options = self.options();
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

    fn options(self) -> Options {
        let split = |text: &str| {
            let (image, reason) = text.split_once('=').unwrap_or((text, ""));
            (image.to_owned(), reason.to_owned())
        };
        Options {
            sources: self.sources,
            values: self.values.flags(),
            profiles: self.profiles,
            target: self.rendering.target(None),
            least: Tier::from_number(self.min_tier).unwrap_or(Tier::Heuristic),
            all_values: self.all_values,
            explore: self.explore,
            include: self
                .include
                .iter()
                .map(|text| split(text))
                .map(|(image, reason)| Include { image, reason })
                .collect(),
            exclude: self
                .exclude
                .iter()
                .map(|text| split(text))
                .map(|(image, reason)| Exclude { image, reason })
                .collect(),
            knowledge: self.rules,
        }
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

fn profile(text: &str) -> Result<Profile, String> {
    match text.split_once('=') {
        Some((name, files)) if !name.is_empty() && !files.is_empty() => Ok(Profile {
            name: name.to_owned(),
            files: files.split(',').map(PathBuf::from).collect(),
        }),
        _ => Err("expected NAME=FILE, or several files with commas between".to_owned()),
    }
}
