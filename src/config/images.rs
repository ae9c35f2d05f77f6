//! The section `images`.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::on_disk::OnDisk;
use super::written::{Pattern, Written};
use crate::layouts::{Kind, LocalSource};
use crate::reference::{Reference, Repository};
use crate::secret::printable;
use crate::version::Constraint;

/// What a mapping with two origins, or none, is told.
const ONE_PLACE: &str = "an image comes from one place: say one of `image`, `repository`, `oci`, `oci-archive` and `docker-archive`";

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
    /// Images that another tool left on disk.
    OnDisk {
        /// What lies where.
        source: OnDisk,
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
        let (Self::One { reason, .. } | Self::OnDisk { reason, .. } | Self::Tags { reason, .. }) = self;
        reason.as_deref()
    }
}

/// An image as a mapping.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(
    rename = "ImageOrTags",
    extend(
        "oneOf" = [
            {"required": ["image"]}, {"required": ["repository"]}, {"required": ["oci"]},
            {"required": ["oci-archive"]}, {"required": ["docker-archive"]}],
        "dependentSchemas" = {
            "repository": {"$ref": "#/$defs/ImageOrTags/$defs/choice"},
            "image": {"not": {"$ref": "#/$defs/ImageOrTags/$defs/choice"}},
            "oci": {"not": {"$ref": "#/$defs/ImageOrTags/$defs/choice"}},
            "oci-archive": {"not": {"$ref": "#/$defs/ImageOrTags/$defs/choice"}},
            "docker-archive": {"not": {"$ref": "#/$defs/ImageOrTags/$defs/choice"}},
            "tags": {"not": {"anyOf": [
                {"required": ["matching"]}, {"required": ["versions"]}, {"required": ["newest"]}]}},
            "name": {"not": {"anyOf": [{"required": ["image"]}, {"required": ["repository"]}]}},
            "which": {"not": {"anyOf": [{"required": ["image"]}, {"required": ["repository"]}]}}},
        "$defs" = {"choice": {"anyOf": [
            {"required": ["tags"]}, {"required": ["matching"]}, {"required": ["versions"]},
            {"required": ["newest"]},
            {"required": ["all-tags"], "properties": {"all-tags": {"const": true}}}]}}
    )
)]
struct Fields {
    /// One image.
    image: Option<Written<Reference>>,
    /// A repository, of which several tags are carried.
    repository: Option<Written<Repository>>,
    /// A folder that is an OCI layout.
    oci: Option<PathBuf>,
    /// An OCI layout in a tar archive.
    oci_archive: Option<PathBuf>,
    /// What `docker save` or `podman save` wrote.
    docker_archive: Option<PathBuf>,
    /// The name that nodes ask for, if it is not the name that the image has on disk.
    name: Option<Written<Reference>>,
    /// Which of several images on disk, by the name that it has there.
    which: Option<String>,
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

impl Fields {
    /// Whether something chooses among tags.
    fn chooses(&self) -> bool {
        self.tags.is_some()
            || self.matching.is_some()
            || self.versions.is_some()
            || self.newest.is_some()
            || self.all_tags
    }

    /// What lies on disk, and what it is; an error if several are said.
    fn on_disk(&mut self) -> Result<Option<(Kind, PathBuf)>, String> {
        let said = [
            (Kind::OciFolder, self.oci.take()),
            (Kind::OciArchive, self.oci_archive.take()),
            (Kind::DockerArchive, self.docker_archive.take()),
        ];
        let mut said = said.into_iter().filter_map(|(kind, path)| Some((kind, path?)));
        match (said.next(), said.next()) {
            (Some(_), Some(_)) => Err(ONE_PLACE.to_owned()),
            (one, _) => Ok(one),
        }
    }

    /// The tags that the fields choose of `repository`.
    fn tags_of(self, repository: Written<Repository>) -> Result<Image, String> {
        let matches = self.matching.is_some() || self.versions.is_some() || self.newest.is_some();
        let tags = match self.tags {
            Some(_) if matches || self.all_tags => {
                return Err("`tags` names all that is carried: leave out what chooses among them".to_owned());
            }
            Some(tags) => {
                for TagName(tag) in &tags {
                    tag.parse::<crate::reference::Tag>()
                        .map_err(|error| format!("`{}`: {error}", printable(tag, 80)))?;
                }
                Tags::Named(tags.into_iter().map(|TagName(tag)| tag).collect())
            }
            None if matches || self.all_tags => Tags::Matching {
                pattern: self.matching,
                range: self.versions,
                newest: self.newest,
            },
            None => {
                return Err(format!(
                    "which tags of {repository}? Say `tags`, `matching`, `versions`, `newest` or `all-tags: true`"
                ));
            }
        };
        Ok(Image::Tags {
            repository,
            tags,
            reason: self.reason,
        })
    }
}

impl TryFrom<Fields> for Image {
    type Error = String;

    fn try_from(mut fields: Fields) -> Result<Self, String> {
        let on_disk = fields.on_disk()?;
        if on_disk.is_none() && (fields.name.is_some() || fields.which.is_some()) {
            return Err(
                "`name` and `which` are about images on disk: an `image` has its name already".to_owned(),
            );
        }
        match (fields.image.take(), fields.repository.take(), on_disk) {
            (Some(_), None, None) | (None, None, Some(_)) if fields.chooses() => {
                Err("tags are chosen of a `repository`; an `image` has its tag in its name".to_owned())
            }
            (Some(reference), None, None) => Ok(Self::One {
                reference,
                reason: fields.reason,
            }),
            (None, Some(repository), None) => fields.tags_of(repository),
            (None, None, Some((kind, path))) => Ok(Self::OnDisk {
                source: OnDisk {
                    kind,
                    path,
                    name: fields.name,
                    which: fields.which,
                },
                reason: fields.reason,
            }),
            _ => Err(ONE_PLACE.to_owned()),
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
        // Without its space, `oci-archive: tool.tar` would be an image `oci-archive` with the tag `tool.tar`.
        if let Some((kind, path)) = text.split_once(':').filter(|_| LocalSource::is_one(text)) {
            let (kind, path) = (printable(kind, 80), printable(path, 120));
            let problem =
                format!("an image on disk is a mapping: put a space behind the colon, `{kind}: {path}`");
            return Err(E::custom(problem));
        }
        let reference = text
            .parse()
            .map_err(|error| E::custom(format!("`{}` is no image: {error}", printable(text, 120))))?;
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
        let on_disk = json_schema!({"pattern": "^(oci|oci-archive|docker-archive):"});
        json_schema!({"anyOf": [{"allOf": [name], "not": on_disk}, fields]})
    }
}
