//! What a render reads, compares and asks for, as paths of the values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use super::blocks;
use super::footprint::Footprints;
use super::modes;
use super::switch::{Given, Path, Setting, Switch, is_switch};
use crate::gotemplate::{GoString, Map, Outcome, Probe, Site, Value};
use crate::helm::Trace;

/// Deeper values are not given paths.
const DEEPEST: usize = 40;

/// Functions that look into a table or hand it on: what is read of it then is told by itself.
const LOOK_ONLY: [&str; 30] = [
    "and",
    "or",
    "not",
    "default",
    "coalesce",
    "ternary",
    "empty",
    "required",
    "dict",
    "list",
    "tuple",
    "get",
    "index",
    "hasKey",
    "dig",
    "include",
    "tpl",
    "template",
    "typeOf",
    "kindOf",
    "kindIs",
    "typeIs",
    "typeIsLike",
    "append",
    "prepend",
    "first",
    "last",
    "fail",
    "set",
    "unset",
];

/// Functions that change the table that is their first argument.
const CHANGING: [&str; 6] = [
    "set",
    "unset",
    "merge",
    "mergeOverwrite",
    "mustMerge",
    "mustMergeOverwrite",
];

/// A place in a template that decides something, as one number.
pub(super) type Condition = u64;

/// Watches one render.
///
/// Each table of the values has an identity; a key read on it is a path, however the template came to the table:
/// through `.Values`, a variable, a `dict` or a subchart's scope.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    /// Tables by their identity, and the keys that were read on each.
    tables: HashMap<u64, Table>,
    /// What is being evaluated: conditions and assignments, each with the paths read in it.
    frames: Vec<Vec<Rc<Path>>>,
    variables: HashMap<u64, Vec<Rc<Path>>>,
    last: Option<Rc<Path>>,
    /// What each path held when it was read first.
    held: HashMap<Rc<Path>, Value>,
    /// Paths with a value that could be another one, in the order in which they were read.
    found: Vec<Switch>,
    /// Paths that a condition decides by, each with the conditions that it took part in and that came out against
    /// their body.
    decided: BTreeMap<Rc<Path>, BTreeSet<Condition>>,
    /// Where the conditions stand that came out against their body.
    pub(super) closed: HashMap<Condition, blocks::Site>,
    /// Values that the chart demands and does not have.
    pub(super) demanded: Vec<Path>,
    /// API versions that the cluster was asked for and does not have.
    pub(super) apis: BTreeSet<String>,
    /// What each template read, where that is asked for.
    pub(super) footprints: Option<Footprints>,
    /// Which lines of the templates wrote the lines of the render.
    pub(super) trace: Trace,
}

/// A table of the values.
#[derive(Debug, Default)]
struct Table {
    path: Path,
    keys: HashMap<GoString, Rc<Path>>,
}

impl Watcher {
    /// A watcher of renders with these values.
    pub(super) fn new(values: &Map) -> Self {
        let mut watcher = Self::default();
        watcher.name(values, &mut Vec::new());
        watcher
    }

    /// The same, and it keeps what each template read.
    pub(super) fn with_footprints(values: &Map) -> Self {
        Self {
            footprints: Some(Footprints::default()),
            ..Self::new(values)
        }
    }

    fn name(&mut self, map: &Map, path: &mut Path) {
        if path.len() > DEEPEST {
            return;
        }
        let table = Table {
            path: path.clone(),
            ..Table::default()
        };
        self.tables.insert(map.id(), table);
        for (key, value) in &*map.borrow() {
            if let Value::Map(below) = value {
                path.push(key.to_text());
                self.name(below, path);
                path.pop();
            }
        }
    }

    /// The switches that the render showed, each once, in the order of rank and of reading, with the conditions that
    /// they may turn.
    pub(super) fn switches(&self) -> Vec<(Switch, BTreeSet<Condition>)> {
        let mut seen = BTreeSet::new();
        let mut switches: Vec<Switch> = self
            .found
            .iter()
            .filter(|switch| match switch {
                // Switching off reveals other arms only where a condition asks.
                Switch::Value {
                    path,
                    setting: Setting::Bool(false) | Setting::One | Setting::Given(_),
                } => self.decided.contains_key(path),
                _ => true,
            })
            .filter(|switch| seen.insert((*switch).clone()))
            .cloned()
            .collect();
        switches.sort_by_key(Switch::rank);
        let conditions = |switch: &Switch| match switch {
            Switch::Value { path, .. } => self.decided.get(path).cloned().unwrap_or_default(),
            Switch::Apis(_) | Switch::Upgrade => BTreeSet::new(),
        };
        switches
            .into_iter()
            .map(|switch| {
                let conditions = conditions(&switch);
                (switch, conditions)
            })
            .collect()
    }

    fn note(&mut self, paths: &[Rc<Path>]) {
        if let Some(frame) = self.frames.last_mut() {
            for path in paths {
                if frame.len() < 64 && !frame.iter().any(|known| Rc::ptr_eq(known, path)) {
                    frame.push(Rc::clone(path));
                }
            }
        }
    }

