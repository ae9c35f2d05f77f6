//! Go's `text/template`: the language that Helm charts are written in.
//!
//! Knows nothing of Helm. Values are Go's ([`Value`]), functions stand in a table with their signatures
//! ([`Functions`]), and what a template prints is byte for byte what Go prints.
//!
//! A [`Templates`] set is parsed once and shared; each [`Render`] runs templates of it with data, under [`Limits`],
//! and lets a [`Probe`] watch.
//!
//! ```
//! use std::sync::Arc;
//! use carrack::gotemplate::{Function, Map, Render, Templates, Type, Value, builtins};
//!
//! let mut functions = builtins();
//! functions.add([Function::plain("upper", &[Type::STRING], |arguments| {
//!     Ok(Value::string(arguments.text(0)?.to_ascii_uppercase()))
//! })]);
//! let mut templates = Templates::new(Arc::new(functions));
//! templates.parse("page", "{{ define \"who\" }}{{ .name | upper }}{{ end }}hello {{ template \"who\" . }}").unwrap();
//!
//! let data: Map = [("name", Value::from("ada"))].into_iter().collect();
//! let mut render = Render::new(&templates);
//! assert_eq!(render.run("page", &data.into()).unwrap(), b"hello ADA");
//!
//! let error = templates.parse("broken", "a\n{{ if }}").unwrap_err();
//! assert_eq!(error.to_string(), "template: broken:2: missing value for if");
//! ```

mod arguments;
mod builtins;
pub mod deadline;
mod error;
mod evaluate;
pub mod fmt;
mod function;
mod list;
mod map;
pub mod memory;
mod object;
mod parse;
mod probe;
pub mod strconv;
mod template;
mod text;
mod tree;
mod types;
mod value;

pub use builtins::{builtins, html, js, url_query};
pub use error::{Error, ErrorKind, Limit, Place};
pub use evaluate::{Limits, Render};
pub use function::{
    Arguments, Closure, Engine, Failure, Function, Functions, Plain, Signature, State, WithEngine,
};
pub use list::List;
pub use map::Map;
pub use object::Object;
pub use probe::{NoProbe, Outcome, Probe, Site};
pub use template::{MissingKey, Templates};
pub use text::GoString;
pub use types::{Kind, MapMethod, Type};
pub use value::{IntKind, UintKind, Value};

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
