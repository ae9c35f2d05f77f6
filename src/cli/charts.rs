//! `carrack charts`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::arguments::{Network, ResultFormat, with_causes};
use super::charts_look::{Choice, Diff, List};
use super::failure::{Exit, Failure};
use super::session::{Session, print};
use super::values::{Rendering, Values};
use crate::chartrepo::{self, DigestMismatch, Keyring, Provenance, Source};
use crate::commands;
use crate::commands::charts::{PullOptions, pull};
use crate::commands::charts_push::{PushOptions, push};
use crate::commands::render;
use crate::mirrors::Target;

/// Work with chart repositories and charts.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Mirror chart repositories into a folder that any web server can offer.
    Pull(Box<Pull>),
    /// Put archives into an OCI registry, where `helm pull oci://…` finds them.
    Push(Push),
    /// Print what `helm template` prints.
    Render(Box<Render>),
    /// List the charts that a repository, a registry, a folder or a bundle has.
    List(Box<List>),
    /// Compare two versions of a chart: images, resource definitions, Kubernetes APIs, default values.
    Diff(Box<Diff>),
}

impl Command {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Pull(arguments) => arguments.run(session),
            Self::Push(arguments) => arguments.run(session),
            Self::Render(arguments) => arguments.run(session),
            Self::List(arguments) => arguments.run(session),
            Self::Diff(arguments) => arguments.run(session),
        }
    }
}

/// The arguments of `charts push`.
#[derive(Debug, Args)]
pub struct Push {
    /// Archives (.tgz), and folders that are searched for them: `BUNDLE/charts`.
    #[arg(value_name = "FILE|FOLDER", required = true)]
    sources: Vec<PathBuf>,
    /// The registry and the path on it; each chart gets a repository of its own name below.
    #[arg(long, value_name = "oci://REGISTRY[/PATH]", value_parser = with_causes::<Target>)]
    to: Target,
    /// Say what would be pushed, and push nothing.
    #[arg(long)]
    dry_run: bool,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    network: Network,
}

impl Push {
    fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(Some(&self.network));
        let observer = session.observer();
        let options = PushOptions {
            sources: self.sources,
            to: self.to,
            dry_run: self.dry_run,
        };
        let report = Session::block_on(&world, push(&options, &world, &observer))?;
        session.finish(&report, self.output)
    }
}

/// The arguments of `charts pull`.
#[derive(Debug, Args)]
pub struct Pull {
    /// Repositories: `https://HOST/PATH`, one chart of it as `https://HOST/PATH#CHART[@RANGE]`, `@NAME[/CHART[@RANGE]]`
    /// of a repository that Helm knows, or `oci://HOST/PATH/CHART[:VERSION]`; archives and folders on disk.
    #[arg(value_name = "SOURCE", required = true, value_parser = with_causes::<Source>)]
    sources: Vec<Source>,
    /// The folder under which each repository gets its own; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Fetch the charts that a chart depends on and does not bring along, from wherever it says, and put it whole into
    /// the repository `local`.
    #[arg(long)]
    with_dependencies: bool,
    /// Fail charts that have no provenance file; without it, provenance files are taken where they are.
    #[arg(long, conflicts_with = "no_provenance")]
    require_provenance: bool,
    /// Fail charts that are not signed by a key of this file (binary or armoured), those that are here already, too.
    #[arg(long, value_name = "FILE", conflicts_with = "no_provenance")]
    keyring: Option<PathBuf>,
    /// Do not ask for provenance files.
    #[arg(long)]
    no_provenance: bool,
    /// Take archives that differ from the digest in their index, with a warning.
    #[arg(long)]
    accept_wrong_digest: bool,
    /// Write absolute URLs that begin with this into the new indexes.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Send a repository's password also to other hosts that its index names.
    #[arg(long)]
    pass_credentials: bool,
    /// Say what would be fetched, and fetch nothing.
    #[arg(long)]
    dry_run: bool,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    network: Network,
}

impl Pull {
    fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(Some(&self.network));
        let observer = session.observer();
        let keyring = match &self.keyring {
            Some(path) => Some(Keyring::load(path, world.clock.now()).map_err(commands::Error::from)?),
            None => None,
        };
        let keyring = keyring.map(Arc::new);
        let options = PullOptions {
            sources: self.sources,
            to: self.to,
            pull: chartrepo::Options {
                selection: self.choice.selection(),
                keyring,
                dependencies: self.with_dependencies,
                provenance: match (
                    self.require_provenance || self.keyring.is_some(),
                    self.no_provenance,
                ) {
                    (true, _) => Provenance::Required,
                    (_, true) => Provenance::Never,
                    _ => Provenance::IfThere,
                },
                digest_mismatch: if self.accept_wrong_digest {
                    DigestMismatch::Accept
                } else {
                    DigestMismatch::Refuse
                },
                base_url: self.url,
                jobs: world.jobs,
                pins: None,
            },
            pass_credentials: self.pass_credentials,
            dry_run: self.dry_run,
        };
        let report = Session::block_on_small(&world, pull(&options, &world, &observer))?;
        session.finish(&report, self.output)
    }
}

/// The arguments of `charts render`.
#[derive(Debug, Args)]
pub struct Render {
    /// The chart: a directory or an archive; a release name may stand before it, as with helm template.
    #[arg(value_name = "[NAME] CHART", required = true, num_args = 1..=2)]
    chart: Vec<PathBuf>,
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    rendering: Rendering,
    /// A template that gives the release's name.
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// Print the resource definitions in crds/, too.
    #[arg(long)]
    include_crds: bool,
    /// Render as for an upgrade instead of an install.
    #[arg(long)]
    is_upgrade: bool,
    /// Leave out hooks.
    #[arg(long)]
    no_hooks: bool,
    /// Leave out test hooks.
    #[arg(long)]
    skip_tests: bool,
    /// Print only this template. May be repeated.
    #[arg(long, short, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Write the documents of each template into a file of its name below this folder, and print which.
    #[arg(long, value_name = "DIR", conflicts_with = "show_only")]
    output_dir: Option<PathBuf>,
    /// Taken for helm's sake, where it does nothing either: without a name the release is called `release-name`.
    #[arg(long, short)]
    generate_name: bool,
    /// Do not check the values against the charts' schemas.
    #[arg(long)]
    skip_schema_validation: bool,
    /// Make the random functions give the same on every run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl Render {
    fn run(mut self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(None);
        let chart = self.chart.pop().unwrap_or_default();
        let name = self.chart.pop().map(|name| name.to_string_lossy().into_owned());
        if self.generate_name && name.is_some() {
            let problem = "cannot set --generate-name and also specify a name".to_owned();
            return Err(commands::Error::Usage { problem }.into());
        }
        let options = render::Options {
            chart,
            target: self.rendering.target(name.as_deref()),
            values: self.values.flags(),
            name_template: self.name_template,
            include_crds: self.include_crds,
            is_upgrade: self.is_upgrade,
            no_hooks: self.no_hooks,
            skip_tests: self.skip_tests,
            show_only: self.show_only,
            skip_schema_validation: self.skip_schema_validation,
            seed: self.seed,
            output_dir: self.output_dir,
        };
        let manifest = render::run(&options, &world)?;
        print(&manifest)?;
        Ok(Exit::Done)
    }
}
