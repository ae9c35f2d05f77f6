//! Documents of long lists, element by element, so that the whole never is in memory as a tree.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use super::build::{Open, Stream, Trees};
use super::decode::{KEPT, Values};
use super::error::{Error, Position};
use super::resolve::Scalar;
use super::value::{Map, Value};

/// What [`parse_listed`] tells, in the order of the text.
#[derive(Debug, PartialEq)]
pub enum Listed<'a> {
    /// The mapping of lists begins; if it began before, nothing from there counts.
    AllBegin,
    /// The list of this name begins; if it began before, nothing from there counts.
    Begins(&'a str),
    /// The next element of the list of this name.
    Element(&'a str, Value),
}

/// Reads the first document of `text` as [`parse`](super::parse()) does, but hands over the elements of the lists in the
/// mapping under `key` one by one. Gives the document without them: the lists stand there empty.
///
/// `None` if the document ties its lists together with anchors, aliases or merge keys; what was told so far does not
/// count then, and `parse` reads it.
///
/// ```
/// use carrack::goyaml::{Listed, parse_listed};
///
/// let text = b"kind: index\nentries:\n  a: [1, 2]\n  b: null\n";
/// let mut count = 0;
/// let rest = parse_listed(text, "entries", &mut |listed| {
///     count += usize::from(matches!(listed, Listed::Element("a", _)));
/// })?;
/// assert_eq!(count, 2);
/// assert_eq!(rest.unwrap().get("kind").unwrap().as_str(), Some("index"));
/// # Ok::<(), carrack::goyaml::Error>(())
/// ```
pub fn parse_listed(
    text: &[u8],
    key: &str,
    told: &mut dyn FnMut(Listed<'_>),
) -> Result<Option<Value>, Error> {
    let trees = Lists {
        key,
        told: RefCell::new(told),
        entangled: Cell::new(false),
    };
    let document = Stream::new(text, &trees)?
        .next(&trees)
        .transpose()?
        .unwrap_or_default();
    Ok((!trees.entangled.get()).then_some(document))
}

struct Lists<'k, 't> {
    key: &'k str,
    told: RefCell<&'t mut dyn FnMut(Listed<'_>)>,
    entangled: Cell<bool>,
}

impl Lists<'_, '_> {
    fn tell(&self, listed: Listed<'_>) {
        (self.told.borrow_mut())(listed);
    }
}

impl Trees for Lists<'_, '_> {
    type Node = Value;
    type Entries = Map;

    const HANDS_OVER: bool = true;

    fn begin(&self, key: &str, name: Option<&str>) {
        if key == self.key {
            self.tell(name.map_or(Listed::AllBegin, Listed::Begins));
        }
    }

    fn take(&self, key: &str, name: &str, element: Value) -> Option<Value> {
        if key != self.key {
            return Some(element);
        }
        self.tell(Listed::Element(name, element));
        None
    }

    fn entangled(&self) {
        self.entangled.set(true);
    }

    fn scalar(&self, scalar: Scalar, text: Cow<'_, str>, at: Position) -> Value {
        KEPT.scalar(scalar, text, at)
    }

    fn seq(&self, elements: Vec<Value>, at: Position) -> Value {
        KEPT.seq(elements, at)
    }

    fn map(&self, entries: Map, at: Position) -> Value {
        KEPT.map(entries, at)
    }

    fn insert(entries: &mut Map, key: String, at: Position, value: Value) {
        Values::insert(entries, key, at, value);
    }

    fn extend(entries: &mut Map, more: Map) {
        entries.extend(more);
    }

    fn open(node: Value) -> Open<Value, Map> {
        Values::open(node)
    }

    fn value(node: &Value) -> Value {
        node.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the text tells, a line for each, and whether the rest is as it should be.
    fn told(text: &str) -> (Vec<String>, Option<Value>) {
        let mut lines = Vec::new();
        let rest = parse_listed(text.as_bytes(), "entries", &mut |listed| {
            lines.push(match listed {
                Listed::AllBegin => "all".to_owned(),
                Listed::Begins(name) => format!("{name}:"),
                Listed::Element(name, value) => format!("{name} {}", super::super::to_json(&value).unwrap()),
            });
        });
        (lines, rest.unwrap())
    }

    #[test]
    fn elements_come_one_by_one_and_the_rest_is_a_tree() {
        let (lines, rest) =
            told("v: 1\nentries:\n  a:\n  - {x: [1, {z: 2}]}\n  - 7\n  b: []\n  c: null\nother: {d: [1]}\n");
        assert_eq!(lines, ["all", "a:", "a {\"x\":[1,{\"z\":2}]}", "a 7", "b:"]);
        let rest = rest.unwrap();
        assert_eq!(
            super::super::to_json(&rest).unwrap(),
            r#"{"entries":{"a":[],"b":[],"c":null},"other":{"d":[1]},"v":1}"#
        );
    }

    #[test]
    fn what_comes_again_begins_again() {
        let (lines, _) = told("entries: {a: [1], a: [2]}\nentries: {a: [3]}\n");
        assert_eq!(lines, ["all", "a:", "a 1", "a:", "a 2", "all", "a:", "a 3"]);
    }

    #[test]
    fn lists_that_hang_together_are_left_to_the_tree() {
        for text in [
            "entries:\n  a: &a [1]\n  b: *a\n",
            "x: &x {a: [1]}\nentries: *x\n",
            "x: &x {a: [1]}\nentries:\n  <<: *x\n",
            "entries: &e {a: [1]}\nother: *e\n",
        ] {
            assert_eq!(told(text).1, None, "{text}");
        }
        let (lines, rest) = told("entries:\n  a:\n  - &one {x: 1}\n  - *one\n");
        assert_eq!(lines, ["all", "a:", "a {\"x\":1}", "a {\"x\":1}"]);
        assert!(rest.is_some(), "anchors of elements are no trouble");
    }

    #[test]
    fn a_document_of_any_length_weighs_what_one_element_weighs() {
        let mut text = String::from("entries:\n  a:\n");
        // As a tree this is above what a short text may weigh: 700 bytes and more for each mapping.
        for _ in 0..100_000 {
            text.push_str("  - {a: 1}\n");
        }
        let mut count = 0;
        let rest = parse_listed(text.as_bytes(), "entries", &mut |listed| {
            count += usize::from(matches!(listed, Listed::Element(..)));
        });
        assert!(rest.unwrap().is_some());
        assert_eq!(count, 100_000);
        assert!(super::super::parse(text.as_bytes()).is_err());
    }
}
