//! One version of one chart, as an index lists it.

use std::fmt;
use std::sync::Arc;

use super::source::is_device;
use crate::digest::{Algorithm, Digest};
use crate::goyaml::{self, Map, Value};
use crate::secret::printable;
use crate::version::Version;

/// One version of one chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    name: String,
    version: Version,
    urls: Vec<String>,
    digest: Option<Digest>,
    deprecated: bool,
    /// All that the index says but URLs and digest, as JSON: a tenth of what the tree takes in memory.
    fields: Arc<str>,
}

impl Entry {
    /// The chart's name: letters, digits, `.`, `_` and `-`, and not `.` or `..`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The chart's version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Where the archive lies, relative or absolute; the first one counts.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// What the archive must hash to, if the index says.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// A text field of the entry: `appVersion`, `created`, `description`.
    pub fn text(&self, field: &str) -> Option<String> {
        self.fields().get(field).and_then(as_text)
    }

    /// The words that it is found by.
    pub fn keywords(&self) -> Vec<String> {
        let fields = self.fields();
        let words = fields.get("keywords").and_then(Value::as_seq);
        words.unwrap_or_default().iter().filter_map(as_text).collect()
    }

    /// Whether upstream asks to use the chart no more.
    pub fn is_deprecated(&self) -> bool {
        self.deprecated
    }

    /// The name of the archive in a repository of ours. Any file system holds it, FAT included.
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version.original())
    }

    /// The entry as another index lists it: with this URL and digest, and all other fields as they were.
    #[must_use]
    pub fn listed_as(&self, url: String, digest: Digest) -> Self {
        Self {
            urls: vec![url],
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// All that the index says but URLs and digest.
    pub(super) fn fields(&self) -> Map {
        match goyaml::from_json(self.fields.as_bytes()) {
            Ok(Value::Map(fields)) => fields,
            // It was written by `read`.
            _ => Map::new(),
        }
    }

    /// The entry in an index.
    pub(super) fn to_yaml(&self) -> Result<String, goyaml::Error> {
        let mut fields = self.fields();
        let urls = self.urls.iter().cloned().map(Value::String).collect();
        fields.insert("urls".to_owned(), Value::Seq(urls));
        if let Some(digest) = &self.digest {
            fields.insert("digest".to_owned(), Value::String(digest.hex()));
        }
        goyaml::to_yaml(&Value::Map(fields))
    }

    /// An entry made of a chart's own `Chart.yaml`, for a source that has no index.
    pub(super) fn of_chart(metadata: Map, digest: Digest, url: String) -> Result<Self, String> {
        let mut fields = metadata;
        fields.insert("urls".into(), Value::Seq(vec![Value::String(url)]));
        fields.insert("digest".into(), Value::String(digest.hex()));
        Self::read(fields, &mut Vec::new())
    }

    /// Reads an entry, or tells why it cannot be used. `notes` are what is wrong with it and does not hinder.
    pub(super) fn read(mut fields: Map, notes: &mut Vec<String>) -> Result<Self, String> {
        let name = fields.get("name").and_then(as_text).unwrap_or_default();
        if !is_chart_name(&name) {
            return Err(format!("`{}` is no chart name", printable(&name, 80)));
        }
        let version = fields.get("version").and_then(as_text).unwrap_or_default();
        let version = Version::parse(&version)
            .map_err(|error| format!("version `{}`: {error}", printable(&version, 80)))?;
        if name.len() + version.original().len() > NAME_CAP {
            return Err(format!(
                "`{}-{}.tgz` is longer than a file's name may be",
                printable(&name, 80),
                printable(version.original(), 80)
            ));
        }
        if is_device(&name) && name.contains('.') {
            return Err(format!(
                "`{}` begins with the name of a device, which no Windows machine can read",
                printable(&name, 80)
            ));
        }
        let urls: Vec<String> = match fields.remove("urls") {
            Some(Value::Seq(urls)) => urls
                .iter()
                .filter_map(as_text)
                .filter(|url| !url.is_empty())
                .collect(),
            _ => Vec::new(),
        };
        if urls.is_empty() {
            return Err("it has no URL".to_owned());
        }
        let digest = fields
            .remove("digest")
            .as_ref()
            .and_then(as_text)
            .filter(|text| !text.is_empty())
            .and_then(|text| read_digest(&text, notes));
        // Helm reads these as texts, whatever they look like.
        for field in ["name", "version", "appVersion", "apiVersion"] {
            if let Some(text) = fields.get(field).and_then(as_text) {
                fields.insert(field.to_owned(), Value::String(text));
            }
        }
        Ok(Self {
            name,
            version,
            urls,
            digest,
            deprecated: fields.get("deprecated").and_then(Value::as_bool) == Some(true),
            fields: goyaml::to_json(&Value::Map(fields))
                .map_err(|error| error.to_string())?
                .into(),
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.version.original())
    }
}

/// A file's name may have 255 characters; `-` and `.tgz.prov.part` with a dot in front have their share.
const NAME_CAP: usize = 235;

fn read_digest(text: &str, notes: &mut Vec<String>) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    let digest = Digest::from_hex(Algorithm::Sha256, &hex);
    if digest.is_err() {
        notes.push(format!(
            "its digest `{}` is no SHA-256 and is passed over",
            printable(text, 80)
        ));
    }
    digest.ok()
}

/// `[A-Za-z0-9._-]+`, as Helm has it since CVE-2024-25620, and no folder's name.
pub(super) fn is_chart_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= NAME_CAP && name != "." && name != ".." && name.bytes().all(legal)
}

/// A scalar as a Go string field takes it: `1.10` without quotes is the number 1.1, and that is its text.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Uint(number) => Some(number.to_string()),
        Value::Float(_) | Value::Bool(_) => goyaml::to_json(value).ok(),
        _ => None,
    }
}
