//! How values become text.

use crate::gotemplate::{Failure, GoString, Value, fmt, strconv};

/// A value as Sprig turns it into a string: strings and bytes as they are, anything else as `%v` prints it.
pub(super) fn strval(value: &Value) -> Result<GoString, Failure> {
    match value {
        Value::String(text) | Value::Bytes(text) => Ok(text.clone()),
        other => shown(other),
    }
}

/// A value as `%v` prints it.
pub(super) fn shown(value: &Value) -> Result<GoString, Failure> {
    fmt::text_of(value)
}

/// A string as `%q` prints it.
pub(super) fn quoted(text: &[u8]) -> GoString {
    strconv::quote(text).into()
}
