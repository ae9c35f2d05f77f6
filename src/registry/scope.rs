//! What a token is asked to allow.

use std::collections::BTreeSet;
use std::fmt;

/// What is done to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// The scopes of one request: the repository, and the one that a blob is mounted from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Scopes(Vec<Scope>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    /// `repository:library/nginx`.
    resource: String,
    actions: BTreeSet<String>,
}

impl Scopes {
    pub(super) fn repository(path: &str, access: Access) -> Self {
        let actions: &[&str] = match access {
            Access::Pull => &["pull"],
            Access::Push => &["pull", "push"],
        };
        Self(vec![Scope {
            resource: format!("repository:{path}"),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        }])
    }

    /// The same with the right to read `path`, for a mount.
    #[must_use]
    pub(super) fn and_pull(mut self, path: &str) -> Self {
        self.0.extend(Self::repository(path, Access::Pull).0);
        self
    }

    /// The same with what a challenge asks for. That stands first: some token servers read only the first scope, and
    /// the registry names the one that is missing.
    #[must_use]
    pub(super) fn and_challenged(&self, challenged: &str) -> Self {
        let mut scopes = Vec::new();
        for text in challenged.split(' ').filter(|text| !text.is_empty()).take(8) {
            let Some((resource, actions)) = text.rsplit_once(':') else {
                continue;
            };
            scopes.push(Scope {
                resource: resource.to_owned(),
                actions: actions.split(',').map(str::to_owned).collect(),
            });
        }
        for ours in &self.0 {
            match scopes.iter_mut().find(|scope| scope.resource == ours.resource) {
                Some(scope) => scope.actions.extend(ours.actions.iter().cloned()),
                None => scopes.push(ours.clone()),
            }
        }
        Self(scopes)
    }

    /// Each scope as a token server reads it.
    pub(super) fn each(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<_> = self.actions.iter().map(String::as_str).collect();
        write!(f, "{}:{}", self.resource, actions.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(scopes: &Scopes) -> String {
        scopes.each().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_push_asks_for_both_actions_and_a_mount_for_the_source_too() {
        let scopes = Scopes::repository("a/b", Access::Push).and_pull("c");
        assert_eq!(text(&scopes), "repository:a/b:pull,push repository:c:pull");
    }

    #[test]
    fn the_scope_that_is_missing_stands_first_and_none_is_asked_twice() {
        let ours = Scopes::repository("a", Access::Push).and_pull("b");
        assert_eq!(
            text(&ours.and_challenged("repository:b:pull")),
            "repository:b:pull repository:a:pull,push"
        );
        assert_eq!(
            text(&Scopes::repository("a", Access::Push).and_challenged("repository:a:pull")),
            "repository:a:pull,push"
        );
        assert_eq!(
            text(&Scopes::default().and_challenged("registry:catalog:*")),
            "registry:catalog:*"
        );
        assert_eq!(text(&ours.and_challenged("nonsense")), text(&ours));
    }
}
