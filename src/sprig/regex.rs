//! Regular expressions (RE2's).

use super::Bytes;
use super::re2::{self, Regex};
use crate::gotemplate::{Arguments, Failure, Function, GoString, List, Type, Value, memory, strconv};
use std::rc::Rc;

const TEXT: &Type = Type::STRING;

/// What a function does with a compiled expression.
type Body = fn(&Regex, Arguments<'_>) -> Result<Value, Failure>;

pub(super) fn functions() -> Vec<Function> {
    macro_rules! both {
        ($name:literal, $strict_name:literal, $types:expr, $body:expr) => {
            [
                Function::plain($name, $types, |a| with_compiled(a, $body)),
                Function::plain($strict_name, $types, |a| with_parsed(a, $body)),
            ]
        };
    }
    let mut functions = vec![
        // The lenient form of this one takes a broken expression for one that does not match.
        Function::plain("regexMatch", &[TEXT, TEXT], |a| {
            Ok(compile(a.text(0)?)?
                .is_ok_and(|r| a.text(1).is_ok_and(|text| r.is_match(text)))
                .into())
        }),
        Function::plain("mustRegexMatch", &[TEXT, TEXT], |a| {
            with_parsed(a, |r, a| Ok(r.is_match(a.text(1)?).into()))
        }),
        Function::plain("regexQuoteMeta", &[TEXT], |a| {
            Ok(Value::string(quoted(a.text(0)?)))
        }),
    ];
    functions.extend(both!("regexFind", "mustRegexFind", &[TEXT, TEXT], find));
    functions.extend(both!(
        "regexFindAll",
        "mustRegexFindAll",
        &[TEXT, TEXT, Type::INT],
        find_all
    ));
    functions.extend(both!(
        "regexSplit",
        "mustRegexSplit",
        &[TEXT, TEXT, Type::INT],
        split
    ));
    functions.extend(both!(
        "regexReplaceAll",
        "mustRegexReplaceAll",
        &[TEXT, TEXT, TEXT],
        replace
    ));
    functions.extend(both!(
        "regexReplaceAllLiteral",
        "mustRegexReplaceAllLiteral",
        &[TEXT, TEXT, TEXT],
        replace_literally
    ));
    functions
}

/// About what reading an expression takes for each byte of it.
const PATTERN: usize = 128;

fn compile(pattern: &[u8]) -> Result<Result<Rc<Regex>, re2::Error>, Failure> {
    memory::reserve(pattern.len().saturating_mul(PATTERN))?;
    Ok(re2::compile(pattern))
}

/// The lenient functions panic in Go on a broken expression, with a text of their own.
fn with_compiled(arguments: Arguments<'_>, body: Body) -> Result<Value, Failure> {
    let pattern = arguments.text(0)?;
    let compiled = compile(pattern)?.map_err(|error| {
        let shown = if strconv::can_backquote(pattern) {
            format!("`{}`", pattern.to_text())
        } else {
            String::from_utf8_lossy(&strconv::quote(pattern)).into_owned()
        };
        Failure::from(format!("regexp: Compile({shown}): {error}"))
    })?;
    body(&compiled, arguments)
}

fn with_parsed(arguments: Arguments<'_>, body: Body) -> Result<Value, Failure> {
    let compiled: Rc<Regex> =
        compile(arguments.text(0)?)?.map_err(|error| Failure::from(error.to_string()))?;
    body(&compiled, arguments)
}

fn find(regex: &Regex, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(Value::string(regex.find(arguments.text(1)?).unwrap_or_default()))
}

/// How many are asked for; a negative number asks for all.
fn limit(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn find_all(regex: &Regex, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let text = arguments.text(1)?;
    let found = regex.matches(text, limit(arguments.int(2)?))?;
    if found.is_empty() {
        return Ok(List::nil(Type::STRINGS).into());
    }
    memory::reserve(found.len().saturating_mul(PART))?;
    Ok(List::strings(found.iter().filter_map(|m| m.whole(text))).into())
}

fn split(regex: &Regex, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (text, count) = (arguments.text(1)?, limit(arguments.int(2)?));
    if count == 0 {
        return Ok(List::nil(Type::STRINGS).into());
    }
    if text.is_empty() && !arguments.text(0)?.is_empty() {
        return Ok(List::strings([text.clone()]).into());
    }
    let found = regex.matches(text, count)?;
    memory::reserve(found.len().saturating_mul(PART))?;
    let mut parts: Vec<GoString> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in &found {
        if parts.len() + 1 == count {
            break;
        }
        let (from, to) = found.bounds();
        end = from;
        // An empty match at the very beginning separates nothing.
        if to != 0 {
            parts.extend(text.get(start..from).map(GoString::from));
        }
        start = to;
    }
    if end != text.len() {
        parts.extend(text.get(start..).map(GoString::from));
    }
    Ok(List::strings(parts).into())
}

/// What one part takes beside its bytes.
const PART: usize = 64;

fn replace(regex: &Regex, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let template = arguments.text(2)?;
    replaced(regex, arguments.text(1)?, template.len(), |text, found, out| {
        regex.expand(template, text, found, out)
    })
}

fn replace_literally(regex: &Regex, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let new = arguments.text(2)?;
    replaced(regex, arguments.text(1)?, new.len(), |_, _, out| {
        out.extend_from_slice(new);
        Ok(())
    })
}

fn replaced(
    regex: &Regex,
    text: &GoString,
    expected: usize,
    write: impl Fn(&[u8], &re2::Match, &mut Bytes) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let found = regex.matches(text, usize::MAX)?;
    memory::reserve(text.len().saturating_add(found.len().saturating_mul(expected)))?;
    let mut out = Vec::with_capacity(text.len());
    let mut copied = 0;
    for found in &found {
        let (from, to) = found.bounds();
        out.extend_from_slice(text.get(copied..from).unwrap_or_default());
        write(text, found, &mut out)?;
        copied = to;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Ok(Value::string(out))
}

/// The text as an expression that matches just it.
fn quoted(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if b"\\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
