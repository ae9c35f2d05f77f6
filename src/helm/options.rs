//! What a render is asked for.

use std::time::Duration;

use super::profile::Profile;

/// Where values come from, beside the chart's own. Helm's order holds whatever the order of the list:
/// files, `--set-json`, `--set`, `--set-string`, `--set-file`, `--set-literal`; within a kind, the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValuesSource {
    /// `-f`: a YAML file, already read.
    File {
        /// The name for messages.
        name: String,
        /// The bytes.
        data: Vec<u8>,
    },
    /// `--set-json key=json` or one JSON object.
    SetJson(String),
    /// `--set a.b=1,c[0]=x`.
    Set(String),
    /// `--set-string`: as `--set`, every value a string.
    SetString(String),
    /// `--set-file key=path`: the expression and the files it names (see
    /// [`set_file_paths`](super::set_file_paths)), already read.
    SetFile {
        /// The expression as typed.
        expression: String,
        /// Path as typed → bytes.
        contents: Vec<(String, Vec<u8>)>,
    },
    /// `--set-literal key=text`, no character of the text special.
    SetLiteral(String),
}

/// What a render is asked for: the flags of `helm template` as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `.Release.Name`.
    pub release_name: String,
    /// `--name-template`: a template that gives the release's name.
    pub name_template: Option<String>,
    /// `.Release.Namespace`.
    pub namespace: String,
    /// Values beside the chart's own.
    pub values: Vec<ValuesSource>,
    /// `--kube-version`, e.g. `1.29` or `v1.29.3`; the profile's own default otherwise.
    pub kube_version: Option<String>,
    /// `--api-versions`: added to the list that Helm has without a cluster.
    pub api_versions: Vec<String>,
    /// Whether `crds/` is printed.
    pub include_crds: bool,
    /// `.Release.IsUpgrade` instead of `.Release.IsInstall`.
    pub is_upgrade: bool,
    /// Leaves all hooks out of the output.
    pub no_hooks: bool,
    /// Leaves test hooks out of the output.
    pub skip_tests: bool,
    /// `--show-only`: template paths below the chart, or patterns of them.
    pub show_only: Vec<String>,
    /// Whether `values.schema.json` is left unread.
    pub skip_schema_validation: bool,
    /// Which Helm to be.
    pub profile: Profile,
    /// Whether files that fail are left out, and told in [`Release::failures`](super::Release::failures), instead of
    /// ending the render as Helm does. A limit ends it all the same.
    pub keep_going: bool,
    /// Whether dependencies that `Chart.yaml` declares and `charts/` does not have are done without.
    pub incomplete: bool,
    /// Seeds the random functions, so that a render can be repeated. Without a seed chance comes from the system: what
    /// is going to be deployed must have passwords that nobody can guess.
    pub seed: Option<u64>,
    /// Whether all keys of a size may be one key, made once per process: much faster, for renders that are only looked
    /// at.
    pub shared_keys: bool,
    /// What `now` says, in seconds since 1970.
    pub now: i64,
    /// Limits against hostile charts.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            release_name: "release-name".to_owned(),
            name_template: None,
            namespace: "default".to_owned(),
            values: Vec::new(),
            kube_version: None,
            api_versions: Vec::new(),
            include_crds: false,
            is_upgrade: false,
            no_hooks: false,
            skip_tests: false,
            show_only: Vec::new(),
            skip_schema_validation: false,
            profile: Profile::default(),
            keep_going: false,
            incomplete: false,
            seed: None,
            shared_keys: false,
            now: 0,
            limits: Limits::default(),
        }
    }
}

/// How much a chart may ask of us. The first two are Helm's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file of a chart, in bytes, unpacked.
    pub file_bytes: u64,
    /// All files of a chart together, in bytes, unpacked.
    pub chart_bytes: u64,
    /// How many files a chart may have.
    pub files: usize,
    /// How deep charts may lie within charts.
    pub chart_depth: usize,
    /// How many charts may be in one release, each alias of a chart counted.
    pub charts: usize,
    /// Steps of the template engine over the whole render.
    pub steps: u64,
    /// What the templates may write, in bytes.
    pub output_bytes: u64,
    /// What the values of a render may hold at a time, in bytes, estimated.
    pub memory_bytes: u64,
    /// Processor time of one render, in milliseconds.
    pub milliseconds: u64,
}

impl Limits {
    /// Processor time of one render.
    pub(super) fn time(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 5 << 20,
            chart_bytes: 100 << 20,
            files: 100_000,
            chart_depth: 32,
            charts: 10_000,
            steps: 50_000_000,
            output_bytes: 128 << 20,
            memory_bytes: 160 << 20,
            milliseconds: 8_000,
        }
    }
}
