//! The structural walk: every node of a document is looked at, whatever its kind.
//!
//! Nothing here knows Deployments or `CronJob`s: a `containers` list is one wherever it stands, so that custom resources,
//! templates inside templates and kinds of tomorrow are read alike.

use std::sync::Arc;

use super::positions::Role;
use super::record::Trouble;
use super::scope::{Lines, Scope};
use super::sighting::{Rule, Severity, Sighting, Source, Subject, Tier};
use super::tree::{Content, Node};
use super::{joins, names, reading, split};

/// Deeper documents are not followed: a person's manifest has a dozen levels.
const DEEPEST: usize = 400;

/// Texts for people: what they mention is an example, not a need.
const PROSE_KEYS: [&str; 4] = ["description", "summary", "message", "documentation"];

/// A walk over one document.
#[derive(Debug)]
pub(crate) struct Walk<'w, 't> {
    pub(super) subject: &'w Arc<Subject>,
    pub(super) embedded: Vec<String>,
    pub(super) lines: Lines,
    pub(super) pointer: Vec<String>,
    pub(super) enclosing: Vec<&'t Node>,
    pub(super) found: &'w mut Vec<Sighting>,
}

impl<'w, 't> Walk<'w, 't> {
    pub(crate) fn new(subject: &'w Arc<Subject>, lines: Lines, found: &'w mut Vec<Sighting>) -> Self {
        Self {
            subject,
            embedded: Vec::new(),
            lines,
            pointer: Vec::new(),
            enclosing: Vec::new(),
            found,
        }
    }

    /// Walks a tree that stands under `key` (empty for a root).
    pub(crate) fn tree(&mut self, node: &'t Node, key: &str, scope: Scope) {
        match &node.content {
            Content::Null => {}
            Content::Plain(_) | Content::Text { .. } => self.scalar(key, node, None, scope),
            Content::Map(_) => self.map(node, Role::Value(key), scope),
            Content::Seq(elements) => self.list(key, elements, scope),
        }
    }

    pub(super) fn within(&mut self, segment: &str, visit: impl FnOnce(&mut Self)) {
        if self.pointer.len() >= DEEPEST {
            let reason = format!("nested deeper than {DEEPEST} levels: not read");
            let trouble = Trouble::new(Tier::Heuristic, Rule::Word, Severity::Warning, reason);
            self.unresolved("…", trouble, 0, Scope::of(Source::Render));
            return;
        }
        self.pointer.push(segment.replace('~', "~0").replace('/', "~1"));
        visit(self);
        self.pointer.pop();
    }

    fn map(&mut self, map: &'t Node, role: Role<'_>, scope: Scope) {
        let (Role::Value(under) | Role::Element(under)) = role;
        let mut taken = self.certain(map, role, scope);
        if let Some(join) = joins::read(map, under).filter(|_| taken.is_empty()) {
            taken.extend(&join.keys);
            self.joined(&join, scope);
        }
        if self.variable(map, scope) {
            taken.push("value");
        }
        if self.image_of_a_stream(map, scope) {
            taken.push("name");
        }
        let mut taken: Vec<&str> = taken;
        let free = map
            .entries()
            .iter()
            .filter(|(key, _)| !taken.contains(&key.as_str()));
        let scalars = split::scalars(free.map(|(name, node)| (name.as_str(), Some(node))));
        let line_of = |name: &str| map.get(name).map_or(map.line, |node| node.line);
        for split in split::find(&scalars) {
            self.within(split.repository, |walk| {
                walk.pieced(&split, Rule::ImageMap, line_of(split.repository), scope);
            });
            taken.push(split.repository);
            taken.extend(split.others);
        }
        for named in split::untagged(&scalars) {
            self.within(named.name, |walk| {
                walk.weak(named.value, Rule::ImageKey, line_of(named.name), scope);
            });
            taken.push(named.name);
        }
        self.enclosing.push(map);
        for (key, value) in map.entries() {
            if !taken.contains(&key.as_str()) {
                let scope = if key == "status" && is_object(map) {
                    scope.at_best(Tier::Candidate) // What a controller saw, as the images that a node has.
                } else {
                    scope.inside(key)
                };
                self.within(key, |walk| walk.entry(key, value, map, scope));
            }
        }
        self.enclosing.pop();
    }

