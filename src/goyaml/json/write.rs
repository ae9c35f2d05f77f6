//! The writer: keys sorted (but those of structs), `<`, `>` and `&` escaped unless asked not to.

use std::fmt::Write as _;

use crate::goyaml::error::Error;
use crate::goyaml::limits::{self, DEPTH_CAP};
use crate::goyaml::number;
use crate::goyaml::value::{Map, Value};

/// Helm's `toJson`: `encoding/json.Marshal`. An infinity or not-a-number is an error.
///
/// ```
/// use carrack::goyaml::{self, Value};
///
/// assert_eq!(goyaml::to_json(&Value::from("a<b"))?, r#""a\u003cb""#);
/// # Ok::<(), goyaml::Error>(())
/// ```
pub fn to_json(value: &Value) -> Result<String, Error> {
    let mut writer = Writer::new(true, false);
    writer.value(value)?;
    Ok(writer.out)
}

/// Sprig's `toRawJson`: like [`to_json`], with `<`, `>` and `&` as they are.
pub fn to_raw_json(value: &Value) -> Result<String, Error> {
    let mut writer = Writer::new(false, false);
    writer.value(value)?;
    Ok(writer.out)
}

/// Sprig's `toPrettyJson`: like [`to_json`], indented by two spaces.
pub fn to_pretty_json(value: &Value) -> Result<String, Error> {
    let mut writer = Writer::new(true, true);
    writer.value(value)?;
    Ok(writer.out)
}

/// What a key begins with that keeps its place: no text holds this character. Two digits follow.
const PLACE: char = '\u{10fffe}';

/// The name of the field in that place of a struct, as a key. Go writes a map by its sorted keys and a struct in the
/// order of its fields: the writers here sort such keys by their places, and write the names alone.
pub fn placed(place: usize, name: &str) -> String {
    format!("{PLACE}{place:02}{name}")
}

fn name_of(key: &str) -> &str {
    let placed = key.strip_prefix(PLACE);
    placed.and_then(|key| key.get(2..)).unwrap_or(key)
}

struct Writer {
    out: String,
    escape_html: bool,
    pretty: bool,
    depth: usize,
}

impl Writer {
    fn new(escape_html: bool, pretty: bool) -> Self {
        Self {
            out: String::new(),
            escape_html,
            pretty,
            depth: 0,
        }
    }

    fn value(&mut self, value: &Value) -> Result<(), Error> {
        limits::in_time()?;
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Int(number) => self.out.push_str(&number.to_string()),
            Value::Uint(number) => self.out.push_str(&number.to_string()),
            Value::Float(number) => match number::json(*number) {
                Some(text) => self.out.push_str(&text),
                None => {
                    return Err(Error::NotJson {
                        value: number::general(*number),
                    });
                }
            },
            Value::String(text) => string(&mut self.out, text, self.escape_html),
            Value::Seq(elements) => return limits::with_stack(|| self.array(elements)),
            Value::Map(map) => return limits::with_stack(|| self.object(map)),
        }
        Ok(())
    }

    fn array(&mut self, elements: &[Value]) -> Result<(), Error> {
        self.open('[')?;
        for (index, element) in elements.iter().enumerate() {
            self.separate(index > 0);
            self.value(element)?;
        }
        self.close(']', elements.is_empty());
        Ok(())
    }

    fn object(&mut self, map: &Map) -> Result<(), Error> {
        self.open('{')?;
        for (index, (key, element)) in map.iter().enumerate() {
            self.separate(index > 0);
            string(&mut self.out, name_of(key), self.escape_html);
            self.out.push_str(if self.pretty { ": " } else { ":" });
            self.value(element)?;
        }
        self.close('}', map.is_empty());
        Ok(())
    }

    fn open(&mut self, bracket: char) -> Result<(), Error> {
        self.out.push(bracket);
        self.depth += 1;
        if self.depth > DEPTH_CAP {
            return Err(Error::TooDeep { limit: DEPTH_CAP });
        }
        Ok(())
    }

    fn separate(&mut self, after_another: bool) {
        if after_another {
            self.out.push(',');
        }
        if self.pretty {
            self.line();
        }
    }

    fn close(&mut self, bracket: char, empty: bool) {
        self.depth -= 1;
        if self.pretty && !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// A string with quotes. U+2028 and U+2029 are escaped in every case, for JavaScript's sake.
fn string(out: &mut String, text: &str, escape_html: bool) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|character| is_escaped(character, escape_html)) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let mut characters = from.chars();
        if let Some(character) = characters.next() {
            escape(out, character);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn is_escaped(character: char, escape_html: bool) -> bool {
    match character {
        '"' | '\\' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => true,
        '<' | '>' | '&' => escape_html,
        _ => false,
    }
}

fn escape(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other => {
            let _ = write!(out, "\\u{:04x}", u32::from(other));
        }
    }
}
