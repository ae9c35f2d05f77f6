//! What can be wrong with a text or a value.

use std::fmt;

/// A place in a text, for people: both numbers start at one; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from one.
    pub line: u32,
    /// The column in characters, from one.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text could not be read or a value not be written.
///
/// The messages are Go's own where a chart can see them: `fromYaml` hands them to the template as `.Error`, and charts
/// compare them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no YAML.
    #[error("yaml: {message}")]
    Syntax {
        /// go-yaml's words, with the line as go-yaml counts it.
        message: String,
        /// Where the reader stood.
        position: Position,
    },
    /// The text is YAML, but means nothing that could be decoded: an unknown anchor, a merge of something that is no
    /// mapping, aliases without end.
    #[error("yaml: {message}")]
    Meaning {
        /// go-yaml's words.
        message: String,
        /// The node.
        position: Position,
    },
    /// A mapping has a key that JSON cannot have.
    #[error("unsupported map key of type: {kind}, key: {key}, value: {value}")]
    Key {
        /// Go's name of the key's type.
        kind: &'static str,
        /// The key as Go prints it.
        key: String,
        /// The value under the key, as Go prints it.
        value: String,
        /// The key.
        position: Position,
    },
    /// A number has no form in JSON: an infinity or not-a-number.
    #[error("json: unsupported value: {value}")]
    NotJson {
        /// The number as Go prints it.
        value: String,
    },
    /// The text is no JSON.
    #[error("{message}")]
    Json {
        /// The words of Go's `encoding/json`.
        message: String,
        /// How many bytes were read before.
        offset: usize,
    },
    /// The text is longer than [`SIZE_CAP`](super::limits::SIZE_CAP).
    #[error("the text is {size} bytes long, more than the {limit} that are read")]
    TooLarge {
        /// Its length in bytes.
        size: usize,
        /// The cap.
        limit: usize,
    },
    /// The values of a document would take more memory than its text justifies
    /// ([`WEIGHT_RATIO`](super::limits::WEIGHT_RATIO)).
    #[error("the document means more than fits into {limit} bytes of memory")]
    TooHeavy {
        /// The cap.
        limit: usize,
    },
    /// The time of the work that this is part of is over ([`Deadline`](crate::deadline::Deadline)).
    #[error("the document takes more time than is left (limit: time)")]
    TakesTime,
    /// A value is nested deeper than [`DEPTH_CAP`](super::limits::DEPTH_CAP).
    #[error("exceeded max depth of {limit}")]
    TooDeep {
        /// The cap.
        limit: usize,
    },
    /// The document decodes to something else than was asked for.
    #[error("json: cannot unmarshal {found} into Go value of type {wanted}")]
    Kind {
        /// What it is: `array`, `string`, `number`, `bool`, `object`.
        found: &'static str,
        /// Go's name of the type asked for.
        wanted: &'static str,
    },
    /// Helm's YAML reader could not make JSON of the text.
    #[error("error converting YAML to JSON: {source}")]
    ToJson {
        /// What was wrong.
        source: Box<Self>,
    },
    /// Helm's YAML reader could not read its JSON into the type asked for.
    #[error("error unmarshaling JSON: while decoding JSON: {source}")]
    FromJson {
        /// What was wrong.
        source: Box<Self>,
    },
}

impl Error {
    /// The place that is wrong, where the text has one.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { position, .. } | Self::Meaning { position, .. } | Self::Key { position, .. } => {
                Some(*position)
            }
            Self::ToJson { source } | Self::FromJson { source } => source.position(),
            Self::NotJson { .. }
            | Self::Json { .. }
            | Self::TooLarge { .. }
            | Self::TooHeavy { .. }
            | Self::TakesTime
            | Self::TooDeep { .. }
            | Self::Kind { .. } => None,
        }
    }
}
