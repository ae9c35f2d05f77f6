//! The only place with hints and exit codes: what an error looks like to the person who must act on it.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::process::ExitCode;

use crate::causes::texts;
use crate::commands;
use crate::secret::{printable, without_logins};

/// How a run ended, as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All done and the closure checked.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Finished, but some items failed; the report lists them.
    SomeFailed = 3,
    /// Content did not verify.
    NotVerified = 4,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<commands::Ending> for Exit {
    fn from(ending: commands::Ending) -> Self {
        match ending {
            commands::Ending::Done => Self::Done,
            commands::Ending::SomeFailed => Self::SomeFailed,
            commands::Ending::Failed => Self::Failed,
            commands::Ending::NotVerified => Self::NotVerified,
        }
    }
}

/// An error with what the operator may do about it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The text for standard error: the error, its causes and hints, a line each.
    pub text: String,
}

impl Failure {
    /// Arguments that do not make sense.
    pub fn usage(error: &dyn StdError) -> Self {
        Self {
            exit: Exit::Usage,
            text: describe(error, &[]),
        }
    }
}

impl From<commands::Error> for Failure {
    fn from(error: commands::Error) -> Self {
        let exit = match error.kind() {
            commands::Kind::Failed => Exit::Failed,
            commands::Kind::Usage => Exit::Usage,
            commands::Kind::NotVerified => Exit::NotVerified,
            commands::Kind::Interrupted => Exit::Interrupted,
        };
        Self {
            exit,
            text: describe(&error, &error.hints()),
        }
    }
}

/// The error, the chain of its causes and the hints, as they are printed: without logins that stood in a mistyped word.
pub fn describe(error: &dyn StdError, hints: &[String]) -> String {
    without_logins(&told(error, hints))
}

fn told(error: &dyn StdError, hints: &[String]) -> String {
    let told: Vec<String> = texts(error).iter().map(|text| lines(text)).collect();
    let mut text = format!("error: {}", told.join("\n  caused by: "));
    for hint in hints {
        let _ = write!(text, "\nhint: {}", lines(hint));
    }
    text
}

/// How many characters of a line are shown, and how many of each where there are many: a message may repeat what a
/// stranger wrote.
const LINE_SHOWN: (usize, usize) = (4_000, 400);

/// How many lines of a message are shown: the first ones say what was done, the last ones what went wrong.
const LINES_SHOWN: (usize, usize) = (30, 30);

/// Keeps the line breaks that an excerpt needs and escapes every other control character.
fn lines(text: &str) -> String {
    let count = text.lines().count();
    let (first, last) = LINES_SHOWN;
    let length = if count > first { LINE_SHOWN.1 } else { LINE_SHOWN.0 };
    let left = count.saturating_sub(first + last);
    let mut shown = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match number.checked_sub(first) {
            Some(0) if left > 0 => shown.push(format!("… {left} lines left out …")),
            Some(within) if within < left => {}
            _ => shown.push(printable(line, length)),
        }
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_many_lines_keeps_its_beginning_and_its_end() {
        let text: Vec<_> = (0..1_000).map(|n| format!("line {n}")).collect();
        let shown = lines(&text.join("\n"));
        assert!(shown.starts_with("line 0\n"), "{shown}");
        assert!(shown.ends_with("\nline 999"), "{shown}");
        assert!(
            shown.contains("\nline 29\n… 940 lines left out …\nline 970\n"),
            "{shown}"
        );
        assert!(lines(&"x\n".repeat(60)).len() == 119);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("could not copy {subject}")]
    struct Outer {
        subject: &'static str,
        #[source]
        cause: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("429 Too Many Requests\u{1b}[0m")]
    struct Inner;

    #[test]
    fn an_error_shows_its_causes_and_hints_and_no_escape_sequences() {
        let error = Outer {
            subject: "docker.io/library/nginx:1.27",
            cause: Inner,
        };
        assert_eq!(
            describe(&error, &["sign in, or lower --jobs".into()]),
            "error: could not copy docker.io/library/nginx:1.27\n  caused by: 429 Too Many Requests\\u{1b}[0m\nhint: sign in, or lower --jobs"
        );
    }
}
