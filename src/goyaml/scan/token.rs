//! What the scanner finds.

use std::borrow::Cow;

use super::cursor::Mark;

/// A token and where it stands.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// The kinds of tokens.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    StreamEnd,
    Version { major: u8, minor: u8 },
    TagDirective { handle: &'a str, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag { handle: &'a str, suffix: String },
    Scalar { text: Cow<'a, str>, plain: bool },
}
