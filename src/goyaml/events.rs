//! The text as a stream of events, with go-yaml's words for what is wrong.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use libyaml_safer::{ErrorKind, Event, EventData, Parser, ScalarStyle};

use super::error::{Error, Position};
use super::limits::{DEPTH_CAP, SIZE_CAP};

/// How much the scanner is given at once: it decodes everything it is given before it looks at the first character.
const CHUNK: usize = 4096;

/// The bytes of a text in small pieces.
#[derive(Debug)]
struct Chunks<'a> {
    text: Cow<'a, [u8]>,
    read: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let end = self.text.len().min(self.read + CHUNK);
        Ok(self.text.get(self.read..end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.read += count;
    }
}

/// A line break that was put at the end of a text which has none.
#[derive(Debug)]
struct Lent {
    /// How many line breaks the text has with it.
    lines: u64,
    /// Whether nothing but space stands on the last line.
    after_blank: bool,
}

impl Lent {
    fn to(text: &mut Vec<u8>) -> Self {
        let last = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let after_blank = last.trim_ascii().is_empty();
        text.push(b'\n');
        let lines = text.split(|byte| *byte == b'\n').count() - 1;
        Self {
            lines: u64::try_from(lines).unwrap_or(u64::MAX),
            after_blank,
        }
    }

    /// Takes it out of a block scalar that reaches the end of the text. Blank lines at the end count only where the
    /// scalar keeps them all (`|+`), which then ends in two breaks.
    fn take_back(&self, event: &mut Event) {
        if let EventData::Scalar { value, style, .. } = &mut event.data
            && matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
            && event.end_mark.line >= self.lines
            && (value.ends_with("\n\n") || !self.after_blank && value.ends_with('\n'))
        {
            value.pop();
        }
    }
}

/// The events of a text, from its first document on.
pub(super) struct Events<'a> {
    parser: Parser<Chunks<'a>>,
    original: &'a [u8],
    /// The last line break if it is ours: a block scalar that ends the text has none of its own.
    lent: Option<Lent>,
    depth: usize,
}

