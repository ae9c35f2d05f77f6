//! From text to tokens. Actions stand between `{{` and `}}`; everything else is text.

mod number;
mod token;

use std::borrow::Cow;
use std::ops::Range;

pub(super) use token::{Token, TokenKind};

/// The lexer: gives one token after the other, ending with `Eof` or an error.
#[derive(Debug)]
pub(super) struct Lexer<'s> {
    input: &'s [u8],
    position: usize,
    start: usize,
    line: usize,
    counted: usize,
    inside: bool,
    parens: usize,
    ended: Option<Token<'s>>,
    keyword_break: bool,
    keyword_continue: bool,
}

const SPACES: &[u8] = b" \t\r\n";

impl<'s> Lexer<'s> {
    pub(super) fn new(input: &'s [u8], keyword_break: bool, keyword_continue: bool) -> Self {
        Self {
            input,
            position: 0,
            start: 0,
            line: 1,
            counted: 0,
            inside: false,
            parens: 0,
            ended: None,
            keyword_break,
            keyword_continue,
        }
    }

    pub(super) fn next_token(&mut self) -> Token<'s> {
        if let Some(end) = &self.ended {
            return end.clone();
        }
        let result = if self.inside {
            self.inside_action()
        } else {
            self.text()
        };
        let token = result.unwrap_or_else(|message| {
            self.token_of(TokenKind::Error, self.start, message.into_bytes().into())
        });
        if matches!(token.kind, TokenKind::Error | TokenKind::Eof) {
            self.ended = Some(token.clone());
        }
        token
    }

    fn rest(&self) -> &'s [u8] {
        self.from(self.position)
    }

    fn from(&self, at: usize) -> &'s [u8] {
        self.input.get(at..).unwrap_or_default()
    }

    fn piece(&self, range: Range<usize>) -> &'s [u8] {
        self.input.get(range).unwrap_or_default()
    }

    fn line_at(&mut self, at: usize) -> usize {
        if at >= self.counted {
            self.line += newlines(self.piece(self.counted..at));
        } else {
            self.line -= newlines(self.piece(at..self.counted));
        }
        self.counted = at;
        self.line
    }

    fn token_of(&mut self, kind: TokenKind, start: usize, text: Cow<'s, [u8]>) -> Token<'s> {
        let line = self.line_at(start);
        Token {
            kind,
            start,
            text,
            line,
        }
    }

    fn emit(&mut self, kind: TokenKind) -> Token<'s> {
        let text = self.piece(self.start..self.position);
        let token = self.token_of(kind, self.start, Cow::Borrowed(text));
        self.start = self.position;
        token
    }

    fn text(&mut self) -> Result<Token<'s>, String> {
        loop {
            if let Some(token) = self.text_or_delimiter()? {
                return Ok(token);
            }
        }
    }

    /// The next token outside of actions; none after a comment.
    fn text_or_delimiter(&mut self) -> Result<Option<Token<'s>>, String> {
        self.start = self.position;
        let Some(x) = find(self.rest(), b"{{") else {
            self.position = self.input.len();
            let kind = if self.start == self.position {
                TokenKind::Eof
            } else {
                TokenKind::Text
            };
            return Ok(Some(self.emit(kind)));
        };
        let delimiter = self.position + x;
        if x > 0 {
            let mut end = delimiter;
            if trims_left(self.from(delimiter + 2)) {
                let text = self.piece(self.position..delimiter);
                end = self.position + text.len() - trailing_spaces(text);
            }
            self.position = end;
            if end > self.start {
                let token = self.emit(TokenKind::Text);
                self.position = delimiter;
                return Ok(Some(token));
            }
        }
        self.position = delimiter;
        self.start = delimiter;
        self.left_delimiter()
    }

    fn left_delimiter(&mut self) -> Result<Option<Token<'s>>, String> {
        self.position += 2;
        let after = if trims_left(self.rest()) { 2 } else { 0 };
        if self.from(self.position + after).starts_with(b"/*") {
            self.position += after;
            self.start = self.position;
            return self.comment().map(|()| None);
        }
        let token = self.emit(TokenKind::LeftDelimiter);
        self.inside = true;
        self.parens = 0;
        self.position += after;
        self.start = self.position;
        Ok(Some(token))
    }

    fn comment(&mut self) -> Result<(), String> {
        self.position += 2;
        let x = find(self.rest(), b"*/").ok_or("unclosed comment")?;
        self.position += x + 2;
        match self.at_right_delimiter() {
            None => Err("comment ends before closing delimiter".into()),
            Some(trim) => {
                self.close(trim);
                Ok(())
            }
        }
    }

    /// Whether `}}` stands here, and whether it trims.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if closes_trimming(rest) {
            Some(true)
        } else if rest.starts_with(b"}}") {
            Some(false)
        } else {
            None
        }
    }

    fn close(&mut self, trim: bool) {
        self.position += if trim { 4 } else { 2 };
        if trim {
            self.position += leading_spaces(self.rest());
        }
        self.start = self.position;
    }

    fn right_delimiter(&mut self, trim: bool) -> Token<'s> {
        if trim {
            self.start = self.position + 2;
        }
        let after = self.position + if trim { 4 } else { 2 };
        self.position = after;
        let token = self.emit(TokenKind::RightDelimiter);
        if trim {
            self.position += leading_spaces(self.rest());
            self.start = self.position;
        }
        self.inside = false;
        token
    }

    fn peek(&self) -> Option<char> {
        decode(self.rest()).map(|(c, _)| c)
    }

    fn advance(&mut self) -> Option<char> {
        let (c, width) = decode(self.rest())?;
        self.position += width;
        Some(c)
    }

    fn inside_action(&mut self) -> Result<Token<'s>, String> {
        self.start = self.position;
        if let Some(trim) = self.at_right_delimiter() {
            if self.parens == 0 {
                return Ok(self.right_delimiter(trim));
            }
            return Err("unclosed left paren".into());
        }
        let Some(c) = self.advance() else {
            return Err("unclosed action".into());
        };
        Ok(match c {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.emit(TokenKind::Assign),
            ':' => {
                if self.advance() != Some('=') {
                    return Err("expected :=".into());
                }
                self.emit(TokenKind::Declare)
            }
            '|' => self.emit(TokenKind::Pipe),
            '"' => self.quoted(b'"', TokenKind::QuotedString, "unterminated quoted string")?,
            '`' => self.raw_string()?,
            '$' => self.field_or_variable(TokenKind::Variable)?,
            '\'' => self.quoted(b'\'', TokenKind::CharConstant, "unterminated character constant")?,
            '.' if !self.rest().first().is_some_and(u8::is_ascii_digit) && !self.rest().is_empty() => {
                self.field_or_variable(TokenKind::Field)?
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.position = self.start;
                self.number()?
            }
            c if is_word(c) => {
                self.position = self.start;
                self.identifier()?
            }
            '(' => {
                self.parens += 1;
                self.emit(TokenKind::LeftParen)
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                self.emit(TokenKind::RightParen)
            }
            c if c.is_ascii() && !c.is_ascii_control() => self.emit(TokenKind::Character),
            c => return Err(format!("unrecognized character in action: {}", unicode(c))),
        })
    }

    fn space(&mut self) -> Token<'s> {
        self.position += leading_spaces(self.rest());
        // A space followed by `-}}` belongs to the closing delimiter.
        if closes_trimming(self.from(self.position - 1)) {
            self.position -= 1;
            if self.position == self.start {
                return self.right_delimiter(true);
            }
        }
        self.emit(TokenKind::Space)
    }

    fn quoted(&mut self, mark: u8, kind: TokenKind, unterminated: &str) -> Result<Token<'s>, String> {
        loop {
            let byte = self.rest().first().copied();
            self.position += 1;
            match byte {
                Some(b'\\') => {
                    if matches!(self.rest().first(), None | Some(b'\n')) {
                        return Err(unterminated.into());
                    }
                    self.position += 1;
                }
                None | Some(b'\n') => {
                    self.position = self.position.min(self.input.len());
                    return Err(unterminated.into());
                }
                Some(b) if b == mark => return Ok(self.emit(kind)),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Result<Token<'s>, String> {
        let x = find(self.rest(), b"`").ok_or("unterminated raw quoted string")?;
        self.position += x + 1;
        Ok(self.emit(TokenKind::RawString))
    }

    fn word(&mut self) {
        while self.peek().is_some_and(is_word) {
            self.advance();
        }
    }

    fn terminated(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(b"}}"),
        }
    }

    fn check_terminated(&self) -> Result<(), String> {
        match self.peek() {
            Some(c) if !self.terminated() => Err(format!("bad character {}", unicode(c))),
            _ => Ok(()),
        }
    }

    fn field_or_variable(&mut self, kind: TokenKind) -> Result<Token<'s>, String> {
        if self.terminated() {
            let kind = if kind == TokenKind::Field {
                TokenKind::Dot
            } else {
                kind
            };
            return Ok(self.emit(kind));
        }
        self.word();
        self.check_terminated()?;
        Ok(self.emit(kind))
    }

    fn identifier(&mut self) -> Result<Token<'s>, String> {
        self.word();
        self.check_terminated()?;
        let kind = match self.piece(self.start..self.position) {
            b"true" | b"false" => TokenKind::Bool,
            b"nil" => TokenKind::Nil,
            b"block" => TokenKind::Block,
            b"break" if self.keyword_break => TokenKind::Break,
            b"continue" if self.keyword_continue => TokenKind::Continue,
            b"define" => TokenKind::Define,
            b"else" => TokenKind::Else,
            b"end" => TokenKind::End,
            b"if" => TokenKind::If,
            b"range" => TokenKind::Range,
            b"template" => TokenKind::Template,
            b"with" => TokenKind::With,
            _ => TokenKind::Identifier,
        };
        Ok(self.emit(kind))
    }
}

