//! Images that a chart's values declare, whether anything renders them or not.
//!
//! Bitnami's charts, for one, keep every image in a map of registry, repository and tag; those of disabled parts never
//! reach a manifest. They are candidates: a tag may be missing, and then it is a guess that is marked as one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::layers::{Layer, together};
use super::sighting::{Place, Reading, Rule, Severity, Sighting, Source, Subject, Tier};
use super::tree::{Content, Node};
use super::{joins, names, reading};

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
        if names::holds_image(key) && text.starts_with("{{") && !text.contains('\n') {
            self.declare(text, Rule::DisabledByValues);
        } else if names::holds_image(key) && one_word && !reading::is_file_path(text) {
            self.keyed(key, text, parent);
        } else if !text.contains('\n') && !text.contains("{{") {
            for word in reading::words(text) {
                if let reading::Worth::Image(reference, Tier::Heuristic) = reading::judge_word(word) {
                    self.record(word, Reading::Image(reference), Rule::Mention);
                }
            }
        }
    }

    /// A string under a key like `image`: whole, or with its tag in a key beside it.
    fn keyed(&mut self, key: &str, text: &str, parent: &Node) {
        if reading::is_exact(text) {
            return self.declare(text, Rule::DisabledByValues);
        }
        let own = [format!("{key}Tag"), format!("{key}_tag")];
        let shared = ["imageTag", "tag"].into_iter().map(str::to_owned);
        // `cirros` of a `diskImage` may be no image of a registry: then only a tag of its own makes it one.
        let whole = text.contains('/') || key.eq_ignore_ascii_case("image");
        let mut names = own.into_iter().chain(shared.filter(|_| whole));
        if let Some(tag) = names.find_map(|name| parent.filled(&name)) {
            self.declare(&format!("{text}:{tag}"), Rule::DisabledByValues);
        } else if text.contains('/') {
            self.declare(&self.guessed(text), Rule::GuessedTag);
        } else if reading::is_bare_name(text) {
            let reason = "a name alone: its registry and tag stand elsewhere".to_owned();
            self.record(text, note(reason), Rule::ImageKey);
        }
    }

    fn joined(&mut self, map: &Node, join: &joins::Join) {
        let mut text = join.text.clone();
        if !join.has_registry && !joins::starts_with_host(&text) {
            if let Some(registry) = self.registry(map) {
                text = format!("{}/{text}", registry.trim_end_matches('/'));
            } else if join.is_bare {
                let reason = joins::BARE.to_owned();
                return self.record(&text, note(reason), Rule::ImageMap);
            }
        }
        let rule = if join.exact {
            Rule::DisabledByValues
        } else {
            text = self.guessed(&text);
            Rule::GuessedTag
        };
        let declared = self.found.len();
        self.declare(&text, rule);
        // The line of the map is the line of its first key; the one that names the repository says more.
        if let Some(line) = self.line_of(&join.keys)
            && let Some(sighting) = self.found.get_mut(declared)
        {
            sighting.place.line = Some(line);
        }
    }

    /// Something that the values announce as an image. What cannot be read as one is a note: nothing may ever render it.
    fn declare(&mut self, text: &str, rule: Rule) {
        let read = match reading::read(text) {
            Ok(reference) => Reading::Image(reference),
            Err(refusal) => note(refusal.to_string()),
        };
        self.record(text, read, rule);
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

    fn record(&mut self, raw: &str, reading: Reading, rule: Rule) {
        let (subject, line) = self.origin();
        let raw = match reading {
            Reading::Image(_) => raw.to_owned(),
            Reading::Unresolved { .. } => crate::secret::printable(raw, 200),
        };
        self.found.push(Sighting {
            raw,
            reading,
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
        let place = self.strongest();
        place.map_or_else(Default::default, |(layer, node)| {
            (Arc::clone(&layer.subject), (node.line > 0).then_some(node.line))
        })
    }

    /// The line of the first of these keys that the map has in the strongest layer.
    fn line_of(&self, keys: &[&str]) -> Option<u32> {
        let (_, map) = self.strongest()?;
        let line = keys.iter().find_map(|key| map.get(key))?.line;
        (line > 0).then_some(line)
    }

    fn strongest(&self) -> Option<(&'l Layer, &'l Node)> {
        self.layers.iter().rev().find_map(|layer| {
            let rest = self.path.strip_prefix(layer.prefix.as_slice())?;
            let node = rest.iter().try_fold(&layer.root, |node, key| {
                node.get(key)
                    .or_else(|| node.elements().get(key.parse::<usize>().ok()?))
            })?;
            Some((layer, node))
        })
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

fn note(reason: String) -> Reading {
    Reading::Unresolved {
        severity: Severity::Note,
        reason,
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

    #[test]
    fn what_announces_an_image_and_is_none_yet_is_noted() {
        let text = "a: {image: {name: agent, tag: '7'}}\nb: {image: relay}\nc: {image: 'quay.io/Bad:1'}\n\
                    d: {image: '{{ .Values.other }}'}\n";
        let rows = rows(&[layer(text, &[])]);
        assert_eq!(rows.len(), 4, "{rows:?}");
        assert!(rows.iter().all(|row| !row.starts_with('4')), "{rows:?}");
    }

    #[test]
    fn a_registry_above_completes_a_name_and_a_tag() {
        let text = "registry: quay.io/a\nweb: {image: {name: web, tag: v1}}\nImage: mongo\nImageTag: '3'\n";
        assert_eq!(
            rows(&[layer(text, &[])]),
            [
                "4 disabled-by-values quay.io/a/web:v1",
                "4 disabled-by-values docker.io/library/mongo:3"
            ]
        );
    }

    #[test]
    fn a_digest_in_the_place_of_a_tag_is_joined() {
        let hex = "c".repeat(64);
        let text = format!("jmx: {{image: solsson/jmx@sha256, imageTag: {hex}}}\n");
        assert_eq!(
            rows(&[layer(&text, &[])]),
            [format!("4 disabled-by-values docker.io/solsson/jmx@sha256:{hex}")]
        );
    }

    #[test]
    fn the_line_of_a_map_is_that_of_its_repository() {
        let text = "image:\n  registry: docker.io\n  repository: a/b\n  tag: '1'\n";
        assert_eq!(scan_values(&[layer(text, &[])])[0].place.line, Some(3));
    }
}
