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

/// Parses a text. The main template comes last, after those that it defines.
pub(super) fn parse(name: &str, text: &Arc<[u8]>, functions: &Functions) -> Result<Vec<Arc<Body>>, Error> {
    let source = Arc::new(Source {
        name: name.to_owned(),
        text: Arc::clone(text),
    });
    parser::Parser::new(source, text, functions).run()
}
