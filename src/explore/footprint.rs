//! What each template read of the values, so that after a flip only those run again which could write something else.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::switch::Path;
use crate::gotemplate::{Map, Value};

/// What one template read.
#[derive(Debug, Default)]
struct Read {
    /// Keys, whether they were there or not.
    keys: BTreeSet<Rc<Path>>,
    /// Tables that went as a whole into a function, or were iterated over.
    tables: BTreeSet<Path>,
}

/// What all templates of a render read.
#[derive(Debug, Default)]
pub(super) struct Footprints {
    templates: BTreeMap<String, Read>,
    current: String,
    /// Whether a template changed a table that others see: then nothing is known of them.
    pub(super) shared_change: bool,
}

impl Footprints {
    pub(super) fn begin(&mut self, template: &str) {
        template.clone_into(&mut self.current);
        self.templates.entry(template.to_owned()).or_default();
    }

    pub(super) fn key(&mut self, path: &Rc<Path>) {
        if let Some(read) = self.templates.get_mut(&self.current) {
            read.keys.insert(Rc::clone(path));
        }
    }

    pub(super) fn table(&mut self, path: &[String]) {
        if let Some(read) = self.templates.get_mut(&self.current) {
            read.tables.insert(path.to_vec());
        }
    }

    /// Whether a template could write something else once these paths hold something else. One that did not run then
    /// could write anything.
    pub(super) fn touches(&self, template: &str, changed: &[Path]) -> bool {
        let Some(read) = self.templates.get(template) else {
            return true;
        };
        changed.iter().any(|path| read.touches(path))
    }
}

impl Read {
    fn touches(&self, path: &[String]) -> bool {
        let from = self.keys.range(Rc::new(path.to_vec())..).next();
        from.is_some_and(|key| key.starts_with(path))
            || (0..=path.len()).any(|n| path.get(..n).is_some_and(|table| self.tables.contains(table)))
    }
}

/// The paths that hold something else in the second table. A table that gains or loses its first entry is one itself,
/// since templates ask whether tables are empty.
pub(super) fn differences(before: &Map, after: &Map) -> Vec<Path> {
    let mut found = Vec::new();
    compare(before, after, &mut Vec::new(), &mut found);
    found
}

fn compare(before: &Map, after: &Map, path: &mut Path, found: &mut Vec<Path>) {
    if before.is_empty() != after.is_empty() {
        found.push(path.clone());
        return;
    }
    let (old, new) = (before.borrow(), after.borrow());
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in keys {
        path.push(key.to_text());
        match (old.get(key), new.get(key)) {
            (Some(Value::Map(old)), Some(Value::Map(new))) => compare(old, new, path, found),
            (Some(old), Some(new)) if same(old, new) => {}
            _ => found.push(path.clone()),
        }
        path.pop();
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Invalid | Value::Nil, Value::Invalid | Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, _), Value::Int(b, _)) => a == b,
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let mut found = Vec::new();
            compare(a, b, &mut Vec::new(), &mut found);
            found.is_empty()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<const N: usize>(entries: [(&str, Value); N]) -> Map {
        entries.into_iter().collect()
    }

    fn path(text: &str) -> Path {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn only_what_changed_is_a_difference_and_a_filled_table_is_one_itself() {
        let before = table([
            (
                "a",
                Value::Map(table([("x", Value::Bool(false)), ("y", Value::Bool(true))])),
            ),
            ("b", Value::Map(table([]))),
        ]);
        let after = table([
            (
                "a",
                Value::Map(table([("x", Value::Bool(true)), ("y", Value::Bool(true))])),
            ),
            ("b", Value::Map(table([("x", Value::Bool(true))]))),
            ("c", Value::Bool(true)),
        ]);
        assert_eq!(differences(&before, &after), [path("a.x"), path("b"), path("c")]);
        assert!(differences(&after, &after).is_empty());
    }

    #[test]
    fn a_template_is_touched_by_what_it_read_and_by_all_below_a_table_that_it_took_whole() {
        let mut prints = Footprints::default();
        prints.begin("t");
        prints.key(&Rc::new(path("a.x")));
        prints.table(&path("whole"));
        for (changed, touched) in [("a.x", true), ("a", true), ("a.y", false), ("whole.deep.y", true)] {
            assert_eq!(prints.touches("t", &[path(changed)]), touched, "{changed}");
        }
        assert!(prints.touches("never run", &[path("a.y")]));
    }
}
