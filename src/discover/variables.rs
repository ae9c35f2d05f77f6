//! Environment variables and parameters: names with values.

use std::collections::BTreeSet;

use super::record::Trouble;
use super::scope::Scope;
use super::sighting::{Rule, Severity, Tier};
use super::tree::Node;
use super::walk::Walk;
use super::{names, reading, split};

impl<'t> Walk<'_, 't> {
    /// Variables that spell images in pieces, as `SIDECAR_IMAGE_REPOSITORY` and `SIDECAR_IMAGE_TAG` do; one whose tag is
    /// left open is a candidate. Gives the names that are read with it.
    pub(super) fn variables(&mut self, elements: &'t [Node], scope: Scope) -> BTreeSet<&'t str> {
        let pair = |element: &'t Node| Some((element.filled("name")?, element.get("value")));
        let scalars = split::scalars(elements.iter().filter_map(pair));
        let mut joined = BTreeSet::new();
        let place = |name: &str| {
            let index = elements.iter().position(|e| e.filled("name") == Some(name));
            let index = index.unwrap_or_default();
            (
                index.to_string(),
                elements.get(index).map_or(0, |element| element.line),
            )
        };
        for split in split::find(&scalars) {
            let (index, line) = place(split.repository);
            self.within(&index, |walk| {
                walk.within("value", |walk| walk.pieced(&split, Rule::Env, line, scope));
            });
            joined.insert(split.repository);
            joined.extend(split.others);
        }
        for named in split::untagged(&scalars) {
            let (index, line) = place(named.name);
            self.within(&index, |walk| {
                walk.within("value", |walk| walk.weak(named.value, Rule::Env, line, scope));
            });
            joined.insert(named.name);
        }
        joined
    }

    /// A map with `name` and `value`: an environment variable or a parameter.
    pub(super) fn variable(&mut self, map: &'t Node, scope: Scope) -> bool {
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
                if alone && reading::is_bare_name(value) {
                    self.weak(value, rule, line, scope);
                }
            } else if reading::is_file_path(value) || value.starts_with(':') {
                // A path to a file, or a tag alone.
            } else if names::is_partial(name) && !reading::is_exact(value)
                || reading::may_be_port(value) && !names::ends_in_image(name)
            {
                self.weak(value, rule, line, scope);
            } else {
                self.strong(value, rule, line, scope);
            }
        }
    }
}
