//! The little language of `--set a.b=1,c[0]=x` and its relatives.
//!
//! A line is read into paths and values, one pair after another, and each pair is put into the tree at once, because
//! a later pair may build on an earlier one.

use crate::goyaml::{self, Map, Value};
use crate::helm::profile::Profile;

/// How many `.` a path may have.
const MAX_NAMES: usize = 30;

/// The largest index of a list.
const MAX_INDEX: usize = 65_536;

/// How many names and indexes one path may have together; Helm does not bound the indexes, a stack does.
const MAX_STEPS: usize = 128;

/// A path, and what is to stand there; nothing where the line ends before its value.
type Pair = (Vec<Step>, Option<Value>);

/// How the values of a line are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style<'a> {
    /// `--set`: numbers, booleans and null are recognised.
    Typed,
    /// `--set-string`: everything is text.
    Text,
    /// `--set-file`: the text names a file among these.
    File(&'a [(String, Vec<u8>)]),
    /// `--set-json`: JSON values.
    Json,
    /// `--set-literal`: one value, to the end of the line, nothing special in it.
    Literal,
}

/// Why a line is none.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A key without `=`.
    #[error("key {key:?} has no value")]
    NoValue {
        /// The key.
        key: String,
    },
    /// A key followed by a comma.
    #[error("key {key:?} has no value (cannot end with ,)")]
    EndsWithComma {
        /// The key.
        key: String,
    },
    /// A key whose table stayed empty.
    #[error("key map {key:?} has no value")]
    EmptyTable {
        /// The key.
        key: String,
    },
    /// Too many `.` in a path.
    #[error("value name nested level is greater than maximum supported nested level of {limit}")]
    TooDeep {
        /// How many there may be.
        limit: usize,
    },
    /// An index that is none.
    #[error("error parsing index: {text:?} is no index")]
    Index {
        /// What stands between the brackets.
        text: String,
    },
    /// An index above the limit.
    #[error("index of {index} is greater than maximum supported index of {limit}")]
    IndexTooLarge {
        /// The index.
        index: usize,
        /// The largest one.
        limit: usize,
    },
    /// Text between `]` and what may follow it.
    #[error("unexpected data at end of array index: {text:?}")]
    AfterIndex {
        /// The text.
        text: String,
    },
    /// A list without its `}`.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// The path goes through something that is neither table nor list.
    #[error("unable to parse key: {key:?} is no {wanted}")]
    NotA {
        /// The key.
        key: String,
        /// What the path needs there.
        wanted: &'static str,
    },
    /// No JSON after `=`.
    #[error("no JSON value: {message}")]
    Json {
        /// What the reader says.
        message: String,
    },
    /// A file that was not handed in.
    #[error("file {path:?} was not read")]
    NoFile {
        /// The path as typed.
        path: String,
    },
}

/// Puts the pairs of `line` into `into`.
pub(super) fn set(line: &str, style: Style<'_>, profile: Profile, into: &mut Map) -> Result<(), Error> {
    let mut line = Line::new(line, style, profile);
    while let Some((path, value)) = line.pair()? {
        put_into_table(into, &path, value)?;
    }
    Ok(())
}

/// The paths that a `--set-file` expression names, in order.
pub fn set_file_paths(expression: &str) -> Result<Vec<String>, Error> {
    let mut line = Line::new(expression, Style::Text, Profile::Helm4);
    let mut paths = Vec::new();
    while let Some((_, value)) = line.pair()? {
        match value {
            Some(Value::String(path)) => paths.push(path),
            Some(Value::Seq(list)) => paths.extend(list.iter().filter_map(|v| v.as_str().map(str::to_owned))),
            _ => {}
        }
    }
    paths.retain(|p| !p.is_empty());
    Ok(paths)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

struct Line<'a> {
    rest: &'a str,
    style: Style<'a>,
    profile: Profile,
    ended: bool,
}

impl<'a> Line<'a> {
    fn new(rest: &'a str, style: Style<'a>, profile: Profile) -> Self {
        Self {
            rest,
            style,
            profile,
            ended: false,
        }
    }

