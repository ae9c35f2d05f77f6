//! The section `destinations`.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::registries::Login;
use super::written::Written;
use crate::mirrors::engines::Engine;
use crate::mirrors::{Rule, Target};

/// A place that bundles are brought to.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "Fields")]
#[schemars(with = "Fields")]
pub struct Destination {
    /// A registry or a folder.
    pub place: Place,
    /// How names become paths.
    pub layout: Layout,
    /// Sources that are placed elsewhere.
    pub map: Vec<Written<Rule>>,
    /// The registry takes paths of this many components only.
    pub max_depth: Option<usize>,
    /// Where charts go, if they are brought in, too.
    pub charts: Option<ChartsPlace>,
    /// Whether Harbor projects that are not there are made, and for whom.
    pub create_projects: Option<Audience>,
    /// Configuration of container engines that is written beside.
    pub engines: Option<Engines>,
}

/// Where the charts of a bundle go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenChartsPlace")]
#[schemars(with = "WrittenChartsPlace")]
pub enum ChartsPlace {
    /// A folder that any web server offers.
    Folder(PathBuf),
    /// A registry, or a repository that takes uploads.
    Url(String),
}

/// Where the charts of a bundle go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "ChartsPlace",
    extend("oneOf" = [{"required": ["folder"]}, {"required": ["oci"]}, {"required": ["repository"]}])
)]
struct WrittenChartsPlace {
    /// A folder that any web server offers.
    folder: Option<PathBuf>,
    /// An OCI registry, where `helm pull` finds them: `oci://HOST/PATH`.
    #[schemars(regex(pattern = r"^oci://[^/]+"))]
    oci: Option<String>,
    /// A repository that takes uploads (ChartMuseum, Harbor up to 2.7), by the address that `helm repo add` takes.
    #[schemars(regex(pattern = r"^https?://"))]
    repository: Option<String>,
}

impl TryFrom<WrittenChartsPlace> for ChartsPlace {
    type Error = &'static str;

    fn try_from(written: WrittenChartsPlace) -> Result<Self, &'static str> {
        match (written.folder, written.oci, written.repository) {
            (Some(folder), None, None) => Ok(Self::Folder(folder)),
            (None, Some(url), None) if url.starts_with("oci://") => Ok(Self::Url(url)),
            (None, Some(_), None) => Err("`oci` is a URL such as oci://mirror.example.lan/charts"),
            (None, None, Some(url)) if url.starts_with("https://") || url.starts_with("http://") => {
                Ok(Self::Url(url))
            }
            (None, None, Some(_)) => Err("`repository` is a URL such as https://charts.example.lan"),
            _ => Err("charts go to one place: say one of `folder`, `oci` and `repository`"),
        }
    }
}

/// Who may pull from a new Harbor project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Its members.
    Private,
    /// Everybody.
    Public,
}

/// A registry or a folder.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A registry, with a path on it if everything goes below one.
    Registry(Written<Target>),
    /// A folder: a bundle for `carrack serve`.
    Folder(PathBuf),
}

/// A destination as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Destination", extend("oneOf" = [
    {"required": ["registry"]},
    {"required": ["folder"], "not": {"anyOf": [{"required": ["max-depth"]}, {"required": ["create-projects"]}]}}
]))]
struct Fields {
    /// A registry, with a path on it if everything goes below one: `mirror.example.lan/project`.
    registry: Option<Written<Target>>,
    /// A folder: a bundle that `carrack serve` offers to nodes.
    folder: Option<PathBuf>,
    /// Where references go: `host` puts `quay.io/a/b` at REGISTRY/quay.io/a/b, `root` at REGISTRY/a/b.
    #[serde(default)]
    layout: Layout,
    /// Place single sources elsewhere: `quay.io/jetstack=jetstack`, `docker.io=/`; with `+=` there too. For a folder: where
    /// `carrack serve --map` offers them.
    #[serde(default)]
    map: Vec<Written<Rule>>,
    /// The registry takes paths of this many components only (Quay: 2).
    #[schemars(range(min = 1))]
    max_depth: Option<usize>,
    /// Bring the charts, too, to this place.
    charts: Option<ChartsPlace>,
    /// Make Harbor projects that are not there, for their members or for everybody.
    create_projects: Option<Audience>,
    /// Configuration of container engines that is written beside.
    engines: Option<Engines>,
}

/// The scheme by which names become paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Under the name of the host.
    #[default]
    Host,
    /// At the registry's root.
    Root,
}

/// Configuration of container engines, so that nodes find original names in the mirror.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Engines {
    /// The folder that it is written into, laid out as on a node.
    pub folder: PathBuf,
    /// The engines; without any, all of them.
    #[serde(default, rename = "for")]
    pub engines: Vec<EngineName>,
    /// The mirror as nodes know it, if they know it by another name.
    pub mirror: Option<Written<Target>>,
    /// The PEM file of the authority behind the mirror's certificate, for nodes that do not trust it yet.
    pub mirror_ca: Option<PathBuf>,
    /// Who nodes sign in as.
    pub login: Option<Login>,
}

/// The name of a container engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineName(pub Engine);

impl<'de> Deserialize<'de> for EngineName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for EngineName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Engine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": Engine::ALL.map(Engine::name)})
    }
}

impl TryFrom<Fields> for Destination {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, &'static str> {
        let place = match (fields.registry, fields.folder) {
            (Some(registry), None) => Place::Registry(registry),
            (None, Some(_)) if fields.max_depth.is_some() => {
                return Err("`max-depth` is about paths on a registry, and this destination is a folder");
            }
            (None, Some(_)) if fields.create_projects.is_some() => {
                return Err(
                    "`create-projects` is about projects on a registry, and this destination is a folder",
                );
            }
            (None, Some(folder)) => Place::Folder(folder),
            _ => return Err("a destination is one place: say either `registry` or `folder`"),
        };
        Ok(Self {
            place,
            layout: fields.layout,
            map: fields.map,
            max_depth: fields.max_depth,
            charts: fields.charts,
            create_projects: fields.create_projects,
            engines: fields.engines,
        })
    }
}
