//! The same reading for people: every node with its line and column.
//!
//! What a document means is decided by the rules of [`parse`](super::parse()); aliases are expanded within the same
//! budget, and a repeated node keeps the position of its anchor's text.
//!
//! ```
//! use carrack::goyaml::located;
//!
//! let documents = located::parse(b"a: 1\n---\nspec:\n  image: nginx:1.27\n")?;
//! let image = documents[1].get("spec").and_then(|spec| spec.get("image")).unwrap();
//! assert_eq!((image.position.line, image.position.column), (4, 10));
//! assert_eq!(image.as_str(), Some("nginx:1.27"));
//! # Ok::<(), carrack::goyaml::Error>(())
//! ```

use std::borrow::Cow;
use std::collections::HashSet;

use super::build::{Open, Stream, Trees};
use super::error::{Error, Position};
use super::limits;
use super::resolve::Scalar;
use super::value::Value;

/// A node of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it starts. An empty value stands where the reader noticed that it is empty.
    pub position: Position,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Null, written or not.
    Null,
    /// A boolean.
    Bool {
        /// What it means.
        value: bool,
        /// How it is written: `yes`, `On`.
        text: String,
    },
    /// A number.
    Number {
        /// What it means.
        value: Number,
        /// How it is written: `1.10`, `0755`.
        text: String,
    },
    /// A text.
    String(String),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order of the text; of equal keys only the last is left.
    Map(Vec<Entry>),
}

/// A number as go-yaml resolves it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number with a sign.
    Int(i64),
    /// A whole number above [`i64::MAX`].
    Uint(u64),
    /// A floating-point number.
    Float(f64),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, made a string.
    pub key: String,
    /// Where the key starts.
    pub position: Position,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.content {
            Content::String(text) => Some(text),
            _ => None,
        }
    }

    /// The scalar as it is written; `None` for null and for collections.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::String(text) | Content::Bool { text, .. } | Content::Number { text, .. } => Some(text),
            Content::Null | Content::Seq(_) | Content::Map(_) => None,
        }
    }

    /// The elements, if this is a sequence.
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.content {
            Content::Seq(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries in the order of the text, if this is a mapping.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under `key`, if this is a mapping that has it. Takes time by the number of entries.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.as_map()?.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// The node without positions, as [`parse`](super::parse()) gives it.
    pub fn to_value(&self) -> Value {
        limits::with_stack(|| self.value())
    }

    fn value(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool { value, .. } => Value::Bool(*value),
            Content::Number { value, .. } => match *value {
                Number::Int(number) => Value::Int(number),
                Number::Uint(number) => Value::Uint(number),
                Number::Float(number) => Value::Float(number),
            },
            Content::String(text) => Value::String(text.clone()),
            Content::Seq(elements) => Value::Seq(elements.iter().map(Self::to_value).collect()),
            Content::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value()))
                    .collect(),
            ),
        }
    }
}

/// Reads every document of `text`. A document without content is [`Content::Null`].
pub fn parse(text: &[u8]) -> Result<Vec<Node>, Error> {
    documents(text)?.collect()
}

/// Reads the documents of `text` one by one, for texts too large to be held as trees; the iterator ends after the first
/// error.
pub fn documents(text: &[u8]) -> Result<Documents<'_>, Error> {
    Stream::new(text, &Nodes).map(|stream| Documents { stream })
}

/// The documents of a text, one after the other. See [`documents`].
#[derive(Debug)]
pub struct Documents<'a> {
    stream: Stream<'a, Node>,
}

impl Iterator for Documents<'_> {
    type Item = Result<Node, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.stream.next(&Nodes)
    }
}

/// Trees of [`Node`]s.
struct Nodes;

impl Trees for Nodes {
    type Node = Node;
    type Entries = Vec<Entry>;

    fn scalar(&self, scalar: Scalar, text: Cow<'_, str>, position: Position) -> Node {
        let text = text.into_owned();
        let number = |value, text| Content::Number { value, text };
        let content = match scalar {
            Scalar::Null => Content::Null,
            Scalar::Bool(value) => Content::Bool { value, text },
            Scalar::Int(value) => number(Number::Int(value), text),
            Scalar::Uint(value) => number(Number::Uint(value), text),
            Scalar::Float(value) => number(Number::Float(value), text),
            Scalar::Timestamp | Scalar::Text => Content::String(text),
        };
        Node { position, content }
    }

    fn seq(&self, mut elements: Vec<Node>, position: Position) -> Node {
        elements.shrink_to_fit();
        Node {
            position,
            content: Content::Seq(elements),
        }
    }

    fn map(&self, mut entries: Vec<Entry>, position: Position) -> Node {
        keep_last(&mut entries);
        entries.shrink_to_fit();
        Node {
            position,
            content: Content::Map(entries),
        }
    }

    fn insert(entries: &mut Vec<Entry>, key: String, position: Position, value: Node) {
        entries.push(Entry { key, position, value });
    }

    fn extend(entries: &mut Vec<Entry>, more: Vec<Entry>) {
        entries.extend(more);
    }

    fn open(node: Node) -> Open<Node, Vec<Entry>> {
        match node.content {
            Content::Seq(elements) => Open::Seq(elements),
            Content::Map(entries) => Open::Map(entries),
            _ => Open::Scalar,
        }
    }

    fn value(node: &Node) -> Value {
        node.to_value()
    }
}

/// Drops entries whose key comes again.
fn keep_last(entries: &mut Vec<Entry>) {
    /// So few keys are compared faster than hashed.
    const FEW: usize = 8;
    if entries.len() <= FEW {
        let keys = || entries.iter().map(|entry| entry.key.as_str()).enumerate();
        if !keys().any(|(index, key)| keys().skip(index + 1).any(|(_, other)| other == key)) {
            return;
        }
    }
    let mut seen = HashSet::with_capacity(entries.len());
    let again: Vec<bool> = entries
        .iter()
        .rev()
        .map(|entry| !seen.insert(entry.key.as_str()))
        .collect();
    if seen.len() < entries.len() {
        let mut again = again.into_iter().rev();
        entries.retain(|_| again.next() != Some(true));
    }
}

#[cfg(test)]
mod tests;
