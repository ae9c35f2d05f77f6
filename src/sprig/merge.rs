//! Merging of dictionaries with the rules of Go's mergo, on which charts rely.

use super::with_stack;
use crate::gotemplate::{Failure, Kind, Map, Type, Value, deadline};

/// Dictionaries inside dictionaries beyond which merging stops: a dictionary that holds itself would never end.
const DEEPEST: usize = 1_000;

/// What mergo says when a dictionary is to go into something else by reference.
pub(super) const DIFFERENT_TYPES: &str = "src and dst must be of same type";

/// What happens where both dictionaries have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collisions {
    /// The target's value stays unless it is empty.
    Keep,
    /// The source's value goes over it, even an empty one.
    Overwrite,
}

/// Merges `source` into `target`, which changes in place. What the target lacks it shares with the source from then
/// on: nested dictionaries are not copied.
pub(super) fn merge_into(target: &Map, source: &Map, collisions: Collisions) -> Result<(), Failure> {
    merge_level(target, source, collisions, DEEPEST)
}

fn merge_level(target: &Map, source: &Map, collisions: Collisions, levels: usize) -> Result<(), Failure> {
    let levels = levels
        .checked_sub(1)
        .ok_or("the dictionaries to merge are too deep")?;
    for (key, new) in source.entries() {
        deadline::check()?;
        let overwrite = collisions == Collisions::Overwrite;
        if is_nil(&new) {
            if overwrite {
                put(target, &key, new, source)?;
            }
            continue;
        }
        let old = target.get(&key);
        let (old_map, new_map) = (old.as_ref().and_then(dictionary), dictionary(&new));
        if let (Some(old_map), Some(new_map)) = (&old_map, &new_map)
            && !old_map.is_nil()
        {
            with_stack(|| merge_level(old_map, new_map, collisions, levels))?;
        }
        if !overwrite && new_map.is_some() && old.as_ref().is_some_and(|old| old.kind() == Kind::Pointer) {
            return Err(DIFFERENT_TYPES.into());
        }
        let keep = match &old {
            // An empty list or dictionary gives way, but the merge above may just have filled it.
            Some(old) if old.truth() => match new.kind() {
                // A list never goes over part of something: with overwriting it goes over all of it.
                Kind::Slice => !overwrite,
                _ if old_map.is_some() && new_map.is_some() => true,
                _ => !overwrite,
            },
            _ => false,
        };
        if !keep {
            put(target, &key, new, source)?;
        }
    }
    Ok(())
}

/// Sets an entry, if the target's values can have its type: a `map[string]string` cannot take any value.
fn put(target: &Map, key: &[u8], value: Value, source: &Map) -> Result<(), Failure> {
    let given = source.go_type().element().unwrap_or(Type::ANY);
    let taken = target.go_type().element().unwrap_or(Type::ANY);
    if !given.assignable_to(taken) {
        return Err(Failure::from(format!(
            "reflect.Value.SetMapIndex: value of type {given} is not assignable to type {taken}"
        )));
    }
    target.insert(key, value)
}

fn is_nil(value: &Value) -> bool {
    value.is_nil()
}

fn dictionary(value: &Value) -> Option<Map> {
    match value.plain() {
        Value::Map(map) => Some(map),
        _ => None,
    }
}
