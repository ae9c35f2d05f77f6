//! `carrack import`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::arguments::{Network, ResultFormat, with_causes};
use super::failure::{Exit, Failure};
use super::placement::Placement;
use super::session::Session;
use super::trust::Trust;
use crate::causes::chain;
use crate::commands::charts_in::ChartsTo;
use crate::commands::configuration::{self, Declaration};
use crate::commands::import::preflight::Projects;
use crate::commands::import::{Destination, Options, run};
use crate::commands::{self, engine_config};
use crate::config;
use crate::mirrors::Target;
use crate::mirrors::engines::Engine;
use crate::reference::Reference;

/// Bring a bundle in: push it unchanged into a registry, or merge it into a bundle that nodes are served from. Each blob is
/// verified before it is sent. No host but the target is ever asked.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    #[arg(long, value_name = "BUNDLE")]
    from: PathBuf,
    /// The registry, with a path on it if everything goes below one; `dir:PATH`, a bundle for `carrack serve`; or with
    /// --config the name of a destination in it, which may be left out if there is one only.
    #[arg(
        long,
        value_name = "REGISTRY[/PREFIX]|dir:PATH|NAME",
        required_unless_present = "config"
    )]
    to: Option<String>,
    /// Take destinations, and how hosts are reached, from this carrack.yaml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make Harbor projects that are not there, for members only unless `public` is said.
    #[arg(long, value_name = "WHO", num_args = 0..=1, require_equals = true, default_missing_value = "private")]
    create_projects: Option<Audience>,
    /// Bring the charts, too: into a folder for any web server, into an OCI registry where `helm pull` finds them, or into
    /// a repository that takes uploads (ChartMuseum, Harbor up to 2.7), by the address that `helm repo add` takes.
    #[arg(long, value_name = "dir:PATH|oci://REGISTRY[/PATH]|https://HOST[/PATH]", value_parser = with_causes::<ChartsTo>)]
    charts_to: Option<ChartsTo>,
    /// Read what nodes asked for in vain, and leave the list for the next trip beside the receipt: logs of containerd,
    /// CRI-O, docker and kubelets, `kubectl get events -A -o json`, access logs of the mirror. May be repeated.
    #[arg(long, value_name = "LOG")]
    wanted: Vec<PathBuf>,
    /// Import only this reference. May be repeated.
    #[arg(long, value_name = "REFERENCE", value_parser = with_causes::<Reference>)]
    only: Vec<Reference>,
    /// Say what would be pushed, and push nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not read back what was written into a folder.
    #[arg(long)]
    no_read_back: bool,
    /// Write the receipt for the next export here instead of onto the drive.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    placement: Placement,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    engines: Engines,
    #[command(flatten)]
    network: Network,
}

/// Configuration of container engines, so that nodes find original names in the mirror.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine configuration")]
struct Engines {
    /// Write the configuration of container engines into this folder, laid out as on a node.
    #[arg(long, value_name = "DIR")]
    engine_config: Option<PathBuf>,
    /// Only for these: crio, podman, containerd, k3s, rke2, docker, docker-suse, openshift. All, if none is named.
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "engine_config")]
    engine: Vec<Engine>,
    /// The mirror as nodes know it, if they know it by another name.
    #[arg(long, value_name = "HOST[:PORT]", requires = "engine_config", value_parser = with_causes::<Target>)]
    mirror: Option<Target>,
    /// The PEM file of the authority behind the mirror's certificate, for nodes that do not trust it yet.
    #[arg(long, value_name = "FILE", requires = "engine_config")]
    mirror_ca: Option<PathBuf>,
    /// The name that nodes sign in with.
    #[arg(long, value_name = "NAME", requires = "mirror_password_file")]
    mirror_user: Option<String>,
    /// The file with the password that nodes sign in with.
    #[arg(long, value_name = "FILE", requires = "mirror_user")]
    mirror_password_file: Option<PathBuf>,
}

impl Engines {
    fn options(self) -> Result<Option<engine_config::Options>, commands::Error> {
        let Some(folder) = self.engine_config else {
            return Ok(None);
        };
        let login = match (self.mirror_user, self.mirror_password_file) {
            (Some(user), Some(path)) => Some((user, configuration::password(&path)?)),
            _ => None,
        };
        Ok(Some(engine_config::Options {
            folder,
            engines: self.engine,
            mirror: self.mirror,
            authority: self.mirror_ca,
            login,
        }))
    }
}

/// Where a bundle is brought.
#[derive(Clone, Debug)]
enum To {
    Registry(Target),
    Folder(PathBuf),
}

