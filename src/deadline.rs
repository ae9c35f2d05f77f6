//! When the work on this thread must be over, for engines that may work long on what strangers wrote.
//!
//! Time is the thread's processor time, so that a busy machine ends nothing. What can grow beyond any measure within one
//! step (reading a document, merging tables, looking for a prime) asks [`is_over`] in its innermost loop.

use std::cell::Cell;
use std::time::Duration;

use crate::observe::processor_time;

/// Questions between two looks at the clock.
const LOOK_EVERY: u32 = 32;

thread_local! {
    static END: Cell<Duration> = const { Cell::new(Duration::MAX) };
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// Whether the time is over; without a [`Deadline`] there is always time. Cheap enough for inner loops.
pub fn is_over() -> bool {
    let asked = ASKED.with(|asked| asked.replace(asked.get().wrapping_add(1)));
    asked.is_multiple_of(LOOK_EVERY) && is_over_now()
}

/// As [`is_over`], with a look at the clock each time: for steps that take milliseconds.
pub fn is_over_now() -> bool {
    let end = END.with(Cell::get);
    end != Duration::MAX && end < processor_time()
}

/// The end of the time of this thread's work, for as long as it lives.
#[derive(Debug)]
#[must_use = "the limit ends when this is dropped"]
pub struct Deadline {
    outer: Duration,
}

impl Deadline {
    /// Gives so much time from now on, but no more than a deadline around this one leaves.
    pub fn within(time: Duration) -> Self {
        Self::at(processor_time().saturating_add(time))
    }

    /// Ends the time at this point of the thread's processor time, or when a deadline around this one does.
    pub fn at(end: Duration) -> Self {
        let outer = END.with(Cell::get);
        END.with(|cell| cell.set(outer.min(end)));
        Self { outer }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        END.with(|end| end.set(self.outer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_deadline_gives_no_more_time_than_the_outer_one() {
        assert!(!is_over_now());
        let outer = Deadline::within(Duration::ZERO);
        let inner = Deadline::within(Duration::from_secs(60));
        while processor_time() == Duration::ZERO {}
        assert!((0..100_000).any(|_| is_over()));
        drop(inner);
        assert!((0..100_000).any(|_| is_over_now()));
        drop(outer);
        assert!(!is_over_now());
    }
}
