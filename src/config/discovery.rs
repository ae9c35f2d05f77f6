//! The sections `discovery` and `rendering`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::written::{KubeVersion, Written};
use crate::reference::Reference;
use crate::version::Constraint;

/// How images are looked for in charts and manifests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Discovery {
    /// Flip switches of the values to find what the defaults hide, and name the switch of each image.
    #[serde(default)]
    pub explore: bool,
    /// Count images that the values declare with an exact tag although nothing renders them.
    #[serde(default)]
    pub all_values: bool,
    /// Count images down to this tier: 1 certain, 2 strong, 3 heuristic, 4 candidates.
    #[serde(default)]
    pub min_tier: Tier,
    /// Rules beside the built-in ones: a TOML file.
    pub rules: Option<PathBuf>,
    /// Images that nothing names and that are needed all the same.
    #[serde(default)]
    pub include: Vec<Included>,
    /// Images to leave out.
    #[serde(default)]
    pub exclude: Vec<Excluded>,
}

/// An image that nothing names and that is needed all the same.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Included {
    /// The image.
    pub image: Written<Reference>,
    /// Why it is needed; the report repeats it.
    #[serde(default)]
    pub reason: String,
}

/// Images to leave out: everything that is said must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, try_from = "WrittenExcluded")]
#[schemars(with = "WrittenExcluded")]
pub struct Excluded {
    /// A pattern over the whole reference or its repository.
    pub image: Option<String>,
    /// Only tags that are versions in this range.
    pub versions: Option<Written<Constraint>>,
    /// Only what is no surer than this tier.
    pub tier: Option<Tier>,
    /// A pattern over the chart's name, or over it with its subcharts.
    pub chart: Option<String>,
    /// A pattern over the JSON pointer of the place.
    pub pointer: Option<String>,
    /// Why they are not needed; the report repeats it.
    pub reason: String,
}

/// Images to leave out: everything that is said must hold. In patterns `*` stands for any text, `?` for one character.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "Excluded",
    extend("anyOf" = [
        {"required": ["image"]}, {"required": ["versions"]}, {"required": ["tier"]},
        {"required": ["chart"]}, {"required": ["pointer"]}])
)]
struct WrittenExcluded {
    /// A pattern over the whole reference or its repository.
    image: Option<String>,
    /// Only tags that are versions in this range: `<2`.
    versions: Option<Written<Constraint>>,
    /// Only what is no surer than this tier, from 1 (certain) to 4 (candidates).
    tier: Option<Tier>,
    /// A pattern over the chart's name, or over it with its subcharts: `argo-cd/redis-ha`.
    chart: Option<String>,
    /// A pattern over the JSON pointer of the place, as `images --why` prints it: `/spec/initContainers/*`.
    pointer: Option<String>,
    /// Why they are not needed; the report repeats it.
    #[serde(default)]
    reason: String,
}

impl TryFrom<WrittenExcluded> for Excluded {
    type Error = &'static str;

    fn try_from(written: WrittenExcluded) -> Result<Self, Self::Error> {
        let WrittenExcluded {
            image,
            versions,
            tier,
            chart,
            pointer,
            reason,
        } = written;
        if image.is_none() && versions.is_none() && tier.is_none() && chart.is_none() && pointer.is_none() {
            return Err("which images? Say `image`, `versions`, `tier`, `chart` or `pointer`");
        }
        Ok(Self {
            image,
            versions,
            tier,
            chart,
            pointer,
            reason,
        })
    }
}

/// How sure the rule must be that found an image: from 1 (certain) to 4 (candidates).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier(pub u8);

impl Default for Tier {
    fn default() -> Self {
        Self(3)
    }
}

impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            tier @ 1..=4 => Ok(Self(tier)),
            other => Err(serde::de::Error::custom(format!(
                "tiers go from 1 (certain) to 4 (candidates), and this is {other}"
            ))),
        }
    }
}

impl JsonSchema for Tier {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tier".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 4})
    }
}

/// The cluster that charts are rendered for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rendering {
    /// The Kubernetes version of the target cluster: `1.29` or `v1.29.3`.
    pub kube_version: Option<Written<KubeVersion>>,
    /// API versions that the target cluster has beside the built-in ones: `monitoring.coreos.com/v1`.
    #[serde(default)]
    pub api_versions: Vec<String>,
    /// The namespace of releases.
    pub namespace: Option<String>,
    /// Which major of Helm to render as.
    #[serde(default)]
    pub helm: Helm,
    /// What a chart may take before it is refused as hostile.
    #[serde(default)]
    pub limits: RenderingLimits,
}

/// What a chart may take before it is refused as hostile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderingLimits {
    /// Seconds of processor time.
    #[schemars(range(min = 1))]
    pub seconds: Option<NonZeroU64>,
    /// Megabytes that its templates write.
    #[schemars(range(min = 1))]
    pub megabytes: Option<NonZeroU64>,
    /// Steps of the template engine.
    #[schemars(range(min = 1))]
    pub steps: Option<NonZeroU64>,
}

/// A major of Helm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Helm {
    /// Helm 3.
    Three,
    /// Helm 4.
    #[default]
    Four,
}

impl<'de> Deserialize<'de> for Helm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            other => Err(serde::de::Error::custom(format!(
                "carrack renders as Helm 3 or Helm 4, not as {other}"
            ))),
        }
    }
}

impl JsonSchema for Helm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Helm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": [3, 4]})
    }
}
