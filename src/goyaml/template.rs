//! Helm's template functions that read YAML and JSON.

use super::decode::parse_json_style;
use super::error::Error;
use super::json;
use super::value::{Map, Value};

const MAP: &str = "map[string]interface {}";
const ARRAY: &str = "[]interface {}";

/// Helm's `fromYaml`: a mapping, or the error whose text the function puts under the key `Error`. Null is an empty map.
///
/// ```
/// use carrack::goyaml;
///
/// let error = goyaml::from_yaml(b"- a\n").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"
/// );
/// ```
pub fn from_yaml(text: &[u8]) -> Result<Map, Error> {
    as_map(parse_json_style(text)?).map_err(while_decoding)
}

/// Helm's `fromYamlArray`: a sequence, or the error whose text the function returns as the only element. Null is an
/// empty sequence.
pub fn from_yaml_array(text: &[u8]) -> Result<Vec<Value>, Error> {
    as_seq(parse_json_style(text)?).map_err(while_decoding)
}

/// Helm's `fromJson`: an object, or the error whose text the function puts under the key `Error`. Null is an empty map
/// here; in Go it is a nil map, which prints as null.
pub fn from_json_map(text: &[u8]) -> Result<Map, Error> {
    as_map(json::from_json(text)?)
}

/// Helm's `fromJsonArray`: an array, or the error whose text the function returns as the only element. Null is an empty
/// sequence here, and a nil slice in Go.
pub fn from_json_array(text: &[u8]) -> Result<Vec<Value>, Error> {
    as_seq(json::from_json(text)?)
}

fn while_decoding(source: Error) -> Error {
    Error::FromJson {
        source: Box::new(source),
    }
}

fn as_map(value: Value) -> Result<Map, Error> {
    match value {
        Value::Map(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => Err(Error::Kind {
            found: other.json_kind(),
            wanted: MAP,
        }),
    }
}

fn as_seq(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Seq(elements) => Ok(elements),
        Value::Null => Ok(Vec::new()),
        other => Err(Error::Kind {
            found: other.json_kind(),
            wanted: ARRAY,
        }),
    }
}
