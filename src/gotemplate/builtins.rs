//! The functions that Go's templates have by themselves.

use super::fmt;
use super::function::{Arguments, Body, Engine, Failure, Function, Functions, Signature};
use super::list::List;
use super::memory;
use super::strconv::{is_print, runes};
use super::text::GoString;
use super::types::{Kind, Type};
use super::value::{UintKind, Value};

type Answer = Result<Value, Failure>;

const ANY: &[&Type] = &[];
const ONE: &[&Type] = &[Type::REFLECT];
const TWO: &[&Type] = &[Type::REFLECT, Type::REFLECT];

/// The table with Go's own functions: `and call html index slice js len not or print printf println urlquery eq ge gt
/// le lt ne`.
pub fn builtins() -> Functions {
    let mut table = Functions::empty();
    table.add([
        Function::special("and", Body::And),
        Function::special("or", Body::Or),
        Function::with_engine("call", Signature::variadic(ONE, Type::REFLECT), call),
        Function::variadic("html", ANY, Type::ANY, |a| Ok(html(&printed(a.all())?).into())),
        Function::variadic("index", ONE, Type::REFLECT, index),
        Function::variadic("slice", ONE, Type::REFLECT, slice),
        Function::variadic("js", ANY, Type::ANY, |a| Ok(js(&printed(a.all())?).into())),
        Function::plain("len", ONE, |a| length(a.value(0)?)),
        Function::plain("not", ONE, |a| Ok(Value::Bool(!a.value(0)?.truth()))),
        Function::variadic("print", ANY, Type::ANY, |a| Ok(fmt::sprint(a.all())?.into())),
        Function::variadic("printf", &[Type::STRING], Type::ANY, |a| {
            Ok(fmt::sprintf(a.text(0)?, a.from(1))?.into())
        }),
        Function::variadic("println", ANY, Type::ANY, |a| Ok(fmt::sprintln(a.all())?.into())),
        Function::variadic("urlquery", ANY, Type::ANY, |a| {
            Ok(url_query(&printed(a.all())?).into())
        }),
        Function::with_engine("eq", Signature::variadic(ONE, Type::REFLECT), |e, a| {
            e.compared(a.all());
            equal_any(a)
        }),
        Function::with_engine("ne", Signature::of(TWO), |e, a| {
            e.compared(a.all());
            Ok(Value::Bool(!equal(a.value(0)?, a.value(1)?)?))
        }),
        Function::plain("lt", TWO, |a| less(a.value(0)?, a.value(1)?).map(Value::Bool)),
        Function::plain("le", TWO, |a| at_most(a.value(0)?, a.value(1)?).map(Value::Bool)),
        Function::plain("gt", TWO, |a| {
            Ok(Value::Bool(!at_most(a.value(0)?, a.value(1)?)?))
        }),
        Function::plain("ge", TWO, |a| Ok(Value::Bool(!less(a.value(0)?, a.value(1)?)?))),
    ]);
    table
}

/// The arguments as `print` shows them, for the escaping functions.
fn printed(arguments: &[Value]) -> Result<GoString, Failure> {
    if let [Value::String(text)] = arguments {
        // Escapes are up to six times as long.
        memory::reserve(text.len() * 6)?;
        return Ok(text.clone());
    }
    let shown: Vec<Value> = arguments
        .iter()
        .map(|a| {
            if a.is_nil() {
                Value::from("<no value>")
            } else {
                a.clone()
            }
        })
        .collect();
    let text = fmt::sprint(&shown)?;
    memory::reserve(text.len() * 6)?;
    Ok(text)
}

// Calling.

