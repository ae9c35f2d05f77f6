//! Calls of functions, and the values of their arguments.

use super::frame::{At, Frame, Operand};
use super::{Evaluation, Result};
use crate::gotemplate::arguments::{assign, count};
use crate::gotemplate::error::{ErrorKind, Limit};
use crate::gotemplate::function::{Arguments, Body, Failure, Signature};
use crate::gotemplate::probe::Probe;
use crate::gotemplate::tree::{Expression, ExpressionKind};
use crate::gotemplate::types::{Kind, Type};
use crate::gotemplate::value::{IntKind, UintKind, Value};

/// How many characters of a long message stay, of its beginning and of its end.
const BEGINNING: usize = 2_000;
const END: usize = 4_000;

impl<P: Probe> Evaluation<'_, P> {
    pub(super) fn function<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        at: At<'t>,
        place: u32,
        arguments: &'t [Expression],
        last: Option<Operand>,
    ) -> Result<Operand> {
        // The table outlives the run, so the function can be borrowed beside `self`.
        let templates = self.templates;
        let Some(function) = templates.functions().at(place) else {
            return Err(frame.error("function is gone from the table"));
        };
        let signature = function.signature();
        match &function.body {
            Body::And => return self.short_circuit(frame, dot, "and", arguments, last, false),
            Body::Or => return self.short_circuit(frame, dot, "or", arguments, last, true),
            _ => {}
        }
        let values = self.arguments(frame, dot, signature, function.name(), arguments, last)?;
        self.probe.called(function.name(), &values);
        if function.name() == "call"
            && let Some(message) = not_callable(values.first(), arguments.first())
        {
            return self.answer(frame, at, "call", Err(Failure::from(message)));
        }
        let result = match &function.body {
            Body::Plain(body) => body(Arguments::new(&values)),
            _ => function.call(self, Arguments::new(&values)),
        };
        self.answer(frame, at, function.name(), result)
    }

    /// `and` and `or` look at no more arguments than they need.
    fn short_circuit<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        name: &str,
        arguments: &'t [Expression],
        last: Option<Operand>,
        stop: bool,
    ) -> Result<Operand> {
        if arguments.is_empty() && last.is_none() {
            return Err(frame.error(format!("wrong number of args for {name}: want at least 1 got 0")));
        }
        let mut value = Value::Invalid;
        for argument in arguments {
            value = self.argument(frame, dot, argument, Type::REFLECT)?;
            if value.truth() == stop {
                return Ok(Operand::of(value));
            }
        }
        Ok(last.unwrap_or_else(|| Operand::of(value)))
    }

    /// The checked values of a call's arguments.
    pub(super) fn arguments<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        signature: &Signature,
        name: &str,
        arguments: &'t [Expression],
        last: Option<Operand>,
    ) -> Result<Vec<Value>> {
        let given = arguments.len() + usize::from(last.is_some());
        count(signature, name, given).map_err(|message| frame.error(message))?;
        let mut values = Vec::with_capacity(given);
        for (i, argument) in arguments.iter().enumerate() {
            let ty = signature.parameter(i).unwrap_or(Type::ANY);
            values.push(self.argument(frame, dot, argument, ty)?);
        }
        if let Some(last) = last {
            let ty = signature.parameter(arguments.len()).unwrap_or(Type::ANY);
            values.push(assign(last.value, ty).map_err(|message| frame.error(message))?);
        }
        for value in &mut values {
            if matches!(value, Value::Object(_)) {
                *value = std::mem::take(value).copied();
            }
        }
        // Reading long texts is work, as making them is.
        let read = values.iter().map(|value| match value {
            Value::String(text) | Value::Bytes(text) => text.len(),
            _ => 0,
        });
        self.budget.worked(read.sum())?;
        Ok(values)
    }

    /// What a function gave, or the error that says who failed.
    pub(super) fn answer<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        at: At<'t>,
        name: &str,
        result: std::result::Result<Value, Failure>,
    ) -> Result<Operand> {
        match result {
            Ok(value) => {
                match &value {
                    Value::String(text) | Value::Bytes(text) => self.budget.worked(text.len())?,
                    Value::List(_) | Value::Map(_) | Value::Object(_) => self.check_memory()?,
                    _ => {}
                }
                Ok(Operand::of(value))
            }
            Err(Failure::Memory) => Err(self.budget.exceeded(Limit::Memory)),
            Err(Failure::Time) => Err(self.budget.exceeded(Limit::Time)),
            // A limit ends the whole run; who called whom is no news then, and could be very long.
            Err(Failure::Template { source, .. }) if source.limit().is_some() => Err(*source),
            Err(failure) => {
                frame.at = Some(at);
                let message = shortened(format!("error calling {name}: {failure}"));
                let kind = ErrorKind::Function {
                    name: name.to_owned(),
                    failure: Box::new(failure),
                };
                Err(frame.error_of(kind, message))
            }
        }
    }

    /// The value of an argument for a parameter of that type.
    fn argument<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        argument: &'t Expression,
        ty: &'static Type,
    ) -> Result<Value> {
        frame.at = Some(At::Expression(argument));
        match &argument.kind {
            ExpressionKind::Nil => {
                if ty.is_reflect() {
                    Ok(Value::Invalid)
                } else if ty.kind().can_be_nil() {
                    Ok(Value::zero(ty))
                } else {
                    Err(frame.error(format!("cannot assign nil to {ty}")))
                }
            }
            ExpressionKind::Bool(_) | ExpressionKind::Number(_) | ExpressionKind::String { .. } => {
                constant_of(frame, argument, ty)
            }
            _ => {
                let operand = self.expression(frame, dot, argument)?;
                assign(operand.value, ty).map_err(|message| frame.error(message))
            }
        }
    }
}

