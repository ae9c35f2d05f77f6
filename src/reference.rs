//! Image references: `host/path:tag@digest`, parsed once and canonical ever after.
//!
//! The grammar is that of the distribution project. Docker's short forms are written out (`nginx` is
//! `docker.io/library/nginx:latest`), and the many names of Docker Hub become one, so that two spellings of one image
//! are one value. Other hosts stay as they are spelled: `k8s.gcr.io` and `registry.k8s.io` are two hosts, because a
//! manifest asks for the one it names.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{self, Digest};

/// The canonical host name of Docker Hub.
pub const DOCKER_HUB: &str = "docker.io";

/// Other names under which Docker Hub answers.
const DOCKER_HUB_ALIASES: [&str; 3] = [
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// The longest repository name that registries must accept.
const LONGEST_NAME: usize = 255;

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is there.
    #[error("an image reference cannot be empty")]
    Empty,
    /// A template or shell expression was left in it.
    #[error("`{marker}` is left in it: a template or variable that nobody filled in")]
    Unfilled {
        /// The part that gives it away.
        marker: &'static str,
    },
    /// There is no repository: the text starts with `/` or ends after the host.
    #[error("there is no repository name in it")]
    NoRepository,
    /// The host is no host name with an optional port.
    #[error("`{host}` is no registry host")]
    BadHost {
        /// What stands in the host's place.
        host: String,
    },
    /// A repository has upper-case letters.
    #[error("repository names are lower case, `{component}` is not")]
    UpperCase {
        /// The path component.
        component: String,
    },
    /// A path component breaks the grammar.
    #[error(
        "`{component}` is no part of a repository name: lower-case letters, digits and single separators `.`, `_`, `__`, `-`"
    )]
    BadComponent {
        /// The path component.
        component: String,
    },
    /// The repository's name is longer than 255 characters.
    #[error("the repository name has {length} characters, registries accept 255")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// A bare name of 64 hexadecimal digits is an image id, not a repository.
    #[error("64 hexadecimal digits alone are an image id, not a repository name")]
    ImageId,
    /// A tag or digest stands where a repository alone is meant.
    #[error("`{text}` names one tag or digest, not a repository")]
    NotARepository {
        /// What was read.
        text: String,
    },
    /// There is a colon with nothing after it.
    #[error("there is a `:` with no tag after it")]
    EmptyTag,
    /// The tag breaks the grammar.
    #[error("`{tag}` is no tag: letters, digits, `_`, `.` and `-`, at most 128{}", if tag.contains('+') { " (a `+` of a version is written `_`)" } else { "" })]
    BadTag {
        /// The tag.
        tag: String,
    },
    /// There is an `@` with nothing after it.
    #[error("there is an `@` with no digest after it")]
    EmptyDigest,
    /// What stands after the `@` is no digest.
    #[error("the digest is not well formed")]
    BadDigest(#[from] digest::Error),
}

/// A repository: a registry's host and the path of names on it. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Both, with a slash between them. A host has none.
    name: Arc<str>,
    host_length: usize,
}

impl Repository {
    /// Checks both parts. `host` may carry a port; Docker Hub's aliases become `docker.io`.
    pub fn new(host: &str, path: &str) -> Result<Self, Error> {
        let host = canonical_host(host)?;
        check_path(path)?;
        Ok(Self::joined(&host, path))
    }

    fn joined(host: &str, path: &str) -> Self {
        Self {
            name: format!("{host}/{path}").into(),
            host_length: host.len(),
        }
    }

    fn parts(&self) -> (&str, &str) {
        let (host, rest) = self.name.split_at(self.host_length);
        (host, rest.strip_prefix('/').unwrap_or(rest))
    }

    /// The registry's host, with its port if one is given: `docker.io`, `localhost:5000`.
    pub fn host(&self) -> &str {
        self.parts().0
    }

    /// The path on the host: `library/nginx`.
    pub fn path(&self) -> &str {
        self.parts().1
    }
}

impl Ord for Repository {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Repository {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Repository {
    type Err = Error;

    /// Parses a name without tag and digest as [`Reference`] does: a missing host and `library/` are put in.
    fn from_str(text: &str) -> Result<Self, Error> {
        let name = strip(text);
        if name.contains('@') || split_tag(name).1.is_some() {
            return Err(Error::NotARepository { text: shorten(name) });
        }
        name.parse()
            .map(|reference: Reference| reference.repository().clone())
    }
}

/// A tag that follows the grammar: `1.27-alpine`. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = text.bytes();
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        match bytes.next() {
            None => Err(Error::EmptyTag),
            Some(first)
                if text.len() <= 128 && word(first) && bytes.all(|b| word(b) || b == b'.' || b == b'-') =>
            {
                Ok(Self(text.into()))
            }
            Some(_) => Err(Error::BadTag { tag: shorten(text) }),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A canonical image reference. It has a tag, a digest, or both; both means that the tag was pinned.
///
/// Clones share it: a run holds each of many thousands in several places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(Arc<Parts>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    repository: Repository,
    tag: Option<Tag>,
    /// Most references have none.
    digest: Option<Box<Digest>>,
}

impl Reference {
    /// A reference by tag.
    pub fn tagged(repository: Repository, tag: Tag) -> Self {
        Self::of(repository, Some(tag), None)
    }