fn call(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Answer {
    match arguments.value(0)? {
        Value::Function(function) => {
            let values = super::arguments::check(function.signature(), arguments.from(1), function.name())?;
            function.call(engine, Arguments::new(&values))
        }
        Value::Invalid | Value::Nil => Err(Failure::from("call of nil")),
        // The evaluator knows how the callee is written and says it better.
        other => Err(Failure::from(format!(
            "non-function of type {}",
            other.type_name()
        ))),
    }
}

// Elements.

/// A number to index with.
fn position(index: &Value, what: &str) -> Result<i64, Failure> {
    match index.plain() {
        Value::Int(n, _) => Ok(n),
        Value::Uint(n, _) => Ok(i64::try_from(n).unwrap_or(-1)),
        Value::Invalid | Value::Nil => Err(Failure::from(format!("cannot index {what} with nil"))),
        other => Err(Failure::from(format!(
            "cannot index {what} with type {}",
            other.type_name()
        ))),
    }
}

fn place(index: &Value, length: usize) -> Result<usize, Failure> {
    let n = position(index, "slice/array")?;
    match usize::try_from(n) {
        Ok(place) if place <= length => Ok(place),
        _ => Err(Failure::from(format!("index out of range: {n}"))),
    }
}

fn index(arguments: Arguments<'_>) -> Answer {
    let mut item = arguments.value(0)?.clone();
    if item.is_nil() {
        return Err(Failure::from("index of untyped nil"));
    }
    for index in arguments.from(1) {
        item = element(&item, index)?;
    }
    Ok(item)
}

fn element(item: &Value, index: &Value) -> Answer {
    let past = |kind: &str| Failure::from(format!("reflect: {kind} index out of range"));
    match item.plain() {
        Value::Nil | Value::Invalid => Err(Failure::from("index of nil pointer")),
        Value::String(text) => {
            let place = place(index, text.len())?;
            let byte = text.get(place).ok_or_else(|| past("string"))?;
            Ok(Value::Uint(u64::from(*byte), UintKind::Uint8))
        }
        Value::Bytes(bytes) => {
            let place = place(index, bytes.len())?;
            let byte = bytes.get(place).ok_or_else(|| past("slice"))?;
            Ok(Value::Uint(u64::from(*byte), UintKind::Uint8))
        }
        Value::List(list) => {
            let place = place(index, list.len())?;
            list.get(place).cloned().ok_or_else(|| past("slice"))
        }
        Value::Map(map) => match index.plain() {
            Value::String(key) => {
                let zero = || map.go_type().element().map_or(Value::Nil, Value::zero);
                Ok(map.get(&key).unwrap_or_else(zero))
            }
            Value::Invalid | Value::Nil => Err(Failure::from("value is nil; should be of type string")),
            other => Err(Failure::from(format!(
                "value has type {}; should be string",
                other.type_name()
            ))),
        },
        other => Err(Failure::from(format!(
            "can't index item of type {}",
            other.type_name()
        ))),
    }
}

fn slice(arguments: Arguments<'_>) -> Answer {
    let item = arguments.value(0)?;
    let indexes = arguments.from(1);
    if item.is_nil() {
        return Err(Failure::from("slice of untyped nil"));
    }
    if indexes.len() > 3 {
        return Err(Failure::from(format!(
            "too many slice indexes: {}",
            indexes.len()
        )));
    }
    let plain = item.plain();
    let length = match &plain {
        Value::String(_) if indexes.len() == 3 => return Err(Failure::from("cannot 3-index slice a string")),
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        other => {
            return Err(Failure::from(format!(
                "can't slice item of type {}",
                other.type_name()
            )));
        }
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = place(index, length)?;
    }
    let [start, end, capacity] = bounds;
    if start > end {
        return Err(Failure::from(format!("invalid slice index: {start} > {end}")));
    }
    if end > capacity {
        return Err(Failure::from(format!("invalid slice index: {end} > {capacity}")));
    }
    Ok(match plain {
        Value::String(text) => Value::string(text.get(start..end).unwrap_or_default()),
        Value::Bytes(text) => Value::Bytes(text.get(start..end).unwrap_or_default().into()),
        Value::List(list) => {
            let items = list.get(start..end).unwrap_or_default().to_vec();
            List::typed(list.go_type(), items).into()
        }
        other => other,
    })
}

fn length(item: &Value) -> Answer {
    let length = match item.plain() {
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil => return Err(Failure::from("len of nil pointer")),
        Value::Invalid => return Err(Failure::from("reflect: call of reflect.Value.Type on zero Value")),
        other => return Err(Failure::from(format!("len of type {}", other.type_name()))),
    };
    Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX)))
}

// Comparison.

#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Complex,
    Int,
    Float,
    String,
    Uint,
}

fn basic(value: &Value) -> Option<Basic> {
    Some(match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(..) => Basic::Int,
        Value::Uint(..) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::Complex(..) => Basic::Complex,
        Value::String(_) => Basic::String,
        _ => return None,
    })
}

fn bad_type() -> Failure {
    Failure::from("invalid type for comparison")
}

fn incompatible(a: &Value, b: &Value) -> Failure {
    Failure::from(format!(
        "incompatible types for comparison: {} and {}",
        a.type_name(),
        b.type_name()
    ))
}

