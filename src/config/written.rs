//! Texts that have a grammar of their own: read into what they mean, so that a bad one is an error at its line.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::causes::chain;
use crate::mirrors::{PullSource, Rule, Target};
use crate::reference::{Reference, Repository};
use crate::secret::printable;
use crate::version::{Constraint, kubernetes_numbers};

/// A text with a grammar, and what it means.
#[derive(Clone, Debug)]
pub struct Written<T> {
    /// As it was written.
    pub text: String,
    /// What it means.
    pub value: T,
}

/// What a text can be read as: its name and its shape in the schema. The shape is wider than the grammar.
pub trait Grammar: FromStr {
    /// The name in the schema.
    const NAME: &'static str;
    /// A regular expression that every such text matches.
    const SHAPE: &'static str;
    /// Whether YAML may take such a text for a number: `1.27`.
    const MAY_LOOK_LIKE_A_NUMBER: bool = false;
}

impl Grammar for Reference {
    const NAME: &'static str = "ImageReference";
    const SHAPE: &'static str = r"^[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]*$";
}

impl Grammar for Repository {
    const NAME: &'static str = "Repository";
    const SHAPE: &'static str = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$";
}

impl Grammar for Constraint {
    const NAME: &'static str = "VersionRange";
    const SHAPE: &'static str = r"^[A-Za-z0-9.,|<>=!~^*+\s-]+$";
    const MAY_LOOK_LIKE_A_NUMBER: bool = true;
}

impl Grammar for Target {
    const NAME: &'static str = "RegistryAndPrefix";
    const SHAPE: &'static str = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$";
}

impl Grammar for Rule {
    const NAME: &'static str = "PlacementRule";
    const SHAPE: &'static str = r"^[^=\s]+\+?=\S+$";
}

/// A place that a host's content is pulled from: `cache.example.com/hub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullPlace(String);

impl PullPlace {
    /// The rule that pulls what lies on `host` from here.
    pub fn rule(&self, host: &str) -> Result<PullSource, crate::mirrors::PullSourceError> {
        format!("{host}={}", self.0).parse()
    }
}

impl FromStr for PullPlace {
    type Err = crate::mirrors::PullSourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        format!("any.invalid={text}").parse::<PullSource>()?;
        Ok(Self(text.to_owned()))
    }
}

impl Grammar for PullPlace {
    const NAME: &'static str = "PullPlace";
    const SHAPE: &'static str = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$";
}

/// A regular expression over tags; its text says it all.
#[derive(Clone, Copy, Debug)]
pub struct Pattern;

impl FromStr for Pattern {
    type Err = regex::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        regex::Regex::new(text).map(|_| Self)
    }
}

impl Grammar for Pattern {
    const NAME: &'static str = "TagPattern";
    const SHAPE: &'static str = ".";
    const MAY_LOOK_LIKE_A_NUMBER: bool = true;
}

/// A version of Kubernetes that charts are rendered for: `1.29`, `v1.29.3`. Its text says it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KubeVersion;

/// Why a text is no version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version of Kubernetes: expected one such as 1.29 or v1.29.3")]
pub struct NoKubeVersion {
    text: String,
}

impl FromStr for KubeVersion {
    type Err = NoKubeVersion;

    fn from_str(text: &str) -> Result<Self, NoKubeVersion> {
        kubernetes_numbers(text)
            .map(|_| Self)
            .ok_or_else(|| NoKubeVersion {
                text: printable(text, 80),
            })
    }
}

impl Grammar for KubeVersion {
    const NAME: &'static str = "KubeVersion";
    const SHAPE: &'static str = r"^\s*v?[0-9]+\.[0-9]+";
    const MAY_LOOK_LIKE_A_NUMBER: bool = true;
}

/// A number of bytes: `32GB` (of 1000³ bytes), `4GiB` (of 1024³), or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// Why a text is no number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of bytes, such as 32GB, 4GiB or 300000000")]
pub struct NoSize;

impl FromStr for Size {
    type Err = NoSize;

    fn from_str(text: &str) -> Result<Self, NoSize> {
        const UNITS: [(&str, u64); 8] = [
            ("kB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
        ];
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text.strip_prefix(digits).unwrap_or_default();
        let factor = match unit {
            "" | "B" => Some(1),
            unit => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, factor)| *factor),
        };
        let bytes = digits
            .trim()
            .parse::<u64>()
            .ok()
            .zip(factor)
            .and_then(|(number, factor)| number.checked_mul(factor));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or(NoSize)
    }
}

impl Grammar for Size {
    const NAME: &'static str = "Size";
    const SHAPE: &'static str = r"^\s*0*[1-9][0-9]*\s*([KkMmGgTt][Ii]?)?[Bb]?$";
    const MAY_LOOK_LIKE_A_NUMBER: bool = true;
}

/// A platform: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformName {
    /// Operating system.
    pub os: String,
    /// Processor.
    pub architecture: String,
    /// Processor variant.
    pub variant: Option<String>,
}

/// Why a text is no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected OS/ARCH or OS/ARCH/VARIANT, such as linux/amd64")]
pub struct NoPlatform;

impl FromStr for PlatformName {
    type Err = NoPlatform;

    fn from_str(text: &str) -> Result<Self, NoPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(NoPlatform);
        }
        match parts[..] {
            [os, architecture] => Ok(Self {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: None,
            }),
            [os, architecture, variant] => Ok(Self {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: Some(variant.to_owned()),
            }),
            _ => Err(NoPlatform),
        }
    }
}

impl Grammar for PlatformName {
    const NAME: &'static str = "Platform";
    const SHAPE: &'static str = r"^[^/\s]+/[^/\s]+(/[^/\s]+)?$";
}

impl<T: FromStr> FromStr for Written<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        Ok(Self {
            text: text.to_owned(),
            value: text.parse()?,
        })
    }
}

/// Two texts that are written alike mean the same.
impl<T> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> fmt::Display for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de, T: Grammar> Deserialize<'de> for Written<T>
where
    T::Err: std::error::Error,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|error: T::Err| {
                let text = chain(&error);
                serde::de::Error::custom(text.lines().map(str::trim).collect::<Vec<_>>().join(" "))
            })
    }
}

impl<T: Grammar> JsonSchema for Written<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if T::MAY_LOOK_LIKE_A_NUMBER {
            json_schema!({"type": ["string", "number"], "pattern": T::SHAPE})
        } else {
            json_schema!({"type": "string", "pattern": T::SHAPE})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_or_without_a_unit() {
        for (text, bytes) in [
            ("32GB", 32_000_000_000),
            ("4GiB", 4 << 30),
            ("300mb", 300_000_000),
            ("512", 512),
            ("7 TB", 7_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "0", "GB", "1.5GB", "-1", "10XB", "99999999999999TB"] {
            assert_eq!(text.parse::<Size>(), Err(NoSize), "{text}");
        }
    }
}
