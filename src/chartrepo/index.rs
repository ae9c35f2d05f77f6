//! A repository's `index.yaml`: which charts there are, and where their archives lie.

use std::collections::BTreeMap;
use std::fmt;

use super::Error;
use crate::digest::{Algorithm, Digest};
use crate::goyaml::{self, Map, Value};
use crate::secret::printable;
use crate::version::Version;

/// Larger indexes are refused; the largest one known has 20 MiB.
pub const INDEX_CAP: u64 = 256 << 20;

/// One version of one chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    name: String,
    version: Version,
    urls: Vec<String>,
    digest: Option<Digest>,
    fields: Map,
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
        self.fields.get(field).and_then(as_text)
    }

    /// Whether upstream asks to use the chart no more.
    pub fn is_deprecated(&self) -> bool {
        self.fields.get("deprecated").and_then(Value::as_bool) == Some(true)
    }

    /// The name of the archive in a repository of ours. Any file system holds it, FAT included.
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version.original())
    }

    /// The entry as another index lists it: with this URL and digest, and all other fields as they were.
    #[must_use]
    pub fn listed_as(&self, url: String, digest: Digest) -> Self {
        let mut fields = self.fields.clone();
        fields.insert("urls".into(), Value::Seq(vec![Value::String(url.clone())]));
        fields.insert("digest".into(), Value::String(digest.hex()));
        Self {
            urls: vec![url],
            digest: Some(digest),
            fields,
            ..self.clone()
        }
    }

    pub(super) fn fields(&self) -> &Map {
        &self.fields
    }

    /// An entry made of a chart's own `Chart.yaml`, for a source that has no index.
    pub(super) fn of_chart(metadata: Map, digest: Digest, url: String) -> Result<Self, String> {
        let mut fields = metadata;
        fields.insert("urls".into(), Value::Seq(vec![Value::String(url)]));
        fields.insert("digest".into(), Value::String(digest.hex()));
        let mut notes = Vec::new();
        read_entry(fields, &mut notes)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.version.original())
    }
}

/// An entry that cannot be used as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which entry: the chart's name and the version's text, shortened.
    pub entry: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry, self.reason)
    }
}

/// A repository's charts, each with its versions, the highest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    charts: BTreeMap<String, Vec<Entry>>,
    problems: Vec<Problem>,
}

