//! What can go wrong with a template, in the words and with the places that Go prints.

use std::fmt;
use std::ops::Range;

use super::function::Failure;

/// Which limit a hostile template ran into. Each has an option of the same name in `Limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Templates that call templates, or values and pipelines inside each other, too deep.
    Depth,
    /// Too many steps.
    Steps,
    /// Too much output.
    Output,
    /// Too much time.
    Time,
    /// Too much memory.
    Memory,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is no template.
    Syntax,
    /// A template that is called does not exist, or evaluation failed.
    Execution,
    /// A function gave an error.
    Function {
        /// The name of the function or method.
        name: String,
        /// What it gave.
        failure: Box<Failure>,
    },
    /// A limit stopped the render.
    Limit(Limit),
}

/// A failure to parse or run a template.
///
/// `Display` is the one line that Go prints; [[`Error::line`] and [`Error::span`] say where, for
/// drawing the line.
#[derive(Debug)]
pub struct Error {
    pub(super) kind: ErrorKind,
    pub(super) place: Option<Box<Place>>,
    pub(super) message: String,
}

/// Where in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of the file (or of the template that was parsed).
    pub file: String,
    /// The template that ran, if one did.
    pub template: Option<String>,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes as Go counts it (from 0); none for syntax errors, which Go gives a line only.
    pub column: Option<usize>,
    /// The place in the text, in bytes.
    pub span: Range<usize>,
    /// The expression as Go prints it.
    pub context: Option<String>,
}

impl Error {
    /// What sort of failure this is.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where it happened, if it happened in a text.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// The file it happened in.
    pub fn file(&self) -> Option<&str> {
        self.place.as_ref().map(|p| p.file.as_str())
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|p| p.line)
    }

    /// The place in the text, in bytes.
    pub fn span(&self) -> Option<Range<usize>> {
        self.place.as_ref().map(|p| p.span.clone())
    }

    /// The message without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same failure with another message.
    #[must_use]
    pub fn saying(self, message: String) -> Self {
        Self { message, ..self }
    }

    /// The limit that stopped this render, however deep inside.
    pub fn limit(&self) -> Option<Limit> {
        match &self.kind {
            ErrorKind::Limit(limit) => Some(*limit),
            ErrorKind::Function { failure, .. } => match failure.as_ref() {
                Failure::Template { source, .. } => source.limit(),
                Failure::Memory => Some(Limit::Memory),
                Failure::Time => Some(Limit::Time),
                Failure::Refused { .. } => None,
            },
            _ => None,
        }
    }

    /// The failure of a template that a function ran here (`include`, `tpl`), one step further in.
    pub fn inner(&self) -> Option<&Self> {
        match &self.kind {
            ErrorKind::Function { failure, .. } => match failure.as_ref() {
                Failure::Template { source, .. } => Some(source),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("template: ")?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}", place.file, place.line)?;
            if let Some(column) = place.column {
                write!(f, ":{column}")?;
            }
            f.write_str(": ")?;
            if let (Some(template), Some(context)) = (&place.template, &place.context) {
                write!(f, "executing {template} at <{context}>: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The message already has the texts of all failures inside, as Go's has.
        None
    }
}
