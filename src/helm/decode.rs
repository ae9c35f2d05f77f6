//! Fields of a YAML document into fields of a struct, by the rules of Go's JSON and `sigs.k8s.io/yaml`.

use std::collections::BTreeMap;

use crate::goyaml::Value;

/// A field holds another kind of value than its type can take.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("cannot take {found} for {wanted}")]
pub struct Mismatch {
    found: &'static str,
    wanted: &'static str,
}

/// Something that takes a value over as Go's JSON decoder would. Null changes nothing.
pub(super) trait Decode {
    /// Takes the value over.
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch>;
}

/// The key and value pairs of a document that is a map; nothing for null.
pub(super) fn fields(value: &Value) -> Result<Option<impl Iterator<Item = (&String, &Value)>>, Mismatch> {
    match value {
        Value::Null => Ok(None),
        Value::Map(map) => Ok(Some(map.iter())),
        other => Err(mismatch(other, "object")),
    }
}

/// The name among `known` that a key stands for: letters of either case do.
pub(super) fn field(key: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .find(|k| **k == key)
        .or_else(|| known.iter().find(|k| k.eq_ignore_ascii_case(key)))
        .copied()
}

fn mismatch(value: &Value, wanted: &'static str) -> Mismatch {
    Mismatch {
        found: value.json_kind(),
        wanted,
    }
}

impl Decode for String {
    /// Plain numbers and booleans are strings here: `appVersion: 1.10` gives `1.1`.
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        if !value.is_null() {
            *self = value.coerced_text().ok_or_else(|| mismatch(value, "string"))?;
        }
        Ok(())
    }
}

impl Decode for bool {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        match value {
            Value::Null => {}
            Value::Bool(b) => *self = *b,
            other => return Err(mismatch(other, "bool")),
        }
        Ok(())
    }
}

impl<T: Decode + Default> Decode for Vec<T> {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        match value {
            Value::Null => self.clear(),
            Value::Seq(items) => {
                self.clear();
                for item in items {
                    let mut element = T::default();
                    element.decode(item)?;
                    self.push(element);
                }
            }
            other => return Err(mismatch(other, "array")),
        }
        Ok(())
    }
}

impl<T: Decode + Default> Decode for Option<T> {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        if *value == Value::Null {
            *self = None;
            return Ok(());
        }
        let mut inner = T::default();
        inner.decode(value)?;
        *self = Some(inner);
        Ok(())
    }
}

impl Decode for BTreeMap<String, String> {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        for (key, value) in fields(value)?.into_iter().flatten() {
            let mut text = String::new();
            text.decode(value)?;
            self.insert(key.clone(), text);
        }
        Ok(())
    }
}

/// What Go's `%v` makes of a plain value; good enough for paths of `import-values`.
pub(super) fn printed(value: Option<&Value>) -> String {
    value
        .and_then(Value::coerced_text)
        .unwrap_or_else(|| "<nil>".to_owned())
}
