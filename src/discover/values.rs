//! Images that a chart's values declare, whether anything renders them or not.
//!
//! Bitnami's charts, for one, keep every image in a map of registry, repository and tag; those of disabled parts never
//! reach a manifest. They are candidates: a tag may be missing, and then it is a guess that is marked as one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::documents::Error;
use super::sighting::{Place, Reading, Rule, Sighting, Source, Subject, Tier};
use super::tree::{self, Content, Node};
use super::{joins, names, reading};

/// One layer of values: a chart's own, or one that the user gives. Later layers win.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The chart and file that the layer is from.
    subject: Arc<Subject>,
    /// Where in the whole tree it belongs: the path of dependency names, empty for the top chart.
    prefix: Vec<String>,
    /// The version of what the chart installs: a guess for missing tags.
    app_version: String,
    root: Node,
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
fn together(layers: &[Layer]) -> Node {
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

/// Everything that the values declare, in the order of the tree. `layers` from the weakest to the strongest.
pub fn scan_values(layers: &[Layer]) -> Vec<Sighting> {
    let whole = together(layers);
    let mut scan = Scan {
        layers,
        root: &whole,
        path: Vec::new(),
        enclosing: Vec::new(),
        found: Vec::new(),
    };
    scan.map(&whole);
    scan.found
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

struct Scan<'l> {
    layers: &'l [Layer],
    root: &'l Node,
    path: Vec<String>,
    enclosing: Vec<&'l Node>,
    found: Vec<Sighting>,
}

impl<'l> Scan<'l> {
    fn map(&mut self, map: &'l Node) {
        let under = self.path.last().cloned().unwrap_or_default();
        let join = joins::read(map, &under);
        let mut taken = Vec::new();
        if let Some(join) = join {
            taken.clone_from(&join.keys);
            self.joined(map, &join);
        }
        self.enclosing.push(map);
        for (key, value) in map.entries() {
            if !taken.contains(&key.as_str()) {
                self.path.push(key.clone());
                self.value(key, value, map);
                self.path.pop();
            }
        }
        self.enclosing.pop();
    }

    fn value(&mut self, key: &str, value: &'l Node, parent: &'l Node) {
        if self.path.len() > 200 {
            return;
        }
        match &value.content {
            Content::Map(_) => self.map(value),
            Content::Seq(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.path.push(index.to_string());
                    self.value(key, element, parent);
                    self.path.pop();
                }
            }
            Content::Text { text, .. } => self.text(key, text, parent),
            Content::Null | Content::Plain(_) => {}
        }
    }

    fn text(&mut self, key: &str, text: &str, parent: &Node) {
        let text = text.trim();
        let one_word = !text.is_empty() && !text.contains(char::is_whitespace) && !text.contains("{{");
        if names::holds_image(key) && one_word && !reading::is_file_path(text) {
            self.keyed(key, text, parent);
        } else if !text.contains('\n') && !text.contains("{{") {
            for word in reading::words(text) {
                if let reading::Worth::Image(reference, Tier::Heuristic) = reading::judge_word(word) {
                    self.record(word, reference, Rule::Mention);
                }
            }
        }
    }

    /// A string under a key like `image`: whole, or with its tag in a key beside it.
    fn keyed(&mut self, key: &str, text: &str, parent: &Node) {
        if reading::is_exact(text) {
            if let Ok(reference) = reading::read(text) {
                self.record(text, reference, Rule::DisabledByValues);
            }
            return;
        }
        if !text.contains('/') && key != "image" {
            return;
        }
        let beside = [
            format!("{key}Tag"),
            format!("{key}_tag"),
            "imageTag".to_owned(),
            "tag".to_owned(),
        ];
        let tag = beside.iter().find_map(|tag| parent.filled(tag));
        let (whole, rule) = match tag {
            Some(tag) => (format!("{text}:{tag}"), Rule::DisabledByValues),
            None if text.contains('/') => (self.guessed(text), Rule::GuessedTag),
            None => return,
        };
        if let Ok(reference) = reading::read(&whole) {
            self.record(&whole, reference, rule);
        }
    }

    fn joined(&mut self, map: &Node, join: &joins::Join) {
        let mut text = join.text.clone();
        if !join.has_registry
            && !joins::starts_with_host(&text)
            && let Some(registry) = self.registry(map)
        {
            text = format!("{}/{text}", registry.trim_end_matches('/'));
        }
        let rule = if join.exact {
            Rule::DisabledByValues
        } else {
            text = self.guessed(&text);
            Rule::GuessedTag
        };
        if let Ok(reference) = reading::read(&text) {
            self.record(&text, reference, rule);
        }
    }

    fn guessed(&self, repository: &str) -> String {
        let owner = self
            .layers
            .iter()
            .filter(|layer| self.path.starts_with(&layer.prefix) && !layer.app_version.is_empty())
            .max_by_key(|layer| layer.prefix.len());
        match owner {
            Some(layer) => format!("{repository}:{}", layer.app_version),
            None => repository.to_owned(),
        }
    }

    /// The registry that the nearest enclosing map names, or the `global` map.
    fn registry(&self, map: &'_ Node) -> Option<String> {
        let of = |map: &Node| {
            map.filled("imageRegistry")
                .or_else(|| map.get("image").and_then(|image| image.filled("registry")))
                .or_else(|| map.filled("registry"))
                .or_else(|| map.filled("hub"))
                .filter(|registry| !registry.contains("://") && !registry.contains("{{"))
                .map(str::to_owned)
        };
        of(map)
            .or_else(|| self.enclosing.iter().rev().find_map(|map| of(map)))
            .or_else(|| self.root.get("global").and_then(of))
    }

    fn record(&mut self, raw: &str, reference: crate::reference::Reference, rule: Rule) {
        let (subject, line) = self.origin();
        self.found.push(Sighting {
            raw: raw.to_owned(),
            reading: Reading::Image(reference),
            tier: Tier::Candidate,
            rule,
            source: Source::Values,
            place: Place {
                subject,
                pointer: super::record::pointer(&self.path),
                embedded: Vec::new(),
                line,
                template_line: None,
                template_file: None,
            },
            under: self.switch().into_iter().collect(),
        });
    }

    /// The strongest layer that has the path, and the line there.
    fn origin(&self) -> (Arc<Subject>, Option<u32>) {
        let place = self.layers.iter().rev().find_map(|layer| {
            let rest = self.path.strip_prefix(layer.prefix.as_slice())?;
            let node = rest.iter().try_fold(&layer.root, |node, key| {
                node.get(key)
                    .or_else(|| node.elements().get(key.parse::<usize>().ok()?))
            })?;
            Some((Arc::clone(&layer.subject), (node.line > 0).then_some(node.line)))
        });
        place.unwrap_or_default()
    }

    /// The nearest switch around the place that is off: `metrics.enabled=true` would turn it on.
    fn switch(&self) -> Option<String> {
        let off = |map: &Node| map.get("enabled").and_then(Node::scalar) == Some("false");
        let mut map = self.root;
        let mut switch = None;
        for (depth, key) in self.path.iter().enumerate() {
            let Some(inner) = map.get(key) else { break };
            map = inner;
            if off(map) {
                let path = self.path.get(..=depth).unwrap_or_default().join(".");
                switch = Some(format!("{path}.enabled=true"));
            }
        }
        switch
    }
}

