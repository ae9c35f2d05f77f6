//! The little of DER and PEM that certificates and keys need.

use std::fmt::Write as _;

use crate::sprig::base64;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const BOOLEAN: u8 = 0x01;

/// The tag of a part that is known by its number; `0xa0` where it is built of others.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// A value with its tag and length.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let digits: Vec<u8> = length.iter().copied().skip_while(|b| *b == 0).collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Values in a row under one tag.
pub(super) fn group(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    tagged(tag, &parts.concat())
}

/// A number that is not negative, from its bytes, largest first.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    if digits.first().is_none_or(|b| *b >= 0x80) {
        digits.insert(0, 0);
    }
    tagged(INTEGER, &digits)
}

/// Whole bytes as a string of bits.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(BIT_STRING, &[&[0], bytes].concat())
}

/// An object identifier from its content.
pub(super) fn oid(content: &[u8]) -> Vec<u8> {
    tagged(OBJECT_IDENTIFIER, content)
}

/// One value that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) whole: &'a [u8],
}

/// Values in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next value, `None` at the end or where there is no value.
    pub(super) fn next(&mut self) -> Option<Part<'a>> {
        let all = self.0;
        let (tag, rest) = all.split_first()?;
        let (first, mut rest) = rest.split_first()?;
        let mut length = usize::from(*first);
        if *first >= 0x80 {
            let digits = usize::from(*first & 0x7f);
            if digits == 0 || digits > 4 {
                return None;
            }
            let (length_bytes, after) = rest.split_at_checked(digits)?;
            length = length_bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        let whole = all.get(..all.len() - after.len())?;
        Some(Part {
            tag: *tag,
            content,
            whole,
        })
    }

    /// The content of the next value, if it has that tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|part| part.tag == tag)
            .map(|part| part.content)
    }
}

/// DER between PEM's lines.
pub(super) fn to_pem(label: &str, der: &[u8]) -> String {
    let text = base64::encoded(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            out.push('\n');
        }
        out.push(character);
    }
    if !text.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "-----END {label}-----");
    out
}

/// The first PEM block: its label and content.
pub(super) fn from_pem(text: &str) -> Option<(String, Vec<u8>)> {
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once("-----BEGIN ")?;
        rest = after;
        if !(before.is_empty() || before.ends_with('\n')) {
            continue;
        }
        let Some((label, body)) = after
            .split_once("-----")
            .filter(|(label, _)| !label.contains('\n'))
        else {
            continue;
        };
        let Some((body, _)) = body.split_once(&format!("-----END {label}-----")) else {
            continue;
        };
        // Headers such as `Proc-Type` stand before an empty line.
        let body = match body.trim_start().split_once("\n\n") {
            Some((headers, body)) if headers.contains(':') => body,
            _ => body,
        };
        let content: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        if let Ok(der) = base64::decoded(&content) {
            return Some((label.to_owned(), der));
        }
    }
}
