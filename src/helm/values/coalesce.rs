//! Defaults below what was asked for: the tables of a chart and its subcharts put together.
//!
//! Helm's rules, kept to the letter because templates see each of them: what stands higher wins, tables are merged
//! and everything else is replaced, null takes a default away, and globals trickle down. Tables are shared by
//! reference as Helm shares them, so that a global table of a subchart can even show up above it.

use super::allowance::Allowance;
use super::live::deep_copy;
use super::tree::Instance;
use crate::gotemplate::{GoString, Map, Value};
use crate::helm::error::Error;
use crate::helm::profile::Profile;

const GLOBAL: &[u8] = b"global";

/// How a coalescing is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    /// Nulls stay, because another coalescing follows that needs them.
    pub(super) keep_nulls: bool,
    /// Helm 4 takes the nulls out of a chart's own defaults.
    pub(super) profile: Profile,
    /// What may still be used up.
    pub(super) allowance: &'a Allowance,
}

/// The values of `chart` and its subcharts, with `asked` on top of the defaults. Nothing given is changed.
pub(super) fn coalesce(chart: &Instance<'_>, asked: &Map, rules: Rules<'_>) -> Result<Map, Error> {
    let result = deep_copy(asked, rules.allowance)?;
    chart_into(chart, &result, rules)?;
    Ok(result)
}

fn chart_into(chart: &Instance<'_>, into: &Map, rules: Rules<'_>) -> Result<(), Error> {
    rules.allowance.check()?;
    defaults_into(chart, into, rules)?;
    for below in &chart.below {
        let key = below.name.as_bytes();
        let table = match into.get(key) {
            None => {
                let table = Map::any();
                put(into, key, Value::Map(table.clone()));
                table
            }
            Some(Value::Map(table)) => table,
            Some(_) => {
                return Err(Error::NotATable {
                    chart: chart.name.clone(),
                    key: below.name.clone(),
                });
            }
        };
        globals_into(&table, into);
        chart_into(below, &table, rules)?;
    }
    Ok(())
}

/// Copies the globals of a chart into the table of one of its subcharts; the chart's own win.
fn globals_into(into: &Map, from: &Map) {
    let target = match into.get(GLOBAL) {
        None => Map::any(),
        Some(Value::Map(table)) => table,
        Some(_) => return,
    };
    let source = match from.get(GLOBAL) {
        None => Map::any(),
        Some(Value::Map(table)) => table,
        Some(_) => return,
    };
    for (key, value) in source.entries() {
        let present = target.get(&key);
        match (value, present) {
            (Value::Map(table), None) => put(&target, &key, Value::Map(shallow_copy(&table))),
            (Value::Map(table), Some(Value::Map(below))) => {
                let copy = shallow_copy(&table);
                tables_into(&copy, &below, true);
                put(&target, &key, Value::Map(copy));
            }
            // A table is never laid over something else, nor anything else over a table.
            (Value::Map(_), Some(_)) | (_, Some(Value::Map(_))) => {}
            (value, _) => put(&target, &key, value),
        }
    }
    put(into, GLOBAL, Value::Map(target));
}

fn defaults_into(chart: &Instance<'_>, into: &Map, rules: Rules<'_>) -> Result<(), Error> {
    let clean = rules.profile.is_helm4();
    for (key, default) in deep_copy(&chart.values, rules.allowance)?.entries() {
        match into.get(&key) {
            Some(Value::Nil) if !rules.keep_nulls => {
                into.remove(&key);
            }
            Some(Value::Map(table)) => {
                if let Value::Map(defaults) = default {
                    // Nulls of a subchart's section are needed when the subchart's own turn comes.
                    let keep = rules.keep_nulls || chart.below.iter().any(|b| *key == *b.name.as_bytes());
                    if !keep && clean {
                        remove_nulls(&defaults);
                    }
                    tables_into(&table, &defaults, keep);
                }
            }
            Some(_) => {}
            None => {
                if !rules.keep_nulls && clean {
                    match &default {
                        Value::Nil => continue,
                        Value::Map(table) => remove_nulls(table),
                        _ => {}
                    }
                }
                put(into, &key, default);
            }
        }
    }
    Ok(())
}

/// Merges `from` into `into`, which wins. Both change.
pub(super) fn tables_into(into: &Map, from: &Map, keep_nulls: bool) {
    if into.same(from) {
        return;
    }
    let defaults = from.entries();
    let had_value = |key: &GoString| {
        defaults
            .binary_search_by(|(k, _)| k.cmp(key))
            .ok()
            .and_then(|i| defaults.get(i))
            .is_some_and(|(_, v)| !v.is_nil())
    };
    for (key, value) in into.entries() {
        if value.is_nil() {
            put(from, &key, Value::Nil);
        }
    }
    for (key, value) in from.entries() {
        match (into.get(&key), value) {
            (Some(Value::Nil), _) if !keep_nulls && had_value(&key) => {
                into.remove(&key);
            }
            (None, value) => put(into, &key, value),
            (Some(Value::Map(table)), Value::Map(defaults)) => tables_into(&table, &defaults, keep_nulls),
            _ => {}
        }
    }
}

fn remove_nulls(table: &Map) {
    for (key, value) in table.entries() {
        match value {
            Value::Nil => {
                table.remove(&key);
            }
            Value::Map(inner) => remove_nulls(&inner),
            _ => {}
        }
    }
}

fn shallow_copy(table: &Map) -> Map {
    Map::with_entries(table.go_type(), table.entries().into_iter().collect())
}

/// Sets a key. The tables here are never Go's nil map, so that this cannot fail.
pub(super) fn put(table: &Map, key: &[u8], value: Value) {
    let set = table.insert(key, value);
    debug_assert!(set.is_ok(), "a table of values is never nil");
}
