//! What a walk records: each place where an image is named, and how sure that is.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::reference::Reference;

/// How sure it is that a text names an image, from certain (1) to a mere candidate (4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The Kubernetes API itself says so: a container's image.
    Certain,
    /// A key, variable or flag says so.
    Strong,
    /// The text reads as a reference with a path and a tag or digest.
    Heuristic,
    /// It may be one, or its tag is not known. Listed always, mirrored only on request.
    Candidate,
}

impl Tier {
    /// The number that people write: 1 to 4.
    pub fn number(self) -> u8 {
        match self {
            Self::Certain => 1,
            Self::Strong => 2,
            Self::Heuristic => 3,
            Self::Candidate => 4,
        }
    }

    /// The tier of a number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Certain, Self::Strong, Self::Heuristic, Self::Candidate]
            .into_iter()
            .find(|t| t.number() == number)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

/// Where a sighting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Source {
    /// A rendered template of a chart, hooks and tests included.
    Render,
    /// A plain Kubernetes manifest.
    Manifest,
    /// An annotation in a chart's `Chart.yaml`.
    Annotation,
    /// A chart's `Images.lock`.
    Lock,
    /// A chart's values, not rendered.
    Values,
    /// The built-in table of what operators compose or compile in.
    Table,
    /// An image list or a skopeo sync file.
    List,
    /// The `relatedImages` of an operator bundle.
    Bundle,
    /// The user's own include list.
    User,
}

impl Source {
    /// The word in reports: `render`, `annotation`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Render => "render",
            Self::Manifest => "manifest",
            Self::Annotation => "annotation",
            Self::Lock => "lock",
            Self::Values => "values",
            Self::Table => "table",
            Self::List => "list",
            Self::Bundle => "bundle",
            Self::User => "user",
        }
    }
}

/// Which rule saw it. The texts are stable: reports and users' own rules name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// `image` of a container.
    Podspec,
    /// `volumes[*].image.reference`.
    ImageVolume,
    /// `containerDisk.image` of `KubeVirt`.
    ContainerDisk,
    /// A value under a key like `image` or `sidecarImage`.
    ImageKey,
    /// A map of registry, repository, tag and digest.
    ImageMap,
    /// Istio's `hub` and `tag` with a bare `image`.
    HubTag,
    /// An environment variable whose name has the word IMAGE.
    Env,
    /// A flag whose name has the word image.
    Flag,
    /// An annotation of an object whose key ends in `image`.
    ObjectAnnotation,
    /// A field of a known kind, from the table.
    KnownField,
    /// Composed from fields of a known kind, from the table.
    Composed,
    /// A `default:` in a `CustomResourceDefinition`.
    CrdDefault,
    /// A line `key: value` or `key = value` of a text.
    TextKey,
    /// A word of a text that reads as a reference.
    Word,
    /// A comment, an example, or a text for people.
    Mention,
    /// A digest whose repository stands elsewhere.
    DigestOnly,
    /// An annotation of the chart.
    ChartAnnotation,
    /// An entry of `Images.lock`.
    ChartLock,
    /// A map or key of the values that nothing rendered.
    DisabledByValues,
    /// A repository of the values without a tag; the tag is a guess from `appVersion`.
    GuessedTag,
    /// An entry of a list.
    ListEntry,
    /// An entry of `relatedImages`.
    RelatedImage,
    /// The user's include list.
    Included,
}

impl Rule {
    /// The rule's stable name: `podspec`, `env`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Podspec => "podspec",
            Self::ImageVolume => "image-volume",
            Self::ContainerDisk => "container-disk",
            Self::ImageKey => "image-key",
            Self::ImageMap => "image-map",
            Self::HubTag => "hub-tag",
            Self::Env => "env",
            Self::Flag => "flag",
            Self::ObjectAnnotation => "object-annotation",
            Self::KnownField => "known-field",
            Self::Composed => "composed",
            Self::CrdDefault => "crd-default",
            Self::TextKey => "text-key",
            Self::Word => "word",
            Self::Mention => "mention",
            Self::DigestOnly => "digest-only",
            Self::ChartAnnotation => "chart-annotation",
            Self::ChartLock => "chart-lock",
            Self::DisabledByValues => "disabled-by-values",
            Self::GuessedTag => "guessed-tag",
            Self::ListEntry => "list-entry",
            Self::RelatedImage => "related-image",
            Self::Included => "included",
        }
    }
}

/// How much an unresolved text matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A container's image that cannot be read: the install will fail there. The run does not end well.
    Error,
    /// Something that announces an image cannot be read as one.
    Warning,
    /// For the record: a template filled in at run time, a literal that means no image.
    Note,
}

/// What a document is: the part of a place that all sightings in it share.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// The chart's name, if the document comes from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<String>,
    /// The chart's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_version: Option<String>,
    /// The path of subcharts, `redis/common`, empty for the chart itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subchart: String,
    /// The template or file, as the chart or the user names it.
    pub file: String,
    /// The object's `apiVersion`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The object's `kind`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The object's namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

fn shared<S: Serializer>(subject: &Arc<Subject>, serializer: S) -> Result<S::Ok, S::Error> {
    Subject::serialize(subject, serializer)
}

/// One place where something that is, or ought to be, an image stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The document.
    #[serde(flatten, serialize_with = "shared")]
    pub subject: Arc<Subject>,
    /// The JSON pointer in the document, or in the innermost embedded document.
    pub pointer: String,
    /// The pointers of the strings that hold the embedded documents, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embedded: Vec<String>,
    /// The line in the file, counted from 1; for a rendered document, the line in it without its template's other
    /// documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The line of the template that writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_line: Option<u32>,
    /// The file of that line, below the top chart, if it is another one than `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_file: Option<String>,
}

/// What a sighting reads as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An image.
    Image(Reference),
    /// Not an image, with the reason.
    Unresolved {
        /// How much it matters.
        severity: Severity,
        /// Why it cannot be read, one line.
        reason: String,
    },
}

/// One record of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The text as it was written: what a kubelet will ask for. Hidden for unreadable texts of Secrets.
    pub raw: String,
    /// What it reads as.
    pub reading: Reading,
    /// How sure it is.
    pub tier: Tier,
    /// Which rule saw it.
    pub rule: Rule,
    /// Where it comes from.
    pub source: Source,
    /// Where it stands.
    pub place: Place,
    /// The switches or profiles under which it was seen; empty means always.
    pub under: BTreeSet<String>,
}
