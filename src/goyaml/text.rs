//! Bytes as a text that YAML allows, and go-yaml's words for those that are none.

use std::borrow::Cow;

use super::error::{Error, Position};
use super::limits::SIZE_CAP;

/// How many bytes go-yaml reads ahead at once.
const CHUNK: usize = 512;

/// A text up to the first character that may not be in it.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) valid: Cow<'a, str>,
    pub(super) ending: Ending,
}

/// What stands behind the valid part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing.
    Whole,
    /// A character that is wrong, so many bytes from the start.
    Wrong(&'static str, usize),
}

impl Ending {
    /// What go-yaml finds wrong when it has come to `offset`: it decodes ahead of what it parses.
    pub(super) fn seen_from(self, offset: usize) -> Option<&'static str> {
        match self {
            Self::Wrong(problem, at) if at < (offset + 4).next_multiple_of(CHUNK) => Some(problem),
            _ => None,
        }
    }
}

impl<'a> Text<'a> {
    /// `bytes` without their byte order mark, from UTF-16 if the mark says so.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > SIZE_CAP {
            return Err(Error::TooLarge {
                size: bytes.len(),
                limit: SIZE_CAP,
            });
        }
        match bytes {
            [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
            [0xef, 0xbb, 0xbf, rest @ ..] => Ok(Self::of(rest)),
            _ => Ok(Self::of(bytes)),
        }
    }

    fn of(bytes: &'a [u8]) -> Self {
        let (valid, mut ending) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, Ending::Whole),
            Err(error) => {
                let (before, wrong) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                let ending = Ending::Wrong(encoding_problem(wrong), before.len());
                (std::str::from_utf8(before).unwrap_or_default(), ending)
            }
        };
        let mut valid = valid;
        if let Some(at) = forbidden(valid) {
            valid = valid.split_at_checked(at).unwrap_or_default().0;
            ending = Ending::Wrong("control characters are not allowed", at);
        }
        Self {
            valid: Cow::Borrowed(valid),
            ending,
        }
    }
}

fn from_utf16<'a>(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Text<'a>, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::new();
    let mut ending = Ending::Whole;
    for character in char::decode_utf16(pairs.iter().copied().map(unit)) {
        match character {
            Ok(character) => text.push(character),
            Err(error) => {
                let problem = if error.unpaired_surrogate() >= 0xdc00 {
                    "unexpected low surrogate area"
                } else {
                    "expected low surrogate area"
                };
                ending = Ending::Wrong(problem, text.len());
                break;
            }
        }
    }
    if ending == Ending::Whole && !rest.is_empty() {
        ending = Ending::Wrong("incomplete UTF-16 character", text.len());
    }
    if text.len() > SIZE_CAP {
        return Err(Error::TooLarge {
            size: text.len(),
            limit: SIZE_CAP,
        });
    }
    if let Some(at) = forbidden(&text) {
        text.truncate(at);
        ending = Ending::Wrong("control characters are not allowed", at);
    }
    Ok(Text {
        valid: Cow::Owned(text),
        ending,
    })
}

/// Where the first character stands that YAML 1.1 allows nowhere.
fn forbidden(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        at += rest
            .iter()
            .position(|byte| matches!(byte, 0x00..=0x08 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f | 0xc2 | 0xef))?;
        match bytes.get(at..)? {
            [0xc2, 0x85 | 0xa0.., ..] => at += 2,
            [0xef, 0xbf, 0xbe | 0xbf, ..] => return Some(at),
            [0xef, _, _, ..] => at += 3,
            _ => return Some(at),
        }
    }
}

/// What go-yaml says of bytes that are no UTF-8.
fn encoding_problem(wrong: &[u8]) -> &'static str {
    let width = match wrong.first() {
        Some(0xc0..0xe0) => 2,
        Some(0xe0..0xf0) => 3,
        Some(0xf0..0xf8) => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    if wrong.len() < width {
        return "incomplete UTF-8 octet sequence";
    }
    let mut scalar = u32::from(wrong.first().copied().unwrap_or_default()) & (0x7f >> width);
    for byte in wrong.iter().take(width).skip(1) {
        if byte & 0xc0 != 0x80 {
            return "invalid trailing UTF-8 octet";
        }
        scalar = scalar << 6 | u32::from(byte & 0x3f);
    }
    let shortest = match scalar {
        0..0x80 => 1,
        0x80..0x800 => 2,
        0x800..0x1_0000 => 3,
        _ => 4,
    };
    if shortest == width {
        "invalid Unicode character"
    } else {
        "invalid length of a UTF-8 sequence"
    }
}

/// An error of a text's bytes; go-yaml names no line for them.
pub(super) fn error(problem: &str, position: Position) -> Error {
    Error::Syntax {
        message: problem.to_owned(),
        position,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        for bytes in [
            b"\xef\xbb\xbfa: \xc3\xa9".as_slice(),
            b"\xff\xfea\0:\0 \0\xe9\0",
            b"\xfe\xff\0a\0:\0 \0\xe9",
        ] {
            assert_eq!(Text::new(bytes).unwrap().valid, "a: é");
        }
    }

    #[test]
    fn a_text_ends_before_the_first_character_that_is_not_allowed() {
        for (bytes, valid, problem) in [
            (b"a\x00b".as_slice(), "a", "control characters are not allowed"),
            (
                b"\xc2\x85\xc2\x80",
                "\u{85}",
                "control characters are not allowed",
            ),
            (b"a\xef\xbf\xbf", "a", "control characters are not allowed"),
            (b"a\xff", "a", "invalid leading UTF-8 octet"),
            (b"a\xc3", "a", "incomplete UTF-8 octet sequence"),
            (b"a\xc3a", "a", "invalid trailing UTF-8 octet"),
            (b"a\xed\xa0\x80", "a", "invalid Unicode character"),
            (b"a\xc0\x80", "a", "invalid length of a UTF-8 sequence"),
        ] {
            let text = Text::new(bytes).unwrap();
            assert_eq!(text.valid, valid);
            assert_eq!(text.ending, Ending::Wrong(problem, valid.len()));
        }
    }
}
