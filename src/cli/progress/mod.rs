//! What people see while work runs: bars on a terminal, lines in a pipe, events for machines.

mod bars;
mod hints;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write};

use bars::Bars;
use hints::Hints;

use crate::commands::count;
use crate::observe::{Event, Observer, Outcome};
use crate::secret::printable;

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
pub fn observer(form: Form, in_color: bool) -> Box<dyn Observer> {
    match form {
        Form::Quiet => Box::new(crate::observe::Silent),
        Form::Json => Box::new(Json),
        Form::People if std::io::stderr().is_terminal() => Box::new(Bars::new(in_color)),
        Form::People => Box::new(Lines::default()),
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
            let mut plan = format!("plan     {}", count(*items, "item"));
            // Charts are planned by their number alone.
            if *blobs > 0 {
                let _ = write!(plan, ", {}, {}", count(*blobs, "blob"), bytes(*size));
            }
            plan
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
#[derive(Debug, Default)]
struct Lines {
    hints: Hints,
}

impl Observer for Lines {
    fn on(&self, event: &Event) {
        self.hints.note(event);
        if *event == Event::Ended {
            self.hints.take().iter().for_each(|hint| say(hint));
        }
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
