//! From a file's text to the walks over its documents.

use std::sync::Arc;

use base64::Engine as _;

use super::embedded::is_crd;
use super::knowledge::Knowledge;
use super::scope::{Lines, Scope};
use super::sighting::{Rule, Sighting, Source, Subject, Tier};
use super::tree::{self, Content, Node};
use super::walk::Walk;

/// Larger manifests are refused: the largest that public projects publish has a tenth of it.
pub const MANIFEST_CAP: usize = 64 << 20;

/// Why the documents of a file cannot be walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no YAML.
    #[error("invalid YAML{}: {reason}", at(*line))]
    InvalidYaml {
        /// The line, counted from 1; 0 if unknown.
        line: u32,
        /// What the parser says.
        reason: String,
    },
    /// The text is larger than [`MANIFEST_CAP`].
    #[error("the text has {size} bytes, more than the {MANIFEST_CAP} that are read")]
    TooLarge {
        /// How large it is, in bytes.
        size: usize,
    },
}

fn at(line: u32) -> String {
    if line == 0 {
        String::new() // It is the document as a whole that is too much.
    } else {
        format!(" at line {line}")
    }
}

/// What is known of a file before its documents are read.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Chart, version, subchart path and file; the object's fields are empty.
    pub subject: Subject,
    /// Where the text comes from.
    pub source: Source,
    /// How many lines of the file stand before the text.
    pub lines_before: u32,
}

/// Walks every YAML or JSON document of a text. Nothing of the text is executed, fetched or logged.
///
/// Where one document is no YAML the ones before it are lost with it: the caller must report the error, and may still
/// search the text with [`scan_text`].
pub fn walk(text: &[u8], origin: &Origin, knowledge: &Knowledge) -> Result<Vec<Sighting>, Error> {
    if text.len() > MANIFEST_CAP {
        return Err(Error::TooLarge { size: text.len() });
    }
    let mut found = Vec::new();
    for root in tree::parse(text)? {
        document(&root, origin, knowledge, &mut Vec::new(), &mut found);
    }
    comments(text, origin, &mut found);
    Ok(found)
}

/// What comments mention are candidates: nothing reads a comment, and a person may want to know.
fn comments(text: &[u8], origin: &Origin, found: &mut Vec<Sighting>) {
    let subject = Arc::new(origin.subject.clone());
    let mut walk = Walk::new(&subject, Lines::After(origin.lines_before), found);
    let scope = Scope::of(origin.source).at_best(Tier::Candidate);
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if let Some(comment) = line.trim_ascii_start().strip_prefix(b"#")
            && comment.contains(&b'/')
            && let Ok(comment) = std::str::from_utf8(comment)
        {
            walk.free_text(comment, number, Rule::Mention, scope);
        }
    }
}

/// Searches a text that is no YAML for words that read as references, so that what can be saved of it is.
pub fn scan_text(text: &str, origin: &Origin) -> Vec<Sighting> {
    let mut found = Vec::new();
    let subject = Arc::new(origin.subject.clone());
    let node = Node {
        line: 0,
        content: Content::Text {
            text: text.to_owned(),
            block: true,
        },
    };
    Walk::new(&subject, Lines::After(origin.lines_before), &mut found)
        .as_plain_text(&node, Scope::of(origin.source));
    found
}

fn document(
    root: &Node,
    origin: &Origin,
    knowledge: &Knowledge,
    pointer: &mut Vec<String>,
    found: &mut Vec<Sighting>,
) {
    let kind = root.filled("kind").unwrap_or_default();
    let items = root.get("items").map(Node::elements).unwrap_or_default();
    if kind.ends_with("List") && items.iter().any(|item| item.get("kind").is_some()) {
        for (index, item) in items.iter().enumerate() {
            pointer.extend(["items".to_owned(), index.to_string()]);
            if pointer.len() < 32 {
                document(item, origin, knowledge, pointer, found);
            }
            pointer.truncate(pointer.len() - 2);
        }
        return;
    }
    let metadata = |key: &str| {
        root.at(&["metadata", key])
            .and_then(Node::scalar)
            .unwrap_or_default()
            .to_owned()
    };
    let subject = Arc::new(Subject {
        api_version: root.filled("apiVersion").unwrap_or_default().to_owned(),
        kind: kind.to_owned(),
        namespace: metadata("namespace"),
        name: metadata("name"),
        ..origin.subject.clone()
    });
    let mut scope = Scope::of(origin.source);
    let mut walk = Walk::new(&subject, Lines::After(origin.lines_before), found);
    walk.pointer.clone_from(pointer);
    if is_crd(root) {
        walk.definition(root, "", scope);
        return;
    }
    scope.template = knowledge.fills_templates(&subject.kind);
    if kind == "Secret" {
        scope.secret = true;
        secret(root, &mut walk, scope);
        return;
    }
    walk.tree(root, "", scope);
    knowledge.read(root, &mut walk, scope);
}

/// A Secret: its data is decoded first, and nothing unreadable of it is ever repeated.
fn secret(root: &Node, walk: &mut Walk<'_, '_>, scope: Scope) {
    for (section, entries) in root.entries() {
        for (key, value) in entries.entries() {
            let Some(text) = value.text() else { continue };
            let decoded = match section.as_str() {
                "stringData" => text.to_owned(),
                "data" => {
                    let bytes = base64::engine::general_purpose::STANDARD
                        .decode(text.split_whitespace().collect::<String>())
                        .unwrap_or_default();
                    String::from_utf8(bytes).unwrap_or_default()
                }
                _ => continue,
            };
            let node = Node {
                line: value.line,
                content: Content::Text {
                    text: decoded,
                    block: section == "stringData"
                        && matches!(value.content, Content::Text { block: true, .. }),
                },
            };
            let mut inner = Walk::new(walk.subject, walk.lines, walk.found);
            inner.pointer.clone_from(&walk.pointer);
            inner.within(section, |walk| {
                walk.within(key, |walk| walk.scalar_under(key, &node, scope));
            });
        }
    }
}
