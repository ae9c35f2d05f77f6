//! What scalars mean, and what becomes the key of a mapping: JSON has strings for keys, YAML has anything.

use std::borrow::Cow;

use super::error::{Error, Position};
use super::resolve::{self, Scalar};
use super::value::Value;
use super::{binary, gosyntax, number};

/// A key that waits for its value.
pub(super) enum Key {
    Text(String, Position),
    Merge,
    /// Not a key for JSON: Go's type, and the key as Go prints it.
    Foreign(&'static str, String, Position),
}

/// An error of meaning.
pub(super) fn meaning(message: String, position: Position) -> Error {
    Error::Meaning { message, position }
}

/// What a scalar means, and its text, which `!!binary` changes.
pub(super) fn resolve_scalar<'t>(
    tag: Option<&str>,
    text: Cow<'t, str>,
    plain: bool,
    at: Position,
) -> Result<(Scalar, Cow<'t, str>), Error> {
    match tag {
        None | Some("") if !plain => Ok((Scalar::Text, text)),
        None | Some("") => Ok((resolve::plain(&text), text)),
        Some("tag:yaml.org,2002:binary") => match binary::decode(&text) {
            Some(text) => Ok((Scalar::Text, Cow::Owned(text))),
            None => Err(meaning(
                "!!binary value contains invalid base64 data".to_owned(),
                at,
            )),
        },
        Some(tag) => match resolve::tagged(tag, &text) {
            Ok(scalar) => Ok((scalar, text)),
            Err(found) => {
                let wanted = resolve::short_tag(tag);
                Err(meaning(
                    format!("cannot decode {found} `{text}` as a {wanted}"),
                    at,
                ))
            }
        },
    }
}

/// A scalar as a key, as `sigs.k8s.io/yaml` makes it a string.
pub(super) fn key_of(scalar: Scalar, text: String, at: Position) -> Key {
    let text = match scalar {
        Scalar::Text | Scalar::Timestamp => text,
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Int(number) => number.to_string(),
        Scalar::Float(number) => match number::short(number).as_str() {
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            "NaN" => ".nan".to_owned(),
            text => text.to_owned(),
        },
        Scalar::Null => return Key::Foreign("%!s(<nil>)", "<nil>".to_owned(), at),
        Scalar::Uint(number) => return Key::Foreign("uint64", format!("{number:#x}"), at),
    };
    Key::Text(text, at)
}

/// A node that an alias or a collection put where a key belongs.
pub(super) fn key_of_value(value: Value, at: Position) -> Result<Key, Error> {
    let (scalar, text) = match value {
        Value::String(text) => (Scalar::Text, text),
        Value::Null => (Scalar::Null, String::new()),
        Value::Bool(flag) => (Scalar::Bool(flag), String::new()),
        Value::Int(number) => (Scalar::Int(number), String::new()),
        Value::Uint(number) => (Scalar::Uint(number), String::new()),
        Value::Float(number) => match number::whole(number) {
            Some(number) => (Scalar::Int(number), String::new()),
            None => (Scalar::Float(number), String::new()),
        },
        Value::Seq(_) | Value::Map(_) => {
            return Err(meaning(
                format!("invalid map key: {}", gosyntax::print(&value)),
                at,
            ));
        }
    };
    Ok(key_of(scalar, text, at))
}
