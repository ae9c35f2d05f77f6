//! What a render reads, compares and asks for, as paths of the values.

use std::collections::{BTreeMap, BTreeSet};

use super::switch::{Path, Setting, Switch, is_switch};
use crate::gotemplate::{Map, Outcome, Probe, Site, Value};

/// Deeper values are not given paths.
const DEEPEST: usize = 40;

/// Watches one render.
///
/// Each table of the values has an identity; a key read on it is a path, however the template came to the table:
/// through `.Values`, a variable, a `dict` or a subchart's scope.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    paths: BTreeMap<u64, Path>,
    /// What is being evaluated: conditions and assignments, each with the paths read in it.
    frames: Vec<Vec<Path>>,
    variables: BTreeMap<u64, Vec<Path>>,
    last: Option<Path>,
    seen: BTreeSet<Path>,
    /// Paths with a value that could be another one, in the order in which they were read.
    found: Vec<Switch>,
    /// Paths that a condition decides by.
    decided: BTreeSet<Path>,
    /// Values that the chart demands and does not have.
    pub(super) demanded: Vec<Path>,
    /// API versions that the cluster was asked for and does not have.
    pub(super) apis: BTreeSet<String>,
}

impl Watcher {
    /// A watcher of renders with these values.
    pub(super) fn new(values: &Map) -> Self {
        let mut watcher = Self::default();
        watcher.name(values, &mut Vec::new());
        watcher
    }

    fn name(&mut self, map: &Map, path: &mut Path) {
        if path.len() > DEEPEST {
            return;
        }
        self.paths.insert(map.id(), path.clone());
        for (key, value) in map.entries() {
            if let Value::Map(below) = value {
                path.push(key.to_text());
                self.name(&below, path);
                path.pop();
            }
        }
    }

    /// The switches that the render showed, each once, in the order of rank and of reading.
    pub(super) fn switches(&self) -> Vec<Switch> {
        let mut seen = BTreeSet::new();
        let mut switches: Vec<Switch> = self
            .found
            .iter()
            .filter(|switch| match switch {
                // Switching off reveals other arms only where a condition asks.
                Switch::Value {
                    path,
                    setting: Setting::Bool(false) | Setting::One,
                } => self.decided.contains(path),
                _ => true,
            })
            .filter(|switch| seen.insert((*switch).clone()))
            .cloned()
            .collect();
        switches.sort_by_key(Switch::rank);
        switches
    }

    fn note(&mut self, paths: Vec<Path>) {
        if let Some(frame) = self.frames.last_mut() {
            for path in paths {
                if !frame.contains(&path) && frame.len() < 64 {
                    frame.push(path);
                }
            }
        }
    }
}

impl Probe for Watcher {
    fn read(&mut self, map: &Map, key: &[u8]) {
        let Some(mut path) = self.paths.get(&map.id()).cloned() else {
            return;
        };
        path.push(String::from_utf8_lossy(key).into_owned());
        let value = map.get(key).unwrap_or_default();
        if self.seen.insert(path.clone()) {
            let setting = match value {
                Value::Bool(value) => Some(Setting::Bool(!value)),
                Value::Invalid | Value::Nil if is_switch(&path) => Some(Setting::Bool(true)),
                Value::Int(0, _) | Value::Float(0.0) => Some(Setting::One),
                _ => None,
            };
            if let Some(setting) = setting {
                self.found.push(Switch::new(path.clone(), setting));
            }
        }
        self.last = Some(path.clone());
        self.note(vec![path]);
    }

    fn enter_condition(&mut self, _: Site<'_>) {
        self.frames.push(Vec::new());
    }

    fn leave_condition(&mut self, _: Site<'_>, _: Option<Outcome>) {
        let paths = self.frames.pop().unwrap_or_default();
        self.decided.extend(paths.iter().cloned());
        self.note(paths);
    }

    fn enter_assignment(&mut self) {
        self.frames.push(Vec::new());
    }

    fn leave_assignment(&mut self, variable: u64) {
        let paths = self.frames.pop().unwrap_or_default();
        self.note(paths.clone());
        self.variables.insert(variable, paths);
    }

    fn read_variable(&mut self, variable: u64) {
        if !self.frames.is_empty()
            && let Some(paths) = self.variables.get(&variable)
        {
            self.note(paths.clone());
        }
    }

    /// A text of the values that is compared with others could be those.
    fn compared(&mut self, values: &[Value]) {
        let texts: Vec<String> = values
            .iter()
            .filter_map(Value::as_text)
            .map(crate::gotemplate::GoString::to_text)
            .filter(|text| is_mode(text))
            .collect();
        let paths: Vec<Path> = self.frames.last().cloned().unwrap_or_default();
        let path = paths.last().or(self.last.as_ref()).cloned();
        let (Some(path), true) = (path, values.len() > 1) else {
            return;
        };
        if is_about_something_else(&path) {
            return;
        }
        for text in texts {
            self.found.push(Switch::new(path.clone(), Setting::Text(text)));
        }
    }

    fn required(&mut self, _: &[u8], value: &Value) {
        let empty = value.is_nil() || value.as_text().is_some_and(|t| t.as_bytes().is_empty());
        if empty && let Some(path) = self.last.clone() {
            self.demanded.push(path);
        }
    }

    fn capability(&mut self, name: &[u8], has: bool) {
        if !has {
            self.apis.insert(String::from_utf8_lossy(name).into_owned());
        }
    }
}

/// Whether a text could name a mode: `replication`, `distributed`, `kafka-3`.
fn is_mode(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.bytes().any(|b| b.is_ascii_lowercase())
}

/// Whether a path is of a kind that never decides about images: services, policies, names of objects.
fn is_about_something_else(path: &[String]) -> bool {
    let ends = |name: &str| path.last().is_some_and(|last| last == name);
    let below = |name: &str| {
        path.len() > 1
            && path
                .iter()
                .rev()
                .nth(1)
                .is_some_and(|parent| parent.eq_ignore_ascii_case(name))
    };
    ends("type") && (below("service") || below("updateStrategy") || below("strategy"))
        || [
            "pullPolicy",
            "imagePullPolicy",
            "policy",
            "pathType",
            "name",
            "tag",
            "repository",
            "registry",
            "namespace",
        ]
        .iter()
        .any(|name| ends(name))
}
