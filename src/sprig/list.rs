//! Functions on lists. A list is any slice, whatever it holds; what a function makes is a new `[]interface {}`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::cast;
use super::defaults::is_empty;
use super::equal::deep_equal;
use super::reflect::kind_of;
use super::show::strval;
use super::strings::strings_of;
use crate::gotemplate::{
    Arguments, Engine, Failure, Function, List, Plain, Signature, Type, UintKind, Value, deadline, memory,
};

const ANY: &Type = Type::ANY;

pub(super) fn functions() -> Vec<Function> {
    let list: Plain = |a| Ok(List::any(a.all().to_vec()).into());
    let mut functions = vec![
        Function::variadic("list", &[], ANY, list),
        Function::variadic("tuple", &[], ANY, list),
        Function::variadic("concat", &[], ANY, concat),
        Function::plain("sortAlpha", &[ANY], sort_alpha),
        Function::plain("push", &[ANY, ANY], append),
        Function::plain("mustPush", &[ANY, ANY], append),
    ];
    // Templates see the same failure from both forms: a Go panic and a Go error read alike.
    let both: [(&'static str, &'static str, Signature, Plain); 12] = [
        ("append", "mustAppend", Signature::of(&[ANY, ANY]), append),
        ("prepend", "mustPrepend", Signature::of(&[ANY, ANY]), prepend),
        ("first", "mustFirst", Signature::of(&[ANY]), first),
        ("rest", "mustRest", Signature::of(&[ANY]), rest),
        ("last", "mustLast", Signature::of(&[ANY]), last),
        ("initial", "mustInitial", Signature::of(&[ANY]), initial),
        ("reverse", "mustReverse", Signature::of(&[ANY]), reverse),
        ("uniq", "mustUniq", Signature::of(&[ANY]), uniq),
        ("compact", "mustCompact", Signature::of(&[ANY]), compact),
        ("chunk", "mustChunk", Signature::of(&[Type::INT, ANY]), chunk),
        (
            "without",
            "mustWithout",
            Signature::variadic(&[ANY], ANY),
            without,
        ),
        ("slice", "mustSlice", Signature::variadic(&[ANY], ANY), slice),
    ];
    for (name, strict_name, signature, body) in both {
        for name in [name, strict_name] {
            functions.push(match signature.variadic {
                Some(rest) => Function::variadic(name, signature.fixed, rest, body),
                None => Function::plain(name, signature.fixed, body),
            });
        }
    }
    for name in ["has", "mustHas"] {
        functions.push(Function::with_engine(name, Signature::of(&[ANY, ANY]), has));
    }
    functions
}

/// The items of any slice; `None` for what is no slice.
pub(super) fn items(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some(Cow::Borrowed(list.items())),
        Value::Bytes(bytes) => {
            let byte = |b: &u8| Value::Uint(u64::from(*b), UintKind::Uint8);
            Some(Cow::Owned(bytes.iter().map(byte).collect()))
        }
        Value::Object(object) => {
            let plain = object.underlying()?;
            let found = items(&plain)?.into_owned();
            Some(Cow::Owned(found))
        }
        _ => None,
    }
}

/// The items of the argument, or Go's failure: `verb` says what the function does to them.
fn items_for<'a>(value: &'a Value, verb: &str) -> Result<Cow<'a, [Value]>, Failure> {
    if value.is_nil() {
        return Err(nil_dereference());
    }
    items(value).ok_or_else(|| Failure::from(format!("Cannot {verb} type {}", kind_of(value))))
}

/// What Go says when a function asks nil for its type.
fn nil_dereference() -> Failure {
    Failure::from("runtime error: invalid memory address or nil pointer dereference")
}

fn list_of(items: Vec<Value>) -> Value {
    List::any(items).into()
}

/// Go's nil slice where there is nothing: JSON's null.
fn nil_or_list_of(items: Vec<Value>) -> Value {
    if items.is_empty() {
        return List::nil(Type::ANYS).into();
    }
    list_of(items)
}

fn room_for(items: usize) -> Result<(), Failure> {
    memory::reserve(items.saturating_mul(size_of::<Value>()))
}

fn append(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "push on")?;
    room_for(items.len() + 1)?;
    Ok(list_of(
        [&*items, std::slice::from_ref(arguments.value(1)?)].concat(),
    ))
}

fn prepend(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "prepend on")?;
    room_for(items.len() + 1)?;
    Ok(list_of(
        [std::slice::from_ref(arguments.value(1)?), &*items].concat(),
    ))
}

fn first(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find first on")?;
    Ok(items.first().cloned().unwrap_or(Value::Nil))
}

fn last(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find last on")?;
    Ok(items.last().cloned().unwrap_or(Value::Nil))
}

fn rest(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find rest on")?;
    Ok(items.split_first().map_or_else(
        || List::nil(Type::ANYS).into(),
        |(_, rest)| list_of(rest.to_vec()),
    ))
}

fn initial(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find initial on")?;
    Ok(items.split_last().map_or_else(
        || List::nil(Type::ANYS).into(),
        |(_, rest)| list_of(rest.to_vec()),
    ))
}

fn reverse(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find reverse on")?;
    Ok(list_of(items.iter().rev().cloned().collect()))
}

fn compact(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "compact on")?;
    Ok(list_of(items.iter().filter(|v| !is_empty(v)).cloned().collect()))
}

fn uniq(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find uniq on")?;
    let mut seen = Known::default();
    let mut unlike = Vec::new();
    for item in items.iter() {
        if seen.learn(item)? {
            unlike.push(item.clone());
        }
    }
    Ok(list_of(unlike))
}

