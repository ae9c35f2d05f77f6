//! What the trip through JSON does: `encoding/json` writes, go-yaml v2 reads.

use std::borrow::Cow;

use crate::goyaml::error::{Error, Position};
use crate::goyaml::number;
use crate::goyaml::resolve::{self, Scalar};

/// How many characters a key may have before its colon, quotes and escapes included.
const KEY_CAP: usize = 1024;

/// A float behind the trip: whole numbers have become integers.
pub(super) fn float(number: f64) -> Result<String, Error> {
    let Some(text) = number::json(number) else {
        return Err(Error::NotJson {
            value: number::general(number),
        });
    };
    Ok(match resolve::plain(&text) {
        Scalar::Int(number) => number.to_string(),
        Scalar::Float(number) => number::general(number),
        _ => text,
    })
}

/// A text behind the trip. JSON leaves the characters from U+007F to U+009F and two of Unicode's non-characters alone;
/// YAML forbids all of them but the next line (U+0085), at which it folds the text.
pub(super) fn text(text: &str) -> Result<Cow<'_, str>, Error> {
    let suspicious = |byte: u8| matches!(byte, 0x7f | 0xc2 | 0xef);
    if !text.bytes().any(suspicious) {
        return Ok(Cow::Borrowed(text));
    }
    if text.chars().any(is_forbidden) {
        return Err(unreadable("control characters are not allowed"));
    }
    if text.contains('\u{85}') {
        return folded(text).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(text))
}

/// A key behind the trip: it may not be long, nor stand on several lines.
pub(super) fn key(key: &str) -> Result<&str, Error> {
    let folds = matches!(text(key)?, Cow::Owned(_));
    if folds || (key.len() > KEY_CAP / 6 - 2 && quoted_length(key) > KEY_CAP) {
        return Err(unreadable("did not find expected ',' or '}'"));
    }
    Ok(key)
}

fn is_forbidden(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// Characters of a text as JSON, with its quotes.
fn quoted_length(text: &str) -> usize {
    let escaped = |character: char| match character {
        '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => 2,
        '<' | '>' | '&' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => 6,
        _ => 1,
    };
    2 + text.chars().map(escaped).sum::<usize>()
}

/// The text as YAML reads it between double quotes: a line break with the spaces around it becomes a space, further
/// line breaks stay.
fn folded(text: &str) -> Result<String, Error> {
    let is_blank = |character: char| matches!(character, ' ' | '\u{85}');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{85}') {
        let (before, from) = rest.split_at(at);
        out.push_str(before.trim_end_matches(' '));
        let after = from.trim_start_matches(is_blank);
        let (blanks, _) = from.split_at(from.len() - after.len());
        let breaks = blanks.chars().filter(|character| *character == '\u{85}').count();
        if breaks == 1 {
            out.push(' ');
        } else {
            out.extend(std::iter::repeat_n('\n', breaks - 1));
        }
        let at_line_start = blanks.ends_with('\u{85}');
        let marker = after.strip_prefix("---").or_else(|| after.strip_prefix("..."));
        if at_line_start && marker.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\u{85}'])) {
            return Err(unreadable("found unexpected document indicator"));
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn unreadable(message: &str) -> Error {
    Error::Syntax {
        message: message.to_owned(),
        position: Position { line: 1, column: 1 },
    }
}
