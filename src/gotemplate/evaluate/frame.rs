//! What belongs to one call of a template: its variables, and the place that errors name.

use std::fmt::{self, Write as _};

use crate::gotemplate::error::{Error, ErrorKind, Place};
use crate::gotemplate::strconv::quote;
use crate::gotemplate::tree::{Body, Command, Expression, Node, Pipeline, Variable};
use crate::gotemplate::value::Value;

/// How many characters of an expression an error shows. Go shows all, but an error is one line.
const CONTEXT: usize = 1000;

/// A value, and whether Go holds it as an `interface {}` (which only error texts show).
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) value: Value,
    pub(super) boxed: bool,
}

impl Operand {
    pub(super) fn of(value: Value) -> Self {
        Self { value, boxed: false }
    }

    pub(super) fn boxed(value: Value, boxed: bool) -> Self {
        Self { value, boxed }
    }

    /// The value taken out of its `interface {}`; a nil one leaves no value.
    pub(super) fn unboxed(self) -> Self {
        Self::of(match self.value {
            Value::Nil => Value::Invalid,
            value => value,
        })
    }

    /// The static type as errors print it.
    pub(super) fn type_name(&self) -> &'static str {
        if self.boxed {
            "interface {}"
        } else {
            self.value.type_name()
        }
    }
}

/// The part of the tree that is being evaluated.
#[derive(Clone, Copy)]
pub(super) enum At<'t> {
    Node(&'t Node),
    Pipeline(&'t Pipeline),
    Command(&'t Command),
    Expression(&'t Expression),
}

impl At<'_> {
    fn position(self) -> usize {
        let position = match self {
            Self::Node(node) => node.position,
            Self::Pipeline(pipeline) => pipeline.position,
            Self::Command(command) => command.position,
            Self::Expression(expression) => expression.position,
        };
        usize::try_from(position).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Pipeline(pipeline) => pipeline.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Expression(expression) => expression.fmt(f),
        }
    }
}

pub(super) struct Frame<'t> {
    body: &'t Body,
    pub(super) at: Option<At<'t>>,
    pub(super) variables: Vec<(u32, Operand)>,
}

impl<'t> Frame<'t> {
    pub(super) fn new(body: &'t Body, data: Operand) -> Self {
        let mut variables = Vec::with_capacity(8);
        variables.push((0, data));
        Self {
            body,
            at: None,
            variables,
        }
    }

    /// What the template was called with.
    pub(super) fn dollar(&self) -> Operand {
        self.variables
            .first()
            .map_or_else(|| Operand::of(Value::Invalid), |(_, v)| v.clone())
    }

    pub(super) fn body(&self) -> &'t Body {
        self.body
    }

    /// The place of a variable on the stack: the innermost one of that name.
    pub(super) fn find(&self, variable: &Variable) -> Result<usize, Error> {
        self.variables
            .iter()
            .rposition(|(symbol, _)| *symbol == variable.symbol)
            .ok_or_else(|| self.error(format!("undefined variable: {}", variable.name)))
    }

    pub(super) fn assign(&mut self, variable: &Variable, value: Operand) -> Result<usize, Error> {
        let place = self.find(variable)?;
        if let Some((_, slot)) = self.variables.get_mut(place) {
            *slot = value;
        }
        Ok(place)
    }

    /// Changes the variable that is `from_top` places from the top (from 1).
    pub(super) fn set_from_top(&mut self, from_top: usize, value: Operand) {
        let place = self.variables.len().checked_sub(from_top);
        if let Some((_, slot)) = place.and_then(|p| self.variables.get_mut(p)) {
            *slot = value;
        }
    }

    /// An error at the place that is being evaluated.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        self.error_of(ErrorKind::Execution, message.into())
    }

    pub(super) fn error_of(&self, kind: ErrorKind, message: String) -> Error {
        let Some(at) = self.at else {
            return Error {
                kind,
                place: None,
                message,
            };
        };
        let position = at.position();
        let (line, column) = self.body.source.line_and_column(position);
        let mut shown = Shown::default();
        // The text of a long node is cut on the way, so that nothing huge is built.
        let cut = write!(shown, "{at}").is_err();
        let mut context = shown.text;
        if cut {
            context.push_str("...");
        }
        let length = if cut { CONTEXT } else { context.len() };
        Error {
            kind,
            place: Some(Box::new(Place {
                file: self.body.source.name.clone(),
                template: Some(named(&self.body.name)),
                line,
                column: Some(column),
                span: position..position + length,
                context: Some(context),
            })),
            message,
        }
    }
}

/// The name of a template as messages show it; each template on the way to a failure adds its own.
fn named(name: &[u8]) -> String {
    let cut = name.get(..CONTEXT).unwrap_or(name);
    let mut shown = String::from_utf8_lossy(&quote(cut)).into_owned();
    if cut.len() < name.len() {
        shown.push_str("...");
    }
    shown
}

/// A text that takes no more than [`CONTEXT`] characters.
#[derive(Default)]
struct Shown {
    text: String,
    count: usize,
}

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.count == CONTEXT {
                return Err(fmt::Error);
            }
            self.count += 1;
            self.text.push(c);
        }
        Ok(())
    }
}