impl Index {
    /// Reads an index. Entries that cannot be used are problems; only a document that is no index is an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if let Some(error) = what_else_it_is(bytes) {
            return Err(error);
        }
        let document = goyaml::parse(bytes).map_err(|source| Error::BadIndex { source })?;
        let Value::Map(mut document) = document else {
            return Err(Error::NoIndex {
                found: "no mapping at its top",
            });
        };
        if !matches!(document.get("apiVersion"), Some(Value::String(version)) if !version.is_empty()) {
            return Err(Error::NoIndex {
                found: "no `apiVersion`",
            });
        }
        let charts = match document.remove("entries") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Map(charts)) => charts,
            Some(_) => {
                return Err(Error::NoIndex {
                    found: "`entries` that are no mapping",
                });
            }
        };
        let mut index = Self::default();
        for (name, versions) in charts {
            index.read_chart(&name, versions);
        }
        Ok(index)
    }

    /// An index of one chart, out of entries that did not come from a file.
    pub(super) fn of_entries(name: &str, entries: Vec<Value>) -> Self {
        let mut index = Self::default();
        index.read_chart(name, Value::Seq(entries));
        index
    }

    fn read_chart(&mut self, name: &str, versions: Value) {
        let versions = match versions {
            Value::Seq(versions) => versions,
            Value::Null => Vec::new(),
            _ => {
                self.problem(name, None, "its versions are no list".into());
                return;
            }
        };
        let mut entries: Vec<Entry> = Vec::with_capacity(versions.len());
        for (number, version) in versions.into_iter().enumerate() {
            let Value::Map(fields) = version else {
                self.problem(
                    name,
                    None,
                    format!("version {} in its list is no mapping", number + 1),
                );
                continue;
            };
            let label = fields.get("version").and_then(as_text);
            let mut notes = Vec::new();
            match read_entry(fields, &mut notes) {
                Ok(entry) => entries.push(entry),
                Err(reason) => notes.push(reason),
            }
            for note in notes {
                self.problem(name, label.as_deref(), note);
            }
        }
        // The first of equal versions is the one that Helm takes.
        entries.sort_by(|a, b| b.version.cmp(&a.version));
        let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            match kept
                .iter()
                .rev()
                .find(|other| other.file_name() == entry.file_name())
            {
                None => kept.push(entry),
                Some(first) if first.digest == entry.digest && first.urls == entry.urls => {}
                Some(_) => self.problem(
                    name,
                    Some(entry.version.original()),
                    "listed more than once with different archives; the first one counts".into(),
                ),
            }
        }
        if !kept.is_empty() {
            self.charts.insert(name.to_owned(), kept);
        }
    }

    fn problem(&mut self, name: &str, version: Option<&str>, reason: String) {
        let entry = version.map_or_else(|| name.to_owned(), |version| format!("{name}-{version}"));
        self.problems.push(Problem {
            entry: printable(&entry, 160),
            reason,
        });
    }

    /// The charts by name.
    pub fn charts(&self) -> &BTreeMap<String, Vec<Entry>> {
        &self.charts
    }

    /// What could not be used as it is.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Puts an entry in; one of the same name and version goes.
    pub fn insert(&mut self, entry: Entry) {
        let versions = self.charts.entry(entry.name.clone()).or_default();
        versions.retain(|other| other.file_name() != entry.file_name());
        versions.push(entry);
        versions.sort_by(|a, b| {
            let build = || a.version.original().cmp(b.version.original());
            b.version.cmp(&a.version).then_with(build)
        });
    }

    /// Takes out the entries that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        for versions in self.charts.values_mut() {
            versions.retain(&keep);
        }
        self.charts.retain(|_, versions| !versions.is_empty());
    }

    /// The text of `index.yaml`: the same for the same entries, whatever the day.
    pub fn to_yaml(&self) -> Result<String, Error> {
        let entries = self.charts.iter().map(|(name, versions)| {
            let versions = versions.iter().map(|entry| Value::Map(entry.fields().clone()));
            (name.clone(), Value::Seq(versions.collect()))
        });
        let document = Map::from([
            ("apiVersion".to_owned(), Value::String("v1".into())),
            ("entries".to_owned(), Value::Map(entries.collect())),
        ]);
        let mut text = goyaml::to_yaml(&Value::Map(document)).map_err(|source| Error::BadIndex { source })?;
        text.push('\n');
        Ok(text)
    }
}

/// Servers answer with a page where they have no index.
fn what_else_it_is(bytes: &[u8]) -> Option<Error> {
    let head = bytes.trim_ascii_start();
    if head.is_empty() {
        return Some(Error::NoIndex {
            found: "nothing in it",
        });
    }
    (head.first() == Some(&b'<')).then_some(Error::NoIndex {
        found: "a web page, not YAML",
    })
}

fn read_entry(mut fields: Map, notes: &mut Vec<String>) -> Result<Entry, String> {
    let name = fields.get("name").and_then(as_text).unwrap_or_default();
    if !is_chart_name(&name) {
        return Err(format!("`{}` is no chart name", printable(&name, 80)));
    }
    let version = fields.get("version").and_then(as_text).unwrap_or_default();
    let version = Version::parse(&version)
        .map_err(|error| format!("version `{}`: {error}", printable(&version, 80)))?;
    let urls: Vec<String> = match fields.get("urls") {
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
    let digest = match fields
        .get("digest")
        .and_then(as_text)
        .filter(|text| !text.is_empty())
    {
        None => None,
        Some(text) => {
            let hex = text.strip_prefix("sha256:").unwrap_or(&text).to_ascii_lowercase();
            let digest = Digest::from_hex(Algorithm::Sha256, &hex);
            if digest.is_err() {
                notes.push(format!(
                    "its digest `{}` is no SHA-256 and is passed over",
                    printable(&text, 80)
                ));
            }
            digest.ok()
        }
    };
    // Helm reads these as texts, whatever they look like.
    for field in ["name", "version", "appVersion", "apiVersion"] {
        if let Some(text) = fields.get(field).and_then(as_text) {
            fields.insert(field.to_owned(), Value::String(text));
        }
    }
    Ok(Entry {
        name,
        version,
        urls,
        digest,
        fields,
    })
}

/// `[A-Za-z0-9._-]+`, as Helm has it since CVE-2024-25620, and no folder's name.
pub(super) fn is_chart_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= 250 && name != "." && name != ".." && name.bytes().all(legal)
}

