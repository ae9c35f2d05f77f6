//! Quoted strings and characters.

use std::sync::OnceLock;

use regex::Regex;

fn matches(cell: &'static OnceLock<Option<Regex>>, pattern: &str, c: char) -> bool {
    let regex = cell.get_or_init(|| Regex::new(pattern).ok());
    let mut buffer = [0; 4];
    regex
        .as_ref()
        .is_some_and(|r| r.is_match(c.encode_utf8(&mut buffer)))
}

/// Whether Go calls a character printable: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(c: char) -> bool {
    static PRINT: OnceLock<Option<Regex>> = OnceLock::new();
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    matches(&PRINT, r"[\p{L}\p{M}\p{N}\p{P}\p{S}]", c)
}

/// Whether Go calls a character a letter.
pub fn is_letter(c: char) -> bool {
    static LETTER: OnceLock<Option<Regex>> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches(&LETTER, r"\p{L}", c)
}

/// Whether Go calls a character a decimal digit.
pub fn is_digit(c: char) -> bool {
    static DIGIT: OnceLock<Option<Regex>> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    matches(&DIGIT, r"\p{Nd}", c)
}

/// The characters of a byte string with their places and widths. A byte that belongs to no character gives
/// U+FFFD with width 1.
pub fn runes(bytes: &[u8]) -> impl Iterator<Item = (usize, char, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let first = *rest.first()?;
        let (c, width) = if first < 0x80 {
            (char::from(first), 1)
        } else {
            first_rune(rest)
        };
        let place = at;
        at += width;
        Some((place, c, width))
    })
}

fn first_rune(rest: &[u8]) -> (char, usize) {
    let head = rest.get(..rest.len().min(4)).unwrap_or(rest);
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => head
            .get(..error.valid_up_to())
            .and_then(|v| std::str::from_utf8(v).ok())
            .unwrap_or_default(),
    };
    valid
        .chars()
        .next()
        .map_or(('\u{fffd}', 1), |c| (c, c.len_utf8()))
}

/// A string in double quotes with Go's escapes.
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    quote_with(bytes, b'"', false)
}

/// A string in double quotes, all but ASCII escaped.
pub fn quote_ascii(bytes: &[u8]) -> Vec<u8> {
    quote_with(bytes, b'"', true)
}

/// A character in single quotes. A number that is no character shows as U+FFFD.
pub fn quote_char(code: u64, ascii: bool) -> Vec<u8> {
    let c = u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{fffd}');
    let mut out = vec![b'\''];
    escape(&mut out, c, b'\'', ascii);
    out.push(b'\'');
    out
}

fn quote_with(bytes: &[u8], mark: u8, ascii: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(mark);
    for (at, c, width) in runes(bytes) {
        if c == '\u{fffd}' && width == 1 {
            let byte = bytes.get(at).copied().unwrap_or_default();
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        } else {
            escape(&mut out, c, mark, ascii);
        }
    }
    out.push(mark);
    out
}

fn escape(out: &mut Vec<u8>, c: char, mark: u8, ascii: bool) {
    if u32::from(c) == u32::from(mark) || c == '\\' {
        out.push(b'\\');
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    if (c.is_ascii() || !ascii) && is_print(c) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let text = match c {
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        c if c < ' ' || c == '\u{7f}' => format!("\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => format!("\\u{:04x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Whether a string can stand in backquotes on one line.
pub fn can_backquote(bytes: &[u8]) -> bool {
    runes(bytes).all(|(_, c, width)| match c {
        '\u{fffd}' if width == 1 => false,
        '\u{feff}' | '`' | '\u{7f}' => false,
        '\t' => true,
        c => c >= ' ',
    })
}

/// What a Go string literal in double quotes or backquotes stands for; `None` if it is none.
pub fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let (&mark, rest) = literal.split_first()?;
    let (&last, inner) = rest.split_last()?;
    if mark != last {
        return None;
    }
    match mark {
        b'`' => {
            if inner.contains(&b'`') {
                return None;
            }
            Some(inner.iter().copied().filter(|b| *b != b'\r').collect())
        }
        b'"' => {
            let mut out = Vec::with_capacity(inner.len());
            let mut rest = inner;
            while !rest.is_empty() {
                if rest.first() == Some(&b'\n') {
                    return None;
                }
                rest = unquote_piece(rest, b'"', &mut out)?.1;
            }
            Some(out)
        }
        _ => None,
    }
}

/// The code of a character literal in single quotes; `None` if it is none.
pub fn unquote_char(literal: &[u8]) -> Option<u32> {
    let inner = literal.strip_prefix(b"'")?;
    let (code, rest) = unquote_piece(inner, b'\'', &mut Vec::new())?;
    (rest == b"'").then_some(code)
}

fn unquote_piece<'a>(text: &'a [u8], mark: u8, out: &mut Vec<u8>) -> Option<(u32, &'a [u8])> {
    let (&first, rest) = text.split_first()?;
    if first == mark {
        return None;
    }
    if first != b'\\' {
        let (_, c, width) = runes(text).next()?;
        let (head, tail) = text.split_at_checked(width)?;
        if c == '\u{fffd}' && width == 1 {
            out.extend_from_slice(head);
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        return Some((u32::from(c), tail));
    }
    let (&kind, rest) = rest.split_first()?;
    let simple = |byte: u8, out: &mut Vec<u8>| {
        out.push(byte);
        Some((u32::from(byte), rest))
    };
    match kind {
        b'a' => simple(7, out),
        b'b' => simple(8, out),
        b'f' => simple(12, out),
        b'n' => simple(b'\n', out),
        b'r' => simple(b'\r', out),
        b't' => simple(b'\t', out),
        b'v' => simple(11, out),
        b'\\' => simple(b'\\', out),
        b'\'' | b'"' if kind == mark => simple(kind, out),
        b'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            out.push(u8::try_from(code).ok()?);
            Some((code, rest))
        }
        b'u' | b'U' => {
            let (code, rest) = digits(rest, if kind == b'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            Some((code, rest))
        }
        b'0'..=b'7' => {
            let (code, rest) = digits(text.get(1..)?, 3, 8)?;
            out.push(u8::try_from(code).ok()?);
            Some((code, rest))
        }
        _ => None,
    }
}

fn digits(text: &[u8], count: usize, base: u32) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(count)?;
    let mut code: u32 = 0;
    for byte in head {
        code = code
            .checked_mul(base)?
            .checked_add(char::from(*byte).to_digit(base)?)?;
    }
    Some((code, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_keeps_what_prints_and_escapes_the_rest() {
        assert_eq!(
            quote("a\"b\\\n☃\u{1}\u{1f600}\u{200b}".as_bytes()),
            "\"a\\\"b\\\\\\n☃\\x01\u{1f600}\\u200b\"".as_bytes()
        );
        assert_eq!(quote(b"h\xc3"), b"\"h\\xc3\"");
        assert_eq!(quote_ascii("é".as_bytes()), b"\"\\u00e9\"");
    }

    #[test]
    fn unquoting_undoes_quoting() {
        for text in [&b"plain"[..], b"\x00\xff\"'\n", "☃\u{1f600}".as_bytes()] {
            assert_eq!(unquote(&quote(text)).unwrap(), text);
        }
        assert_eq!(unquote(br#""\'""#), None);
        assert_eq!(unquote_char(br"'\''"), Some(39));
        assert_eq!(unquote_char(b"'ab'"), None);
    }
}
