//! Charts as data, rendered as `helm template` renders them.
//!
//! ```text
//! load      a directory or an archive → Chart (with Helm's limits; no link to what belongs to no chart)
//! values    --set and -f → one tree; dependencies switched on and off; defaults coalesced; schema checked
//! engine    the templates of a chart and its subcharts, executed in Helm's order over shared values
//! manifest  rendered files → documents, hooks apart, in the order in which Helm installs them
//! ```
//!
//! Two [`Profile`]s exist, because the two majors of Helm differ in what they print. Nothing here opens a
//! connection, reads the environment or looks at a clock, and every hostile input meets one of [`Limits`].
//!
//! ```
//! use carrack::helm::{self, Options, ValuesSource};
//!
//! let chart = helm::load("fixtures/voyage/chart".as_ref())?;
//! let options = Options {
//!     values: vec![ValuesSource::Set("store.image=registry.example.com/harbour/store:3".to_owned())],
//!     ..Options::default()
//! };
//! let release = helm::render(&chart, &options)?;
//! let store = release.documents.iter().find(|d| d.template == "harbour/templates/store.yaml").unwrap();
//! assert!(String::from_utf8_lossy(&store.text).contains("registry.example.com/harbour/store:3"));
//! # Ok::<(), helm::Error>(())
//! ```

mod capabilities;
mod chart;
mod decode;
mod engine;
mod error;
mod excerpts;
mod functions;
mod glob;
mod load;
mod manifest;
mod metadata;
mod options;
mod output;
mod profile;
mod release;
mod render;
mod trace;
mod values;

pub use capabilities::DEFAULT_KUBE_VERSION;
pub use chart::{Chart, Crd, File};
pub use decode::Mismatch;
pub use error::Error;
pub use load::{BadRule, load, load_archive, load_archive_within, load_within};
pub use metadata::{Dependency, ImportValue, Invalid, Lock, Maintainer, Metadata};
pub use options::{Limits, Options, ValuesSource};
pub use output::TemplateFiles;
pub use profile::Profile;
pub use release::{Document, Failed, Release};
pub use render::{Prepared, render};
pub use trace::{Trace, Written};
pub use values::{Instance, SetError, Valued, Violation, asked_for, prepare, set_file_paths};
