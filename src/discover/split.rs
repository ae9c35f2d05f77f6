//! Images whose pieces stand under names that begin alike: `SIDECAR_IMAGE_REPOSITORY` beside `SIDECAR_IMAGE_TAG`,
//! `trivy.repository` beside `trivy.tag`, `proxyImage` beside `proxyImageTag`.

use super::tree::{Content, Node};
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
    /// Whether the repository is one word and no name holds its registry, so that all before it stands elsewhere.
    pub(crate) is_bare: bool,
}

/// Last words of names that hold a repository.
const REPOSITORY: [&str; 2] = ["repository", "repo"];

/// Words of names whose repository holds something else than images.
const OTHER_REPOSITORIES: [&str; 5] = ["chart", "charts", "helm", "git", "maven"];

/// Words of names whose registry is none of images.
const OTHER_REGISTRIES: [&str; 5] = ["schema", "npm", "package", "chart", "helm"];

/// The names that hold scalars or nothing; none at all if no name could end in a piece of an image.
pub(crate) fn scalars<'t>(
    entries: impl Iterator<Item = (&'t str, Option<&'t Node>)> + Clone,
) -> Vec<Named<'t>> {
    if !entries.clone().any(|(name, _)| may_be_version(name)) {
        return Vec::new();
    }
    let named = |(name, node): (&'t str, Option<&'t Node>)| {
        let value = match node {
            None => "",
            Some(node) if node.content == Content::Null => "",
            Some(node) => node.scalar()?.trim(),
        };
        Some(Named { name, value })
    };
    entries.filter_map(named).collect()
}

/// Finds them. Names without a tag or digest beside them are left to others.
pub(crate) fn find<'t>(named: &[Named<'t>]) -> Vec<Split<'t>> {
    let all = Names::new(named);
    all.repositories()
        .filter_map(|(stem, named)| all.joined(stem, named))
        .collect()
}

/// The names that hold an image without a tag, beside a name for its tag that is empty: `IMAGE_NAME` and an empty
/// `IMAGE_TAG`. Which tag it is to be is decided elsewhere, and `latest` would be a guess.
pub(crate) fn untagged<'t>(named: &[Named<'t>]) -> Vec<Named<'t>> {
    let all = Names::new(named);
    all.repositories()
        .filter(|(stem, named)| {
            all.joined(stem, *named).is_none() && all.beside(stem, tags_of(stem), str::is_empty).is_some()
        })
        .map(|(_, named)| named)
        .collect()
}

/// All names of a map or list, cut into words.
struct Names<'t> {
    names: Vec<(Vec<String>, Named<'t>)>,
}

impl<'t> Names<'t> {
    fn new(named: &[Named<'t>]) -> Self {
        let names = named
            .iter()
            .filter(|n| !n.value.contains(char::is_whitespace))
            .map(|n| (names::words(n.name), *n))
            .collect();
        Self { names }
    }

    /// The names that hold a repository without a tag, and what they begin with.
    fn repositories(&self) -> impl Iterator<Item = (&[String], Named<'t>)> {
        self.names
            .iter()
            .filter_map(|(own, named)| Some((stem(own, *named)?, *named)))
    }

    /// A name that goes on from the stem with one of these words, and holds what is asked for.
    fn beside(&self, stem: &[String], ends: &[&str], holds: impl Fn(&str) -> bool) -> Option<Named<'t>> {
        // `proxyImage` may have its tag in `proxyTag` as well as in `proxyImageTag`.
        let short = stem.split_last().filter(|(last, _)| *last == "image");
        let short = short.map(|(_, short)| short).filter(|short| !short.is_empty());
        [Some(stem), short].into_iter().flatten().find_map(|stem| {
            self.names.iter().find_map(|(words, other)| {
                let (last, before) = words.split_last()?;
                (before == stem && ends.contains(&last.as_str()) && holds(other.value)).then_some(*other)
            })
        })
    }

