//! `carrack charts render`: what `helm template` prints, with no helm at hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::values::{Target, ValueFlags};
use super::{Error, World};
use crate::fsx::Folder;
use crate::helm::{self, TemplateFiles};

/// A chart and the flags of `helm template`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The chart: a directory or an archive.
    pub chart: PathBuf,
    /// The cluster and release to render for.
    pub target: Target,
    /// Values beside the chart's own.
    pub values: ValueFlags,
    /// `--name-template`: a template that gives the release's name.
    pub name_template: Option<String>,
    /// Whether `crds/` is printed.
    pub include_crds: bool,
    /// `.Release.IsUpgrade` instead of `.Release.IsInstall`.
    pub is_upgrade: bool,
    /// Leaves all hooks out.
    pub no_hooks: bool,
    /// Leaves test hooks out.
    pub skip_tests: bool,
    /// Templates to print alone.
    pub show_only: Vec<String>,
    /// Whether `values.schema.json` is left unread.
    pub skip_schema_validation: bool,
    /// Seeds the random functions; without it each run draws its own.
    pub seed: Option<u64>,
    /// The folder that each template's documents are written below, instead of being printed.
    pub output_dir: Option<PathBuf>,
}

/// Renders the chart and gives the bytes that `helm template` prints: with a folder to write into, what was written there.
/// Blocks until it is done.
pub fn run(options: &Options, world: &World) -> Result<Vec<u8>, Error> {
    let limits = options.target.limits;
    let chart = helm::load_within(&options.chart, &limits)?;
    let now = world.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let render = helm::Options {
        name_template: options.name_template.clone(),
        include_crds: options.include_crds,
        is_upgrade: options.is_upgrade,
        no_hooks: options.no_hooks,
        skip_tests: options.skip_tests,
        show_only: options.show_only.clone(),
        skip_schema_validation: options.skip_schema_validation,
        seed: options.seed,
        now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        ..options.target.options(options.values.read()?)
    };
    let release = helm::render(&chart, &render)?;
    match &options.output_dir {
        None => Ok(release.template_output(&render)?),
        Some(folder) => write(&release.template_files(&render), folder),
    }
}

/// Writes the files below `folder`, each whole: what an earlier run left in one of them is gone. Names come from the chart
/// and lead nowhere else.
fn write(files: &TemplateFiles, folder: &Path) -> Result<Vec<u8>, Error> {
    let root = Folder::create(folder)?;
    for (name, text) in &files.texts {
        match name.rsplit_once('/') {
            Some((below, file)) => root.make_folder(below)?.write(file, text)?,
            None => root.write(name, text)?,
        }
    }
    let mut told = String::new();
    for name in &files.written {
        // Writing into a string cannot fail.
        let _ = writeln!(told, "wrote {}/{name}", folder.display());
    }
    // The line break is Helm's manifest, which has nothing in it.
    told.push('\n');
    Ok(told.into_bytes())
}
