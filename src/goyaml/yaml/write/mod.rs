//! The writer: a tree as block YAML.

mod text;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::goyaml::error::Error;
use crate::goyaml::limits::{self, DEPTH_CAP};
use crate::goyaml::number;
use crate::goyaml::value::{Map, Value};

use super::hop;
use super::order::Order;
use super::scalar;

/// Which go-yaml is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Behind JSON: sequences at the indent of their key, lines folded.
    V2,
    /// Straight: sequences indented, lines as long as they are.
    V3,
}

impl Dialect {
    /// Behind which column a line is folded at the next space.
    fn width(self) -> usize {
        match self {
            Self::V2 => 80,
            Self::V3 => usize::MAX,
        }
    }

    fn order(self) -> Order {
        match self {
            Self::V2 => Order::V2,
            Self::V3 => Order::V3,
        }
    }
}

/// How far a collection is indented under the one around it.
const INDENT: usize = 2;

/// A longer key stands behind a question mark; bytes.
const SIMPLE_KEY_CAP: usize = 128;

/// What stands before a node on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// The start of the text.
    Nothing,
    /// The colon of a simple key.
    Key,
    /// A dash, or the question mark or colon of a long key: a collection starts on the same line.
    Indicator,
}

/// What the current line has so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing, or an indent.
    Indent,
    /// Dashes, question marks and colons of long keys: a collection may go on behind them.
    Indicators,
    /// Anything else.
    Content,
}

/// A text on its way.
pub(super) struct Writer {
    dialect: Dialect,
    out: String,
    /// Characters on the current line.
    column: usize,
    line: Line,
    depth: usize,
}

impl Writer {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            out: String::new(),
            column: 0,
            line: Line::Indent,
            depth: 0,
        }
    }

    /// The whole text, less its last line break.
    pub(super) fn document(mut self, value: &Value) -> Result<String, Error> {
        self.node(value, 0, Before::Nothing)?;
        if self.column == 0 && self.out.ends_with('\n') {
            self.out.pop();
        }
        Ok(self.out)
    }

    /// A value whose line is indented by `indent`.
    fn node(&mut self, value: &Value, indent: usize, before: Before) -> Result<(), Error> {
        limits::in_time()?;
        let inner = match before {
            Before::Nothing => INDENT,
            Before::Key | Before::Indicator => indent + INDENT,
        };
        match value {
            Value::Null => self.word("null"),
            Value::Bool(true) => self.word("true"),
            Value::Bool(false) => self.word("false"),
            Value::Int(number) => self.number(number),
            Value::Uint(number) => self.number(number),
            Value::Float(number) => self.float(*number)?,
            Value::String(text) => {
                let text = self.hop(text)?;
                let style = scalar::style(&text, self.dialect, false);
                self.text(&text, style, inner, true);
            }
            Value::Seq(elements) if elements.is_empty() => self.word("[]"),
            Value::Map(map) if map.is_empty() => self.word("{}"),
            Value::Seq(elements) => {
                let indent = match (before, self.dialect) {
                    (Before::Nothing, _) => 0,
                    (Before::Key, Dialect::V2) => indent,
                    (Before::Key, Dialect::V3) | (Before::Indicator, _) => inner,
                };
                self.deeper(|writer| writer.seq(elements, indent))?;
            }
            Value::Map(map) => {
                let indent = if before == Before::Nothing { 0 } else { inner };
                self.deeper(|writer| writer.map(map, indent))?;
            }
        }
        Ok(())
    }

    fn deeper(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_CAP {
            return Err(Error::TooDeep { limit: DEPTH_CAP });
        }
        limits::with_stack(|| write(self))?;
        self.depth -= 1;
        Ok(())
    }

    fn seq(&mut self, elements: &[Value], indent: usize) -> Result<(), Error> {
        for element in elements {
            self.start_at(indent);
            self.indicator('-');
            self.node(element, indent, Before::Indicator)?;
        }
        Ok(())
    }

    fn map(&mut self, map: &Map, indent: usize) -> Result<(), Error> {
        let mut entries: Vec<(&str, &Value)> = Vec::with_capacity(map.len());
        for (key, value) in map {
            let key = match self.dialect {
                Dialect::V2 => hop::key(key)?,
                Dialect::V3 => key,
            };
            entries.push((key, value));
        }
        self.dialect.order().sort(&mut entries);
        for (key, value) in entries {
            self.start_at(indent);
            if key.len() <= SIMPLE_KEY_CAP && !scalar::is_multiline(key) {
                let style = scalar::style(key, self.dialect, true);
                self.text(key, style, indent + INDENT, false);
                self.push(':');
                self.node(value, indent, Before::Key)?;
            } else {
                self.indicator('?');
                let style = scalar::style(key, self.dialect, false);
                self.text(key, style, indent + INDENT, true);
                self.start_at(indent);
                self.indicator(':');
                self.node(value, indent, Before::Indicator)?;
            }
        }
        Ok(())
    }

    fn hop<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Error> {
        match self.dialect {
            Dialect::V2 => hop::text(text),
            Dialect::V3 => Ok(Cow::Borrowed(text)),
        }
    }

    fn float(&mut self, number: f64) -> Result<(), Error> {
        let text = match self.dialect {
            Dialect::V2 => hop::float(number)?,
            Dialect::V3 => number::general(number),
        };
        self.word(match text.as_str() {
            "+Inf" => ".inf",
            "-Inf" => "-.inf",
            "NaN" => ".nan",
            text => text,
        });
        Ok(())
    }

    fn number(&mut self, number: impl std::fmt::Display) {
        self.lead();
        let before = self.out.len();
        let _ = write!(self.out, "{number}");
        self.column += self.out.len() - before;
    }

    /// ASCII without breaks, as it is.
    fn word(&mut self, word: &str) {
        self.lead();
        self.out.push_str(word);
        self.column += word.len();
    }

    /// The space before a node, unless it stands at the start of its line.
    fn lead(&mut self) {
        if self.line != Line::Indent {
            self.push(' ');
        }
        self.line = Line::Content;
    }

    fn indicator(&mut self, indicator: char) {
        self.push(indicator);
        self.line = Line::Indicators;
    }

    fn push(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn pad(&mut self, indent: usize) {
        while self.column < indent {
            self.push(' ');
        }
    }

    /// Goes on in the next line.
    fn fold(&mut self, indent: usize) {
        self.line_break();
        self.pad(indent);
    }

    /// A line of its own for what comes next, or the rest of a line that has only indicators so far.
    fn start_at(&mut self, indent: usize) {
        if self.line == Line::Content && self.column > 0 {
            self.line_break();
        }
        self.pad(indent);
        self.line = Line::Indent;
    }
}