    /// A key that is read for the first time: what its value could be instead.
    fn first_read(&mut self, path: &Rc<Path>, value: &Value) {
        let setting = match value {
            Value::Bool(value) => Some(Setting::Bool(!value)),
            Value::Invalid | Value::Nil if is_switch(path) => Some(Setting::Bool(true)),
            Value::Int(0, _) | Value::Float(0.0) => Some(Setting::One),
            Value::Invalid | Value::Nil => Some(Setting::Given(Given::Text)),
            Value::String(text) if text.as_bytes().is_empty() => Some(Setting::Given(Given::Text)),
            Value::List(list) if list.is_empty() => Some(Setting::Given(Given::List)),
            Value::Map(map) if map.is_empty() => Some(Setting::Given(Given::Table)),
            _ => None,
        };
        if let Some(setting) = setting {
            self.found.push(Switch::new(path.to_vec(), setting));
        }
    }

    /// Tables that went into a function as a whole.
    fn taken(&mut self, value: &Value, depth: u8) {
        let Some(footprints) = &mut self.footprints else {
            return;
        };
        match value {
            Value::Map(map) => match self.tables.get(&map.id()) {
                Some(table) => footprints.table(&table.path),
                None if depth > 0 => {
                    for (_, below) in map.entries() {
                        self.taken(&below, depth - 1);
                    }
                }
                None => {}
            },
            Value::List(list) if depth > 0 => {
                for below in list.iter() {
                    self.taken(below, depth - 1);
                }
            }
            _ => {}
        }
    }
}

/// The same number for the same place in every render.
fn number(site: Site<'_>) -> Condition {
    let mut hasher = DefaultHasher::new();
    site.hash(&mut hasher);
    hasher.finish()
}

/// Whether a map is what templates call `.`, or a part of the values: what all templates share.
fn is_shared(map: &Map, tables: &HashMap<u64, Table>) -> bool {
    tables.contains_key(&map.id()) || map.contains(b"Values") && map.contains(b"Chart")
}

impl Probe for Watcher {
    fn begin(&mut self, name: &str) {
        self.trace.begin(name);
        if let Some(footprints) = &mut self.footprints {
            footprints.begin(name);
        }
    }

    fn wrote(&mut self, site: Site<'_>, output: &[u8], verbatim: bool) {
        self.trace.wrote(site, output, verbatim);
    }

    fn called(&mut self, function: &str, values: &[Value]) {
        if self.footprints.is_none() {
            return;
        }
        if let (true, Some(Value::Map(first))) = (CHANGING.contains(&function), values.first())
            && is_shared(first, &self.tables)
            && let Some(footprints) = &mut self.footprints
        {
            footprints.shared_change = true;
        }
        if !LOOK_ONLY.contains(&function) {
            for value in values {
                self.taken(value, 3);
            }
        }
    }

    fn read(&mut self, map: &Map, key: &[u8]) {
        let Some(table) = self.tables.get_mut(&map.id()) else {
            return;
        };
        let path = if let Some(path) = table.keys.get(key) {
            Rc::clone(path)
        } else {
            let mut path = table.path.clone();
            path.push(String::from_utf8_lossy(key).into_owned());
            let path = Rc::new(path);
            table.keys.insert(GoString::from(key), Rc::clone(&path));
            let value = map.get(key).unwrap_or_default();
            self.first_read(&path, &value);
            self.held.insert(Rc::clone(&path), value);
            path
        };
        if let Some(footprints) = &mut self.footprints {
            footprints.key(&path);
        }
        self.note(std::slice::from_ref(&path));
        self.last = Some(path);
    }

    fn enter_condition(&mut self, _: Site<'_>) {
        self.frames.push(Vec::new());
    }

    fn leave_condition(&mut self, site: Site<'_>, outcome: Option<Outcome>) {
        let paths = self.frames.pop().unwrap_or_default();
        if paths.is_empty() {
            return;
        }
        self.note(&paths);
        let closed = (outcome != Some(Outcome::Body)).then(|| number(site));
        if let Some(closed) = closed {
            self.closed.entry(closed).or_insert_with(|| blocks::Site {
                file: site.file.to_owned(),
                offset: site.offset,
            });
        }
        for path in paths {
            self.decided.entry(path).or_default().extend(closed);
        }
    }

    fn enter_assignment(&mut self) {
        self.frames.push(Vec::new());
    }

    fn leave_assignment(&mut self, variable: u64) {
        let paths = self.frames.pop().unwrap_or_default();
        self.note(&paths);
        self.variables.insert(variable, paths);
    }

    fn read_variable(&mut self, variable: u64) {
        if !self.frames.is_empty()
            && let Some(paths) = self.variables.get(&variable).cloned()
        {
            self.note(&paths);
        }
    }

    /// A text of the values that is compared with others could be those.
    fn compared(&mut self, values: &[Value]) {
        let frame = self.frames.last().filter(|paths| !paths.is_empty());
        let paths = frame.map_or_else(|| self.last.as_slice(), Vec::as_slice);
        let holds = |path: &Rc<Path>| (Rc::clone(path), self.held.get(path).cloned().unwrap_or_default());
        let read: Vec<_> = paths.iter().map(holds).collect();
        self.found.extend(modes::compared(values, &read));
    }

    fn required(&mut self, _: &[u8], value: &Value) {
        let empty = value.is_nil() || value.as_text().is_some_and(|t| t.as_bytes().is_empty());
        if empty && let Some(path) = self.last.clone() {
            self.demanded.push(path.to_vec());
        }
    }

    fn capability(&mut self, name: &[u8], has: bool) {
        if !has {
            self.apis.insert(String::from_utf8_lossy(name).into_owned());
        }
    }
}
