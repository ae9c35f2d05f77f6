//! What `images` brings back.

use std::collections::BTreeSet;

use serde::Serialize;

use super::check::Checked;
use crate::commands::{self, Ending};
use crate::digest::Digest;
use crate::discover::{Excluded, Image, Reading, Severity, Unresolved};
use crate::explore::{Exploration, Unexplored};
use crate::goyaml;
use crate::helm::{self, Chart};
use crate::reference::Reference;
use crate::trust::Violation;

/// A source that could not be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Failure {
    /// The chart or file.
    pub subject: String,
    /// Why, the whole chain of causes in one line.
    pub reason: String,
}

/// An image that a switch of a chart's values shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Revealed {
    /// The switches: `metrics.enabled=true`.
    pub switches: String,
    /// The image.
    pub reference: Reference,
}

/// What exploring a chart came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explored {
    /// The chart's name and version.
    pub chart: String,
    /// The profile whose values it started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How many switches there are.
    pub switches: usize,
    /// How many renders it took.
    pub renders: usize,
    /// What they show that the values as they are do not.
    pub revealed: Vec<Revealed>,
    /// What could not be explored, or only in part.
    pub unexplored: Vec<Unexplored>,
}

impl Explored {
    pub(super) fn new(chart: &Chart, profile: Option<&str>, found: &Exploration) -> Self {
        let revealed: BTreeSet<Revealed> = found
            .revealed
            .iter()
            .filter_map(|sighting| match &sighting.reading {
                Reading::Image(reference) => Some(Revealed {
                    switches: sighting.under.first().cloned().unwrap_or_default(),
                    reference: reference.clone(),
                }),
                Reading::Unresolved { .. } => None,
            })
            .collect();
        Self {
            chart: format!("{} {}", chart.name(), chart.metadata.version),
            profile: profile.map(str::to_owned),
            switches: found.switches,
            renders: found.renders,
            revealed: revealed.into_iter().collect(),
            unexplored: found.unexplored.clone(),
        }
    }
}

/// For what a chart was rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// The chart's name and version.
    pub chart: String,
    /// The profile whose values it was rendered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The version of Kubernetes.
    pub kube_version: String,
    /// The API versions that the cluster has beside Kubernetes' own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
    /// The SHA-256 in hexadecimal of the values that were given beside the chart's own, put together and written as JSON;
    /// without any there is nothing to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_sha256: Option<String>,
}

impl Rendered {
    pub(super) fn new(chart: &Chart, profile: Option<&str>, options: &helm::Options) -> Self {
        let kube_version = options.kube_version.as_deref();
        Self {
            chart: format!("{} {}", chart.name(), chart.metadata.version),
            profile: profile.map(str::to_owned),
            kube_version: kube_version.unwrap_or(helm::DEFAULT_KUBE_VERSION).to_owned(),
            api_versions: options.api_versions.clone(),
            values_sha256: values_sha256(options),
        }
    }
}

/// Values that cannot be put together fail the render, which tells why.
fn values_sha256(options: &helm::Options) -> Option<String> {
    if options.values.is_empty() {
        return None;
    }
    let asked = helm::asked_for(&options.values, options.profile).ok()?;
    let json = goyaml::to_json(&goyaml::Value::Map(asked)).ok()?;
    Some(Digest::sha256(json.as_bytes()).hex())
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
    /// For what each chart was rendered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rendered: Vec<Rendered>,
    /// What exploring each chart came to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explored: Vec<Explored>,
    /// What the registries say of the images, where they were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<Checked>,
    /// What the user left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Excluded>,
    /// Images that the policy does not let cross.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// What the user should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Report {
    /// Adds what another source gave.
    pub(super) fn take(&mut self, part: Self) {
        for failure in part.failures {
            self.fail(&failure.subject, failure.reason);
        }
        self.rendered.extend(part.rendered);
        self.explored.extend(part.explored);
        self.warnings.extend(part.warnings);
    }

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
        if !self.violations.is_empty() {
            Ending::NotVerified
        } else if self.failures.is_empty() && !broken && !self.lacks_an_image() {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}
