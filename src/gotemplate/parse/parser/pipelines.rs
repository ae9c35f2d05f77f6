//! Pipelines, commands and operands.

use std::sync::Arc;

use super::super::constant::number;
use super::super::lexer::{Token, TokenKind};
use super::{Parser, Result, position};
use crate::gotemplate::strconv::quote;
use crate::gotemplate::text::GoString;
use crate::gotemplate::tree::{Command, Expression, ExpressionKind, Pipeline};

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: TokenKind) -> Result<Pipeline> {
        self.enter()?;
        let mut pipeline = Pipeline {
            position: position(self.peek_non_space().start),
            declared: Vec::new(),
            assigns: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipeline, context)?;
        loop {
            let token = self.next_non_space();
            if token.kind == end {
                break;
            }
            if !starts_operand(token.kind) {
                return Err(self.unexpected(&token, context));
            }
            self.give_back(token);
            let command = self.command()?;
            pipeline.commands.push(command);
        }
        self.check_pipeline(&pipeline, context)?;
        self.leave();
        Ok(pipeline)
    }

    fn declarations(&mut self, pipeline: &mut Pipeline, context: &str) -> Result<()> {
        loop {
            if self.peek_non_space().kind != TokenKind::Variable {
                return Ok(());
            }
            let variable = self.next();
            let after = self.peek().clone();
            let next = self.peek_non_space().clone();
            let comma = next.kind == TokenKind::Character && &*next.text == b",";
            if matches!(next.kind, TokenKind::Assign | TokenKind::Declare) {
                self.next_non_space();
                pipeline.assigns = next.kind == TokenKind::Assign;
                self.declare(pipeline, &variable);
                return Ok(());
            }
            if !comma {
                if after.kind == TokenKind::Space {
                    self.give_back(after);
                }
                self.give_back(variable);
                return Ok(());
            }
            self.next_non_space();
            self.declare(pipeline, &variable);
            if context != "range" || pipeline.declared.len() >= 2 {
                return Err(self.error(format!("too many declarations in {context}")));
            }
            if !matches!(
                self.peek_non_space().kind,
                TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen
            ) {
                return Err(self.error("range can only initialize variables"));
            }
        }
    }

    fn declare(&mut self, pipeline: &mut Pipeline, token: &Token<'_>) {
        let name = GoString::from(&*token.text);
        pipeline.declared.push(self.scope.declare(&name));
    }

    fn check_pipeline(&self, pipeline: &Pipeline, context: &str) -> Result<()> {
        if pipeline.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (i, command) in pipeline.commands.iter().enumerate().skip(1) {
            let first = command.arguments.first().map(|a| &a.kind);
            if let Some(
                ExpressionKind::Bool(_)
                | ExpressionKind::Dot
                | ExpressionKind::Nil
                | ExpressionKind::Number(_)
                | ExpressionKind::String { .. },
            ) = first
            {
                return Err(self.error(format!("non executable command in pipeline stage {}", i + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let mut command = Command {
            position: position(self.peek_non_space().start),
            arguments: Vec::new(),
        };
        loop {
            if let Some(operand) = self.operand()? {
                command.arguments.push(operand);
            }
            let token = self.next();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParen => {
                    self.give_back(token);
                    break;
                }
                TokenKind::Pipe => break,
                _ => return Err(self.unexpected(&token, "operand")),
            }
        }
        if command.arguments.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Expression>> {
        let Some(term) = self.term()? else { return Ok(None) };
        if self.peek().kind != TokenKind::Field {
            return Ok(Some(term));
        }
        let start = position(self.peek().start);
        let mut more = Vec::new();
        while self.peek().kind == TokenKind::Field {
            let token = self.next();
            more.push(field_name(&token));
        }
        // Go gives a field or variable with further fields the place of the second one.
        let kind = match term.kind {
            ExpressionKind::Field(mut fields) => {
                fields.append(&mut more);
                ExpressionKind::Field(fields)
            }
            ExpressionKind::Variable { variable, mut fields } => {
                fields.append(&mut more);
                ExpressionKind::Variable { variable, fields }
            }
            ExpressionKind::Bool(_)
            | ExpressionKind::String { .. }
            | ExpressionKind::Number(_)
            | ExpressionKind::Nil
            | ExpressionKind::Dot => {
                let shown = quote(term.to_string().as_bytes());
                let shown = String::from_utf8_lossy(&shown);
                return Err(self.error(format!("unexpected . after term {shown}")));
            }
            _ => ExpressionKind::Chain {
                base: Box::new(term),
                fields: more,
            },
        };
        Ok(Some(Expression {
            position: start,
            kind,
        }))
    }

    fn term(&mut self) -> Result<Option<Expression>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            TokenKind::Identifier => self.function(&token)?,
            TokenKind::Dot => ExpressionKind::Dot,
            TokenKind::Nil => ExpressionKind::Nil,
            TokenKind::Variable => self.variable(&token)?,
            TokenKind::Field => ExpressionKind::Field(vec![field_name(&token)]),
            TokenKind::Bool => ExpressionKind::Bool(&*token.text == b"true"),
            TokenKind::CharConstant | TokenKind::Complex | TokenKind::Number => {
                let number = number(&token.text, token.kind).map_err(|message| self.error(message))?;
                ExpressionKind::Number(Box::new(number))
            }
            TokenKind::LeftParen => {
                let pipeline = stacker::maybe_grow(64 << 10, 1 << 20, || {
                    self.pipeline("parenthesized pipeline", TokenKind::RightParen)
                })?;
                return Ok(Some(Expression {
                    position: pipeline.position,
                    kind: ExpressionKind::Pipeline(Box::new(pipeline)),
                }));
            }
            TokenKind::QuotedString | TokenKind::RawString => ExpressionKind::String {
                value: self.unquoted(&token)?,
                quoted: Arc::from(&*token.text),
            },
            _ => {
                self.give_back(token);
                return Ok(None);
            }
        };
        Ok(Some(Expression {
            position: position(token.start),
            kind,
        }))
    }

    fn function(&self, token: &Token<'_>) -> Result<ExpressionKind> {
        let name = std::str::from_utf8(&token.text).unwrap_or_default();
        let place = self.functions.place(name).ok_or_else(|| {
            let shown = quote(&token.text);
            self.error(format!(
                "function {} not defined",
                String::from_utf8_lossy(&shown)
            ))
        })?;
        Ok(ExpressionKind::Function {
            place,
            name: GoString::from(&*token.text),
        })
    }

    fn variable(&mut self, token: &Token<'_>) -> Result<ExpressionKind> {
        let name = GoString::from(&*token.text);
        if !self.scope.sees(&name) {
            let shown = quote(&name);
            return Err(self.error(format!("undefined variable {}", String::from_utf8_lossy(&shown))));
        }
        Ok(ExpressionKind::Variable {
            variable: self.scope.variable(&name),
            fields: Vec::new(),
        })
    }
}

/// The name of a field token without its dot.
fn field_name(token: &Token<'_>) -> GoString {
    GoString::from(token.text.get(1..).unwrap_or_default())
}

fn starts_operand(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Bool
            | TokenKind::CharConstant
            | TokenKind::Complex
            | TokenKind::Dot
            | TokenKind::Field
            | TokenKind::Identifier
            | TokenKind::Number
            | TokenKind::Nil
            | TokenKind::RawString
            | TokenKind::QuotedString
            | TokenKind::Variable
            | TokenKind::LeftParen
    )
}
