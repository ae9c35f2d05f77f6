//! `carrack charts list` and `carrack charts diff`: looking, and moving nothing.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{Network, ResultFormat, with_causes};
use super::failure::{Exit, Failure};
use super::session::Session;
use super::values::{Rendering, Values};
use crate::chartrepo::{self, Selection, Source};
use crate::commands::charts_diff::{DiffOptions, diff};
use crate::commands::charts_list::{ListOptions, list};

/// Which charts and versions of a repository are meant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which charts")]
pub struct Choice {
    /// Only charts of this name; `*` and `?` are patterns. May be repeated.
    #[arg(long, value_name = "NAME[@RANGE]")]
    chart: Vec<chartrepo::Pattern>,
    /// Versions in this range, as `^1.2` or `>=1.2, <2`. Without it: the newest.
    #[arg(long, value_name = "RANGE", value_parser = chartrepo::parse_range)]
    version: Option<crate::version::Constraint>,
    /// At most this many of the newest versions of each chart.
    #[arg(long, value_name = "N")]
    latest: Option<usize>,
    /// Every version.
    #[arg(long)]
    all_versions: bool,
    /// Pre-releases, too.
    #[arg(long)]
    devel: bool,
    /// Only charts of this application version; `*` and `?` are patterns.
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,
    /// Only charts that the index calls younger than this: 2024-05-31, or 2024-05-31T12:00:00Z.
    #[arg(long, value_name = "MOMENT", value_parser = chartrepo::parse_moment)]
    created_after: Option<jiff::Timestamp>,
}

impl Choice {
    /// As plain data.
    pub(super) fn selection(self) -> Selection {
        Selection {
            charts: self.chart,
            versions: self.version,
            latest: self.latest,
            all_versions: self.all_versions,
            prereleases: self.devel,
            app_version: self.app_version,
            created_after: self.created_after,
        }
    }
}

/// The arguments of `charts list`.
#[derive(Debug, Args)]
pub struct List {
    /// Repositories as `charts pull` takes them; archives, folders and bundles on disk.
    #[arg(value_name = "SOURCE", required = true, value_parser = with_causes::<Source>)]
    sources: Vec<Source>,
    /// Only charts with this word in the name, the description or the keywords. May be repeated: all must be there.
    #[arg(long, value_name = "WORD")]
    search: Vec<String>,
    /// Send a repository's password also to other hosts that its index names.
    #[arg(long)]
    pass_credentials: bool,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    network: Network,
}

impl List {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(Some(&self.network));
        let observer = session.observer();
        let options = ListOptions {
            sources: self.sources,
            selection: self.choice.selection(),
            search: self.search,
            pass_credentials: self.pass_credentials,
        };
        let report = Session::block_on(&world, list(&options, &world, &observer))?;
        session.finish(&report, self.output)
    }
}

/// The arguments of `charts diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The chart as it was: a directory or an archive.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The chart as it would be.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    rendering: Rendering,
}

impl Diff {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(None);
        let observer = session.observer();
        let options = DiffOptions {
            old: self.old,
            new: self.new,
            values: self.values.flags(),
            target: self.rendering.target(None),
        };
        let report = Session::block_in_place(&world, move |world| diff(&options, world, observer.as_ref()))?;
        session.finish(&report, self.output)
    }
}
