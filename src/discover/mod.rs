//! Documents → image references, each with how sure it is and where it stands.
//!
//! ```text
//! tree       YAML or JSON → nodes with lines                       names     which keys, variables and flags announce an image
//! walk       every node, whatever the kind                         reading   text → reference, and the guards of free text
//! positions  where the API defines an image                        variables names with values
//! arguments  flags with their values, lines of shell
//! scope, record   what holds in a part of a document; what is written down of it
//! embedded   documents and texts inside strings                    joins     registry + repository + tag + digest
//! split      the same under names that begin alike
//! knowledge  what operators compose (a table)                      sighting  the record: what, how sure, which rule, where
//! values (in layers), annotations, lists   what charts and people declare        catalogue, choice   all of it as one list
//! ```
//!
//! Nothing that announces an image is dropped: it becomes an image of some [`Tier`] or is unresolved with a reason.
//!
//! ```
//! use carrack::discover::{Catalogue, Knowledge, Origin, Source, Subject, Tier, walk};
//!
//! let origin = Origin {
//!     subject: Subject { file: "pod.yaml".to_owned(), ..Subject::default() },
//!     source: Source::Manifest,
//!     lines_before: 0,
//! };
//! let text = b"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx:1.27\n";
//! let mut catalogue = Catalogue::default();
//! catalogue.extend(walk(text, &origin, &Knowledge::built_in())?);
//! let images = catalogue.images();
//! assert_eq!(images[0].reference.to_string(), "docker.io/library/nginx:1.27");
//! assert_eq!((images[0].tier, images[0].sources[0].place.line), (Tier::Certain, Some(5)));
//! # Ok::<(), carrack::discover::Error>(())
//! ```

mod annotations;
mod arguments;
mod catalogue;
mod choice;
mod documents;
mod embedded;
mod joins;
mod knowledge;
mod layers;
mod lists;
mod names;
mod positions;
mod reading;
mod record;
mod scope;
mod sighting;
mod split;
#[cfg(test)]
mod tests;
mod tree;
mod values;
mod variables;
mod walk;

pub use annotations::{Declared, scan_annotations, scan_images_lock};
pub use catalogue::{Catalogue, Image, Occurrence, Unresolved};
pub use choice::{Exclude, Excluded, Exclusion, Include, exclude, include};
pub use documents::{Error, MANIFEST_CAP, Origin, scan_text, walk};
pub use knowledge::{Error as KnowledgeError, Knowledge};
pub use layers::{Layer, is_true};
pub use lists::{Form, form, scan_list};
pub(crate) use names::words as words_of;
pub use sighting::{Place, Reading, Rule, Severity, Sighting, Source, Subject, Tier};
pub use values::{declared, scan_values};
