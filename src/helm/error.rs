//! Why a chart does not load or does not render.

use std::path::PathBuf;

use super::decode::Mismatch;
use super::load::BadRule;
use super::metadata::Invalid;
use super::values::{SetError, Violation};
use crate::gotemplate;
use crate::goyaml;

/// Why a chart does not load or does not render.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something on disk cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no gzipped archive.
    #[error("not a chart archive: the file is not gzipped")]
    NotGzip,
    /// The archive is damaged.
    #[error("the chart archive is damaged")]
    BrokenArchive {
        /// Where it stopped.
        #[source]
        source: std::io::Error,
    },
    /// The archive holds no file.
    #[error("no files in chart archive")]
    EmptyArchive,
    /// A name in an archive would lie outside the chart.
    #[error("the chart has a file named {name:?}: {why}")]
    IllegalName {
        /// The name as written.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A link or device in an archive.
    #[error(
        "the chart archive holds {name:?}, which is no regular file: charts are read without following links"
    )]
    ArchiveLink {
        /// Its name.
        name: String,
    },
    /// A link in a directory that leads out of it and into no other chart (CVE-2019-18658).
    #[error("{} links to {}, outside the chart: put a copy into the chart instead", path.display(), target.display())]
    LinkOutside {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A device, socket or the like in a directory.
    #[error("{} is no regular file", path.display())]
    Irregular {
        /// What.
        path: PathBuf,
    },
    /// A name that is no UTF-8.
    #[error("the name {} is not UTF-8", path.display())]
    NameNotText {
        /// The name.
        path: PathBuf,
    },
    /// Directories within directories without end.
    #[error("{} lies more than {limit} directories deep", path.display())]
    TooDeep {
        /// Where we stopped.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A file is larger than a chart's file may be.
    #[error("chart file {name:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// Which.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The whole chart is larger than a chart may be.
    #[error("the chart is larger than the maximum size {limit}")]
    ChartTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The chart has too many files.
    #[error("the chart has more than {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// The templates print too many documents.
    #[error("the chart renders to more than {limit} documents (limit: documents)")]
    TooManyDocuments {
        /// The limit.
        limit: usize,
    },
    /// Charts within charts without end.
    #[error("the chart holds charts more than {limit} levels deep")]
    ChartsTooDeep {
        /// The limit.
        limit: usize,
    },
    /// Aliases of aliases without end.
    #[error("the chart brings in more than {limit} charts, each alias counted")]
    TooManyCharts {
        /// The limit.
        limit: usize,
    },
    /// The defaults of all charts, copied for each alias, take too much memory.
    #[error(
        "the values of the chart and its dependencies take more memory than a render may (limit: memory)"
    )]
    ValuesTooLarge,
    /// Putting the values together takes too long.
    #[error("putting the values together takes more than {milliseconds} ms of processor time (limit: time)")]
    ValuesTakeTime {
        /// The limit.
        milliseconds: u64,
    },
    /// Reading what the templates print takes too long.
    #[error(
        "reading what the templates print takes more than what they left of {milliseconds} ms of processor time (limit: time)"
    )]
    ManifestsTakeTime {
        /// The limit.
        milliseconds: u64,
    },
    /// `.helmignore` has a rule that Helm refuses.
    #[error("cannot use {}", path.display())]
    IgnoreFile {
        /// The file.
        path: PathBuf,
        /// The rule.
        #[source]
        source: BadRule,
    },
    /// No `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartFile,
    /// A file of the chart, or a values file, is no YAML.
    #[error("cannot load {name}")]
    Yaml {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: goyaml::Error,
    },
    /// A field of `Chart.yaml` or of a lock file has the wrong type.
    #[error("cannot load {name}")]
    Mismatch {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: Mismatch,
    },
    /// A values file holds no table.
    #[error("cannot load {name}: it holds a value of type {found} instead of a table")]
    NoTable {
        /// The file.
        name: String,
        /// What it holds.
        found: &'static str,
    },
    /// `Chart.yaml` says something that no chart may say.
    #[error("the chart is not valid")]
    InvalidMetadata {
        /// What.
        #[source]
        source: Invalid,
    },
    /// A chart in `charts/` does not load.
    #[error("error unpacking subchart {name} in {parent}")]
    Subchart {
        /// The file or directory in `charts/`.
        name: String,
        /// The chart above.
        parent: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// Declared dependencies are not in `charts/`.
    #[error("found in Chart.yaml, but missing in charts/ directory: {}: run `helm dependency build` where the network is", names.join(", "))]
    MissingDependencies {
        /// Their names.
        names: Vec<String>,
    },
    /// Helm 4 installs charts of two API versions.
    #[error("unsupported chart version: Helm 4 takes apiVersion v1 and v2, and this chart says {found:?}")]
    ApiVersion {
        /// What `Chart.yaml` says.
        found: String,
    },
    /// A library chart was asked to render by itself.
    #[error("library charts are not installable")]
    Library,
    /// The release's name is no DNS name, or too long.
    #[error("invalid release name {name:?}: it must be a DNS name of at most 53 characters")]
    ReleaseName {
        /// The name.
        name: String,
    },
    /// `--kube-version` is no version.
    #[error("invalid kube version {version:?}")]
    KubeVersion {
        /// What was given.
        version: String,
    },
    /// The chart wants another Kubernetes.
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {version}")]
    Incompatible {
        /// The chart's constraint.
        wanted: String,
        /// The version that was rendered for.
        version: String,
    },
    /// A `--set` expression is none.
    #[error("failed parsing {flag} data {expression:?}")]
    Set {
        /// The flag.
        flag: &'static str,
        /// The expression.
        expression: String,
        /// Why.
        #[source]
        source: SetError,
    },
    /// The values hold something else where a subchart's table belongs.
    #[error("the values of chart {chart} hold no table at {key:?}, where its subchart's values belong")]
    NotATable {
        /// The chart above.
        chart: String,
        /// The subchart.
        key: String,
    },
    /// The values do not satisfy a chart's schema.
    #[error(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{}",
        violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    )]
    Schema {
        /// What is wrong, chart by chart.
        violations: Vec<Violation>,
    },
    /// A template does not parse or run.
    #[error("{message}")]
    Template {
        /// Helm's words.
        message: String,
        /// The line, drawn.
        excerpt: Option<crate::excerpt::Excerpt>,
        /// The engine's own error.
        source: Box<gotemplate::Error>,
    },
    /// A rendered document is no manifest.
    #[error("YAML parse error on {template}")]
    Manifest {
        /// The file it was rendered from.
        template: String,
        /// Why.
        #[source]
        source: goyaml::Error,
    },
    /// A rendered document's head has fields of the wrong type.
    #[error("YAML parse error on {template}")]
    ManifestHead {
        /// The file it was rendered from.
        template: String,
        /// Why.
        #[source]
        source: Mismatch,
    },
    /// `--show-only` names a file that renders nothing.
    #[error("could not find template {name} in chart")]
    NoSuchTemplate {
        /// The name or pattern.
        name: String,
    },
}

impl Error {
    /// Whether the chart renders all the same with [`incomplete`](super::Options::incomplete) and
    /// [`skip_schema_validation`](super::Options::skip_schema_validation): it lacks a dependency, or a value that its
    /// schema asks for.
    pub fn is_about_what_is_missing(&self) -> bool {
        matches!(self, Self::MissingDependencies { .. } | Self::Schema { .. })
    }
}
