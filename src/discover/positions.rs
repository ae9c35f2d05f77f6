//! Positions that the Kubernetes API and its extensions define as those of images.

use super::reading;
use super::record::Trouble;
use super::scope::Scope;
use super::sighting::{Rule, Severity, Source, Tier};
use super::tree::Node;
use super::walk::Walk;

/// Keys whose elements are containers wherever they stand.
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// What a map is to the node above it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'k> {
    Value(&'k str),
    Element(&'k str),
}

impl<'t> Walk<'_, 't> {
    /// The positions that the API itself defines. Gives the keys that are read with it.
    pub(super) fn certain(&mut self, map: &'t Node, role: Role<'_>, scope: Scope) -> Vec<&'static str> {
        match role {
            Role::Element(list) if CONTAINER_LISTS.contains(&list) => {
                let Some(image) = map.get("image").filter(|n| n.scalar().is_some()) else {
                    return Vec::new();
                };
                self.within("image", |walk| walk.container_image(image, Rule::Podspec, scope));
                vec!["image"]
            }
            Role::Element("volumes") => {
                if let Some(reference) = map.at(&["image", "reference"]).filter(|n| n.scalar().is_some()) {
                    self.within("image", |walk| {
                        walk.within("reference", |walk| {
                            walk.container_image(reference, Rule::ImageVolume, scope);
                        });
                    });
                    return vec!["image"];
                }
                Vec::new()
            }
            Role::Value("containerDisk") => {
                let Some(image) = map.get("image").filter(|n| n.scalar().is_some()) else {
                    return Vec::new();
                };
                self.within("image", |walk| {
                    walk.container_image(image, Rule::ContainerDisk, scope);
                });
                vec!["image"]
            }
            _ => Vec::new(),
        }
    }

    fn container_image(&mut self, node: &Node, rule: Rule, scope: Scope) {
        let text = node.scalar().unwrap_or_default().trim();
        if text.is_empty() {
            let reason = "the image is empty".to_owned();
            let trouble = Trouble::new(Tier::Certain, rule, Severity::Warning, reason);
            self.unresolved("", trouble, node.line, scope);
            return;
        }
        match reading::read(text) {
            Ok(reference) => self.image(text, reference, Tier::Certain, rule, node.line, scope),
            Err(refusal) => {
                let expected = refusal.is_harmless() || (scope.template && refusal.is_template());
                let severity = if expected || scope.best > Tier::Certain {
                    Severity::Note
                } else {
                    Severity::Error
                };
                let trouble = Trouble::new(Tier::Certain, rule, severity, refusal.to_string());
                self.unresolved(text, trouble, node.line, scope);
            }
        }
    }

    /// An entry of `relatedImages`: what an operator bundle says that it needs.
    pub(super) fn related(&mut self, entry: &'t Node, scope: Scope) {
        let Some(image) = entry.get("image") else { return };
        let scope = Scope {
            source: Source::Bundle,
            ..scope
        };
        self.within("image", |walk| {
            let text = image.scalar().unwrap_or_default().trim();
            walk.strong(text, Rule::RelatedImage, image.line, scope);
        });
    }

    /// OpenShift's way to name an image: `{kind: DockerImage, name: …}`.
    pub(super) fn image_of_a_stream(&mut self, map: &Node, scope: Scope) -> bool {
        let name = map
            .get("name")
            .filter(|_| map.filled("kind") == Some("DockerImage"));
        if let Some((node, text)) = name.and_then(|node| Some((node, node.scalar()?))) {
            self.within("name", |walk| {
                walk.strong(text.trim(), Rule::KnownField, node.line, scope);
            });
            return true;
        }
        false
    }
}