/// A constant where a parameter says which type it has.
fn constant_of<'t>(frame: &mut Frame<'t>, constant: &'t Expression, ty: &'static Type) -> Result<Value> {
    let (expected, value) = match (ty.kind(), &constant.kind) {
        (Kind::Interface, _) => return super::pipeline::constant(frame, constant),
        _ if ty.is_reflect() => return super::pipeline::constant(frame, constant),
        (Kind::Bool, ExpressionKind::Bool(truth)) => ("bool", Some(Value::Bool(*truth))),
        (Kind::Bool, _) => ("bool", None),
        (Kind::String, ExpressionKind::String { value, .. }) => {
            ("string", Some(Value::String(value.clone())))
        }
        (Kind::String, _) => ("string", None),
        (kind, ExpressionKind::Number(number)) => match kind {
            Kind::Float32 | Kind::Float64 => ("float", number.float.map(Value::Float)),
            Kind::Complex64 | Kind::Complex128 => {
                let complex = number.complex.map(|(re, im)| Value::Complex(re, im));
                ("complex", complex)
            }
            kind => match (int_kind(kind), uint_kind(kind)) {
                (Some(kind), _) => ("integer", number.int.map(|n| Value::Int(wrapped(n, kind), kind))),
                (_, Some(kind)) => (
                    "unsigned integer",
                    number.uint.map(|n| Value::Uint(truncated(n, kind), kind)),
                ),
                _ => return Err(unsuitable(frame, constant, ty)),
            },
        },
        (Kind::Float32 | Kind::Float64, _) => ("float", None),
        (Kind::Complex64 | Kind::Complex128, _) => ("complex", None),
        (kind, _) if int_kind(kind).is_some() => ("integer", None),
        (kind, _) if uint_kind(kind).is_some() => ("unsigned integer", None),
        _ => return Err(unsuitable(frame, constant, ty)),
    };
    value.ok_or_else(|| frame.error(format!("expected {expected}; found {constant}")))
}

fn unsuitable(frame: &Frame<'_>, constant: &Expression, ty: &Type) -> crate::gotemplate::error::Error {
    frame.error(format!("can't handle {constant} for arg of type {ty}"))
}

/// What `call` says about a thing that is no function.
fn not_callable(callee: Option<&Value>, written: Option<&Expression>) -> Option<String> {
    let callee = callee?;
    let written = match (written, callee) {
        (Some(expression), _) => expression.to_string(),
        (None, Value::String(text)) => text.to_text(),
        (None, other) => format!("<{} Value>", other.type_name()),
    };
    match callee {
        Value::Function(_) => None,
        Value::Invalid | Value::Nil => Some("call of nil".to_owned()),
        other => Some(format!("non-function {written} of type {}", other.type_name())),
    }
}

fn int_kind(kind: Kind) -> Option<IntKind> {
    Some(match kind {
        Kind::Int => IntKind::Int,
        Kind::Int8 => IntKind::Int8,
        Kind::Int16 => IntKind::Int16,
        Kind::Int32 => IntKind::Int32,
        Kind::Int64 => IntKind::Int64,
        _ => return None,
    })
}

fn uint_kind(kind: Kind) -> Option<UintKind> {
    Some(match kind {
        Kind::Uint | Kind::Uintptr => UintKind::Uint,
        Kind::Uint8 => UintKind::Uint8,
        Kind::Uint16 => UintKind::Uint16,
        Kind::Uint32 => UintKind::Uint32,
        Kind::Uint64 => UintKind::Uint64,
        _ => return None,
    })
}

/// A message of bounded length. Every template on the way adds its place; how it began and what went wrong at last stay.
fn shortened(message: String) -> String {
    let count = message.chars().count();
    if count <= BEGINNING + END {
        return message;
    }
    let beginning = message.chars().take(BEGINNING);
    let end = message.chars().skip(count - END);
    beginning.chain(['…']).chain(end).collect()
}

/// A constant that is too wide for its type loses its upper bits, as Go's `SetInt` does it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "losing the upper bits is the point"
)]
fn wrapped(n: i64, kind: IntKind) -> i64 {
    match kind {
        IntKind::Int8 => i64::from(n as i8),
        IntKind::Int16 => i64::from(n as i16),
        IntKind::Int32 => i64::from(n as i32),
        IntKind::Int | IntKind::Int64 => n,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "losing the upper bits is the point"
)]
fn truncated(n: u64, kind: UintKind) -> u64 {
    match kind {
        UintKind::Uint8 => u64::from(n as u8),
        UintKind::Uint16 => u64::from(n as u16),
        UintKind::Uint32 => u64::from(n as u32),
        UintKind::Uint | UintKind::Uint64 => n,
    }
}