    /// The next path and its value; a path that ends with the line after `]` or `.` has no value.
    fn pair(&mut self) -> Result<Option<Pair>, Error> {
        let mut path = Vec::new();
        let mut after_index = false;
        let mut names = 0;
        while !self.ended {
            if path.len() > MAX_STEPS {
                return Err(Error::TooDeep { limit: MAX_STEPS });
            }
            let (text, stop) = self.until(self.stops(after_index));
            if after_index && !text.is_empty() {
                return Err(Error::AfterIndex { text });
            }
            self.ended = stop.is_none();
            match stop {
                None if after_index => return Ok(Some((path, None))),
                None if text.is_empty() && path.is_empty() => return Ok(None),
                None if text.is_empty() => {
                    path.push(Step::Key(text));
                    return Ok(Some((path, None)));
                }
                None => return Err(Error::NoValue { key: text }),
                Some(',') => return Err(Error::EndsWithComma { key: text }),
                Some(_) if !after_index => path.push(Step::Key(text)),
                Some(_) => {}
            }
            match stop {
                Some('=') => return Ok(Some((path, Some(self.value()?)))),
                Some('[') => {
                    let Some(index) = self.index()? else {
                        return Ok(Some((path, None)));
                    };
                    path.push(Step::Index(index));
                    after_index = true;
                }
                _ => {
                    names += usize::from(!after_index);
                    if names > MAX_NAMES {
                        return Err(Error::TooDeep { limit: MAX_NAMES });
                    }
                    after_index = false;
                }
            }
        }
        Ok(None)
    }

    fn stops(&self, after_index: bool) -> &'static [char] {
        match (after_index, self.style) {
            (true, _) | (_, Style::Literal) => &['=', '[', '.'],
            _ => &['=', '[', ',', '.'],
        }
    }

    /// The text up to one of the stops, which is consumed; a backslash hides what follows it.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        let mut characters = self.rest.chars();
        let stop = loop {
            match characters.next() {
                None => break None,
                Some(c) if stops.contains(&c) => break Some(c),
                Some('\\') if !matches!(self.style, Style::Literal) => match characters.next() {
                    None => break None,
                    Some(c) => text.push(c),
                },
                Some(c) => text.push(c),
            }
        };
        self.rest = characters.as_str();
        (text, stop)
    }

    /// What stands before `]`. Helm 4 ends the line without a word where no `]` follows.
    fn index(&mut self) -> Result<Option<usize>, Error> {
        let (text, stop) = self.until(&[']']);
        self.ended = stop.is_none();
        if self.ended && self.profile.is_helm4() {
            return Ok(None);
        }
        let number = text.strip_prefix('+').unwrap_or(&text);
        match number.parse::<usize>() {
            Ok(index) if stop.is_some() && index <= MAX_INDEX => Ok(Some(index)),
            Ok(index) if stop.is_some() => Err(Error::IndexTooLarge {
                index,
                limit: MAX_INDEX,
            }),
            _ => Err(Error::Index { text }),
        }
    }

    fn value(&mut self) -> Result<Value, Error> {
        match self.style {
            Style::Json => self.json(),
            Style::Literal => {
                let text = std::mem::take(&mut self.rest);
                self.ended = true;
                Ok(Value::String(text.to_owned()))
            }
            _ => {
                if self.rest.is_empty() {
                    self.ended = true;
                    return Ok(Value::String(String::new()));
                }
                if let Some(rest) = self.rest.strip_prefix('{') {
                    self.rest = rest;
                    return self.list();
                }
                let (text, stop) = self.until(&[',']);
                self.ended = stop.is_none();
                self.scalar(text)
            }
        }
    }

    fn list(&mut self) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return Err(Error::OpenList);
            }
            items.push(self.scalar(text)?);
            if stop == Some('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(Value::Seq(items));
            }
        }
    }

    fn scalar(&self, text: String) -> Result<Value, Error> {
        match self.style {
            Style::Typed => Ok(typed(text)),
            Style::File(files) => match files.iter().find(|(path, _)| *path == text) {
                Some((_, bytes)) => Ok(Value::String(String::from_utf8_lossy(bytes).into_owned())),
                None => Err(Error::NoFile { path: text }),
            },
            Style::Text | Style::Json | Style::Literal => Ok(Value::String(text)),
        }
    }

    /// One JSON value, and the comma behind it; nothing before a comma or the end is null.
    fn json(&mut self) -> Result<Value, Error> {
        if self.blank() {
            return Ok(Value::Null);
        }
        let wrong = |message: String| Error::Json { message };
        let mut values =
            serde_json::Deserializer::from_str(self.rest).into_iter::<&serde_json::value::RawValue>();
        let raw = match values.next() {
            Some(Ok(raw)) => raw.get(),
            Some(Err(e)) => return Err(wrong(e.to_string())),
            None => return Err(wrong("nothing follows".to_owned())),
        };
        let end = values.byte_offset();
        let value = goyaml::from_json(raw.as_bytes()).map_err(|e| wrong(e.to_string()))?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        self.blank();
        Ok(value)
    }

    /// Skips blanks; says whether a comma (consumed) or the end followed.
    fn blank(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(',') {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => self.rest.is_empty(),
        }
    }
}

