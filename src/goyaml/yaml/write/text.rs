//! Texts: plain, between quotes, or as a block.

use std::fmt::Write as _;

use super::Writer;
use crate::goyaml::yaml::scalar::{Style, is_break, is_printable};

impl Writer {
    /// Writes a scalar, folded at spaces where it may be.
    pub(super) fn text(&mut self, text: &str, style: Style, indent: usize, may_fold: bool) {
        // Every step of a text is at least one column, so a short one is never folded.
        let may_fold = may_fold && self.column.saturating_add(6 * text.len() + 2) > self.dialect.width();
        match style {
            Style::Plain => self.plain(text, indent, may_fold),
            Style::Single => self.single(text, indent, may_fold),
            Style::Double => self.double(text, indent, may_fold),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn is_full(&self) -> bool {
        self.column > self.dialect.width()
    }

    fn plain(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.lead();
        if !may_fold {
            self.out.push_str(text);
            self.column += text.chars().count();
            return;
        }
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let is_space = character == ' ';
            if is_space && !after_space && self.is_full() && characters.peek() != Some(&' ') {
                self.fold(indent);
            } else {
                self.push(character);
            }
            after_space = is_space;
        }
    }

    fn single(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.lead();
        self.push('\'');
        let mut after_space = false;
        let mut after_break = false;
        let mut first = true;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let is_space = character == ' ';
            let next = characters.peek();
            if is_space {
                let inside = !first && next.is_some_and(|next| *next != ' ');
                if may_fold && !after_space && self.is_full() && inside {
                    self.fold(indent);
                } else {
                    self.push(character);
                }
            } else if is_break(character) {
                // Only the separators U+2028 and U+2029 come here: a text with other breaks is written as a block or
                // between double quotes.
                self.out.push(character);
                self.column = 0;
                after_break = true;
            } else {
                if after_break {
                    self.pad(indent);
                    after_break = false;
                }
                if character == '\'' {
                    self.push('\'');
                }
                self.push(character);
            }
            after_space = is_space || (after_space && is_break(character));
            first = false;
        }
        self.push('\'');
    }

    fn double(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.lead();
        self.push('"');
        // go-yaml asks whether the text, not the character, is a byte order mark, and so escapes all of such a text.
        let all = text.starts_with('\u{feff}');
        let mut after_space = false;
        let mut first = true;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let mut is_space = false;
            match character {
                '"' | '\\' => self.escape(character),
                _ if all || !is_printable(character) || is_break(character) => self.escape(character),
                ' ' => {
                    is_space = true;
                    let next = characters.peek();
                    if may_fold && !after_space && self.is_full() && !first && next.is_some() {
                        let next_is_space = next == Some(&' ');
                        self.fold(indent);
                        if next_is_space {
                            self.push('\\');
                        }
                    } else {
                        self.push(' ');
                    }
                }
                other => self.push(other),
            }
            after_space = is_space;
            first = false;
        }
        self.push('"');
    }

    fn escape(&mut self, character: char) {
        let before = self.out.len();
        let short = match character {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            other => {
                let _ = match u32::from(other) {
                    code @ ..0x100 => write!(self.out, "\\x{code:02X}"),
                    code @ ..0x1_0000 => write!(self.out, "\\u{code:04X}"),
                    code => write!(self.out, "\\U{code:08X}"),
                };
                self.column += self.out.len() - before;
                return;
            }
        };
        self.push('\\');
        self.push(short);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.lead();
        self.push('|');
        if text.starts_with(|first| first == ' ' || is_break(first)) {
            self.push('2');
        }
        let mut ending = text.chars().rev();
        match (ending.next(), ending.next()) {
            (Some(last), _) if !is_break(last) => self.push('-'),
            (_, Some(before)) if !is_break(before) => {}
            _ => self.push('+'),
        }
        self.line_break();
        for line in text.split_inclusive(is_break) {
            let content = line.trim_end_matches(is_break);
            if !content.is_empty() {
                self.pad(indent);
                self.out.push_str(content);
                self.column += content.chars().count();
            }
            if content.len() < line.len() {
                self.out.extend(line.chars().next_back());
                self.column = 0;
            }
        }
    }
}
