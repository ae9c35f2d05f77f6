//! What a run may use up.

use std::time::Duration;

use crate::deadline;
use crate::gotemplate::error::{Error, ErrorKind, Limit};
use crate::gotemplate::memory;
use crate::observe::processor_time;

/// Steps between two looks at the clock.
const CLOCK_EVERY: u64 = 64;

/// A text of that many bytes counts as one step more.
const BYTES_PER_STEP: usize = 256;

/// What a run may use up; a hostile template ends in an error that names the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep templates may call each other. Default 10,000.
    pub depth: usize,
    /// How many nodes and commands may be evaluated. Default 100 million.
    pub steps: u64,
    /// How many bytes may be printed, inner texts of `include` among them. Default 256 MiB.
    pub output: usize,
    /// How much processor time the run may take, so that a busy machine fails no template. Default 10 s.
    pub time: Duration,
    /// How many bytes the values may hold at a time (estimated). Default 256 MiB.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 10_000,
            steps: 100_000_000,
            output: 256 << 20,
            time: Duration::from_secs(10),
            memory: 256 << 20,
        }
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    steps: u64,
    next_look: u64,
    output: usize,
    deadline: Option<Duration>,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            steps: 0,
            next_look: 0,
            output: 0,
            deadline: None,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The clock runs from the first template on.
    pub(super) fn start(&mut self) {
        if self.deadline.is_none() {
            self.deadline = processor_time().checked_add(self.limits.time);
        }
    }

    /// When the run must be over, in the thread's processor time.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(Duration::MAX)
    }

    pub(super) fn step(&mut self) -> Result<(), Error> {
        self.steps += 1;
        if self.steps >= self.next_look {
            return self.look();
        }
        Ok(())
    }

    /// Counts the making or reading of texts: long ones are as much work as many steps.
    pub(super) fn worked(&mut self, bytes: usize) -> Result<(), Error> {
        self.steps += (bytes / BYTES_PER_STEP) as u64;
        self.step()
    }

    fn look(&mut self) -> Result<(), Error> {
        self.next_look = self.steps + CLOCK_EVERY;
        if self.steps > self.limits.steps {
            return Err(self.exceeded(Limit::Steps));
        }
        if deadline::is_over_now() {
            return Err(self.exceeded(Limit::Time));
        }
        if memory::exceeded() {
            return Err(self.exceeded(Limit::Memory));
        }
        Ok(())
    }

    pub(super) fn produced(&mut self, bytes: usize) -> Result<(), Error> {
        self.output += bytes;
        if self.output > self.limits.output {
            return Err(self.exceeded(Limit::Output));
        }
        Ok(())
    }

    pub(super) fn exceeded(&self, limit: Limit) -> Error {
        let limits = &self.limits;
        let message = match limit {
            Limit::Depth => format!(
                "templates call each other deeper than {} levels (limit: depth)",
                limits.depth
            ),
            Limit::Steps => format!("evaluation takes more than {} steps (limit: steps)", limits.steps),
            Limit::Output => format!(
                "templates print more than {} bytes (limit: output)",
                limits.output
            ),
            Limit::Time => format!(
                "evaluation takes more than {} s of processor time (limit: time)",
                limits.time.as_secs_f64()
            ),
            Limit::Memory => format!("values hold more than {} bytes (limit: memory)", limits.memory),
        };
        Error {
            kind: ErrorKind::Limit(limit),
            place: None,
            message,
        }
    }
}
