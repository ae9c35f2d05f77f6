//! Images that a map spells in pieces: registry, repository, tag, digest.

use super::names;
use super::tree::Node;

/// An image put together from a map's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    /// The reference as text, not yet parsed.
    pub(crate) text: String,
    /// The keys that went into it: no other rule reads them again.
    pub(crate) keys: Vec<&'static str>,
    /// Whether the map has a tag or digest. Without one the text ends with the repository.
    pub(crate) exact: bool,
    /// Whether the map names a registry itself.
    pub(crate) has_registry: bool,
    /// Whether the map names no more than the last part of a repository, so that all before it stands elsewhere.
    pub(crate) is_bare: bool,
    /// The line of the field that names the repository.
    pub(crate) line: u32,
}

/// Why a bare name with a tag is no image yet.
pub(crate) const BARE: &str = "a name and a tag: its registry and path stand elsewhere";

/// Reads a map as an image in pieces. `under` is the key that it stands under.
///
/// With `repository`, `image` and `version` together the three are joined (NVIDIA's operators): the repository is then
/// only the directory of the image.
pub(crate) fn read(map: &Node, under: &str) -> Option<Join> {
    let field = |key: &'static str| map.filled(key).map(|text| (key, text));
    let about_image = names::holds_image(under) || names::holds_images(under);
    let registry = field("registry")
        .or_else(|| field("imageRegistry"))
        .or_else(|| registry_host(map).filter(|_| about_image));
    // `newName` and `newTag` are kustomize's.
    let tag = ["tag", "imageTag", "newTag", "imageVersion", "defaultImageVersion"]
        .into_iter()
        .find_map(field);
    let version = field("version");
    let digest = field("digest")
        .or_else(|| field("sha"))
        .or_else(|| field("sha256"))
        .or_else(|| field("imageDigest"));
    let repository = field("repository")
        .or_else(|| field("imageRepository"))
        .or_else(|| field("repo").filter(|_| about_image));
    let image = field("image").or_else(|| field("baseImage"));

    let mut is_bare = false;
    let (mut keys, name, tag) = match (repository, image) {
        (Some(repository), Some(image)) => pair(repository, image, tag, version, digest)?,
        (Some((key, repository)), None) => {
            let tag = tag.or_else(|| version.filter(|_| registry.is_some() || about_image));
            let declared = map.get("tag").is_some() || map.get("imageTag").is_some();
            if tag.is_none() && digest.is_none() && !(declared || about_image || registry.is_some()) {
                return None;
            }
            let host = registry.map(|(_, host)| host);
            let name = field("name").filter(|_| about_image && is_directory(host, repository));
            match name.filter(|(_, name)| !name.contains(':')) {
                Some((name_key, name)) => (vec![key, name_key], below(repository, name), tag),
                None => (vec![key], repository.to_owned(), tag),
            }
        }
        (None, Some((key, image))) => {
            if super::reading::is_exact(image) {
                return None;
            }
            let whole = image.contains('/') || registry.is_some();
            let tag = tag.or_else(|| version.filter(|_| whole));
            // An empty tag is decided elsewhere; `latest` would be a guess.
            let open = whole && (map.get("tag").is_some() || map.get("imageTag").is_some());
            if tag.is_none() && digest.is_none() && !open {
                return None;
            }
            (vec![key], image.to_owned(), tag)
        }
        (None, None) => {
            let (key, name) = field("newName").or_else(|| field("name"))?;
            let kustomized = about_image && (map.get("newName").is_some() || map.get("newTag").is_some());
            let whole = about_image && name.contains('/');
            is_bare = registry.is_none() && !kustomized && !whole;
            if is_bare && !(about_image && super::reading::is_bare_name(name)) {
                return None;
            }
            let tag = tag.or_else(|| version.filter(|_| !is_bare));
            if tag.is_none() && digest.is_none() && !whole {
                return None;
            }
            (vec![key], name.to_owned(), tag)
        }
    };
    if name.contains("://") && !name.starts_with("docker://") && !name.starts_with("oci://") {
        return None;
    }
    let line = keys
        .first()
        .and_then(|key| map.get(key))
        .map_or(map.line, |n| n.line);
    let mut text = match registry {
        Some((key, registry)) if !starts_with_host(&name) || name.starts_with(registry) => {
            keys.push(key);
            if name.starts_with(&format!("{registry}/")) {
                name
            } else {
                format!(
                    "{}/{}",
                    registry.trim_end_matches('/'),
                    name.trim_start_matches('/')
                )
            }
        }
        _ => name,
    };
    let has_registry = registry.is_some();
    let mut exact = super::reading::is_exact(&text);
    if let Some((key, tag)) = tag {
        keys.push(key);
        if !exact {
            // Some charts write a digest where the tag goes.
            let separator = if tag.starts_with("sha256:") { '@' } else { ':' };
            text = format!("{text}{separator}{}", tag.trim_start_matches([':', '@']));
        }
        exact = true;
    }
    if let Some((key, digest)) = digest {
        keys.push(key);
        if !text.contains('@') {
            let algorithm = if digest.contains(':') { "" } else { "sha256:" };
            text = format!("{text}@{algorithm}{}", digest.trim_start_matches('@'));
        }
        exact = true;
    }
    Some(Join {
        text,
        keys,
        exact,
        has_registry,
        is_bare,
        line,
    })
}

