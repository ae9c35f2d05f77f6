//! When the run on this thread must be over, for functions that may work long on one value.
//!
//! The evaluator looks at the clock between steps. A function whose work can grow beyond any measure within one call,
//! as merging or comparing does, asks [`check`] in its innermost loop.

use std::cell::Cell;
use std::time::Duration;

use super::function::Failure;
use crate::observe::processor_time;

/// Questions between two looks at the clock.
const LOOK_EVERY: u32 = 32;

thread_local! {
    static UNTIL: Cell<Duration> = const { Cell::new(Duration::MAX) };
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// Fails when the run's time is over; outside a run there is always time. Cheap enough for inner loops.
pub fn check() -> Result<(), Failure> {
    let asked = ASKED.with(|asked| asked.replace(asked.get().wrapping_add(1)));
    if asked.is_multiple_of(LOOK_EVERY) && processor_time() > UNTIL.with(Cell::get) {
        return Err(Failure::Time);
    }
    Ok(())
}

/// The end of a run's time, in the thread's processor time, until it is dropped.
pub(super) struct Deadline(Duration);

impl Deadline {
    pub(super) fn set(until: Duration) -> Self {
        Self(UNTIL.with(|u| u.replace(until)))
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        UNTIL.with(|u| u.set(self.0));
    }
}