/// What `--set` makes of a text.
fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    // A leading zero keeps its digits: they may be a mode or a serial number.
    if (text == "0" || !text.starts_with('0'))
        && let Ok(number) = text.parse::<i64>()
    {
        return Value::Int(number);
    }
    Value::String(text)
}

fn put_into_table(table: &mut Map, path: &[Step], value: Option<Value>) -> Result<(), Error> {
    let Some((Step::Key(key), rest)) = path.split_first() else {
        return Ok(());
    };
    match rest.first() {
        None => {
            if let Some(value) = value
                && !key.is_empty()
            {
                table.insert(key.clone(), value);
            }
        }
        Some(Step::Key(_)) => {
            let mut inner = match table.get_mut(key) {
                None => Map::new(),
                Some(Value::Map(inner)) => std::mem::take(inner),
                Some(_) => return Err(not_a(key, "table")),
            };
            let has_value = value.is_some();
            put_into_table(&mut inner, rest, value)?;
            if inner.is_empty() && has_value {
                return Err(Error::EmptyTable { key: key.clone() });
            }
            if !key.is_empty() && !inner.is_empty() {
                table.insert(key.clone(), Value::Map(inner));
            }
        }
        Some(Step::Index(_)) => {
            let mut list = match table.get_mut(key) {
                None => Vec::new(),
                Some(Value::Seq(list)) => std::mem::take(list),
                Some(_) => return Err(not_a(key, "list")),
            };
            put_into_list(&mut list, rest, value)?;
            if !key.is_empty() {
                table.insert(key.clone(), Value::Seq(list));
            }
        }
    }
    Ok(())
}

/// A path without a value changes only what is there already.
fn put_into_list(list: &mut Vec<Value>, path: &[Step], value: Option<Value>) -> Result<(), Error> {
    let Some((Step::Index(index), rest)) = path.split_first() else {
        return Ok(());
    };
    let has_value = value.is_some();
    let old = list.get_mut(*index).map(std::mem::take);
    let new = match rest.first() {
        None => value.or(old),
        Some(Step::Index(_)) => {
            let mut inner = match old {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Seq(inner)) => inner,
                Some(_) => return Err(not_a(&format!("[{index}]"), "list")),
            };
            put_into_list(&mut inner, rest, value)?;
            Some(Value::Seq(inner))
        }
        Some(Step::Key(_)) => {
            let mut inner = match old {
                Some(Value::Map(inner)) => inner,
                _ => Map::new(),
            };
            put_into_table(&mut inner, rest, value)?;
            Some(Value::Map(inner))
        }
    };
    if list.len() <= *index && has_value {
        list.resize(index + 1, Value::Null);
    }
    if let (Some(place), Some(new)) = (list.get_mut(*index), new) {
        *place = new;
    }
    Ok(())
}

fn not_a(key: &str, wanted: &'static str) -> Error {
    Error::NotA {
        key: key.to_owned(),
        wanted,
    }
}

#[cfg(test)]
mod tests;
