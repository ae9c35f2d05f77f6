//! Compose files.

use super::super::Error;
use super::{Reader, filled, line};
use crate::goyaml::located::Node;

pub(super) fn is_one(document: &Node) -> bool {
    let is_service = |service: &Node| service.get("image").is_some() || service.get("build").is_some();
    document.get("kind").is_none()
        && document
            .get("services")
            .and_then(Node::as_map)
            .is_some_and(|services| services.iter().any(|entry| is_service(&entry.value)))
}

impl Reader<'_> {
    pub(super) fn compose(&mut self, document: &Node) -> Result<(), Error> {
        let services = document
            .get("services")
            .and_then(Node::as_map)
            .unwrap_or_default();
        for service in services {
            let at = line(&service.value);
            match filled(&service.value, "image") {
                Some(image) if image.contains("${") || image.contains('$') => self.foreign.note(
                    at,
                    format!(
                        "the image of {} has a variable in its name: `{image}`; write it out",
                        service.key
                    ),
                ),
                Some(image) => self.image(image, at)?,
                None => self.foreign.note(
                    at,
                    format!(
                        "the service {} is built and not pulled: push its image to a registry and name it",
                        service.key
                    ),
                ),
            }
        }
        Ok(())
    }
}
