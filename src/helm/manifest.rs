//! Rendered files → documents: split, hooks told apart, in the order in which Helm installs them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::decode::{self, Decode, Mismatch};
use super::error::Error;
use super::options::Options;
use super::profile::Profile;
use super::release::Document;
use crate::deadline;
use crate::goyaml::{self, Value};

/// Where Helm 4 cuts: three dashes at the start of a line, whatever follows.
static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| expression(r"(?m)^---[ \t]*"));

/// Where Helm 3 cuts: it takes the white space around the dashes along.
static OLD_SEPARATOR: LazyLock<Regex> = LazyLock::new(|| expression(r"(?:\A|[\t\n\f\r ]*\n)---[\t\n\f\r ]*"));

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a constant expression")
}

/// Kinds in the order in which they are installed. The last two are Helm 4's.
const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// How many of these Helm 3 knows.
const HELM3_KINDS: usize = 36;

/// The events of hooks, as written in an annotation and as Helm names them.
const EVENTS: [(&str, &str); 10] = [
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    ("test-success", "test"),
];

/// How many documents a chart may render to. Real ones have a few hundred, with all their CRDs.
const MAX_DOCUMENTS: usize = 200_000;

/// The documents of all files: manifests first, then hooks, each in the order of installation. A hook of an event
/// that Helm does not know is left out, as Helm leaves it out.
///
/// What does not parse ends it, or goes into `failures` if the options say `keep_going`.
pub(super) fn sort(files: &BTreeMap<String, Vec<u8>>, options: &Options) -> Result<Sorted, Error> {
    let profile = options.profile;
    let (mut manifests, mut hooks) = (Vec::new(), Vec::new());
    let (mut failures, mut salvaged) = (Vec::new(), Vec::new());
    let mut left = MAX_DOCUMENTS;
    for (path, content) in files {
        if base(path).starts_with('_') || trim(content).is_empty() {
            continue;
        }
        let mut lines = Lines::of(content);
        for text in split(content, profile) {
            left = left
                .checked_sub(1)
                .ok_or(Error::TooManyDocuments { limit: MAX_DOCUMENTS })?;
            if deadline::is_over() {
                return Err(Error::ManifestsTakeTime {
                    milliseconds: options.limits.milliseconds,
                });
            }
            let lines_before = lines.before(text);
            match document(path, text, lines_before) {
                Ok(Some(document)) if document.is_hook => hooks.push(document),
                Ok(Some(document)) => manifests.push(document),
                Ok(None) => {}
                Err(error) if options.keep_going => {
                    failures.push((path.clone(), error));
                    salvaged.push(unread(path, text, lines_before));
                }
                Err(error) => return Err(error),
            }
        }
    }
    manifests.sort_by(|a, b| place(&a.kind, profile).cmp(&place(&b.kind, profile)));
    hooks.sort_by(|a, b| place(&a.kind, profile).cmp(&place(&b.kind, profile)));
    manifests.append(&mut hooks);
    Ok(Sorted {
        documents: manifests,
        failures,
        salvaged,
    })
}

/// The documents of all files as they lie there, without a look into them.
pub(super) fn cut(files: &BTreeMap<String, Vec<u8>>, profile: Profile) -> Vec<Document> {
    let manifests = files
        .iter()
        .filter(|(path, _)| !base(path).starts_with('_') && !path.ends_with("NOTES.txt"));
    manifests
        .flat_map(|(path, content)| {
            let mut lines = Lines::of(content);
            split(content, profile)
                .into_iter()
                .map(move |text| unread(path, text, lines.before(text)))
        })
        .collect()
}

/// Counts the lines of a file before its parts, each line once.
struct Lines<'a> {
    whole: &'a [u8],
    counted: usize,
    ends: u32,
}

impl<'a> Lines<'a> {
    fn of(whole: &'a [u8]) -> Self {
        Self {
            whole,
            counted: 0,
            ends: 0,
        }
    }

    /// How many lines stand before a part, which comes after the one that was asked for before.
    fn before(&mut self, part: &[u8]) -> u32 {
        let start = part.as_ptr().addr() - self.whole.as_ptr().addr();
        let between = self.whole.get(self.counted..start).unwrap_or_default();
        let ends = between.split(|byte| *byte == b'\n').count() - 1;
        self.ends = self.ends.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        self.counted = start;
        self.ends
    }
}

