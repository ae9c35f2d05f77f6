//! Values in Go's own syntax, which some of go-yaml's messages print.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

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

/// `strconv.Quote`.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        let short = match character {
            '"' => '"',
            '\\' => '\\',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            other if is_printable(other) => {
                out.push(other);
                continue;
            }
            other => {
                let _ = match u32::from(other) {
                    code @ ..0x80 => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out.push('"');
}

/// Go's `unicode.IsPrint`: no control, no format character, no space but the ASCII one.
fn is_printable(character: char) -> bool {
    static OTHER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{Z}\p{C}]$").expect("the pattern is well formed"));
    match character {
        ' '..='~' => true,
        ..='\u{7f}' => false,
        other => !OTHER.is_match(other.encode_utf8(&mut [0; 4])),
    }
}
