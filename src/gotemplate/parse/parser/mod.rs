//! The parser: recursive descent with up to three tokens pushed back.

mod pipelines;
mod scope;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;

use super::lexer::{Lexer, Token, TokenKind};
use super::{Parsed, TOKEN_WEIGHT};
use crate::gotemplate::error::Error;
use crate::gotemplate::function::Functions;
use crate::gotemplate::strconv::{quote, unquote};
use crate::gotemplate::text::GoString;
use crate::gotemplate::tree::{Body, Branch, Node, NodeKind, Source};
use scope::Scope;

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
    /// Tokens that came out of the lexer.
    tokens: usize,
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
            tokens: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Parsed> {
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
        Ok(Parsed {
            bodies: self.bodies,
            weight: self.tokens * TOKEN_WEIGHT,
        })
    }

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
}

/// Only white space, as Unicode has it.
fn is_blank(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|t| t.trim().is_empty())
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
