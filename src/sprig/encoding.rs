//! YAML and JSON: Helm's converters where Helm has its own, else Sprig's.
//!
//! [`to_yaml_value`] and [`from_yaml_value`] lead from the values of templates to documents and back.

use super::runes::{REPLACEMENT, runes};
use super::with_stack;
use crate::gotemplate::{Arguments, Failure, Function, GoString, List, Map, Object, Type, Value, memory};
use crate::goyaml;

const TEXT: &Type = Type::STRING;
const ANY: &Type = Type::ANY;

/// Lists and dictionaries inside one another beyond which nothing is written: one that holds itself has no form.
const DEEPEST: usize = 1_000;

type Written = fn(&goyaml::Value) -> Result<String, goyaml::Error>;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("toYaml", &[ANY], |a| lenient(a, goyaml::to_yaml)),
        Function::plain("mustToYaml", &[ANY], |a| {
            strict(a, goyaml::to_yaml).map_err(|failure| match failure {
                Failure::Refused { message } => {
                    Failure::from(format!("error marshaling into JSON: {message}"))
                }
                other => other,
            })
        }),
        Function::plain("toYamlPretty", &[ANY], |a| match pretty(a) {
            Err(Failure::Refused { .. }) => Ok("".into()),
            other => other,
        }),
        Function::plain("toJson", &[ANY], |a| lenient_json(a, goyaml::to_json)),
        Function::plain("mustToJson", &[ANY], |a| strict_json(a, goyaml::to_json)),
        Function::plain("toPrettyJson", &[ANY], |a| {
            lenient_json(a, goyaml::to_pretty_json)
        }),
        Function::plain("mustToPrettyJson", &[ANY], |a| {
            strict_json(a, goyaml::to_pretty_json)
        }),
        // Sprig's panics where its other lenient forms give nothing.
        Function::plain("toRawJson", &[ANY], |a| strict_json(a, goyaml::to_raw_json)),
        Function::plain("mustToRawJson", &[ANY], |a| strict_json(a, goyaml::to_raw_json)),
        Function::plain("fromYaml", &[TEXT], |a| {
            Ok(map_or_error(goyaml::from_yaml(a.text(0)?), false))
        }),
        Function::plain("fromJson", &[TEXT], |a| {
            let text = a.text(0)?;
            Ok(map_or_error(goyaml::from_json_map(text), is_json_null(text)))
        }),
        Function::plain("fromYamlArray", &[TEXT], |a| {
            Ok(list_or_error(goyaml::from_yaml_array(a.text(0)?), false))
        }),
        Function::plain("fromJsonArray", &[TEXT], |a| {
            let text = a.text(0)?;
            Ok(list_or_error(goyaml::from_json_array(text), is_json_null(text)))
        }),
        Function::plain("mustFromJson", &[TEXT], |a| {
            let read = goyaml::from_json(a.text(0)?);
            read.map(from_yaml_value)
                .map_err(|error| Failure::from(error.to_string()))
        }),
    ]
}

/// The written value, or nothing where it cannot be written.
fn lenient(arguments: Arguments<'_>, write: Written) -> Result<Value, Failure> {
    match strict(arguments, write) {
        Err(Failure::Refused { .. }) => Ok("".into()),
        other => other,
    }
}

/// The library behind this one function writes nil lists and maps as empty ones.
fn pretty(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut walk = Walk {
        fills_nil: true,
        ..Walk::default()
    };
    let document = walk.document(arguments.value(0)?, DEEPEST)?;
    let written = goyaml::to_yaml_pretty(&document).map_err(|error| Failure::from(error.to_string()))?;
    Ok(written.into())
}

fn strict(arguments: Arguments<'_>, write: Written) -> Result<Value, Failure> {
    let document = to_yaml_value(arguments.value(0)?)?;
    let written = write(&document).map_err(|error| Failure::from(error.to_string()))?;
    Ok(written.into())
}

/// As [`lenient`], for JSON: Go writes a byte that is no text as an escape.
fn lenient_json(arguments: Arguments<'_>, write: Written) -> Result<Value, Failure> {
    match strict_json(arguments, write) {
        Err(Failure::Refused { .. }) => Ok("".into()),
        other => other,
    }
}

fn strict_json(arguments: Arguments<'_>, write: Written) -> Result<Value, Failure> {
    let mut walk = Walk {
        stand_in: '\u{10ffff}',
        keeps_order: true,
        ..Walk::default()
    };
    let document = walk.document(arguments.value(0)?, DEEPEST)?;
    let mut written = write(&document).map_err(|error| Failure::from(error.to_string()))?;
    if walk.broken {
        written = written.replace(walk.stand_in, "\\ufffd");
    }
    Ok(written.into())
}

type Read<T> = Result<T, goyaml::Error>;

/// JSON's null makes Go's nil map or slice; YAML's an empty one.
fn is_json_null(text: &[u8]) -> bool {
    text.trim_ascii() == b"null"
}

/// Helm hands errors to the template under the key `Error`. The nil map takes no entries.
fn map_or_error(read: Read<goyaml::Map>, nil: bool) -> Value {
    match read {
        Ok(_) if nil => Map::nil(Type::ANY_MAP).into(),
        Ok(map) => from_yaml_value(goyaml::Value::Map(map)),
        Err(error) => [("Error", Value::from(error.to_string()))]
            .into_iter()
            .collect::<Map>()
            .into(),
    }
}

fn list_or_error(read: Read<Vec<goyaml::Value>>, nil: bool) -> Value {
    match read {
        Ok(_) if nil => List::nil(Type::ANYS).into(),
        Ok(list) => from_yaml_value(goyaml::Value::Seq(list)),
        Err(error) => List::any(vec![error.to_string().into()]).into(),
    }
}

