//! JSON as Go's `encoding/json` reads and writes it.

mod read;
mod write;

pub use read::from_json;
pub use write::{placed, to_json, to_pretty_json, to_raw_json};
