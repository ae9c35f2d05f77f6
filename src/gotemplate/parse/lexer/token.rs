//! What the lexer hands out.

use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gotemplate::parse) enum TokenKind {
    Error,
    Eof,
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Bool,
    Character,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Field,
    Identifier,
    LeftParen,
    RightParen,
    Number,
    Pipe,
    RawString,
    QuotedString,
    Variable,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl TokenKind {
    pub(super) fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Dot
                | Self::Nil
                | Self::Block
                | Self::Break
                | Self::Continue
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A piece of the text. The text of an error token is its message.
#[derive(Clone, Debug)]
pub(in crate::gotemplate::parse) struct Token<'s> {
    pub(in crate::gotemplate::parse) kind: TokenKind,
    pub(in crate::gotemplate::parse) start: usize,
    pub(in crate::gotemplate::parse) text: Cow<'s, [u8]>,
    pub(in crate::gotemplate::parse) line: usize,
}

impl Token<'_> {
    /// The token as errors print it.
    pub(in crate::gotemplate::parse) fn shown(&self) -> String {
        let text = &self.text;
        match self.kind {
            TokenKind::Eof => "EOF".to_owned(),
            TokenKind::Error => String::from_utf8_lossy(text).into_owned(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            _ => shown_short(text),
        }
    }
}

/// A quoted text, cut after ten characters.
fn shown_short(text: &[u8]) -> String {
    use crate::gotemplate::strconv::quote;
    if text.len() <= 10 {
        return String::from_utf8_lossy(&quote(text)).into_owned();
    }
    let end = crate::gotemplate::strconv::runes(text)
        .nth(10)
        .map_or(text.len(), |(at, _, _)| at);
    let mut shown = String::from_utf8_lossy(&quote(text.get(..end).unwrap_or(text))).into_owned();
    shown.push_str("...");
    shown
}
