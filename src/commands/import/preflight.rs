//! What the target of an import takes, asked before the first byte: whether it answers, lets us in and lets us push,
//! whether Harbor's projects are there, and whether it takes indexes of which some platforms were left out.

use std::collections::BTreeMap;
use std::fmt;

use crate::bundle::{AbsentReason, Bundle, Inventory};
use crate::causes::chain;
use crate::digest::Digest;
use crate::mirrors::{Placed, Target};
use crate::reference::{Reference, Repository};
use crate::registry::{self, Client};

/// Larger manifests are turned down by most registries: the specification asks them for no more.
const USUAL_MANIFEST: u64 = 4 << 20;

/// What is done about Harbor projects that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projects {
    /// The run ends, with the commands that make them.
    Tell,
    /// They are made, for members only.
    CreatePrivate,
    /// They are made, for everybody to pull.
    CreatePublic,
}

/// Why the target cannot take the import. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry does not answer, is none, or does not let us in.
    #[error("{target} cannot be used")]
    NoEntry {
        /// The target.
        target: String,
        /// Why not.
        #[source]
        source: registry::Error,
    },
    /// Uploads are turned down.
    #[error("{target} does not let this account push: {}", Lines(refusals))]
    NoPush {
        /// The target.
        target: String,
        /// A repository of each place that is closed, with the registry's words.
        refusals: Vec<(String, registry::Error)>,
    },
    /// Harbor has no such projects.
    #[error("{target} is a Harbor and has no project {}", projects.join(", "))]
    NoProject {
        /// The registry's host.
        target: String,
        /// The projects.
        projects: Vec<String>,
    },
    /// A project could not be made.
    #[error("the project {project} could not be made")]
    NotCreated {
        /// The project.
        project: String,
        /// Harbor's words.
        #[source]
        source: registry::Error,
    },
}

struct Lines<'a>(&'a [(String, registry::Error)]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (_, error)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{}", chain(error))?;
        }
        Ok(())
    }
}

impl Error {
    /// What the operator may do about it.
    pub(in crate::commands) fn advice(&self) -> Vec<String> {
        match self {
            Self::NoEntry { source, target } if source.is_unauthorized() => vec![format!(
                "sign in with `podman login {0}`, `docker login {0}` or `helm registry login {0}`, or name a file with --authfile",
                target.split('/').next().unwrap_or_default()
            )],
            Self::NoEntry { source, target } => {
                let host = target.split('/').next().unwrap_or_default();
                source
                    .trouble()
                    .map(|trouble| trouble.advice(host))
                    .into_iter()
                    .collect()
            }
            Self::NoPush { refusals, .. } => {
                let mut advice = Vec::new();
                if refusals.iter().any(|(_, error)| error.is_unauthorized()) {
                    advice.push(
                        "give the account the right to push there, or use another one with --authfile"
                            .to_owned(),
                    );
                }
                if refusals
                    .iter()
                    .any(|(_, error)| error.status().is_some_and(|s| s.as_u16() == 405))
                {
                    advice.push("the registry is read-only now: switch that off for the import".to_owned());
                }
                advice
            }
            Self::NoProject { target, projects } => {
                let mut advice = vec![
                    "make them with --create-projects, or by hand (\"public\": \"true\" lets nodes pull without a password):"
                        .to_owned(),
                ];
                advice.extend(projects.iter().map(|project| create_command(target, project)));
                advice
            }
            Self::NotCreated { .. } => {
                vec!["the account must be allowed to make projects: ask Harbor's administrator".to_owned()]
            }
        }
    }
}

fn create_command(host: &str, project: &str) -> String {
    format!(
        "curl -u NAME -H 'Content-Type: application/json' -d '{{\"project_name\":\"{project}\",\"metadata\":{{\"public\":\"false\"}}}}' https://{host}/api/v2.0/projects"
    )
}

/// One import on its way to one registry.
#[derive(Clone, Copy)]
pub(super) struct Preflight<'a> {
    pub(super) client: &'a Client,
    pub(super) target: &'a Target,
    pub(super) placed: &'a [Placed],
    pub(super) projects: Projects,
}

