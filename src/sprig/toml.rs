//! TOML: `toToml`, `mustToToml`, `fromToml`, as Helm has them with BurntSushi's library.

use std::fmt::Write as _;
use std::rc::Rc;

use super::date::Moment;
use super::runes::runes;
use super::with_stack;
use crate::gotemplate::strconv::{Form, format_float};
use crate::gotemplate::{
    Arguments, Failure, Function, GoString, List, Map, Object, Type, Value, deadline, memory,
};

/// Tables and arrays inside one another beyond which nothing is written.
const DEEPEST: usize = 1_000;

/// A list of tables, as the Go library reads it.
static TABLES: Type = Type::slice("[]map[string]interface {}", Type::ANY_MAP);

/// What reading a document may take for each byte of its text: `[[a]]` and a line break make a table of their own.
const READING: usize = 48;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("toToml", &[Type::ANY], |a| match written(a) {
            // Nil is a panic in Go, which no form of the function swallows.
            Err(Failure::Refused { message }) if !a.value(0)?.is_nil() => Ok(message.into()),
            other => other,
        }),
        Function::plain("mustToToml", &[Type::ANY], written),
        Function::plain("fromToml", &[Type::STRING], |a| {
            let text = a.text(0)?;
            memory::reserve(text.len().saturating_mul(READING))?;
            Ok(read(text))
        }),
    ]
}

fn written(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut writer = Writer::default();
    match form(arguments.value(0)?)? {
        Part::Nothing => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Part::Table(table) => writer.table(&[], &table, DEEPEST)?,
        Part::Tables(_) => return Err("toml: top-level values must be Go maps or structs".into()),
        Part::Value(value) => writer.value(&value, DEEPEST)?,
    }
    Ok(writer.out.into())
}

/// What a value is in TOML.
enum Part {
    Nothing,
    Table(Table),
    Tables(Vec<Table>),
    Value(Value),
}

/// What has keys.
enum Table {
    Map(Map),
    Struct(Rc<dyn Object>),
}

impl Table {
    /// A map in the order of its keys, a struct in that of its declaration.
    fn entries(&self) -> Vec<(GoString, Value)> {
        match self {
            Self::Map(map) => map.entries(),
            Self::Struct(object) => {
                let fields = object.exported().into_iter();
                fields.map(|(name, value)| (name.into(), value)).collect()
            }
        }
    }
}

fn form(value: &Value) -> Result<Part, Failure> {
    deadline::check()?;
    Ok(match value {
        Value::Invalid | Value::Nil => Part::Nothing,
        Value::Map(map) if map.is_nil() => Part::Nothing,
        Value::Map(map) => Part::Table(Table::Map(map.clone())),
        Value::List(list) if list.is_nil() => Part::Nothing,
        Value::List(list) => {
            let mut tables = Vec::with_capacity(list.len());
            for item in list.iter() {
                match with_stack(|| form(item))? {
                    Part::Nothing => return Err("toml: cannot encode array with nil element".into()),
                    Part::Table(table) => tables.push(table),
                    _ => {}
                }
            }
            if !list.is_empty() && tables.len() == list.len() {
                Part::Tables(tables)
            } else {
                Part::Value(value.clone())
            }
        }
        Value::Object(object) => match object.underlying() {
            Some(plain) if object.display().is_none() => form(&plain)?,
            _ if object.display().is_some() || object.fields().is_empty() => Part::Value(value.clone()),
            _ => Part::Table(Table::Struct(Rc::clone(object))),
        },
        _ => Part::Value(value.clone()),
    })
}

#[derive(Default)]
struct Writer {
    out: String,
}

impl Writer {
    fn room(&self) -> Result<(), Failure> {
        deadline::check()?;
        memory::reserve(self.out.len())
    }

    /// Plain entries stand before tables.
    fn table(&mut self, path: &[String], table: &Table, levels: usize) -> Result<(), Failure> {
        let levels = levels.checked_sub(1).ok_or("toml: the value is too deep")?;
        self.room()?;
        let mut tables = Vec::new();
        for (key, value) in table.entries() {
            match form(&value)? {
                Part::Nothing => {}
                Part::Value(value) => {
                    self.indent(path.len());
                    self.out.push_str(&key_text(&key));
                    self.out.push_str(" = ");
                    self.value(&value, levels)?;
                    self.out.push('\n');
                }
                part => tables.push((key_text(&key), part)),
            }
        }
        for (key, part) in tables {
            let path = [path, &[key]].concat();
            match part {
                Part::Table(table) => {
                    if path.len() == 1 {
                        self.break_line();
                    }
                    self.indent(path.len() - 1);
                    let _ = writeln!(self.out, "[{}]", path.join("."));
                    with_stack(|| self.table(&path, &table, levels))?;
                }
                Part::Tables(tables) => {
                    for table in tables {
                        self.break_line();
                        self.indent(path.len() - 1);
                        let _ = writeln!(self.out, "[[{}]]", path.join("."));
                        with_stack(|| self.table(&path, &table, levels))?;
                    }
                }
                Part::Nothing | Part::Value(_) => {}
            }
        }
        Ok(())
    }

