//! From nodes to a tree: anchors, aliases, merge keys and keys that are no strings.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::{Error, Position};
use super::gosyntax;
use super::keys::{Key, key_of, key_of_value, meaning, resolve_scalar};
use super::limits::{DEPTH_CAP, REPEATED_TEXT_CAP, Weight};
use super::parse::{Collection, Parser, Properties, Sink};
use super::resolve::Scalar;
use super::text::Text;
use super::value::Value;

/// What trees are made of: values for programs, located nodes for people.
pub(super) trait Trees {
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

/// How many collections a listed element stands in: the document, the mapping under its key, the list.
const LISTED: usize = 3;

/// A node taken apart.
pub(super) enum Open<N, E> {
    /// A sequence's elements.
    Seq(Vec<N>),
    /// A mapping's entries.
    Map(E),
    /// A scalar.
    Scalar,
}

/// The documents of a text.
#[derive(Debug)]
pub(super) enum Stream<'a, N> {
    /// One after the other.
    Reading(Box<Parser<'a>>),
    /// All read already, because the text had to be converted first.
    Ready(std::vec::IntoIter<N>),
    /// Behind the last one or the first error.
    Done,
}

impl<'a, N> Stream<'a, N> {
    /// The documents of `bytes`, which are made of `trees` nodes.
    pub(super) fn new<T: Trees<Node = N>>(bytes: &'a [u8], trees: &T) -> Result<Self, Error> {
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
    pub(super) fn next<T: Trees<Node = N>>(&mut self, trees: &T) -> Option<Result<N, Error>> {
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

/// A node that is whole, and where it came from.
struct Whole<N> {
    node: N,
    at: Position,
    /// How many steps Go's decoder takes for it.
    steps: u64,
    /// What its repetition costs, in bytes.
    bytes: usize,
    /// How many collections stand inside one another in it.
    depth: usize,
}

/// A collection that is still open.
enum Frame<N, E> {
    Seq(Vec<N>),
    Map { entries: E, key: Option<Key> },
}

struct Layer<N, E> {
    frame: Frame<N, E>,
    anchor: Option<String>,
    at: Position,
    /// The decoder's steps before it.
    steps: u64,
    bytes: usize,
    depth: usize,
}

struct Builder<'t, T: Trees> {
    trees: &'t T,
    layers: Vec<Layer<T::Node, T::Entries>>,
    root: Option<T::Node>,
    /// What anchors stand for; `None` while the node is open.
    anchors: HashMap<String, Option<Whole<T::Node>>>,
    /// Go's `decodeCount` and `aliasCount`.
    steps: u64,
    repeated_steps: u64,
    repeated_bytes: usize,
    weight: Weight,
    /// The first error of meaning; Go finds those after the syntax of the whole document.
    wrong: Option<Error>,
    /// The first key that JSON cannot have; Go finds those last.
    foreign: Option<Error>,
}

impl<'t, T: Trees> Builder<'t, T> {
    /// A builder for a document of a text of `size` bytes.
    fn new(trees: &'t T, size: usize) -> Self {
        Self {
            trees,
            layers: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            steps: 0,
            repeated_steps: 0,
            repeated_bytes: 0,
            weight: Weight::of_text(size),
            wrong: None,
            foreign: None,
        }
    }

    fn finish(self) -> Result<T::Node, Error> {
        if let Some(error) = self.wrong.or(self.foreign) {
            return Err(error);
        }
        Ok(self.root.unwrap_or_else(|| {
            let start = Position { line: 1, column: 1 };
            self.trees.scalar(Scalar::Null, Cow::Borrowed(""), start)
        }))
    }

    /// Keeps an error of meaning for the end of the document.
    fn after(&mut self, taken: Result<(), Error>) {
        if let Err(error) = taken {
            self.wrong = Some(error);
            self.layers = Vec::new();
        }
    }

    fn anchor_behind_error(&mut self, anchor: Option<&str>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.to_owned(), None);
        }
    }

    fn take_scalar(
        &mut self,
        properties: Properties<'_>,
        text: Cow<'_, str>,
        plain: bool,
    ) -> Result<(), Error> {
        let Properties { anchor, tag, at } = properties;
        let tag = tag.as_deref();
        self.step(at)?;
        let bytes = Weight::of_scalar(text.len());
        self.weight.add(bytes)?;
        let is_merge = text == "<<" && (plain || tag == Some(MERGE_TAG));
        let (scalar, text) = resolve_scalar(tag, text, plain, at)?;
        let is_key = matches!(
            self.layers.last().map(|layer| &layer.frame),
            Some(Frame::Map { key: None, .. })
        );
        let whole = |node| Whole {
            node,
            at,
            steps: 1,
            bytes,
            depth: 0,
        };
        if !is_key {
            let whole = whole(self.trees.scalar(scalar, text, at));
            if let Some(name) = anchor {
                self.remember(name, &whole)?;
            }
            return self.place(whole, false);
        }
        if let Some(name) = anchor {
            let node = self.trees.scalar(scalar, text.clone(), at);
            self.remember(name, &whole(node))?;
        }
        if let Some(Layer {
            frame: Frame::Map { key, .. },
            ..
        }) = self.layers.last_mut()
        {
            *key = Some(if is_merge {
                Key::Merge
            } else {
                key_of(scalar, text.into_owned(), at)
            });
        }
        Ok(())
    }

