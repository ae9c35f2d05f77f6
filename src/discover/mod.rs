//! Documents → image references, each with how sure it is and where it stands.
//!
//! ```text
//! tree       YAML or JSON → nodes with lines                       names     which keys, variables and flags announce an image
//! walk       every node, whatever the kind                         reading   text → reference, and the guards of free text
//! embedded   documents and scripts inside strings                  joins     registry + repository + tag + digest
//! knowledge  what operators compose (a table)                      sighting  the record: what, how sure, which rule, where
//! values, annotations, lists   what charts and people declare        catalogue, choice   all of it as one list
//! ```
//!
//! Nothing that announces an image is dropped: it becomes an image of some [`Tier`] or is unresolved with a reason.

mod annotations;
mod catalogue;
mod choice;
mod documents;
mod embedded;
mod joins;
mod knowledge;
mod lists;
mod names;
mod reading;
mod sighting;
#[cfg(test)]
mod tests;
mod tree;
mod values;
mod walk;

pub use annotations::{Declared, scan_annotations, scan_images_lock};
pub use catalogue::{Catalogue, Image, Occurrence, Unresolved};
pub use choice::{Exclude, Excluded, Exclusion, Include, exclude, include};
pub use documents::{Error, MANIFEST_CAP, Origin, scan_text, walk};
pub use knowledge::{Error as KnowledgeError, Knowledge};
pub use lists::{Form, form, scan_list};
pub use sighting::{Place, Reading, Rule, Severity, Sighting, Source, Subject, Tier};
pub use values::{Layer, declared, is_true, scan_values};
