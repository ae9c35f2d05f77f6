//! Numbers as Go writes them: sign, base, digits with `_`, exponent, `i`.

use super::{Lexer, Token, TokenKind, is_word};

impl<'s> Lexer<'s> {
    pub(super) fn number(&mut self) -> Result<Token<'s>, String> {
        if !self.scan_number() {
            return Err(self.bad_number());
        }
        if matches!(self.rest().first(), Some(b'+' | b'-')) {
            // A complex constant has no spaces inside and ends in `i`.
            if !self.scan_number() || self.piece(self.start..self.position).last() != Some(&b'i') {
                return Err(self.bad_number());
            }
            return Ok(self.emit(TokenKind::Complex));
        }
        Ok(self.emit(TokenKind::Number))
    }

    fn bad_number(&self) -> String {
        let text = crate::gotemplate::strconv::quote(self.piece(self.start..self.position));
        format!("bad number syntax: {}", String::from_utf8_lossy(&text))
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|b| set.contains(b));
        self.position += usize::from(found);
        found
    }

    fn accept_all(&mut self, set: impl Fn(u8) -> bool) {
        while self.rest().first().is_some_and(|b| set(*b)) {
            self.position += 1;
        }
    }

    fn scan_number(&mut self) -> bool {
        let decimal = |b: u8| b.is_ascii_digit() || b == b'_';
        self.accept(b"+-");
        let mut base = 10;
        if self.accept(b"0") {
            if self.accept(b"xX") {
                base = 16;
            } else if self.accept(b"oO") {
                base = 8;
            } else if self.accept(b"bB") {
                base = 2;
            }
        }
        let digits = move |b: u8| char::from(b).is_digit(base) || b == b'_';
        self.accept_all(digits);
        if self.accept(b".") {
            self.accept_all(digits);
        }
        if (base == 10 && self.accept(b"eE")) || (base == 16 && self.accept(b"pP")) {
            self.accept(b"+-");
            self.accept_all(decimal);
        }
        self.accept(b"i");
        if self.peek().is_some_and(is_word) {
            self.advance();
            return false;
        }
        true
    }
}
