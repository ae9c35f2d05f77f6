//! What a `carrack.yaml`, or another tool's file that is read as one, asks of the commands.

mod charts;
mod reach;

pub use reach::password;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Error;
use super::consignment::{Asked, Item};
use super::images;
use super::values::Target;
use super::vetting::Policed;
use crate::causes::chain;
use crate::chartrepo;
use crate::config::foreign::{self, Note};
use crate::config::{self, Config, Destination, Image, RenderingLimits, Tags};
use crate::digest::Digest;
use crate::discover::{Exclude, Include, Tier};
use crate::helm;
use crate::mirrors::PullSource;
use crate::oci::Platform;
use crate::reference::Reference;
use crate::transfer::{TagFilter, TagFilterError, TagSelection};

/// A file that says what crosses.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The file, as errors and the inventory call it.
    pub name: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// What it says.
    pub config: Config,
    /// What of it is not done, if it is another tool's file.
    pub notes: Vec<Note>,
    /// The folder that its paths begin at.
    folder: PathBuf,
}

impl Declaration {
    /// Reads a `carrack.yaml`.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = config::read(path)?;
        Self::of_text(path, &text)
    }

    fn of_text(path: &Path, text: &str) -> Result<Self, Error> {
        let name = path.display().to_string();
        let mut config = Config::parse(text, &name)?;
        config.take_paths_from(folder_of(path));
        Ok(Self {
            name,
            digest: Digest::sha256(text.as_bytes()),
            config,
            notes: Vec::new(),
            folder: folder_of(path).to_owned(),
        })
    }

    /// Reads a source of the command line, if it is a file that declares others: ours by any name, or another tool's.
    /// Charts, manifests, folders and image lists are none.
    pub fn of_source(path: &Path) -> Result<Option<Self>, Error> {
        if !path.is_file() || !is_text(path) {
            return Ok(None);
        }
        let named = path.file_name().is_some_and(|name| name == "carrack.yaml");
        let text = match config::read(path) {
            Ok(text) => text,
            // A large file or one that is no text: whoever reads sources will say what it is.
            Err(_) if !named => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if named || config::is_config(&text) {
            return Self::of_text(path, &text).map(Some);
        }
        match foreign::format(&text) {
            None | Some(foreign::Format::List) => Ok(None),
            Some(format) => {
                let read = foreign::read(&text, format, &path.display().to_string())?;
                let mut config = read.config;
                config.take_paths_from(folder_of(path));
                Ok(Some(Self {
                    name: path.display().to_string(),
                    digest: Digest::sha256(text.as_bytes()),
                    config,
                    notes: read.notes,
                    folder: folder_of(path).to_owned(),
                }))
            }
        }
    }

    /// What is asked for: one set of items for each way in which charts are looked into. `common` and `charts` are what the
    /// command line says; it wins where both speak. `now` is for signatures of charts that expire.
    pub fn asked(
        &self,
        common: &images::Options,
        charts: &chartrepo::Options,
        now: SystemTime,
    ) -> Result<Vec<Asked>, Error> {
        let images = self.images(common);
        let mut asked = vec![Asked {
            items: self.files()?,
            images: images.clone(),
            source: Some(self.name.clone()),
            ..Asked::default()
        }];
        for image in &self.config.images {
            asked.push(Asked {
                items: self.image(image)?,
                source: Some(self.source(image.reason())),
                ..Asked::default()
            });
        }
        for chart in &self.config.charts {
            asked.push(self.chart(chart, &images, charts, now)?);
        }
        Ok(asked)
    }

    /// How images are looked for, for every chart that does not say otherwise.
    pub fn images(&self, common: &images::Options) -> images::Options {
        let (discovery, rendering) = (&self.config.discovery, &self.config.rendering);
        let mut options = common.clone();
        options.sources = Vec::new();
        options.explore |= discovery.explore;
        options.all_values |= discovery.all_values;
        if common.least == Tier::Heuristic {
            options.least = Tier::from_number(discovery.min_tier.0).unwrap_or(common.least);
        }
        options
            .include
            .extend(discovery.include.iter().map(|included| Include {
                image: included.image.text.clone(),
                reason: included.reason.clone(),
            }));
        options
            .exclude
            .extend(discovery.exclude.iter().map(|excluded| Exclude {
                image: excluded.image.clone(),
                versions: excluded.versions.as_ref().map(|range| range.value.clone()),
                tier: excluded.tier.and_then(|tier| Tier::from_number(tier.0)),
                chart: excluded.chart.clone(),
                pointer: excluded.pointer.clone(),
                reason: excluded.reason.clone(),
            }));
        options.knowledge = common.knowledge.clone().or_else(|| discovery.rules.clone());
        let target = &mut options.target;
        if rendering.helm == config::Helm::Three {
            target.profile = helm::Profile::Helm3;
        }
        target.kube_version = target
            .kube_version
            .take()
            .or_else(|| Some(rendering.kube_version.as_ref()?.text.clone()));
        target.api_versions.extend(rendering.api_versions.iter().cloned());
        set_namespace(target, rendering.namespace.as_deref());
        set_limits(target, &rendering.limits);
        options
    }

    /// Manifests and lists.
    fn files(&self) -> Result<Vec<Item>, Error> {
        let files = self.config.manifests.iter().chain(&self.config.lists);
        let items = files.map(|path| {
            if path.exists() {
                Ok(Item::Path(path.clone()))
            } else {
                Err(self.wrong(format!("{} is not there", path.display())))
            }
        });
        items.collect()
    }

    fn image(&self, image: &Image) -> Result<Vec<Item>, Error> {
        match image {
            Image::One { reference, .. } => Ok(vec![Item::Reference(reference.value.clone())]),
            Image::OnDisk { source, .. } if !source.path.exists() => {
                Err(self.wrong(format!("the image {} is not there", source.path.display())))
            }
            Image::OnDisk { source, .. } => Ok(vec![Item::OnDisk(source.source())]),
            Image::Tags {
                repository,
                tags: Tags::Named(names),
                ..
            } => {
                let items = names.iter().map(|name| {
                    let tag = name
                        .parse()
                        .map_err(|error| self.wrong(format!("`{name}`: {error}")))?;
                    Ok(Item::Reference(Reference::tagged(repository.value.clone(), tag)))
                });
                items.collect()
            }
            Image::Tags {
                repository,
                tags:
                    Tags::Matching {
                        pattern,
                        range,
                        newest,
                    },
                reason,
            } => {
                let mut filter = TagFilter::default();
                let wrong = |error: TagFilterError| self.wrong(error);
                if let Some(pattern) = pattern {
                    filter = filter.matching(&pattern.text).map_err(wrong)?;
                }
                if let Some(range) = range {
                    filter = filter.in_range(&range.text).map_err(wrong)?;
                }
                if let Some(newest) = newest {
                    filter = filter.newest(*newest);
                }
                Ok(vec![Item::Tags(TagSelection {
                    repository: repository.value.clone(),
                    filter,
                    source: self.source(reason.as_deref()),
                })])
            }
        }
    }

    /// Who names an image, for the inventory.
    fn source(&self, reason: Option<&str>) -> String {
        match reason {
            Some(reason) => format!("{}: {reason}", self.name),
            None => self.name.clone(),
        }
    }

    /// The platforms to carry.
    pub fn platforms(&self) -> Vec<Platform> {
        let platforms = self.config.platforms.iter().map(|platform| Platform {
            os: platform.value.os.clone(),
            architecture: platform.value.architecture.clone(),
            variant: platform.value.variant.clone(),
            os_version: None,
        });
        platforms.collect()
    }

    /// What is asked of images, with the keys that it names.
    pub fn policy(&self) -> Result<Option<Policed>, Error> {
        let policy = self.config.policy.clone();
        policy
            .map(|policy| Policed::new(policy, &self.folder))
            .transpose()
    }

    /// Where content is pulled from, if not from the hosts that names say.
    pub fn pull_sources(&self) -> Result<Vec<PullSource>, Error> {
        let rules = self.config.registries.iter().filter_map(|(host, registry)| {
            let place = registry.pull_through.as_ref()?;
            Some(place.value.rule(host).map_err(|error| self.wrong(chain(&error))))
        });
        rules.collect()
    }

    /// The destination of this name; without a name the only one. None if the name is no destination's, but may be a
    /// registry's.
    pub fn destination(&self, name: Option<&str>) -> Result<Option<&Destination>, Error> {
        let known = &self.config.destinations;
        if let Some(name) = name {
            return Ok(known.get(name));
        }
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        match names[..] {
            [only] => Ok(known.get(only)),
            [] => Err(self.wrong("it declares no destination: say --to REGISTRY")),
            _ => Err(self.wrong(format!(
                "it declares several destinations: say --to, one of {}",
                names.join(", ")
            ))),
        }
    }

    fn wrong(&self, problem: impl std::fmt::Display) -> Error {
        Error::Usage {
            problem: format!("{}: {problem}", self.name),
        }
    }
}

