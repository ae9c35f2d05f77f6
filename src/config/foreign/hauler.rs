//! The manifests of `hauler store sync`.

use std::path::PathBuf;

use super::super::charts::Fields;
use super::super::{Chart, Error, PlatformName, Written};
use super::{Reader, filled, line};
use crate::goyaml::located::Node;

pub(super) fn is_one(document: &Node) -> bool {
    filled(document, "apiVersion").is_some_and(|version| version.starts_with("content.hauler.cattle.io/"))
}

impl Reader<'_> {
    pub(super) fn hauler(&mut self, document: &Node) -> Result<(), Error> {
        if !is_one(document) {
            return Ok(());
        }
        let list = |key: &str| {
            let list = document.get("spec").and_then(|spec| spec.get(key));
            list.and_then(Node::as_seq).unwrap_or_default()
        };
        match filled(document, "kind").unwrap_or_default() {
            "Images" => {
                let annotations = document
                    .get("metadata")
                    .and_then(|metadata| metadata.get("annotations"));
                self.hauler_images(list("images"), annotations)
            }
            "Charts" => list("charts")
                .iter()
                .try_for_each(|chart| self.hauler_chart(chart)),
            "Files" => {
                for file in list("files") {
                    let path = filled(file, "path").unwrap_or("a file");
                    self.foreign.note(
                        line(file),
                        format!("{path} does not cross: a bundle carries images and charts; copy it onto the drive beside the bundle"),
                    );
                }
                Ok(())
            }
            other => {
                self.foreign.note(
                    line(document),
                    format!("kind {other} is not read: carrack reads hauler's Images and Charts"),
                );
                Ok(())
            }
        }
    }

    fn hauler_images(&mut self, images: &[Node], annotations: Option<&Node>) -> Result<(), Error> {
        let common = |key: &str| annotations.and_then(|all| filled(all, key));
        let registry = common("hauler.dev/registry");
        if let Some(platform) = common("hauler.dev/platform") {
            self.hauler_platform(platform, images.first().map_or(0, line))?;
        }
        if common("hauler.dev/key").is_some() {
            self.foreign.note(
                images.first().map_or(0, line),
                "hauler.dev/key: signatures are checked by a policy, see docs/trust.md",
            );
        }
        for image in images {
            let Some(name) = image.text().or_else(|| filled(image, "name")) else {
                return Err(self.wrong(line(image), "an image without a name"));
            };
            let full = match registry {
                Some(registry) if !names_a_host(name) => format!("{registry}/{name}"),
                _ => name.to_owned(),
            };
            self.image(&full, line(image))?;
            if let Some(platform) = filled(image, "platform") {
                self.hauler_platform(platform, line(image))?;
            }
            for key in ["key", "certificate-identity", "certificate-identity-regexp"] {
                if filled(image, key).is_some() {
                    let text =
                        format!("{key} of {name}: signatures are checked by a policy, see docs/trust.md");
                    self.foreign.note(line(image), text);
                }
            }
            if filled(image, "rewrite").is_some() {
                let text = format!(
                    "rewrite of {name} is not done: names never change; `map` of a destination places them"
                );
                self.foreign.note(line(image), text);
            }
        }
        Ok(())
    }

    /// Platforms are chosen for the whole run.
    fn hauler_platform(&mut self, text: &str, at: usize) -> Result<(), Error> {
        let platform: Written<PlatformName> = text.parse().map_err(|error| {
            self.wrong(
                at,
                format!("platform `{}`: {error}", crate::secret::printable(text, 60)),
            )
        })?;
        let platforms = &mut self.foreign.config.platforms;
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
        Ok(())
    }

    fn hauler_chart(&mut self, chart: &Node) -> Result<(), Error> {
        let Some(name) = filled(chart, "name") else {
            return Err(self.wrong(line(chart), "a chart without a name"));
        };
        let repository = filled(chart, "repoURL").unwrap_or_default().trim_end_matches('/');
        let mut fields = if repository.starts_with("oci://") {
            Fields::of_oci(&format!("{repository}/{name}"))
        } else if repository.is_empty() || !repository.contains("://") {
            let path = PathBuf::from(repository).join(name);
            self.foreign.config.charts.push(Chart::at(path));
            return Ok(());
        } else {
            Fields::of_repository(repository, Some(name))
        };
        if let Some(version) = filled(chart, "version") {
            let parsed = version.parse().map_err(|error: crate::version::Error| {
                self.wrong(
                    line(chart),
                    format!(
                        "version `{}` of {name}: {error}",
                        crate::secret::printable(version, 60)
                    ),
                )
            })?;
            fields.version = Some(parsed);
        }
        let made = Chart::try_from(fields).map_err(|problem| self.wrong(line(chart), problem))?;
        self.foreign.config.charts.push(made);
        if filled(chart, "rewrite").is_some() {
            let text = format!("rewrite of the chart {name} is not done: names never change");
            self.foreign.note(line(chart), text);
        }
        Ok(())
    }
}

/// Whether a name begins with a host, by the rule of every container engine.
fn names_a_host(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost")
}
