//! From tokens to trees.

mod constant;
mod lexer;
mod parser;

use std::sync::Arc;

use super::error::Error;
use super::function::Functions;
use super::tree::{Body, Source};

/// How deep actions, pipelines and control structures may stand inside each other.
pub(super) const MAX_DEPTH: usize = 2_000;

/// How many tokens one text may have. Real charts stay far below; each takes some 130 bytes of tree.
const MAX_TOKENS: usize = 1_000_000;

/// Bytes of tree that a token takes, measured over `{{ 1 }}`.
const TOKEN_WEIGHT: usize = 130;

/// What a text defines.
pub(super) struct Parsed {
    pub(super) bodies: Vec<Arc<Body>>,
    /// Bytes that the trees take, roughly.
    pub(super) weight: usize,
}

/// Parses a text. The main template comes last, after those that it defines.
pub(super) fn parse(name: &str, text: &Arc<[u8]>, functions: &Functions) -> Result<Parsed, Error> {
    let source = Arc::new(Source {
        name: name.to_owned(),
        text: Arc::clone(text),
    });
    parser::Parser::new(source, text, functions).run()
}
