//! Pipelines, commands, and constants.

use super::frame::{At, Frame, Operand};
use super::{Evaluation, Result};
use crate::gotemplate::probe::Probe;
use crate::gotemplate::tree::{Command, Expression, ExpressionKind, Number, Pipeline, Variable};
use crate::gotemplate::value::Value;

impl<P: Probe> Evaluation<'_, P> {
    pub(super) fn pipeline<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        pipeline: &'t Pipeline,
    ) -> Result<Operand> {
        frame.at = Some(At::Pipeline(pipeline));
        let assigns = !pipeline.declared.is_empty();
        if assigns {
            self.probe.enter_assignment();
        }
        let mut value: Option<Operand> = None;
        for command in &pipeline.commands {
            value = Some(self.command(frame, dot, command, value)?.unboxed());
        }
        let value = value.unwrap_or_else(|| Operand::of(Value::Invalid));
        for variable in &pipeline.declared {
            let place = if pipeline.assigns {
                frame.assign(variable, value.clone())?
            } else {
                frame.variables.push((variable.symbol, value.clone()));
                frame.variables.len() - 1
            };
            self.probe.leave_assignment(self.variables + place as u64);
        }
        Ok(value)
    }

    fn command<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        command: &'t Command,
        last: Option<Operand>,
    ) -> Result<Operand> {
        self.budget.step()?;
        let Some((first, rest)) = command.arguments.split_first() else {
            return Ok(Operand::of(Value::Invalid));
        };
        match &first.kind {
            ExpressionKind::Field(fields) => {
                frame.at = Some(At::Expression(first));
                self.fields(frame, dot, dot, first, fields, rest, last)
            }
            ExpressionKind::Chain { base, fields } => {
                let base = self.chain_base(frame, dot, first, base)?;
                self.fields(frame, dot, &base, first, fields, rest, last)
            }
            ExpressionKind::Function { place, .. } => {
                frame.at = Some(At::Expression(first));
                self.function(frame, dot, At::Command(command), *place, rest, last)
            }
            ExpressionKind::Pipeline(pipeline) => {
                not_a_function(frame, first, rest, last.as_ref())?;
                stacker::maybe_grow(128 << 10, 4 << 20, || self.pipeline(frame, dot, pipeline))
            }
            ExpressionKind::Variable { variable, fields } => {
                self.variable(frame, dot, first, variable, fields, rest, last)
            }
            kind => {
                frame.at = Some(At::Expression(first));
                not_a_function(frame, first, rest, last.as_ref())?;
                match kind {
                    ExpressionKind::Dot => Ok(dot.clone()),
                    ExpressionKind::Nil => Err(frame.error("nil is not a command")),
                    _ => constant(frame, first).map(Operand::of),
                }
            }
        }
    }

    pub(super) fn chain_base<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        chain: &'t Expression,
        base: &'t Expression,
    ) -> Result<Operand> {
        frame.at = Some(At::Expression(chain));
        if let ExpressionKind::Nil = base.kind {
            return Err(frame.error(format!("indirection through explicit nil in {chain}")));
        }
        self.expression(frame, dot, base)
    }

    /// An expression that is no constant, as an argument or the base of a chain.
    pub(super) fn expression<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        expression: &'t Expression,
    ) -> Result<Operand> {
        frame.at = Some(At::Expression(expression));
        match &expression.kind {
            ExpressionKind::Dot => Ok(dot.clone()),
            ExpressionKind::Field(fields) => self.fields(frame, dot, dot, expression, fields, &[], None),
            ExpressionKind::Variable { variable, fields } => {
                self.variable(frame, dot, expression, variable, fields, &[], None)
            }
            ExpressionKind::Chain { base, fields } => {
                let base = self.chain_base(frame, dot, expression, base)?;
                self.fields(frame, dot, &base, expression, fields, &[], None)
            }
            ExpressionKind::Pipeline(pipeline) => {
                stacker::maybe_grow(128 << 10, 4 << 20, || self.pipeline(frame, dot, pipeline))
            }
            ExpressionKind::Function { place, .. } => {
                self.function(frame, dot, At::Expression(expression), *place, &[], None)
            }
            ExpressionKind::Nil => Ok(Operand::boxed(Value::Nil, true)),
            _ => constant(frame, expression).map(Operand::of),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a call, as for fields and functions"
    )]
    fn variable<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        expression: &'t Expression,
        variable: &'t Variable,
        fields: &'t [crate::gotemplate::GoString],
        arguments: &'t [Expression],
        last: Option<Operand>,
    ) -> Result<Operand> {
        frame.at = Some(At::Expression(expression));
        let place = frame.find(variable)?;
        self.probe.read_variable(self.variables + place as u64);
        let value = frame
            .variables
            .get(place)
            .map_or_else(|| Operand::of(Value::Invalid), |(_, v)| v.clone());
        if fields.is_empty() {
            not_a_function(frame, expression, arguments, last.as_ref())?;
            return Ok(value);
        }
        self.fields(frame, dot, &value, expression, fields, arguments, last)
    }
}

/// A constant where its type is free.
pub(super) fn constant<'t>(frame: &mut Frame<'t>, expression: &'t Expression) -> Result<Value> {
    frame.at = Some(At::Expression(expression));
    match &expression.kind {
        ExpressionKind::Bool(truth) => Ok(Value::Bool(*truth)),
        ExpressionKind::String { value, .. } => Ok(Value::String(value.clone())),
        ExpressionKind::Number(number) => {
            ideal(number).ok_or_else(|| frame.error(format!("{} overflows int", number.text)))
        }
        _ => Ok(Value::Invalid),
    }
}

/// The value of a number constant where its type is free.
fn ideal(number: &Number) -> Option<Value> {
    if let Some((re, im)) = number.complex {
        return Some(Value::Complex(re, im));
    }
    let text = number.text.as_bytes();
    let hex = matches!(text, [b'0', b'x' | b'X', _, ..]) && !text.iter().any(|b| b"pP".contains(b));
    if let Some(float) = number.float
        && !hex
        && !number.character
        && text.iter().any(|b| b".eEpP".contains(b))
    {
        return Some(Value::Float(float));
    }
    number.int.map(Value::int)
}

fn not_a_function(
    frame: &Frame<'_>,
    first: &Expression,
    arguments: &[Expression],
    last: Option<&Operand>,
) -> Result<()> {
    if arguments.is_empty() && last.is_none() {
        return Ok(());
    }
    Err(frame.error(format!("can't give argument to non-function {first}")))
}
