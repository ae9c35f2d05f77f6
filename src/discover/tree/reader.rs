//! From YAML text to trees, with lines kept and every repetition by alias paid for.

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};

use super::{Content, Node};
use crate::discover::documents::Error;

/// How many collections may stand inside one another.
const DEPTH_CAP: usize = 1_000;

/// How many nodes aliases may repeat in a text. The largest manifest known has none.
const REPEATED_NODES_CAP: usize = 1_000_000;

/// How many bytes of text aliases may repeat.
const REPEATED_TEXT_CAP: usize = 64 << 20;

/// Parses every document of a text. JSON is read as the YAML that it nearly is.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Node>, Error> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut parser = Parser::new();
    parser.set_encoding(libyaml_safer::Encoding::Utf8);
    // The scanner panics where a block scalar's indented last line has no line break (seen in libyaml-safer 0.3.0).
    let last: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\n" };
    parser.set_input(Chunks { text, last });
    let mut builder = Builder::default();
    loop {
        let event = parser.parse().map_err(|error| Error::InvalidYaml {
            line: error.problem_mark().map_or(0, |mark| line(&mark)),
            reason: error.problem().to_owned(),
        })?;
        if matches!(event.data, EventData::StreamEnd) {
            return Ok(builder.documents);
        }
        builder.take(event)?;
    }
}

/// The text in pieces: the scanner decodes everything that it is given before it looks at the first character.
struct Chunks<'a> {
    text: &'a [u8],
    last: &'a [u8],
}

impl std::io::Read for Chunks<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = std::io::BufRead::fill_buf(self)?.read(into)?;
        std::io::BufRead::consume(self, count);
        Ok(count)
    }
}

impl std::io::BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.text.is_empty() {
            return Ok(self.last);
        }
        Ok(self.text.get(..self.text.len().min(4096)).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let piece = if self.text.is_empty() {
            &mut self.last
        } else {
            &mut self.text
        };
        *piece = piece.get(count..).unwrap_or_default();
    }
}

/// A collection that is being filled.
#[derive(Debug)]
struct Open {
    line: u32,
    anchor: Option<String>,
    kind: OpenKind,
}

#[derive(Debug)]
enum OpenKind {
    Seq(Vec<Node>),
    Map {
        entries: Vec<(String, Node)>,
        merged: Vec<(String, Node)>,
        key: Option<String>,
    },
}

#[derive(Debug, Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<String, (Node, usize, usize)>,
    repeated_nodes: usize,
    repeated_text: usize,
}