/// A field with its key.
type Field<'m> = (&'static str, &'m str);

/// A map with a repository and an image: the one may be the directory or the registry of the other.
fn pair<'m>(
    (repository_key, repository): Field<'m>,
    (image_key, image): Field<'m>,
    tag: Option<Field<'m>>,
    version: Option<Field<'m>>,
    digest: Option<Field<'m>>,
) -> Option<(Vec<&'static str>, String, Option<Field<'m>>)> {
    if super::reading::is_exact(image) || image.ends_with(':') {
        return None; // The image stands for itself.
    }
    let is_path = image.contains('/');
    let tag = if is_path { tag.or(version) } else { version.or(tag) };
    let is_below = !is_path || is_directory(None, repository) && !starts_with_host(image);
    if !is_path || !is_below {
        tag.or(digest)?;
    }
    Some(if is_below {
        (vec![repository_key, image_key], below(repository, image), tag)
    } else {
        (vec![image_key], image.to_owned(), tag)
    })
}

fn below(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// A registry under one of the rarer keys, where nothing but a host can be meant.
fn registry_host(map: &Node) -> Option<(&'static str, &str)> {
    ["registryUrl", "registryHost", "host"]
        .into_iter()
        .filter_map(|key| Some((key, map.filled(key)?)))
        .find(|(_, host)| is_host(host))
}

/// Whether a repository can be no more than the directory of an image: a host and one component at most. On Docker Hub
/// one component is an image as well.
fn is_directory(registry: Option<&str>, repository: &str) -> bool {
    let (host, path) = match registry {
        Some(registry) => (registry, repository),
        None => repository.split_once('/').unwrap_or((repository, "")),
    };
    is_host(host) && host != "docker.io" && !path.trim_end_matches('/').contains('/')
}

/// Whether a text is a host and nothing else.
fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    text.chars().all(plain) && (text.contains(['.', ':']) || text == "localhost")
}

/// Whether a name brings its own registry: its first part has a dot or a port.
pub(crate) fn starts_with_host(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost")
}

