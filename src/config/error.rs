//! What is wrong with a configuration: where, what, and what was probably meant.

use std::io;
use std::path::PathBuf;

use serde_saphyr::{MessageFormatter as _, UserMessageFormatter};

use crate::excerpt::Excerpt;
use crate::secret::printable;

/// Words that differ more than this are no slip of the fingers. 1 is equal.
const ALIKE: f64 = 0.7;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The file is too long to be one.
    #[error("{} is longer than {cap} bytes: it is no configuration", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The cap, in bytes.
        cap: u64,
    },
    /// A place in the file breaks the rules.
    #[error("{name}:{line}:{column}: {problem}\n{excerpt}")]
    Wrong {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, and what was probably meant.
        problem: String,
        /// The line with a mark.
        excerpt: Excerpt,
    },
    /// The text is not what another tool writes.
    #[error("{name} is no {format} that can be read: {problem}")]
    Foreign {
        /// The file.
        name: String,
        /// What it was taken for.
        format: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// Whether the file is simply not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// An error of the reader, at its place.
    pub(super) fn of(error: &serde_saphyr::Error, text: &str, name: &str) -> Self {
        let error = error.without_snippet();
        let (line, column) = error
            .location()
            .map_or((1, 1), |place| (as_size(place.line()), as_size(place.column())));
        let (problem, length) = match error {
            serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
                (unknown("key", field, expected), field.chars().count())
            }
            serde_saphyr::Error::SerdeUnknownVariant {
                variant, expected, ..
            } => (unknown("word", variant, expected), variant.chars().count()),
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => (
                format!("`{}` is said twice", printable(key, 80)),
                key.chars().count(),
            ),
            serde_saphyr::Error::SerdeMissingField { field, .. } => (format!("`{field}` is missing"), 1),
            serde_saphyr::Error::SerdeInvalidType {
                unexpected, expected, ..
            }
            | serde_saphyr::Error::SerdeInvalidValue {
                unexpected, expected, ..
            } => {
                let problem = format!("expected {}, and this is {}", plain(expected), plain(unexpected));
                (printable(&problem, 1000), 1)
            }
            serde_saphyr::Error::Unexpected { expected, .. } => (format!("expected {}", plain(expected)), 1),
            other => (printable(&UserMessageFormatter.format_message(other), 1000), 1),
        };
        Self::Wrong {
            name: name.to_owned(),
            line,
            column,
            problem,
            excerpt: Excerpt::new(text, line, column, length),
        }
    }
}

fn as_size(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(1)
}

/// The reader's words as people say them.
fn plain(words: &str) -> String {
    [
        ("sequence start", "a list"),
        ("mapping start", "a mapping"),
        ("sequence", "a list"),
        ("map", "a mapping"),
        ("a nonzero usize", "a number from 1"),
        ("a nonzero u32", "a number from 1"),
    ]
    .into_iter()
    .find(|(theirs, _)| *theirs == words)
    .map_or_else(|| words.to_owned(), |(_, ours)| ours.to_owned())
}

/// The sentence about a word that nobody knows.
fn unknown(kind: &str, word: &str, expected: &[&'static str]) -> String {
    let shown = printable(word, 80);
    let alike = expected
        .iter()
        .map(|known| {
            (
                strsim::jaro_winkler(&known.to_lowercase(), &word.to_lowercase()),
                known,
            )
        })
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match alike {
        Some((_, known)) => format!("unknown {kind} `{shown}`; did you mean `{known}`?"),
        None => format!("unknown {kind} `{shown}`; expected {}", list(expected)),
    }
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("one of {} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
