//! Where references are pulled from on the connected side, if not from the host that they name.
//!
//! A site may have a pull-through cache (Artifactory, Harbor's proxy projects, a mirror of its own). The reference keeps
//! its name; only the connection goes elsewhere.

use std::fmt;
use std::str::FromStr;

use super::registries_conf;
use crate::reference::{self, Repository};

/// Why a text is no pull source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PullSourceError {
    /// There is no `=`.
    #[error(
        "`{text}` has no `=`: expected HOST[/PATH]=HOST[:PORT][/PATH], such as docker.io=cache.example.com/hub"
    )]
    NoPlace {
        /// What was read.
        text: String,
    },
    /// A `registries.conf` cannot be used.
    #[error("{name} cannot be used: {problem}")]
    BadFile {
        /// The file.
        name: String,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
    /// One side is no registry host with an optional path.
    #[error("`{side}` is no registry host with an optional path")]
    BadSide {
        /// The side.
        side: String,
        /// What is wrong with it.
        #[source]
        source: reference::Error,
    },
}

/// Why a repository cannot be pulled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// A rule makes a name that no registry takes.
    #[error("the pull source gives a name that no registry takes")]
    BadName(#[from] reference::Error),
    /// The operator's configuration blocks it.
    #[error("{repository} is blocked by the registries.conf that this run reads")]
    Blocked {
        /// The repository.
        repository: String,
    },
}

/// One rule: what lies under `prefix` is pulled from under `place`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSource {
    prefix: Prefix,
    place: Place,
}

/// What a rule is about, and the places that are asked in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) prefix: Prefix,
    pub(super) places: Vec<Alternative>,
    pub(super) blocked: bool,
}

/// One place of a rule, and what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) place: Place,
    pub(super) tags: bool,
    pub(super) digests: bool,
}

impl Alternative {
    pub(super) fn always(place: Place) -> Self {
        Self {
            place,
            tags: true,
            digests: true,
        }
    }
}

/// A registry's host and a path on it, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    host: String,
    path: String,
}

/// What a rule is about: a place, or all hosts below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// One host, and a path on it.
    Place(Place),
    /// `*.example.com`: the part after the star.
    Domain(String),
}

impl Prefix {
    pub(super) fn parse(text: &str) -> Result<Self, PullSourceError> {
        match text.strip_prefix('*') {
            Some(domain) if domain.starts_with('.') && !domain.contains('/') => {
                Ok(Self::Domain(domain.to_ascii_lowercase()))
            }
            _ => Ok(Self::Place(Place::parse(text)?)),
        }
    }

    /// The place that the prefix is, if it is one.
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Self::Place(place) => Some(place.clone()),
            Self::Domain(_) => None,
        }
    }

    /// What is left of a repository's path below this prefix, or `None` if it is about others.
    fn below<'a>(&self, repository: &'a Repository) -> Option<&'a str> {
        match self {
            Self::Place(place) => place.below(repository),
            Self::Domain(domain) => repository
                .host()
                .ends_with(domain.as_str())
                .then(|| repository.path()),
        }
    }

    /// The larger, the more it says: a path is more than a host, a host more than a domain.
    fn weight(&self) -> usize {
        match self {
            Self::Place(place) => 1000 + place.path.len(),
            Self::Domain(domain) => domain.len(),
        }
    }
}

impl Place {
    pub(super) fn parse(side: &str) -> Result<Self, PullSourceError> {
        let side = side.trim_end_matches('/');
        let (host, path) = side.split_once('/').unwrap_or((side, ""));
        // A repository's grammar checks both parts; a path that may be empty is checked with a word in its stead.
        let checked = Repository::new(host, if path.is_empty() { "any" } else { path });
        let checked = checked.map_err(|source| PullSourceError::BadSide {
            side: side.to_owned(),
            source,
        })?;
        Ok(Self {
            host: checked.host().to_owned(),
            path: path.to_owned(),
        })
    }

    /// What is left of `path` below this place, or `None` if it lies elsewhere.
    fn below<'a>(&self, repository: &'a Repository) -> Option<&'a str> {
        if repository.host() != self.host {
            return None;
        }
        if self.path.is_empty() {
            return Some(repository.path());
        }
        repository
            .path()
            .strip_prefix(self.path.as_str())?
            .strip_prefix('/')
    }
}

impl FromStr for PullSource {
    type Err = PullSourceError;

    fn from_str(text: &str) -> Result<Self, PullSourceError> {
        let (prefix, place) = text.split_once('=').ok_or_else(|| PullSourceError::NoPlace {
            text: text.to_owned(),
        })?;
        Ok(Self {
            prefix: Prefix::Place(Place::parse(prefix)?),
            place: Place::parse(place)?,
        })
    }
}

impl PullSource {
    /// The host, with a path if there is one, below which everything is pulled from elsewhere.
    pub fn prefix(&self) -> impl fmt::Display {
        &self.prefix
    }

    /// Whether the rule is about a repository.
    pub fn covers(&self, repository: &Repository) -> bool {
        self.prefix.below(repository).is_some()
    }
}

impl fmt::Display for PullSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.prefix, self.place)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => place.fmt(f),
            Self::Domain(domain) => write!(f, "*{domain}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { "/" };
        write!(f, "{}{separator}{}", self.host, self.path)
    }
}

/// All pull sources of a run. The longest prefix wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullSources(Vec<Rule>);

