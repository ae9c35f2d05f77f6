//! The table of what no walk can see: references that operators compose, and fields whose names say nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reading;
use super::scope::Scope;
use super::sighting::{Rule, Source};
use super::tree::Node;
use super::walk::Walk;

/// The table that ships with the program.
const BUILT_IN: &str = include_str!("knowledge.toml");

/// Why a table cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no TOML, or has fields that nobody knows.
    #[error("the table of image rules cannot be read: {reason}")]
    Unreadable {
        /// What the parser says.
        reason: String,
    },
}

/// Rules for kinds whose images are composed or hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    #[serde(default)]
    templates: Vec<String>,
    #[serde(default)]
    field: Vec<Field>,
    #[serde(default)]
    compose: Vec<Compose>,
    #[serde(default)]
    digests: Vec<Digests>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    group: String,
    kind: Option<String>,
    path: String,
    needs: Option<String>,
}

/// An operator whose environment has digests of images that lie beside its own: `VIRT_API_SHASUM` is the digest of
/// `virt-api`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digests {
    operator: String,
    suffix: String,
    #[serde(default)]
    names: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    group: String,
    kind: String,
    unless: Option<String>,
    image: String,
}

impl Knowledge {
    /// The built-in table.
    ///
    /// Gives an empty table if the built-in one could not be read, which a test rules out.
    pub fn built_in() -> Self {
        Self::from_toml(BUILT_IN).unwrap_or_default()
    }

    /// A table from TOML in the form of `knowledge.toml`.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Unreadable {
            reason: error.message().to_owned(),
        })
    }

    /// Both tables as one.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.templates.extend(other.templates);
        self.field.extend(other.field);
        self.compose.extend(other.compose);
        self.digests.extend(other.digests);
        self
    }

    /// Whether objects of this kind are filled in when they run.
    pub(crate) fn fills_templates(&self, kind: &str) -> bool {
        self.templates.iter().any(|k| k == kind)
    }

    /// Records what the table says of an object.
    pub(crate) fn read(&self, root: &Node, walk: &mut Walk<'_, '_>, scope: Scope) {
        let api_version = root.filled("apiVersion").unwrap_or_default();
        let group = api_version.split('/').next().unwrap_or_default();
        let kind = root.filled("kind").unwrap_or_default();
        for field in self.field.iter().filter(|f| f.group == group) {
            if field.kind.as_deref().is_none_or(|k| k == kind)
                && let Some(node) = at(root, &field.path)
                && let Some(text) = node.text()
                && field.needs.as_deref().is_none_or(|n| text.starts_with(n))
                && reading::has_form(text)
            {
                walk.pointer = field.path.split('.').map(str::to_owned).collect();
                walk.strong(text, Rule::KnownField, node.line, scope);
            }
        }
        for compose in self.compose.iter().filter(|c| c.group == group && c.kind == kind) {
            let overridden = compose
                .unless
                .as_deref()
                .is_some_and(|path| at(root, path).is_some());
            if let Some((text, line)) = filled(&compose.image, root).filter(|_| !overridden) {
                let table = Scope {
                    source: Source::Table,
                    ..scope
                };
                walk.pointer = vec!["spec".to_owned()];
                walk.strong(&text, Rule::Composed, line, table);
            }
        }
        let table = Scope {
            source: Source::Table,
            ..scope
        };
        walk.pointer.clear();
        self.operators(root, walk, table);
    }

    /// Finds operators with digests in their environment anywhere below a node.
    fn operators(&self, node: &Node, walk: &mut Walk<'_, '_>, scope: Scope) {
        if let (Some(image), Some(env)) = (node.filled("image"), node.get("env"))
            && let Ok(own) = reading::read(image)
            && let Some((folder, name)) = own.repository().path().rsplit_once('/')
        {
            for family in self.digests.iter().filter(|family| family.operator == name) {
                let folder = format!("{}/{folder}", own.host());
                family.read(&folder, env, walk, scope);
            }
        }
        for (key, value) in node.entries() {
            walk.within(key, |walk| self.operators(value, walk, scope));
        }
        for (index, element) in node.elements().iter().enumerate() {
            walk.within(&index.to_string(), |walk| self.operators(element, walk, scope));
        }
    }
}

impl Digests {
    fn read(&self, folder: &str, env: &Node, walk: &mut Walk<'_, '_>, scope: Scope) {
        for (index, variable) in env.elements().iter().enumerate() {
            let (Some(name), Some(value)) = (variable.filled("name"), variable.filled("value")) else {
                continue;
            };
            let Some(stem) = name
                .strip_suffix(&self.suffix)
                .filter(|_| reading::is_digest(value))
            else {
                continue;
            };
            let image = self
                .names
                .get(stem)
                .cloned()
                .unwrap_or_else(|| stem.to_lowercase().replace('_', "-"));
            let text = format!("{folder}/{image}@{value}");
            walk.within("env", |walk| {
                walk.within(&index.to_string(), |walk| {
                    walk.within("value", |walk| {
                        walk.strong(&text, Rule::Composed, variable.line, scope);
                    });
                });
            });
        }
    }
}

fn at<'t>(root: &'t Node, path: &str) -> Option<&'t Node> {
    path.split('.').try_fold(root, |node, key| node.get(key))
}

/// The pattern with its fields put in, and the line of the last; nothing if one is missing.
fn filled(pattern: &str, root: &Node) -> Option<(String, u32)> {
    let mut text = String::new();
    let mut line = root.line;
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (path, after) = after.split_once('}')?;
        let node = at(root, path)?;
        let value = node.scalar().map(str::trim).filter(|v| !v.is_empty())?;
        text.push_str(before);
        text.push_str(value);
        line = node.line;
        rest = after;
    }
    text.push_str(rest);
    Some((text, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_can_be_read() {
        assert_ne!(Knowledge::from_toml(BUILT_IN).unwrap(), Knowledge::default());
    }

    #[test]
    fn an_unknown_field_in_a_users_table_is_an_error() {
        assert!(Knowledge::from_toml("[[compose]]\nkinds = 'X'\n").is_err());
    }
}
