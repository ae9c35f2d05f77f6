//! Layers of values, one over the other, as Helm lays them.

use std::sync::Arc;

use super::documents::Error;
use super::sighting::Subject;
use super::tree::{self, Content, Node};

/// One layer of values: a chart's own, or one that the user gives. Later layers win.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The chart and file that the layer is from.
    pub(super) subject: Arc<Subject>,
    /// Where in the whole tree it belongs: the path of dependency names, empty for the top chart.
    pub(super) prefix: Vec<String>,
    /// The version of what the chart installs: a guess for missing tags.
    pub(super) app_version: String,
    pub(super) root: Node,
}

impl Layer {
    /// Reads a values file. `prefix` is the path of dependency names to the chart that it belongs to.
    pub fn parse(
        text: &[u8],
        subject: Subject,
        prefix: Vec<String>,
        app_version: &str,
    ) -> Result<Self, Error> {
        let mut root = Node {
            line: 0,
            content: Content::Map(Vec::new()),
        };
        for document in tree::parse(text)? {
            overlay(&mut root, &document);
        }
        Ok(Self {
            subject: Arc::new(subject),
            prefix,
            app_version: app_version.to_owned(),
            root,
        })
    }
}

/// All layers as one tree, the later ones over the earlier ones.
pub(super) fn together(layers: &[Layer]) -> Node {
    let mut whole = Node {
        line: 0,
        content: Content::Map(Vec::new()),
    };
    for layer in layers {
        let placed = layer
            .prefix
            .iter()
            .rev()
            .fold(layer.root.clone(), |node, key| Node {
                line: 0,
                content: Content::Map(vec![(key.clone(), node)]),
            });
        overlay(&mut whole, &placed);
    }
    whole
}

/// Whether the values have something at a path like `metrics.enabled` that templates take for true.
pub fn is_true(layers: &[Layer], path: &str) -> bool {
    let whole = together(layers);
    let node = path.split('.').try_fold(&whole, |node, key| node.get(key));
    match node.map(|n| &n.content) {
        None | Some(Content::Null) => false,
        Some(Content::Plain(text) | Content::Text { text, .. }) => {
            !matches!(text.as_str(), "" | "false" | "0" | "no" | "off")
        }
        Some(Content::Seq(elements)) => !elements.is_empty(),
        Some(Content::Map(entries)) => !entries.is_empty(),
    }
}

/// Lays one tree over another as Helm does: maps are merged, everything else is replaced, null takes away.
fn overlay(below: &mut Node, above: &Node) {
    match (&mut below.content, &above.content) {
        (Content::Map(below), Content::Map(above)) => {
            for (key, value) in above {
                match below.iter_mut().find(|(k, _)| k == key) {
                    Some((_, node)) => overlay(node, value),
                    None => below.push((key.clone(), value.clone())),
                }
            }
        }
        _ => below.clone_from(above),
    }
}
