//! What was given to the committing threads and is not durable yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bundle::Bundle;
use crate::causes::chain;
use crate::digest::Digest;
use crate::fsx::{self, Acknowledged};
use crate::oci::{Descriptor, NESTING_CAP};

use super::Error;

/// How many files may wait for their syncs. Each is an open file, and all of them are lost by a power cut.
const WAITING: u32 = 192;

/// Counts files on their way to the disk and keeps the first fatal error.
#[derive(Clone, Debug)]
pub(super) struct Acknowledgements {
    room: Arc<Semaphore>,
    fatal: Arc<Mutex<Option<fsx::Error>>>,
    lost: Arc<Mutex<BTreeSet<Digest>>>,
}

/// Manifests that the drive did not take.
#[derive(Debug)]
pub(super) struct Lost(BTreeSet<Digest>);

impl Lost {
    /// Whether this manifest or one that it leads to is not in the bundle for that reason. What cannot be followed counts
    /// as lost, too.
    pub(super) fn leaves_open(&self, bundle: &Bundle, root: &Descriptor) -> bool {
        let is_open = || !is_there(bundle, root) || self.is_reached_from(bundle, root, NESTING_CAP);
        !self.0.is_empty() && is_open()
    }

    fn is_reached_from(&self, bundle: &Bundle, manifest: &Descriptor, depth: usize) -> bool {
        if !is_there(bundle, manifest) {
            // Others are left out on purpose: platforms that nobody wanted.
            return self.0.contains(&manifest.digest);
        }
        let (Ok((_, document)), Some(depth)) = (
            bundle.document(&manifest.digest, &manifest.media_type),
            depth.checked_sub(1),
        ) else {
            return true;
        };
        let mut children = document.manifests.iter();
        children.any(|child| self.is_reached_from(bundle, child, depth))
    }
}

fn is_there(bundle: &Bundle, manifest: &Descriptor) -> bool {
    matches!(bundle.blob_size(&manifest.digest), Ok(Some(_)))
}

impl Default for Acknowledgements {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(WAITING as usize)),
            fatal: Arc::default(),
            lost: Arc::default(),
        }
    }
}

impl Acknowledgements {
    /// Waits until one more file may be given to the committing threads.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(|_| Error::Cancelled)
    }

    /// What the committing thread calls: `told` learns of the result, and the permit is given back.
    pub(super) fn ticket(
        &self,
        permit: OwnedSemaphorePermit,
        told: impl FnOnce(Result<(), String>) + Send + 'static,
    ) -> Acknowledged {
        let fatal = Arc::clone(&self.fatal);
        Box::new(move |result| {
            told(result.as_ref().copied().map_err(|e| chain(e)));
            if let Err(error) = result
                && error.is_fatal()
            {
                fatal
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
            }
            drop(permit);
        })
    }

    /// The same for a manifest: it belongs to no row that could fail, so that any error ends the run.
    pub(super) fn ticket_of_manifest(&self, permit: OwnedSemaphorePermit, digest: Digest) -> Acknowledged {
        let (fatal, lost) = (Arc::clone(&self.fatal), Arc::clone(&self.lost));
        Box::new(move |result| {
            if let Err(error) = result {
                lost.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
                fatal
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
            }
            drop(permit);
        })
    }

    /// The manifests that were not taken, once everything [has settled](Self::settled).
    pub(super) fn lost(&self) -> Lost {
        Lost(self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Waits until everything is acknowledged, and gives back the first error that concerns the whole drive.
    pub(super) async fn settled(&self) -> Result<(), Error> {
        let all = self
            .room
            .acquire_many(WAITING)
            .await
            .map_err(|_| Error::Cancelled)?;
        drop(all);
        match self.take_fatal() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The first error that concerns the whole drive, if there was one.
    pub(super) fn take_fatal(&self) -> Option<fsx::Error> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Writer;
    use crate::oci::media_type::{OCI_INDEX, OCI_MANIFEST};

    fn put(writer: &Writer, media_type: &str, text: &str) -> Descriptor {
        let digest = Digest::sha256(text.as_bytes());
        let (sender, told) = std::sync::mpsc::channel();
        let tell = Box::new(move |result| sender.send(result).unwrap());
        writer.put(&digest, text.as_bytes(), false, tell);
        told.recv().unwrap().unwrap();
        Descriptor::new(media_type, digest, text.len() as u64)
    }

    #[test]
    fn an_image_is_open_if_a_manifest_that_it_needs_was_lost_and_not_if_one_was_left_out() {
        let place = tempfile::tempdir().unwrap();
        let writer = Writer::open(place.path(), "a test").unwrap();
        let child = Digest::sha256(b"a manifest that did not come");
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{{"mediaType":"{OCI_MANIFEST}","digest":"{child}","size":28}}]}}"#
        );
        let index = put(&writer, OCI_INDEX, &index);
        let unreadable = put(&writer, OCI_INDEX, "no document");
        let absent = Descriptor::new(OCI_MANIFEST, child, 28);
        let other = Digest::sha256(b"of another image");
        for (lost, expected) in [
            (vec![], [false, false, false]),
            (vec![other], [false, true, true]),
            (vec![child, other], [true, true, true]),
        ] {
            let lost = Lost(lost.into_iter().collect());
            let open = [&index, &unreadable, &absent].map(|root| lost.leaves_open(writer.bundle(), root));
            assert_eq!(open, expected, "{lost:?}");
        }
    }
}
