//! A blob that is several files, and is acknowledged once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::fsx::{self, Acknowledged};

/// Parts that are acknowledged as one.
pub(super) struct Together(Mutex<(usize, Result<(), fsx::Error>, Option<Acknowledged>)>);

impl Together {
    pub(super) fn new(parts: usize, acknowledged: Acknowledged) -> Arc<Self> {
        Arc::new(Self(Mutex::new((parts, Ok(()), Some(acknowledged)))))
    }

    /// One part came to its end. The last one tells, with the first error that there was.
    pub(super) fn one_more(&self, result: Result<(), fsx::Error>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = state.0.saturating_sub(1);
        if state.1.is_ok() {
            state.1 = result;
        }
        if state.0 == 0
            && let Some(told) = state.2.take()
        {
            told(std::mem::replace(&mut state.1, Ok(())));
        }
    }
}