/// A scalar as a Go string field takes it: `1.10` without quotes is the number 1.1, and that is its text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Uint(number) => Some(number.to_string()),
        Value::Float(_) | Value::Bool(_) => goyaml::to_json(value).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Index {
        Index::parse(text.as_bytes()).unwrap()
    }

    fn reasons(index: &Index) -> Vec<String> {
        index.problems().iter().map(ToString::to_string).collect()
    }

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn versions_stand_highest_first() {
        let index = parse(&format!(
            "apiVersion: v1\nentries:\n  a:\n  - {{name: a, version: 1.9.0, urls: [a-1.9.0.tgz], digest: {HEX}}}\n  - {{name: a, version: 1.10.0, urls: [x], digest: 'sha256:{HEX}'}}\n"
        ));
        let versions: Vec<_> = index.charts()["a"]
            .iter()
            .map(|e| e.version().original())
            .collect();
        assert_eq!(versions, ["1.10.0", "1.9.0"]);
        assert_eq!(index.charts()["a"][0].digest(), index.charts()["a"][1].digest());
        assert!(index.problems().is_empty());
    }

    #[test]
    fn what_is_no_index_says_what_it_is() {
        let found = |text: &str| Index::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(found("<!DOCTYPE html><html>").contains("a web page"));
        assert!(found("").contains("nothing in it"));
        assert!(found("- a\n- b\n").contains("no mapping"));
        assert!(found("entries: {}\n").contains("no `apiVersion`"));
        assert!(found("apiVersion: v1\nentries: 5\n").contains("no mapping"));
        assert!(matches!(
            Index::parse(b"apiVersion: v1\nentries: [\n"),
            Err(Error::BadIndex { .. })
        ));
    }

    #[test]
    fn nothing_in_it_is_an_index_without_charts() {
        for text in [
            "apiVersion: v1\nentries: null\n",
            "apiVersion: v1\nentries: {}\n",
            "apiVersion: v1\n",
        ] {
            assert!(parse(text).charts().is_empty());
        }
        assert!(parse("apiVersion: v1\nentries: {a: null}\n").charts().is_empty());
    }

    #[test]
    fn an_entry_that_cannot_be_used_is_told_and_the_others_stay() {
        let index = parse(
            "apiVersion: v1\nentries:\n  a:\n  - null\n  - {name: a, version: not-a-version, urls: [x]}\n  - {name: a, version: 1.0.0}\n  - {name: ../a, version: 1.0.0, urls: [x]}\n  - {name: a, version: 1.0.0, urls: [x], digest: abc}\n  b: 7\n  c:\n  - {name: '..', version: 1.0.0, urls: [x]}\n",
        );
        assert_eq!(index.charts().len(), 1);
        assert_eq!(index.charts()["a"].len(), 1);
        assert_eq!(
            reasons(&index),
            [
                "a: version 1 in its list is no mapping",
                "a-not-a-version: version `not-a-version`: invalid semantic version",
                "a-1.0.0: it has no URL",
                "a-1.0.0: `../a` is no chart name",
                "a-1.0.0: its digest `abc` is no SHA-256 and is passed over",
                "b: its versions are no list",
                "c-1.0.0: `..` is no chart name",
            ]
        );
    }

    #[test]
    fn of_two_entries_of_one_version_the_first_counts() {
        let index = parse(
            "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, urls: [first]}\n  - {name: a, version: 1.0.0, urls: [second]}\n  - {name: a, version: 1.0.0, urls: [first]}\n",
        );
        assert_eq!(index.charts()["a"].len(), 1);
        assert_eq!(index.charts()["a"][0].urls(), ["first"]);
        assert_eq!(index.problems().len(), 1);
    }

    #[test]
    fn an_index_is_written_the_same_each_time_and_read_back() {
        let text = "apiVersion: v1\nentries:\n  b:\n  - {name: b, version: 1, urls: [x], appVersion: 1.10, keywords: [k]}\n  a:\n  - {name: a, version: 2.0.0, urls: [x]}\n";
        let mut index = parse(text);
        let digest = Digest::sha256(b"archive");
        for entry in parse(text).charts().values().flatten() {
            index.insert(entry.listed_as(entry.file_name(), digest));
        }
        let written = index.to_yaml().unwrap();
        let read = parse(&written);
        assert_eq!(read, index);
        assert_eq!(read.to_yaml().unwrap(), written);
        assert_eq!(read.charts()["b"][0].urls(), ["b-1.tgz"]);
        assert_eq!(read.charts()["b"][0].text("appVersion").unwrap(), "1.1");
    }
}
