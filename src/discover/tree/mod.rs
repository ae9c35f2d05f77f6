//! A YAML or JSON document as the walk sees it: strings apart from other scalars, and a line for each node.

mod reader;

pub(crate) use reader::parse;

/// A node of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The line where it begins, counted from 1; 0 if unknown.
    pub(crate) line: u32,
    /// What it holds.
    pub(crate) content: Content,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Nothing.
    Null,
    /// A number or truth value, as Helm's libraries would print it.
    Plain(String),
    /// A string; `block` says that it is a literal block whose first line is the line after the node's.
    Text { text: String, block: bool },
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping in the order of the text.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value under a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value at the end of a path of keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a mapping, none for anything else.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a sequence, none for anything else.
    pub(crate) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::Seq(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of any scalar.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Text { text, .. } | Content::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// The text under a key, if a scalar with something in it stands there.
    pub(crate) fn filled(&self, key: &str) -> Option<&str> {
        self.get(key)
            .and_then(Self::scalar)
            .map(str::trim)
            .filter(|t| !t.is_empty())
    }

    /// The tree of a JSON value; `line` is that of the text that holds it.
    pub(crate) fn from_json(value: serde_json::Value, line: u32) -> Self {
        let content = match value {
            serde_json::Value::Null => Content::Null,
            serde_json::Value::Bool(b) => Content::Plain(b.to_string()),
            serde_json::Value::Number(n) => Content::Plain(n.to_string()),
            serde_json::Value::String(text) => Content::Text { text, block: false },
            serde_json::Value::Array(items) => {
                Content::Seq(items.into_iter().map(|i| Self::from_json(i, line)).collect())
            }
            serde_json::Value::Object(entries) => Content::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, Self::from_json(value, line)))
                    .collect(),
            ),
        };
        Self { line, content }
    }
}
