//! Texts of the values that templates compare with others: which other text could stand there.

use std::rc::Rc;

use super::switch::{Path, Setting, Switch};
use crate::discover::words_of;
use crate::gotemplate::{GoString, Value};

/// Last words of paths that never decide about images: they are parts of a reference, or the names of objects.
const SOMETHING_ELSE: [&str; 12] = [
    "pullpolicy",
    "policy",
    "name",
    "namespace",
    "tag",
    "repository",
    "registry",
    "hub",
    "suffix",
    "version",
    "digest",
    "sha",
];

/// The modes that a comparison names. `read` are the paths that were read for it with what they hold, the last one at
/// the end.
///
/// A path is compared if what it holds is among what was compared; one that holds nothing may have been given a default.
pub(super) fn compared(values: &[Value], read: &[(Rc<Path>, Value)]) -> Vec<Switch> {
    let texts: Vec<String> = values
        .iter()
        .filter_map(Value::as_text)
        .map(GoString::to_text)
        .collect();
    if values.len() < 2 || texts.is_empty() {
        return Vec::new();
    }
    let one_of_them = |(_, value): &&(Rc<Path>, Value)| {
        text_of(value).is_some_and(|own| texts.iter().any(|text| text.eq_ignore_ascii_case(&own)))
    };
    let says_nothing = |(_, value): &&(Rc<Path>, Value)| is_nothing(value) && differ(values, &texts);
    let compared = read.iter().rev().find(one_of_them);
    let Some((path, value)) = compared.or_else(|| read.last().filter(says_nothing)) else {
        return Vec::new();
    };
    if is_about_something_else(path) {
        return Vec::new();
    }
    let own = text_of(value).unwrap_or_default();
    texts
        .into_iter()
        .filter(|text| is_mode(text) && !text.eq_ignore_ascii_case(&own))
        .map(|text| Switch::new(path.to_vec(), Setting::Text(text)))
        .collect()
}

/// The text that a path holds, if it is not empty.
fn text_of(value: &Value) -> Option<String> {
    value
        .as_text()
        .map(GoString::to_text)
        .filter(|text| !text.is_empty())
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Invalid | Value::Nil) || value.as_text().is_some_and(|t| t.as_bytes().is_empty())
}

/// Whether what was compared is not one text twice: then the path had no part in it.
fn differ(values: &[Value], texts: &[String]) -> bool {
    texts.len() < values.len() || texts.windows(2).any(|pair| matches!(pair, [a, b] if a != b))
}

/// Whether a text could name a mode: `replication`, `distributed`, `kafka-3`.
fn is_mode(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.bytes().any(|b| b.is_ascii_lowercase())
}

/// Whether a path is of a kind that never decides about images: services, policies, names, parts of references.
fn is_about_something_else(path: &[String]) -> bool {
    let Some(last) = path.last() else { return true };
    let parent = path.iter().rev().nth(1).map(|parent| parent.to_lowercase());
    let of_an_object = |parent: String| ["service", "updatestrategy", "strategy"].contains(&parent.as_str());
    last == "type" && parent.is_some_and(of_an_object)
        || last == "pathType"
        || words_of(last)
            .last()
            .is_some_and(|word| SOMETHING_ELSE.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Rc<Path> {
        Rc::new(text.split('.').map(str::to_owned).collect())
    }

    fn text(text: &str) -> Value {
        Value::from(text)
    }

    fn modes(operands: &[&str], read: &[(&str, Value)]) -> Vec<String> {
        let operands: Vec<Value> = operands.iter().map(|t| text(t)).collect();
        let read: Vec<_> = read.iter().map(|(p, v)| (path(p), v.clone())).collect();
        compared(&operands, &read)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_path_that_holds_what_is_compared_gets_the_other_text() {
        let read = [("mode", text("single")), ("other", text("x"))];
        assert_eq!(modes(&["single", "replicated"], &read), ["mode=replicated"]);
        assert_eq!(
            modes(&["none", "replicated"], &[("mode", Value::Nil)]),
            ["mode=none", "mode=replicated"]
        );
    }

    #[test]
    fn a_path_that_had_no_part_in_the_comparison_gets_nothing() {
        assert!(modes(&["Helm", "Helm"], &[("version", text("edge"))]).is_empty());
        assert!(modes(&["Helm", "Helm"], &[("some", Value::Nil)]).is_empty());
        assert!(modes(&["a1", "b1"], &[("some", text("c1"))]).is_empty());
        assert!(modes(&["true", "yes"], &[("some", Value::Bool(true))]).is_empty());
    }

    #[test]
    fn parts_of_references_are_judged_by_their_last_word() {
        for name in [
            "global.imageRegistry",
            "imageTag",
            "tagSuffix",
            "linkerdVersion",
            "image-digest",
            "image_repository",
            "global.hub",
            "imagePullPolicy",
            "pathType",
            "service.type",
        ] {
            assert!(modes(&["", "postgres"], &[(name, text(""))]).is_empty(), "{name}");
        }
        assert_eq!(
            modes(&["", "postgres"], &[("storage.type", text(""))]),
            ["storage.type=postgres"]
        );
    }
}