    fn entry(&mut self, key: &str, value: &'t Node, parent: &'t Node, scope: Scope) {
        match &value.content {
            Content::Null => {}
            Content::Plain(_) | Content::Text { .. } => self.scalar(key, value, Some(parent), scope),
            Content::Seq(elements) => {
                if matches!(key, "args" | "command" | "cmd" | "entrypoint" | "extraArgs") {
                    self.arguments(elements, scope);
                } else {
                    self.list(key, elements, scope);
                }
            }
            Content::Map(entries) if key == "annotations" => {
                for (name, annotation) in entries {
                    self.within(name, |walk| walk.annotation(name, annotation, scope));
                }
            }
            Content::Map(_) => self.map(value, Role::Value(key), scope),
        }
    }

    fn list(&mut self, key: &str, elements: &'t [Node], scope: Scope) {
        let joined = self.variables(elements, scope);
        for (index, element) in elements.iter().enumerate() {
            if element.filled("name").is_some_and(|name| joined.contains(name)) {
                continue;
            }
            self.within(&index.to_string(), |walk| match &element.content {
                Content::Null => {}
                Content::Text { text, .. } if names::holds_images(key) && text.contains('=') => {
                    walk.pieces(key, text, Rule::ImageKey, element.line, scope);
                }
                Content::Text { text, .. } if names::holds_images(key) && is_one_reference(text) => {
                    // A bare word is as often a name to compare with as one to pull.
                    if reading::has_form(text) {
                        walk.strong(text, Rule::ImageKey, element.line, scope);
                    } else if reading::is_bare_name(text) {
                        walk.weak(text, Rule::ImageKey, element.line, scope);
                    }
                }
                // RBAC lists resources as strings; a list of objects under the same key is read as any other.
                Content::Plain(_) | Content::Text { .. } if key == "resources" => {}
                Content::Plain(_) | Content::Text { .. } => walk.text("", element, scope),
                Content::Map(_) if key == "relatedImages" && element.filled("image").is_some() => {
                    walk.related(element, scope);
                }
                Content::Map(_) => walk.map(element, Role::Element(key), scope),
                Content::Seq(inner) => walk.list(key, inner, scope),
            });
        }
    }

    fn joined(&mut self, join: &joins::Join, scope: Scope) {
        if join.is_bare {
            self.bare(&join.text, Rule::ImageMap, join.line, scope);
        } else if join.exact {
            self.strong(&join.text, Rule::ImageMap, join.line, scope);
        } else if let Ok(reference) = reading::read(&join.text) {
            self.image(
                &join.text,
                reference,
                Tier::Candidate,
                Rule::ImageMap,
                join.line,
                scope,
            );
        }
    }

    fn annotation(&mut self, name: &str, node: &'t Node, scope: Scope) {
        let key = name.rsplit('/').next().unwrap_or_default();
        match node.text() {
            Some(text) if (names::holds_image(key) || names::holds_images(key)) && !text.contains('\n') => {
                if text.trim_start().starts_with(['{', '[']) {
                    self.text(name, node, scope);
                } else if reading::has_form(text) {
                    self.pieces(key, text, Rule::ObjectAnnotation, node.line, scope);
                }
            }
            Some(_) => self.text(name, node, scope),
            None => self.tree(node, name, scope),
        }
    }

    /// A scalar under `key` outside of any map.
    pub(super) fn scalar_under(&mut self, key: &str, node: &'t Node, scope: Scope) {
        self.scalar(key, node, None, scope);
    }

    fn scalar(&mut self, key: &str, node: &'t Node, parent: Option<&'t Node>, scope: Scope) {
        let Some(text) = node.text().map(str::trim).filter(|t| !t.is_empty()) else {
            return;
        };
        if names::is_variable(key) && names::announces(key) && !text.starts_with(['{', '[']) {
            self.pieces(key, text, Rule::Env, node.line, scope);
        } else if names::holds_image(key) && is_one_reference(text) && !reading::is_file_path(text) {
            self.keyed(key, text, node, parent, scope);
        } else if let Some(reference) = self.one_of_images(key, text) {
            self.image(text, reference, Tier::Strong, Rule::ImageKey, node.line, scope);
        } else {
            self.text(key, node, scope);
        }
    }

