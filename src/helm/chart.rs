//! A chart as it lies on disk, parsed but not rendered.

use std::sync::Arc;

use super::metadata::{Lock, Metadata};
use super::profile::Profile;
use crate::goyaml;

/// A file of a chart, named relative to the chart's root with `/` between components.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// The relative name, e.g. `templates/deployment.yaml`.
    pub name: String,
    /// The bytes, a UTF-8 byte order mark removed.
    pub data: Arc<[u8]>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.data.len())
    }
}

/// A chart and the charts it brings along.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// `Chart.yaml`, sanitised and validated.
    pub metadata: Metadata,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// Files below `templates/`, in the order of the source.
    pub templates: Vec<File>,
    /// `values.yaml` as Helm 4 reads it: all documents merged.
    pub values: goyaml::Map,
    /// `values.yaml` as Helm 3 reads it, if that is something else: the first document alone.
    pub first_values: Option<goyaml::Map>,
    /// `values.schema.json`.
    pub schema: Option<Arc<[u8]>>,
    /// Every other file: `crds/`, README, data for `.Files`.
    pub files: Vec<File>,
    /// Every file of this chart and of the charts below it, as read.
    pub raw: Vec<File>,
    /// The charts in `charts/`, by file name there; declared in `Chart.yaml` or not, enabled or not.
    pub dependencies: Vec<Arc<Self>>,
}

/// A file of `crds/` of a chart or of one of its subcharts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    /// The name below the chart it belongs to, e.g. `crds/widgets.yaml`.
    pub name: String,
    /// The name below the top chart, e.g. `top/charts/sub/crds/widgets.yaml`.
    pub filename: String,
    /// The bytes; CRDs are never templates.
    pub data: Arc<[u8]>,
}

impl Chart {
    /// The chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The default values as the given Helm reads them.
    pub fn default_values(&self, profile: Profile) -> &goyaml::Map {
        match (profile, &self.first_values) {
            (Profile::Helm3, Some(first)) => first,
            _ => &self.values,
        }
    }

    /// Whether the chart offers templates to others and renders nothing itself.
    pub fn is_library(&self) -> bool {
        self.metadata.kind == "library"
    }

    /// The files of `crds/`, then those of the subcharts, whether these are enabled or not.
    ///
    /// What a release installs leaves disabled subcharts out: see [`Release`](super::Release).
    pub fn crds(&self) -> Vec<Crd> {
        let mut found = Vec::new();
        self.collect_crds(self.name(), &mut found);
        found
    }

    fn collect_crds(&self, path: &str, found: &mut Vec<Crd>) {
        for file in self.files.iter().filter(|f| is_crd(&f.name)) {
            found.push(Crd {
                name: file.name.clone(),
                filename: format!("{path}/{}", file.name),
                data: Arc::clone(&file.data),
            });
        }
        for below in &self.dependencies {
            below.collect_crds(&format!("{path}/charts/{}", below.name()), found);
        }
    }
}

/// Whether a file of this name is one of a chart's custom resource definitions.
pub(super) fn is_crd(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("crds/") else {
        return false;
    };
    let last = rest.rsplit('/').next().unwrap_or(rest);
    last.rsplit_once('.')
        .is_some_and(|(_, e)| ["yaml", "yml", "json"].iter().any(|k| e.eq_ignore_ascii_case(k)))
}
