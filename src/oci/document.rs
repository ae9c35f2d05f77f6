//! What a manifest points to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Descriptor, media_type};

/// Larger manifests are refused; the distribution specification expects registries to take 4 MiB.
pub const MANIFEST_CAP: u64 = 8 << 20;

/// How deep indexes may nest in one another.
pub const NESTING_CAP: usize = 8;

/// Why bytes are no manifest that can be mirrored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not the JSON of a manifest.
    #[error("the manifest is not well-formed JSON of a manifest")]
    Json(#[source] serde_json::Error),
    /// The registry's `Content-Type` and the document's `mediaType` disagree (CVE-2021-41190).
    #[error("the registry calls it {header}, the document calls itself {document}")]
    TypesDisagree {
        /// From the `Content-Type` header.
        header: String,
        /// From the `mediaType` field.
        document: String,
    },
    /// The document is both an index and an image manifest.
    #[error("the document has both `manifests` and `layers`, so that two readers would see two images")]
    Ambiguous,
    /// The document has neither `manifests` nor `layers` nor `config`.
    #[error("the document has neither `manifests` nor `layers`")]
    Empty,
    /// Docker schema 1, which no digest covers whole.
    #[error(
        "it is a Docker schema 1 manifest, retired in 2019: pull and push it once with a current tool to convert it"
    )]
    Schema1,
}

/// A manifest or an index, looked into. The bytes stay with the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The media type: the document's own, or else the one the registry gave.
    pub media_type: String,
    /// Manifests that an index points to; empty for an image manifest.
    pub manifests: Vec<Descriptor>,
    /// Configuration and layers of an image manifest; empty for an index.
    pub blobs: Vec<Descriptor>,
    /// What this document is about, if it is a referrer (signature, SBOM).
    pub subject: Option<Descriptor>,
    /// The artifact type: the document's own, or else the media type of an image manifest's configuration.
    pub artifact_type: Option<String>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    blobs: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    fs_layers: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Document {
    /// Looks into the bytes of a manifest. `content_type` is what the registry or the pointing descriptor called it.
    ///
    /// Duplicate keys are refused by the JSON reader, so two parsers cannot see two documents.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, Error> {
        let header = content_type
            .map(|t| t.split(';').next().unwrap_or_default().trim())
            .filter(|t| !t.is_empty() && *t != "application/json" && *t != "application/octet-stream");
        if header.is_some_and(|h| media_type::DOCKER_SCHEMA1.contains(&h)) {
            return Err(Error::Schema1);
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(Error::Json)?;
        if wire.schema_version == Some(1) || wire.fs_layers.is_some() {
            return Err(Error::Schema1);
        }
        if let (Some(header), Some(document)) = (header, &wire.media_type)
            && header != document
        {
            return Err(Error::TypesDisagree {
                header: header.to_owned(),
                document: document.clone(),
            });
        }
        let is_index = wire.manifests.is_some();
        if is_index && (wire.layers.is_some() || wire.config.is_some()) {
            return Err(Error::Ambiguous);
        }
        if !is_index && wire.layers.is_none() && wire.config.is_none() && wire.blobs.is_none() {
            return Err(Error::Empty);
        }
        let guessed = if is_index {
            media_type::OCI_INDEX
        } else {
            media_type::OCI_MANIFEST
        };
        let media_type = wire
            .media_type
            .or_else(|| header.map(str::to_owned))
            .unwrap_or_else(|| guessed.to_owned());
        let config_type = wire
            .config
            .as_ref()
            .map(|config| String::from(config.media_type.clone()));
        let artifact_type = wire.artifact_type.or(config_type).filter(|kind| !kind.is_empty());
        let blobs = wire
            .config
            .into_iter()
            .chain(wire.layers.unwrap_or_default())
            .chain(wire.blobs.unwrap_or_default());
        Ok(Self {
            media_type,
            manifests: wire.manifests.unwrap_or_default(),
            blobs: blobs.collect(),
            subject: wire.subject,
            artifact_type,
            annotations: wire.annotations.unwrap_or_default(),
        })
    }

    /// The same, but a document of a type that nobody here knows is opaque: it is carried as it is and leads nowhere.
    pub fn parse_or_opaque(bytes: &[u8], content_type: Option<&str>) -> Result<Self, Error> {
        match (Self::parse(bytes, content_type), content_type) {
            (Err(Error::Json(_) | Error::Empty), Some(called))
                if !called.is_empty() && !media_type::ACCEPTED.contains(&called) =>
            {
                Ok(Self::opaque(called))
            }
            (parsed, _) => parsed,
        }
    }

    fn opaque(media_type: &str) -> Self {
        Self {
            media_type: media_type.to_owned(),
            manifests: Vec::new(),
            blobs: Vec::new(),
            subject: None,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Whether it points to manifests rather than to layers.
    pub fn is_index(&self) -> bool {
        matches!(
            self.media_type.as_str(),
            media_type::OCI_INDEX | media_type::DOCKER_LIST
        ) || !self.manifests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str, content_type: Option<&str>) -> Result<Document, Error> {
        Document::parse(text.replace("$D", D).as_bytes(), content_type)
    }

    #[test]
    fn an_index_and_an_image_are_told_apart() {
        let image = parse(
            r#"{"schemaVersion":2,"config":{"digest":"$D","size":0},"layers":[{"digest":"$D","size":0}]}"#,
            None,
        )
        .unwrap();
        assert_eq!((image.blobs.len(), image.is_index()), (2, false));
        assert_eq!(image.media_type, media_type::OCI_MANIFEST);
        let index = parse(
            r#"{"schemaVersion":2,"manifests":[]}"#,
            Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
        )
        .unwrap();
        assert!(index.is_index());
    }

    #[test]
    fn a_document_of_two_kinds_is_refused() {
        let both = r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
        assert!(matches!(parse(both, None), Err(Error::Ambiguous)));
        let lying =
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        assert!(matches!(
            parse(lying, Some(media_type::OCI_MANIFEST)),
            Err(Error::TypesDisagree { .. })
        ));
        let twice = r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#;
        assert!(matches!(parse(twice, None), Err(Error::Json(_))));
    }

    #[test]
    fn a_document_of_an_unknown_type_leads_nowhere_and_one_of_a_known_type_must_be_read() {
        let read = |text: &str, called| Document::parse_or_opaque(text.as_bytes(), called);
        let weird = read("not even JSON", Some("application/vnd.weird")).unwrap();
        assert_eq!(weird.media_type, "application/vnd.weird");
        assert!(weird.blobs.is_empty() && !weird.is_index());
        for called in [None, Some(""), Some(media_type::OCI_MANIFEST)] {
            assert!(matches!(read("not even JSON", called), Err(Error::Json(_))));
        }
        let both = r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
        assert!(matches!(
            read(both, Some("application/vnd.weird")),
            Err(Error::Ambiguous)
        ));
    }

    #[test]
    fn schema_1_is_refused_by_name() {
        assert!(matches!(
            parse(r#"{"schemaVersion":1,"fsLayers":[]}"#, None),
            Err(Error::Schema1)
        ));
        assert!(matches!(
            parse("not even JSON", Some(media_type::DOCKER_SCHEMA1[1])),
            Err(Error::Schema1)
        ));
    }

    #[test]
    fn a_digest_that_is_a_path_is_refused() {
        let text = r#"{"schemaVersion":2,"layers":[{"digest":"sha256:../../../etc/passwd","size":1}]}"#;
        assert!(matches!(parse(text, None), Err(Error::Json(_))));
    }
}
