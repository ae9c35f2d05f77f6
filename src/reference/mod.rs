//! Image references: `host/path:tag@digest`, parsed once and canonical ever after.
//!
//! The grammar is that of the distribution project. Docker's short forms are written out (`nginx` is
//! `docker.io/library/nginx:latest`), and the many names of Docker Hub become one, so that two spellings of one image
//! are one value. Other hosts stay as they are spelled: `k8s.gcr.io` and `registry.k8s.io` are two hosts, because a
//! manifest asks for the one it names.

mod error;
mod grammar;
mod lines;

pub use error::Error;
pub use lines::{Line, lines};

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use grammar::{canonical_host, check_path, parse_repository, shorten, split_tag, strip};

/// The canonical host name of Docker Hub.
pub const DOCKER_HUB: &str = "docker.io";

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

#[cfg(test)]
mod tests;
