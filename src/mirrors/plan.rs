//! Placing all references at once, so that what cannot be placed is known before the first byte moves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Error, Mapping};
use crate::digest::Digest;
use crate::reference::{Reference, Tag};

/// What the target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many components a repository's path may have. Quay has two unless nested names are switched on.
    pub depth: Option<usize>,
    /// How many characters a repository's path may have.
    pub length: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: None,
            length: 255,
        }
    }
}

/// Where one reference goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// The reference as upstream knows it.
    pub source: Reference,
    /// The repository's path on the target, such as `project/quay.io/jetstack/cert-manager`.
    pub path: String,
    /// The tag to set; none for a reference by digest, and for a pinned one whose tag belongs to another entry.
    pub tag: Option<Tag>,
    /// The digest of the manifest.
    pub digest: Digest,
}

/// Why a reference cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// Two upstream references with different content would have one name.
    Collision {
        /// The name on the target: `path:tag`.
        name: String,
        /// The reference that came first.
        first: Box<Reference>,
        /// The reference that wants the same name.
        second: Box<Reference>,
    },
    /// The path has more components than the target takes.
    TooDeep {
        /// The reference.
        source: Box<Reference>,
        /// Its path on the target.
        path: String,
        /// How many components the target takes.
        limit: usize,
    },
    /// The path has more characters than the target takes.
    TooLong {
        /// The reference.
        source: Box<Reference>,
        /// Its path on the target.
        path: String,
        /// How many characters the target takes.
        limit: usize,
    },
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collision { name, first, second } => {
                write!(
                    f,
                    "{first} and {second} would both become {name}, with different content"
                )
            }
            Self::TooDeep { source, path, limit } => {
                write!(
                    f,
                    "{source} would become {path}, the target takes {limit} path components"
                )
            }
            Self::TooLong { source, path, limit } => {
                write!(
                    f,
                    "{source} would become {path}, the target takes {limit} characters"
                )
            }
        }
    }
}

impl Mapping {
    /// Places every reference with the digest of its manifest, in their order; one reference may get several places.
    ///
    /// # Errors
    /// [`Error::Conflicts`] with everything that does not fit, not only the first.
    pub fn plan<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a Reference, &'a Digest)>,
        limits: &Limits,
    ) -> Result<Vec<Placed>, Error> {
        let entries: Vec<_> = entries.into_iter().collect();
        // `name:tag` owns the tag; `name:tag@digest` takes it only where no such entry exists.
        let owners: BTreeSet<_> = entries
            .iter()
            .filter(|(reference, _)| reference.digest().is_none())
            .map(|(reference, _)| (reference.repository(), reference.tag()))
            .collect();
        let mut placed = Vec::new();
        let mut conflicts = Vec::new();
        let mut taken: BTreeMap<(String, Tag), (&Reference, &Digest)> = BTreeMap::new();
        for (reference, digest) in entries {
            let owned_elsewhere =
                reference.digest().is_some() && owners.contains(&(reference.repository(), reference.tag()));
            let tag = reference.tag().filter(|_| !owned_elsewhere);
            for path in self.paths_of(reference.repository()) {
                if let Some(conflict) = over_limit(reference, &path, limits) {
                    conflicts.push(conflict);
                    continue;
                }
                if let Some(tag) = tag {
                    let (first, known) = *taken
                        .entry((path.clone(), tag.clone()))
                        .or_insert((reference, digest));
                    if known != digest {
                        conflicts.push(Conflict::Collision {
                            name: format!("{path}:{tag}"),
                            first: Box::new(first.clone()),
                            second: Box::new(reference.clone()),
                        });
                        continue;
                    }
                }
                placed.push(Placed {
                    source: reference.clone(),
                    path,
                    tag: tag.cloned(),
                    digest: *digest,
                });
            }
        }
        if conflicts.is_empty() {
            Ok(placed)
        } else {
            Err(Error::Conflicts { conflicts })
        }
    }
}

