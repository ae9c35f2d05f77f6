//! Functions on strings. Lengths and places count bytes, as Go's do.

use super::runes::{first_rune, is_letter, is_lower, is_space, is_title, is_upper};
use super::runes::{lower, mapped, push, runes, title, trimmed, trimmed_of, upper};
use super::show::{quoted, shown, strval};
use super::{Bytes, find, split_at_most};
use crate::gotemplate::{
    Arguments, Engine, Failure, Function, GoString, List, Map, Signature, Type, Value, memory,
};

const TEXT: &Type = Type::STRING;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("abbrev", &[Type::INT, TEXT], |a| {
            Ok(text(abbreviated(a.text(1)?, 0, a.int(0)?)))
        }),
        Function::plain("abbrevboth", &[Type::INT, Type::INT, TEXT], |a| {
            Ok(text(abbreviated(a.text(2)?, a.int(0)?, a.int(1)?)))
        }),
        Function::plain("trunc", &[Type::INT, TEXT], trunc),
        Function::plain("trim", &[TEXT], |a| Ok(text(trimmed(a.text(0)?)))),
        Function::plain("upper", &[TEXT], |a| Ok(text(mapped(a.text(0)?, upper)))),
        Function::plain("lower", &[TEXT], |a| Ok(text(mapped(a.text(0)?, lower)))),
        Function::plain("title", &[TEXT], |a| Ok(text(titled(a.text(0)?)))),
        Function::plain("untitle", &[TEXT], |a| Ok(text(untitled(a.text(0)?)))),
        Function::plain("substr", &[Type::INT, Type::INT, TEXT], substr),
        Function::plain("repeat", &[Type::INT, TEXT], |a| {
            Ok(text(repeated(a.text(1)?, a.int(0)?)?))
        }),
        Function::plain("trimall", &[TEXT, TEXT], trim_all),
        Function::plain("trimAll", &[TEXT, TEXT], trim_all),
        Function::plain("trimSuffix", &[TEXT, TEXT], |a| {
            let whole = a.text(1)?;
            Ok(whole
                .strip_suffix(a.text(0)?.as_bytes())
                .map_or_else(|| whole.clone().into(), text))
        }),
        Function::plain("trimPrefix", &[TEXT, TEXT], |a| {
            let whole = a.text(1)?;
            Ok(whole
                .strip_prefix(a.text(0)?.as_bytes())
                .map_or_else(|| whole.clone().into(), text))
        }),
        Function::plain("nospace", &[TEXT], |a| Ok(text(without_space(a.text(0)?)))),
        Function::plain("initials", &[TEXT], |a| Ok(text(initials(a.text(0)?)))),
        Function::plain("swapcase", &[TEXT], |a| Ok(text(case_swapped(a.text(0)?)))),
        Function::plain("wrap", &[Type::INT, TEXT], |a| {
            Ok(text(wrapped(a.text(1)?, a.int(0)?, b"\n", false)?))
        }),
        Function::plain("wrapWith", &[Type::INT, TEXT, TEXT], wrap_with),
        Function::with_engine("contains", Signature::of(&[TEXT, TEXT]), contains),
        Function::plain("hasPrefix", &[TEXT, TEXT], |a| {
            Ok(a.text(1)?.starts_with(a.text(0)?).into())
        }),
        Function::plain("hasSuffix", &[TEXT, TEXT], |a| {
            Ok(a.text(1)?.ends_with(a.text(0)?).into())
        }),
        Function::variadic("quote", &[], Type::ANY, |a| {
            each_but_nil(a, |v| {
                let text = strval(v)?;
                // Each character may become two, and the text that grows has half of its room free.
                memory::reserve(text.len().saturating_mul(4))?;
                Ok(quoted(&text))
            })
        }),
        Function::variadic("squote", &[], Type::ANY, |a| each_but_nil(a, single_quoted)),
        Function::variadic("cat", &[], Type::ANY, |a| each_but_nil(a, shown)),
        Function::plain("indent", &[Type::INT, TEXT], |a| {
            Ok(text(indented(a.text(1)?, a.int(0)?, b"")?))
        }),
        Function::plain("nindent", &[Type::INT, TEXT], |a| {
            Ok(text(indented(a.text(1)?, a.int(0)?, b"\n")?))
        }),
        Function::plain("replace", &[TEXT, TEXT, TEXT], |a| {
            Ok(text(replaced(a.text(2)?, a.text(0)?, a.text(1)?)?))
        }),
        Function::plain("plural", &[TEXT, TEXT, Type::INT], |a| {
            a.value(usize::from(a.int(2)? != 1)).cloned()
        }),
        Function::plain("toString", &[Type::ANY], |a| Ok(strval(a.value(0)?)?.into())),
        Function::plain("toStrings", &[Type::ANY], |a| {
            Ok(List::strings(strings_of(a.value(0)?)?).into())
        }),
        Function::plain("join", &[TEXT, Type::ANY], join),
        Function::plain("split", &[TEXT, TEXT], |a| {
            numbered_parts(a.text(1)?, a.text(0)?, -1)
        }),
        Function::plain("splitn", &[TEXT, Type::INT, TEXT], |a| {
            numbered_parts(a.text(2)?, a.text(0)?, a.int(1)?)
        }),
        Function::plain("splitList", &[TEXT, TEXT], |a| {
            Ok(List::strings(parts(a.text(1)?, a.text(0)?, -1)?).into())
        }),
        Function::plain("hello", &[], |_| Ok("Hello!".into())),
        Function::plain("fail", &[TEXT], |a| Err(Failure::from(a.text(0)?.to_text()))),
    ]
}

