//! The parser: recursive descent with up to three tokens pushed back.

use std::collections::HashMap;
use std::sync::Arc;

use super::MAX_DEPTH;
use super::constant::number;
use super::lexer::{Lexer, Token, TokenKind};
use crate::gotemplate::error::{Error, ErrorKind, Limit, Place};
use crate::gotemplate::function::Functions;
use crate::gotemplate::strconv::{quote, unquote};
use crate::gotemplate::text::GoString;
use crate::gotemplate::tree::{
    Body, Branch, Command, Expression, ExpressionKind, Node, NodeKind, Pipeline, Source, Variable,
};

type Result<T> = std::result::Result<T, Error>;

pub(super) struct Parser<'s> {
    source: Arc<Source>,
    lexer: Lexer<'s>,
    functions: &'s Functions,
    /// Tokens given back, the next one last.
    pushed: Vec<Token<'s>>,
    /// Line and place of the token that was lexed last: what Go's errors name.
    latest: (usize, usize),
    action_line: Option<usize>,
    scope: Scope,
    depth: usize,
    bodies: Vec<Arc<Body>>,
    places: HashMap<GoString, usize>,
}

/// What belongs to the template that is being parsed.
struct Scope {
    /// The symbols of the variables in sight, the innermost last.
    variables: Vec<u32>,
    symbols: HashMap<GoString, u32>,
    /// How many variables in sight have a symbol.
    in_sight: Vec<u32>,
    range_depth: usize,
}

impl Scope {
    fn new() -> Self {
        let mut scope = Self {
            variables: Vec::new(),
            symbols: HashMap::new(),
            in_sight: Vec::new(),
            range_depth: 0,
        };
        scope.declare(&GoString::from("$"));
        scope
    }

    fn symbol(&mut self, name: &GoString) -> u32 {
        let next = u32::try_from(self.symbols.len()).unwrap_or(u32::MAX);
        *self.symbols.entry(name.clone()).or_insert_with(|| {
            self.in_sight.push(0);
            next
        })
    }

    fn count(&mut self, symbol: u32) -> Option<&mut u32> {
        self.in_sight.get_mut(usize::try_from(symbol).ok()?)
    }

    fn declare(&mut self, name: &GoString) -> Variable {
        let variable = self.variable(name);
        self.variables.push(variable.symbol);
        if let Some(count) = self.count(variable.symbol) {
            *count += 1;
        }
        variable
    }

    /// Takes the variables beyond the first `length` out of sight.
    fn forget(&mut self, length: usize) {
        while self.variables.len() > length {
            if let Some(symbol) = self.variables.pop()
                && let Some(count) = self.count(symbol)
            {
                *count -= 1;
            }
        }
    }

    fn sees(&mut self, name: &GoString) -> bool {
        let symbol = self.symbols.get(name).copied();
        symbol.and_then(|s| self.count(s)).is_some_and(|count| *count > 0)
    }

    fn variable(&mut self, name: &GoString) -> Variable {
        Variable {
            symbol: self.symbol(name),
            name: name.clone(),
        }
    }
}

/// What ended a list of nodes.
enum Ending {
    End,
    Else,
}