    fn repeat(&mut self, name: &str, at: Position) -> Result<(), Error> {
        let Some(Some(target)) = self.anchors.get(name) else {
            return Err(meaning(format!("anchor '{name}' value contains itself"), at));
        };
        self.steps += 1 + target.steps;
        self.repeated_steps += target.steps;
        self.repeated_bytes = self.repeated_bytes.saturating_add(target.bytes);
        if self.layers.len() + target.depth > DEPTH_CAP {
            return Err(meaning(format!("exceeded max depth of {DEPTH_CAP}"), at));
        }
        if self.repeated_bytes > REPEATED_TEXT_CAP {
            return Err(excessive_aliasing(at));
        }
        check_budget(self.steps, self.repeated_steps, at)?;
        self.weight.add(target.bytes)?;
        let whole = Whole {
            node: target.node.clone(),
            at,
            ..*target
        };
        self.place(whole, true)
    }

    fn step(&mut self, at: Position) -> Result<(), Error> {
        self.steps += 1;
        check_budget(self.steps, self.repeated_steps, at)
    }

    fn start(&mut self, collection: Collection, properties: &Properties<'_>) -> Result<(), Error> {
        let at = properties.at;
        self.step(at)?;
        let bytes = Weight::of_collection(collection == Collection::Map);
        self.weight.add(bytes)?;
        if let Some(name) = properties.anchor {
            self.anchors.insert(name.to_owned(), None);
        }
        if T::HANDS_OVER && self.layers.len() < LISTED {
            self.tell_begin(properties.anchor.is_some());
        }
        self.layers.push(Layer {
            frame: match collection {
                Collection::Seq => Frame::Seq(Vec::new()),
                Collection::Map => Frame::Map {
                    entries: T::Entries::default(),
                    key: None,
                },
            },
            anchor: properties.anchor.map(str::to_owned),
            at,
            steps: self.steps - 1,
            bytes,
            depth: 1,
        });
        Ok(())
    }

    /// Tells that a collection begins above the elements of listed lists.
    fn tell_begin(&self, has_anchor: bool) {
        if has_anchor {
            self.trees.entangled();
        }
        let key = |layer: &'_ Layer<T::Node, T::Entries>| match &layer.frame {
            Frame::Map {
                key: Some(Key::Text(text, _)),
                ..
            } => Some(text.clone()),
            _ => None,
        };
        match self.layers.as_slice() {
            [document] => {
                if let Some(key) = key(document) {
                    self.trees.begin(&key, None);
                }
            }
            [document, lists] => {
                if let (Some(key), Some(name)) = (key(document), key(lists)) {
                    self.trees.begin(&key, Some(&name));
                }
            }
            _ => {}
        }
    }

