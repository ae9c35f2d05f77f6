//! Go's `text/template`: the language that Helm charts are written in.
//!
//! Knows nothing of Helm. Values are Go's ([`Value`]), functions stand in a table with their signatures
//! ([`Functions`]), and what a template prints is byte for byte what Go prints.

mod error;
#[expect(dead_code, reason = "the evaluator lands next and uses the rest")]
mod function;
mod list;
mod map;
#[expect(dead_code, reason = "the evaluator lands next and uses the rest")]
pub mod memory;
mod object;
mod text;
mod types;
mod value;

pub use error::{Error, ErrorKind, Limit, Place};
pub use function::{
    Arguments, Closure, Engine, Failure, Function, Functions, Plain, Signature, State, WithEngine,
};
pub use list::List;
pub use map::Map;
pub use object::Object;
pub use text::GoString;
pub use types::{Kind, Type};
pub use value::{IntKind, UintKind, Value};
