//! The flags that `charts render` and `images` share with `helm template`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::values::{Target, ValueFlags};
use crate::config::{KubeVersion, NoKubeVersion};
use crate::helm::{Limits, Profile};

/// Values beside the charts' own.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Values, as helm template takes them")]
pub struct Values {
    /// Values from a YAML file (`-` is standard input). May be repeated; the last one wins.
    #[arg(long = "values", short = 'f', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Set a value: `a.b=1,c[0]=x`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Set a value that stays a string.
    #[arg(long, value_name = "KEY=TEXT")]
    set_string: Vec<String>,
    /// Set a value from JSON: `key={"a":1}`, or a whole object.
    #[arg(long, value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// Set a value to the content of a file.
    #[arg(long, value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// Set a value to the text as it stands, no character special.
    #[arg(long, value_name = "KEY=TEXT")]
    set_literal: Vec<String>,
}

impl Values {
    /// As plain data.
    pub fn flags(&self) -> ValueFlags {
        ValueFlags {
            files: self.files.clone(),
            set: self.set.clone(),
            set_string: self.set_string.clone(),
            set_json: self.set_json.clone(),
            set_file: self.set_file.clone(),
            set_literal: self.set_literal.clone(),
        }
    }
}

/// A major of Helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Major {
    /// Helm 3.21.
    #[value(name = "3")]
    Three,
    /// Helm 4.2.
    #[value(name = "4")]
    Four,
}

/// The cluster and release that charts are rendered for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rendering")]
pub struct Rendering {
    /// The namespace of the release.
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// The Kubernetes version of the target cluster: `1.29` or `v1.29.3`.
    #[arg(long, value_name = "VERSION", value_parser = kube_version)]
    kube_version: Option<String>,
    /// API versions that the target cluster has beside the built-in ones. May be repeated or separated by commas.
    #[arg(long, short, value_name = "GROUP/VERSION[/KIND]", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Render as this major of Helm does.
    #[arg(long, value_name = "MAJOR", default_value = "4")]
    helm: Major,
    /// Give a chart this many seconds of processor time before it is refused as hostile.
    #[arg(long, value_name = "SECONDS", default_value_t = 8)]
    render_seconds: u64,
    /// Let a chart's templates write this many megabytes before it is refused as hostile.
    #[arg(long, value_name = "MEGABYTES", default_value_t = 128)]
    render_megabytes: u64,
    /// Let a chart take this many steps of the template engine before it is refused as hostile.
    #[arg(long, value_name = "STEPS", default_value_t = 50_000_000)]
    render_steps: u64,
}

impl Rendering {
    /// As plain data.
    pub fn target(&self, release_name: Option<&str>) -> Target {
        let defaults = Target::default();
        Target {
            release_name: release_name.map_or(defaults.release_name, str::to_owned),
            namespace: self.namespace.clone(),
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
            profile: match self.helm {
                Major::Three => Profile::Helm3,
                Major::Four => Profile::Helm4,
            },
            limits: Limits {
                steps: self.render_steps,
                output_bytes: self.render_megabytes.saturating_mul(1 << 20),
                milliseconds: self.render_seconds.saturating_mul(1000),
                ..defaults.limits
            },
        }
    }
}

/// A version that charts can be rendered for, as it was written.
fn kube_version(text: &str) -> Result<String, NoKubeVersion> {
    text.parse::<KubeVersion>().map(|_| text.to_owned())
}