    /// A value on its line; tables inside arrays stand in braces.
    fn value(&mut self, value: &Value, levels: usize) -> Result<(), Failure> {
        let levels = levels.checked_sub(1).ok_or("toml: the value is too deep")?;
        self.room()?;
        match value {
            Value::Bool(truth) => self.out.push_str(&truth.to_string()),
            Value::Int(number, _) => self.out.push_str(&number.to_string()),
            Value::Uint(number, _) => self.out.push_str(&number.to_string()),
            Value::Float(number) => self.out.push_str(&float_text(*number)),
            Value::String(text) => self.string(text),
            Value::List(list) => {
                self.out.push('[');
                for (at, item) in list.iter().enumerate() {
                    if at > 0 {
                        self.out.push_str(", ");
                    }
                    with_stack(|| self.value(item, levels))?;
                }
                self.out.push(']');
            }
            Value::Map(map) => self.inline(&Table::Map(map.clone()), levels)?,
            Value::Object(object) => match object.as_any().downcast_ref::<Moment>() {
                Some(time) => self.out.push_str(&time.to_json_text()),
                None => match object.display() {
                    Some(text) => self.string(&text),
                    None if !object.fields().is_empty() => {
                        self.inline(&Table::Struct(Rc::clone(object)), levels)?;
                    }
                    None => return Err("toml: unsupported type".into()),
                },
            },
            other => {
                return Err(Failure::from(format!(
                    "toml: unsupported type: {}",
                    other.type_name()
                )));
            }
        }
        Ok(())
    }

    /// Plain entries stand before tables here, too. The commas are the Go library's, which counts what it leaves out.
    fn inline(&mut self, table: &Table, levels: usize) -> Result<(), Failure> {
        let (mut plain, mut tables) = (Vec::new(), Vec::new());
        for (key, value) in table.entries() {
            match form(&value)? {
                Part::Nothing => plain.push((key, None)),
                Part::Value(_) => plain.push((key, Some(value))),
                Part::Table(_) | Part::Tables(_) => tables.push((key, Some(value))),
            }
        }
        plain.append(&mut tables);
        self.out.push('{');
        let count = plain.len();
        for (at, (key, value)) in plain.into_iter().enumerate() {
            let Some(value) = value else { continue };
            let _ = write!(self.out, "{} = ", key_text(&key));
            with_stack(|| self.value(&value, levels))?;
            let place = match table {
                Table::Map(_) => at,
                Table::Struct(object) => declared(&**object, &key),
            };
            if place + 1 != count {
                self.out.push_str(", ");
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push('"');
        for (character, _) in runes(text) {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if c.is_ascii_control() => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn indent(&mut self, levels: usize) {
        self.out.push_str(&"  ".repeat(levels));
    }

    fn break_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }
}

/// Where a struct declares the field; the fields of an embedded struct have its place, and only the first one is.
fn declared(object: &dyn Object, field: &GoString) -> usize {
    let mut names = object.fields().iter();
    names.position(|name| field == *name).unwrap_or(0)
}

/// A key as it is, or in quotes where it has other than letters, digits, underscores and dashes.
fn key_text(key: &GoString) -> String {
    let bare = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.iter().all(bare) {
        return key.to_text();
    }
    let mut writer = Writer::default();
    writer.string(key);
    writer.out
}

fn float_text(number: f64) -> String {
    match number {
        n if n.is_nan() => "nan".to_owned(),
        f64::INFINITY => "inf".to_owned(),
        f64::NEG_INFINITY => "-inf".to_owned(),
        n => {
            let text = format_float(n, Form::General, None);
            if text.contains(['.', 'e']) {
                text
            } else {
                text + ".0"
            }
        }
    }
}

/// The document, or its error under the key `Error`. The error's words are ours, not the Go library's.
fn read(text: &GoString) -> Value {
    let parsed = match text.to_str() {
        Some(text) => text
            .parse::<toml::Table>()
            .map_err(|error| format!("toml: {}", error.message())),
        None => Err("toml: invalid UTF-8".to_owned()),
    };
    match parsed {
        Ok(table) => from_table(table),
        Err(error) => [("Error", Value::from(error))]
            .into_iter()
            .collect::<Map>()
            .into(),
    }
}

fn from_table(table: toml::Table) -> Value {
    let entries = table.into_iter().map(|(key, value)| (key, from_toml(value)));
    entries.collect::<Map>().into()
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => Value::int64(number),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(moment) => {
            let text = moment.to_string();
            Moment::from_toml(&text).map_or_else(|| text.into(), Moment::into_value)
        }
        toml::Value::Array(items) => {
            let tables = !items.is_empty() && items.iter().all(toml::Value::is_table);
            let items = items.into_iter().map(from_toml).collect();
            List::typed(if tables { &TABLES } else { Type::ANYS }, items).into()
        }
        toml::Value::Table(table) => from_table(table),
    }
}
