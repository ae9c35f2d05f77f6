//! Images whose pieces stand under names that begin alike: `SIDECAR_IMAGE_REPOSITORY` beside `SIDECAR_IMAGE_TAG`,
//! `trivy.repository` beside `trivy.tag`, `proxyImage` beside `proxyImageTag`.

use super::tree::Node;
use super::{joins, names, reading};

/// A name with its value, of a map or of a list of variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'t> {
    pub(crate) name: &'t str,
    pub(crate) value: &'t str,
}

/// An image put together from several of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split<'t> {
    /// The reference as text, not yet parsed.
    pub(crate) text: String,
    /// The name that holds the repository.
    pub(crate) repository: &'t str,
    /// The other names that went into it.
    pub(crate) others: Vec<&'t str>,
}

/// Last words of names that hold a repository.
const REPOSITORY: [&str; 2] = ["repository", "repo"];

/// Words of names whose repository holds something else than images.
const OTHER_REPOSITORIES: [&str; 5] = ["chart", "charts", "helm", "git", "maven"];

/// The names that hold scalars; none if no name could end in a piece of an image.
pub(crate) fn scalars<'t>(entries: impl Iterator<Item = (&'t str, &'t Node)> + Clone) -> Vec<Named<'t>> {
    if !entries.clone().any(|(name, _)| may_be_version(name)) {
        return Vec::new();
    }
    let named = |(name, node): (&'t str, &'t Node)| {
        let value = node.scalar()?.trim();
        Some(Named { name, value })
    };
    entries.filter_map(named).collect()
}

/// Finds them. Names without a tag or digest beside them are left to others.
pub(crate) fn find<'t>(named: &[Named<'t>]) -> Vec<Split<'t>> {
    let words: Vec<(Vec<String>, Named<'t>)> = named
        .iter()
        .filter(|n| !n.value.is_empty() && !n.value.contains(char::is_whitespace))
        .map(|n| (names::words(n.name), *n))
        .collect();
    words.iter().filter_map(|(own, n)| one(own, *n, &words)).collect()
}

fn one<'t>(own: &[String], named: Named<'t>, all: &[(Vec<String>, Named<'t>)]) -> Option<Split<'t>> {
    let (last, before) = own.split_last()?;
    let ends_in_image = |words: &[String]| words.last().is_some_and(|word| word == "image");
    let stem = if REPOSITORY.contains(&last.as_str()) || last == "name" && ends_in_image(before) {
        before
    } else if names::holds_image(named.name) {
        own
    } else {
        return None;
    };
    let repository = named.value;
    let about_image = stem.iter().any(|word| word == "image");
    let strange = stem
        .iter()
        .any(|word| OTHER_REPOSITORIES.contains(&word.as_str()));
    if stem.is_empty()
        || strange
        || !about_image && !repository.contains('/')
        || reading::is_exact(repository)
        || reading::is_file_path(repository)
        || ["://", "{{", "$"].iter().any(|mark| repository.contains(mark))
    {
        return None;
    }
    // `proxyImage` may have its tag in `proxyTag` as well as in `proxyImageTag`.
    let short = stem
        .split_last()
        .filter(|_| ends_in_image(stem))
        .map(|(_, short)| short);
    let stems = [Some(stem), short.filter(|short| !short.is_empty())];
    let beside = |ends: &[&str]| {
        stems.iter().flatten().find_map(|stem| {
            all.iter().find_map(|(words, other)| {
                let (last, before) = words.split_last()?;
                (before == *stem && ends.contains(&last.as_str())).then_some(*other)
            })
        })
    };
    let tag = beside(if about_image {
        &["tag", "version"]
    } else {
        &["tag"]
    })
    .filter(|tag| is_tag(tag.value));
    let digest = beside(&["digest", "sha", "sha256"]).filter(|d| reading::is_digest(d.value));
    let registry = beside(&["registry"]).filter(|_| !joins::starts_with_host(repository));
    if tag.is_none() && digest.is_none() {
        return None;
    }
    let mut text = match registry {
        Some(registry) => format!("{}/{repository}", registry.value.trim_end_matches('/')),
        None => repository.to_owned(),
    };
    for (mark, piece) in [(':', tag), ('@', digest)] {
        if let Some(piece) = piece {
            text.push(mark);
            text.push_str(piece.value);
        }
    }
    Some(Split {
        text,
        repository: named.name,
        others: [tag, digest, registry]
            .into_iter()
            .flatten()
            .map(|n| n.name)
            .collect(),
    })
}

/// Whether a name could end in `tag`, `version`, `digest` or `sha`: a look that costs nothing.
fn may_be_version(name: &str) -> bool {
    let name = name.as_bytes();
    ["tag", "version", "digest", "sha", "sha256"].iter().any(|end| {
        name.len() > end.len()
            && name
                .get(name.len() - end.len()..)
                .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
    })
}

fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.len() <= 128 && text.chars().all(plain) && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Vec<String> {
        let named: Vec<Named<'_>> = pairs.iter().map(|&(name, value)| Named { name, value }).collect();
        find(&named).into_iter().map(|split| split.text).collect()
    }

    #[test]
    fn pieces_are_joined_whatever_the_style_of_their_names() {
        for pairs in [
            [
                ("SIDECAR_IMAGE_REPOSITORY", "quay.io/a/b"),
                ("SIDECAR_IMAGE_TAG", "v1"),
            ],
            [("trivy.repository", "quay.io/a/b"), ("trivy.tag", "v1")],
            [("proxyImage", "quay.io/a/b"), ("proxyImageTag", "v1")],
            [("proxyImage", "quay.io/a/b"), ("proxyTag", "v1")],
            [
                ("worker_container_repository", "quay.io/a/b"),
                ("worker_container_tag", "v1"),
            ],
            [
                ("sidecar-image-name", "quay.io/a/b"),
                ("sidecar-image-version", "v1"),
            ],
        ] {
            assert_eq!(texts(&pairs), ["quay.io/a/b:v1"], "{pairs:?}");
        }
    }

    #[test]
    fn a_registry_and_a_digest_beside_them_are_joined_too() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pairs = [
            ("x.registry", "quay.io"),
            ("x.repository", "a/b"),
            ("x.tag", "v1"),
            ("x.digest", digest.as_str()),
        ];
        assert_eq!(texts(&pairs), [format!("quay.io/a/b:v1@{digest}")]);
    }

    #[test]
    fn what_has_a_tag_already_or_is_no_image_repository_is_left_alone() {
        for pairs in [
            [("proxyImage", "quay.io/a/b:v2"), ("proxyImageTag", "v1")],
            [("chartRepository", "stable/redis"), ("chartTag", "v1")],
            [("gitRepository", "https://example.com/a/b"), ("gitTag", "v1")],
            [("fooRepository", "internal"), ("fooTag", "v1")],
            [("fooRepository", "a/b"), ("fooVersion", "v1")],
            [("repository", "a/b"), ("tag", "v1")],
        ] {
            assert_eq!(texts(&pairs), Vec::<String>::new(), "{pairs:?}");
        }
    }
}