impl Preflight<'_> {
    /// Asks the target. Gives what the operator should know although nothing is wrong.
    pub(super) async fn check(&self) -> Result<Vec<String>, Error> {
        let host = self.target.registry();
        self.client.ping(host).await.map_err(|source| Error::NoEntry {
            target: self.target.to_string(),
            source,
        })?;
        let mut notes = Vec::new();
        let mut missing = Vec::new();
        let mut refusals = Vec::new();
        for (project, placed) in self.one_of_each_project() {
            let Some(repository) = self.repository(placed) else {
                continue;
            };
            // What is there was pushed by somebody; a run with nothing new asks for no right to push.
            let at = placed.digest.into();
            if matches!(self.client.head_manifest(&repository, &at).await, Ok(Some(_))) {
                continue;
            }
            let Err(refused) = self.client.try_push(&repository).await else {
                continue;
            };
            if !self.lacks_project(&refused, project).await {
                refusals.push((repository.to_string(), refused));
            } else if self.projects == Projects::Tell {
                missing.push(project.to_owned());
            } else {
                self.create(project).await?;
                notes.push(format!("the project {project} was made"));
                if let Err(refused) = self.client.try_push(&repository).await {
                    refusals.push((repository.to_string(), refused));
                }
            }
        }
        let target = self.target.to_string();
        if !missing.is_empty() {
            return Err(Error::NoProject {
                target: host.to_owned(),
                projects: missing,
            });
        }
        if !refusals.is_empty() {
            return Err(Error::NoPush { target, refusals });
        }
        Ok(notes)
    }

    /// Rights are given by the first component of a path (a project, an organisation): one repository stands for all.
    fn one_of_each_project(&self) -> BTreeMap<&str, &Placed> {
        let mut found = BTreeMap::new();
        for placed in self.placed {
            let project = placed.path.split('/').next().unwrap_or_default();
            found.entry(project).or_insert(placed);
        }
        found
    }

    fn repository(&self, placed: &Placed) -> Option<Repository> {
        Repository::new(self.target.registry(), &placed.path).ok()
    }

    /// Whether a refusal comes of a project that is not there.
    async fn lacks_project(&self, refused: &registry::Error, project: &str) -> bool {
        let may_be =
            refused.is_unauthorized() || refused.status().is_some_and(|status| status.as_u16() == 404);
        let host = self.target.registry();
        may_be
            && matches!(self.client.is_harbor(host).await, Ok(true))
            && matches!(self.client.has_project(host, project).await, Ok(false))
    }

    async fn create(&self, project: &str) -> Result<(), Error> {
        let is_public = self.projects == Projects::CreatePublic;
        let made = self
            .client
            .create_project(self.target.registry(), project, is_public)
            .await;
        made.map_err(|source| Error::NotCreated {
            project: project.to_owned(),
            source,
        })
    }
}

/// Notes on manifests that the target may turn down for their size.
pub(super) fn large_manifests(bundle: &Bundle, placed: &[Placed]) -> Vec<String> {
    let entries = placed
        .iter()
        .filter_map(|placed| bundle.entries().get_key_value(&placed.source));
    let large = entries.filter(|(_, descriptor)| descriptor.size > USUAL_MANIFEST);
    let mut notes: Vec<String> = large
        .map(|(reference, descriptor)| {
            format!(
                "the manifest of {reference} has {}; many registries take {} at most",
                crate::commands::size(descriptor.size),
                crate::commands::size(USUAL_MANIFEST)
            )
        })
        .collect();
    notes.dedup();
    notes
}

/// References whose index names platforms that were left out by choice. A registry may refuse such an index.
pub(super) fn sparse<'p>(
    bundle: &Bundle,
    inventory: Option<&Inventory>,
    placed: &'p [Placed],
) -> Vec<&'p Placed> {
    let Some(inventory) = inventory else {
        return Vec::new();
    };
    let is_left_out = |digest: &Digest| {
        let absent = inventory.absent.get(digest);
        absent.is_some_and(|absent| absent.reason == AbsentReason::Platform)
            && matches!(bundle.blob_size(digest), Ok(None))
    };
    let is_sparse = |reference: &Reference| {
        let root = bundle.entries().get(reference)?;
        // What cannot be read is the verification's to tell.
        let (_, document) = bundle.document(&root.digest, &root.media_type).ok()?;
        Some(document.manifests.iter().any(|child| is_left_out(&child.digest)))
    };
    placed
        .iter()
        .filter(|placed| is_sparse(&placed.source) == Some(true))
        .collect()
}

/// Why the others are not sent either.
pub(super) const SPARSE_REFUSED: &str = "the registry refuses an image index of which platforms were left out: export \
    without --platform, or let it take them (distribution 3: validation.manifests.indexes.platforms: none)";

/// Whether an image failed because of its index itself, and not of a blob or of the network.
pub(super) fn is_refused_index(error: &str) -> bool {
    error.contains("upload of manifest")
        && ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNVERIFIED"]
            .iter()
            .any(|code| error.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_project_comes_with_the_command_that_makes_it() {
        let error = Error::NoProject {
            target: "harbor.lan".into(),
            projects: vec!["quay.io".into()],
        };
        assert_eq!(
            error.to_string(),
            "harbor.lan is a Harbor and has no project quay.io"
        );
        let advice = error.advice();
        assert!(advice[0].contains("--create-projects"));
        assert!(
            advice[1].contains(r#""project_name":"quay.io""#)
                && advice[1].contains("https://harbor.lan/api/v2.0/projects")
        );
    }
}
