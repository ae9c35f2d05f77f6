//! YAML as Helm writes it.
//!
//! One writer walks the tree; [`scalar`] decides how a text is quoted, [`order`] how keys are sorted, and [`hop`] what
//! the trip through JSON does to a value before `toYaml` writes it.

mod hop;
mod order;
mod scalar;
mod write;

use super::error::Error;
use super::value::Value;
use write::{Dialect, Writer};

/// Helm's `toYaml`: what `sigs.k8s.io/yaml.Marshal` gives, less its last line break. The value goes through JSON and is
/// read again by go-yaml v2 before it is written, so a whole float comes out as an integer.
///
/// An error is what makes Helm's `toYaml` return an empty string and `mustToYaml` fail: an infinity, a control
/// character that JSON leaves alone and YAML forbids, a key of more than a thousand characters.
///
/// ```
/// use carrack::goyaml::{self, Value};
///
/// let value = goyaml::parse(br#"{"b": [1.0, "yes"], "a": "1: 2", "a10": "", "a9": "x\ny"}"#)?;
/// assert_eq!(
///     goyaml::to_yaml(&value)?,
///     "a: '1: 2'\na9: |-\n  x\n  y\na10: \"\"\nb:\n- 1\n- \"yes\""
/// );
/// # Ok::<(), goyaml::Error>(())
/// ```
pub fn to_yaml(value: &Value) -> Result<String, Error> {
    Writer::new(Dialect::V2).document(value)
}

/// Helm's `toYamlPretty`: go-yaml v3 with an indent of two, less the last line break. Sequences are indented, lines are
/// not folded and floats stay floats.
///
/// ```
/// use carrack::goyaml::{self, Value};
///
/// let value = goyaml::parse_json_style(b"a: [1000000]")?;
/// assert_eq!(goyaml::to_yaml_pretty(&value)?, "a:\n  - 1e+06");
/// # Ok::<(), goyaml::Error>(())
/// ```
pub fn to_yaml_pretty(value: &Value) -> Result<String, Error> {
    Writer::new(Dialect::V3).document(value)
}

#[cfg(test)]
mod tests;