impl<'a> Events<'a> {
    /// The events of `text`, which may be UTF-8 or, with a byte order mark, UTF-16.
    pub(super) fn new(text: &'a [u8]) -> Result<Self, Error> {
        if text.len() > SIZE_CAP {
            return Err(Error::TooLarge {
                size: text.len(),
                limit: SIZE_CAP,
            });
        }
        let mut parser = Parser::new();
        parser.set_encoding(libyaml_safer::Encoding::Utf8);
        let mut whole = as_utf8(text)?;
        // The scanner panics where a block scalar's last line has no line break (seen in libyaml-safer 0.3.0).
        let lent = (!whole.ends_with(b"\n")).then(|| Lent::to(whole.to_mut()));
        parser.set_input(Chunks { text: whole, read: 0 });
        Ok(Self {
            parser,
            original: text,
            lent,
            depth: 0,
        })
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Result<Event, Error> {
        let mut event = self.parser.parse().map_err(|error| self.syntax(&error))?;
        if let Some(lent) = &self.lent {
            lent.take_back(&mut event);
        }
        match event.data {
            EventData::SequenceStart { .. } | EventData::MappingStart { .. } => {
                self.depth += 1;
                if self.depth > DEPTH_CAP {
                    return Err(Error::Syntax {
                        message: format!("exceeded max depth of {DEPTH_CAP}"),
                        position: position(&event.start_mark),
                    });
                }
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.depth -= 1,
            _ => {}
        }
        Ok(event)
    }

    fn syntax(&self, error: &libyaml_safer::Error) -> Error {
        let mark = error.problem_mark().unwrap_or_default();
        let mut problem = error.problem();
        // go-yaml counts the lines of scanner errors from one, of parser errors from zero, and a line of zero is not
        // worth mentioning.
        let line = match (error.kind(), mark.line, error.context_mark()) {
            (ErrorKind::Scanner, line @ 1.., _) => line + 1,
            (_, line @ 1.., _) => line,
            (_, 0, Some(context)) => context.line,
            (_, 0, None) => 0,
        };
        if matches!(error.kind(), ErrorKind::Reader | ErrorKind::Io) {
            problem = encoding_problem(self.original).unwrap_or(problem);
        }
        Error::Syntax {
            message: if line == 0 {
                problem.to_owned()
            } else {
                format!("line {line}: {problem}")
            },
            position: position(&mark),
        }
    }
}

/// A mark as people count.
pub(super) fn position(mark: &libyaml_safer::Mark) -> Position {
    let from_one = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
    Position {
        line: from_one(mark.line),
        column: from_one(mark.column),
    }
}

/// The text without its byte order mark, turned into UTF-8 if the mark says UTF-16.
fn as_utf8(text: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    match text {
        [] => Ok(Cow::Borrowed(b"\n")),
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(Cow::Borrowed(rest)),
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        _ => Ok(Cow::Borrowed(text)),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, [u8]>, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let wrong = |message: &str| Error::Syntax {
        message: message.to_owned(),
        position: Position { line: 1, column: 1 },
    };
    if !rest.is_empty() {
        return Err(wrong("incomplete UTF-16 character"));
    }
    char::decode_utf16(pairs.iter().copied().map(unit))
        .collect::<Result<String, _>>()
        .map(|text| Cow::Owned(text.into_bytes()))
        .map_err(|error| {
            wrong(if matches!(error.unpaired_surrogate(), 0xdc00..) {
                "unexpected low surrogate area"
            } else {
                "expected low surrogate area"
            })
        })
}

/// What go-yaml says of the first character that is not valid, or that YAML forbids.
fn encoding_problem(text: &[u8]) -> Option<&'static str> {
    let valid = match std::str::from_utf8(text) {
        Ok(_) => return Some("control characters are not allowed"),
        Err(error) => text.split_at_checked(error.valid_up_to())?,
    };
    let (before, wrong) = valid;
    if std::str::from_utf8(before).is_ok_and(|text| text.chars().any(is_forbidden)) {
        return Some("control characters are not allowed");
    }
    let width = match wrong.first()? {
        0x00..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => return Some("invalid leading UTF-8 octet"),
    };
    if wrong.len() < width {
        return Some("incomplete UTF-8 octet sequence");
    }
    if wrong.iter().take(width).skip(1).any(|byte| byte & 0xc0 != 0x80) {
        return Some("invalid trailing UTF-8 octet");
    }
    let first = u32::from(*wrong.first()?);
    let scalar = wrong
        .iter()
        .take(width)
        .skip(1)
        .fold(first & (0x7f >> width), |scalar, byte| {
            scalar << 6 | u32::from(byte & 0x3f)
        });
    let shortest = match scalar {
        0..0x80 => 1,
        0x80..0x800 => 2,
        0x800..0x1_0000 => 3,
        _ => 4,
    };
    Some(if shortest == width {
        "invalid Unicode character"
    } else {
        "invalid length of a UTF-8 sequence"
    })
}

/// Whether YAML 1.1 does not allow the character anywhere in a text.
fn is_forbidden(character: char) -> bool {
    !matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use crate::goyaml::{Value, parse};

    /// Each pair is what Go's `sigs.k8s.io/yaml` makes of the text.
    #[test]
    fn a_block_scalar_may_end_the_text_without_a_line_break() {
        for (text, expected) in [
            ("a: |\n  o", "o"),
            ("a: |+\n  o", "o"),
            ("a: >\n  o\n  p", "o p"),
            ("a: |\n  o\n ", "o\n"),
            ("a: |\n  o\n  ", "o\n"),
            ("a: |\n  o\n# c", "o\n"),
            (" a: |+\n  o\n  ", "o\n"),
            ("a: |", ""),
            ("b: 1\na: |-\n  o", "o"),
        ] {
            let Value::Map(map) = parse(text.as_bytes()).unwrap() else {
                panic!("{text:?} is no map");
            };
            assert_eq!(map.get("a"), Some(&Value::String(expected.into())), "{text:?}");
        }
    }
}
