//! What `images` brings back.

use serde::Serialize;

use crate::commands::{self, Ending};
use crate::discover::{Excluded, Image, Severity, Unresolved};

/// A source that could not be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Failure {
    /// The chart or file.
    pub subject: String,
    /// Why, the whole chain of causes in one line.
    pub reason: String,
}

/// The images of all sources. As JSON: sorted, and the same from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The images, in the order of their references.
    pub images: Vec<Image>,
    /// Texts that ought to be images and cannot be read as such.
    pub unresolved: Vec<Unresolved>,
    /// Sources that could not be read or rendered; their images are missing above.
    pub failures: Vec<Failure>,
    /// What may be an image and is not sure enough to be mirrored without a word of the user.
    pub candidates: Vec<Image>,
    /// What the user left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Excluded>,
    /// What the user should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Report {
    /// Adds a failure, once.
    pub(super) fn fail(&mut self, subject: &str, reason: String) {
        let failure = Failure {
            subject: subject.to_owned(),
            reason,
        };
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }
}

impl commands::Report for Report {
    fn ending(&self) -> Ending {
        let broken = self.unresolved.iter().any(|u| u.severity == Severity::Error);
        if self.failures.is_empty() && !broken {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}
