//! From tokens to nodes, in the order of the text.

mod flow;

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::{Error, Position};
use super::limits::{self, DEPTH_CAP};
use super::scan::{Kind, Mark, Scanner, Token, Wrong};
use super::text::{self, Ending};

/// Takes the nodes of a document.
pub(super) trait Sink {
    /// A scalar; `tag` is long, and `plain` says that only its text tells what it is.
    fn scalar(&mut self, properties: Properties<'_>, text: Cow<'_, str>, plain: bool) -> Result<(), Error>;
    /// A repetition of the node with the anchor `name`.
    fn alias(&mut self, name: &str, at: Position) -> Result<(), Error>;
    /// A collection starts.
    fn open(&mut self, collection: Collection, properties: Properties<'_>) -> Result<(), Error>;
    /// The innermost collection ends.
    fn close(&mut self) -> Result<(), Error>;
}

/// The two kinds of collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Seq,
    Map,
}

/// What stands before a node.
#[derive(Clone, Debug)]
pub(super) struct Properties<'t> {
    pub(super) anchor: Option<&'t str>,
    pub(super) tag: Option<String>,
    pub(super) at: Position,
}

impl Properties<'_> {
    fn none(at: Mark) -> Self {
        Self {
            anchor: None,
            tag: None,
            at: at.position(),
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Block,
    /// As the key or value of a block mapping, where a sequence needs no more indentation than the mapping has.
    BlockEntry,
    Flow,
}

/// The parser of a text.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    /// What comes behind the last token.
    end: Token<'a>,
    size: usize,
    ending: Ending,
    /// Tag handles of the current document, with what they stand for.
    handles: HashMap<&'a str, String>,
    depth: usize,
    started: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, ending: Ending) -> Self {
        let scanner = Scanner::new(text);
        Self {
            end: scanner.end(),
            scanner,
            size: text.len(),
            ending,
            handles: HashMap::new(),
            depth: 0,
            started: false,
        }
    }

    /// Bytes of the whole text.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Reads the next document into `sink`; `false` if there is none.
    pub(super) fn document(&mut self, sink: &mut impl Sink) -> Result<bool, Error> {
        let first = !std::mem::replace(&mut self.started, true);
        while !first && self.peek()?.kind == Kind::DocumentEnd {
            self.take()?;
        }
        let explicit = matches!(
            self.peek()?.kind,
            Kind::Version { .. } | Kind::TagDirective { .. } | Kind::DocumentStart
        );
        if self.peek()?.kind == Kind::StreamEnd {
            return match self.ending.seen_from(self.scanner.offset()) {
                Some(problem) => Err(self.unreadable(problem)),
                None => Ok(false),
            };
        }
        self.directives()?;
        if explicit || !first {
            if self.peek()?.kind != Kind::DocumentStart {
                let at = self.peek()?.start;
                return Err(self.error("did not find expected <document start>", at));
            }
            let end = self.take()?.end;
            if matches!(
                self.peek()?.kind,
                Kind::Version { .. }
                    | Kind::TagDirective { .. }
                    | Kind::DocumentStart
                    | Kind::DocumentEnd
                    | Kind::StreamEnd
            ) {
                empty(sink, end)?;
            } else {
                self.node(sink, Place::Block)?;
            }
        } else {
            self.node(sink, Place::Block)?;
        }
        if self.peek()?.kind == Kind::DocumentEnd {
            self.take()?;
        }
        if let Some(problem) = self.ending.seen_from(self.scanner.offset()) {
            return Err(self.unreadable(problem));
        }
        Ok(true)
    }

    fn peek(&mut self) -> Result<&Token<'a>, Error> {
        if self.scanner.known().is_none() {
            if let Err(wrong) = self.scanner.prepare() {
                return Err(self.scan_error(&wrong));
            }
            self.end = self.scanner.end();
        }
        Ok(self.scanner.known().unwrap_or(&self.end))
    }

    fn take(&mut self) -> Result<Token<'a>, Error> {
        self.scanner.take().map_err(|wrong| self.scan_error(&wrong))
    }

    /// The scanner's errors count lines from one.
    fn scan_error(&self, wrong: &Wrong) -> Error {
        let line = if wrong.at.line == 0 { 0 } else { wrong.at.line + 1 };
        self.error_in_line(wrong.problem, line, wrong.at)
    }

    /// The parser's own errors count lines from zero.
    fn error(&self, problem: &str, at: Mark) -> Error {
        self.error_in_line(problem, at.line, at)
    }

    fn error_in_line(&self, problem: &str, line: usize, at: Mark) -> Error {
        if let Some(problem) = self.ending.seen_from(self.scanner.offset()) {
            return self.unreadable(problem);
        }
        Error::Syntax {
            // A line of zero is not worth mentioning.
            message: if line == 0 {
                problem.to_owned()
            } else {
                format!("line {line}: {problem}")
            },
            position: at.position(),
        }
    }

    fn unreadable(&self, problem: &str) -> Error {
        text::error(problem, self.scanner.mark().position())
    }

    fn directives(&mut self) -> Result<(), Error> {
        self.handles.clear();
        let mut version_seen = false;
        loop {
            let at = self.peek()?.start;
            match self.peek()?.kind {
                Kind::Version { .. } if version_seen => {
                    return Err(self.error("found duplicate %YAML directive", at));
                }
                Kind::Version { major: 1, minor: 1 } => version_seen = true,
                Kind::Version { .. } => {
                    return Err(self.error("found incompatible YAML document", at));
                }
                Kind::TagDirective { .. } => {}
                _ => break,
            }
            if let Kind::TagDirective { handle, prefix } = self.take()?.kind
                && self.handles.insert(handle, prefix).is_some()
            {
                return Err(self.error("found duplicate %TAG directive", at));
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            self.handles.entry(handle).or_insert_with(|| prefix.to_owned());
        }
        Ok(())
    }

    fn node(&mut self, sink: &mut impl Sink, place: Place) -> Result<(), Error> {
        let mut properties = Properties::none(self.peek()?.start);
        if let Kind::Alias(name) = self.peek()?.kind {
            self.take()?;
            return sink.alias(name, properties.at).map_err(|error| {
                let seen = self.ending.seen_from(self.scanner.offset());
                seen.map_or(error, |problem| self.unreadable(problem))
            });
        }
        self.properties(&mut properties)?;
        let is_entry = self.peek()?.kind == Kind::BlockEntry;
        if place == Place::BlockEntry && is_entry {
            return self.nested(sink, Collection::Seq, properties, Self::indentless_sequence);
        }
        let in_block = place != Place::Flow;
        let token = self.peek()?;
        let at = token.start;
        match token.kind {
            Kind::Scalar { .. } => {
                if let Kind::Scalar { text, plain } = self.take()?.kind {
                    let tag = properties.tag.as_deref();
                    let plain = tag == Some("!") || (plain && tag.is_none());
                    return sink.scalar(properties, text, plain);
                }
                Ok(())
            }
            Kind::FlowSequenceStart => self.nested(sink, Collection::Seq, properties, Self::flow_sequence),
            Kind::FlowMappingStart => self.nested(sink, Collection::Map, properties, Self::flow_mapping),
            Kind::BlockSequenceStart if in_block => {
                self.nested(sink, Collection::Seq, properties, Self::block_sequence)
            }
            Kind::BlockMappingStart if in_block => {
                self.nested(sink, Collection::Map, properties, Self::block_mapping)
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                let plain = properties.tag.is_none();
                sink.scalar(properties, Cow::Borrowed(""), plain)
            }
            _ => Err(self.error("did not find expected node content", at)),
        }
    }

    /// Reads an anchor and a tag, in either order.
    fn properties(&mut self, properties: &mut Properties<'a>) -> Result<(), Error> {
        let mut tag = None;
        loop {
            let at = self.peek()?.start;
            match self.peek()?.kind {
                Kind::Anchor(name) if properties.anchor.is_none() => {
                    properties.anchor = Some(name);
                    self.take()?;
                }
                Kind::Tag { .. } if tag.is_none() => {
                    if let Kind::Tag { handle, suffix } = self.take()?.kind {
                        tag = Some((handle, suffix, at));
                    }
                }
                _ => break,
            }
        }
        if let Some((handle, suffix, at)) = tag {
            let tag = self.long_tag(handle, suffix);
            if tag.is_empty() {
                return Err(self.error("found undefined tag handle", at));
            }
            properties.tag = Some(tag);
        }
        Ok(())
    }

    /// The whole tag; empty if nothing says what the handle stands for.
    fn long_tag(&self, handle: &str, suffix: String) -> String {
        if handle.is_empty() {
            return suffix;
        }
        let prefix = self.handles.get(handle);
        prefix.map_or_else(String::new, |prefix| format!("{prefix}{suffix}"))
    }

    fn nested<S: Sink>(
        &mut self,
        sink: &mut S,
        collection: Collection,
        properties: Properties<'_>,
        read: fn(&mut Self, &mut S) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_CAP {
            let at = self.peek()?.start;
            return Err(self.error(&format!("exceeded max depth of {DEPTH_CAP}"), at));
        }
        sink.open(collection, properties)?;
        limits::with_stack(|| read(self, sink))?;
        self.depth -= 1;
        sink.close()
    }

    fn block_sequence<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        self.take()?;
        loop {
            let at = self.peek()?.start;
            match self.peek()?.kind {
                Kind::BlockEntry => {
                    let end = self.take()?.end;
                    match self.peek()?.kind {
                        Kind::BlockEntry | Kind::BlockEnd => empty(sink, end)?,
                        _ => self.node(sink, Place::Block)?,
                    }
                }
                Kind::BlockEnd => {
                    self.take()?;
                    return Ok(());
                }
                _ => return Err(self.error("did not find expected '-' indicator", at)),
            }
        }
    }

    fn indentless_sequence<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        while self.peek()?.kind == Kind::BlockEntry {
            let end = self.take()?.end;
            match self.peek()?.kind {
                Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => empty(sink, end)?,
                _ => self.node(sink, Place::Block)?,
            }
        }
        Ok(())
    }

    fn block_mapping<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        self.take()?;
        loop {
            let at = self.peek()?.start;
            match self.peek()?.kind {
                Kind::Key => self.block_entry(sink)?,
                Kind::BlockEnd => {
                    self.take()?;
                    return Ok(());
                }
                _ => return Err(self.error("did not find expected key", at)),
            }
            if self.peek()?.kind == Kind::Value {
                self.block_entry(sink)?;
            } else {
                let at = self.peek()?.start;
                empty(sink, at)?;
            }
        }
    }

    /// The node behind the key or value indicator of a block mapping.
    fn block_entry<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        let end = self.take()?.end;
        match self.peek()?.kind {
            Kind::Key | Kind::Value | Kind::BlockEnd => empty(sink, end),
            _ => self.node(sink, Place::BlockEntry),
        }
    }
}

/// A node that is not written.
fn empty(sink: &mut impl Sink, at: Mark) -> Result<(), Error> {
    sink.scalar(Properties::none(at), Cow::Borrowed(""), true)
}
