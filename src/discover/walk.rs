//! The structural walk: every node of a document is looked at, whatever its kind.
//!
//! Nothing here knows Deployments or `CronJob`s: a `containers` list is one wherever it stands, so that custom resources,
//! templates inside templates and kinds of tomorrow are read alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::sighting::{Place, Reading, Rule, Severity, Sighting, Source, Subject, Tier};
use super::tree::{Content, Node};
use super::{joins, names, reading};

/// Deeper documents are not followed: a person's manifest has a dozen levels.
const DEEPEST: usize = 400;

/// Keys whose elements are containers wherever they stand.
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Subtrees where a text that looks like a reference is a name of something else.
const QUIET_KEYS: [&str; 20] = [
    "apiVersion",
    "kind",
    "apiGroup",
    "apiGroups",
    "verbs",
    "labels",
    "matchLabels",
    "selector",
    "ownerReferences",
    "resourceNames",
    "nonResourceURLs",
    "expr",
    "record",
    "host",
    "hosts",
    "mountPath",
    "path",
    "schedule",
    "accessModes",
    "finalizers",
];

/// Texts for people: what they mention is an example, not a need.
const PROSE_KEYS: [&str; 4] = ["description", "summary", "message", "documentation"];

/// What holds in a part of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Where the document comes from.
    pub(crate) source: Source,
    /// Nothing here is surer than this.
    pub(crate) best: Tier,
    /// Whether free text is searched for words that read as references.
    pub(crate) free: bool,
    /// Whether it is the content of a Secret: unreadable text is not repeated.
    pub(crate) secret: bool,
    /// Whether templates are expected: the text is filled in by something at run time.
    pub(crate) template: bool,
    /// How many documents inside documents this one is.
    pub(crate) depth: u8,
}

impl Scope {
    /// The scope of a whole document from this source.
    pub(crate) fn of(source: Source) -> Self {
        Self {
            source,
            best: Tier::Certain,
            free: true,
            secret: false,
            template: false,
            depth: 0,
        }
    }

    pub(crate) fn at_best(self, tier: Tier) -> Self {
        Self {
            best: self.best.max(tier),
            ..self
        }
    }

    fn inside(self, key: &str) -> Self {
        let mut scope = self;
        if key == "_example" || key.starts_with('#') {
            scope = scope.at_best(Tier::Candidate);
        }
        if QUIET_KEYS.contains(&key) {
            scope.free = false;
        }
        scope
    }
}

/// How line numbers of a tree become lines of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lines {
    /// The tree is the file, or follows this many lines of it.
    After(u32),
    /// Every node stands on one line: the tree was in a quoted string.
    On(u32),
}

impl Lines {
    pub(crate) fn of(self, line: u32) -> Option<u32> {
        let line = match self {
            Self::After(before) if line > 0 => before.saturating_add(line),
            Self::After(_) => 0,
            Self::On(line) => line,
        };
        (line > 0).then_some(line)
    }
}

/// Why a text is on the list of unresolved ones.
#[derive(Debug)]
pub(super) struct Trouble {
    tier: Tier,
    rule: Rule,
    severity: Severity,
    reason: String,
}

impl Trouble {
    pub(super) fn new(tier: Tier, rule: Rule, severity: Severity, reason: String) -> Self {
        Self {
            tier,
            rule,
            severity,
            reason,
        }
    }
}

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