fn without(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let items = items_for(arguments.value(0)?, "find without on")?;
    let mut omitted = Known::default();
    for value in arguments.from(1) {
        omitted.learn(value)?;
    }
    let mut left = Vec::new();
    for item in items.iter() {
        if !omitted.has(item)? {
            left.push(item.clone());
        }
    }
    Ok(list_of(left))
}

fn has(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (needle, haystack) = (arguments.value(0)?, arguments.value(1)?);
    if haystack.is_nil() {
        return Ok(false.into());
    }
    let items = items_for(haystack, "find has on")?;
    engine.compared(std::slice::from_ref(needle));
    engine.compared(&items);
    for item in items.iter() {
        if deep_equal(needle, item)? {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

fn slice(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let value = arguments.value(0)?;
    if value.is_nil() {
        return Err(nil_dereference());
    }
    let items = items(value).ok_or_else(|| {
        Failure::from(format!(
            "list should be type of slice or array but {}",
            kind_of(value)
        ))
    })?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let bound = |at: usize, default: usize| match arguments.from(1).get(at) {
        Some(index) => usize::try_from(cast::to_int64(index)).ok(),
        None => Some(default),
    };
    let range = bound(0, 0).zip(bound(1, items.len()));
    let found = range.and_then(|(start, end)| items.get(start..end));
    let found = found
        .ok_or("reflect.Value.Slice: slice index out of bounds")?
        .to_vec();
    Ok(match value.plain() {
        Value::List(list) => List::typed(list.go_type(), found).into(),
        Value::Bytes(bytes) => {
            let range = range.and_then(|(start, end)| bytes.get(start..end));
            Value::Bytes(range.unwrap_or_default().into())
        }
        _ => list_of(found),
    })
}

fn concat(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for value in arguments.all() {
        if value.is_nil() {
            return Err(nil_dereference());
        }
        let items = items(value)
            .ok_or_else(|| Failure::from(format!("Cannot concat type {} as list", kind_of(value))))?;
        room_for(all.len() + items.len())?;
        all.extend(items.into_owned());
    }
    Ok(nil_or_list_of(all))
}

/// About what a list takes beside its items, in bytes.
const CHUNK_WEIGHT: usize = 256;

fn chunk(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let size = arguments.int(0)?;
    let items = items_for(arguments.value(1)?, "chunk")?;
    let size_out_of_range = || Failure::from("runtime error: makeslice: len out of range");
    let chunks = match usize::try_from(size) {
        Ok(0) => return Err(size_out_of_range()),
        Ok(size) => {
            memory::reserve(items.len().div_ceil(size).saturating_mul(CHUNK_WEIGHT))?;
            items.chunks(size).map(|chunk| list_of(chunk.to_vec())).collect()
        }
        // Go calculates with a negative size all the same: it asks for one chunk of one item, or for none.
        Err(_) if items.len() == 1 && size < -1 => vec![list_of(items.to_vec())],
        Err(_) if items.len() > 1 && size.unsigned_abs() >= items.len() as u64 - 1 => Vec::new(),
        Err(_) => return Err(size_out_of_range()),
    };
    Ok(List::typed(Type::ANY_LISTS, chunks).into())
}

fn sort_alpha(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let value = arguments.value(0)?;
    if items(value).is_none() {
        return Ok(List::strings([strval(value)?]).into());
    }
    let mut strings = strings_of(value)?;
    strings.sort_unstable();
    Ok(List::strings(strings).into())
}

/// Values that were met, for asking whether an equal one was.
#[derive(Default)]
struct Known<'a> {
    by_hash: HashMap<u64, Vec<&'a Value>>,
}

impl<'a> Known<'a> {
    fn has(&self, value: &Value) -> Result<bool, Failure> {
        match self.by_hash.get(&fingerprint(value)) {
            Some(alike) => is_among(value, alike),
            None => Ok(false),
        }
    }

    /// Remembers a value; whether it is new.
    fn learn(&mut self, value: &'a Value) -> Result<bool, Failure> {
        deadline::check()?;
        let alike = self.by_hash.entry(fingerprint(value)).or_default();
        let new = !is_among(value, alike)?;
        if new {
            alike.push(value);
        }
        Ok(new)
    }
}

fn is_among(value: &Value, others: &[&Value]) -> Result<bool, Failure> {
    for other in others {
        if deep_equal(value, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number that equal values share; looks into lists and maps a few levels only.
fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    mix(value, 4, &mut hasher);
    hasher.finish()
}

fn mix(value: &Value, levels: u8, hasher: &mut DefaultHasher) {
    value.type_name().hash(hasher);
    match value {
        Value::Bool(truth) => truth.hash(hasher),
        Value::Int(number, _) => number.hash(hasher),
        Value::Uint(number, _) => number.hash(hasher),
        // Zero equals minus zero.
        Value::Float(number) => (number + 0.0).to_bits().hash(hasher),
        Value::String(text) | Value::Bytes(text) => text.hash(hasher),
        Value::List(list) => {
            list.len().hash(hasher);
            if levels > 0 {
                list.iter()
                    .take(16)
                    .for_each(|item| mix(item, levels - 1, hasher));
            }
        }
        Value::Map(map) => {
            let entries = map.borrow();
            entries.len().hash(hasher);
            if levels > 0 {
                for (key, item) in entries.iter().take(16) {
                    key.hash(hasher);
                    mix(item, levels - 1, hasher);
                }
            }
        }
        _ => {}
    }
}
