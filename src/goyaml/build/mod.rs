//! From nodes to a tree: anchors, aliases, merge keys and keys that are no strings.

mod merge;
mod trees;

use std::borrow::Cow;
use std::collections::HashMap;

pub(super) use trees::{Open, Stream, Trees};

use merge::{MERGE_TAG, check_budget, excessive_aliasing, merge};

use super::error::{Error, Position};
use super::gosyntax;
use super::keys::{Key, key_of, key_of_value, meaning, resolve_scalar};
use super::limits::{DEPTH_CAP, REPEATED_TEXT_CAP, Weight};
use super::parse::{Collection, Properties, Sink};
use super::resolve::Scalar;

/// How many collections a listed element stands in: the document, the mapping under its key, the list.
const LISTED: usize = 3;

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
