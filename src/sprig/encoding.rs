//! YAML, JSON and TOML: Helm's converters where Helm has its own, else Sprig's.
//!
//! [`to_yaml_value`] and [`from_yaml_value`] lead from the values of templates to documents and back.

use super::runes::repaired;
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
        Function::plain("mustToYaml", &[ANY], |a| strict(a, goyaml::to_yaml)),
        Function::plain("toYamlPretty", &[ANY], |a| lenient(a, goyaml::to_yaml_pretty)),
        Function::plain("toJson", &[ANY], |a| lenient(a, goyaml::to_json)),
        Function::plain("mustToJson", &[ANY], |a| strict(a, goyaml::to_json)),
        Function::plain("toPrettyJson", &[ANY], |a| lenient(a, goyaml::to_pretty_json)),
        Function::plain("mustToPrettyJson", &[ANY], |a| strict(a, goyaml::to_pretty_json)),
        // Sprig's panics where its other lenient forms give nothing.
        Function::plain("toRawJson", &[ANY], |a| strict(a, goyaml::to_raw_json)),
        Function::plain("mustToRawJson", &[ANY], |a| strict(a, goyaml::to_raw_json)),
        Function::plain("fromYaml", &[TEXT], |a| {
            let text = a.text(0)?;
            Ok(map_or_error(goyaml::from_yaml(text), || {
                goyaml::parse_json_style(text)
            }))
        }),
        Function::plain("fromJson", &[TEXT], |a| {
            let text = a.text(0)?;
            Ok(map_or_error(goyaml::from_json_map(text), || {
                goyaml::from_json(text)
            }))
        }),
        Function::plain("fromYamlArray", &[TEXT], |a| {
            let text = a.text(0)?;
            Ok(list_or_error(goyaml::from_yaml_array(text), || {
                goyaml::parse_json_style(text)
            }))
        }),
        Function::plain("fromJsonArray", &[TEXT], |a| {
            let text = a.text(0)?;
            Ok(list_or_error(goyaml::from_json_array(text), || {
                goyaml::from_json(text)
            }))
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

fn strict(arguments: Arguments<'_>, write: Written) -> Result<Value, Failure> {
    let document = to_yaml_value(arguments.value(0)?)?;
    let written = write(&document).map_err(|error| Failure::from(error.to_string()))?;
    Ok(written.into())
}

type Read<T> = Result<T, goyaml::Error>;

/// Helm hands errors to the template under the key `Error`. Null is Go's nil map, which takes no entries.
fn map_or_error(read: Read<goyaml::Map>, whole: impl FnOnce() -> Read<goyaml::Value>) -> Value {
    match read {
        Ok(map) if map.is_empty() && whole().is_ok_and(|v| v.is_null()) => Map::nil(Type::ANY_MAP).into(),
        Ok(map) => from_yaml_value(goyaml::Value::Map(map)),
        Err(error) => [("Error", Value::from(error.to_string()))]
            .into_iter()
            .collect::<Map>()
            .into(),
    }
}

fn list_or_error(read: Read<Vec<goyaml::Value>>, whole: impl FnOnce() -> Read<goyaml::Value>) -> Value {
    match read {
        Ok(list) if list.is_empty() && whole().is_ok_and(|v| v.is_null()) => List::nil(Type::ANYS).into(),
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
    document(value, DEEPEST, &mut 0)
}

/// What a piece of a document takes beside its text.
const PIECE: usize = 48;

fn document(value: &Value, levels: usize, taken: &mut usize) -> Result<goyaml::Value, Failure> {
    let text_of = |text: &GoString, taken: &mut usize| {
        *taken = taken.saturating_add(text.len());
        memory::reserve(*taken).map(|()| repaired(text))
    };
    *taken = taken.saturating_add(PIECE);
    memory::reserve(*taken)?;
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
        Value::String(text) => goyaml::Value::String(text_of(text, taken)?),
        Value::Bytes(bytes) => {
            *taken = taken.saturating_add(bytes.len());
            memory::reserve(*taken)?;
            goyaml::Value::String(super::base64::encoded(bytes))
        }
        Value::List(list) if list.is_nil() => goyaml::Value::Null,
        Value::List(list) => {
            let levels = deeper()?;
            let items = list.iter().map(|item| document(item, levels, taken));
            goyaml::Value::Seq(with_stack(|| items.collect::<Result<_, _>>())?)
        }
        Value::Map(map) if map.is_nil() => goyaml::Value::Null,
        Value::Map(map) => {
            let levels = deeper()?;
            let mut entries = goyaml::Map::new();
            for (key, item) in map.borrow().iter() {
                let key = text_of(key, taken)?;
                entries.insert(key, with_stack(|| document(item, levels, taken))?);
            }
            goyaml::Value::Map(entries)
        }
        Value::Object(object) => object_document(object.as_ref(), deeper()?, taken)?,
        Value::Complex(..) | Value::Function(_) => {
            return Err(Failure::from(format!(
                "json: unsupported type: {}",
                value.type_name()
            )));
        }
    })
}

/// Objects of the library write themselves; others are what they are made of, or their fields.
fn object_document(object: &dyn Object, levels: usize, taken: &mut usize) -> Result<goyaml::Value, Failure> {
    if let Some(version) = object.as_any().downcast_ref::<super::semver::VersionObject>() {
        return Ok(goyaml::Value::String(version.to_string()));
    }
    if let Some(time) = object.as_any().downcast_ref::<super::date::Moment>() {
        return Ok(goyaml::Value::String(time.to_json_text()));
    }
    if let Some(plain) = object.encoded().or_else(|| object.underlying()) {
        return document(&plain, levels, taken);
    }
    let mut entries = goyaml::Map::new();
    for name in object.fields() {
        if let Some(value) = object.field(name.as_bytes()) {
            entries.insert((*name).to_owned(), document(&value, levels, taken)?);
        }
    }
    Ok(goyaml::Value::Map(entries))
}
