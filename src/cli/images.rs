//! `carrack images`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::arguments::{Network, ResultFormat, with_causes};
use super::declared::Declared;
use super::discovery::Discovery;
use super::failure::{Exit, Failure};
use super::session::{self, Session};
use crate::commands::consignment::{Asked, Item};
use crate::commands::images::{Format, Snapshot, check};
use crate::commands::survey::{needs_network, survey};
use crate::commands::{self, Report as _, wanted};
use crate::fsx::Folder;
use crate::mirrors::{Mapping, Rule};

/// Find every image that charts, manifests and lists need, and say why. Needs no network, but for charts of repositories
/// and --check.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Chart directories and archives, manifests or directories of them, image lists; a carrack.yaml, or the file of
    /// skopeo sync, hauler, helm-mirror or compose; charts of repositories as `https://HOST/PATH#CHART[@RANGE]` or
    /// `oci://HOST/PATH/CHART[:VERSION]`; images that other tools left on disk, as `oci-archive:FILE` and the like; `-` is
    /// standard input.
    #[arg(value_name = "SOURCE", required_unless_present_any = ["config", "wanted"])]
    sources: Vec<String>,
    /// Instead, list what nodes asked for and did not get, as a list for the next `export`: logs of containerd, CRI-O,
    /// docker and kubelets, `kubectl get events -A -o json`, access logs of the mirror. May be repeated.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["sources", "config"])]
    wanted: Vec<PathBuf>,
    /// The mirror in the access logs was filled with this `import --map`. May be repeated.
    #[arg(long, value_name = "SOURCE=PLACE", requires = "wanted", value_parser = with_causes::<Rule>)]
    map: Vec<Rule>,
    /// Look into what this carrack.yaml declares, too. May be repeated.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Form,
    /// Explain one image instead: every place that names it. A part of the name is enough. In the other forms: what the
    /// whole list has of it.
    #[arg(long, value_name = "IMAGE")]
    why: Option<String>,
    /// Show what changed since an earlier run, whose JSON is in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "why")]
    since: Option<PathBuf>,
    /// Ask the registries whether the images are there: verified, absent or unknown. Takes none off the list.
    #[arg(long, conflicts_with = "why")]
    check: bool,
    /// What is asked of images, a YAML file; here it can tell what names and registries break.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    discovery: Discovery,
    #[command(flatten)]
    network: Network,
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
        if !self.wanted.is_empty() {
            let mapping = Mapping::default().with_rules(self.map);
            let request = wanted::read(&self.wanted, &mapping)?;
            let form = match self.output {
                Form::Json => ResultFormat::Json,
                Form::Text | Form::List => ResultFormat::Text,
                _ => {
                    let problem = "what nodes wanted is listed as text or json".to_owned();
                    return Err(commands::Error::Usage { problem }.into());
                }
            };
            return session.finish(&request, form);
        }
        let before = self.since.as_deref().map(Snapshot::read).transpose()?;
        let why = self.why.clone();
        let format = self.output.format();
        let mut world = session.world(Some(&self.network));
        let observer = session.observer();
        let declared = Declared::read(&self.sources, &self.config, observer.as_ref())?;
        let policy = declared.policy(self.policy.as_deref())?;
        let charts = self.discovery.charts();
        let options = self.discovery.options(Vec::new());
        let mut asked = vec![Asked {
            items: items(&declared.others)?,
            images: options.clone(),
            charts: charts.clone(),
            ..Asked::default()
        }];
        asked.extend(declared.asked(&options, &charts, &world)?);
        declared.equip(&mut world)?;
        // Charts of repositories are looked into and not kept.
        let scratch = if needs_network(&asked) {
            Some(session.scratch()?)
        } else {
            None
        };
        let shelf = scratch.as_ref().map(|folder| Folder::create(folder.path()));
        let shelf = shelf.transpose().map_err(commands::Error::from)?;
        let mut report = Session::block_on(&world, survey(&asked, shelf.as_ref(), &world, &observer))?;
        if let Some(policy) = policy {
            policy.check_images(&mut report);
        }
        if self.check {
            report = Session::block_on(&world, async {
                check(&mut report, &world, &observer).await.map(|()| report)
            })?;
        }
        session.end_progress();
        session.record(&report)?;
        let text = match (why, before) {
            (Some(image), _) => {
                let about = report.about(&image);
                if about.names_nothing() {
                    let problem = format!("no image of these sources has `{image}` in its name");
                    return Err(commands::Error::Usage { problem }.into());
                }
                match format {
                    Format::Text => about.explained(),
                    format => about.to_format(format),
                }
            }
            (None, Some(before)) => report.since(&before).to_format(format),
            (None, None) => report.to_format(format),
        };
        let text = if self.output == Form::Text {
            session.fitted(&text)
        } else {
            text
        };
        session::print(text.as_bytes())?;
        Ok(report.ending().into())
    }
}

/// Charts of repositories by their URL; all else is a path, so that a slip of the fingers is no image of that name.
fn items(sources: &[String]) -> Result<Vec<Item>, commands::Error> {
    let items = sources.iter().map(|source| {
        if source.contains("://") {
            Ok(Item::Repository(source.parse()?))
        } else if Item::is_on_disk(source) {
            Item::parse(source, None)
        } else {
            Item::path(source)
        }
    });
    items.collect()
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
