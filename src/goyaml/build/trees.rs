//! What trees are made of, and the documents of a text as such trees.

use std::borrow::Cow;

use super::Builder;
use crate::goyaml::error::{Error, Position};
use crate::goyaml::parse::Parser;
use crate::goyaml::resolve::Scalar;
use crate::goyaml::text::Text;
use crate::goyaml::value::Value;

/// What trees are made of: values for programs, located nodes for people.
pub(in crate::goyaml) trait Trees {
    /// A node.
    type Node: Clone;
    /// The entries of a mapping that is still open.
    type Entries: Default;

    /// A scalar.
    fn scalar(&self, scalar: Scalar, text: Cow<'_, str>, at: Position) -> Self::Node;
    /// A sequence.
    fn seq(&self, elements: Vec<Self::Node>, at: Position) -> Self::Node;
    /// A mapping.
    fn map(&self, entries: Self::Entries, at: Position) -> Self::Node;
    /// Puts an entry into a mapping; an equal key before it does not count any more.
    fn insert(entries: &mut Self::Entries, key: String, at: Position, value: Self::Node);
    /// Puts all entries of a mapping into another.
    fn extend(entries: &mut Self::Entries, more: Self::Entries);
    /// The node taken apart.
    fn open(node: Self::Node) -> Open<Self::Node, Self::Entries>;
    /// The node as a value, for messages and keys.
    fn value(node: &Self::Node) -> Value;

    /// Whether elements of listed lists are handed over as soon as they are whole.
    const HANDS_OVER: bool = false;
    /// A list begins under `name` in the mapping under the document's `key`; without a name that mapping itself.
    /// What came under these names before does not count any more.
    fn begin(&self, _key: &str, _name: Option<&str>) {}
    /// Takes an element of such a list, or gives it back to stay in the tree.
    fn take(&self, _key: &str, _name: &str, element: Self::Node) -> Option<Self::Node> {
        Some(element)
    }
    /// Anchors, aliases or merge keys stand where lists are: the tree alone tells what they mean.
    fn entangled(&self) {}
}

/// A node taken apart.
pub(in crate::goyaml) enum Open<N, E> {
    /// A sequence's elements.
    Seq(Vec<N>),
    /// A mapping's entries.
    Map(E),
    /// A scalar.
    Scalar,
}

/// The documents of a text.
#[derive(Debug)]
pub(in crate::goyaml) enum Stream<'a, N> {
    /// One after the other.
    Reading(Box<Parser<'a>>),
    /// All read already, because the text had to be converted first.
    Ready(std::vec::IntoIter<N>),
    /// Behind the last one or the first error.
    Done,
}

impl<'a, N> Stream<'a, N> {
    /// The documents of `bytes`, which are made of `trees` nodes.
    pub(in crate::goyaml) fn new<T: Trees<Node = N>>(bytes: &'a [u8], trees: &T) -> Result<Self, Error> {
        let text = Text::new(bytes)?;
        match text.valid {
            Cow::Borrowed(valid) => Ok(Self::Reading(Box::new(Parser::new(valid, text.ending)))),
            Cow::Owned(valid) => {
                let mut parser = Parser::new(&valid, text.ending);
                let mut documents = Vec::new();
                while let Some(document) = document(&mut parser, trees)? {
                    documents.push(document);
                }
                Ok(Self::Ready(documents.into_iter()))
            }
        }
    }

    /// The next document, or `None` at the end of the text.
    pub(in crate::goyaml) fn next<T: Trees<Node = N>>(&mut self, trees: &T) -> Option<Result<N, Error>> {
        let next = match self {
            Self::Reading(parser) => document(parser, trees).transpose(),
            Self::Ready(documents) => documents.next().map(Ok),
            Self::Done => None,
        };
        if !matches!(next, Some(Ok(_))) {
            *self = Self::Done;
        }
        next
    }
}

fn document<T: Trees>(parser: &mut Parser<'_>, trees: &T) -> Result<Option<T::Node>, Error> {
    let mut builder = Builder::new(trees, parser.size());
    if !parser.document(&mut builder)? {
        return Ok(None);
    }
    builder.finish().map(Some)
}
