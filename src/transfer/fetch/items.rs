//! What the items of a plan still wait for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::observe::{Event, Observer, Outcome};
use crate::reference::Reference;
use crate::transfer::Plan;

/// What the items still wait for.
pub(super) struct Items {
    subjects: Vec<Reference>,
    pub(super) waiting: Vec<AtomicUsize>,
    /// Whether a blob of the item had to move.
    pub(super) needed: Vec<bool>,
    failed: Mutex<BTreeMap<usize, String>>,
}

impl Items {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut waiting: Vec<usize> = vec![0; plan.items.len()];
        for number in plan.blobs.iter().flat_map(|b| &b.items) {
            if let Some(count) = waiting.get_mut(*number) {
                *count += 1;
            }
        }
        Self {
            subjects: plan.items.iter().map(|i| i.key.clone()).collect(),
            needed: waiting.iter().map(|w| *w > 0).collect(),
            waiting: waiting.into_iter().map(AtomicUsize::new).collect(),
            failed: Mutex::default(),
        }
    }

    pub(super) fn failed(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One blob of these items came to its end.
    pub(super) fn blob_ended(&self, items: &[usize], result: &Result<(), String>, observer: &dyn Observer) {
        for number in items {
            if let Err(text) = result {
                self.failed().entry(*number).or_insert_with(|| text.clone());
            }
            let left = self
                .waiting
                .get(*number)
                .map_or(0, |w| w.fetch_sub(1, Ordering::AcqRel));
            if left == 1
                && let Some(subject) = self.subjects.get(*number)
            {
                let outcome = match self.failed().get(number) {
                    Some(text) => Outcome::Failed(text.clone()),
                    None => Outcome::Done,
                };
                observer.on(&Event::ItemFinished {
                    subject: subject.to_string(),
                    outcome,
                });
            }
        }
    }
}
