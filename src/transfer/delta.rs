//! Content that a delta leaves out: asked for at the target, and linked to where else it is needed.

use crate::oci::Descriptor;
use crate::reference::Repository;
use crate::registry::Client;

use super::Error;
use super::shipment::Cargo;

/// What became of a blob in a repository that needs it and did not have it.
pub(super) struct Found<'a> {
    /// The items that wait for it there.
    pub(super) items: &'a [usize],
    /// Whether it could be linked.
    pub(super) linked: Result<(), Error>,
}

/// Looks for a blob in every repository that needs it. Where it is not, the target links it from one that has it: an
/// image that is new inside has most of its layers from others. `elsewhere` are repositories that may have it, too.
pub(super) async fn find<'a>(client: &Client, cargo: &'a Cargo, elsewhere: &[Repository]) -> Vec<Found<'a>> {
    let descriptor = &cargo.descriptor;
    let (mut found, mut lacking, mut source) = (Vec::new(), Vec::new(), None);
    for (repository, items) in &cargo.places {
        match client.has_blob(repository, descriptor).await {
            Ok(false) => lacking.push((repository, items)),
            Ok(true) => source = source.or(Some(repository)),
            Err(error) => found.push(Found {
                items,
                linked: Err(error.into()),
            }),
        }
    }
    if source.is_none() && !lacking.is_empty() {
        source = first_with(client, descriptor, elsewhere).await;
    }
    for (repository, items) in lacking {
        let linked = link(client, descriptor, repository, source).await;
        found.push(Found { items, linked });
    }
    found
}

async fn first_with<'a>(
    client: &Client,
    descriptor: &Descriptor,
    repositories: &'a [Repository],
) -> Option<&'a Repository> {
    for repository in repositories {
        // One that may not be read, or is gone, has nothing to link from.
        if let Ok(true) = client.has_blob(repository, descriptor).await {
            return Some(repository);
        }
    }
    None
}

async fn link(
    client: &Client,
    descriptor: &Descriptor,
    repository: &Repository,
    source: Option<&Repository>,
) -> Result<(), Error> {
    let digest = descriptor.digest;
    let Some(source) = source else {
        return Err(Error::Lost {
            digest,
            repository: repository.to_string(),
        });
    };
    if client.mount(repository, descriptor, source).await? && client.has_blob(repository, descriptor).await? {
        return Ok(());
    }
    Err(Error::NotLinked {
        digest,
        repository: repository.to_string(),
        from: source.to_string(),
    })
}
