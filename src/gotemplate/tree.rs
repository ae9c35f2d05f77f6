//! Parsed templates. Trees are shared between threads and renders; every part knows its place in the text.

use std::fmt;
use std::sync::Arc;

use super::text::GoString;

/// A text that was parsed, with the name that errors call it by.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: Arc<[u8]>,
}

impl Source {
    /// Line (from 1) and column in bytes (from 0) of a place.
    pub(super) fn line_and_column(&self, position: usize) -> (usize, usize) {
        let before = self.text.get(..position).unwrap_or(&self.text);
        let line = before.split(|b| *b == b'\n').count();
        let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        (line, before.len() - start)
    }
}

/// One template: a `define`, or what a file has outside of them.
pub(super) struct Body {
    pub(super) name: GoString,
    pub(super) source: Arc<Source>,
    pub(super) nodes: Vec<Node>,
    /// Only spaces and comments: does not replace a template that has more.
    pub(super) empty: bool,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} of {})", self.name, self.source.name)
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) position: u32,
    pub(super) kind: NodeKind,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    Text(GoString),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        name: GoString,
        pipeline: Option<Pipeline>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Option<Vec<Node>>,
}

#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) position: u32,
    pub(super) declared: Vec<Variable>,
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// With the dollar.
    pub(super) name: GoString,
    /// A number that stands for the name within one template.
    pub(super) symbol: u32,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) position: u32,
    pub(super) arguments: Vec<Expression>,
}

#[derive(Debug)]
pub(super) struct Expression {
    pub(super) position: u32,
    pub(super) kind: ExpressionKind,
}

#[derive(Debug)]
pub(super) enum ExpressionKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    String {
        value: GoString,
        quoted: Arc<[u8]>,
    },
    Field(Vec<GoString>),
    Variable {
        variable: Variable,
        fields: Vec<GoString>,
    },
    Chain {
        base: Box<Expression>,
        fields: Vec<GoString>,
    },
    Pipeline(Box<Pipeline>),
    Function {
        place: u32,
        name: GoString,
    },
}

/// A number as it is written, with all readings it has.
#[derive(Clone, Debug, Default)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) uint: Option<u64>,
    pub(super) float: Option<f64>,
    pub(super) complex: Option<(f64, f64)>,
    pub(super) text: String,
    /// Written as a character.
    pub(super) character: bool,
}

fn text(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str(&String::from_utf8_lossy(bytes))
}

fn dotted(f: &mut fmt::Formatter<'_>, fields: &[GoString]) -> fmt::Result {
    fields.iter().try_for_each(|field| {
        f.write_str(".")?;
        text(f, field)
    })
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, variable) in self.declared.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            text(f, &variable.name)?;
        }
        if !self.declared.is_empty() {
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, argument) in self.arguments.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            if let ExpressionKind::Pipeline(_) = argument.kind {
                write!(f, "({argument})")?;
            } else {
                write!(f, "{argument}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExpressionKind::Dot => f.write_str("."),
            ExpressionKind::Nil => f.write_str("nil"),
            ExpressionKind::Bool(truth) => write!(f, "{truth}"),
            ExpressionKind::Number(number) => f.write_str(&number.text),
            ExpressionKind::String { quoted, .. } => text(f, quoted),
            ExpressionKind::Field(fields) => dotted(f, fields),
            ExpressionKind::Variable { variable, fields } => {
                text(f, &variable.name)?;
                dotted(f, fields)
            }
            ExpressionKind::Chain { base, fields } => {
                if let ExpressionKind::Pipeline(_) = base.kind {
                    write!(f, "({base})")?;
                } else {
                    write!(f, "{base}")?;
                }
                dotted(f, fields)
            }
            ExpressionKind::Pipeline(pipeline) => write!(f, "{pipeline}"),
            ExpressionKind::Function { name, .. } => text(f, name),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, nodes: &[Node]) -> fmt::Result {
    nodes.iter().try_for_each(|node| write!(f, "{node}"))
}

impl Branch {
    fn show(&self, f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
        write!(f, "{{{{{word} {}}}}}", self.pipeline)?;
        list(f, &self.body)?;
        if let Some(otherwise) = &self.otherwise {
            f.write_str("{{else}}")?;
            list(f, otherwise)?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Text(bytes) => text(f, bytes),
            NodeKind::Action(pipeline) => write!(f, "{{{{{pipeline}}}}}"),
            NodeKind::If(branch) => branch.show(f, "if"),
            NodeKind::With(branch) => branch.show(f, "with"),
            NodeKind::Range(branch) => branch.show(f, "range"),
            NodeKind::Template { name, pipeline } => {
                f.write_str("{{template ")?;
                text(f, &super::strconv::quote(name))?;
                if let Some(pipeline) = pipeline {
                    write!(f, " {pipeline}")?;
                }
                f.write_str("}}")
            }
            NodeKind::Break => f.write_str("{{break}}"),
            NodeKind::Continue => f.write_str("{{continue}}"),
        }
    }
}
