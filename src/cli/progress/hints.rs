//! What may be done about hosts that are in the way, said once at the end of a run.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::observe::Event;

/// Each hint once, for the end of the run.
#[derive(Debug, Default)]
pub(super) struct Hints(Mutex<BTreeSet<String>>);

impl Hints {
    /// Keeps the hint that an event calls for, if it does.
    pub(super) fn note(&self, event: &Event) {
        if let Event::Trouble { host, kind } = event {
            self.locked().insert(format!("hint: {}", kind.advice(host)));
        }
    }

    /// Those that were not told yet, in order.
    pub(super) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
