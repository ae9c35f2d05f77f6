//! The section `charts`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::written::{KubeVersion, Written};
use crate::version::Constraint;

/// A chart, where it comes from, and the values that it is looked into with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", try_from = "Fields")]
#[schemars(with = "Fields")]
pub struct Chart {
    /// Where it comes from.
    pub origin: Origin,
    /// The rest.
    pub fields: Fields,
}

/// Where a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A folder or an archive on disk.
    Path(PathBuf),
    /// A repository with an index.yaml, and the chart's name in it; without a name, every chart.
    Repository {
        /// The repository's URL.
        url: String,
        /// The name, with `*` and `?` as patterns.
        name: Option<String>,
    },
    /// An OCI registry: `oci://HOST/PATH/CHART`.
    Oci(String),
}

impl Default for Origin {
    fn default() -> Self {
        Self::Path(PathBuf::new())
    }
}

/// A chart as it is written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(
    rename = "Chart",
    extend(
        "oneOf" = [{"required": ["path"]}, {"required": ["repository"]}, {"required": ["oci"]}],
        "dependentRequired" = {"name": ["repository"]},
        "dependentSchemas" = {
            "path": {"not": {"anyOf": [
                {"required": ["version"]}, {"required": ["latest"]}, {"required": ["app-version"]}]}},
            "keyring": {"properties": {"provenance": {"enum": ["if-there", "required"]}}}}
    )
)]
pub struct Fields {
    /// A chart's folder or archive on disk.
    path: Option<PathBuf>,
    /// The URL of a repository that has an index.yaml.
    #[schemars(regex(pattern = r"^https?://"))]
    repository: Option<String>,
    /// A chart of an OCI registry: `oci://HOST/PATH/CHART`.
    #[schemars(regex(pattern = r"^oci://[^/]+/.+"))]
    oci: Option<String>,
    /// The chart's name in its repository; `*` and `?` are patterns.
    name: Option<String>,
    /// Versions in this range, as `^1.2` or `>=1.2, <2`. Without it: the newest.
    pub version: Option<Written<Constraint>>,
    /// At most this many of the newest versions.
    #[schemars(range(min = 1))]
    pub latest: Option<std::num::NonZeroUsize>,
    /// Every version.
    #[serde(default)]
    pub all_versions: bool,
    /// Pre-releases, too.
    #[serde(default)]
    pub prereleases: bool,
    /// Only versions of this application version.
    pub app_version: Option<String>,
    /// Fetch the charts that it depends on and does not bring along, from wherever it says, and carry it whole, too.
    #[serde(default)]
    pub dependencies: bool,
    /// What is asked of its provenance file.
    pub provenance: Option<Provenance>,
    /// It must be signed by a key of this file (binary or armoured).
    pub keyring: Option<PathBuf>,
    /// Take archives that differ from the digest in their index, with a warning.
    #[serde(default)]
    pub accept_wrong_digest: bool,
    /// Send the repository's password also to other hosts that its index names.
    #[serde(default)]
    pub pass_credentials: bool,
    /// Values files on top of the chart's own; the last one wins.
    #[serde(default)]
    pub values: Vec<PathBuf>,
    /// Values written here, on top of the files.
    #[serde(default)]
    pub values_inline: BTreeMap<String, serde_json::Value>,
    /// Single values on top of all, as `--set` takes them: `a.b=1`.
    #[serde(default)]
    pub set: Vec<String>,
    /// More sets of values files, by name. The chart is looked into once with each, and what is found is united.
    #[serde(default)]
    pub profiles: BTreeMap<String, Vec<PathBuf>>,
    /// The name of the release.
    pub release_name: Option<String>,
    /// The namespace of the release.
    pub namespace: Option<String>,
    /// The Kubernetes version of the target cluster.
    pub kube_version: Option<Written<KubeVersion>>,
    /// API versions that the target cluster has beside the built-in ones.
    #[serde(default)]
    pub api_versions: Vec<String>,
    /// Flip switches of the values to find what the defaults hide.
    pub explore: Option<bool>,
    /// Count images that the values declare with an exact tag although nothing renders them.
    pub all_values: Option<bool>,
}

/// What is asked of a chart's provenance file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// It is taken where it is.
    IfThere,
    /// A chart without one fails.
    Required,
    /// It is not asked for.
    Never,
}

impl Fields {
    /// Charts of a repository: the shape that files of other tools give.
    pub(super) fn of_repository(url: &str, name: Option<&str>) -> Self {
        Self {
            repository: Some(url.to_owned()),
            name: name.map(str::to_owned),
            ..Self::default()
        }
    }

    /// A chart of an OCI registry.
    pub(super) fn of_oci(url: &str) -> Self {
        Self {
            oci: Some(url.to_owned()),
            ..Self::default()
        }
    }

    /// A chart on disk.
    pub(super) fn of_path(path: PathBuf) -> Self {
        Self {
            path: Some(path),
            ..Self::default()
        }
    }
}

impl Chart {
    /// A chart on disk.
    pub fn at(path: PathBuf) -> Self {
        Self {
            origin: Origin::Path(path.clone()),
            fields: Fields::of_path(path),
        }
    }
}

impl TryFrom<Fields> for Chart {
    type Error = &'static str;

    fn try_from(mut fields: Fields) -> Result<Self, &'static str> {
        let origin = match (fields.path.take(), fields.repository.take(), fields.oci.take()) {
            (Some(path), None, None) => Origin::Path(path),
            (None, Some(url), None) if url.starts_with("https://") || url.starts_with("http://") => {
                Origin::Repository {
                    url,
                    name: fields.name.take(),
                }
            }
            (None, Some(_), None) => {
                return Err(
                    "`repository` is a URL such as https://charts.example.com; for a registry use `oci`",
                );
            }
            (None, None, Some(url)) if url.starts_with("oci://") => Origin::Oci(url),
            (None, None, Some(_)) => return Err("`oci` is a URL such as oci://ghcr.io/org/charts/name"),
            _ => return Err("a chart comes from one place: say one of `path`, `repository` and `oci`"),
        };
        if fields.name.is_some() {
            return Err("`name` chooses among the charts of a `repository`");
        }
        if fields.keyring.is_some() && fields.provenance == Some(Provenance::Never) {
            return Err("a `keyring` is about provenance files, and `provenance: never` asks for none");
        }
        let fetched = fields.accept_wrong_digest || fields.pass_credentials;
        if fetched && !fields.dependencies && matches!(origin, Origin::Path(_)) {
            return Err(
                "a chart on disk is not fetched: `accept-wrong-digest` and `pass-credentials` are about repositories",
            );
        }
        let chooses = fields.version.is_some()
            || fields.latest.is_some()
            || fields.all_versions
            || fields.prereleases
            || fields.app_version.is_some();
        if chooses && matches!(origin, Origin::Path(_)) {
            return Err(
                "a chart on disk has one version: `version` and the like choose among those of a repository",
            );
        }
        Ok(Self { origin, fields })
    }
}
