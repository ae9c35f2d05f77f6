//! A place in a text that moves forward and knows its line and column.

use crate::goyaml::error::Position;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Characters before it.
    pub(crate) index: usize,
    /// Lines before it.
    pub(crate) line: usize,
    /// Characters before it on its line.
    pub(crate) column: usize,
}

impl Mark {
    /// The place as people count.
    pub(crate) fn position(self) -> Position {
        let from_one = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        Position {
            line: from_one(self.line),
            column: from_one(self.column),
        }
    }
}

/// A text and a place in it.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
    /// Bytes so far that continue a character, and how many of them stand before the current line.
    continued: usize,
    continued_before_line: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 0,
            line_start: 0,
            continued: 0,
            continued_before_line: 0,
        }
    }

    /// Bytes before the place.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The rest of the text.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The text between two places, which must be at characters.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The byte at the place.
    pub(super) fn peek(&self) -> Option<u8> {
        self.byte(0)
    }

    /// The byte that stands `ahead` bytes behind the place.
    pub(super) fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    pub(super) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn column(&self) -> usize {
        (self.at - self.line_start) - (self.continued - self.continued_before_line)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            index: self.at - self.continued,
            line: self.line,
            column: self.column(),
        }
    }

    /// Whether the byte is one of `bytes`.
    pub(super) fn is_any(&self, bytes: &[u8]) -> bool {
        self.peek().is_some_and(|byte| bytes.contains(&byte))
    }

    /// Whether a space or a tab stands here.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.peek(), Some(b' ' | b'\t'))
    }

    /// How many bytes the line break here has; zero if there is none.
    pub(super) fn line_break(&self) -> usize {
        line_break(self.rest())
    }

    /// Whether a blank, a line break or the end of the text stands `ahead` bytes behind the place.
    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        let rest = self.text.as_bytes().get(self.at + ahead..).unwrap_or_default();
        matches!(rest.first(), None | Some(b' ' | b'\t')) || line_break(rest) > 0
    }

    /// Goes forward by `bytes` on the same line.
    pub(super) fn advance(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        self.continued += passed.iter().filter(|byte| **byte & 0xc0 == 0x80).count();
        self.at += passed.len();
    }

    /// Goes forward by `bytes` that are all ASCII and no line break.
    pub(super) fn advance_ascii(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Goes behind the line break here, if there is one, and gives the text that it stands for.
    pub(super) fn take_break(&mut self) -> &'a str {
        let bytes = self.line_break();
        let from = self.at;
        self.advance(bytes);
        if bytes > 0 {
            self.line += 1;
            self.line_start = self.at;
            self.continued_before_line = self.continued;
        }
        match bytes {
            0 => "",
            // The separators of Unicode stay what they are.
            3 => self.slice(from, self.at),
            _ => "\n",
        }
    }

    /// Goes to the end of the line.
    pub(super) fn skip_line(&mut self) {
        let length = line_length(self.rest());
        self.advance(length);
    }

    /// Goes behind blanks.
    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank() {
            self.advance_ascii(1);
        }
    }

    /// Counts the end of a last line without a line break as one.
    pub(super) fn end_line(&mut self) {
        if self.column() != 0 {
            self.line += 1;
            self.line_start = self.at;
            self.continued_before_line = self.continued;
        }
    }

    /// Whether `---` or `...` stands here at the start of a line, and which.
    pub(super) fn document_marker(&self) -> Option<u8> {
        if self.column() != 0 {
            return None;
        }
        match self.rest() {
            [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] if self.is_blank_or_end(3) => self.peek(),
            _ => None,
        }
    }
}

/// How many bytes the line break has that `text` starts with; zero if it starts with none.
pub(super) fn line_break(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] | [0xc2, 0x85, ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
        _ => 0,
    }
}

/// How many bytes stand before the first line break.
pub(super) fn line_length(text: &[u8]) -> usize {
    let mut rest = text;
    loop {
        let plain = rest
            .iter()
            .take_while(|byte| !matches!(byte, b'\r' | b'\n' | 0xc2 | 0xe2))
            .count();
        rest = rest.get(plain..).unwrap_or_default();
        if rest.is_empty() || line_break(rest) > 0 {
            return text.len() - rest.len();
        }
        rest = rest.get(1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_every_kind_of_line_break_ends_a_line() {
        let mut cursor = Cursor::new("aé☃b\u{85}c\u{2028}d\r\ne");
        for (bytes, text) in [(7, "\n"), (1, "\u{2028}"), (1, "\n")] {
            cursor.advance(bytes);
            assert_eq!(cursor.take_break(), text);
        }
        assert_eq!(
            cursor.mark(),
            Mark {
                index: 10,
                line: 3,
                column: 0
            }
        );
    }

    #[test]
    fn a_line_is_measured_past_characters_that_start_like_a_break() {
        assert_eq!(line_length("aÂ€â€b\u{85}".as_bytes()), "aÂ€â€b".len());
    }
}
