//! Sources and `--config` files that declare what crosses, apart from sources that are carried themselves.

use std::path::{Path, PathBuf};

use crate::chartrepo;
use crate::commands::Error;
use crate::commands::configuration::Declaration;
use crate::commands::consignment::Asked;
use crate::commands::vetting::Policed;
use crate::commands::{World, images};
use crate::config::{self, Config, Referrers};
use crate::digest::Digest;
use crate::mirrors::PullSource;
use crate::observe::{Event, Observer};
use crate::oci::Platform;

/// What the files of a command line declare.
#[derive(Debug)]
pub(super) struct Declared {
    declarations: Vec<Declaration>,
    /// The sources that declare nothing.
    pub(super) others: Vec<String>,
}

impl Declared {
    /// Reads every source that is a declaration, and every `--config`. What of another tool's file is not done is told.
    pub(super) fn read(
        sources: &[String],
        configs: &[PathBuf],
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let mut declared = Self {
            declarations: Vec::new(),
            others: Vec::new(),
        };
        for path in configs {
            let declaration = Declaration::of_source(path)?;
            declared.declarations.push(match declaration {
                Some(declaration) => declaration,
                None => Declaration::load(path)?,
            });
        }
        for source in sources {
            match Declaration::of_source(Path::new(source))? {
                Some(declaration) => declared.declarations.push(declaration),
                None => declared.others.push(source.clone()),
            }
        }
        for declaration in &declared.declarations {
            for note in &declaration.notes {
                observer.on(&Event::Warning {
                    text: format!("{}, {note}", declaration.name),
                });
            }
        }
        Ok(declared)
    }

    /// What they ask for; `common` and `charts` are what the command line says.
    pub(super) fn asked(
        &self,
        common: &images::Options,
        charts: &chartrepo::Options,
        world: &World,
    ) -> Result<Vec<Asked>, Error> {
        let mut asked = Vec::new();
        for declaration in &self.declarations {
            asked.extend(declaration.asked(common, charts, world.clock.now())?);
        }
        Ok(asked)
    }

    /// Tells the world how hosts are reached.
    pub(super) fn equip(&self, world: &mut World) -> Result<(), Error> {
        self.declarations
            .iter()
            .try_for_each(|declaration| declaration.equip(world))
    }

    /// Where content is pulled from, if not from the hosts that names say.
    pub(super) fn pull_sources(&self) -> Result<Vec<PullSource>, Error> {
        let mut rules = Vec::new();
        for declaration in &self.declarations {
            rules.extend(declaration.pull_sources()?);
        }
        Ok(rules)
    }

    /// Files of podman's kind that say where content is pulled from.
    pub(super) fn registries_conf(&self) -> impl Iterator<Item = PathBuf> {
        let configs = self.configs();
        configs.flat_map(|config| config.network.registries_conf.clone())
    }

    /// Whether a declaration leaves out what is about images.
    pub(super) fn leaves_out_referrers(&self) -> bool {
        self.configs().any(|config| config.referrers == Referrers::None)
    }

    /// Whether a declaration carries layers that registries may not distribute.
    pub(super) fn includes_foreign(&self) -> bool {
        self.configs().any(|config| config.include_foreign)
    }

    /// How bundles are written: all declarations together, where they do not contradict each other.
    pub(super) fn bundle(&self) -> Result<config::Bundle, Error> {
        let mut all = config::Bundle::default();
        for bundle in self.configs().map(|config| &config.bundle) {
            all.with_carrack |= bundle.with_carrack;
            all.prune |= bundle.prune;
            agree(&mut all.lock, bundle.lock.as_ref(), "lock")?;
            agree(&mut all.volume_size, bundle.volume_size.as_ref(), "volume-size")?;
            agree(
                &mut all.largest_file,
                bundle.largest_file.as_ref(),
                "largest-file",
            )?;
        }
        Ok(all)
    }

    fn configs(&self) -> impl Iterator<Item = &Config> {
        self.declarations.iter().map(|declaration| &declaration.config)
    }

    /// What is asked of images: by `--policy`, which is `file`, and by every declaration.
    pub(super) fn policy(&self, file: Option<&Path>) -> Result<Option<Policed>, Error> {
        let mut policies = Vec::new();
        policies.extend(file.map(Policed::load).transpose()?);
        for declaration in &self.declarations {
            policies.extend(declaration.policy()?);
        }
        Ok(Policed::all_of(policies))
    }

    /// The platforms to carry, each once.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        let mut platforms = Vec::new();
        for platform in self.declarations.iter().flat_map(Declaration::platforms) {
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        platforms
    }

    /// One digest for all declarations together: that of the only one, or of their digests in order.
    pub(super) fn digest(&self) -> Option<Digest> {
        match &self.declarations[..] {
            [] => None,
            [only] => Some(only.digest),
            several => {
                let digests: Vec<String> = several.iter().map(|d| d.digest.to_string()).collect();
                Some(Digest::sha256(digests.join("\n").as_bytes()))
            }
        }
    }
}

/// Takes what one more declaration says of `key`, unless another one said something else.
fn agree<T: Clone + PartialEq>(known: &mut Option<T>, said: Option<&T>, key: &str) -> Result<(), Error> {
    match (&known, said) {
        (Some(known), Some(said)) if known != said => Err(Error::Usage {
            problem: format!("two of the configurations say different things of `{key}`: say --{key}"),
        }),
        (None, Some(said)) => {
            *known = Some(said.clone());
            Ok(())
        }
        _ => Ok(()),
    }
}