impl PullSources {
    /// Takes the rules in any order.
    pub fn new(sources: Vec<PullSource>) -> Self {
        let rules = sources.into_iter().map(|source| Rule {
            prefix: source.prefix,
            places: vec![Alternative::always(source.place)],
            blocked: false,
        });
        Self(rules.collect()).sorted()
    }

    /// The same with the mirrors of a `registries.conf`, whose text is given; `name` is the file's, for errors. What is
    /// there already wins over it.
    pub fn with_registries_conf(mut self, name: &str, text: &str) -> Result<Self, PullSourceError> {
        self.0.extend(registries_conf::rules(name, text)?);
        Ok(self.sorted())
    }

    fn sorted(mut self) -> Self {
        self.0.sort_by_key(|rule| std::cmp::Reverse(rule.prefix.weight()));
        self
    }

    /// The repositories to connect to for `repository`, in the order of asking: itself, unless a rule says otherwise.
    /// At least one. `by_digest` tells what is asked for: content by its digest, or by a tag.
    pub fn places(&self, repository: &Repository, by_digest: bool) -> Result<Vec<Repository>, PullError> {
        let mut matching = self
            .0
            .iter()
            .filter_map(|rule| Some((rule, rule.prefix.below(repository)?)));
        let Some((rule, rest)) = matching.next() else {
            return Ok(vec![repository.clone()]);
        };
        if rule.blocked {
            let repository = repository.to_string();
            return Err(PullError::Blocked { repository });
        }
        let asked = rule
            .places
            .iter()
            .filter(|a| if by_digest { a.digests } else { a.tags });
        let places = asked.map(|Alternative { place, .. }| {
            let separator = if place.path.is_empty() { "" } else { "/" };
            Repository::new(&place.host, &format!("{}{separator}{rest}", place.path))
        });
        Ok(places.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rules: &[&str], repository: (&str, &str)) -> String {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let repository = Repository::new(repository.0, repository.1).unwrap();
        PullSources::new(rules).places(&repository, false).unwrap()[0].to_string()
    }

    const CONF: &str = r#"
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        prefix = "docker.io"
        location = "registry-1.docker.io"
        [[registry.mirror]]
        location = "cache.example.com/hub"
        [[registry.mirror]]
        location = "second.example.com"
        pull-from-mirror = "digest-only"
        [[registry]]
        prefix = "*.suse.com"
        location = "suse.mirror.lan/all"
        [[registry]]
        location = "evil.example.com"
        blocked = true
    "#;

    fn of_conf(repository: (&str, &str), by_digest: bool) -> Result<Vec<String>, PullError> {
        let sources = PullSources::default()
            .with_registries_conf("registries.conf", CONF)
            .unwrap();
        let repository = Repository::new(repository.0, repository.1).unwrap();
        let places = sources.places(&repository, by_digest)?;
        Ok(places.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn mirrors_of_a_registries_conf_are_asked_in_order_and_then_the_location() {
        assert_eq!(
            of_conf(("docker.io", "library/nginx"), true).unwrap(),
            [
                "cache.example.com/hub/library/nginx",
                "second.example.com/library/nginx",
                "docker.io/library/nginx"
            ]
        );
        assert_eq!(of_conf(("docker.io", "library/nginx"), false).unwrap().len(), 2);
        assert_eq!(
            of_conf(("registry.suse.com", "bci/bci-base"), false).unwrap(),
            ["suse.mirror.lan/all/bci/bci-base"]
        );
        assert_eq!(of_conf(("quay.io", "a/b"), false).unwrap(), ["quay.io/a/b"]);
        assert!(matches!(
            of_conf(("evil.example.com", "a/b"), true),
            Err(PullError::Blocked { .. })
        ));
    }

    #[test]
    fn a_registries_conf_that_cannot_be_used_says_what_and_where() {
        for (text, problem) in [
            (
                "[[registry]]\nblocked = true\n",
                "neither `prefix` nor `location`",
            ),
            ("[[registry]]\nprefix = \"*.a.example\"\n", "needs a `location`"),
            ("[registries.search]\nregistries = []\n", "version 1"),
            ("[[registry", "registries.conf cannot be used"),
        ] {
            let error = PullSources::default()
                .with_registries_conf("registries.conf", text)
                .unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn the_longest_prefix_wins_and_others_stay_where_they_are() {
        let rules = [
            "docker.io=cache.example.com/hub",
            "docker.io/library=127.0.0.1:5000",
            "quay.io=quay-proxy.lan/",
        ];
        assert_eq!(
            place(&rules, ("docker.io", "library/nginx")),
            "127.0.0.1:5000/nginx"
        );
        assert_eq!(
            place(&rules, ("docker.io", "bitnami/redis")),
            "cache.example.com/hub/bitnami/redis"
        );
        assert_eq!(place(&rules, ("quay.io", "a/b")), "quay-proxy.lan/a/b");
        assert_eq!(place(&rules, ("ghcr.io", "a/b")), "ghcr.io/a/b");
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        assert_eq!(
            place(&["docker.io/lib=x.example.com"], ("docker.io", "library/nginx")),
            "docker.io/library/nginx"
        );
    }

    #[test]
    fn what_is_no_rule_says_why() {
        assert!(matches!(
            "docker.io".parse::<PullSource>(),
            Err(PullSourceError::NoPlace { .. })
        ));
        assert!(matches!(
            "docker.io=http://x".parse::<PullSource>(),
            Err(PullSourceError::BadSide { .. })
        ));
        assert!(matches!(
            "=x.example.com".parse::<PullSource>(),
            Err(PullSourceError::BadSide { .. })
        ));
    }
}
