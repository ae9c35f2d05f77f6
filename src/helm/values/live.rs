//! Values as templates see them: tables that are shared and can be changed.

use super::allowance::Allowance;
use crate::gotemplate::{GoString, List, Map, Type, Value};
use crate::goyaml;
use crate::helm::error::Error;

/// A document's value as templates see it.
pub(in crate::helm) fn value(from: &goyaml::Value) -> Value {
    match from {
        goyaml::Value::Null => Value::Nil,
        goyaml::Value::Bool(b) => Value::Bool(*b),
        goyaml::Value::Int(i) => Value::int64(*i),
        goyaml::Value::Uint(u) => Value::Uint(*u, crate::gotemplate::UintKind::Uint64),
        goyaml::Value::Float(f) => Value::Float(*f),
        goyaml::Value::String(s) => Value::string(s.as_str()),
        goyaml::Value::Seq(items) => Value::List(List::any(items.iter().map(value).collect())),
        goyaml::Value::Map(entries) => Value::Map(table(entries)),
    }
}

/// A document's table as templates see it.
pub(in crate::helm) fn table(from: &goyaml::Map) -> Map {
    let entries = from
        .iter()
        .map(|(k, v)| (GoString::from(k.as_str()), value(v)))
        .collect();
    Map::with_entries(Type::ANY_MAP, entries)
}

/// A table that shares nothing with the one it was made from. One table may stand in many places of it, so that the copy
/// can be far larger: the limits are looked at for each table.
pub(super) fn deep_copy(from: &Map, allowance: &Allowance) -> Result<Map, Error> {
    allowance.check()?;
    let copied = from
        .entries()
        .into_iter()
        .map(|(k, v)| Ok((k, deep(&v, allowance)?)));
    let entries = copied.collect::<Result<_, Error>>()?;
    Ok(Map::with_entries(from.go_type(), entries))
}

fn deep(from: &Value, allowance: &Allowance) -> Result<Value, Error> {
    Ok(match from {
        Value::Map(map) => Value::Map(deep_copy(map, allowance)?),
        Value::List(list) if !list.is_nil() => {
            let copied = list.iter().map(|v| deep(v, allowance));
            Value::List(List::typed(list.go_type(), copied.collect::<Result<_, Error>>()?))
        }
        other => other.clone(),
    })
}

/// The table at a dotted path.
pub(in crate::helm) fn table_at(root: &Map, path: &str) -> Option<Map> {
    path.split('.')
        .try_fold(root.clone(), |table, key| match table.get(key.as_bytes()) {
            Some(Value::Map(inner)) => Some(inner),
            _ => None,
        })
}

/// The value at a dotted path, if it is there and no table.
pub(in crate::helm) fn scalar_at(root: &Map, path: &str) -> Option<Value> {
    let (table, key) = match path.rsplit_once('.') {
        Some((above, key)) => (table_at(root, above)?, key),
        None => (root.clone(), path),
    };
    table.get(key.as_bytes()).filter(|v| !matches!(v, Value::Map(_)))
}

/// The live table as plain data, for the schema's eyes.
pub(in crate::helm) fn to_json(from: &Value) -> serde_json::Value {
    match from {
        Value::Bool(b) => (*b).into(),
        Value::Int(i, _) => (*i).into(),
        Value::Uint(u, _) => (*u).into(),
        Value::Float(f) => whole(*f).map_or_else(|| (*f).into(), Into::into),
        Value::String(s) | Value::Bytes(s) => s.to_text().into(),
        Value::List(list) => list.iter().map(to_json).collect(),
        Value::Map(map) => map
            .entries()
            .iter()
            .map(|(k, v)| (k.to_text(), to_json(v)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => serde_json::Value::Null,
    }
}

/// The integer that a float is; JSON has one kind of number only.
fn whole(float: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and far within range"
    )]
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
}