fn text(bytes: impl Into<GoString>) -> Value {
    Value::String(bytes.into())
}

/// The strings that a list holds, nil left out; anything else is a list of itself.
pub(super) fn strings_of(value: &Value) -> Result<Vec<GoString>, Failure> {
    match super::list::items(value) {
        Some(items) => items.iter().filter(|v| !v.is_nil()).map(strval).collect(),
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![strval(value)?]),
    }
}

/// The arguments that are not nil, each turned into text, with spaces between.
fn each_but_nil(
    arguments: Arguments<'_>,
    turned: impl Fn(&Value) -> Result<GoString, Failure>,
) -> Result<Value, Failure> {
    let all = arguments.all().iter().filter(|v| !v.is_nil()).map(turned);
    Ok(text(all.collect::<Result<Vec<_>, _>>()?.join(&b' ')))
}

fn single_quoted(value: &Value) -> Result<GoString, Failure> {
    Ok([b"'", shown(value)?.as_bytes(), b"'"].concat().into())
}

fn join(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (separator, parts) = (arguments.text(0)?, strings_of(arguments.value(1)?)?);
    let separators = separator.len().saturating_mul(parts.len());
    memory::reserve(separators.saturating_add(parts.iter().map(|p| p.len()).sum()))?;
    Ok(text(parts.join(separator.as_bytes())))
}

fn trunc(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (count, whole) = (arguments.int(0)?, arguments.text(1)?);
    let distance = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let kept = match whole.len().checked_sub(distance) {
        Some(start) if count < 0 && start > 0 => whole.get(start..),
        Some(_) if count >= 0 => whole.get(..distance),
        _ => None,
    };
    Ok(kept.map_or_else(|| whole.clone().into(), text))
}

fn substr(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (start, end, whole) = (arguments.int(0)?, arguments.int(1)?, arguments.text(2)?);
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let (from, to) = match (start, end) {
        (..0, _) => (0, end),
        (_, ..0) => (start, length),
        _ => (start, end.min(length)),
    };
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let found = range.and_then(|(from, to)| whole.get(from..to));
    found.map(text).ok_or_else(|| {
        let bounds = match (from, to) {
            (0, ..0) => format!("[:{to}]"),
            (_, to) if to > length => format!("[:{to}] with length {length}"),
            _ => format!("[{from}:{to}]"),
        };
        Failure::from(format!("runtime error: slice bounds out of range {bounds}"))
    })
}

fn trim_all(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let unwanted: Vec<char> = runes(arguments.text(0)?).map(|(c, _)| c).collect();
    Ok(text(trimmed_of(arguments.text(1)?, |c| unwanted.contains(&c))))
}