fn newlines(text: &[u8]) -> usize {
    text.split(|b| *b == b'\n').count() - 1
}

fn is_word(c: char) -> bool {
    c == '_' || crate::gotemplate::strconv::is_letter(c) || crate::gotemplate::strconv::is_digit(c)
}

fn unicode(c: char) -> String {
    let code = format!("U+{:04X}", u32::from(c));
    if crate::gotemplate::strconv::is_print(c) {
        format!("{code} '{c}'")
    } else {
        code
    }
}

fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    crate::gotemplate::strconv::runes(bytes)
        .next()
        .map(|(_, c, width)| (c, width))
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    loop {
        let rest = haystack.get(from..)?;
        let x = rest.iter().position(|b| b == first)?;
        if rest.get(x..)?.starts_with(needle) {
            return Some(from + x);
        }
        from += x + 1;
    }
}

fn leading_spaces(text: &[u8]) -> usize {
    text.iter().take_while(|b| SPACES.contains(b)).count()
}

fn trailing_spaces(text: &[u8]) -> usize {
    text.iter().rev().take_while(|b| SPACES.contains(b)).count()
}

/// Whether what follows `{{` is a trim marker: a minus and a space.
fn trims_left(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if SPACES.contains(space))
}

/// Whether a space, a minus and `}}` stand here.
fn closes_trimming(text: &[u8]) -> bool {
    matches!(text, [space, b'-', b'}', b'}', ..] if SPACES.contains(space))
}
