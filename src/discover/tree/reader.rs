//! From YAML text to trees, through the reader that decides what YAML means everywhere else.

use super::{Content, Node};
use crate::discover::documents::Error;
use crate::goyaml::{self, located};

/// Parses every document of a text. Depth, size and the expansion of aliases are bounded there.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Node>, Error> {
    let documents = located::parse(text).map_err(|error| Error::InvalidYaml {
        line: error.position().map_or(0, |position| position.line),
        reason: error.to_string(),
    })?;
    let source = Source::new(text);
    Ok(documents.into_iter().map(|node| source.node(node)).collect())
}

/// The text, by lines, to see how a string is written.
struct Source<'t> {
    lines: Vec<&'t [u8]>,
}

impl<'t> Source<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self {
            lines: text.split(|byte| *byte == b'\n').collect(),
        }
    }

    fn node(&self, node: located::Node) -> Node {
        let position = node.position;
        let content = match node.content {
            located::Content::Null => Content::Null,
            located::Content::Bool { text, .. } | located::Content::Number { text, .. } => {
                Content::Plain(text)
            }
            located::Content::String(text) => {
                let block = text.contains('\n') && self.is_block(position);
                Content::Text { text, block }
            }
            located::Content::Seq(elements) => {
                Content::Seq(elements.into_iter().map(|element| self.node(element)).collect())
            }
            located::Content::Map(entries) => Content::Map(
                entries
                    .into_iter()
                    .map(|entry| (entry.key, self.node(entry.value)))
                    .collect(),
            ),
        };
        Node {
            line: position.line,
            content,
        }
    }

    /// Whether a literal block (`|`) starts here: its lines are lines of the file.
    fn is_block(&self, position: goyaml::Position) -> bool {
        let line = usize::try_from(position.line)
            .ok()
            .and_then(|line| self.lines.get(line.checked_sub(1)?));
        let rest = line.and_then(|line| {
            let before = usize::try_from(position.column).ok()?.checked_sub(1)?;
            std::str::from_utf8(line).ok()?.chars().nth(before)
        });
        rest == Some('|')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_knows_its_line() {
        let documents = parse(b"a: 1\nb:\n  - c: x\n---\nd: |\n  text\ne: \"one\\ntwo\"\n").unwrap();
        let c = documents[0].get("b").unwrap().elements()[0].get("c").unwrap();
        assert_eq!((c.line, c.text()), (3, Some("x")));
        let d = documents[1].get("d").unwrap();
        assert_eq!(d.line, 5);
        assert!(matches!(&d.content, Content::Text { block: true, .. }));
        let e = documents[1].get("e").unwrap();
        assert!(matches!(&e.content, Content::Text { block: false, .. }));
    }

    #[test]
    fn a_merge_key_fills_what_is_missing() {
        let documents = parse(b"x: &x {a: one, b: two}\nz:\n  <<: *x\n  a: three\n").unwrap();
        let z = documents[0].get("z").unwrap();
        assert_eq!((z.filled("a"), z.filled("b")), (Some("three"), Some("two")));
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
    fn deep_nesting_is_refused() {
        let text = "[".repeat(100_000);
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
    fn an_alias_without_an_anchor_is_an_error() {
        assert!(parse(b"a: *nowhere\n").is_err());
    }
}