fn over_limit(reference: &Reference, path: &str, limits: &Limits) -> Option<Conflict> {
    if let Some(limit) = limits.depth
        && path.split('/').count() > limit
    {
        return Some(Conflict::TooDeep {
            source: Box::new(reference.clone()),
            path: path.to_owned(),
            limit,
        });
    }
    (path.len() > limits.length).then(|| Conflict::TooLong {
        source: Box::new(reference.clone()),
        path: path.to_owned(),
        limit: limits.length,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;

    fn plan(mapping: &Mapping, entries: &[(&str, &[u8])], limits: &Limits) -> Result<Vec<Placed>, Error> {
        let entries: Vec<(Reference, Digest)> = entries
            .iter()
            .map(|(text, content)| (text.parse().unwrap(), Digest::sha256(content)))
            .collect();
        mapping.plan(entries.iter().map(|(r, d)| (r, d)), limits)
    }

    fn conflicts(result: Result<Vec<Placed>, Error>) -> Vec<String> {
        match result {
            Err(Error::Conflicts { conflicts }) => conflicts.iter().map(ToString::to_string).collect(),
            other => panic!("expected conflicts, found {other:?}"),
        }
    }

    #[test]
    fn two_hosts_at_the_root_collide_and_both_are_named() {
        let entries: [(&str, &[u8]); 2] = [
            ("docker.io/grafana/grafana:11", b"a"),
            ("quay.io/grafana/grafana:11", b"b"),
        ];
        let found = conflicts(plan(&Mapping::new(Place::AtRoot), &entries, &Limits::default()));
        assert_eq!(
            found,
            [
                "docker.io/grafana/grafana:11 and quay.io/grafana/grafana:11 would both become grafana/grafana:11, with different content"
            ]
        );
        assert!(plan(&Mapping::default(), &entries, &Limits::default()).is_ok());
    }

    #[test]
    fn equal_content_under_one_name_is_no_collision() {
        let entries: [(&str, &[u8]); 2] = [("docker.io/a/b:1", b"a"), ("quay.io/a/b:1", b"a")];
        assert!(plan(&Mapping::new(Place::AtRoot), &entries, &Limits::default()).is_ok());
    }

    #[test]
    fn a_host_with_a_port_collides_with_the_host_it_is_written_as() {
        let entries: [(&str, &[u8]); 2] = [("reg.example:5000/a:1", b"a"), ("reg.example-5000/a:1", b"b")];
        assert_eq!(
            conflicts(plan(&Mapping::default(), &entries, &Limits::default())).len(),
            1
        );
    }

    #[test]
    fn a_pinned_tag_leaves_the_tag_to_the_entry_that_has_it_alone() {
        let pinned = format!("quay.io/a:1@{}", Digest::sha256(b"old"));
        let placed = plan(
            &Mapping::default(),
            &[(&pinned, b"old"), ("quay.io/a:1", b"new")],
            &Limits::default(),
        )
        .unwrap();
        assert_eq!(placed[0].tag, None);
        assert_eq!(placed[1].tag.as_ref().unwrap().as_str(), "1");
        let alone = plan(&Mapping::default(), &[(&pinned, b"old")], &Limits::default()).unwrap();
        assert_eq!(alone[0].tag.as_ref().unwrap().as_str(), "1");
    }

    #[test]
    fn every_name_that_is_too_deep_is_found_at_once() {
        let quay = Limits {
            depth: Some(2),
            ..Limits::default()
        };
        let entries: [(&str, &[u8]); 3] = [
            ("ghcr.io/a/b:1", b"a"),
            ("ghcr.io/a:1", b"b"),
            ("ghcr.io/a/b/c:1", b"c"),
        ];
        let found = conflicts(plan(&Mapping::default(), &entries, &quay));
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            "ghcr.io/a/b:1 would become ghcr.io/a/b, the target takes 2 path components"
        );
    }

    #[test]
    fn a_name_too_long_is_found() {
        let name = format!("ghcr.io/{}:1", "a".repeat(250));
        assert_eq!(
            conflicts(plan(&Mapping::default(), &[(&name, b"a")], &Limits::default())).len(),
            1
        );
    }
}
