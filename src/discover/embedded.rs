//! Documents inside strings, and texts that are no documents: scripts, INI files.

use super::record;
use super::scope::{Lines, Scope};
use super::sighting::{Rule, Tier};
use super::tree::{self, Content, Node};
use super::walk::Walk;
use super::{names, reading};

/// Larger strings are searched as text and not parsed.
const PARSED_CAP: usize = 4 << 20;

/// How many documents inside documents are followed.
const DEEPEST: u8 = 4;

impl<'t> Walk<'_, 't> {
    /// A string that may hold documents: JSON, else YAML, else text.
    pub(super) fn embedded_text(&mut self, key: &str, text: &str, node: &Node, scope: Scope) {
        let lines = match &node.content {
            Content::Text { block: true, .. } => match self.lines {
                Lines::After(before) => Lines::After(before + node.line),
                Lines::On(line) => Lines::On(line),
            },
            _ => Lines::On(self.lines.of(node.line).unwrap_or_default()),
        };
        let template = text.contains("{{");
        let inner = Scope {
            template: scope.template || template,
            depth: scope.depth + 1,
            ..scope
        };
        let documents = if scope.depth >= DEEPEST || text.len() > PARSED_CAP {
            Vec::new()
        } else {
            parse(text)
        };
        let mut embedded = self.embedded.clone();
        embedded.push(record::pointer(&self.pointer));
        if documents.is_empty() {
            self.plain_text(text, lines, embedded, inner);
            return;
        }
        let many = documents.len() > 1;
        for (index, document) in documents.iter().enumerate() {
            let mut inner = inner;
            if is_json_file(key) && document.get("panels").is_some() {
                inner = inner.at_best(Tier::Candidate); // A dashboard: its texts are for people.
            }
            let mut walk = Walk {
                subject: self.subject,
                embedded: embedded.clone(),
                lines,
                pointer: if many { vec![index.to_string()] } else { Vec::new() },
                enclosing: Vec::new(),
                found: self.found,
            };
            if is_crd(document) {
                walk.definition(document, "", inner);
            } else {
                walk.tree(document, "", inner);
            }
        }
        self.comments(text, lines, embedded, inner);
    }

    /// What comments of an embedded document mention: candidates, since nothing reads a comment.
    fn comments(&mut self, text: &str, lines: Lines, embedded: Vec<String>, scope: Scope) {
        let mut walk = self.inside(embedded, lines);
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(comment) = line.trim_start().strip_prefix('#') {
                walk.free_text(comment, number, Rule::Mention, scope.at_best(Tier::Candidate));
            }
        }
    }

    fn inside<'s>(&'s mut self, embedded: Vec<String>, lines: Lines) -> Walk<'s, 't> {
        Walk {
            subject: self.subject,
            embedded,
            lines,
            pointer: Vec::new(),
            enclosing: Vec::new(),
            found: self.found,
        }
    }

    /// A text line by line: `key: value` and `key = value` where the key announces an image, and words anywhere.
    fn plain_text(&mut self, text: &str, lines: Lines, embedded: Vec<String>, scope: Scope) {
        let mut walk = self.inside(embedded, lines);
        for (number, line) in (1..).zip(text.lines()) {
            let trimmed = line.trim();
            if trimmed.starts_with('#') || trimmed.starts_with("//") {
                walk.free_text(trimmed, number, Rule::Mention, scope.at_best(Tier::Candidate));
            } else if let Some(value) = left_template(trimmed) {
                walk.strong(value, Rule::TextKey, number, scope);
            } else if let Some((key, value)) =
                assignment(trimmed).filter(|(_, value)| reading::has_form(value))
            {
                if names::is_partial(key) && !reading::is_exact(value) || reading::is_file_path(value) {
                    walk.free_text(value, number, Rule::Word, scope);
                } else {
                    walk.strong(value, Rule::TextKey, number, scope);
                }
            } else if trimmed.starts_with('-') || trimmed.contains(" -") {
                walk.shell(trimmed, number, scope);
            } else if scope.free {
                walk.free_text(trimmed, number, Rule::Word, scope);
            }
        }
    }

    /// A `CustomResourceDefinition`: only `default:` values are needs, what everything else in it mentions is a candidate.
    pub(super) fn definition(&mut self, node: &'t Node, property: &str, scope: Scope) {
        for (key, value) in node.entries() {
            self.within(key, |walk| match key.as_str() {
                "properties" => {
                    for (name, schema) in value.entries() {
                        walk.within(name, |walk| walk.definition(schema, name, scope));
                    }
                }
                "default" => walk.default_value(property, value, scope.at_best(Tier::Strong)),
                "description" | "example" | "examples" | "enum" => walk.documentation(value, scope),
                "pattern" | "metadata" | "status" => {}
                _ => walk.definition(value, property, scope),
            });
        }
        for (index, element) in node.elements().iter().enumerate() {
            self.within(&index.to_string(), |walk| {
                walk.definition(element, property, scope);
            });
        }
    }

    /// Texts for people in a definition. A property may be called `description`: then it is a map.
    fn documentation(&mut self, node: &'t Node, scope: Scope) {
        let scope = scope.at_best(Tier::Candidate);
        match &node.content {
            Content::Null => {}
            Content::Plain(text) | Content::Text { text, .. } => {
                self.free_text(text, node.line, Rule::Mention, scope);
            }
            Content::Seq(_) | Content::Map(_) => self.tree(node, "", scope),
        }
    }

    fn default_value(&mut self, property: &str, value: &'t Node, scope: Scope) {
        match value.text() {
            // The tag of one without is another property, more often than not.
            Some(text) if names::holds_image(property) && reading::is_exact(text) => {
                self.strong(text, Rule::CrdDefault, value.line, scope);
            }
            Some(text) if names::holds_image(property) && reading::has_form(text) => {
                self.weak(text, Rule::CrdDefault, value.line, scope);
            }
            Some(text) => self.free_text(text, value.line, Rule::CrdDefault, scope.at_best(Tier::Heuristic)),
            None => self.tree(value, property, scope),
        }
    }

    /// Searches a whole text that is no document.
    pub(super) fn as_plain_text(&mut self, node: &Node, scope: Scope) {
        self.plain_text(node.text().unwrap_or_default(), self.lines, Vec::new(), scope);
    }
}

