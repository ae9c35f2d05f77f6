//! The mapping read backwards: which upstream repository a client means by a name.

use std::collections::{BTreeMap, BTreeSet};

use super::Mapping;
use crate::reference::Repository;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// One repository.
    One(&'a Repository),
    /// Several repositories share the name once their host is dropped; the client must say the host.
    Ambiguous(Vec<&'a Repository>),
    /// Nothing here has that name.
    Unknown,
}

/// Names of repositories as clients ask for them: by the mapping, as `host/path`, with containerd's `?ns=host`, and
/// without the host where that is unambiguous.
#[derive(Clone, Debug, Default)]
pub struct Names {
    full: BTreeMap<String, Repository>,
    bare: BTreeMap<String, BTreeSet<Repository>>,
}

impl Names {
    /// The table for some repositories.
    pub fn new<'a>(repositories: impl IntoIterator<Item = &'a Repository>, mapping: &Mapping) -> Self {
        let mut names = Self::default();
        for repository in repositories {
            for path in mapping.paths_of(repository) {
                names.bare.entry(path).or_default().insert(repository.clone());
            }
            let by_host = Mapping::default().path_of(repository);
            names
                .bare
                .entry(by_host.clone())
                .or_default()
                .insert(repository.clone());
            names.full.insert(by_host, repository.clone());
            names.full.insert(repository.to_string(), repository.clone());
            let path = repository.path();
            names
                .bare
                .entry(path.to_owned())
                .or_default()
                .insert(repository.clone());
            if let Some(short) = short_of_hub(repository) {
                names
                    .bare
                    .entry(short.to_owned())
                    .or_default()
                    .insert(repository.clone());
            }
        }
        names
    }

    /// What `name` stands for. `namespace` is the host that containerd gives as `?ns=`.
    pub fn resolve(&self, name: &str, namespace: Option<&str>) -> Resolution<'_> {
        let host = namespace.filter(|host| !host.is_empty());
        let asked = host.and_then(|host| Repository::new(host, name).ok());
        if let Some(repository) = asked.and_then(|asked| self.full.get(&asked.to_string())) {
            return Resolution::One(repository);
        }
        // A configuration may put the host in the path while containerd adds ns as well; then both must agree.
        let agrees = |found: &&Repository| host.is_none_or(|host| is_on(found, host));
        if let Some(repository) = self.full.get(name).filter(agrees) {
            return Resolution::One(repository);
        }
        let found: Vec<_> = self.bare.get(name).into_iter().flatten().filter(agrees).collect();
        match found.as_slice() {
            [] => Resolution::Unknown,
            [one] => Resolution::One(one),
            _ => Resolution::Ambiguous(found),
        }
    }

    /// The names that `_catalog` lists: `host/path` of every repository, sorted.
    pub fn catalog(&self) -> impl Iterator<Item = &str> {
        self.full
            .iter()
            .filter(|(name, repository)| **name == Mapping::default().path_of(repository))
            .map(|(name, _)| name.as_str())
    }
}

/// Whether a repository is on a host, in any spelling of the host.
fn is_on(repository: &Repository, host: &str) -> bool {
    Repository::new(host, repository.path()).is_ok_and(|same| same.host() == repository.host())
}

/// `nginx` for `docker.io/library/nginx`.
fn short_of_hub(repository: &Repository) -> Option<&str> {
    (repository.host() == crate::reference::DOCKER_HUB)
        .then(|| repository.path().strip_prefix("library/"))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(text: &str) -> Repository {
        let (host, path) = text.split_once('/').unwrap();
        Repository::new(host, path).unwrap()
    }

    fn names(texts: &[&str]) -> Names {
        let repositories: Vec<_> = texts.iter().map(|t| repository(t)).collect();
        Names::new(&repositories, &Mapping::default())
    }

    fn one(names: &Names, name: &str, namespace: Option<&str>) -> String {
        match names.resolve(name, namespace) {
            Resolution::One(repository) => repository.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_repository_answers_to_every_name_that_means_it() {
        let names = names(&["docker.io/library/nginx", "reg.example:5000/a/b"]);
        for (name, namespace, expected) in [
            ("docker.io/library/nginx", None, "docker.io/library/nginx"),
            ("library/nginx", Some("docker.io"), "docker.io/library/nginx"),
            ("library/nginx", None, "docker.io/library/nginx"),
            ("nginx", None, "docker.io/library/nginx"),
            (
                "docker.io/library/nginx",
                Some("docker.io"),
                "docker.io/library/nginx",
            ),
            ("reg.example-5000/a/b", None, "reg.example:5000/a/b"),
            ("a/b", Some("reg.example:5000"), "reg.example:5000/a/b"),
        ] {
            assert_eq!(one(&names, name, namespace), expected, "{name} {namespace:?}");
        }
        assert_eq!(names.resolve("c", None), Resolution::Unknown);
    }

    #[test]
    fn a_name_of_two_repositories_needs_its_host() {
        let names = names(&["docker.io/grafana/grafana", "quay.io/grafana/grafana"]);
        assert!(
            matches!(names.resolve("grafana/grafana", None), Resolution::Ambiguous(found) if found.len() == 2)
        );
        assert_eq!(
            one(&names, "grafana/grafana", Some("quay.io")),
            "quay.io/grafana/grafana"
        );
    }

    #[test]
    fn another_host_in_ns_does_not_reach_a_repository_by_its_bare_path() {
        let names = names(&["quay.io/a/b"]);
        assert_eq!(names.resolve("a/b", Some("ghcr.io")), Resolution::Unknown);
    }

    #[test]
    fn the_catalog_lists_each_repository_once() {
        let names = names(&["reg.example:5000/a", "docker.io/library/nginx"]);
        assert_eq!(
            names.catalog().collect::<Vec<_>>(),
            ["docker.io/library/nginx", "reg.example-5000/a"]
        );
    }
}
