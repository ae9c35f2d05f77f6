//! Nodes: texts, actions and control structures.

use super::frame::{At, Frame, Operand};
use super::{Evaluation, Result};
use crate::gotemplate::error::Limit;
use crate::gotemplate::fmt;
use crate::gotemplate::function::Failure;
use crate::gotemplate::probe::{Outcome, Probe, Site};
use crate::gotemplate::strconv::quote;
use crate::gotemplate::tree::{Body, Branch, Node, NodeKind, Pipeline, Variable};
use crate::gotemplate::value::{UintKind, Value};

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Onward,
    Break,
    Continue,
}

impl<P: Probe> Evaluation<'_, P> {
    pub(super) fn walk<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        nodes: &'t [Node],
    ) -> Result<Flow> {
        for node in nodes {
            self.budget.step()?;
            frame.at = Some(At::Node(node));
            let before = self.out.len();
            let flow = match &node.kind {
                NodeKind::Text(text) => {
                    self.write(text)?;
                    self.tell(frame, node, before);
                    Flow::Onward
                }
                NodeKind::Action(pipeline) => {
                    let value = self.pipeline(frame, dot, pipeline)?;
                    if pipeline.declared.is_empty() {
                        frame.at = Some(At::Node(node));
                        self.print(frame, &value.value, pipeline)?;
                        self.tell(frame, node, before);
                    }
                    Flow::Onward
                }
                NodeKind::If(branch) => self.branch(frame, dot, branch, false)?,
                NodeKind::With(branch) => self.branch(frame, dot, branch, true)?,
                NodeKind::Range(branch) => self.range(frame, dot, branch)?,
                NodeKind::Template { name, pipeline } => {
                    self.template(frame, dot, name, pipeline.as_ref())?;
                    Flow::Onward
                }
                NodeKind::Break => Flow::Break,
                NodeKind::Continue => Flow::Continue,
            };
            if flow != Flow::Onward {
                return Ok(flow);
            }
        }
        Ok(Flow::Onward)
    }

    /// Tells the probe what a node wrote since the output had that length.
    fn tell(&mut self, frame: &Frame<'_>, node: &Node, before: usize) {
        if self.captures == 0 {
            let site = site(frame.body(), node.position);
            let output = self.out.get(before..).unwrap_or_default();
            self.probe
                .wrote(site, output, matches!(node.kind, NodeKind::Text(_)));
        }
    }

    fn nested<'t>(&mut self, frame: &mut Frame<'t>, dot: &Operand, nodes: &'t [Node]) -> Result<Flow> {
        stacker::maybe_grow(128 << 10, 4 << 20, || self.walk(frame, dot, nodes))
    }

    fn print(&mut self, frame: &Frame<'_>, value: &Value, pipeline: &Pipeline) -> Result<()> {
        match value {
            Value::String(text) => self.write(text),
            Value::Invalid | Value::Nil => self.write(b"<no value>"),
            Value::Function(_) => Err(frame.error(format!(
                "can't print {{{{{pipeline}}}}} of type {}",
                value.type_name()
            ))),
            other => {
                let before = self.out.len();
                fmt::print_into(&mut self.out, std::slice::from_ref(other)).map_err(
                    |failure| match failure {
                        Failure::Memory => self.budget.exceeded(Limit::Memory),
                        Failure::Time => self.budget.exceeded(Limit::Time),
                        other => frame.error(other.to_string()),
                    },
                )?;
                self.budget.produced(self.out.len() - before)
            }
        }
    }

    /// Evaluates the pipeline of a condition and tells the probe which way it goes.
    fn decide<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        pipeline: &'t Pipeline,
        goes_in: impl Fn(&Value) -> bool,
    ) -> Result<Operand> {
        let site = site(frame.body(), pipeline.position);
        self.probe.enter_condition(site);
        let value = self.pipeline(frame, dot, pipeline);
        let outcome = value.as_ref().ok().map(|v| {
            if goes_in(&v.value) {
                Outcome::Body
            } else {
                Outcome::Otherwise
            }
        });
        self.probe.leave_condition(site, outcome);
        value
    }

    fn branch<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        branch: &'t Branch,
        with: bool,
    ) -> Result<Flow> {
        let mark = frame.variables.len();
        let value = self.decide(frame, dot, &branch.pipeline, Value::truth)?;
        let flow = if value.value.truth() {
            self.nested(frame, if with { &value } else { dot }, &branch.body)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.nested(frame, dot, otherwise)?
        } else {
            Flow::Onward
        };
        frame.variables.truncate(mark);
        Ok(flow)
    }

    fn range<'t>(&mut self, frame: &mut Frame<'t>, dot: &Operand, branch: &'t Branch) -> Result<Flow> {
        let outer = frame.variables.len();
        let value = self.decide(frame, dot, &branch.pipeline, iterates)?;
        self.probe.called("range", std::slice::from_ref(&value.value));
        let ran = self.iterate(frame, &value.value.plain(), branch)?;
        let mut flow = Flow::Onward;
        if !ran && let Some(otherwise) = &branch.otherwise {
            flow = self.nested(frame, dot, otherwise)?;
        }
        frame.variables.truncate(outer);
        Ok(flow)
    }

    /// Runs the body for every element; false if there is none.
    fn iterate<'t>(&mut self, frame: &mut Frame<'t>, value: &Value, branch: &'t Branch) -> Result<bool> {
        let mut ran = false;
        let mut each = |this: &mut Self, frame: &mut Frame<'t>, key: Operand, element: Operand| {
            ran = true;
            this.iteration(frame, key, &element, branch)
        };
        let key = |i: usize| Operand::of(Value::int(i64::try_from(i).unwrap_or(i64::MAX)));
        match value {
            Value::List(list) => {
                for (i, item) in list.iter().enumerate() {
                    let item = Operand::boxed(item.clone(), list.holds_any());
                    if !each(self, frame, key(i), item)? {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                for (i, byte) in bytes.iter().enumerate() {
                    let item = Operand::of(Value::Uint(u64::from(*byte), UintKind::Uint8));
                    if !each(self, frame, key(i), item)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in map.entries() {
                    self.probe.read(map, &key);
                    let item = Operand::boxed(item, map.holds_any());
                    if !each(self, frame, Operand::of(Value::String(key)), item)? {
                        break;
                    }
                }
            }
            Value::Int(..) | Value::Uint(..) if branch.pipeline.declared.len() > 1 => {
                let shown = fmt::text_of(value).map_or_else(|_| String::new(), |t| t.to_text());
                return Err(frame.error(format!(
                    "can't use {shown} to iterate over more than one variable"
                )));
            }
            Value::Int(end, kind) => {
                for i in 0..*end {
                    let item = Operand::of(Value::Int(i, *kind));
                    if !each(self, frame, item.clone(), item)? {
                        break;
                    }
                }
            }
            Value::Uint(end, kind) => {
                for i in 0..*end {
                    let item = Operand::of(Value::Uint(i, *kind));
                    if !each(self, frame, item.clone(), item)? {
                        break;
                    }
                }
            }
            Value::Invalid | Value::Nil => {}
            other => {
                let shown = fmt::text_of(other).map_or_else(|_| String::new(), |t| t.to_text());
                return Err(frame.error(format!("range can't iterate over {shown}")));
            }
        }
        Ok(ran)
    }

    /// Runs the body once; false after a break.
    fn iteration<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        key: Operand,
        element: &Operand,
        branch: &'t Branch,
    ) -> Result<bool> {
        self.budget.step()?;
        let mark = frame.variables.len();
        let pipeline = &branch.pipeline;
        match (pipeline.declared.as_slice(), pipeline.assigns) {
            ([], _) => {}
            ([only], true) => set(frame, only, element.clone())?,
            ([first, second, ..], true) => {
                set(frame, first, key)?;
                set(frame, second, element.clone())?;
            }
            ([_], false) => frame.set_from_top(1, element.clone()),
            ([_, _, ..], false) => {
                frame.set_from_top(1, element.clone());
                frame.set_from_top(2, key);
            }
        }
        let flow = self.nested(frame, element, &branch.body)?;
        frame.variables.truncate(mark);
        Ok(flow != Flow::Break)
    }

    fn template<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        name: &[u8],
        pipeline: Option<&'t Pipeline>,
    ) -> Result<()> {
        let Some(body) = self.body(name) else {
            let name = quote(name);
            return Err(frame.error(format!("template {} not defined", String::from_utf8_lossy(&name))));
        };
        let data = match pipeline {
            Some(pipeline) => self.pipeline(frame, dot, pipeline)?,
            None => Operand::of(Value::Invalid),
        };
        let below = self.variables;
        self.variables += frame.variables.len() as u64;
        let result = self.execute(&body, data);
        self.variables = below;
        result
    }
}

fn site(body: &Body, position: u32) -> Site<'_> {
    Site {
        file: &body.source.name,
        template: &body.name,
        offset: usize::try_from(position).unwrap_or(usize::MAX),
    }
}

fn set(frame: &mut Frame<'_>, variable: &Variable, value: Operand) -> Result<()> {
    frame.assign(variable, value).map(|_| ())
}

/// Whether `range` runs its body for this value.
fn iterates(value: &Value) -> bool {
    match value.plain() {
        Value::Int(n, _) => n > 0,
        other => other.truth(),
    }
}