/// The references that a scan of values gave with an exact tag or digest.
pub fn declared(sightings: &[Sighting]) -> BTreeSet<crate::reference::Reference> {
    sightings
        .iter()
        .filter_map(|s| match &s.reading {
            Reading::Image(reference) if s.rule != Rule::GuessedTag => Some(reference.clone()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(text: &str, prefix: &[&str]) -> Layer {
        let subject = Subject {
            file: prefix.join("/") + "values.yaml",
            ..Subject::default()
        };
        let prefix = prefix.iter().map(|&p| p.to_owned()).collect();
        Layer::parse(text.as_bytes(), subject, prefix, "v0.93.1").unwrap()
    }

    fn rows(layers: &[Layer]) -> Vec<String> {
        scan_values(layers)
            .iter()
            .map(|s| match &s.reading {
                Reading::Image(r) => format!("{} {} {r}", s.tier, s.rule.id()),
                Reading::Unresolved { reason, .. } => reason.clone(),
            })
            .collect()
    }

    #[test]
    fn a_map_with_a_tag_is_exact_and_one_without_is_a_guess_and_says_so() {
        let text = "image: {registry: docker.io, repository: bitnami/redis, tag: 7.4.1-r0}\n\
                    kubectl: {image: {registry: registry.k8s.io, repository: kubectl, tag: ''}}\n";
        assert_eq!(
            rows(&[layer(text, &[])]),
            [
                "4 disabled-by-values docker.io/bitnami/redis:7.4.1-r0",
                "4 guessed-tag registry.k8s.io/kubectl:v0.93.1"
            ]
        );
    }

    #[test]
    fn the_registry_comes_from_the_nearest_map_or_global() {
        let text = "global: {image: {registry: registry.k8s.io}}\nbackend: {image: {repository: defaultbackend-amd64, tag: '1.5'}}\n";
        assert_eq!(
            rows(&[layer(text, &[])]),
            ["4 disabled-by-values registry.k8s.io/defaultbackend-amd64:1.5"]
        );
    }

    #[test]
    fn a_parents_tag_replaces_the_subcharts_and_the_line_is_the_parents() {
        let below = layer(
            "image: {registry: docker.io, repository: bitnami/redis, tag: '1'}\n",
            &["redis"],
        );
        let above = layer("redis:\n  enabled: false\n  image:\n    tag: '2'\n", &[]);
        let found = scan_values(&[below, above]);
        assert_eq!(found[0].raw, "docker.io/bitnami/redis:2");
        assert_eq!(found[0].place.pointer, "/redis/image");
        assert_eq!(found[0].place.line, Some(4));
        assert!(found[0].under.contains("redis.enabled=true"));
    }

    #[test]
    fn a_string_finds_its_tag_beside_it() {
        let text = "sidecar: {image: quay.io/a/b, imageTag: v3}\nplain: {image: quay.io/c/d:1}\n";
        assert_eq!(
            rows(&[layer(text, &[])]),
            [
                "4 disabled-by-values quay.io/a/b:v3",
                "4 disabled-by-values quay.io/c/d:1"
            ]
        );
    }
}
