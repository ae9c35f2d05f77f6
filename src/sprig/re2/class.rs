//! Sets of characters: `[a-z]`, `\d`, `\p{Greek}`, `[[:alpha:]]`.

use std::fmt::Write as _;

use super::Error;
use super::syntax::Reader;

/// Perl's sets, which are ASCII in RE2: the letter and the ranges inside brackets.
const PERL: [(char, &str); 3] = [('d', "0-9"), ('s', "\\t\\n\\x0C\\r "), ('w', "0-9A-Za-z_")];

/// POSIX sets by name.
const POSIX: [(&str, &str); 14] = [
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", "\\x00-\\x7F"),
    ("blank", "\\t "),
    ("cntrl", "\\x00-\\x1F\\x7F"),
    ("digit", "0-9"),
    ("graph", "!-\\~"),
    ("lower", "a-z"),
    ("print", " -\\~"),
    ("punct", "!-/:-@\\[-`\\{-\\~"),
    ("space", "\\t\\n\\x0B\\x0C\\r "),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

/// Reads `\d`, `\W`, `\pL`, `\P{Greek}` if one is next.
pub(super) fn named_set(reader: &mut Reader<'_>) -> Result<Option<String>, Error> {
    let mut ahead = reader.rest.chars();
    let (Some('\\'), Some(letter)) = (ahead.next(), ahead.next()) else {
        return Ok(None);
    };
    if let Some((_, ranges)) = PERL.iter().find(|(name, _)| *name == letter.to_ascii_lowercase()) {
        reader.rest = ahead.as_str();
        let negation = if letter.is_ascii_uppercase() { "^" } else { "" };
        return Ok(Some(format!("[{negation}{ranges}]")));
    }
    if !matches!(letter, 'p' | 'P') {
        return Ok(None);
    }
    let start = reader.rest;
    reader.rest = ahead.as_str();
    let invalid = "invalid character class range";
    let name = if reader.take("{") {
        let Some((name, rest)) = reader.rest.split_once('}') else {
            return Err(Error::new(invalid, start));
        };
        reader.rest = rest;
        name
    } else {
        let before = reader.rest;
        reader.next();
        reader.read_since(before)
    };
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (letter == 'p', name),
        None => (letter == 'P', name),
    };
    let fine = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '));
    if !fine {
        return Err(Error::new(invalid, reader.read_since(start)));
    }
    let letter = if negated { 'P' } else { 'p' };
    Ok(Some(format!("\\{letter}{{{name}}}")))
}

/// Reads a set in brackets.
pub(super) fn bracketed(reader: &mut Reader<'_>) -> Result<String, Error> {
    let start = reader.rest;
    reader.next();
    let mut out = "[".to_owned();
    if reader.take("^") {
        out.push('^');
    }
    let mut first = true;
    while first || !reader.rest.starts_with(']') {
        if reader.rest.is_empty() {
            return Err(Error::new("missing closing ]", start));
        }
        first = false;
        if let Some(set) = posix_set(reader)? {
            out.push_str(&set);
        } else if let Some(set) = named_set(reader)? {
            out.push_str(&set);
        } else {
            range(reader, start, &mut out)?;
        }
    }
    reader.next();
    out.push(']');
    Ok(out)
}

/// Reads `[:alpha:]` or `[:^alpha:]` if one is next.
fn posix_set(reader: &mut Reader<'_>) -> Result<Option<String>, Error> {
    let start = reader.rest;
    let Some((inside, rest)) = reader.rest.strip_prefix("[:").and_then(|r| r.split_once(":]")) else {
        return Ok(None);
    };
    let (negation, name) = match inside.strip_prefix('^') {
        Some(name) => ("^", name),
        None => ("", inside),
    };
    reader.rest = rest;
    match POSIX.iter().find(|(known, _)| *known == name) {
        Some((_, ranges)) => Ok(Some(format!("[{negation}{ranges}]"))),
        None => Err(Error::new(
            "invalid character class range",
            reader.read_since(start),
        )),
    }
}

/// Reads one character or a range of them.
fn range<'a>(reader: &mut Reader<'a>, class: &'a str, out: &mut String) -> Result<(), Error> {
    let start = reader.rest;
    let low = character(reader, class)?;
    let mut high = low;
    let mut ahead = reader.rest.chars();
    if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
        reader.next();
        high = character(reader, class)?;
    }
    if high < low {
        return Err(Error::new(
            "invalid character class range",
            reader.read_since(start),
        ));
    }
    let _ = write!(out, "\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high));
    Ok(())
}

fn character<'a>(reader: &mut Reader<'a>, class: &'a str) -> Result<char, Error> {
    let start = reader.rest;
    if start.starts_with('\\') {
        return reader.escaped_character(start);
    }
    reader
        .next()
        .ok_or_else(|| Error::new("missing closing ]", class))
}
