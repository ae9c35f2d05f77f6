//! The table that says where a repository lives inside the gap.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Error;
use crate::reference::Repository;
use crate::secret::printable;

/// Where the repositories of one source go, before any prefix of the target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Under the name of the source's host: `quay.io/a/b` goes to `quay.io/a/b`. The default.
    ByHost,
    /// Without the host: `quay.io/a/b` goes to `a/b`. Docker asks a mirror of Docker Hub this way.
    AtRoot,
    /// What follows the source of the rule goes under this path, without slashes at its ends.
    Under(String),
}

/// What the repositories of one source do that others do not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    host: String,
    path: Option<String>,
    place: Place,
    also: bool,
}

impl Rule {
    /// The host of the repositories that the rule is about.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path on the host below which the rule holds; none means the whole host.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Where they go.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether they go there beside their ordinary place, not instead of it.
    pub fn is_additional(&self) -> bool {
        self.also
    }

    /// Whether the rule is about a repository.
    pub fn covers(&self, repository: &Repository) -> bool {
        self.rest(repository).is_some()
    }

    /// What of a repository's path follows the rule's source; none if the rule is not about it.
    fn rest<'a>(&self, repository: &'a Repository) -> Option<&'a str> {
        if self.host != repository.host() {
            return None;
        }
        let Some(path) = &self.path else {
            return Some(repository.path());
        };
        let rest = repository.path().strip_prefix(path.as_str())?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(rest),
            None if rest.is_empty() => Some(rest),
            None => None,
        }
    }

    /// Longer sources are more special.
    fn weight(&self) -> usize {
        self.path.as_ref().map_or(0, |path| path.len() + 1)
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// `SOURCE=PLACE` moves a source, `SOURCE+=PLACE` puts it there too. `SOURCE` is a host or a path on one; `PLACE`
    /// is a path, `/` for the root, or `host` for the name of the host.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadRule {
            text: printable(text, 120),
        };
        let (source, place) = text.trim().split_once('=').ok_or_else(bad)?;
        let (source, also) = match source.strip_suffix('+') {
            Some(source) => (source, true),
            None => (source, false),
        };
        let source = source.trim().trim_end_matches('/');
        if source.is_empty() || place.trim().is_empty() {
            return Err(bad());
        }
        let (host, path) = match source.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (source, None),
        };
        let checked = Repository::new(host, path.unwrap_or("x")).map_err(|cause| Error::BadSource {
            source_text: printable(source, 120),
            cause,
        })?;
        Ok(Self {
            host: checked.host().to_owned(),
            path: path.map(str::to_owned),
            place: place.trim().parse()?,
            also,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if let Some(path) = &self.path {
            write!(f, "/{path}")?;
        }
        write!(f, "{}={}", if self.also { "+" } else { "" }, self.place)
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bare = text.trim_matches('/');
        match (text, bare) {
            ("host", _) => return Ok(Self::ByHost),
            (_, "") => return Ok(Self::AtRoot),
            _ => {}
        }
        check_path(bare)?;
        Ok(Self::Under(bare.to_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByHost => f.write_str("host"),
            Self::AtRoot => f.write_str("/"),
            Self::Under(path) => f.write_str(path),
        }
    }
}

fn check_path(path: &str) -> Result<(), Error> {
    Repository::new("place.invalid", path)
        .map(|_| ())
        .map_err(|cause| Error::BadPlace {
            place: printable(path, 120),
            cause,
        })
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Rule);
as_text!(Place);

/// Where every repository goes: a prefix on the target, a default place, and rules for some sources.
///
/// The rule with the longest source decides; rules written with `+=` add places. A receipt keeps the whole table as
/// JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    place: Place,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Rule>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self::new(Place::ByHost)
    }
}

impl Mapping {
    /// A mapping with one place for all. [`Place::Under`] drops the host and keeps the path.
    pub fn new(place: Place) -> Self {
        Self {
            prefix: None,
            place,
            rules: Vec::new(),
        }
    }

    /// The same mapping with everything under `prefix`, such as a Harbor project. `None` takes the prefix away.
    pub fn with_prefix(mut self, prefix: Option<&str>) -> Result<Self, Error> {
        if let Some(prefix) = prefix {
            check_path(prefix)?;
        }
        self.prefix = prefix.map(str::to_owned);
        Ok(self)
    }

