//! Documents as values.

use std::borrow::Cow;

use super::build::{Open, Stream, Trees};
use super::error::{Error, Position};
use super::limits;
use super::number;
use super::resolve::Scalar;
use super::value::{Map, Value};

/// Reads the first document of `text` as go-yaml v2 does: integers stay integers, keys become strings as
/// `sigs.k8s.io/yaml` makes them. An empty text is [`Value::Null`]; what stands behind the first document is not read.
///
/// ```
/// use carrack::goyaml::{self, Value};
///
/// let value = goyaml::parse(b"on: 0x1F\n")?;
/// assert_eq!(value.get("true"), Some(&Value::Int(31)));
/// # Ok::<(), goyaml::Error>(())
/// ```
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    first(text, &KEPT)
}

/// Reads the first document of `text` as `sigs.k8s.io/yaml` does for Helm's values: like [`parse`], but every number is
/// a [`Value::Float`], because the document goes through JSON; an infinity is an error for the same reason.
pub fn parse_json_style(text: &[u8]) -> Result<Value, Error> {
    first(text, &Values { floats: true }).map_err(|source| match source {
        Error::TooLarge { .. } | Error::TooHeavy { .. } | Error::TakesTime => source,
        source => Error::ToJson {
            source: Box::new(source),
        },
    })
}

/// Reads every document of `text`, each as [`parse`] does. A document without content is [`Value::Null`]; the iterator
/// ends after the first error.
///
/// ```
/// use carrack::goyaml;
///
/// let kinds: Vec<_> = goyaml::documents(b"kind: Pod\n---\nkind: Service\n")?
///     .filter_map(Result::ok)
///     .filter_map(|document| document.get("kind")?.as_str().map(str::to_owned))
///     .collect();
/// assert_eq!(kinds, ["Pod", "Service"]);
/// # Ok::<(), goyaml::Error>(())
/// ```
pub fn documents(text: &[u8]) -> Result<Documents<'_>, Error> {
    Stream::new(text, &KEPT).map(|stream| Documents { stream })
}

fn first(text: &[u8], values: &Values) -> Result<Value, Error> {
    let document = Stream::new(text, values)?
        .next(values)
        .transpose()?
        .unwrap_or_default();
    if values.floats {
        no_infinity(&document)?;
    }
    Ok(document)
}

/// Refuses what JSON does not have: infinities and not-a-number. Helm reads most documents by way of JSON.
pub fn no_infinity(value: &Value) -> Result<(), Error> {
    limits::with_stack(|| no_infinity_below(value))
}

fn no_infinity_below(value: &Value) -> Result<(), Error> {
    match value {
        Value::Float(number) if !number.is_finite() => Err(Error::NotJson {
            value: number::general(*number),
        }),
        Value::Seq(elements) => elements.iter().try_for_each(no_infinity_below),
        Value::Map(map) => map.values().try_for_each(no_infinity_below),
        _ => Ok(()),
    }
}

/// The documents of a text, one after the other. See [`documents`].
#[derive(Debug)]
pub struct Documents<'a> {
    stream: Stream<'a, Value>,
}

impl Iterator for Documents<'_> {
    type Item = Result<Value, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.stream.next(&KEPT)
    }
}

/// Numbers as go-yaml resolves them.
pub(super) const KEPT: Values = Values { floats: false };

/// Trees of [`Value`]s.
pub(super) struct Values {
    /// Whether every number becomes a float.
    floats: bool,
}

impl Trees for Values {
    type Node = Value;
    type Entries = Map;

    fn scalar(&self, scalar: Scalar, text: Cow<'_, str>, _: Position) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(flag) => Value::Bool(flag),
            Scalar::Int(number) if self.floats => Value::Float(number as f64),
            Scalar::Uint(number) if self.floats => Value::Float(number as f64),
            Scalar::Int(number) => Value::Int(number),
            Scalar::Uint(number) => Value::Uint(number),
            Scalar::Float(number) => Value::Float(number),
            Scalar::Timestamp | Scalar::Text => Value::String(text.into_owned()),
        }
    }

    fn seq(&self, elements: Vec<Value>, _: Position) -> Value {
        Value::Seq(elements)
    }

    fn map(&self, entries: Map, _: Position) -> Value {
        Value::Map(entries)
    }

    fn insert(entries: &mut Map, key: String, _: Position, value: Value) {
        entries.insert(key, value);
    }

    fn extend(entries: &mut Map, more: Map) {
        entries.extend(more);
    }

    fn open(node: Value) -> Open<Value, Map> {
        match node {
            Value::Seq(elements) => Open::Seq(elements),
            Value::Map(map) => Open::Map(map),
            _ => Open::Scalar,
        }
    }

    fn value(node: &Value) -> Value {
        node.clone()
    }
}
