//! Lists of images that people and other tools write: one reference a line, skopeo sync files, hauler manifests.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::documents::Error;
use super::reading;
use super::sighting::{Place, Reading, Rule, Severity, Sighting, Source, Subject, Tier};
use super::tree::{self, Content, Node};
use crate::reference::lines;

/// What a file that is no chart holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Kubernetes manifests, or any other YAML.
    Manifests,
    /// One reference a line.
    List,
    /// The YAML of `skopeo sync --src yaml`.
    SkopeoSync,
    /// A hauler manifest of images.
    Hauler,
}

/// Tells what a text holds from its content; names and suffixes say too little.
pub fn form(text: &str) -> Form {
    if lines(text).is_some() {
        return Form::List;
    }
    // Manifests can be large, and most of them are told from the other two without being parsed.
    if !text.contains("content.hauler.cattle.io/") && !text.contains("images") {
        return Form::Manifests;
    }
    let documents = tree::parse(text.as_bytes()).unwrap_or_default();
    let is_hauler = |d: &Node| {
        d.filled("apiVersion")
            .is_some_and(|v| v.starts_with("content.hauler.cattle.io/"))
    };
    if documents.iter().any(is_hauler) {
        return Form::Hauler;
    }
    let is_host = |node: &Node| {
        ["images", "images-by-tag-regex", "images-by-semver"]
            .iter()
            .any(|key| matches!(node.get(key).map(|n| &n.content), Some(Content::Map(_))))
    };
    let is_sync = |d: &Node| d.get("kind").is_none() && d.entries().iter().any(|(_, host)| is_host(host));
    if documents.iter().any(is_sync) {
        return Form::SkopeoSync;
    }
    Form::Manifests
}

/// Reads a text of the given form; [`Form::Manifests`] gives nothing, [`walk`](super::walk()) reads those.
pub fn scan_list(text: &str, form: Form, subject: &Subject) -> Result<Vec<Sighting>, Error> {
    let mut list = Reader {
        subject: Arc::new(subject.clone()),
        found: Vec::new(),
    };
    match form {
        Form::Manifests => {}
        Form::List => {
            for line in lines(text).unwrap_or_default() {
                list.one(line.text, Some(line.number), String::new());
            }
        }
        Form::SkopeoSync => {
            for document in tree::parse(text.as_bytes())? {
                list.skopeo(&document);
            }
        }
        Form::Hauler => {
            for document in tree::parse(text.as_bytes())? {
                list.hauler(&document);
            }
        }
    }
    Ok(list.found)
}

struct Reader {
    subject: Arc<Subject>,
    found: Vec<Sighting>,
}

impl Reader {
    fn one(&mut self, text: &str, line: Option<u32>, pointer: String) {
        let reading = match reading::read(text) {
            Ok(reference) => Reading::Image(reference),
            Err(refusal) => Reading::Unresolved {
                severity: Severity::Error,
                reason: refusal.to_string(),
            },
        };
        self.push(text, reading, line, pointer);
    }

    fn push(&mut self, raw: &str, reading: Reading, line: Option<u32>, pointer: String) {
        self.found.push(Sighting {
            raw: crate::secret::printable(raw, 400),
            reading,
            tier: Tier::Certain,
            rule: Rule::ListEntry,
            source: Source::List,
            place: Place {
                subject: Arc::clone(&self.subject),
                pointer,
                embedded: Vec::new(),
                line,
                template_line: None,
                template_file: None,
            },
            under: BTreeSet::new(),
        });
    }

    fn skopeo(&mut self, document: &Node) {
        for (host, settings) in document.entries() {
            for (repository, tags) in settings.get("images").map(Node::entries).unwrap_or_default() {
                let pointer = format!("/{host}/images/{}", repository.replace('/', "~1"));
                if tags.elements().is_empty() {
                    self.needs_registry(host, repository, "every tag", tags.line, pointer);
                    continue;
                }
                for tag in tags.elements() {
                    let tag_text = tag.scalar().unwrap_or_default();
                    let separator = if tag_text.contains(':') { '@' } else { ':' };
                    let text = format!("{host}/{repository}{separator}{tag_text}");
                    self.one(&text, Some(tag.line), pointer.clone());
                }
            }
            for (key, what) in [
                ("images-by-tag-regex", "the tags that match"),
                ("images-by-semver", "the versions in the range"),
            ] {
                for (repository, pattern) in settings.get(key).map(Node::entries).unwrap_or_default() {
                    let pointer = format!("/{host}/{key}/{}", repository.replace('/', "~1"));
                    let what = format!("{what} `{}`", pattern.scalar().unwrap_or_default());
                    self.needs_registry(host, repository, &what, pattern.line, pointer);
                }
            }
        }
    }

    fn needs_registry(&mut self, host: &str, repository: &str, what: &str, line: u32, pointer: String) {
        let reading = Reading::Unresolved {
            severity: Severity::Warning,
            reason: format!(
                "{} of it: only the registry knows them",
                crate::secret::printable(what, 200)
            ),
        };
        self.push(&format!("{host}/{repository}"), reading, Some(line), pointer);
    }

    fn hauler(&mut self, document: &Node) {
        if document.filled("kind") != Some("Images") {
            return;
        }
        let images = document
            .at(&["spec", "images"])
            .map(Node::elements)
            .unwrap_or_default();
        for (index, image) in images.iter().enumerate() {
            let text = image
                .scalar()
                .or_else(|| image.filled("name"))
                .unwrap_or_default();
            self.one(text, Some(image.line), format!("/spec/images/{index}/name"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        scan_list(text, form(text), &Subject::default())
            .unwrap()
            .into_iter()
            .map(|s| match s.reading {
                Reading::Image(r) => format!("{r} {:?}", s.place.line),
                Reading::Unresolved { severity, .. } => format!("{severity:?} {} {:?}", s.raw, s.place.line),
            })
            .collect()
    }

    #[test]
    fn a_list_has_comments_and_blank_lines() {
        let text = "# images\nnginx:1\n\nquay.io/a/b:2 # pinned\nquay.io/Bad/name:1\n";
        assert_eq!(form(text), Form::List);
        assert_eq!(
            rows(text),
            [
                "docker.io/library/nginx:1 Some(2)",
                "quay.io/a/b:2 Some(4)",
                "Error quay.io/Bad/name:1 Some(5)"
            ]
        );
    }

    #[test]
    fn a_skopeo_sync_file_names_tags_and_what_needs_the_registry_is_said() {
        let text = "quay.io:\n  images:\n    coreos/etcd: [v3.5.0, \"3.4\"]\n    all/tags: []\n  images-by-tag-regex:\n    a/b: ^1\\.\n";
        assert_eq!(form(text), Form::SkopeoSync);
        assert_eq!(
            rows(text),
            [
                "quay.io/coreos/etcd:v3.5.0 Some(3)",
                "quay.io/coreos/etcd:3.4 Some(3)",
                "Warning quay.io/all/tags Some(4)",
                "Warning quay.io/a/b Some(6)"
            ]
        );
    }

    #[test]
    fn a_hauler_manifest_names_images() {
        let text =
            "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nspec:\n  images:\n  - name: busybox:1\n";
        assert_eq!(rows(text), ["docker.io/library/busybox:1 Some(5)"]);
    }

    #[test]
    fn manifests_are_no_list() {
        assert_eq!(form("kind: Pod\nspec: {}\n"), Form::Manifests);
        assert_eq!(form(""), Form::Manifests);
        assert_eq!(
            form("kind: Kustomization\nimages: [{name: a}]\n"),
            Form::Manifests
        );
    }
}
