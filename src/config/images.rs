//! The section `images`.

use std::fmt;
use std::num::NonZeroUsize;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::written::{Pattern, Written};
use crate::reference::{Reference, Repository};
use crate::version::Constraint;

/// An image, or a repository with a choice of tags.
#[derive(Clone, Debug, PartialEq)]
pub enum Image {
    /// One image.
    One {
        /// Its name.
        reference: Written<Reference>,
        /// Why it is wanted.
        reason: Option<String>,
    },
    /// Tags of a repository.
    Tags {
        /// The repository.
        repository: Written<Repository>,
        /// Which of its tags.
        tags: Tags,
        /// Why they are wanted.
        reason: Option<String>,
    },
}

/// A choice among the tags of a repository.
#[derive(Clone, Debug, PartialEq)]
pub enum Tags {
    /// These.
    Named(Vec<String>),
    /// Those that the registry has at the time of the export and that meet every condition; without any, all.
    Matching {
        /// A regular expression that matches anywhere in the tag.
        pattern: Option<Written<Pattern>>,
        /// A range of versions.
        range: Option<Written<Constraint>>,
        /// At most so many of the highest versions.
        newest: Option<NonZeroUsize>,
    },
}

impl Image {
    /// An image by its name.
    pub fn one(reference: Written<Reference>) -> Self {
        Self::One {
            reference,
            reason: None,
        }
    }

    /// Why it is wanted.
    pub fn reason(&self) -> Option<&str> {
        let (Self::One { reason, .. } | Self::Tags { reason, .. }) = self;
        reason.as_deref()
    }
}

/// An image as a mapping.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(
    rename = "ImageOrTags",
    extend(
        "oneOf" = [{"required": ["image"]}, {"required": ["repository"]}],
        "dependentSchemas" = {"repository": {"anyOf": [
            {"required": ["tags"]}, {"required": ["matching"]}, {"required": ["versions"]},
            {"required": ["newest"]}, {"required": ["all-tags"]}]}}
    )
)]
struct Fields {
    /// One image.
    image: Option<Written<Reference>>,
    /// A repository, of which several tags are carried.
    repository: Option<Written<Repository>>,
    /// These tags.
    tags: Option<Vec<TagName>>,
    /// The tags that this regular expression matches; `^` and `$` tie it to the ends.
    matching: Option<Written<Pattern>>,
    /// The tags that are versions in this range: `>=1.27, <2`.
    versions: Option<Written<Constraint>>,
    /// Of those, only so many of the highest versions.
    #[schemars(range(min = 1))]
    newest: Option<NonZeroUsize>,
    /// Every tag.
    #[serde(default)]
    all_tags: bool,
    /// Why it is wanted, for those who read this file later.
    reason: Option<String>,
}

/// A tag, which YAML may take for a number.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
struct TagName(String);

impl JsonSchema for TagName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]*$"})
    }
}

impl TryFrom<Fields> for Image {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let chooses = fields.matching.is_some() || fields.versions.is_some() || fields.newest.is_some();
        let (image, repository) = (fields.image, fields.repository);
        match (image, repository, fields.tags) {
            (Some(reference), None, None) if !chooses && !fields.all_tags => Ok(Self::One {
                reference,
                reason: fields.reason,
            }),
            (Some(_), None, _) => {
                Err("tags are chosen of a `repository`; an `image` has its tag in its name".to_owned())
            }
            (None, Some(repository), Some(tags)) if !chooses && !fields.all_tags => {
                for TagName(tag) in &tags {
                    tag.parse::<crate::reference::Tag>()
                        .map_err(|error| format!("`{}`: {error}", crate::secret::printable(tag, 80)))?;
                }
                Ok(Self::Tags {
                    repository,
                    tags: Tags::Named(tags.into_iter().map(|TagName(tag)| tag).collect()),
                    reason: fields.reason,
                })
            }
            (None, Some(_), Some(_)) => {
                Err("`tags` names all that is carried: leave out what chooses among them".to_owned())
            }
            (None, Some(repository), None) if chooses || fields.all_tags => Ok(Self::Tags {
                repository,
                tags: Tags::Matching {
                    pattern: fields.matching,
                    range: fields.versions,
                    newest: fields.newest,
                },
                reason: fields.reason,
            }),
            (None, Some(repository), None) => Err(format!(
                "which tags of {repository}? Say `tags`, `matching`, `versions`, `newest` or `all-tags: true`"
            )),
            _ => Err("say either `image` or `repository`".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ImageVisitor)
    }
}

/// Takes a name alone, or a mapping.
struct ImageVisitor;

impl<'de> Visitor<'de> for ImageVisitor {
    type Value = Image;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image such as nginx:1.27, or a mapping with `image` or `repository`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Image, E> {
        let reference = text.parse().map_err(|error| {
            E::custom(format!(
                "`{}` is no image: {error}",
                crate::secret::printable(text, 120)
            ))
        })?;
        Ok(Image::one(reference))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Image, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        fields.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for Image {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Image".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<Written<Reference>>();
        let fields = generator.subschema_for::<Fields>();
        json_schema!({"anyOf": [name, fields]})
    }
}
