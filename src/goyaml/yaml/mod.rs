//! YAML as go-yaml writes it.

use super::error::Error;
use super::json;
use super::value::Value;

/// Helm's `toYaml`.
pub fn to_yaml(value: &Value) -> Result<String, Error> {
    json::to_json(value)
}

/// Helm's `toYamlPretty`.
pub fn to_yaml_pretty(value: &Value) -> Result<String, Error> {
    json::to_json(value)
}