/// The folder that a file's relative paths are taken from.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}

/// The command line's limits win, unless they are those that nobody chose.
fn set_limits(target: &mut Target, declared: &RenderingLimits) {
    let (limits, unsaid) = (&mut target.limits, Target::default().limits);
    if let Some(seconds) = declared.seconds
        && limits.milliseconds == unsaid.milliseconds
    {
        limits.milliseconds = seconds.get().saturating_mul(1000);
    }
    if let Some(megabytes) = declared.megabytes
        && limits.output_bytes == unsaid.output_bytes
    {
        limits.output_bytes = megabytes.get().saturating_mul(1 << 20);
    }
    if let Some(steps) = declared.steps
        && limits.steps == unsaid.steps
    {
        limits.steps = steps.get();
    }
}

/// The command line's namespace wins, unless it is the one that nobody chose.
fn set_namespace(target: &mut Target, namespace: Option<&str>) {
    if let Some(namespace) = namespace
        && target.namespace == Target::default().namespace
    {
        namespace.clone_into(&mut target.namespace);
    }
}

/// Whether a file may be a text of ours or of another tool, by its first bytes: archives need not be read.
fn is_text(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 2];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && head != [0x1f, 0x8b]
}

impl From<config::Error> for Error {
    fn from(error: config::Error) -> Self {
        Self::Config(Box::new(error))
    }
}
