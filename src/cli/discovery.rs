//! The flags by which images are looked for, the same for `images` and `export`.

use std::path::PathBuf;

use clap::Args;

use super::values::{Rendering, Values};
use crate::chartrepo;
use crate::commands::images::{Options, Profile};
use crate::discover::{Exclude, Include, Tier};

/// How images are looked for in charts and manifests.
#[derive(Debug, Args)]
#[command(next_help_heading = "Looking for images")]
pub struct Discovery {
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
    /// Leave images out: `*` in the pattern stands for any text. May be repeated. carrack.yaml can choose by versions,
    /// tier, chart and pointer, too.
    #[arg(long, value_name = "PATTERN[=REASON]")]
    exclude: Vec<String>,
    /// Rules beside the built-in ones: images that operators compose, fields that hold them (TOML).
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Fetch the charts that charts depend on and do not bring along, from wherever they say; such a chart is looked into,
    /// and carried, whole.
    #[arg(long)]
    with_dependencies: bool,
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    rendering: Rendering,
}

impl Discovery {
    /// How charts are fetched.
    pub(super) fn charts(&self) -> chartrepo::Options {
        chartrepo::Options {
            dependencies: self.with_dependencies,
            ..chartrepo::Options::default()
        }
    }

    /// As plain data, for these sources.
    pub(super) fn options(self, sources: Vec<PathBuf>) -> Options {
        let split = |text: &str| {
            let (image, reason) = text.split_once('=').unwrap_or((text, ""));
            (image.to_owned(), reason.to_owned())
        };
        Options {
            sources,
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
                .map(|(image, reason)| Exclude {
                    image: Some(image),
                    reason,
                    ..Exclude::default()
                })
                .collect(),
            knowledge: self.rules,
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