/// A document as a value of templates: mappings become `map[string]interface {}`, sequences `[]interface {}`.
pub fn from_yaml_value(value: goyaml::Value) -> Value {
    match value {
        goyaml::Value::Null => Value::Nil,
        goyaml::Value::Bool(truth) => Value::Bool(truth),
        goyaml::Value::Int(number) => Value::int64(number),
        goyaml::Value::Uint(number) => Value::Uint(number, crate::gotemplate::UintKind::Uint64),
        goyaml::Value::Float(number) => Value::Float(number),
        goyaml::Value::String(text) => Value::string(text),
        goyaml::Value::Seq(items) => List::any(items.into_iter().map(from_yaml_value).collect()).into(),
        goyaml::Value::Map(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| (key, from_yaml_value(value)));
            entries.collect::<Map>().into()
        }
    }
}

/// A value of templates as a document, as Go's `encoding/json` sees it: nil lists and maps are null, bytes base64.
///
/// # Errors
/// Functions and values that hold themselves have no form; nor does what takes more memory than the render may hold,
/// which a few shared lists inside one another can.
pub fn to_yaml_value(value: &Value) -> Result<goyaml::Value, Failure> {
    Walk::default().document(value, DEEPEST)
}

/// What a piece of a document takes beside its text.
const PIECE: usize = 96;

/// What a mapping takes before its first entry: its tree has room for eleven.
const TABLE: usize = 640;

/// A walk through a value that becomes a document.
struct Walk {
    /// Memory that the document takes so far, in bytes.
    taken: usize,
    /// What stands for a byte that is no text.
    stand_in: char,
    /// Whether the fields of a struct stay in their order, as in JSON; YAML sorts them.
    keeps_order: bool,
    /// Whether a nil list or map is an empty one, and not null.
    fills_nil: bool,
    /// Whether there was such a byte.
    broken: bool,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            taken: 0,
            stand_in: REPLACEMENT,
            keeps_order: false,
            fills_nil: false,
            broken: false,
        }
    }
}

impl Walk {
    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        self.taken = self.taken.saturating_add(bytes);
        memory::reserve(self.taken)
    }

    fn text(&mut self, text: &GoString) -> Result<String, Failure> {
        self.take(text.len())?;
        if let Some(text) = text.to_str() {
            return Ok(text.to_owned());
        }
        self.broken = true;
        let stand_in = self.stand_in;
        let whole = |(character, own): (char, &[u8])| {
            if character == REPLACEMENT && own.len() == 1 {
                stand_in
            } else {
                character
            }
        };
        Ok(runes(text).map(whole).collect())
    }

    fn document(&mut self, value: &Value, levels: usize) -> Result<goyaml::Value, Failure> {
        self.take(PIECE)?;
        let deeper = || {
            levels
                .checked_sub(1)
                .ok_or("json: unsupported value: the value is too deep")
        };
        Ok(match value {
            Value::Invalid | Value::Nil => goyaml::Value::Null,
            Value::Bool(truth) => goyaml::Value::Bool(*truth),
            Value::Int(number, _) => goyaml::Value::Int(*number),
            Value::Uint(number, _) => {
                i64::try_from(*number).map_or(goyaml::Value::Uint(*number), goyaml::Value::Int)
            }
            Value::Float(number) => goyaml::Value::Float(*number),
            Value::String(text) => goyaml::Value::String(self.text(text)?),
            Value::Bytes(bytes) => {
                self.take(bytes.len())?;
                goyaml::Value::String(super::base64::encoded(bytes))
            }
            Value::List(list) if list.is_nil() && !self.fills_nil => goyaml::Value::Null,
            Value::List(list) => {
                let levels = deeper()?;
                let items = list.iter().map(|item| self.document(item, levels));
                goyaml::Value::Seq(with_stack(|| items.collect::<Result<_, _>>())?)
            }
            Value::Map(map) if map.is_nil() && !self.fills_nil => goyaml::Value::Null,
            Value::Map(map) => {
                let levels = deeper()?;
                self.take(TABLE)?;
                let mut entries = goyaml::Map::new();
                for (key, item) in map.borrow().iter() {
                    let key = self.text(key)?;
                    entries.insert(key, with_stack(|| self.document(item, levels))?);
                }
                goyaml::Value::Map(entries)
            }
            Value::Object(object) => self.object(object.as_ref(), deeper()?)?,
            Value::Complex(..) | Value::Function(_) => {
                return Err(Failure::from(format!(
                    "json: unsupported type: {}",
                    value.type_name()
                )));
            }
        })
    }

    /// Objects of the library write themselves; others are what they are made of, or their fields.
    fn object(&mut self, object: &dyn Object, levels: usize) -> Result<goyaml::Value, Failure> {
        if let Some(version) = object.as_any().downcast_ref::<super::semver::VersionObject>() {
            return Ok(goyaml::Value::String(version.to_string()));
        }
        if let Some(time) = object.as_any().downcast_ref::<super::date::Moment>() {
            return Ok(goyaml::Value::String(time.to_json_text()));
        }
        let fields = match (object.encoded(), object.underlying()) {
            (Some(fields), _) => fields,
            (None, Some(plain)) => return self.document(&plain, levels),
            (None, None) => {
                let fields = object.exported().into_iter();
                fields.map(|(name, value)| (name.to_owned(), value)).collect()
            }
        };
        let mut entries = goyaml::Map::new();
        for (place, (name, value)) in fields.into_iter().enumerate() {
            let value = self.document(&value, levels)?;
            let key = if self.keeps_order {
                goyaml::placed(place, &name)
            } else {
                name
            };
            entries.insert(key, value);
        }
        Ok(goyaml::Value::Map(entries))
    }
}