/// The text as often as asked for.
pub(super) fn repeated(whole: &[u8], count: i64) -> Result<Bytes, Failure> {
    if count < 0 {
        return Err("strings: negative Repeat count".into());
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    memory::reserve(whole.len().saturating_mul(count))?;
    if whole
        .len()
        .checked_mul(count)
        .is_none_or(|n| n > isize::MAX.unsigned_abs())
    {
        return Err("strings: Repeat output length overflow".into());
    }
    Ok(whole.repeat(count))
}

/// Shortened to a width with dots, where possible with the byte at `offset` in sight.
fn abbreviated(whole: &[u8], offset: i64, width: i64) -> Bytes {
    let cut = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    let too_narrow = width < 4 || (offset > 0 && width < 7);
    let (Ok(width), false) = (usize::try_from(width), too_narrow) else {
        return whole.to_vec();
    };
    if whole.len() <= width {
        return whole.to_vec();
    }
    let seen = width - 3;
    // Where fewer bytes than are seen stand behind the offset, it moves back.
    let offset = usize::try_from(offset).unwrap_or(0).min(whole.len() - seen);
    if offset <= 4 {
        return [cut(0, seen), b"..."].concat();
    }
    if offset + seen >= whole.len() {
        return [b"...", cut(whole.len() - seen, whole.len())].concat();
    }
    let behind = cut(offset, whole.len());
    [
        b"...",
        abbreviated(behind, 0, i64::try_from(seen).unwrap_or(i64::MAX)).as_slice(),
    ]
    .concat()
}

/// Each letter after something that is no letter, digit or underscore in title case.
fn titled(whole: &[u8]) -> Bytes {
    let mut previous = ' ';
    mapped(whole, |character| {
        let begins = if previous.is_ascii() {
            !previous.is_ascii_alphanumeric() && previous != '_'
        } else {
            !is_letter(previous) && !is_digit(previous) && is_space(previous)
        };
        previous = character;
        if begins { title(character) } else { character }
    })
}

fn is_digit(character: char) -> bool {
    character.is_numeric()
}

/// The first letter of each word in small.
fn untitled(whole: &[u8]) -> Bytes {
    let mut begins = true;
    mapped(whole, |character| {
        if is_space(character) {
            begins = true;
            character
        } else if std::mem::take(&mut begins) {
            lower(character)
        } else {
            character
        }
    })
}

/// Capitals become small letters and small ones capitals, but a small letter that begins a word takes title case.
fn case_swapped(whole: &[u8]) -> Bytes {
    let mut begins = true;
    mapped(whole, |character| {
        if is_upper(character) || is_title(character) {
            begins = false;
            lower(character)
        } else if !is_lower(character) {
            begins = is_space(character);
            character
        } else if std::mem::take(&mut begins) {
            title(character)
        } else {
            upper(character)
        }
    })
}

/// Sprig looks at bytes here, not at characters: each counts as the character of its number.
fn without_space(whole: &[u8]) -> Bytes {
    if !whole.iter().any(|b| is_space(char::from(*b))) {
        return whole.to_vec();
    }
    let mut out = Vec::with_capacity(whole.len());
    for byte in whole.iter().filter(|b| !is_space(char::from(**b))) {
        push(&mut out, char::from(*byte));
    }
    out
}

/// The first byte of each word, likewise.
fn initials(whole: &[u8]) -> Bytes {
    let mut begins = true;
    let mut out = Vec::new();
    for character in whole.iter().map(|b| char::from(*b)) {
        if is_space(character) {
            begins = true;
        } else if std::mem::take(&mut begins) {
            push(&mut out, character);
        }
    }
    out
}

fn wrap_with(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let separator = arguments.text(1)?;
    let separator: &[u8] = if separator.is_empty() { b"\n" } else { separator };
    Ok(text(wrapped(
        arguments.text(2)?,
        arguments.int(0)?,
        separator,
        true,
    )?))
}

/// Broken into lines of at most `width` bytes at spaces; longer words are broken only if asked for.
fn wrapped(whole: &[u8], width: i64, separator: &[u8], break_words: bool) -> Result<Bytes, Failure> {
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    memory::reserve((whole.len() / width).saturating_mul(separator.len()))?;
    let is_blank = |b: &u8| *b == b' ';
    let mut out = Vec::with_capacity(whole.len());
    let mut rest = whole;
    while rest.len() > width {
        if rest.first().is_some_and(is_blank) {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (line, beyond) = rest.split_at(width);
        let fits = rest.iter().take(width + 1).rposition(is_blank);
        let (end, skipped) = match fits {
            Some(end) => (end, 1),
            None if break_words => (line.len(), 0),
            None => match beyond.iter().position(is_blank) {
                Some(further) => (width + further, 1),
                None => break,
            },
        };
        out.extend_from_slice(rest.get(..end).unwrap_or_default());
        out.extend_from_slice(separator);
        rest = rest.get(end + skipped..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(out)
}

fn contains(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    engine.compared(arguments.all());
    Ok(find(arguments.text(1)?, arguments.text(0)?).is_some().into())
}

/// Each line, empty ones too, behind that many spaces.
fn indented(whole: &[u8], spaces: i64, before: &[u8]) -> Result<Bytes, Failure> {
    let pad = repeated(b" ", spaces)?;
    let lines = whole.split(|b| *b == b'\n').count();
    memory::reserve(whole.len().saturating_add(lines.saturating_mul(pad.len() + 1)))?;
    let mut out = before.to_vec();
    for (i, line) in whole.split(|b| *b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    Ok(out)
}

/// Every occurrence replaced; an empty one stands before each character and at the end.
pub(super) fn replaced(whole: &[u8], old: &[u8], new: &[u8]) -> Result<Bytes, Failure> {
    if old == new {
        return Ok(whole.to_vec());
    }
    if old.is_empty() {
        let places = runes(whole).count() + 1;
        memory::reserve(whole.len().saturating_add(places.saturating_mul(new.len())))?;
        let mut out = new.to_vec();
        for (_, own) in runes(whole) {
            out.extend_from_slice(own);
            out.extend_from_slice(new);
        }
        return Ok(out);
    }
    let pieces = || split_at_most(whole, old, usize::MAX);
    let places = pieces().count() - 1;
    let length = (whole.len() - places * old.len()).saturating_add(places.saturating_mul(new.len()));
    memory::reserve(length)?;
    let mut out = Vec::with_capacity(length);
    for (i, piece) in pieces().enumerate() {
        if i > 0 {
            out.extend_from_slice(new);
        }
        out.extend_from_slice(piece);
    }
    Ok(out)
}

/// The parts between separators, at most `count` of them if that is not negative; an empty separator stands between
/// all characters.
fn parts(whole: &[u8], separator: &[u8], count: i64) -> Result<Vec<GoString>, Failure> {
    let count = match count {
        0 => return Ok(Vec::new()),
        ..0 => usize::MAX,
        _ => usize::try_from(count).unwrap_or(usize::MAX),
    };
    if !separator.is_empty() {
        let found = || split_at_most(whole, separator, count);
        memory::reserve(found().count().saturating_mul(PART).saturating_add(whole.len()))?;
        return Ok(found().map(GoString::from).collect());
    }
    memory::reserve(whole.len().min(count).saturating_mul(PART))?;
    let mut found = Vec::new();
    let mut rest = whole;
    while let Some((_, length)) = first_rune(rest) {
        let (own, after) = if found.len() + 1 == count {
            (rest, &[][..])
        } else {
            rest.split_at(length)
        };
        found.push(own.into());
        rest = after;
    }
    Ok(found)
}

/// What one part of a split text takes beside its bytes.
const PART: usize = 64;

/// The parts under the names `_0`, `_1`, …
fn numbered_parts(whole: &[u8], separator: &[u8], count: i64) -> Result<Value, Failure> {
    let parts = parts(whole, separator, count)?;
    let entries = parts.into_iter().enumerate();
    let entries = entries.map(|(i, part)| (GoString::from(format!("_{i}")), Value::String(part)));
    Ok(Map::with_entries(Type::STRING_MAP, entries.collect()).into())
}
