//! Looking for one reference the way one view does.

use std::collections::{BTreeMap, BTreeSet};

use super::{Content, View};
use crate::causes::chain;
use crate::mirrors::nodes::{By, Then};
use crate::observe::{Event, Observer, Outcome};
use crate::reference::{Reference, Repository};
use crate::registry::TagOrDigest;

/// One thing that is wrong.
pub(super) struct Problem {
    pub(super) text: String,
    pub(super) is_different: bool,
}

impl Problem {
    fn absent(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_different: false,
        }
    }
}

/// The looking of one view.
pub(super) struct Search<'v> {
    view: &'v View,
    /// Mirrors that do not answer, with why not: found out once, not for each reference.
    silent: BTreeMap<String, String>,
}

impl<'v> Search<'v> {
    pub(super) async fn start(view: &'v View, contents: &[Content]) -> Self {
        let mut hosts = BTreeSet::new();
        for content in contents {
            for by in [By::Tag, By::Digest] {
                let lookup = view.lookup(content.reference.repository(), by);
                hosts.extend(lookup.places.iter().map(|place| place.host().to_owned()));
            }
        }
        let mut silent = BTreeMap::new();
        for host in hosts {
            if let Err(error) = view.client.ping(&host).await {
                silent.insert(host, chain(&error));
            }
        }
        Self { view, silent }
    }

    pub(super) async fn look_for(
        &self,
        content: &Content,
        observer: &dyn Observer,
    ) -> (Reference, Vec<Problem>) {
        let reference = &content.reference;
        let subject = format!("{} {reference}", self.view.name);
        observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let mut problems = Vec::new();
        if let Some(tag) = reference.tag().filter(|_| reference.digest().is_none()) {
            let at = TagOrDigest::Tag(tag.clone());
            if let Err(problem) = self.resolve(content, By::Tag, &at).await {
                problems.push(problem);
            }
        }
        match self.resolve(content, By::Digest, &content.root.into()).await {
            Ok(place) => problems.extend(self.follow(content, &place).await),
            Err(problem) if problems.iter().any(|known| known.text == problem.text) => {}
            Err(problem) => problems.push(problem),
        }
        let outcome = match problems.first() {
            None => Outcome::Done,
            Some(problem) => Outcome::Failed(problem.text.clone()),
        };
        observer.on(&Event::ItemFinished { subject, outcome });
        (reference.clone(), problems)
    }

    /// The first place that has the manifest. What an engine would be given there must be what the bundle has.
    async fn resolve(&self, content: &Content, by: By, at: &TagOrDigest) -> Result<Repository, Problem> {
        let repository = content.reference.repository();
        let lookup = self.view.lookup(repository, by);
        let mut tried = lookup.problems.clone();
        for place in &lookup.places {
            let shown = match at {
                TagOrDigest::Tag(tag) => format!("{place}:{tag}"),
                TagOrDigest::Digest(digest) => format!("{place}@{digest}"),
            };
            if let Some(why) = self.silent.get(place.host()) {
                tried.push(format!("{} does not answer: {why}", place.host()));
                continue;
            }
            match self.view.client.manifest(place, at).await {
                Ok(manifest) if manifest.digest == content.root => return Ok(place.clone()),
                Ok(manifest) => {
                    return Err(Problem {
                        text: format!("{shown} is {}, the bundle has {}", manifest.digest, content.root),
                        is_different: true,
                    });
                }
                Err(error) => tried.push(chain(&error)),
            }
        }
        if lookup.then == Then::Upstream {
            let host = repository.host();
            tried.push(if lookup.places.is_empty() {
                format!("no mirror is configured for {host}: the node asks {host} itself")
            } else {
                format!("the node then asks {host} itself")
            });
        }
        Err(Problem::absent(tried.join("; ")))
    }

    /// Whether everything that the reference consists of is at the place.
    async fn follow(&self, content: &Content, place: &Repository) -> Vec<Problem> {
        let mut problems = Vec::new();
        for digest in content.manifests.iter().filter(|digest| **digest != content.root) {
            if let Err(error) = self.view.client.manifest(place, &(*digest).into()).await {
                problems.push(Problem::absent(chain(&error)));
            }
        }
        for (digest, descriptor) in &content.blobs {
            match self.view.client.has_blob(place, descriptor).await {
                Ok(true) => {}
                Ok(false) => problems.push(Problem::absent(format!("{place} has no blob {digest}"))),
                Err(error) => problems.push(Problem::absent(chain(&error))),
            }
        }
        problems
    }
}
