//! Images that other tools left on disk.

use std::collections::BTreeSet;

use super::Consignment;
use crate::causes::chain;
use crate::commands::{Error, images};
use crate::layouts::{LocalSource, Store};
use crate::observe::{Event, Observer};
use crate::transfer::Wanted;

impl Consignment {
    /// Finds the images of a source on disk, and tells what the operator should know of them.
    pub(super) async fn open(
        &mut self,
        source: &LocalSource,
        who: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let opening = source.clone();
        let opened = tokio::task::spawn_blocking(move || Store::open(&opening)).await;
        let store = match opened.map_err(|_| Error::Crashed)? {
            Ok(store) => store,
            Err(error) => {
                self.failures.push(images::Failure {
                    subject: source.to_string(),
                    reason: chain(&error),
                });
                return Ok(());
            }
        };
        for entry in store.entries() {
            let taken = self.on_disk.iter().flat_map(Store::entries);
            if let Some(other) = taken
                .filter(|other| other.reference == entry.reference)
                .find(|other| other.root.digest != entry.root.digest)
            {
                self.failures.push(images::Failure {
                    subject: source.to_string(),
                    reason: format!(
                        "its {} is {}, and another source has that name for {}",
                        entry.reference, entry.root.digest, other.root.digest
                    ),
                });
                return Ok(());
            }
        }
        let notes: BTreeSet<&String> = store
            .entries()
            .iter()
            .filter_map(|entry| entry.note.as_ref())
            .collect();
        for text in notes {
            observer.on(&Event::Warning { text: text.clone() });
        }
        let named_by = match who {
            Some(who) => format!("{who} ({source})"),
            None => source.to_string(),
        };
        for entry in store.entries() {
            self.wanted.push(Wanted {
                pinned: Some(entry.root.digest),
                ..Wanted::new(entry.reference.clone(), &named_by)
            });
        }
        self.on_disk.push(store);
        Ok(())
    }
}