    /// The same mapping with more rules.
    #[must_use]
    pub fn with_rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules.extend(rules);
        self
    }

    /// The path on the target under which everything goes.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// Where sources go that no rule is about.
    pub fn default_place(&self) -> &Place {
        &self.place
    }

    /// The rules, as they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The repository's path on the target: its first place.
    pub fn path_of(&self, repository: &Repository) -> String {
        let decided = self
            .rules
            .iter()
            .filter(|rule| !rule.also)
            .filter_map(|rule| Some((rule, rule.rest(repository)?)))
            .max_by_key(|(rule, _)| rule.weight());
        match decided {
            Some((rule, rest)) => self.join(&rule.place, repository, rest),
            None => self.join(&self.place, repository, repository.path()),
        }
    }

    /// Every path on the target where the repository goes, the first place first, each once.
    pub fn paths_of(&self, repository: &Repository) -> Vec<String> {
        let more = self
            .rules
            .iter()
            .filter(|rule| rule.also)
            .filter_map(|rule| Some(self.join(&rule.place, repository, rule.rest(repository)?)));
        let mut seen = BTreeSet::new();
        std::iter::once(self.path_of(repository))
            .chain(more)
            .filter(|path| seen.insert(path.clone()))
            .collect()
    }

    /// Where the repositories of a host lie, as prefixes: pairs of a source (`quay.io`, `quay.io/jetstack`) and the path
    /// on the target that stands in its place, the most special source first and the whole host last. The path is empty
    /// where the host's repositories lie at the root.
    pub fn prefixes_of(&self, host: &str) -> Vec<(String, String)> {
        // Of two rules about one source the last one given decides, as in path_of; the default comes after all.
        let of_rules = self
            .rules
            .iter()
            .rev()
            .filter(|rule| !rule.also && rule.host == host)
            .map(|rule| (rule.path.as_deref(), &rule.place));
        let mut sources: Vec<_> = of_rules.chain(std::iter::once((None, &self.place))).collect();
        sources.sort_by_key(|(path, _)| std::cmp::Reverse(path.map_or(0, str::len)));
        let mut found: Vec<(String, String)> = Vec::new();
        for (path, place) in sources {
            let source = path.map_or_else(|| host.to_owned(), |path| format!("{host}/{path}"));
            if !found.iter().any(|(known, _)| *known == source) {
                found.push((source, self.prefix_for(place, host, path)));
            }
        }
        found
    }

    /// The places of a whole host beside its first one, as paths on the target.
    pub fn additional_prefixes_of(&self, host: &str) -> Vec<String> {
        self.rules
            .iter()
            .filter(|rule| rule.also && rule.host == host && rule.path.is_none())
            .map(|rule| self.prefix_for(&rule.place, host, None))
            .collect()
    }

    fn prefix_for(&self, place: &Place, host: &str, path: Option<&str>) -> String {
        let component = host_component(host);
        let (middle, last) = match place {
            Place::ByHost => (Some(component.as_str()), path),
            Place::AtRoot => (None, path),
            Place::Under(under) => (Some(under.as_str()), None),
        };
        let parts = [self.prefix.as_deref(), middle, last];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    }

    fn join(&self, place: &Place, repository: &Repository, rest: &str) -> String {
        let host;
        let (middle, last) = match place {
            Place::ByHost => {
                host = host_component(repository.host());
                (Some(host.as_str()), repository.path())
            }
            Place::AtRoot => (None, repository.path()),
            Place::Under(path) => (Some(path.as_str()), rest),
        };
        let parts = [self.prefix.as_deref(), middle, Some(last)];
        let mut joined = String::new();
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            if !joined.is_empty() {
                joined.push('/');
            }
            joined.push_str(part);
        }
        joined
    }
}

/// A registry's host as one component of a path: `reg.example:5000` becomes `reg.example-5000`, because a colon is not
/// legal there. `[fd00::1]:5000` becomes `fd00--1-5000`.
pub(super) fn host_component(host: &str) -> String {
    let plain: String = host
        .chars()
        .filter(|c| !matches!(c, '[' | ']'))
        .map(|c| if c == ':' { '-' } else { c })
        .collect();
    // An address such as ::1 would begin with a separator; 0::1 is the same address.
    if plain.starts_with('-') {
        format!("0{plain}")
    } else {
        plain
    }
}

#[cfg(test)]
mod tests;