    /// Hands the node over if it is an element of a listed list.
    fn hand_over(&mut self, whole: Whole<T::Node>) -> Option<Whole<T::Node>> {
        let [document, lists, list] = self.layers.as_slice() else {
            return Some(whole);
        };
        match (&document.frame, &lists.frame, &list.frame) {
            (
                Frame::Map {
                    key: Some(Key::Text(key, _)),
                    ..
                },
                Frame::Map {
                    key: Some(Key::Text(name, _)),
                    ..
                },
                Frame::Seq(_),
            ) => {
                let bytes = whole.bytes;
                let kept = self.trees.take(key, name, whole.node);
                if kept.is_none() {
                    self.weight.release(bytes);
                }
                kept.map(|node| Whole { node, ..whole })
            }
            _ => Some(whole),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(layer) = self.layers.pop() else {
            return Ok(());
        };
        let whole = Whole {
            node: match layer.frame {
                Frame::Seq(elements) => self.trees.seq(elements, layer.at),
                Frame::Map { entries, .. } => self.trees.map(entries, layer.at),
            },
            at: layer.at,
            steps: self.steps - layer.steps,
            bytes: layer.bytes,
            depth: layer.depth,
        };
        if let Some(name) = layer.anchor {
            self.remember(&name, &whole)?;
        }
        self.place(whole, false)
    }

    fn remember(&mut self, name: &str, whole: &Whole<T::Node>) -> Result<(), Error> {
        self.repeated_bytes = self.repeated_bytes.saturating_add(whole.bytes);
        if self.repeated_bytes > REPEATED_TEXT_CAP {
            return Err(excessive_aliasing(whole.at));
        }
        let whole = Whole {
            node: whole.node.clone(),
            ..*whole
        };
        self.anchors.insert(name.to_owned(), Some(whole));
        Ok(())
    }

    /// Puts a whole node where it belongs.
    fn place(&mut self, whole: Whole<T::Node>, is_alias: bool) -> Result<(), Error> {
        let whole = if T::HANDS_OVER {
            if self.layers.len() < LISTED && is_alias {
                self.trees.entangled();
            }
            match self.hand_over(whole) {
                Some(whole) => whole,
                None => return Ok(()),
            }
        } else {
            whole
        };
        let above_elements = self.layers.len() < LISTED;
        let Some(layer) = self.layers.last_mut() else {
            self.root = Some(whole.node);
            return Ok(());
        };
        layer.bytes = layer.bytes.saturating_add(whole.bytes);
        layer.depth = layer.depth.max(whole.depth + 1);
        let (entries, key) = match &mut layer.frame {
            Frame::Seq(elements) => {
                elements.push(whole.node);
                return Ok(());
            }
            Frame::Map { entries, key } => (entries, key),
        };
        match key.take() {
            None => *key = Some(key_of_value(T::value(&whole.node), whole.at)?),
            Some(Key::Text(text, at)) => T::insert(entries, text, at, whole.node),
            Some(Key::Merge) => {
                if T::HANDS_OVER && above_elements {
                    self.trees.entangled();
                }
                merge::<T>(entries, whole.node, is_alias, whole.at)?;
            }
            Some(Key::Foreign(kind, key, position)) => {
                if self.foreign.is_none() {
                    self.foreign = Some(Error::Key {
                        kind,
                        key,
                        value: gosyntax::print(&T::value(&whole.node)),
                        position,
                    });
                }
            }
        }
        Ok(())
    }
}

impl<T: Trees> Sink for Builder<'_, T> {
    fn scalar(&mut self, properties: Properties<'_>, text: Cow<'_, str>, plain: bool) -> Result<(), Error> {
        let anchor = properties.anchor;
        if self.wrong.is_none() {
            let taken = self.take_scalar(properties, text, plain);
            self.after(taken);
        }
        if self.wrong.is_some() {
            self.anchor_behind_error(anchor);
        }
        Ok(())
    }

    /// An unknown anchor is found while go-yaml still parses, before any other error of meaning.
    fn alias(&mut self, name: &str, at: Position) -> Result<(), Error> {
        if !self.anchors.contains_key(name) {
            return Err(meaning(format!("unknown anchor '{name}' referenced"), at));
        }
        if self.wrong.is_none() {
            let taken = self.repeat(name, at);
            self.after(taken);
        }
        Ok(())
    }

    fn open(&mut self, collection: Collection, properties: Properties<'_>) -> Result<(), Error> {
        if self.wrong.is_some() {
            self.anchor_behind_error(properties.anchor);
        } else {
            let taken = self.start(collection, &properties);
            self.after(taken);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.wrong.is_none() {
            let taken = self.end();
            self.after(taken);
        }
        Ok(())
    }
}

const MERGE_TAG: &str = "tag:yaml.org,2002:merge";

fn excessive_aliasing(at: Position) -> Error {
    meaning("document contains excessive aliasing".to_owned(), at)
}

/// go-yaml's budget: the larger a document, the smaller the part that aliases may have in it.
fn check_budget(steps: u64, repeated: u64, at: Position) -> Result<(), Error> {
    const SMALL: u64 = 400_000;
    const LARGE: u64 = 4_000_000;
    if repeated <= 100 || steps <= 1_000 {
        return Ok(());
    }
    #[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^52")]
    let (share, over) = (
        repeated as f64 / steps as f64,
        (steps.clamp(SMALL, LARGE) - SMALL) as f64 / (LARGE - SMALL) as f64,
    );
    if share > 0.99 - 0.89 * over {
        return Err(excessive_aliasing(at));
    }
    Ok(())
}

/// Merges a mapping, or a list of mappings of which the first counts most. Entries that stand before the merge key
/// are overwritten, as go-yaml v2 does.
fn merge<T: Trees>(
    entries: &mut T::Entries,
    node: T::Node,
    is_alias: bool,
    at: Position,
) -> Result<(), Error> {
    let wrong = || {
        meaning(
            "map merge requires map or sequence of maps as the value".to_owned(),
            at,
        )
    };
    match T::open(node) {
        Open::Map(more) => T::extend(entries, more),
        Open::Seq(elements) if !is_alias => {
            for element in elements.into_iter().rev() {
                let Open::Map(more) = T::open(element) else {
                    return Err(wrong());
                };
                T::extend(entries, more);
            }
        }
        Open::Seq(_) | Open::Scalar => return Err(wrong()),
    }
    Ok(())
}