impl To {
    /// What `--to` says.
    fn named(text: &str) -> Result<Self, commands::Error> {
        if text == "dir:" {
            return Err(commands::Error::Usage {
                problem: "--to dir: names no folder: say dir:PATH".to_owned(),
            });
        }
        text.parse().map_err(|error| commands::Error::Usage {
            problem: format!("--to: {}", chain(&error)),
        })
    }

    /// A destination of a configuration.
    fn of(place: &config::Place) -> Self {
        match place {
            config::Place::Registry(target) => Self::Registry(target.value.clone()),
            config::Place::Folder(path) => Self::Folder(path.clone()),
        }
    }
}

/// What a configuration says of container engines.
fn engines_of(engines: &config::Engines) -> Result<engine_config::Options, commands::Error> {
    let login = engines.login.as_ref().map(|login| {
        let password = configuration::password(&login.password_file)?;
        Ok::<_, commands::Error>((login.username.clone(), password))
    });
    Ok(engine_config::Options {
        folder: engines.folder.clone(),
        engines: engines.engines.iter().map(|name| name.0).collect(),
        mirror: engines.mirror.as_ref().map(|mirror| mirror.value.clone()),
        authority: engines.mirror_ca.clone(),
        login: login.transpose()?,
    })
}

/// Where a configuration brings charts.
fn charts_of(place: &config::ChartsPlace) -> Result<ChartsTo, commands::Error> {
    match place {
        config::ChartsPlace::Folder(folder) => Ok(ChartsTo::Folder(folder.clone())),
        config::ChartsPlace::Url(url) => url.parse().map_err(|error| commands::Error::Usage {
            problem: format!(
                "charts cannot go to {}: {}",
                crate::secret::redact_url(url),
                chain(&error)
            ),
        }),
    }
}

impl FromStr for To {
    type Err = crate::mirrors::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("dir:") {
            Some(path) => Ok(Self::Folder(path.into())),
            None => Ok(Self::Registry(text.parse()?)),
        }
    }
}

/// Who may pull from a new Harbor project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Audience {
    /// Its members.
    Private,
    /// Everybody.
    Public,
}

impl Arguments {
    /// Whether a flag says something that only a registry can be told.
    fn is_of_a_registry(&self) -> bool {
        self.receipt.is_some() || self.create_projects.is_some() || self.placement.is_limited()
    }

    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut world = session.world(Some(&self.network));
        let observer = session.observer();
        let declaration = self.config.as_deref().map(Declaration::load).transpose()?;
        if let Some(declaration) = &declaration {
            declaration.equip(&mut world)?;
        }
        let declared = declaration
            .as_ref()
            .map(|declaration| declaration.destination(self.to.as_deref()))
            .transpose()?
            .flatten();
        let to = match (declared, &self.to) {
            (Some(declared), _) => To::of(&declared.place),
            (None, to) => To::named(to.as_deref().unwrap_or_default())?,
        };
        if matches!(to, To::Folder(_)) && self.is_of_a_registry() {
            let problem =
                "--receipt, --create-projects and --max-depth are about registries, and --to names a folder";
            return Err(commands::Error::Usage {
                problem: problem.to_owned(),
            }
            .into());
        }
        let policy = self.trust.policy(declaration.as_ref())?;
        let admission = self.trust.options(session, matches!(to, To::Folder(_)))?;
        let engines = match (self.engines.options()?, declared) {
            (None, Some(declared)) => declared.engines.as_ref().map(engines_of).transpose()?,
            (engines, _) => engines,
        };
        let charts_to = match (self.charts_to, declared.and_then(|place| place.charts.as_ref())) {
            (None, Some(place)) => Some(charts_of(place)?),
            (charts, _) => charts,
        };
        let given = self.placement.given().to_vec();
        let to = match to {
            To::Folder(folder) => Destination::Folder {
                folder,
                mapping: self.placement.of_folder(declared),
            },
            To::Registry(target) => {
                let (mapping, limits) = self.placement.on(&target, declared)?;
                Destination::Registry {
                    target,
                    mapping,
                    limits,
                    projects: match (
                        self.create_projects,
                        declared.and_then(|place| place.create_projects),
                    ) {
                        (Some(Audience::Private), _) | (None, Some(config::Audience::Private)) => {
                            Projects::CreatePrivate
                        }
                        (Some(Audience::Public), _) | (None, Some(config::Audience::Public)) => {
                            Projects::CreatePublic
                        }
                        (None, None) => Projects::Tell,
                    },
                }
            }
        };
        let options = Options {
            from: self.from,
            to,
            given,
            only: self.only,
            admission,
            policy,
            dry_run: self.dry_run,
            read_back: !self.no_read_back,
            receipt: self.receipt,
            charts_to,
            wanted: self.wanted,
            engine_config: engines,
            holder: session.holder(),
        };
        let report = Session::block_on(&world, run(&options, &world, &observer))?;
        session.finish(&report, self.output)
    }
}