/// Whether a key is the name of a JSON file.
fn is_json_file(key: &str) -> bool {
    key.rsplit_once('.')
        .is_some_and(|(_, end)| end.eq_ignore_ascii_case("json"))
}

/// Whether a document defines a custom resource.
pub(super) fn is_crd(document: &Node) -> bool {
    document.get("kind").and_then(Node::scalar) == Some("CustomResourceDefinition")
}

/// The maps and lists that a text holds as JSON or YAML; none if it is neither.
fn parse(text: &str) -> Vec<Node> {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '['])
        && !trimmed.starts_with("{{")
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(trimmed)
    {
        return vec![Node::from_json(value, 1)];
    }
    let documents = tree::parse(text.as_bytes()).unwrap_or_default();
    let is_document = |d: &Node| matches!(d.content, Content::Map(_) | Content::Seq(_));
    if documents
        .iter()
        .all(|d| is_document(d) || d.content == Content::Null)
    {
        documents.into_iter().filter(is_document).collect()
    } else {
        Vec::new() // A script reads as one long YAML string.
    }
}

/// The template of `image: "{{ … }}"`, which something fills in at run time.
fn left_template(line: &str) -> Option<&str> {
    let (key, value) = line.trim_start_matches("- ").split_once(": ")?;
    let value = value.trim().trim_matches(['"', '\'']);
    let key = key.trim().trim_matches(['"', '\'']);
    let one = value.starts_with("{{") && value.ends_with("}}");
    (one && !key.contains(char::is_whitespace) && names::holds_image(key)).then_some(value)
}

/// `key: value`, `key = value` or `export KEY=value` whose key announces an image and whose value is one word.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches("export ").trim_start_matches("- ").trim();
    let (key, value) = match (line.split_once('='), line.split_once(": ")) {
        (Some(equals), Some(colon)) if colon.0.len() < equals.0.len() => colon,
        (Some(equals), _) => equals,
        (None, Some(colon)) => colon,
        (None, None) => return None,
    };
    let key = key.trim().trim_matches(['"', '\'']);
    // As in YAML, a comment begins at a `#` behind white space.
    let comment = value.find(" #").or_else(|| value.find("\t#"));
    let value = value
        .get(..comment.unwrap_or(value.len()))
        .unwrap_or(value)
        .trim()
        .trim_end_matches([',', ';'])
        .trim_matches(['"', '\'']);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let one_word =
        !value.is_empty() && !value.contains(char::is_whitespace) && !value.contains(['$', '(', '{', '"']);
    (key.chars().all(plain) && (names::holds_image(key)) && one_word).then_some((key, value))
}
