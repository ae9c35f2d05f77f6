//! Where references are pulled from on the connected side, if not from the host that they name.
//!
//! A site may have a pull-through cache (Artifactory, Harbor's proxy projects, a mirror of its own). The reference keeps
//! its name; only the connection goes elsewhere.

use std::str::FromStr;

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

/// One rule: what lies under `prefix` is pulled from under `place`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSource {
    prefix: Place,
    place: Place,
}

/// A registry's host and a path on it, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    path: String,
}

impl Place {
    fn parse(side: &str) -> Result<Self, PullSourceError> {
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
            prefix: Place::parse(prefix)?,
            place: Place::parse(place)?,
        })
    }
}

/// All pull sources of a run. The longest prefix wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullSources(Vec<PullSource>);

impl PullSources {
    /// Takes the rules in any order.
    pub fn new(mut rules: Vec<PullSource>) -> Self {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.prefix.path.len()));
        Self(rules)
    }

    /// The repository to connect to for `repository`: itself, unless a rule says otherwise.
    pub fn place(&self, repository: &Repository) -> Result<Repository, reference::Error> {
        for rule in &self.0 {
            if let Some(rest) = rule.prefix.below(repository) {
                let separator = if rule.place.path.is_empty() { "" } else { "/" };
                return Repository::new(&rule.place.host, &format!("{}{separator}{rest}", rule.place.path));
            }
        }
        Ok(repository.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rules: &[&str], repository: (&str, &str)) -> String {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let repository = Repository::new(repository.0, repository.1).unwrap();
        PullSources::new(rules).place(&repository).unwrap().to_string()
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