impl Ending {
    fn shown(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

enum Item {
    Node(Node),
    Ending(Ending),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

impl<'s> Parser<'s> {
    pub(super) fn new(source: Arc<Source>, text: &'s [u8], functions: &'s Functions) -> Self {
        let keyword = |name| functions.get(name).is_none();
        Self {
            lexer: Lexer::new(text, keyword("break"), keyword("continue")),
            source,
            functions,
            pushed: Vec::new(),
            latest: (1, 0),
            action_line: None,
            scope: Scope::new(),
            depth: 0,
            bodies: Vec::new(),
            places: HashMap::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Vec<Arc<Body>>> {
        let mut nodes = Vec::new();
        while self.peek().kind != TokenKind::Eof {
            if self.peek().kind == TokenKind::LeftDelimiter {
                let delimiter = self.next();
                let token = self.next_non_space();
                if token.kind == TokenKind::Define {
                    self.definition()?;
                    continue;
                }
                self.give_back(token);
                self.give_back(delimiter);
            }
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::Ending(ending) => return Err(self.error(format!("unexpected {}", ending.shown()))),
            }
        }
        let name = GoString::from(self.source.name.as_str());
        self.add(name, nodes)?;
        Ok(self.bodies)
    }

    // Tokens.

    fn next(&mut self) -> Token<'s> {
        self.pushed.pop().unwrap_or_else(|| {
            let token = self.lexer.next_token();
            self.latest = (token.line, token.start);
            token
        })
    }

    fn give_back(&mut self, token: Token<'s>) {
        self.pushed.push(token);
    }

    fn peek(&mut self) -> &Token<'s> {
        if self.pushed.is_empty() {
            let token = self.next();
            self.pushed.push(token);
        }
        self.pushed.last().expect("a token was just given back")
    }

    fn next_non_space(&mut self) -> Token<'s> {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> &Token<'s> {
        let token = self.next_non_space();
        self.give_back(token);
        self.peek()
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Result<Token<'s>> {
        let token = self.next_non_space();
        if token.kind != kind {
            return Err(self.unexpected(&token, context));
        }
        Ok(token)
    }

    // Errors.

    fn error(&self, message: impl Into<String>) -> Error {
        self.error_of(ErrorKind::Syntax, message.into())
    }

    fn error_of(&self, kind: ErrorKind, message: String) -> Error {
        let (line, at) = self.latest;
        Error {
            kind,
            place: Some(Box::new(Place {
                file: self.source.name.clone(),
                template: None,
                line,
                column: None,
                span: at..at + 1,
                context: None,
            })),
            message,
        }
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> Error {
        if token.kind != TokenKind::Error {
            return self.error(format!("unexpected {} in {context}", token.shown()));
        }
        let mut message = token.shown();
        if let Some(line) = self.action_line.filter(|line| *line != token.line) {
            let action = if message.ends_with(" action") {
                ""
            } else {
                " in action"
            };
            message = format!("{message}{action} started at {}:{line}", self.source.name);
        }
        self.error(message)
    }

    /// Goes one level in; [`Self::leave`] comes back. An error ends the parse, so it need not leave.
    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(self.error_of(ErrorKind::Limit(Limit::Depth), message));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    // Templates.

    fn add(&mut self, name: GoString, nodes: Vec<Node>) -> Result<()> {
        let empty = nodes.iter().all(|node| match &node.kind {
            NodeKind::Text(text) => is_blank(text),
            _ => false,
        });
        let body = Arc::new(Body {
            name: name.clone(),
            source: Arc::clone(&self.source),
            nodes,
            empty,
        });
        match self.places.get(&name).copied() {
            None => {
                self.places.insert(name, self.bodies.len());
                self.bodies.push(body);
            }
            Some(place) => match self.bodies.get_mut(place) {
                Some(old) if old.empty => *old = body,
                _ if empty => {}
                _ => {
                    let name = String::from_utf8_lossy(&quote(&name)).into_owned();
                    return Err(self.error(format!("template: multiple definition of template {name}")));
                }
            },
        }
        Ok(())
    }

    fn definition(&mut self) -> Result<()> {
        let context = "define clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        self.expect(TokenKind::RightDelimiter, context)?;
        self.scoped_body(name, context)
    }

    /// The list of a define or block, with variables of its own, up to its end.
    fn scoped_body(&mut self, name: GoString, context: &str) -> Result<()> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let (nodes, ending) = self.item_list()?;
        if let Ending::Else = ending {
            return Err(self.error(format!("unexpected {} in {context}", ending.shown())));
        }
        self.scope = outer;
        self.add(name, nodes)
    }

    fn template_name(&mut self, token: &Token<'_>, context: &str) -> Result<GoString> {
        match token.kind {
            TokenKind::QuotedString | TokenKind::RawString => self.unquoted(token),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn unquoted(&self, token: &Token<'_>) -> Result<GoString> {
        let text = unquote(&token.text).ok_or_else(|| self.error("invalid syntax"))?;
        Ok(GoString::from(text))
    }

    // Nodes.

    fn item_list(&mut self) -> Result<(Vec<Node>, Ending)> {
        self.enter()?;
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != TokenKind::Eof {
            match stacker::maybe_grow(64 << 10, 1 << 20, || self.text_or_action())? {
                Item::Node(node) => nodes.push(node),
                Item::Ending(ending) => {
                    self.leave();
                    return Ok((nodes, ending));
                }
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Text => Ok(Item::Node(Node {
                position: position(token.start),
                kind: NodeKind::Text(GoString::from(&*token.text)),
            })),
            TokenKind::LeftDelimiter => {
                self.action_line = Some(token.line);
                let item = self.action();
                self.action_line = None;
                item
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item> {
        let token = self.next_non_space();
        let node = match token.kind {
            TokenKind::Block => self.block()?,
            TokenKind::Break => self.loop_jump(&token, NodeKind::Break, "break")?,
            TokenKind::Continue => self.loop_jump(&token, NodeKind::Continue, "continue")?,
            TokenKind::Else => return self.else_clause(),
            TokenKind::End => {
                self.expect(TokenKind::RightDelimiter, "end")?;
                return Ok(Item::Ending(Ending::End));
            }
            TokenKind::If => self.control(Control::If)?,
            TokenKind::Range => self.control(Control::Range)?,
            TokenKind::With => self.control(Control::With)?,
            TokenKind::Template => self.template_call()?,
            _ => {
                let start = token.start;
                self.give_back(token);
                let pipeline = self.pipeline("command", TokenKind::RightDelimiter)?;
                Node {
                    position: position(start),
                    kind: NodeKind::Action(pipeline),
                }
            }
        };
        Ok(Item::Node(node))
    }

    fn loop_jump(&mut self, start: &Token<'_>, kind: NodeKind, word: &str) -> Result<Node> {
        let token = self.next_non_space();
        if token.kind != TokenKind::RightDelimiter {
            return Err(self.unexpected(&token, &format!("{{{{{word}}}}}")));
        }
        if self.scope.range_depth == 0 {
            return Err(self.error(format!("{{{{{word}}}}} outside {{{{range}}}}")));
        }
        Ok(Node {
            position: position(start.start),
            kind,
        })
    }

    fn else_clause(&mut self) -> Result<Item> {
        // `else if` and `else with` leave their second word for the control structure.
        if !matches!(self.peek_non_space().kind, TokenKind::If | TokenKind::With) {
            self.expect(TokenKind::RightDelimiter, "else")?;
        }
        Ok(Item::Ending(Ending::Else))
    }

    fn control(&mut self, control: Control) -> Result<Node> {
        self.enter()?;
        let outer = self.scope.variables.len();
        let pipeline = self.pipeline(control.word(), TokenKind::RightDelimiter)?;
        let start = pipeline.position;
        self.scope.range_depth += usize::from(control == Control::Range);
        let (body, ending) = self.item_list()?;
        self.scope.range_depth -= usize::from(control == Control::Range);
        let otherwise = match ending {
            Ending::End => None,
            Ending::Else => Some(self.otherwise(control)?),
        };
        self.scope.forget(outer);
        self.leave();
        let branch = Branch {
            pipeline,
            body,
            otherwise,
        };
        let kind = match control {
            Control::If => NodeKind::If(branch),
            Control::With => NodeKind::With(branch),
            Control::Range => NodeKind::Range(branch),
        };
        Ok(Node {
            position: start,
            kind,
        })
    }

    /// What follows an else; `else if …` is the same as `else` and `if …` with one end.
    fn otherwise(&mut self, control: Control) -> Result<Vec<Node>> {
        let again = match control {
            Control::If => Some(TokenKind::If),
            Control::With => Some(TokenKind::With),
            Control::Range => None,
        };
        if again == Some(self.peek().kind) {
            self.next();
            let node = stacker::maybe_grow(64 << 10, 1 << 20, || self.control(control))?;
            return Ok(vec![node]);
        }
        let (nodes, ending) = self.item_list()?;
        if let Ending::Else = ending {
            return Err(self.error(format!("expected end; found {}", ending.shown())));
        }
        Ok(nodes)
    }

    fn block(&mut self) -> Result<Node> {
        let context = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let pipeline = self.pipeline(context, TokenKind::RightDelimiter)?;
        self.scoped_body(name.clone(), context)?;
        Ok(Node {
            position: position(token.start),
            kind: NodeKind::Template {
                name,
                pipeline: Some(pipeline),
            },
        })
    }

    fn template_call(&mut self) -> Result<Node> {
        let context = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let after = self.next_non_space();
        let mut pipeline = None;
        if after.kind != TokenKind::RightDelimiter {
            self.give_back(after);
            pipeline = Some(self.pipeline(context, TokenKind::RightDelimiter)?);
        }
        Ok(Node {
            position: position(token.start),
            kind: NodeKind::Template { name, pipeline },
        })
    }

    // Pipelines.

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Result<Pipeline> {
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

/// Only white space, as Unicode has it.
fn is_blank(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|t| t.trim().is_empty())
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
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