    /// A reference by digest.
    pub fn pinned(repository: Repository, digest: Digest) -> Self {
        Self::of(repository, None, Some(digest))
    }

    fn of(repository: Repository, tag: Option<Tag>, digest: Option<Digest>) -> Self {
        Self(Arc::new(Parts {
            repository,
            tag,
            digest: digest.map(Box::new),
        }))
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.0.repository
    }

    /// The registry's host, with its port if one is given.
    pub fn host(&self) -> &str {
        self.0.repository.host()
    }

    /// The tag, if there is one. `name@sha256:…` has none.
    pub fn tag(&self) -> Option<&Tag> {
        self.0.tag.as_ref()
    }

    /// The digest, if the reference is pinned.
    pub fn digest(&self) -> Option<&Digest> {
        self.0.digest.as_deref()
    }

    /// The same reference with a digest, as a lock or an inventory writes it.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self::of(self.0.repository.clone(), self.0.tag.clone(), Some(digest))
    }

    /// Whether the content may change from one day to the next: no digest, and `latest` for a tag.
    pub fn is_floating(&self) -> bool {
        self.0.digest.is_none() && self.0.tag.as_ref().is_none_or(|tag| tag.as_str() == "latest")
    }
}

impl FromStr for Reference {
    type Err = Error;

    /// Parses what people and charts write. Space around it, one pair of quotes and the transport prefixes
    /// `docker://`, `oci://` and `docker-pullable://` are taken off; a missing host, `library/` and `:latest` are put in.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = strip(text);
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(marker) = ["{{", "}}", "${", "$(", "<no value>", "<none>"]
            .into_iter()
            .find(|m| text.contains(m))
        {
            return Err(Error::Unfilled { marker });
        }
        let (name, digest) = match text.split_once('@') {
            None => (text, None),
            Some((_, "")) => return Err(Error::EmptyDigest),
            Some((name, digest)) => (name, Some(digest.parse()?)),
        };
        let (name, tag) = split_tag(name);
        let tag = match tag {
            Some(tag) => Some(tag.parse()?),
            None if digest.is_none() => Some(Tag("latest".into())),
            None => None,
        };
        Ok(Self::of(parse_repository(name)?, tag, digest))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.repository.fmt(f)?;
        if let Some(tag) = &self.0.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.0.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// References, repositories and tags are strings in files, and are checked when they are read.
macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Reference, Repository, Tag);

fn strip(text: &str) -> &str {
    let mut text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            text = inner.trim();
        }
    }
    ["docker://", "oci://", "docker-pullable://"]
        .into_iter()
        .find_map(|p| text.strip_prefix(p))
        .unwrap_or(text)
}

/// Splits at the last colon after the last slash, so that a port is no tag.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((head, tag)) if !tag.contains('/') => (head, Some(tag)),
        _ => (name, None),
    }
}

fn parse_repository(name: &str) -> Result<Repository, Error> {
    match name.split_once('/') {
        Some((first, rest)) if is_host(first) => {
            let host = canonical_host(first)?;
            // Docker takes capitals for a host's; in the lower case that hosts have it would be read as a name on Docker Hub.
            if !is_host(&host) {
                return Err(Error::UpperCase {
                    component: shorten(first),
                });
            }
            let path = if host == DOCKER_HUB && !rest.contains('/') {
                Cow::Owned(format!("library/{rest}"))
            } else {
                Cow::Borrowed(rest)
            };
            check_path(&path)?;
            Ok(Repository::joined(&host, &path))
        }
        Some(("", _)) => Err(Error::NoRepository),
        Some(_) => Repository::new(DOCKER_HUB, name),
        None if name.is_empty() => Err(Error::NoRepository),
        None if name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) => Err(Error::ImageId),
        None => Repository::new(DOCKER_HUB, &format!("library/{name}")),
    }
}

/// Whether the first component of a name is a host by the distribution project's rule.
fn is_host(component: &str) -> bool {
    component.contains(['.', ':'])
        || component == "localhost"
        || component.bytes().any(|b| b.is_ascii_uppercase())
}

fn canonical_host(host: &str) -> Result<String, Error> {
    let bad = || Error::BadHost { host: shorten(host) };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or_else(bad)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
            (
                format!("[{address}]"),
                after
                    .strip_prefix(':')
                    .or_else(|| after.is_empty().then_some("0")),
            )
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name.to_owned(), Some(port)),
            None => (host.to_owned(), Some("0")),
        },
    };
    let port = port.ok_or_else(bad)?;
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let well_formed = name.starts_with('[') || (name.len() <= 253 && name.split('.').all(label));
    let port_fits = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    if !well_formed || !port_fits {
        return Err(bad());
    }
    let lower = host.to_ascii_lowercase();
    if DOCKER_HUB_ALIASES.contains(&lower.as_str()) {
        return Ok(DOCKER_HUB.to_owned());
    }
    Ok(lower)
}

