//! Values in Go's own syntax, which some of go-yaml's messages print.

use std::fmt::Write as _;

use super::number;
use super::value::Value;

/// `fmt.Sprintf("%#v", value)` for what go-yaml decodes into `any`.
pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    node(&mut out, value, false);
    out
}

fn node(out: &mut String, value: &Value, nested: bool) {
    match value {
        Value::Null if nested => out.push_str("interface {}(nil)"),
        Value::Null => out.push_str("<nil>"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => {
            let _ = write!(out, "{number:#x}");
        }
        Value::Float(number) => out.push_str(&number::general(*number)),
        Value::String(text) => quote(out, text),
        Value::Seq(elements) => {
            out.push_str("[]interface {}{");
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                node(out, element, true);
            }
            out.push('}');
        }
        Value::Map(map) => {
            out.push_str("map[interface {}]interface {}{");
            for (index, (key, element)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                quote(out, key);
                out.push(':');
                node(out, element, true);
            }
            out.push('}');
        }
    }
}

/// `strconv.Quote`, for the characters that occur in templates.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..=' ' | '\u{7f}' if character != ' ' => {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
}