/// Documents in their order, and what was none.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) documents: Vec<Document>,
    pub(super) failures: Vec<(String, Error)>,
    /// The texts of those that were none.
    pub(super) salvaged: Vec<Document>,
}

/// Known kinds by their order, then unknown ones by name.
fn place(kind: &str, profile: Profile) -> (usize, &str) {
    let known = if profile.is_helm4() {
        INSTALL_ORDER.len()
    } else {
        HELM3_KINDS
    };
    match INSTALL_ORDER.iter().take(known).position(|k| *k == kind) {
        Some(place) => (place, ""),
        None => (usize::MAX, kind),
    }
}

/// Cuts a rendered file into documents.
pub(super) fn split(content: &[u8], profile: Profile) -> Vec<&[u8]> {
    if profile.is_helm4() {
        SEPARATOR
            .split(trim_start(content))
            .map(trim_start)
            .filter(|d| !d.is_empty())
            .collect()
    } else {
        OLD_SEPARATOR
            .split(trim(content))
            .filter(|d| !d.is_empty())
            .map(trim)
            .collect()
    }
}

/// A document of which no more than the text is known.
fn unread(path: &str, text: &[u8], lines_before: u32) -> Document {
    Document {
        template: path.to_owned(),
        text: text.to_vec(),
        lines_before,
        ..Document::default()
    }
}

fn document(path: &str, text: &[u8], lines_before: u32) -> Result<Option<Document>, Error> {
    let parsed = goyaml::parse(text).and_then(|parsed| {
        no_infinity(&parsed)?;
        Ok(parsed)
    });
    let parsed = parsed.map_err(|source| Error::Manifest {
        template: path.to_owned(),
        source,
    })?;
    let head = Head::read(&parsed).map_err(|source| Error::ManifestHead {
        template: path.to_owned(),
        source,
    })?;
    let hooks = head.annotations.get("helm.sh/hook");
    let events = match hooks {
        None => Vec::new(),
        Some(names) => match events(names) {
            Some(events) => events,
            None => return Ok(None),
        },
    };
    Ok(Some(Document {
        template: path.to_owned(),
        text: text.to_vec(),
        lines_before,
        api_version: head.api_version,
        kind: head.kind,
        name: head.name,
        is_hook: hooks.is_some(),
        is_test: events.iter().any(|e| e == "test"),
        hook_events: events,
        is_crd: false,
    }))
}

/// Helm reads a document by way of JSON, which has no infinities. What it wants as text becomes text before that.
fn no_infinity(document: &Value) -> Result<(), goyaml::Error> {
    let Value::Map(fields) = document else {
        return goyaml::no_infinity(document);
    };
    for (key, value) in fields {
        match (decode::field(key, &["apiVersion", "kind", "metadata"]), value) {
            (Some("metadata"), Value::Map(metadata)) => no_infinity_in_metadata(metadata)?,
            (Some("metadata") | None, other) => goyaml::no_infinity(other)?,
            _ => {}
        }
    }
    Ok(())
}

fn no_infinity_in_metadata(fields: &goyaml::Map) -> Result<(), goyaml::Error> {
    fields
        .iter()
        .filter(|(key, _)| decode::field(key, &["name", "annotations"]).is_none())
        .try_for_each(|(_, value)| goyaml::no_infinity(value))
}

/// The events of an annotation; nothing if one of them is unknown.
fn events(names: &str) -> Option<Vec<String>> {
    names
        .split(',')
        .map(|name| {
            let name = name.trim().to_lowercase();
            let event = EVENTS.iter().find(|(written, _)| *written == name)?;
            Some(event.1.to_owned())
        })
        .collect()
}

#[derive(Default)]
struct Head {
    api_version: String,
    kind: String,
    name: String,
    annotations: BTreeMap<String, String>,
}

