//! YAML and JSON exactly as Helm's Go libraries read and write them.
//!
//! Helm reads values, templates' `fromYaml` and manifests through `sigs.k8s.io/yaml`, which is go-yaml v2 followed by
//! a trip through JSON. The rules of that path are neither YAML 1.1 nor YAML 1.2: `on` is a boolean even as a key,
//! `0755` is 493, a date stays a string, the last of two equal keys wins, and every number of a values file arrives as a
//! floating-point number. This module has those rules, and the writers that go with them:
//!
//! | Function | What it is in Go |
//! |---|---|
//! | [`parse`](parse()), [`documents`] | go-yaml v2, keys made strings, integers kept |
//! | [`parse_listed`] | the same for documents of long lists, element by element |
//! | [`parse_json_style`] | `sigs.k8s.io/yaml.Unmarshal` into `any`: every number is a float |
//! | [`from_yaml`], [`from_yaml_array`] | the template functions of these names |
//! | [`from_json`], [`from_json_map`], [`from_json_array`] | `encoding/json`, and the template functions |
//! | [`to_yaml`] | the template function: JSON, go-yaml v2's reader and writer, last line break cut |
//! | [`to_yaml_pretty`] | the template function: go-yaml v3 with an indent of two |
//! | [`to_json`], [`to_pretty_json`], [`to_raw_json`] | `encoding/json` as Helm and Sprig call it |
//! | [`located::parse`] | the same reading for people: every node with its line and column |
//!
//! Nothing here trusts its input: depth, size and the expansion of aliases are bounded ([`limits`]).
//!
//! ```
//! use carrack::goyaml;
//!
//! let value = goyaml::parse(b"image: {tag: 1.10, pull: yes}\nmode: 0755\n")?;
//! assert_eq!(goyaml::to_json(&value)?, r#"{"image":{"pull":true,"tag":1.1},"mode":493}"#);
//! assert_eq!(goyaml::to_yaml(&value)?, "image:\n  pull: true\n  tag: 1.1\nmode: 493");
//! # Ok::<(), goyaml::Error>(())
//! ```

mod binary;
mod build;
mod decode;
mod error;
mod gosyntax;
mod json;
mod keys;
pub mod limits;
mod listed;
pub mod located;
mod number;
mod parse;
mod resolve;
mod scan;
mod template;
mod text;
mod value;
mod yaml;

pub use decode::{Documents, documents, no_infinity, parse, parse_json_style};
pub use error::{Error, Position};
pub use json::{from_json, placed, to_json, to_pretty_json, to_raw_json};
pub use listed::{Listed, parse_listed};
pub use template::{from_json_array, from_json_map, from_yaml, from_yaml_array};
pub use value::{Map, Value};
pub use yaml::{to_yaml, to_yaml_pretty};

#[cfg(test)]
mod tests;
