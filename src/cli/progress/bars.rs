//! Progress on a terminal: a bar for the whole and one for each large blob on its way.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::{env, screen};
use super::hints::Hints;
use super::{line, say};
use crate::digest::Digest;
use crate::observe::{Event, Observer, Outcome};

/// How long work may take before bars appear: a command that ends at once draws nothing.
const BARS_AFTER: Duration = Duration::from_millis(250);

/// A blob smaller than this gets no bar of its own.
const OWN_BAR: u64 = 4 << 20;

/// How the line of the whole run and that of one large blob look, the numbers of the two below each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    whole: &'static str,
    blob: &'static str,
}

impl Look {
    /// What fits on so many columns. All but the bar takes 66, so that a terminal of 80 shows everything; on a wide one the
    /// bar ends before its numbers are too far away to be read with it.
    fn on(columns: usize) -> Self {
        match columns {
            0..70 => Self {
                whole: "{msg:27!} {percent:>3} % {eta:>4}",
                blob: "  {msg:25!} {percent:>3} %",
            },
            70..130 => Self {
                whole: "{msg:27!} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec:>11} {eta:>4}",
                blob: "  {msg:25!} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:<9}                 ",
            },
            _ => Self {
                whole: "{msg:27!} {bar:60} {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec:>11} {eta:>4}",
                blob: "  {msg:25!} {bar:60} {decimal_bytes:>9}/{decimal_total_bytes:<9}",
            },
        }
    }
}

/// One bar for the whole and one for each large blob on its way.
pub(super) struct Bars {
    drawn: MultiProgress,
    in_color: bool,
    hints: Hints,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    whole: ProgressBar,
    phase: String,
    look: Look,
    shown: bool,
    items: u64,
    finished: u64,
    failed: u64,
    blobs: HashMap<Digest, (ProgressBar, u64)>,
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bars")
    }
}

impl Bars {
    pub(super) fn new(in_color: bool) -> Self {
        let drawn = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        let state = State {
            started: Instant::now(),
            whole: ProgressBar::hidden(),
            phase: String::new(),
            look: Look::on(columns()),
            shown: false,
            items: 0,
            finished: 0,
            failed: 0,
            blobs: HashMap::new(),
        };
        Self {
            drawn,
            in_color,
            hints: Hints::default(),
            state: Mutex::new(state),
        }
    }

    /// A line above the bars.
    fn say(&self, line: &str) {
        let line = screen::fitted(line, env::columns(std::io::stderr()));
        self.drawn.suspend(|| say(&screen::painted(&line, self.in_color)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, state: &mut State) {
        if !state.shown && state.started.elapsed() >= BARS_AFTER {
            state.shown = true;
            state.whole.set_style(style(state.look.whole));
            state.whole = self.drawn.add(state.whole.clone());
            state.whole.enable_steady_tick(Duration::from_millis(120));
            for (bar, _) in state.blobs.values_mut() {
                *bar = self.drawn.add(bar.clone());
            }
        }
    }

    /// Draws anew for a terminal that has become wider or narrower.
    fn look_again(state: &mut State) {
        let look = Look::on(columns());
        if look != state.look {
            state.look = look;
            state.whole.set_style(style(look.whole));
            for (bar, _) in state.blobs.values() {
                bar.set_style(style(look.blob));
            }
        }
    }

    /// What is being done, and how far it is: `copying 3/40, 1 failed`.
    fn counted(state: &State) {
        let mut text = state.phase.clone();
        // Writing into a string cannot fail.
        if state.items > 0 {
            let _ = fmt::Write::write_fmt(&mut text, format_args!(" {}/{}", state.finished, state.items));
        }
        if state.failed > 0 {
            let _ = fmt::Write::write_fmt(&mut text, format_args!(", {} failed", state.failed));
        }
        state.whole.set_message(text);
    }
}

/// How wide the terminal is; one that does not say is taken for the usual.
fn columns() -> usize {
    env::columns(std::io::stderr()).unwrap_or(80)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

impl Observer for Bars {
    fn on(&self, event: &Event) {
        self.hints.note(event);
        let mut state = self.state();
        match event {
            Event::Phase { name } => {
                state.phase.clone_from(name);
                Self::counted(&state);
            }
            Event::Planned { items, bytes, .. } => {
                state.items = *items;
                state.finished = 0;
                // What was read to be verified is not what is sent.
                state.whole.reset();
                state.whole.set_length(*bytes);
                Self::counted(&state);
            }
            Event::BlobStarted { digest, size } if *size >= OWN_BAR => {
                let bar = ProgressBar::with_draw_target(Some(*size), ProgressDrawTarget::hidden())
                    .with_message(digest.short());
                bar.set_style(style(state.look.blob));
                let bar = if state.shown { self.drawn.add(bar) } else { bar };
                state.blobs.insert(*digest, (bar, 0));
            }
            Event::BlobAdvanced { digest, bytes } => {
                state.whole.inc(*bytes);
                if let Some((bar, _)) = state.blobs.get(digest) {
                    bar.inc(*bytes);
                }
            }
            Event::BlobTakenBack { digest, bytes } => {
                let position = state.whole.position();
                state.whole.set_position(position.saturating_sub(*bytes));
                if let Some((bar, _)) = state.blobs.get(digest) {
                    bar.set_position(bar.position().saturating_sub(*bytes));
                }
            }
            Event::BlobFinished { digest } => {
                if let Some((bar, _)) = state.blobs.remove(digest) {
                    bar.finish_and_clear();
                    self.drawn.remove(&bar);
                }
            }
            Event::ItemFinished { outcome, .. } => {
                state.finished += 1;
                if let Outcome::Failed(_) = outcome {
                    state.failed += 1;
                }
                Self::counted(&state);
            }
            Event::Ended => {
                for (bar, _) in state.blobs.values() {
                    bar.finish_and_clear();
                }
                state.whole.finish_and_clear();
                self.hints.take().iter().for_each(|hint| self.say(hint));
                return;
            }
            _ => {}
        }
        Self::look_again(&mut state);
        self.show(&mut state);
        let worth_a_line = match event {
            Event::ItemFinished { outcome, .. } => matches!(outcome, Outcome::Failed(_)),
            Event::Waiting { .. }
            | Event::Warning { .. }
            | Event::Listening { .. }
            | Event::Answered { .. } => true,
            _ => false,
        };
        if worth_a_line && let Some(line) = line(event) {
            self.say(&line);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.drawn.clear();
    }
}