impl Head {
    fn read(document: &Value) -> Result<Self, Mismatch> {
        let mut head = Self::default();
        for (key, value) in decode::fields(document)?.into_iter().flatten() {
            match decode::field(key, &["apiVersion", "kind", "metadata"]) {
                Some("apiVersion") => head.api_version.decode(value)?,
                Some("kind") => head.kind.decode(value)?,
                Some("metadata") => head.metadata(value)?,
                _ => {}
            }
        }
        Ok(head)
    }

    fn metadata(&mut self, metadata: &Value) -> Result<(), Mismatch> {
        for (key, value) in decode::fields(metadata)?.into_iter().flatten() {
            match decode::field(key, &["name", "annotations"]) {
                Some("name") => self.name.decode(value)?,
                Some("annotations") => self.annotations.decode(value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The last component of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The bytes without Unicode white space in front.
pub(super) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    // No character of white space is longer than three bytes.
    while let Some(length) = (1..=3).find(|n| bytes.get(..*n).is_some_and(is_space)) {
        bytes = bytes.get(length..).unwrap_or_default();
    }
    bytes
}

/// The bytes without Unicode white space at either end.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = trim_start(bytes);
    let tail = |bytes: &[u8], n: usize| {
        let at = bytes.len().checked_sub(n);
        at.and_then(|at| bytes.get(at..)).is_some_and(is_space)
    };
    while let Some(length) = (1..=3).find(|n| tail(bytes, *n)) {
        bytes = bytes.get(..bytes.len() - length).unwrap_or_default();
    }
    bytes
}

fn is_space(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let mut characters = text.chars();
        characters.next().is_some_and(char::is_whitespace) && characters.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_4_keeps_the_white_space_at_the_end_of_a_document() {
        let text = b"\n---\na: 1\n\n---   \nb: 2\n---x\n--- \n\n";
        let parts = split(text, Profile::Helm4);
        assert_eq!(parts, [b"a: 1\n\n".as_slice(), b"b: 2\n", b"x\n"]);
        let old = split(text, Profile::Helm3);
        assert_eq!(old, [b"a: 1".as_slice(), b"b: 2", b"x"]);
    }

    #[test]
    fn kinds_come_in_helms_order_and_unknown_ones_last() {
        let text = b"kind: Zebra\n---\nkind: Service\n---\nkind: Ant\n---\nkind: Namespace\n---\na: b\n";
        let files = [("c/templates/a.yaml".to_owned(), text.to_vec())].into();
        let sorted = sort(&files, &Options::default()).unwrap().documents;
        let kinds: Vec<_> = sorted.iter().map(|d| d.kind.as_str()).collect();
        assert_eq!(kinds, ["Namespace", "Service", "", "Ant", "Zebra"]);
    }

    #[test]
    fn hooks_are_told_apart_and_unknown_ones_dropped() {
        let hook =
            |event: &str| format!("kind: Job\nmetadata:\n  annotations:\n    helm.sh/hook: {event}\n---\n");
        let text = [hook("pre-install, Test-Success"), hook("crd-install")].concat();
        let files = [("c/templates/a.yaml".to_owned(), text.into_bytes())].into();
        let sorted = sort(&files, &Options::default()).unwrap().documents;
        assert_eq!(sorted.len(), 1);
        assert!(sorted[0].is_hook && sorted[0].is_test);
    }

    #[test]
    fn an_infinity_is_no_json_but_where_a_text_is_wanted() {
        let sorted = |text: &str| {
            let files = [("c/templates/a.yaml".to_owned(), text.as_bytes().to_vec())].into();
            sort(&files, &Options::default()).is_ok()
        };
        for text in [
            "a: .inf",
            "a: [{b: -.inf}]",
            "metadata: {labels: {a: .nan}}",
            "x: &a .inf\ny: *a",
        ] {
            assert!(!sorted(text), "{text}");
        }
        for text in [
            "kind: .inf",
            "metadata: {name: .inf, annotations: {a: .nan}}",
            ".inf: a",
            "a: '.inf'",
        ] {
            assert!(sorted(text), "{text}");
        }
    }

    #[test]
    fn a_document_that_is_no_yaml_names_its_template() {
        let files = [("c/templates/a.yaml".to_owned(), b"a: {".to_vec())].into();
        assert!(
            matches!(sort(&files, &Options::default()), Err(Error::Manifest { template, .. }) if template == "c/templates/a.yaml")
        );
    }
}
