//! Tokens that can be given back, and the errors about them.

use super::super::lexer::{Token, TokenKind};
use super::super::{MAX_DEPTH, MAX_TOKENS};
use super::{Parser, Result};
use crate::gotemplate::error::{Error, ErrorKind, Limit, Place};

impl<'s> Parser<'s> {
    pub(super) fn next(&mut self) -> Token<'s> {
        self.pushed.pop().unwrap_or_else(|| {
            let mut token = self.lexer.next_token();
            self.latest = (token.line, token.start);
            self.tokens += 1;
            if self.tokens > MAX_TOKENS {
                token.kind = TokenKind::Error;
                token.text = format!("more than {MAX_TOKENS} tokens in one text (limit: memory)")
                    .into_bytes()
                    .into();
            }
            token
        })
    }

    pub(super) fn give_back(&mut self, token: Token<'s>) {
        self.pushed.push(token);
    }

    pub(super) fn peek(&mut self) -> &Token<'s> {
        if self.pushed.is_empty() {
            let token = self.next();
            self.pushed.push(token);
        }
        self.pushed.last().expect("a token was just given back")
    }

    pub(super) fn next_non_space(&mut self) -> Token<'s> {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek_non_space(&mut self) -> &Token<'s> {
        let token = self.next_non_space();
        self.give_back(token);
        self.peek()
    }

    pub(super) fn expect(&mut self, kind: TokenKind, context: &str) -> Result<Token<'s>> {
        let token = self.next_non_space();
        if token.kind != kind {
            return Err(self.unexpected(&token, context));
        }
        Ok(token)
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        self.error_of(ErrorKind::Syntax, message.into())
    }

    pub(super) fn error_of(&self, kind: ErrorKind, message: String) -> Error {
        let (line, at) = self.latest;
        Error {
            kind,
            place: Some(Box::new(Place {
                file: self.source.name.clone(),
                template: None,
                line,
                column: None,
                span: at..at + 1,
                context: None,
            })),
            message,
        }
    }

    pub(super) fn unexpected(&self, token: &Token<'_>, context: &str) -> Error {
        if token.kind != TokenKind::Error {
            return self.error(format!("unexpected {} in {context}", token.shown()));
        }
        let mut message = token.shown();
        if let Some(line) = self.action_line.filter(|line| *line != token.line) {
            let action = if message.ends_with(" action") {
                ""
            } else {
                " in action"
            };
            message = format!("{message}{action} started at {}:{line}", self.source.name);
        }
        self.error(message)
    }

    /// Goes one level in; [`Self::leave`] comes back. An error ends the parse, so it need not leave.
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(self.error_of(ErrorKind::Limit(Limit::Depth), message));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}