    fn joined(&self, stem: &[String], named: Named<'t>) -> Option<Split<'t>> {
        let repository = named.value;
        let tag = self.beside(stem, tags_of(stem), is_tag);
        let digest = self.beside(stem, &["digest", "sha", "sha256"], reading::is_digest);
        let registry = self
            .beside(stem, &["registry"], |registry| !registry.is_empty())
            .or_else(|| self.registry_of_more(stem))
            .filter(|_| !joins::starts_with_host(repository));
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
            is_bare: registry.is_none() && !repository.contains('/'),
        })
    }

    /// The registry that several images share: of the names that end in that word, the one that begins most like the stem.
    fn registry_of_more(&self, stem: &[String]) -> Option<Named<'t>> {
        let shared = |words: &[String]| words.iter().zip(stem).take_while(|(a, b)| a == b).count();
        let is_one = |words: &[String], value: &str| {
            words.last().is_some_and(|last| last == "registry")
                && !words.iter().any(|word| OTHER_REGISTRIES.contains(&word.as_str()))
                && !value.is_empty()
                && !["://", "{{", "$"].iter().any(|mark| value.contains(mark))
        };
        self.names
            .iter()
            .filter(|(words, other)| is_one(words, other.value) && shared(words) > 0)
            .reduce(|best, next| {
                if shared(&next.0) > shared(&best.0) {
                    next
                } else {
                    best
                }
            })
            .map(|(_, named)| *named)
    }
}

/// The last words of names that hold the tag of what begins with this stem.
fn tags_of(stem: &[String]) -> &'static [&'static str] {
    if is_about_image(stem) {
        &["tag", "version"]
    } else {
        &["tag"]
    }
}

fn is_about_image(stem: &[String]) -> bool {
    stem.iter().any(|word| word == "image")
}

/// What the name of a repository without a tag begins with; nothing for other names.
fn stem<'w>(own: &'w [String], named: Named<'_>) -> Option<&'w [String]> {
    let (last, before) = own.split_last()?;
    let image_name = last == "name" && before.last().is_some_and(|word| word == "image");
    let stem = if REPOSITORY.contains(&last.as_str()) || image_name {
        before
    } else if names::holds_image(named.name) {
        own
    } else {
        return None;
    };
    let repository = named.value;
    let strange = stem
        .iter()
        .any(|word| OTHER_REPOSITORIES.contains(&word.as_str()));
    let plain = !repository.is_empty()
        && (is_about_image(stem) || repository.contains('/'))
        && !reading::is_exact(repository)
        && !reading::is_file_path(repository)
        && !["://", "{{", "$"].iter().any(|mark| repository.contains(mark));
    (!stem.is_empty() && !strange && plain).then_some(stem)
}

/// Whether a name could end in `tag`, `version`, `digest` or `sha`: a look that costs nothing.
pub(crate) fn may_be_version(name: &str) -> bool {
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
    !text.is_empty() && text.len() <= 128 && text.chars().all(plain) && !text.starts_with(['.', '-'])
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
    fn a_registry_that_several_images_share_is_the_one_whose_name_begins_most_alike() {
        let found = |pairs: &[(&str, &str)]| {
            let named: Vec<Named<'_>> = pairs.iter().map(|&(name, value)| Named { name, value }).collect();
            let split = find(&named).remove(0);
            (split.text, split.is_bare)
        };
        let image = [("APP_AGENT_IMAGE_NAME", "agent"), ("APP_AGENT_IMAGE_TAG", "7.1")];
        let with = |more: &[(&'static str, &'static str)]| [&image, more].concat();
        assert_eq!(
            found(&with(&[
                ("APP_REGISTRY", "other.example.com"),
                ("APP_AGENT_BASE_REGISTRY", "r.example.com/a")
            ])),
            ("r.example.com/a/agent:7.1".to_owned(), false)
        );
        for more in [
            [("OTHER_REGISTRY", "r.example.com")],
            [("APP_REGISTRY", "https://r.example.com")],
            [("APP_SCHEMA_REGISTRY", "schema:8081")],
        ] {
            assert_eq!(found(&with(&more)), ("agent:7.1".to_owned(), true), "{more:?}");
        }
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

    #[test]
    fn a_tag_that_is_left_open_makes_no_latest() {
        let open = |pairs: &[(&'static str, &'static str)]| -> Vec<&str> {
            let named: Vec<Named<'_>> = pairs.iter().map(|&(name, value)| Named { name, value }).collect();
            untagged(&named).into_iter().map(|named| named.name).collect()
        };
        assert_eq!(
            open(&[("IMAGE_NAME", "quay.io/a/b"), ("IMAGE_TAG", "")]),
            ["IMAGE_NAME"]
        );
        assert_eq!(
            open(&[("proxyImage", "quay.io/a/b"), ("proxyImageVersion", "")]),
            ["proxyImage"]
        );
        for pairs in [
            [("IMAGE_NAME", "quay.io/a/b"), ("IMAGE_TAG", "v1")],
            [("IMAGE_NAME", "quay.io/a/b"), ("OTHER_TAG", "")],
            [("IMAGE_NAME", "quay.io/a/b:1"), ("IMAGE_TAG", "")],
        ] {
            assert_eq!(open(&pairs), Vec::<&str>::new(), "{pairs:?}");
        }
    }
}
