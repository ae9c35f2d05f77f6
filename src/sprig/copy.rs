//! Copies that share nothing with the original.

use std::collections::BTreeMap;

use super::semver::VersionObject;
use super::with_stack;
use crate::gotemplate::{Failure, List, Map, Value, deadline, memory};

/// Lists and dictionaries inside one another beyond which copying stops: one that holds itself would never end.
const DEEPEST: usize = 1_000;

/// A copy of all lists and dictionaries, the whole way down, with their types.
///
/// Nil itself cannot be copied: Go panics there. Nil inside is fine.
pub(super) fn deep_copy(value: &Value) -> Result<Value, Failure> {
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    copy_level(value, DEEPEST)
}

fn copy_level(value: &Value, levels: usize) -> Result<Value, Failure> {
    deadline::check()?;
    let inner = || levels.checked_sub(1).ok_or("the value to copy is too deep");
    Ok(match value {
        Value::List(list) if list.is_nil() => List::nil(list.go_type()).into(),
        Value::List(list) => {
            let levels = inner()?;
            memory::reserve(list.len().saturating_mul(size_of::<Value>()))?;
            let items = list.iter().map(|item| with_stack(|| copy_level(item, levels)));
            List::typed(list.go_type(), items.collect::<Result<_, _>>()?).into()
        }
        Value::Map(map) if map.is_nil() => Map::nil(map.go_type()).into(),
        Value::Map(map) => {
            let levels = inner()?;
            let mut entries = BTreeMap::new();
            for (key, item) in map.entries() {
                memory::reserve(ENTRY)?;
                entries.insert(key, with_stack(|| copy_level(&item, levels))?);
            }
            Map::with_entries(map.go_type(), entries).into()
        }
        Value::Object(object) => match object.underlying() {
            Some(plain) => copy_level(&plain, levels)?,
            // Go copies exported fields only, and a version has none.
            None if object.as_any().is::<VersionObject>() => VersionObject::zero(),
            None => value.clone(),
        },
        other => other.clone(),
    })
}

/// What one entry of a dictionary takes at least.
const ENTRY: usize = 64;
