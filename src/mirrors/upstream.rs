//! The mapping read backwards by rule: which upstream repository must be meant by a path that the mirror may not have.
//!
//! [`Names`](super::Names) knows what a bundle holds. This is for what it does not hold.

use super::{Mapping, Place, Rule};
use crate::reference::Repository;

impl Mapping {
    /// The repository that lies, or would lie, at `path` on the target; `namespace` is the host that containerd gives as
    /// `?ns=`. `None` where the path alone does not tell the host.
    pub fn source_of(&self, path: &str, namespace: Option<&str>) -> Option<Repository> {
        let below = match self.prefix() {
            Some(prefix) => path.strip_prefix(prefix)?.strip_prefix('/')?,
            None => path,
        };
        let fits = |repository: &Repository| {
            let on_namespace = namespace.is_none_or(|host| {
                Repository::new(host, repository.path()).is_ok_and(|same| same.host() == repository.host())
            });
            on_namespace && self.paths_of(repository).iter().any(|known| known == path)
        };
        // A place of its own tells most, then a host in the path; whatever is left may lie at the root.
        let is_root = |rule: &&Rule| *rule.place() == Place::AtRoot;
        let (at_root, under): (Vec<_>, Vec<_>) = self.rules().iter().partition(is_root);
        let undone = |rules: Vec<&Rule>| {
            rules
                .into_iter()
                .filter_map(|rule| undo(rule, below))
                .collect::<Vec<_>>()
        };
        let candidates = undone(under)
            .into_iter()
            .chain(by_host(below))
            .chain(undone(at_root));
        let found = candidates.into_iter().find(fits);
        // containerd may be told to ask below another path than import used; the host it names is true all the same.
        found.or_else(|| namespace.and_then(|host| Repository::new(host, without_host(below, host)).ok()))
    }
}

/// The repository that a rule puts at `path`.
fn undo(rule: &Rule, path: &str) -> Option<Repository> {
    let rest = match rule.place() {
        Place::ByHost => return None,
        Place::AtRoot => return Repository::new(rule.host(), path).ok(),
        Place::Under(under) if path == under => "",
        Place::Under(under) => path.strip_prefix(under.as_str())?.strip_prefix('/')?,
    };
    let parts = [rule.path().unwrap_or_default(), rest];
    let whole = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>();
    Repository::new(rule.host(), &whole.join("/")).ok()
}

/// `quay.io/a/b` is `a/b` on quay.io; `reg.example-5000/a` is `a` on reg.example:5000.
fn by_host(path: &str) -> Option<Repository> {
    let (host, rest) = path.split_once('/')?;
    if !host.contains('.') && !host.starts_with("localhost") {
        return None;
    }
    let with_port = host
        .rsplit_once('-')
        .and_then(|(name, port)| Repository::new(&format!("{name}:{port}"), rest).ok());
    with_port.or_else(|| Repository::new(host, rest).ok())
}

/// A path without the host's own component at its start, if it has it.
fn without_host<'a>(path: &'a str, host: &str) -> &'a str {
    match path.split_once('/') {
        Some((first, rest)) if first == super::mapping::host_component(host) => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(mapping: &Mapping, path: &str, namespace: Option<&str>) -> String {
        mapping
            .source_of(path, namespace)
            .map_or_else(String::new, |found| found.to_string())
    }

    #[test]
    fn a_path_by_host_tells_its_host_and_port() {
        let mapping = Mapping::default();
        for (path, namespace, expected) in [
            ("quay.io/a/b", None, "quay.io/a/b"),
            (
                "docker.io/library/nginx",
                Some("docker.io"),
                "docker.io/library/nginx",
            ),
            ("reg.example-5000/a", None, "reg.example:5000/a"),
            ("reg.example-99999/a", None, "reg.example-99999/a"),
            ("library/nginx", Some("docker.io"), "docker.io/library/nginx"),
            ("library/nginx", None, ""),
            ("localhost-5000/a", None, "localhost:5000/a"),
        ] {
            assert_eq!(
                source(&mapping, path, namespace),
                expected,
                "{path} {namespace:?}"
            );
        }
    }

    #[test]
    fn rules_and_prefixes_are_undone() {
        let rules = ["quay.io/jetstack=jet", "docker.io+=/"].map(|rule| rule.parse().unwrap());
        let mapping = Mapping::default()
            .with_rules(rules)
            .with_prefix(Some("project"))
            .unwrap();
        assert_eq!(
            source(&mapping, "project/jet/controller", None),
            "quay.io/jetstack/controller"
        );
        assert_eq!(
            source(&mapping, "project/library/nginx", None),
            "docker.io/library/nginx"
        );
        assert_eq!(source(&mapping, "project/quay.io/a", None), "quay.io/a");
        assert_eq!(source(&mapping, "elsewhere/quay.io/a", None), "");
    }
}
