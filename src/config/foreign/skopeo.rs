//! The YAML of `skopeo sync --src yaml`.

use super::super::{Error, Image, Tags, Written};
use super::{Reader, filled, line};
use crate::goyaml::located::{Content, Entry, Node};
use crate::secret::Secret;

const IMAGES: [&str; 3] = ["images", "images-by-tag-regex", "images-by-semver"];

/// Every key of such a file is a registry, which tells it from a chart's values.
pub(super) fn is_one(document: &Node) -> bool {
    let is_host = |key: &str| key == "localhost" || key.contains(['.', ':']);
    let lists = |host: &Entry| {
        IMAGES
            .iter()
            .any(|key| matches!(host.value.get(key).map(|n| &n.content), Some(Content::Map(_))))
    };
    document
        .as_map()
        .is_some_and(|hosts| hosts.iter().all(|host| is_host(&host.key)) && hosts.iter().any(lists))
}

impl Reader<'_> {
    pub(super) fn skopeo(&mut self, document: &Node) -> Result<(), Error> {
        for host in document.as_map().unwrap_or_default() {
            for setting in host.value.as_map().unwrap_or_default() {
                self.skopeo_setting(&host.key, setting)?;
            }
        }
        Ok(())
    }

    fn skopeo_setting(&mut self, host: &str, setting: &Entry) -> Result<(), Error> {
        let value = &setting.value;
        match setting.key.as_str() {
            "images" => {
                for repository in value.as_map().unwrap_or_default() {
                    self.skopeo_images(host, repository)?;
                }
            }
            "images-by-tag-regex" => {
                for repository in value.as_map().unwrap_or_default() {
                    let pattern = self.parsed(&repository.value)?;
                    self.skopeo_matching(host, repository, Some(pattern), None)?;
                }
            }
            "images-by-semver" => {
                for repository in value.as_map().unwrap_or_default() {
                    let range = self.parsed(&repository.value)?;
                    self.skopeo_matching(host, repository, None, Some(range))?;
                }
            }
            "credentials" => {
                let (user, password) = (filled(value, "username"), filled(value, "password"));
                if let (Some(user), Some(password)) = (user, password) {
                    self.login(host, user, Secret::new(password));
                }
            }
            "tls-verify" => {
                if matches!(value.content, Content::Bool { value: false, .. }) {
                    self.registry(host).plain_http = true;
                    self.foreign.note(
                        line(value),
                        format!(
                            "tls-verify: false of {host} is read as plain HTTP; TLS is never left unverified: if {host} has a certificate of an authority of yours, say `ca-files` instead of `plain-http`"
                        ),
                    );
                }
            }
            "cert-dir" => {
                if let Some(folder) = value.text() {
                    self.registry(host).certificate_folder = Some(folder.into());
                }
            }
            other => self.foreign.note(
                setting.position.line.try_into().unwrap_or(0),
                format!("`{other}` of {host} is no setting of skopeo sync, and is not read"),
            ),
        }
        Ok(())
    }

    /// The tags and digests of one repository; none of them means all tags.
    fn skopeo_images(&mut self, host: &str, repository: &Entry) -> Result<(), Error> {
        let tags = repository.value.as_seq().unwrap_or_default();
        if tags.is_empty() {
            return self.skopeo_matching(host, repository, None, None);
        }
        for tag in tags {
            let text = tag.text().unwrap_or_default();
            let separator = if text.contains(':') { '@' } else { ':' };
            self.image(&format!("{host}/{}{separator}{text}", repository.key), line(tag))?;
        }
        Ok(())
    }

    fn skopeo_matching(
        &mut self,
        host: &str,
        repository: &Entry,
        pattern: Option<Written<super::super::Pattern>>,
        range: Option<Written<crate::version::Constraint>>,
    ) -> Result<(), Error> {
        let name = format!("{host}/{}", repository.key);
        let parsed = name.parse().map_err(|error: crate::reference::Error| {
            self.wrong(line(&repository.value), format!("`{name}`: {error}"))
        })?;
        self.foreign.config.images.push(Image::Tags {
            repository: parsed,
            tags: Tags::Matching {
                pattern,
                range,
                newest: None,
            },
            reason: None,
        });
        Ok(())
    }

    /// A text with a grammar.
    fn parsed<T: std::str::FromStr>(&self, node: &Node) -> Result<Written<T>, Error>
    where
        T::Err: std::error::Error,
    {
        let text = node.text().unwrap_or_default();
        text.parse().map_err(|error: T::Err| {
            self.wrong(
                line(node),
                format!("`{}`: {error}", crate::secret::printable(text, 160)),
            )
        })
    }
}
