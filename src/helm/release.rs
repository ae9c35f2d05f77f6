//! What a render gives.

use super::error::Error;

/// One YAML document of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The file it comes from, below the top chart: `chart/templates/x.yaml`, `chart/charts/sub/crds/y.yaml`.
    pub template: String,
    /// The text without the separating `---`. Bytes: templates may cut strings anywhere.
    pub text: Vec<u8>,
    /// How many lines of the rendered file stand before the text.
    pub lines_before: u32,
    /// `apiVersion`, empty if the document has none.
    pub api_version: String,
    /// `kind`, empty if the document has none.
    pub kind: String,
    /// `metadata.name`, empty if the document has none.
    pub name: String,
    /// Whether it carries `helm.sh/hook`.
    pub is_hook: bool,
    /// The events of a hook, as Helm names them; empty for other documents.
    pub hook_events: Vec<String>,
    /// Whether it is a hook of the event `test`.
    pub is_test: bool,
    /// Whether it comes from `crds/`. Helm keeps such a file whole, however many documents it holds.
    pub is_crd: bool,
}

/// A rendered chart: everything a cluster might be sent, whether the options would print it or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// CRD files, then manifests and then hooks, each in the order in which Helm installs them.
    pub documents: Vec<Document>,
    /// The chart's `NOTES.txt`, rendered.
    pub notes: Vec<u8>,
    /// Files that failed, where [`Options::keep_going`](super::Options::keep_going) says to go on.
    pub failures: Vec<Failed>,
    /// What the files that failed wrote all the same: cut short, or with nothing where a value is demanded. To be looked
    /// at, never to be installed.
    pub salvaged: Vec<Document>,
}

/// A file that did not render, or not to manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The file, below the top chart.
    pub template: String,
    /// What happened, in Helm's words.
    pub reason: String,
}

impl From<(String, Error)> for Failed {
    fn from((template, error): (String, Error)) -> Self {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let (Some(cause), false) = (source, matches!(error, Error::Template { .. })) {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        Self { template, reason }
    }
}

impl Release {
    /// The CRD files that belong to the release.
    pub fn crds(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|d| d.is_crd)
    }

    /// Manifests that are neither CRD files nor hooks.
    pub fn manifests(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|d| !d.is_crd && !d.is_hook)
    }

    /// The hooks, tests included.
    pub fn hooks(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|d| d.is_hook)
    }
}
