//! Anchors, tags and directives.

use super::{Kind, Scanner, Wrong};

/// Characters of names.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl<'a> Scanner<'a> {
    /// The word here; it may be empty.
    fn word(&mut self) -> &'a str {
        let from = self.cursor.offset();
        let length = self
            .cursor
            .rest()
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        self.cursor.advance_ascii(length);
        self.cursor.slice(from, from + length)
    }

    pub(super) fn scan_anchor(&mut self, alias: bool) -> Result<(), Wrong> {
        let mark = self.cursor.mark();
        self.cursor.advance_ascii(1);
        let name = self.word();
        let ended = self.cursor.is_blank_or_end(0) || self.cursor.is_any(b"?:,]}%@`");
        if name.is_empty() || !ended {
            return self.wrong("did not find expected alphabetic or numeric character");
        }
        let kind = if alias {
            Kind::Alias(name)
        } else {
            Kind::Anchor(name)
        };
        self.push(kind, mark);
        Ok(())
    }

    pub(super) fn scan_tag(&mut self) -> Result<(), Wrong> {
        let mark = self.cursor.mark();
        let mut handle = "";
        let suffix;
        if self.cursor.byte(1) == Some(b'<') {
            self.cursor.advance_ascii(2);
            suffix = self.uri("")?;
            if self.cursor.peek() != Some(b'>') {
                return self.wrong("did not find the expected '>'");
            }
            self.cursor.advance_ascii(1);
        } else {
            let written = self.tag_handle(false)?;
            if written.len() > 1 && written.ends_with('!') {
                handle = written;
                suffix = self.uri("")?;
            } else {
                let text = self.uri(written)?;
                if text.is_empty() {
                    suffix = "!".to_owned();
                } else {
                    handle = "!";
                    suffix = text;
                }
            }
        }
        if !self.cursor.is_blank_or_end(0) {
            return self.wrong("did not find expected whitespace or line break");
        }
        self.push(Kind::Tag { handle, suffix }, mark);
        Ok(())
    }

    /// `!`, `!!` or `!word!`; outside of directives also the `!word` that starts a tag of the primary handle.
    fn tag_handle(&mut self, directive: bool) -> Result<&'a str, Wrong> {
        if self.cursor.peek() != Some(b'!') {
            return self.wrong("did not find expected '!'");
        }
        let from = self.cursor.offset();
        self.cursor.advance_ascii(1);
        let word = self.word();
        if self.cursor.peek() == Some(b'!') {
            self.cursor.advance_ascii(1);
        } else if directive && !word.is_empty() {
            return self.wrong("did not find expected '!'");
        }
        Ok(self.cursor.slice(from, self.cursor.offset()))
    }

    /// The rest of a tag behind `head`, of which all but the exclamation mark counts.
    fn uri(&mut self, head: &str) -> Result<String, Wrong> {
        let mut bytes: Vec<u8> = head.bytes().skip(1).collect();
        let mut any = !head.is_empty();
        while let Some(byte) = self.cursor.peek() {
            match byte {
                b'%' => self.escaped_character(&mut bytes)?,
                b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'.' | b'!' | b'~'
                | b'*' | b'\'' | b'(' | b')' | b'[' | b']' => {
                    bytes.push(byte);
                    self.cursor.advance_ascii(1);
                }
                _ if is_word(byte) => {
                    bytes.push(byte);
                    self.cursor.advance_ascii(1);
                }
                _ => break,
            }
            any = true;
        }
        if !any {
            return self.wrong("did not find expected tag URI");
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A character in the form `%C3%A9`.
    fn escaped_character(&mut self, bytes: &mut Vec<u8>) -> Result<(), Wrong> {
        let mut left = None;
        while left != Some(0) {
            let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
            let octet = match (
                self.cursor.peek(),
                digit(self.cursor.byte(1)),
                digit(self.cursor.byte(2)),
            ) {
                (Some(b'%'), Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
                _ => None,
            };
            let Some(octet) = octet else {
                return self.wrong("did not find URI escaped octet");
            };
            left = match (left, octet) {
                (None, 0x00..0x80) => Some(0),
                (None, 0xc0..0xe0) => Some(1),
                (None, 0xe0..0xf0) => Some(2),
                (None, 0xf0..0xf8) => Some(3),
                (None, _) => return self.wrong("found an incorrect leading UTF-8 octet"),
                (Some(left), 0x80..0xc0) => Some(left - 1),
                (Some(_), _) => return self.wrong("found an incorrect trailing UTF-8 octet"),
            };
            bytes.push(octet);
            self.cursor.advance_ascii(3);
        }
        Ok(())
    }

    pub(super) fn scan_directive(&mut self) -> Result<(), Wrong> {
        let mark = self.cursor.mark();
        self.cursor.advance_ascii(1);
        let name = self.word();
        if name.is_empty() {
            return self.wrong("could not find expected directive name");
        }
        if !self.cursor.is_blank_or_end(0) {
            return self.wrong("found unexpected non-alphabetical character");
        }
        let kind = match name {
            "YAML" => self.version()?,
            "TAG" => self.tag_directive()?,
            _ => return self.wrong("found unknown directive name"),
        };
        self.push(kind, mark);
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(b'#') {
            self.cursor.skip_line();
        }
        if self.cursor.take_break().is_empty() && !self.cursor.is_end() {
            return self.wrong("did not find expected comment or line break");
        }
        Ok(())
    }

    fn version(&mut self) -> Result<Kind<'a>, Wrong> {
        self.cursor.skip_blanks();
        let major = self.version_number()?;
        if self.cursor.peek() != Some(b'.') {
            return self.wrong("did not find expected digit or '.' character");
        }
        self.cursor.advance_ascii(1);
        let minor = self.version_number()?;
        Ok(Kind::Version { major, minor })
    }

    /// One or two digits.
    fn version_number(&mut self) -> Result<u8, Wrong> {
        let mut number = 0;
        let mut length = 0;
        while let Some(digit @ b'0'..=b'9') = self.cursor.peek() {
            length += 1;
            if length > 2 {
                return self.wrong("found extremely long version number");
            }
            number = number * 10 + (digit - b'0');
            self.cursor.advance_ascii(1);
        }
        if length == 0 {
            return self.wrong("did not find expected version number");
        }
        Ok(number)
    }

    fn tag_directive(&mut self) -> Result<Kind<'a>, Wrong> {
        self.cursor.skip_blanks();
        let handle = self.tag_handle(true)?;
        if !self.cursor.is_blank() {
            return self.wrong("did not find expected whitespace");
        }
        self.cursor.skip_blanks();
        let prefix = self.uri("")?;
        if !self.cursor.is_blank_or_end(0) {
            return self.wrong("did not find expected whitespace or line break");
        }
        Ok(Kind::TagDirective { handle, prefix })
    }
}