impl Builder {
    fn take(&mut self, event: Event) -> Result<(), Error> {
        let line = line(&event.start_mark);
        match event.data {
            EventData::DocumentStart { .. } => self.anchors.clear(),
            EventData::SequenceStart { anchor, .. } => self.begin(line, anchor, OpenKind::Seq(Vec::new()))?,
            EventData::MappingStart { anchor, .. } => {
                let kind = OpenKind::Map {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.begin(line, anchor, kind)?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.end(),
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                let node = Node {
                    line,
                    content: scalar(value, style, tag.as_deref()),
                };
                self.remember(anchor, &node);
                self.place(node);
            }
            EventData::Alias { anchor } => {
                let node = self.repeat(&anchor, line)?;
                self.place(node);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, line: u32, anchor: Option<String>, kind: OpenKind) -> Result<(), Error> {
        if self.open.len() >= DEPTH_CAP {
            let reason = format!("more than {DEPTH_CAP} collections inside one another");
            return Err(Error::InvalidYaml { line, reason });
        }
        self.open.push(Open { line, anchor, kind });
        Ok(())
    }

    fn end(&mut self) {
        let Some(Open { line, anchor, kind }) = self.open.pop() else {
            return;
        };
        let content = match kind {
            OpenKind::Seq(elements) => Content::Seq(elements),
            OpenKind::Map {
                mut entries, merged, ..
            } => {
                for (key, node) in merged {
                    if !entries.iter().any(|(k, _)| *k == key) {
                        entries.push((key, node));
                    }
                }
                Content::Map(entries)
            }
        };
        let node = Node { line, content };
        self.remember(anchor, &node);
        self.place(node);
    }

    fn remember(&mut self, anchor: Option<String>, node: &Node) {
        if let Some(anchor) = anchor {
            let (nodes, text) = weigh(node);
            if nodes <= REPEATED_NODES_CAP && text <= REPEATED_TEXT_CAP {
                self.anchors.insert(anchor, (node.clone(), nodes, text));
            }
        }
    }

    fn repeat(&mut self, anchor: &str, line: u32) -> Result<Node, Error> {
        let Some((node, nodes, text)) = self.anchors.get(anchor) else {
            let reason = format!(
                "no anchor `{}` stands before this alias",
                crate::secret::printable(anchor, 40)
            );
            return Err(Error::InvalidYaml { line, reason });
        };
        self.repeated_nodes += nodes;
        self.repeated_text += text;
        if self.repeated_nodes > REPEATED_NODES_CAP || self.repeated_text > REPEATED_TEXT_CAP {
            let reason = "aliases repeat more than a manifest ever does".to_owned();
            return Err(Error::InvalidYaml { line, reason });
        }
        Ok(node.clone())
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.documents.push(node),
            Some(OpenKind::Seq(elements)) => elements.push(node),
            Some(OpenKind::Map { entries, merged, key }) => match key.take() {
                None => *key = Some(node.scalar().unwrap_or_default().to_owned()),
                Some(name) if name == "<<" => match node.content {
                    Content::Map(of) => merged.extend(of),
                    Content::Seq(maps) => merged.extend(maps.into_iter().flat_map(|map| match map.content {
                        Content::Map(of) => of,
                        _ => Vec::new(),
                    })),
                    _ => {}
                },
                Some(name) => entries.push((name, node)),
            },
        }
    }
}

/// How many nodes and how many bytes of text a tree has.
fn weigh(node: &Node) -> (usize, usize) {
    let mut waiting = vec![node];
    let (mut nodes, mut text) = (0, 0);
    while let Some(node) = waiting.pop() {
        nodes += 1;
        text += node.scalar().map_or(0, str::len);
        waiting.extend(node.elements());
        for (key, value) in node.entries() {
            text += key.len();
            waiting.push(value);
        }
    }
    (nodes, text)
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&str>) -> Content {
    if style == ScalarStyle::Plain && tag.is_none_or(|t| t == "!") {
        if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
            return Content::Null;
        }
        if matches!(
            text.as_str(),
            "true" | "false" | "True" | "False" | "yes" | "no" | "on" | "off"
        ) || text.parse::<f64>().is_ok()
        {
            return Content::Plain(text);
        }
    }
    Content::Text {
        text,
        block: style == ScalarStyle::Literal,
    }
}

fn line(mark: &Mark) -> u32 {
    u32::try_from(mark.line).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_knows_its_line() {
        let documents = parse(b"a: 1\nb:\n  - c: x\n---\nd: |\n  text\n").unwrap();
        let c = documents[0].get("b").unwrap().elements()[0].get("c").unwrap();
        assert_eq!((c.line, c.text()), (3, Some("x")));
        let d = documents[1].get("d").unwrap();
        assert_eq!(d.line, 5);
        assert!(matches!(&d.content, Content::Text { block: true, .. }));
    }

    #[test]
    fn a_merge_key_fills_what_is_missing() {
        let documents = parse(b"x: &x {a: one, b: two}\ny:\n  <<: *x\n  a: three\n").unwrap();
        let y = documents[0].get("y").unwrap();
        assert_eq!((y.filled("a"), y.filled("b")), (Some("three"), Some("two")));
    }

    #[test]
    fn an_alias_bomb_is_refused_and_costs_little() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(
                &[
                    "a",
                    &level.to_string(),
                    ": &a",
                    &level.to_string(),
                    " [",
                    &before,
                    "]\n",
                ]
                .concat(),
            );
        }
        assert!(matches!(parse(text.as_bytes()), Err(Error::InvalidYaml { .. })));
    }

    #[test]
    fn a_text_may_end_anywhere() {
        let text = "a: |\n  one\n   two\nb: >-\n  three\n\n  'four\n  \"five\n- [x, {y: !z &w *v\n? k\r\n";
        for end in 0..=text.len() {
            let _ = parse(&text.as_bytes()[..end]);
            let _ = parse([b"x: |\n  ", &text.as_bytes()[..end]].concat().as_slice());
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = "[".repeat(100_000);
        assert!(matches!(parse(text.as_bytes()), Err(Error::InvalidYaml { .. })));
    }

    #[test]
    fn an_alias_without_an_anchor_is_an_error() {
        assert!(parse(b"a: *nowhere\n").is_err());
    }
}
