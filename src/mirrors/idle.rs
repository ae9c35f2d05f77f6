//! Rules of the command line that are about nothing in a run: a slip in a rule's source would go unnoticed.
//!
//! Only rules that were given for this run are asked about. What a configuration declares holds for many runs, and not
//! each of them has something for every rule.

use std::fmt;

use super::{PullSource, Rule};
use crate::reference::Repository;

/// The rules that place none of these repositories, one line each. `whose` says whose repositories they are.
pub fn idle_rules<'a>(
    given: &[Rule],
    repositories: impl Iterator<Item = &'a Repository>,
    whose: impl fmt::Display,
) -> Vec<String> {
    let told = idle(given, Rule::covers, repositories).into_iter().map(|rule| {
        format!("the mapping `{rule}` matches no reference of {whose}, and nothing is placed by it: is its source spelled right?")
    });
    told.collect()
}

/// The pull sources of the command line from which none of these repositories is pulled, one line each.
pub fn idle_pull_sources<'a>(
    given: &[PullSource],
    repositories: impl Iterator<Item = &'a Repository>,
) -> Vec<String> {
    let told = idle(given, PullSource::covers, repositories).into_iter().map(|source| {
        format!(
            "`--pull-through {source}` matches no reference of this run, and nothing is pulled by it: is `{}` spelled right?",
            source.prefix()
        )
    });
    told.collect()
}

/// The rules that are about none of the repositories.
fn idle<'r, 'a, T>(
    rules: &'r [T],
    covers: impl Fn(&T, &Repository) -> bool,
    repositories: impl Iterator<Item = &'a Repository>,
) -> Vec<&'r T> {
    let mut idle: Vec<&T> = rules.iter().collect();
    for repository in repositories {
        idle.retain(|rule| !covers(rule, repository));
    }
    idle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repositories() -> [Repository; 2] {
        [("quay.io", "jetstack/x"), ("docker.io", "library/nginx")]
            .map(|(host, path)| Repository::new(host, path).unwrap())
    }

    #[test]
    fn a_rule_about_nothing_is_told_with_its_own_words() {
        let rules = ["quay.io/jetstack=jet", "quay.io/jetstak=jet", "docker.io+=/"];
        let rules = rules.map(|rule| rule.parse().unwrap());
        let told = idle_rules(&rules, repositories().iter(), "this run");
        assert_eq!(
            told,
            [
                "the mapping `quay.io/jetstak=jet` matches no reference of this run, and nothing is placed by it: is its source spelled right?"
            ]
        );
    }

    #[test]
    fn a_pull_source_is_about_what_lies_below_its_first_side() {
        let sources = [
            "quay.io=cache.lan/quay",
            "docker.io/library/nginx=cache.lan",
            "docker.io/library=cache.lan",
            "docer.io=cache.lan/hub/",
        ];
        let sources = sources.map(|source| source.parse().unwrap());
        let told = idle_pull_sources(&sources, repositories().iter());
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].contains("docker.io/library/nginx=cache.lan`"),
            "nothing lies below it"
        );
        assert_eq!(
            told[1],
            "`--pull-through docer.io=cache.lan/hub` matches no reference of this run, and nothing is pulled by it: is `docer.io` spelled right?"
        );
    }
}
