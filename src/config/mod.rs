//! `carrack.yaml`: one file, kept in git, that says what crosses and how; and the files of other tools, read as the same.
//!
//! ```text
//! text ──parse──▶ Config      charts, images, registries, discovery, destinations: the sections     written   texts with a grammar
//! text ──foreign─▶ Config + notes      skopeo, hauler, helm-mirror, compose: what cannot come along is a note
//! Config ──write──▶ commented text, for `carrack init`          schema   the JSON Schema of it all, for editors
//! ```
//!
//! A file of ours is read strictly: an unknown or repeated key, a wrong type and a text that breaks its grammar are errors
//! at their line. Files of other tools are read as those tools read them, with [`goyaml`](crate::goyaml). This room opens
//! no connection and decides nothing: [`commands`](crate::commands) does what a configuration says.
//!
//! ```
//! use carrack::config::Config;
//!
//! let config = Config::parse("version: 1\nimages:\n- nginx:1.27\n", "carrack.yaml")?;
//! assert_eq!(config.images.len(), 1);
//! let error = Config::parse("version: 1\nimagse: []\n", "carrack.yaml").unwrap_err();
//! assert!(error.to_string().contains("did you mean `images`?"));
//! # Ok::<(), carrack::config::Error>(())
//! ```

mod bundle;
mod charts;
mod destinations;
mod discovery;
mod error;
pub mod foreign;
mod images;
mod on_disk;
mod paths;
mod registries;
mod schema;
mod write;
mod written;

pub use bundle::{Bundle, Referrers};
pub use charts::{Chart, Fields as ChartFields, Origin, Provenance};
pub use destinations::{Audience, ChartsPlace, Destination, EngineName, Engines, Layout, Place};
pub use discovery::{Discovery, Excluded, Helm, Included, Rendering, RenderingLimits, Tier};
pub use error::Error;
pub use images::{Image, Tags};
pub use on_disk::OnDisk;
use registries::by_host;
pub use registries::{Client, Login, Network, Registry};
pub use schema::schema;
pub use written::{
    Grammar, KubeVersion, NoKubeVersion, NoPlatform, NoSize, Pattern, PlatformName, PullPlace, Size, Written,
};

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::trust::Policy;

/// A configuration is written by hand; a longer file is a mistake.
pub const FILE_CAP: u64 = 4 << 20;

/// What crosses, and how.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "carrack.yaml")]
pub struct Config {
    /// The version of this format.
    pub version: FormatVersion,
    /// Charts that go along, with the images that they need.
    #[serde(default)]
    pub charts: Vec<Chart>,
    /// Kubernetes manifests on disk, files and folders of them: their images are carried.
    #[serde(default)]
    pub manifests: Vec<PathBuf>,
    /// Lists of images on disk: one reference a line, or the files of skopeo sync and hauler.
    #[serde(default)]
    pub lists: Vec<PathBuf>,
    /// Images by name, repositories with a choice of tags, and images that other tools left on disk.
    #[serde(default)]
    pub images: Vec<Image>,
    /// Platforms to carry of images that have several, such as linux/amd64; without any, all of them.
    #[serde(default)]
    pub platforms: Vec<Written<PlatformName>>,
    /// Signatures, attestations and SBOMs that go along with images: all, or none by choice.
    #[serde(default)]
    pub referrers: Referrers,
    /// Carry layers that registries may not distribute (Windows base layers), too.
    #[serde(default)]
    pub include_foreign: bool,
    /// How images are looked for in charts and manifests.
    #[serde(default)]
    pub discovery: Discovery,
    /// The cluster that charts are rendered for, unless a chart says otherwise.
    #[serde(default)]
    pub rendering: Rendering,
    /// How registries and repositories are reached, by host: `registry.example.com`, `localhost:5000`.
    #[serde(default, deserialize_with = "by_host")]
    pub registries: BTreeMap<String, Registry>,
    /// What holds for every host.
    #[serde(default)]
    pub network: Network,
    /// What is asked of images before they cross, and again before they are let in.
    pub policy: Option<Policy>,
    /// How bundles are written.
    #[serde(default)]
    pub bundle: Bundle,
    /// Where bundles are brought to, by a name of your own: `carrack import --config carrack.yaml --to NAME`.
    #[serde(default)]
    pub destinations: BTreeMap<String, Destination>,
}

impl Config {
    /// Reads a configuration. `name` is what errors call it.
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        parse(text, name)
    }
}

/// Reads a policy from a file of its own. `name` is what errors call it.
pub fn policy(text: &str, name: &str) -> Result<Policy, Error> {
    parse(text, name)
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, name: &str) -> Result<T, Error> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Error::of(&error, text, name))
}

/// The text of a configuration file or of another tool's, up to [`FILE_CAP`] bytes.
pub fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let mut file = std::fs::File::open(path).map_err(failed)?.take(FILE_CAP + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_CAP {
        return Err(Error::TooLong {
            path: path.to_owned(),
            cap: FILE_CAP,
        });
    }
    Ok(text)
}

/// Whether a text is meant as a `carrack.yaml`, by its first keys: a mapping with `version` and none of the keys that
/// manifests and compose files have.
pub fn is_config(text: &str) -> bool {
    let keys: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with([' ', '\t', '#', '-', '{', '[']))
        .filter_map(|line| line.split_once(':').map(|(key, _)| key.trim_end()))
        .collect();
    let has = |key: &str| keys.contains(&key);
    let ours = [
        "charts",
        "manifests",
        "lists",
        "images",
        "platforms",
        "referrers",
        "include-foreign",
        "discovery",
        "rendering",
        "registries",
        "network",
        "bundle",
        "destinations",
        "policy",
    ];
    // The one version that there is says it, too: a key that was mistyped must not hide the others.
    let is_ours = || ours.into_iter().any(has) || text.lines().any(|line| line.trim_end() == "version: 1");
    has("version") && !has("kind") && !has("apiVersion") && !has("services") && is_ours()
}

/// The version of the format, 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatVersion;

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "this carrack reads version 1 of the format, and the file says {other}"
            ))),
        }
    }
}

impl JsonSchema for FormatVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FormatVersion".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"const": 1})
    }
}

#[cfg(test)]
mod tests;
