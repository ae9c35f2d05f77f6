//! What the operator writes: `[NAME=]oci:FOLDER[:WHICH]`, `[NAME=]oci-archive:FILE[:WHICH]`, `[NAME=]docker-archive:FILE[:WHICH]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Error;
use crate::reference::Reference;
use crate::secret::printable;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder that is an OCI layout.
    OciFolder,
    /// An OCI layout in a tar archive.
    OciArchive,
    /// What `docker save` writes.
    DockerArchive,
}

const KINDS: [(&str, Kind); 3] = [
    ("oci:", Kind::OciFolder),
    ("oci-archive:", Kind::OciArchive),
    ("docker-archive:", Kind::DockerArchive),
];

/// An image on disk, and what it shall be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSource {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
    /// Which of several images, by the name that it has there.
    pub(super) which: Option<String>,
    /// The name that nodes will ask for, if it is not the image's own.
    pub(super) name: Option<Reference>,
}

impl LocalSource {
    /// A source whose parts are known.
    pub fn new(kind: Kind, path: PathBuf, which: Option<String>, name: Option<Reference>) -> Self {
        Self {
            kind,
            path,
            which,
            name,
        }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which of several images, by the name that it has there.
    pub fn which(&self) -> Option<&str> {
        self.which.as_deref()
    }

    /// The name that nodes will ask for, if it is not the image's own.
    pub fn name(&self) -> Option<&Reference> {
        self.name.as_ref()
    }

    /// Whether `called`, the name that an image has there, is the one that is chosen. `hello:1` and
    /// `docker.io/library/hello:1` are one name.
    pub(super) fn chooses(&self, called: &str) -> bool {
        let Some(which) = &self.which else {
            return true;
        };
        let same = |a: &str, b: &str| matches!((a.parse::<Reference>(), b.parse::<Reference>()), (Ok(a), Ok(b)) if a == b);
        which == called || same(which, called)
    }

    /// Whether a word of the command line names an image on disk.
    pub fn is_one(text: &str) -> bool {
        let behind_name = text.split_once('=').map_or(text, |(_, behind)| behind);
        starts(text).or_else(|| starts(behind_name)).is_some()
    }
}

/// The kind that a text begins with. `oci://` is a registry.
fn starts(text: &str) -> Option<(&'static str, Kind)> {
    let found = KINDS.into_iter().find(|(prefix, _)| text.starts_with(prefix));
    found.filter(|_| !text.starts_with("oci://"))
}

impl FromStr for LocalSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadSource {
            text: printable(text, 200),
        };
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) if starts(text).is_none() => (Some(name), rest),
            _ => (None, text),
        };
        let (prefix, kind) = starts(rest).ok_or_else(bad)?;
        let place = rest
            .strip_prefix(prefix)
            .filter(|place| !place.is_empty())
            .ok_or_else(bad)?;
        // What follows a colon is a name, unless a file of the whole text is there.
        let (path, which) = match place.split_once(':') {
            Some((path, which)) if !Path::new(place).exists() => (path, Some(which.to_owned())),
            _ => (place, None),
        };
        let name = name
            .map(str::parse)
            .transpose()
            .map_err(|source| Error::BadName {
                text: printable(name.unwrap_or_default(), 200),
                source,
            })?;
        Ok(Self {
            kind,
            path: path.into(),
            which,
            name,
        })
    }
}

impl fmt::Display for LocalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = KINDS
            .iter()
            .find(|(_, kind)| *kind == self.kind)
            .map_or("", |(prefix, _)| prefix);
        write!(f, "{prefix}{}", self.path.display())
    }
}
