//! Asking the registries: which of the images are there. Nothing is taken off the list by the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::task::JoinSet;

use super::report::Report;
use crate::causes::chain;
use crate::commands::{Error, World};
use crate::digest::Digest;
use crate::discover::Tier;
use crate::observe::{Event, Observer, Outcome};
use crate::reference::Reference;
use crate::registry::{self, TagOrDigest};

/// What a registry says of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there.
    Verified,
    /// The registry has no such tag, digest or repository.
    Absent,
    /// The registry did not say: out of reach, or it wants to know who asks.
    Unknown,
}

/// An image with what its registry says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The image.
    pub reference: Reference,
    /// Whether it is there.
    pub state: State,
    /// The digest that the registry has under the tag now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Why it is not verified, one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Asks for each image of the report, [`World::jobs`] at a time. Only the arguments can make it fail.
pub async fn check(report: &mut Report, world: &World, observer: &Arc<dyn Observer>) -> Result<(), Error> {
    let client = world.registry(observer)?;
    let mut waiting = report.images.iter().map(|image| image.reference.clone());
    let mut asking = JoinSet::new();
    let mut answers = BTreeMap::new();
    loop {
        while asking.len() < world.jobs.max(1)
            && let Some(reference) = waiting.next()
        {
            let (client, observer) = (client.clone(), Arc::clone(observer));
            asking.spawn(async move { ask(&client, reference, observer.as_ref()).await });
        }
        let answered = tokio::select! {
            () = world.cancel.cancelled() => return Err(Error::Interrupted),
            answered = asking.join_next() => answered,
        };
        match answered {
            None => break,
            Some(Err(_)) => return Err(Error::Crashed),
            Some(Ok(checked)) => answers.insert(checked.reference.clone(), checked),
        };
    }
    report.checked = answers.into_values().collect();
    Ok(())
}

async fn ask(client: &registry::Client, reference: Reference, observer: &dyn Observer) -> Checked {
    let subject = reference.to_string();
    observer.on(&Event::ItemStarted {
        subject: subject.clone(),
    });
    let (state, digest, reason) = match digest_of(client, &reference).await {
        Ok(digest) => (State::Verified, digest, None),
        Err(error) if error.is_absent() => (State::Absent, None, Some(chain(&error))),
        Err(error) => (State::Unknown, None, Some(chain(&error))),
    };
    let outcome = reason.clone().map_or(Outcome::Done, Outcome::Failed);
    observer.on(&Event::ItemFinished { subject, outcome });
    Checked {
        reference,
        state,
        digest,
        reason,
    }
}

async fn digest_of(
    client: &registry::Client,
    reference: &Reference,
) -> Result<Option<Digest>, registry::Error> {
    let Some(wanted) = TagOrDigest::of(reference) else {
        return Ok(None); // Impossible for a reference that was parsed.
    };
    let repository = reference.repository();
    match client.head_manifest(repository, &wanted).await? {
        Some(head) => Ok(head.digest),
        // An answer without a body cannot be told from a proxy's; the whole question can.
        None => Ok(Some(client.manifest(repository, &wanted).await?.digest)),
    }
}

impl Report {
    /// Whether a registry has not what containers certainly ask for, or did not say so.
    pub(super) fn lacks_an_image(&self) -> bool {
        let absent = |reference: &Reference| {
            let checked = self.checked.iter().find(|c| c.reference == *reference);
            checked.is_some_and(|c| c.state != State::Verified)
        };
        self.images
            .iter()
            .any(|image| image.tier <= Tier::Strong && absent(&image.reference))
    }
}
