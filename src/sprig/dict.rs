//! Functions on dictionaries. A dictionary is shared: `set`, `unset` and `merge` change it for everybody who has it.

use super::copy::deep_copy;
use super::merge::{Collisions, DIFFERENT_TYPES, merge_into};
use super::show::strval;
use crate::gotemplate::{
    Arguments, Engine, Failure, Function, GoString, List, Map, Plain, Signature, Type, Value,
};

const DICT: &Type = Type::ANY_MAP;

pub(super) fn functions() -> Vec<Function> {
    let merge: Plain = |a| lenient(merged(a, Collisions::Keep));
    let must_merge: Plain = |a| merged(a, Collisions::Keep);
    let merge_overwrite: Plain = |a| lenient(merged(a, Collisions::Overwrite));
    let must_merge_overwrite: Plain = |a| merged(a, Collisions::Overwrite);
    let copy: Plain = |a| deep_copy(a.value(0)?);
    vec![
        Function::variadic("dict", &[], Type::ANY, dict),
        Function::with_engine("get", Signature::of(&[DICT, Type::STRING]), get),
        Function::plain("set", &[DICT, Type::STRING, Type::ANY], set),
        Function::plain("unset", &[DICT, Type::STRING], |a| {
            a.map(0)?.remove(a.text(1)?);
            Ok(a.map(0)?.retyped(DICT).into())
        }),
        Function::with_engine("hasKey", Signature::of(&[DICT, Type::STRING]), has_key),
        Function::with_engine("pluck", Signature::variadic(&[Type::STRING], DICT), pluck),
        Function::variadic("keys", &[], DICT, keys),
        Function::with_engine("pick", Signature::variadic(&[DICT], Type::STRING), pick),
        Function::variadic("omit", &[DICT], Type::STRING, omit),
        Function::plain("values", &[DICT], |a| {
            Ok(a.map(0)?
                .entries()
                .into_iter()
                .map(|(_, value)| value)
                .collect::<List>()
                .into())
        }),
        Function::variadic("merge", &[DICT], DICT, merge),
        Function::variadic("mustMerge", &[DICT], DICT, must_merge),
        Function::variadic("mergeOverwrite", &[DICT], DICT, merge_overwrite),
        Function::variadic("mustMergeOverwrite", &[DICT], DICT, must_merge_overwrite),
        Function::plain("deepCopy", &[Type::ANY], copy),
        Function::plain("mustDeepCopy", &[Type::ANY], copy),
        Function::with_engine("dig", Signature::variadic(&[], Type::ANY), dig),
    ]
}

/// Keys and values in turn; a last key without a value gets the empty string.
fn dict(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let dict = Map::any();
    for pair in arguments.all().chunks(2) {
        if let Some((key, value)) = pair.split_first() {
            dict.insert(strval(key)?, value.first().cloned().unwrap_or_else(|| "".into()))?;
        }
    }
    Ok(dict.into())
}

fn get(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (map, key) = (arguments.map(0)?, arguments.text(1)?);
    engine.read(map, key);
    Ok(map.get(key).unwrap_or_else(|| "".into()))
}

fn set(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    map.insert(arguments.text(1)?.clone(), arguments.value(2)?.clone())?;
    Ok(map.retyped(DICT).into())
}

fn has_key(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (map, key) = (arguments.map(0)?, arguments.text(1)?);
    engine.read(map, key);
    Ok(map.contains(key).into())
}

fn pluck(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let key = arguments.text(0)?;
    let mut found = Vec::new();
    for at in 1..arguments.len() {
        let map = arguments.map(at)?;
        engine.read(map, key);
        found.extend(map.get(key));
    }
    Ok(List::any(found).into())
}

/// All keys, in order within each dictionary; Go has them in no order.
fn keys(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for at in 0..arguments.len() {
        all.extend(arguments.map(at)?.keys());
    }
    Ok(List::strings(all).into())
}

fn pick(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    let picked = Map::any();
    for at in 1..arguments.len() {
        let key = arguments.text(at)?;
        engine.read(map, key);
        if let Some(value) = map.get(key) {
            picked.insert(key.clone(), value)?;
        }
    }
    Ok(picked.into())
}

fn omit(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let omitted: Vec<&GoString> = arguments.from(1).iter().filter_map(Value::as_text).collect();
    let entries = arguments.map(0)?.entries().into_iter();
    Ok(entries
        .filter(|(key, _)| !omitted.contains(&key))
        .collect::<Map>()
        .into())
}

/// Nothing in place of mergo's own error; what is a panic in Go stays a failure.
fn lenient(merged: Result<Value, Failure>) -> Result<Value, Failure> {
    match merged {
        Err(Failure::Refused { message }) if message == DIFFERENT_TYPES => Ok("".into()),
        other => other,
    }
}

fn merged(arguments: Arguments<'_>, collisions: Collisions) -> Result<Value, Failure> {
    let mut target = arguments.map(0)?.retyped(DICT);
    for at in 1..arguments.len() {
        let source = arguments.map(at)?;
        if target.is_nil() && !source.is_nil() {
            target = Map::any();
        }
        merge_into(&target, source, collisions)?;
    }
    Ok(target.into())
}

/// `dig "a" "b" default dict`: the value under the keys, or the default where one is missing.
fn dig(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let Some((last, [keys @ .., default])) = arguments.all().split_last() else {
        return Err("dig needs at least three arguments".into());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut map = asserted_dict(last)?;
    let keys = keys.iter().map(asserted_text).collect::<Result<Vec<_>, _>>()?;
    let Some((last, path)) = keys.split_last() else {
        return Ok(default.clone());
    };
    for key in path {
        engine.read(&map, key);
        match map.get(key) {
            Some(inner) => map = asserted_dict(&inner)?,
            None => return Ok(default.clone()),
        }
    }
    engine.read(&map, last);
    Ok(map.get(last).unwrap_or_else(|| default.clone()))
}

/// Go's type assertion: named map types such as `.Values` have do not pass.
fn asserted_dict(value: &Value) -> Result<Map, Failure> {
    match value {
        Value::Map(map) if map.go_type() == DICT => Ok(map.clone()),
        other => Err(wrong_type(other, DICT)),
    }
}

fn asserted_text(value: &Value) -> Result<&GoString, Failure> {
    value.as_text().ok_or_else(|| wrong_type(value, Type::STRING))
}

fn wrong_type(value: &Value, wanted: &Type) -> Failure {
    let found = value.go_type().map_or("nil", Type::name);
    Failure::from(format!(
        "interface conversion: interface {{}} is {found}, not {wanted}"
    ))
}
