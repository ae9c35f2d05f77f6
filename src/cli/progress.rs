//! What people see while work runs: bars on a terminal, lines in a pipe, events for machines.

use std::collections::HashMap;
use std::fmt;
use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::commands::count;
use crate::digest::Digest;
use crate::observe::{Event, Observer, Outcome};
use crate::secret::printable;

/// How long work may take before bars appear: a command that ends at once draws nothing.
const BARS_AFTER: Duration = Duration::from_millis(250);

/// A blob smaller than this gets no bar of its own.
const OWN_BAR: u64 = 4 << 20;

/// The line of the whole run. All but the bar takes 66 columns, so that a terminal of 80 shows everything; what is wider
/// goes to the bar.
const WHOLE: &str =
    "{msg:27!} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec:>11} {eta:>4}";

/// The line of one large blob, its numbers under those of the whole.
const BLOB: &str = "  {msg:25!} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:<9}                 ";

/// The form in which progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing at all.
    Quiet,
    /// Bars if standard error is a terminal, lines otherwise.
    People,
    /// One JSON object an event, one a line.
    Json,
}

/// The observer that fits the form and the terminal.
pub fn observer(form: Form) -> Box<dyn Observer> {
    match form {
        Form::Quiet => Box::new(crate::observe::Silent),
        Form::Json => Box::new(Json),
        Form::People if std::io::stderr().is_terminal() => Box::new(Bars::new()),
        Form::People => Box::new(Lines),
    }
}

/// A size in bytes as people read it: `1.5 MB`. Decimal units, as drives are sold.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    let decimals = usize::from(value < 9.95);
    format!("{value:.decimals$} {unit}")
}

fn say(line: &str) {
    // A closed pipe must not end the work: there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::ItemFinished { subject, outcome } => match outcome {
            Outcome::Done => format!("done     {}", printable(subject, 400)),
            Outcome::Present => format!("present  {}", printable(subject, 400)),
            Outcome::Failed(why) => format!("failed   {}: {}", printable(subject, 400), printable(why, 2000)),
        },
        Event::Planned {
            items,
            blobs,
            bytes: size,
        } => {
            format!(
                "plan     {}, {}, {}",
                count(*items, "item"),
                count(*blobs, "blob"),
                bytes(*size)
            )
        }
        Event::Waiting { host, pause, reason } => {
            format!(
                "waiting  {:.1} s for {host}: {}",
                pause.as_secs_f64(),
                printable(reason, 400)
            )
        }
        Event::Warning { text } => format!("warning  {}", printable(text, 2000)),
        Event::Listening { url, offer } => format!("serving  {offer} on {url}"),
        Event::Answered {
            client,
            method,
            target,
            status,
            bytes: size,
            duration,
        } => format!(
            "{client} {} {} {status} {} in {} ms",
            printable(method, 20),
            printable(target, 400),
            bytes(*size),
            duration.as_millis()
        ),
        _ => return None,
    })
}

/// One line for each finished item, warning and pause.
#[derive(Debug)]
struct Lines;

impl Observer for Lines {
    fn on(&self, event: &Event) {
        if let Some(line) = line(event) {
            say(&line);
        }
    }
}

/// Every event as a line of JSON on standard error.
#[derive(Debug)]
struct Json;

impl Observer for Json {
    fn on(&self, event: &Event) {
        if let Ok(text) = serde_json::to_string(event) {
            say(&text);
        }
    }
}

/// One bar for the whole and one for each large blob on its way.
struct Bars {
    drawn: MultiProgress,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    whole: ProgressBar,
    phase: String,
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
    fn new() -> Self {
        let drawn = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        let state = State {
            started: Instant::now(),
            whole: ProgressBar::hidden(),
            phase: String::new(),
            shown: false,
            items: 0,
            finished: 0,
            failed: 0,
            blobs: HashMap::new(),
        };
        Self {
            drawn,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, state: &mut State) {
        if !state.shown && state.started.elapsed() >= BARS_AFTER {
            state.shown = true;
            state.whole.set_style(style(WHOLE));
            state.whole = self.drawn.add(state.whole.clone());
            state.whole.enable_steady_tick(Duration::from_millis(120));
            for (bar, _) in state.blobs.values_mut() {
                *bar = self.drawn.add(bar.clone());
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

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

impl Observer for Bars {
    fn on(&self, event: &Event) {
        let mut state = self.state();
        match event {
            Event::Phase { name } => {
                state.phase.clone_from(name);
                Self::counted(&state);
            }
            Event::Planned { items, bytes, .. } => {
                state.items = *items;
                state.finished = 0;
                state.whole.set_length(*bytes);
                Self::counted(&state);
            }
            Event::BlobStarted { digest, size } if *size >= OWN_BAR => {
                let bar = ProgressBar::with_draw_target(Some(*size), ProgressDrawTarget::hidden())
                    .with_message(digest.short());
                bar.set_style(style(BLOB));
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
                return;
            }
            _ => {}
        }
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
            self.drawn.suspend(|| say(&line));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.drawn.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_with_two_or_three_digits() {
        for (count, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (12_345, "12 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_500_000, "1.5 MB"),
            (4_294_967_295, "4.3 GB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
    }

    #[test]
    fn a_failed_item_is_one_line_without_escape_sequences() {
        let event = Event::ItemFinished {
            subject: "quay.io/a/b:1".into(),
            outcome: Outcome::Failed("404\u{1b}[2J\nNot Found".into()),
        };
        assert_eq!(
            line(&event).unwrap(),
            "failed   quay.io/a/b:1: 404\\u{1b}[2J\\nNot Found"
        );
    }
}
