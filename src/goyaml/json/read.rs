//! The reader, with the messages of `encoding/json`.

use crate::goyaml::binary;
use crate::goyaml::error::Error;
use crate::goyaml::limits::{self, DEPTH_CAP, SIZE_CAP, Weight};
use crate::goyaml::value::{Map, Value};

/// Reads one JSON text as `encoding/json.Unmarshal` into `any`: every number is a float, the last of equal keys wins.
pub fn from_json(text: &[u8]) -> Result<Value, Error> {
    if text.len() > SIZE_CAP {
        return Err(Error::TooLarge {
            size: text.len(),
            limit: SIZE_CAP,
        });
    }
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        weight: Weight::of_text(text.len()),
    };
    let value = reader.value()?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(byte) => Err(reader.unexpected(byte, "after top-level value")),
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    weight: Weight,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The next byte, which must be there.
    fn need(&self) -> Result<u8, Error> {
        self.peek().ok_or_else(|| Error::Json {
            message: "unexpected end of JSON input".to_owned(),
            offset: self.at,
        })
    }

    /// The next byte where nothing may be skipped: Go puts a space behind the end.
    fn exact(&self) -> u8 {
        self.peek().unwrap_or(b' ')
    }

    fn unexpected(&self, byte: u8, place: &str) -> Error {
        let shown = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            b'\n' => r"'\n'".to_owned(),
            b'\r' => r"'\r'".to_owned(),
            b'\t' => r"'\t'".to_owned(),
            b'\\' => r"'\\'".to_owned(),
            0x07 => r"'\a'".to_owned(),
            0x08 => r"'\b'".to_owned(),
            0x0b => r"'\v'".to_owned(),
            0x0c => r"'\f'".to_owned(),
            b' '..=b'~' | 0xa1..=0xac | 0xae.. => format!("'{}'", char::from(byte)),
            0x80..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
            _ => format!(r"'\x{byte:02x}'"),
        };
        Error::Json {
            message: format!("invalid character {shown} {place}"),
            offset: self.at,
        }
    }

    fn value(&mut self) -> Result<Value, Error> {
        self.skip_space();
        let byte = self.need()?;
        self.weight.add(match byte {
            b'{' | b'[' => Weight::of_collection(byte == b'{'),
            _ => Weight::of_scalar(0),
        })?;
        match byte {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => self.string().map(Value::String),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            byte => Err(self.unexpected(byte, "looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Error>) -> Result<Value, Error> {
        self.depth += 1;
        if self.depth > DEPTH_CAP {
            return Err(Error::Json {
                message: "exceeded max depth".to_owned(),
                offset: self.at,
            });
        }
        self.at += 1;
        let value = limits::with_stack(|| read(self));
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value, Error> {
        let mut map = Map::new();
        self.skip_space();
        if self.need()? == b'}' {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            self.skip_space();
            match self.need()? {
                b'"' => {}
                byte => return Err(self.unexpected(byte, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            self.skip_space();
            match self.need()? {
                b':' => self.at += 1,
                byte => return Err(self.unexpected(byte, "after object key")),
            }
            let value = self.value()?;
            map.insert(key, value);
            self.skip_space();
            match self.need()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                byte => return Err(self.unexpected(byte, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<Value, Error> {
        let mut elements = Vec::new();
        self.skip_space();
        if self.need()? == b']' {
            self.at += 1;
            return Ok(Value::Seq(elements));
        }
        loop {
            elements.push(self.value()?);
            self.skip_space();
            match self.need()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Value::Seq(elements));
                }
                byte => return Err(self.unexpected(byte, "after array element")),
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        let mut letters = word.chars();
        letters.next();
        self.at += 1;
        for letter in letters {
            let byte = self.exact();
            if char::from(byte) != letter {
                return Err(self.unexpected(byte, &format!("in literal {word} (expecting '{letter}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.exact() {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits(),
            byte => return Err(self.unexpected(byte, "in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            match self.exact() {
                b'0'..=b'9' => self.digits(),
                byte => return Err(self.unexpected(byte, "after decimal point in numeric literal")),
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            match self.exact() {
                b'0'..=b'9' => self.digits(),
                byte => return Err(self.unexpected(byte, "in exponent of numeric literal")),
            }
        }
        let text = self
            .text
            .get(start..self.at)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(Error::Json {
                message: format!("json: cannot unmarshal number {text} into Go value of type float64"),
                offset: start,
            }),
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest
                .iter()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0x00..=0x1f))
                .count();
            bytes.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.need()? {
                b'"' => {
                    self.at += 1;
                    self.weight.add(bytes.len())?;
                    return Ok(
                        String::from_utf8(bytes).unwrap_or_else(|error| binary::as_go_text(error.as_bytes()))
                    );
                }
                b'\\' => {
                    self.at += 1;
                    let character = self.escape()?;
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => return Err(self.unexpected(byte, "in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let character = match self.exact() {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                let first = self.unit()?;
                return self.character(first);
            }
            byte => return Err(self.unexpected(byte, "in string escape code")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, Error> {
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.exact();
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.unexpected(byte, r"in \u hexadecimal character escape"));
            };
            unit = unit << 4 | u16::try_from(digit).unwrap_or_default();
            self.at += 1;
        }
        Ok(unit)
    }

    /// The character that starts with `first`; a surrogate without its partner is U+FFFD.
    fn character(&mut self, first: u16) -> Result<char, Error> {
        if let Some(character) = char::from_u32(first.into()) {
            return Ok(character);
        }
        let start = self.at;
        if let Some([b'\\', b'u', ..]) = self.text.get(self.at..) {
            self.at += 2;
            let second = self.unit()?;
            if let Some(Ok(pair)) = char::decode_utf16([first, second]).next() {
                return Ok(pair);
            }
            self.at = start;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }
}