fn equal_any(arguments: Arguments<'_>) -> Answer {
    let first = arguments.value(0)?;
    let others = arguments.from(1);
    if others.is_empty() {
        return Err(Failure::from("missing argument for comparison"));
    }
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Nil, typed or not.
fn absent(value: &Value) -> bool {
    match value {
        Value::Map(map) => map.is_nil(),
        Value::List(list) => list.is_nil(),
        other => other.is_nil(),
    }
}

/// Whether Go has `==` for the type: a struct must have it for each field.
fn comparable(value: &Value) -> bool {
    match (value.kind(), value) {
        (Kind::Map | Kind::Slice | Kind::Func, _) => false,
        (Kind::Struct, Value::Object(object)) => {
            let fields = object.exported();
            fields.iter().all(|(_, field)| comparable(field))
        }
        _ => true,
    }
}

fn described(value: &Value) -> String {
    let shown =
        fmt::sprintf(b"%s", std::slice::from_ref(value)).map_or_else(|_| String::new(), |t| t.to_text());
    format!("{shown}: {}", value.type_name())
}

/// Go's `==` as `eq` does it: numbers of both signs compare, other kinds must agree.
pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    let (plain_a, plain_b) = (a.plain(), b.plain());
    match (&plain_a, &plain_b) {
        (Value::Bool(x), Value::Bool(y)) => Ok(x == y),
        (Value::Int(x, _), Value::Int(y, _)) => Ok(x == y),
        (Value::Uint(x, _), Value::Uint(y, _)) => Ok(x == y),
        (Value::Int(x, _), Value::Uint(y, _)) | (Value::Uint(y, _), Value::Int(x, _)) => {
            Ok(u64::try_from(*x).is_ok_and(|x| x == *y))
        }
        #[expect(clippy::float_cmp, reason = "Go compares exactly")]
        (Value::Float(x), Value::Float(y)) => Ok(x == y),
        #[expect(clippy::float_cmp, reason = "Go compares exactly")]
        (Value::Complex(a, b), Value::Complex(c, d)) => Ok(a == c && b == d),
        (Value::String(x), Value::String(y)) => Ok(x == y),
        _ => {
            if let (Some(x), Some(y)) = (basic(&plain_a), basic(&plain_b))
                && x != y
            {
                return Err(incompatible(a, b));
            }
            if absent(&plain_a) || absent(&plain_b) {
                return Ok(absent(&plain_a) && absent(&plain_b));
            }
            if basic(&plain_a).is_some() != basic(&plain_b).is_some() {
                return Err(incompatible(a, b));
            }
            if a.kind() != b.kind() {
                return Err(Failure::from(format!(
                    "non-comparable types {}, {}: {}",
                    described(a),
                    b.type_name(),
                    fmt::text_of(b)?
                )));
            }
            match (a, b) {
                _ if !comparable(b) => Err(Failure::from(format!("non-comparable type {}", described(b)))),
                (Value::Object(x), Value::Object(y)) => Ok(std::rc::Rc::ptr_eq(x, y)),
                _ => Ok(false),
            }
        }
    }
}

fn less(a: &Value, b: &Value) -> Result<bool, Failure> {
    let (plain_a, plain_b) = (a.plain(), b.plain());
    match (&plain_a, &plain_b) {
        (Value::Int(x, _), Value::Int(y, _)) => Ok(x < y),
        (Value::Uint(x, _), Value::Uint(y, _)) => Ok(x < y),
        (Value::Int(x, _), Value::Uint(y, _)) => Ok(u64::try_from(*x).map_or(true, |x| x < *y)),
        (Value::Uint(x, _), Value::Int(y, _)) => Ok(u64::try_from(*y).is_ok_and(|y| *x < y)),
        (Value::Float(x), Value::Float(y)) => Ok(x < y),
        (Value::String(x), Value::String(y)) => Ok(x < y),
        _ => match (basic(&plain_a), basic(&plain_b)) {
            (Some(x), Some(y)) if x != y => Err(incompatible(a, b)),
            _ => Err(bad_type()),
        },
    }
}

fn at_most(a: &Value, b: &Value) -> Result<bool, Failure> {
    Ok(less(a, b)? || equal(a, b)?)
}

// Escaping.

/// HTML's five dangerous characters and NUL, escaped.
pub fn html(text: &[u8]) -> GoString {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        let escaped: &[u8] = match byte {
            0 => "\u{fffd}".as_bytes(),
            b'"' => b"&#34;",
            b'\'' => b"&#39;",
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            _ => std::slice::from_ref(byte),
        };
        out.extend_from_slice(escaped);
    }
    out.into()
}

/// A text that can stand inside a JavaScript string.
pub fn js(text: &[u8]) -> GoString {
    let mut out = Vec::with_capacity(text.len());
    for (at, c, width) in runes(text) {
        let plain = text.get(at..at + width).unwrap_or_default();
        match c {
            '\\' => out.extend_from_slice(br"\\"),
            '\'' => out.extend_from_slice(br"\'"),
            '"' => out.extend_from_slice(b"\\\""),
            '<' => out.extend_from_slice(br"\u003C"),
            '>' => out.extend_from_slice(br"\u003E"),
            '&' => out.extend_from_slice(br"\u0026"),
            '=' => out.extend_from_slice(br"\u003D"),
            c if c < ' ' => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
            c if c.is_ascii() || is_print(c) => out.extend_from_slice(plain),
            c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
        }
    }
    out.into()
}

/// A text that can stand in the query of a URL.
pub fn url_query(text: &[u8]) -> GoString {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out.into()
}