    /// An exact reference in a map of names to images: `images: {shell: "busybox:1.36"}`.
    fn one_of_images(&self, key: &str, text: &str) -> Option<crate::reference::Reference> {
        let map = self
            .pointer
            .len()
            .checked_sub(2)
            .and_then(|at| self.pointer.get(at))?;
        let is_one = names::holds_images(map)
            && is_one_reference(text)
            && reading::is_exact(text)
            && !reading::may_be_port(text)
            && !reading::is_digest(text)
            && !names::is_partial(key);
        reading::read(text).ok().filter(|_| is_one)
    }

    /// A value under a key that holds an image.
    fn keyed(&mut self, key: &str, text: &str, node: &Node, parent: Option<&Node>, scope: Scope) {
        if reading::has_form(text) {
            if is_picture(text) {
                // Nothing that a registry has.
            } else if self.is_setting() && !reading::is_exact(text) {
                self.weak(text, Rule::ImageKey, node.line, scope);
            } else {
                self.strong(text, Rule::ImageKey, node.line, scope);
            }
            return;
        }
        if text != "auto"
            && let Some((hub, tag)) = joins::hub_and_tag(&self.enclosing)
            && reading::is_bare_name(text)
        {
            let whole = format!("{}/{text}:{tag}", hub.trim_end_matches('/'));
            self.strong(&whole, Rule::HubTag, node.line, scope);
            return;
        }
        let beside = |keys: &[&str]| parent.is_some_and(|p| keys.iter().any(|k| p.get(k).is_some()));
        if key == "image" && beside(&["name", "command", "args", "source"]) {
            self.strong(text, Rule::ImageKey, node.line, scope);
        } else if reading::is_bare_name(text) {
            self.weak(text, Rule::ImageKey, node.line, scope);
        }
    }

    /// Whether this is a setting in a `ConfigMap`: like a variable, it often holds a name alone, with its tag put in by the
    /// program that reads it.
    fn is_setting(&self) -> bool {
        self.subject.kind == "ConfigMap" && self.embedded.is_empty() && self.pointer.len() == 2
    }

    /// A string that no key announces: an embedded document, or free text.
    pub(super) fn text(&mut self, key: &str, node: &'t Node, scope: Scope) {
        let Some(text) = node.text() else { return };
        let scope = if PROSE_KEYS.contains(&key) {
            scope.at_best(Tier::Candidate)
        } else {
            scope
        };
        let begins = text.trim_start();
        if text.contains('\n') || begins.starts_with(['{', '[']) {
            self.embedded_text(key, text, node, scope);
        } else if scope.free {
            self.free_text(text, node.line, Rule::Word, scope);
        }
    }

    /// The words of a text that read as references by themselves.
    pub(super) fn free_text(&mut self, text: &str, line: u32, rule: Rule, scope: Scope) {
        if !text.contains('/') {
            return;
        }
        for chunk in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')) {
            if !chunk.contains('/') || ["${", "$(", "{{", "}}"].iter().any(|m| chunk.contains(m)) {
                continue;
            }
            for word in reading::words(chunk) {
                match reading::judge_word(word) {
                    // A password may look like a path and a tag; in a Secret a registry must be named.
                    reading::Worth::Image(reference, tier)
                        if !scope.secret || (joins::starts_with_host(word) && tier < Tier::Candidate) =>
                    {
                        self.image(word, reference, tier, rule, line, scope);
                    }
                    reading::Worth::Broken(refusal) if scope.best < Tier::Candidate => {
                        let trouble =
                            Trouble::new(Tier::Heuristic, rule, Severity::Note, refusal.to_string());
                        self.unresolved(word, trouble, line, scope);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Whether a map is an object of the API.
fn is_object(map: &Node) -> bool {
    map.filled("apiVersion").is_some() && map.filled("kind").is_some()
}

/// Whether a text is one word that may be a reference, not a sentence or a document.
fn is_one_reference(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text.len() < 1024
        && (!text.contains(char::is_whitespace) || text.contains("{{"))
        && !text.starts_with(['{', '['])
        || text.starts_with("{{")
}

/// Whether a text ends like a picture's or disk's file name.
fn is_picture(text: &str) -> bool {
    const ENDS: [&str; 11] = [
        ".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".iso", ".qcow2", ".img", ".raw",
    ];
    let lower = text.to_ascii_lowercase();
    ENDS.iter().any(|end| lower.ends_with(end))
}
