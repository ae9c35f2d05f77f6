//! The end of a run's time, for functions that may work long on one value.
//!
//! The evaluator looks at the clock between steps. A function whose work can grow beyond any measure within one call,
//! as merging or comparing does, asks [`check`] in its innermost loop.

use super::function::Failure;
use crate::deadline;

/// Fails when the run's time is over; outside a run there is always time. Cheap enough for inner loops.
pub fn check() -> Result<(), Failure> {
    if deadline::is_over() {
        return Err(Failure::Time);
    }
    Ok(())
}

/// As [`check`], with a look at the clock each time: for steps that take milliseconds.
pub fn check_now() -> Result<(), Failure> {
    if deadline::is_over_now() {
        return Err(Failure::Time);
    }
    Ok(())
}
