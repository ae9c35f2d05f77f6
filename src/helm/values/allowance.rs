//! What the work on the values of one release may use up, before any template runs.

use std::cell::Cell;

use super::tree::Instance;
use crate::deadline;
use crate::gotemplate::memory::{self, Ceiling};
use crate::helm::error::Error;
use crate::helm::options::Limits;

/// What is left of the limits. Defaults are copied for every alias, and aliases within aliases make many charts out of
/// few.
#[derive(Debug)]
pub(super) struct Allowance {
    charts: Cell<usize>,
    limits: Limits,
    _ceiling: Ceiling,
}

impl Allowance {
    /// Nothing is used up yet. The time is that of the [`Deadline`](crate::deadline::Deadline) around it.
    pub(super) fn new(limits: &Limits) -> Self {
        // Half of the room is left for what the templates make.
        let room = usize::try_from(limits.memory_bytes / 2).unwrap_or(usize::MAX);
        Self {
            charts: Cell::new(limits.charts),
            limits: *limits,
            _ceiling: Ceiling::set(room),
        }
    }

    /// Looks at memory and time.
    pub(super) fn check(&self) -> Result<(), Error> {
        memory::reserve(0).map_err(|_| Error::ValuesTooLarge)?;
        if deadline::is_over() {
            return Err(Error::ValuesTakeTime {
                milliseconds: self.limits.milliseconds,
            });
        }
        Ok(())
    }

    /// Counts charts that come in, with all below them.
    pub(super) fn take(&self, charts: &[Instance<'_>]) -> Result<(), Error> {
        for chart in charts {
            let left = self.charts.get().checked_sub(1).ok_or(Error::TooManyCharts {
                limit: self.limits.charts,
            })?;
            self.charts.set(left);
            self.take(&chart.below)?;
        }
        Ok(())
    }
}
