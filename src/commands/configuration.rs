//! What a `carrack.yaml`, or another tool's file that is read as one, asks of the commands.

use std::path::{Path, PathBuf};

use super::consignment::{Asked, Item};
use super::images::{self, Profile};
use super::values::{Target, ValueFlags};
use super::vetting::Policed;
use super::{Error, World};
use crate::chartrepo::{self, Selection};
use crate::config::foreign::{self, Note};
use crate::config::{self, Chart, Config, Destination, Image, Origin, Registry, Tags};
use crate::credentials::Explicit;
use crate::digest::Digest;
use crate::discover::{Exclude, Include, Tier};
use crate::helm;
use crate::http::HostTls;
use crate::mirrors::PullSource;
use crate::oci::Platform;
use crate::reference::Reference;
use crate::secret::Secret;
use crate::transfer::{TagFilter, TagFilterError, TagSelection};

/// A password file has one line.
const PASSWORD_CAP: u64 = 64 << 10;

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

    /// What is asked for: one set of items for each way in which charts are looked into. `common` is what the command
    /// line says; it wins where both speak.
    pub fn asked(&self, common: &images::Options) -> Result<Vec<Asked>, Error> {
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
            asked.push(self.chart(chart, &images)?);
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
            .or_else(|| rendering.kube_version.clone());
        target.api_versions.extend(rendering.api_versions.iter().cloned());
        set_namespace(target, rendering.namespace.as_deref());
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

    /// A chart with the values that it is looked into with.
    fn chart(&self, chart: &Chart, common: &images::Options) -> Result<Asked, Error> {
        let fields = &chart.fields;
        let range = fields
            .version
            .as_ref()
            .map(|range| format!("@{}", range.text))
            .unwrap_or_default();
        let item = match &chart.origin {
            Origin::Path(path) if !path.exists() => {
                return Err(self.wrong(format!("the chart {} is not there", path.display())));
            }
            Origin::Path(path) => Item::Path(path.clone()),
            Origin::Repository { url, name } => {
                let name = name.as_deref().unwrap_or("*");
                Item::Repository(format!("{url}#{name}{range}").parse()?)
            }
            Origin::Oci(url) => Item::Repository(format!("{url}{range}").parse()?),
        };
        let mut images = common.clone();
        images.values = values(fields, &common.values);
        images
            .profiles
            .extend(fields.profiles.iter().map(|(name, files)| Profile {
                name: name.clone(),
                files: files.clone(),
            }));
        images.explore = fields.explore.unwrap_or(images.explore);
        images.all_values = fields.all_values.unwrap_or(images.all_values);
        let target = &mut images.target;
        if let Some(name) = &fields.release_name {
            target.release_name.clone_from(name);
        }
        if let Some(version) = &fields.kube_version {
            target.kube_version = Some(version.clone());
        }
        if let Some(namespace) = &fields.namespace {
            target.namespace.clone_from(namespace);
        }
        target.api_versions.extend(fields.api_versions.iter().cloned());
        Ok(Asked {
            items: vec![item],
            images,
            charts: chartrepo::Options {
                selection: Selection {
                    latest: fields.latest.map(std::num::NonZero::get),
                    all_versions: fields.all_versions,
                    prereleases: fields.prereleases,
                    app_version: fields.app_version.clone(),
                    ..Selection::default()
                },
                ..chartrepo::Options::default()
            },
            ..Asked::default()
        })
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
            Some(place.value.rule(host).map_err(|error| self.wrong(error)))
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

    /// Tells the world how the hosts are reached.
    pub fn equip(&self, world: &mut World) -> Result<(), Error> {
        let network = &self.config.network;
        world.credentials.files.splice(0..0, network.auth_file.clone());
        world.http.ca_files.extend(network.ca_files.iter().cloned());
        if world.http.rate_per_host.is_none() {
            world.http.rate_per_host = network.requests_per_second.map(std::num::NonZero::get);
        }
        for (host, registry) in &self.config.registries {
            self.equip_host(host, registry, world)?;
        }
        Ok(())
    }

    fn equip_host(&self, host: &str, registry: &Registry, world: &mut World) -> Result<(), Error> {
        if registry.plain_http {
            world.http.plain_http.push(host.to_owned());
        }
        if let Some(rate) = registry.requests_per_second {
            world.http.rates.insert(host.to_owned(), rate.get());
        }
        if let Some(tls) = self.host_tls(registry)? {
            world.http.per_host.insert(host.to_owned(), tls);
        }
        if let Some(login) = &registry.login {
            let password = match &login.password {
                Some(password) => password.clone(),
                None => password(&login.password_file)?,
            };
            world.credentials.explicit.push(Explicit {
                host: host.to_owned(),
                user: login.username.clone(),
                password,
            });
        }
        if !registry.token_servers.is_empty() {
            let known = world
                .credentials
                .token_servers
                .entry(host.to_owned())
                .or_default();
            known.extend(registry.token_servers.iter().cloned());
        }
        Ok(())
    }

    fn host_tls(&self, registry: &Registry) -> Result<Option<HostTls>, Error> {
        let mut tls = HostTls::default();
        if let Some(folder) = &registry.certificate_folder {
            if !folder.is_dir() {
                return Err(self.wrong(format!(
                    "the folder of certificates {} is not there",
                    folder.display()
                )));
            }
            tls = HostTls::in_folder(folder)?.unwrap_or_default();
        }
        tls.ca_files.extend(registry.ca_files.iter().cloned());
        if let Some(client) = &registry.client {
            tls.client = Some((client.certificate.clone(), client.key.clone()));
        }
        Ok((tls != HostTls::default()).then_some(tls))
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

/// The command line's namespace wins, unless it is the one that nobody chose.
fn set_namespace(target: &mut Target, namespace: Option<&str>) {
    if let Some(namespace) = namespace
        && target.namespace == Target::default().namespace
    {
        namespace.clone_into(&mut target.namespace);
    }
}

/// The chart's own values first, the command line's on top.
fn values(fields: &config::ChartFields, common: &ValueFlags) -> ValueFlags {
    let mut flags = common.clone();
    flags.files.splice(0..0, fields.values.iter().cloned());
    flags.set.splice(0..0, fields.set.iter().cloned());
    if !fields.values_inline.is_empty() {
        let inline = fields.values_inline.iter();
        let texts = inline.map(|(key, value)| format!("{}={value}", escaped(key)));
        flags.set_json.splice(0..0, texts);
    }
    flags
}

/// A key as `--set-json` reads it whole.
fn escaped(key: &str) -> String {
    let special = |c: char| matches!(c, '.' | ',' | '=' | '[' | ']' | '{' | '}' | '\\');
    key.chars().fold(String::new(), |mut text, c| {
        if special(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
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

fn password(path: &PathBuf) -> Result<Secret, Error> {
    use std::io::Read as _;
    let failed = |source| Error::Read {
        path: path.clone(),
        source,
    };
    let mut text = String::new();
    let mut file = std::fs::File::open(path).map_err(failed)?.take(PASSWORD_CAP);
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}

impl From<config::Error> for Error {
    fn from(error: config::Error) -> Self {
        Self::Config(Box::new(error))
    }
}