fn check_path(path: &str) -> Result<(), Error> {
    if path.is_empty() {
        return Err(Error::NoRepository);
    }
    if path.len() > LONGEST_NAME {
        return Err(Error::TooLong { length: path.len() });
    }
    for component in path.split('/') {
        if component.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(Error::UpperCase {
                component: shorten(component),
            });
        }
        if !is_path_component(component) {
            return Err(Error::BadComponent {
                component: shorten(component),
            });
        }
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_well = bytes.first().is_some_and(word) && bytes.last().is_some_and(word);
    ends_well
        && bytes
            .split(word)
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

fn shorten(text: &str) -> String {
    crate::secret::printable(text, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn canonical(text: &str) -> String {
        text.parse::<Reference>()
            .map_or_else(|e| panic!("{text}: {e}"), |r| r.to_string())
    }

    fn error(text: &str) -> Error {
        match text.parse::<Reference>() {
            Err(error) => error,
            Ok(reference) => panic!("{text} parsed as {reference}"),
        }
    }

    #[test]
    fn short_forms_are_written_out() {
        for (text, expected) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
            ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("registry-1.docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("registry.suse.com/caasp:1.0", "registry.suse.com/caasp:1.0"),
            ("localhost/a:1", "localhost/a:1"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
            ("[::1]:5000/a:1", "[::1]:5000/a:1"),
            ("Registry.Example.com/a:V1", "registry.example.com/a:V1"),
            (" \"quay.io/a/b:1\" ", "quay.io/a/b:1"),
            ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
        ] {
            assert_eq!(canonical(text), expected);
        }
    }

    #[test]
    fn a_pinned_tag_keeps_tag_and_digest() {
        let text = format!("gcr.io/distroless/base:nonroot@sha256:{HEX}");
        assert_eq!(canonical(&text), text);
        let digest_only: Reference = format!("gcr.io/distroless/base@sha256:{HEX}").parse().unwrap();
        assert!(digest_only.tag().is_none());
        assert!(!digest_only.is_floating());
    }

    #[test]
    fn what_is_no_reference_says_why() {
        assert_eq!(error(""), Error::Empty);
        assert_eq!(error("repo/x@"), Error::EmptyDigest);
        assert_eq!(error("repo/x:"), Error::EmptyTag);
        assert_eq!(error("/x:1"), Error::NoRepository);
        assert_eq!(error(HEX), Error::ImageId);
        assert!(matches!(error("a/{{ .x }}:1"), Error::Unfilled { marker: "{{" }));
        assert!(matches!(error("a/$(TAG):1"), Error::Unfilled { marker: "$(" }));
        assert!(matches!(error("quay.io/A/b:1"), Error::UpperCase { .. }));
        assert!(matches!(error("Bitnami/redis:7"), Error::UpperCase { .. }));
        assert!(matches!(error("quay.io/a..b/c:1"), Error::BadComponent { .. }));
        assert!(matches!(error("quay.io/a/../b:1"), Error::BadComponent { .. }));
        assert!(matches!(error("quay.io/a:1.0+x"), Error::BadTag { .. }));
        assert!(error("quay.io/a:1.0+x").to_string().contains("written `_`"));
        assert!(matches!(error("quay.io/a@sha256:abc"), Error::BadDigest(_)));
        assert!(matches!(error("-bad.example.com/a:1"), Error::BadHost { .. }));
        assert!(matches!(error("host:port/a:1"), Error::BadHost { .. }));
    }

    #[test]
    fn references_are_ordered_by_host_then_path_then_tag() {
        // A dash comes before a slash: as whole texts they would be in another order.
        let ordered = [
            "a.lan/b:1",
            "a.lan/b:2",
            "a.lan/b-c:1",
            "a.lan-x/a:1",
            "b.lan/a:1",
        ];
        let references = ordered.map(|text| text.parse::<Reference>().unwrap());
        assert!(references.is_sorted(), "{references:?}");
        let repository = references[0].repository();
        assert_eq!((repository.host(), repository.path()), ("a.lan", "b"));
    }

    #[test]
    fn a_repository_has_no_tag_and_no_digest() {
        for (text, expected) in [
            ("nginx", "docker.io/library/nginx"),
            ("localhost:5000/a/b", "localhost:5000/a/b"),
            ("docker://quay.io/a/b", "quay.io/a/b"),
        ] {
            assert_eq!(text.parse::<Repository>().unwrap().to_string(), expected);
        }
        for text in [
            "nginx:1",
            "quay.io/a/b:latest",
            &format!("quay.io/a/b@sha256:{HEX}"),
        ] {
            assert!(
                matches!(text.parse::<Repository>(), Err(Error::NotARepository { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn separators_follow_the_grammar() {
        for good in ["a", "a.b", "a_b", "a__b", "a--b", "a-b_c.d", "0"] {
            assert!(is_path_component(good), "{good}");
        }
        for bad in ["", ".", "..", "a___b", "a._b", "-a", "a-", "a b", "ä"] {
            assert!(!is_path_component(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same_value() {
        for text in ["nginx", "localhost:5000/a/b", "quay.io/a/b:1", "[::1]:5000/a:1"] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
    }
}
