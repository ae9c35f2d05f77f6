//! `carrack verify`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{Network, ResultFormat, with_causes};
use super::failure::{Exit, Failure};
use super::placement::Placement;
use super::session::Session;
use super::trust::Trust;
use crate::commands::through::{self, Way};
use crate::commands::verify::{Options, run};
use crate::mirrors::Target;
use crate::mirrors::engines::Engine;

/// Check a bundle: hash every file, and see that nothing which a manifest needs is missing. From inside: look for every
/// reference the way nodes do.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle's folder.
    bundle: PathBuf,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    inside: Inside,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    network: Network,
}

/// Looking for the bundle's references from inside, instead of hashing its files.
#[derive(Debug, Args)]
#[command(next_help_heading = "From inside")]
struct Inside {
    /// Look for every reference on this mirror, by tag and by digest, and list what is not there.
    #[arg(long, value_name = "REGISTRY[/PREFIX]", conflicts_with = "node_config", value_parser = with_causes::<Target>)]
    through: Option<Target>,
    /// The same where this configuration sends nodes: the folder of `import --engine-config`, or the root of a node.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["layout", "map"])]
    node_config: Option<PathBuf>,
    /// Only these engines of the configuration: crio, podman, containerd, k3s, rke2, docker, docker-suse, openshift.
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "node_config")]
    engine: Vec<Engine>,
    #[command(flatten)]
    placement: Placement,
}

impl Inside {
    fn way(self) -> Result<Option<Way>, Failure> {
        if let Some(folder) = self.node_config {
            let engines = self.engine;
            return Ok(Some(Way::Nodes { folder, engines }));
        }
        let Some(target) = self.through else {
            return Ok(None);
        };
        // Without a word of it, the mapping is the one that import left in its receipt.
        let mapping = if self.placement.is_given() {
            Some(self.placement.on(&target, None)?.0)
        } else {
            None
        };
        Ok(Some(Way::Registry { target, mapping }))
    }
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let observer = session.observer();
        if let Some(way) = self.inside.way()? {
            let world = session.world(Some(&self.network));
            let options = through::Options {
                bundle: self.bundle,
                way,
            };
            let report = Session::block_on(&world, through::run(&options, &world, &observer))?;
            return session.finish(&report, self.output);
        }
        let world = session.world(None);
        let options = Options {
            bundle: self.bundle,
            policy: self.trust.policy(None)?,
            admission: self.trust.options(session, false)?,
        };
        let report = Session::block_in_place(&world, move |world| run(&options, world, observer.as_ref()))?;
        session.finish(&report, self.output)
    }
}