/// Istio's way: the `hub` and `tag` of the nearest enclosing map, or of its `global` map.
pub(crate) fn hub_and_tag<'t>(enclosing: &[&'t Node]) -> Option<(&'t str, &'t str)> {
    let pair = |map: &'t Node| Some((map.filled("hub")?, map.filled("tag")?));
    enclosing
        .iter()
        .rev()
        .find_map(|map| pair(map).or_else(|| map.get("global").and_then(pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(json: &str) -> Option<String> {
        let node = Node::from_json(serde_json::from_str(json).unwrap(), 1);
        read(&node, "image").map(|j| j.text)
    }

    #[test]
    fn nvidia_triples_join_all_three() {
        assert_eq!(
            join(r#"{"repository":"nvcr.io/nvidia","image":"driver","version":"535.1"}"#).unwrap(),
            "nvcr.io/nvidia/driver:535.1"
        );
        assert_eq!(
            join(r#"{"repository":"nvcr.io/nvidia","image":"driver","version":"sha256:ab"}"#).unwrap(),
            "nvcr.io/nvidia/driver@sha256:ab"
        );
    }

    #[test]
    fn a_name_is_put_below_a_repository_that_is_no_more_than_its_directory() {
        for (json, expected) in [
            (
                r#"{"repository":"gcr.io/acme","name":"worker","tag":"2"}"#,
                "gcr.io/acme/worker:2",
            ),
            (
                r#"{"registry":"quay.io","repository":"acme","name":"thing","tag":"v1"}"#,
                "quay.io/acme/thing:v1",
            ),
            (
                r#"{"repository":"quay.io/acme/web","name":"web-container","tag":"1"}"#,
                "quay.io/acme/web:1",
            ),
            (
                r#"{"registry":"docker.io","repository":"nginx","name":"proxy","tag":"1"}"#,
                "docker.io/nginx:1",
            ),
            (
                r#"{"repository":"acme/web","name":"front","tag":"1"}"#,
                "acme/web:1",
            ),
        ] {
            assert_eq!(join(json).unwrap(), expected);
        }
    }

    #[test]
    fn a_path_without_a_tag_takes_the_one_beside_it_and_a_host_beside_it_as_its_registry() {
        for (json, expected) in [
            (
                r#"{"repo":"quay.io","image":"acme/in8","tag":"v8"}"#,
                "quay.io/acme/in8:v8",
            ),
            (
                r#"{"registryUrl":"quay.io","image":"acme/in8","tag":"v8"}"#,
                "quay.io/acme/in8:v8",
            ),
            (
                r#"{"host":"quay.io","repository":"acme/in8","tag":"v8"}"#,
                "quay.io/acme/in8:v8",
            ),
            (
                r#"{"repository":"somewhere","image":"quay.io/acme/in8","tag":"v8"}"#,
                "quay.io/acme/in8:v8",
            ),
        ] {
            assert_eq!(join(json).unwrap(), expected);
        }
        assert_eq!(
            join(r#"{"repository":"quay.io","image":"acme/in8:v1","tag":"v8"}"#),
            None
        );
    }

    #[test]
    fn registries_are_put_in_front_once() {
        assert_eq!(
            join(r#"{"registry":"quay.io","repository":"a/b","tag":"1"}"#).unwrap(),
            "quay.io/a/b:1"
        );
        assert_eq!(
            join(r#"{"registry":"quay.io","repository":"quay.io/a/b","tag":"1"}"#).unwrap(),
            "quay.io/a/b:1"
        );
    }

    #[test]
    fn an_empty_tag_leaves_the_image_without_one() {
        let node = Node::from_json(
            serde_json::from_str(r#"{"image":"quay.io/a/b","tag":""}"#).unwrap(),
            1,
        );
        let found = read(&node, "proxy").unwrap();
        assert_eq!((found.text.as_str(), found.exact), ("quay.io/a/b", false));
        assert_eq!(join(r#"{"image":"quay.io/a/b"}"#), None);
    }

    #[test]
    fn a_tag_and_a_digest_are_both_kept() {
        assert_eq!(
            join(r#"{"repository":"a/b","tag":"1","digest":"sha256:cd"}"#).unwrap(),
            "a/b:1@sha256:cd"
        );
    }

    #[test]
    fn a_name_below_an_image_key_is_one_with_its_version_and_kustomize_renames() {
        assert_eq!(
            join(r#"{"name":"cr.l5d.io/linkerd/proxy","version":"stable-2.14"}"#).unwrap(),
            "cr.l5d.io/linkerd/proxy:stable-2.14"
        );
        assert_eq!(join(r#"{"name":"quay.io/a/b:1"}"#).unwrap(), "quay.io/a/b:1");
        assert_eq!(join(r#"{"name":"nginx","newTag":"1.27"}"#).unwrap(), "nginx:1.27");
        assert_eq!(
            join(r#"{"name":"nginx","newName":"quay.io/a/nginx","newTag":"1.27"}"#).unwrap(),
            "quay.io/a/nginx:1.27"
        );
    }

    #[test]
    fn a_chart_dependency_and_a_versioned_name_are_no_images() {
        assert_eq!(
            join(r#"{"name":"redis","repository":"https://charts.example.com","version":"1"}"#),
            None
        );
        assert_eq!(join(r#"{"name":"v1","version":"1"}"#), None);
        assert_eq!(join(r#"{"image":"quay.io/a/b:1","version":"2"}"#), None);
    }

    #[test]
    fn hub_and_tag_come_from_the_nearest_map_or_its_global() {
        let node = Node::from_json(
            serde_json::from_str(r#"{"global":{"hub":"docker.io/istio","tag":"1.20"}}"#).unwrap(),
            1,
        );
        assert_eq!(hub_and_tag(&[&node]), Some(("docker.io/istio", "1.20")));
    }
}
