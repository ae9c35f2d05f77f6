//! Plain, quoted and block scalars. A scalar that stands in the text as it is meant is borrowed from it.

use std::borrow::Cow;

use super::cursor::{line_break, line_length};
use super::{Kind, Scanner, Wrong};

/// Line breaks between two pieces of a scalar.
#[derive(Debug, Default)]
struct Breaks<'a> {
    first: &'a str,
    others: String,
}

impl Breaks<'_> {
    /// What the breaks mean where lines are folded: a single one is a space.
    fn fold_into(&mut self, text: &mut String) {
        if self.first == "\n" {
            if self.others.is_empty() {
                text.push(' ');
            }
        } else {
            text.push_str(self.first);
        }
        text.push_str(&self.others);
        self.first = "";
        self.others.clear();
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_plain(&mut self) -> Result<(), Wrong> {
        let mark = self.cursor.mark();
        let indent = self.indent.map_or(0, |indent| indent + 1);
        let start = self.cursor.offset();
        let mut end = start;
        // The text so far, once it differs from what is written between `start` and `end`.
        let mut folded: Option<String> = None;
        let mut breaks = Breaks::default();
        let mut after_break = false;
        while self.cursor.document_marker().is_none() && self.cursor.peek() != Some(b'#') {
            let length = plain_length(self.cursor.rest(), !self.brackets.is_empty());
            if length > 0 {
                let from = self.cursor.offset();
                self.cursor.advance(length);
                let to = self.cursor.offset();
                if after_break {
                    let text = folded.get_or_insert_with(|| self.cursor.slice(start, end).to_owned());
                    breaks.fold_into(text);
                    text.push_str(self.cursor.slice(from, to));
                } else if let Some(text) = &mut folded {
                    text.push_str(self.cursor.slice(end, to));
                }
                end = to;
                after_break = false;
            }
            if !self.cursor.is_blank_or_end(0) || self.cursor.is_end() {
                break;
            }
            self.skip_gap(indent, &mut breaks, &mut after_break)?;
            if self.brackets.is_empty() && self.cursor.column() < indent {
                break;
            }
        }
        let text = match folded {
            Some(text) => Cow::Owned(text),
            None => Cow::Borrowed(self.cursor.slice(start, end)),
        };
        self.push(Kind::Scalar { text, plain: true }, mark);
        if after_break {
            self.key_allowed = true;
        }
        Ok(())
    }

    /// Goes behind blanks and line breaks inside of a plain scalar.
    fn skip_gap(
        &mut self,
        indent: usize,
        breaks: &mut Breaks<'a>,
        after_break: &mut bool,
    ) -> Result<(), Wrong> {
        loop {
            match self.cursor.peek() {
                Some(b'\t') if *after_break && self.cursor.column() < indent => {
                    return self.wrong("found a tab character that violates indentation");
                }
                Some(b' ' | b'\t') => self.cursor.advance_ascii(1),
                _ => match self.cursor.take_break() {
                    "" => return Ok(()),
                    line if *after_break => breaks.others.push_str(line),
                    line => {
                        breaks.first = line;
                        *after_break = true;
                    }
                },
            }
        }
    }

    pub(super) fn scan_quoted(&mut self, quote: u8) -> Result<(), Wrong> {
        let mark = self.cursor.mark();
        self.cursor.advance_ascii(1);
        if let Some(length) = simple_quoted_length(self.cursor.rest(), quote) {
            let from = self.cursor.offset();
            self.cursor.advance(length);
            let text = Cow::Borrowed(self.cursor.slice(from, self.cursor.offset()));
            self.cursor.advance_ascii(1);
            self.push(Kind::Scalar { text, plain: false }, mark);
            return Ok(());
        }
        let mut text = String::new();
        loop {
            if self.cursor.document_marker().is_some() {
                return self.wrong("found unexpected document indicator");
            }
            if self.cursor.is_end() {
                return self.wrong("found unexpected end of stream");
            }
            let mut breaks = Breaks::default();
            let mut after_break = self.quoted_run(quote, &mut text)?;
            if self.cursor.peek() == Some(quote) {
                break;
            }
            let from = self.cursor.offset();
            let mut blanks = "";
            loop {
                if self.cursor.is_blank() {
                    self.cursor.advance_ascii(1);
                    continue;
                }
                if !after_break {
                    blanks = self.cursor.slice(from, self.cursor.offset());
                }
                match self.cursor.take_break() {
                    "" => break,
                    line if after_break => breaks.others.push_str(line),
                    line => {
                        breaks.first = line;
                        after_break = true;
                    }
                }
            }
            if after_break {
                breaks.fold_into(&mut text);
            } else {
                text.push_str(blanks);
            }
        }
        self.cursor.advance_ascii(1);
        let text = Cow::Owned(text);
        self.push(Kind::Scalar { text, plain: false }, mark);
        Ok(())
    }

    /// Reads up to a blank, a line break or the closing quote; says whether an escaped line break ended it.
    fn quoted_run(&mut self, quote: u8, text: &mut String) -> Result<bool, Wrong> {
        while !self.cursor.is_blank_or_end(0) {
            match self.cursor.peek() {
                Some(b'\'') if quote == b'\'' && self.cursor.byte(1) == Some(b'\'') => {
                    text.push('\'');
                    self.cursor.advance_ascii(2);
                }
                Some(byte) if byte == quote => break,
                Some(b'\\') if quote == b'"' => {
                    self.cursor.advance_ascii(1);
                    if !self.cursor.take_break().is_empty() {
                        return Ok(true);
                    }
                    text.push(self.escape()?);
                }
                _ => {
                    let from = self.cursor.offset();
                    let length = run_length(self.cursor.rest());
                    self.cursor.advance(length);
                    text.push_str(self.cursor.slice(from, self.cursor.offset()));
                }
            }
        }
        Ok(false)
    }

    /// The character behind a backslash.
    fn escape(&mut self) -> Result<char, Wrong> {
        let digits = match self.cursor.peek() {
            Some(b'x') => 2,
            Some(b'u') => 4,
            Some(b'U') => 8,
            _ => 0,
        };
        if digits == 0 {
            let character = match self.cursor.peek() {
                Some(b'0') => '\0',
                Some(b'a') => '\u{7}',
                Some(b'b') => '\u{8}',
                Some(b't' | b'\t') => '\t',
                Some(b'n') => '\n',
                Some(b'v') => '\u{b}',
                Some(b'f') => '\u{c}',
                Some(b'r') => '\r',
                Some(b'e') => '\u{1b}',
                Some(byte @ (b' ' | b'"' | b'\'' | b'\\')) => char::from(byte),
                Some(b'N') => '\u{85}',
                Some(b'_') => '\u{a0}',
                Some(b'L') => '\u{2028}',
                Some(b'P') => '\u{2029}',
                _ => return self.wrong("found unknown escape character"),
            };
            self.cursor.advance_ascii(1);
            return Ok(character);
        }
        self.cursor.advance_ascii(1);
        let mut code = 0_u32;
        for ahead in 0..digits {
            let digit = self
                .cursor
                .byte(ahead)
                .and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return self.wrong("did not find expected hexdecimal number");
            };
            code = code.wrapping_shl(4) | digit;
        }
        let Some(character) = char::from_u32(code) else {
            return self.wrong("found invalid Unicode character escape code");
        };
        self.cursor.advance_ascii(digits);
        Ok(character)
    }

    pub(super) fn scan_block(&mut self, literal: bool) -> Result<(), Wrong> {
        let mark = self.cursor.mark();
        self.cursor.advance_ascii(1);
        let (chomping, increment) = self.block_header()?;
        let outer = self.indent;
        let mut indent = increment.map(|increment| outer.unwrap_or(0) + increment);
        let mut text = String::new();
        let mut breaks = Breaks::default();
        let mut after_blank = false;
        let mut column = self.block_breaks(&mut indent, outer, &mut breaks.others)?;
        while self.cursor.column() == column && !self.cursor.is_end() {
            let blank = self.cursor.is_blank();
            if !literal && breaks.first == "\n" && !after_blank && !blank {
                breaks.fold_into(&mut text);
            } else {
                text.push_str(breaks.first);
                text.push_str(&breaks.others);
                breaks.others.clear();
            }
            after_blank = blank;
            let from = self.cursor.offset();
            self.cursor.skip_line();
            text.push_str(self.cursor.slice(from, self.cursor.offset()));
            breaks.first = self.cursor.take_break();
            column = self.block_breaks(&mut indent, outer, &mut breaks.others)?;
        }
        if chomping != Chomping::Strip {
            text.push_str(breaks.first);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks.others);
        }
        let text = Cow::Owned(text);
        self.push(Kind::Scalar { text, plain: false }, mark);
        Ok(())
    }

    /// Chomping and indentation behind `|` or `>`, and the rest of the line.
    fn block_header(&mut self) -> Result<(Chomping, Option<usize>), Wrong> {
        let mut chomping = self.chomping();
        let increment = match self.cursor.peek() {
            Some(b'0') => return self.wrong("found an indentation indicator equal to 0"),
            Some(digit @ b'1'..=b'9') => {
                self.cursor.advance_ascii(1);
                Some(usize::from(digit - b'0'))
            }
            _ => None,
        };
        if increment.is_some() && chomping.is_none() {
            chomping = self.chomping();
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(b'#') {
            self.cursor.skip_line();
        }
        if self.cursor.take_break().is_empty() && !self.cursor.is_end() {
            return self.wrong("did not find expected comment or line break");
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.cursor.peek() {
            Some(b'+') => Chomping::Keep,
            Some(b'-') => Chomping::Strip,
            _ => return None,
        };
        self.cursor.advance_ascii(1);
        Some(chomping)
    }

    /// Goes behind the indentation of the next line that has more than that, and finds out how much it is if nobody
    /// said. Empty lines before it go into `breaks`.
    fn block_breaks(
        &mut self,
        indent: &mut Option<usize>,
        outer: Option<usize>,
        breaks: &mut String,
    ) -> Result<usize, Wrong> {
        let mut deepest = 0;
        loop {
            let within = |column: usize| indent.is_none_or(|indent| column < indent);
            while self.cursor.peek() == Some(b' ') && within(self.cursor.column()) {
                self.cursor.advance_ascii(1);
            }
            let column = self.cursor.column();
            deepest = deepest.max(column);
            if self.cursor.peek() == Some(b'\t') && within(column) {
                return self.wrong("found a tab character where an indentation space is expected");
            }
            match self.cursor.take_break() {
                "" => break,
                line => breaks.push_str(line),
            }
        }
        let least = outer.map_or(1, |outer| outer + 1);
        Ok(*indent.get_or_insert(deepest.max(least)))
    }
}

/// What becomes of the line breaks at the end of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// How many bytes of a plain scalar stand before a blank, a line break, a colon that ends it or, between brackets, an
/// indicator.
fn plain_length(text: &[u8], in_flow: bool) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = || text.get(at..).unwrap_or_default();
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => break,
            b':' => match text.get(at + 1) {
                None | Some(b' ' | b'\t' | b'\r' | b'\n') => break,
                Some(0xc2 | 0xe2) if line_break(text.get(at + 1..).unwrap_or_default()) > 0 => break,
                _ => {}
            },
            b',' | b'?' | b'[' | b']' | b'{' | b'}' if in_flow => break,
            0xc2 | 0xe2 if line_break(rest()) > 0 => break,
            _ => {}
        }
        at += 1;
    }
    at
}

/// How many bytes of a quoted scalar stand before a blank, a line break, a quote or a backslash; at least one character.
fn run_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b'\'' | b'"' | b'\\' => break,
            0xc2 | 0xe2 if line_break(text.get(at..).unwrap_or_default()) > 0 => break,
            _ => at += 1,
        }
    }
    at
}

/// The length of a quoted scalar that is meant as it is written, on one line.
fn simple_quoted_length(text: &[u8], quote: u8) -> Option<usize> {
    let length = text
        .iter()
        .take_while(|byte| {
            **byte != quote && !matches!(byte, b'\n' | b'\r') && (quote == b'\'' || **byte != b'\\')
        })
        .count();
    let inside = text.get(..length)?;
    let closed = text.get(length) == Some(&quote) && (quote == b'"' || text.get(length + 1) != Some(&quote));
    (closed && line_length(inside) == inside.len()).then_some(length)
}

#[cfg(test)]
mod tests;