/// What a map is to the node above it.
#[derive(Clone, Copy, Debug)]
enum Role<'k> {
    Value(&'k str),
    Element(&'k str),
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
        self.enclosing.push(map);
        for (key, value) in map.entries() {
            if !taken.contains(&key.as_str()) {
                self.within(key, |walk| walk.entry(key, value, map, scope.inside(key)));
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
        for (index, element) in elements.iter().enumerate() {
            self.within(&index.to_string(), |walk| match &element.content {
                Content::Null => {}
                Content::Text { text, .. } if names::holds_images(key) && is_one_reference(text) => {
                    walk.strong(text, Rule::ImageKey, element.line, scope);
                }
                // RBAC lists resources as strings; a list of objects under the same key is read as any other.
                Content::Plain(_) | Content::Text { .. } if key == "resources" => {}
                Content::Plain(_) | Content::Text { .. } => walk.text("", element, scope),
                Content::Map(_) => walk.map(element, Role::Element(key), scope),
                Content::Seq(inner) => walk.list(key, inner, scope),
            });
        }
    }

    /// The positions that the API itself defines. Gives the keys that are read with it.
    fn certain(&mut self, map: &'t Node, role: Role<'_>, scope: Scope) -> Vec<&'static str> {
        match role {
            Role::Element(list) if CONTAINER_LISTS.contains(&list) => {
                let Some(image) = map.get("image").filter(|n| n.scalar().is_some()) else {
                    return Vec::new();
                };
                self.within("image", |walk| walk.container_image(image, Rule::Podspec, scope));
                vec!["image"]
            }
            Role::Element("volumes") => {
                if let Some(reference) = map.at(&["image", "reference"]).filter(|n| n.scalar().is_some()) {
                    self.within("image", |walk| {
                        walk.within("reference", |walk| {
                            walk.container_image(reference, Rule::ImageVolume, scope);
                        });
                    });
                    return vec!["image"];
                }
                Vec::new()
            }
            Role::Value("containerDisk") => {
                let Some(image) = map.get("image").filter(|n| n.scalar().is_some()) else {
                    return Vec::new();
                };
                self.within("image", |walk| {
                    walk.container_image(image, Rule::ContainerDisk, scope);
                });
                vec!["image"]
            }
            _ => Vec::new(),
        }
    }

    fn container_image(&mut self, node: &Node, rule: Rule, scope: Scope) {
        let text = node.scalar().unwrap_or_default().trim();
        if text.is_empty() {
            let reason = "the image is empty".to_owned();
            let trouble = Trouble::new(Tier::Certain, rule, Severity::Warning, reason);
            self.unresolved("", trouble, node.line, scope);
            return;
        }
        match reading::read(text) {
            Ok(reference) => self.image(text, reference, Tier::Certain, rule, node.line, scope),
            Err(refusal) => {
                let expected = refusal.is_harmless() || (scope.template && refusal.is_template());
                let severity = if expected || scope.best > Tier::Certain {
                    Severity::Note
                } else {
                    Severity::Error
                };
                let trouble = Trouble::new(Tier::Certain, rule, severity, refusal.to_string());
                self.unresolved(text, trouble, node.line, scope);
            }
        }
    }

    fn joined(&mut self, join: &joins::Join, scope: Scope) {
        if join.exact {
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

    /// A map with `name` and `value`: an environment variable or a parameter.
    fn variable(&mut self, map: &'t Node, scope: Scope) -> bool {
        let Some(name) = map.filled("name") else {
            return false;
        };
        if !names::announces(name) {
            if let Some(value) = map.get("value").filter(|_| names::is_digest_of_something(name))
                && let Some(text) = value.text().filter(|text| reading::is_digest(text))
            {
                self.within("value", |walk| {
                    walk.pieces(name, text, Rule::Env, value.line, scope);
                });
            }
            return false;
        }
        let Some((key, value)) = ["value", "default"]
            .into_iter()
            .find_map(|key| Some((key, map.get(key)?)))
        else {
            return false;
        };
        let Some(text) = value.scalar() else { return false };
        if text.trim_start().starts_with(['{', '[']) {
            return false;
        }
        self.within(key, |walk| walk.pieces(name, text, Rule::Env, value.line, scope));
        key == "value"
    }

    /// The value of a variable or flag that announces images: several may stand in it, as `version=image` pairs too.
    pub(super) fn pieces(&mut self, name: &str, text: &str, rule: Rule, line: u32, scope: Scope) {
        let pieces: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
            .filter(|p| !p.is_empty())
            .collect();
        let alone = pieces.len() == 1;
        for piece in pieces {
            let value = piece
                .rsplit('=')
                .next()
                .unwrap_or_default()
                .trim_matches(['"', '\'']);
            if reading::is_digest(value) {
                let reason = "a digest alone: the repository stands elsewhere".to_owned();
                let trouble = Trouble::new(Tier::Candidate, Rule::DigestOnly, Severity::Note, reason);
                self.unresolved(value, trouble, line, scope);
            } else if !reading::has_form(value) {
                if alone && is_bare_name(value) {
                    self.weak(value, rule, line, scope);
                }
            } else if reading::is_file_path(value) || value.starts_with(':') {
                // A path to a file, or a tag alone.
            } else if names::is_partial(name) && !reading::is_exact(value) {
                self.weak(value, rule, line, scope);
            } else {
                self.strong(value, rule, line, scope);
            }
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
        } else {
            self.text(key, node, scope);
        }
    }

    /// A value under a key that holds an image.
    fn keyed(&mut self, key: &str, text: &str, node: &Node, parent: Option<&Node>, scope: Scope) {
        if reading::has_form(text) {
            if !is_picture(text) {
                self.strong(text, Rule::ImageKey, node.line, scope);
            }
            return;
        }
        if text != "auto"
            && let Some((hub, tag)) = joins::hub_and_tag(&self.enclosing)
            && is_bare_name(text)
        {
            let whole = format!("{}/{text}:{tag}", hub.trim_end_matches('/'));
            self.strong(&whole, Rule::HubTag, node.line, scope);
            return;
        }
        let beside = |keys: &[&str]| parent.is_some_and(|p| keys.iter().any(|k| p.get(k).is_some()));
        if key == "image" && beside(&["name", "command", "args", "source"]) {
            self.strong(text, Rule::ImageKey, node.line, scope);
        } else if is_bare_name(text) {
            self.weak(text, Rule::ImageKey, node.line, scope);
        }
    }

    /// A text that announces an image and is one, or is unresolved.
    pub(super) fn strong(&mut self, text: &str, rule: Rule, line: u32, scope: Scope) {
        match reading::read(text) {
            Ok(reference) => self.image(text, reference, Tier::Strong, rule, line, scope),
            Err(refusal) => {
                let expected = refusal.is_harmless() || refusal.is_template() || scope.best > Tier::Strong;
                let severity = if expected {
                    Severity::Note
                } else {
                    Severity::Warning
                };
                let trouble = Trouble::new(Tier::Strong, rule, severity, refusal.to_string());
                self.unresolved(text, trouble, line, scope);
            }
        }
    }

    /// A text that may be an image; one that cannot be read is dropped, since nothing announced it.
    fn weak(&mut self, text: &str, rule: Rule, line: u32, scope: Scope) {
        if let Ok(reference) = reading::read(text) {
            self.image(text, reference, Tier::Candidate, rule, line, scope);
        }
    }

    pub(super) fn image(
        &mut self,
        raw: &str,
        reference: crate::reference::Reference,
        tier: Tier,
        rule: Rule,
        line: u32,
        scope: Scope,
    ) {
        let sighting = Sighting {
            raw: raw.to_owned(),
            reading: Reading::Image(reference),
            tier: tier.max(scope.best),
            rule,
            source: scope.source,
            place: self.place(line),
            under: BTreeSet::new(),
        };
        self.found.push(sighting);
    }

    pub(super) fn unresolved(&mut self, raw: &str, trouble: Trouble, line: u32, scope: Scope) {
        let Trouble {
            tier,
            rule,
            severity,
            reason,
        } = trouble;
        let (raw, reason) = if scope.secret {
            (
                "(in a Secret, not shown)".to_owned(),
                "it cannot be read as an image".to_owned(),
            )
        } else {
            (crate::secret::printable(raw, 200), reason)
        };
        let sighting = Sighting {
            raw,
            reading: Reading::Unresolved { severity, reason },
            tier,
            rule,
            source: scope.source,
            place: self.place(line),
            under: BTreeSet::new(),
        };
        self.found.push(sighting);
    }

    fn place(&self, line: u32) -> Place {
        Place {
            subject: Arc::clone(self.subject),
            pointer: pointer(&self.pointer),
            embedded: self.embedded.clone(),
            line: self.lines.of(line),
            template_line: None,
        }
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

/// A JSON pointer from escaped segments.
pub(super) fn pointer(segments: &[String]) -> String {
    segments.iter().fold(String::new(), |mut pointer, segment| {
        pointer.push('/');
        pointer.push_str(segment);
        pointer
    })
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

/// Whether a bare word could be a repository on Docker Hub.
fn is_bare_name(text: &str) -> bool {
    text.len() >= 2
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !text.bytes().any(|b| b.is_ascii_uppercase())
        && !matches!(
            text,
            "true" | "false" | "auto" | "none" | "null" | "default" | "yes" | "no"
        )
}

/// Whether a text ends like a picture's or disk's file name.
fn is_picture(text: &str) -> bool {
    const ENDS: [&str; 11] = [
        ".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".iso", ".qcow2", ".img", ".raw",
    ];
    let lower = text.to_ascii_lowercase();
    ENDS.iter().any(|end| lower.ends_with(end))
}
