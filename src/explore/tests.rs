#![expect(
    clippy::disallowed_methods,
    reason = "charts for a test are written as they come"
)]

use super::*;
use crate::discover::{Knowledge, Origin, Reading, Source, Subject, Tier, walk};
use crate::helm::load;

const DEPLOYMENT: &str = r#"
{{- $metrics := .Values.metrics.enabled }}
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, image: "{{ .Values.local.active | ternary "localhost:5000" "docker.io" }}/demo/web:1{{ .Values.flavour }}"}
{{- if eq .Values.flavour "full" }}
  - {name: more, image: "docker.io/demo/more:1"}
{{- end }}
{{- if $metrics }}
  - {name: exporter, image: "docker.io/demo/exporter:{{ .Values.metrics.tag }}"}
{{- if .Values.metrics.deep.enabled }}
  - {name: deep, image: "docker.io/demo/deep:1"}
{{- end }}
{{- end }}
{{- if eq .Values.architecture "replication" }}
  - {name: replica, image: "docker.io/demo/replica:1"}
{{- end }}
{{- if .Capabilities.APIVersions.Has "demo.io/v1" }}
  - {name: api, image: "docker.io/demo/api:1"}
{{- end }}
{{- if .Values.licensed }}
  - {name: paid, image: "docker.io/demo/paid:1", args: [{{ required "a key" .Values.key }}]}
  - {name: custom, image: "docker.io/demo/custom:{{ .Values.licensed | ternary .Values.key "" }}"}
{{- end }}
{{- if and .Values.relay.enabled .Values.ui.enabled }}
  - {name: both, image: "docker.io/demo/both:1", args: ["{{ .Values.ui.enabled }}"]}
{{- end }}
{{- if .Values.endpoint }}
  - {name: agent, image: "docker.io/demo/agent:1", args: [{{ .Values.endpoint }}]}
{{- end }}
{{- if .Values.own }}
  - {name: own, image: {{ .Values.own }}}
{{- end }}
{{- range .Values.jobs }}
  - {name: "{{ .name }}", image: "docker.io/demo/job:1"}
{{- end }}
{{- with .Values.selector }}
  - {name: selector, args: [{{ . }}]}
{{- end }}
  - {name: log, args: ["{{ .Values.relay.enabled }}", "{{ .Values.ui.enabled }}"]}
{{- if .Values.broken.enabled }}{{ fail "never" }}{{ end }}
"#;

const VALUES: &str = "
metrics: {enabled: false, tag: '2', deep: {enabled: false}}
architecture: standalone
licensed: false
local: {active: false}
flavour: ''
endpoint: ''
own: ''
jobs: []
selector: {}
relay: {enabled: false}
ui: {enabled: false}
key: ''
broken: {enabled: false}
sub: {enabled: false}
";

fn chart() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (file, text) in [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies:\n- {name: sub, version: 1.0.0, condition: sub.enabled}\n",
        ),
        ("values.yaml", VALUES),
        ("templates/pod.yaml", DEPLOYMENT),
        (
            "charts/sub/Chart.yaml",
            "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
        ),
        ("charts/sub/values.yaml", "extra: {enabled: false}\n"),
        (
            "charts/sub/templates/pod.yaml",
            "kind: Pod\nmetadata: {name: sub}\nspec:\n  containers:\n  - {image: 'docker.io/demo/sub:1'}\n\
             {{- if .Values.extra.enabled }}\n  - {image: 'docker.io/demo/extra:1'}\n{{- end }}\n",
        ),
    ] {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn exploration(bounds: Bounds) -> Exploration {
    let folder = chart();
    let chart = load(folder.path()).unwrap();
    let prepared = Prepared::new(&chart);
    let known = BTreeSet::from(["docker.io/demo/web:1".parse().unwrap()]);
    let knowledge = Knowledge::built_in();
    let look = |document: &Document, _: &Trace| {
        let origin = Origin {
            subject: Subject::default(),
            source: Source::Render,
            lines_before: 0,
        };
        (walk(&document.text, &origin, &knowledge).unwrap(), None)
    };
    let salvaged = |document: &Document, trace: &Trace| look(document, trace).0;
    let looks = Looks {
        whole: &look,
        salvaged: &salvaged,
    };
    explore(&prepared, &Options::default(), bounds, &known, looks)
}

fn rows(sightings: &[Sighting]) -> Vec<String> {
    let mut rows: Vec<String> = sightings
        .iter()
        .map(|s| match &s.reading {
            Reading::Image(reference) => {
                let under: Vec<&str> = s.under.iter().map(String::as_str).collect();
                format!("{} → {}", under.join(" or "), reference.repository().path())
            }
            Reading::Unresolved { reason, .. } => reason.clone(),
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn each_image_comes_with_the_switch_that_shows_it() {
    let found = exploration(Bounds::default());
    assert_eq!(
        rows(&found.revealed),
        [
            "--api-versions demo.io/v1 → demo/api",
            "architecture=replication → demo/replica",
            "endpoint=(any value) → demo/agent",
            "flavour=full → demo/more",
            "jobs[0].name=(any value) → demo/job",
            "licensed=true and key=(any value) → demo/paid",
            "metrics.enabled=true and metrics.deep.enabled=true → demo/deep",
            "metrics.enabled=true → demo/exporter",
            "relay.enabled=true and ui.enabled=true → demo/both",
            "sub.enabled=true and sub.extra.enabled=true → demo/extra",
            "sub.enabled=true → demo/sub",
        ]
    );
}

#[test]
fn another_spelling_of_a_known_image_is_a_candidate_with_its_switch() {
    let found = exploration(Bounds::default());
    assert_eq!(
        rows(&found.variants),
        [
            "flavour=(any value) → demo/web",
            "flavour=full → demo/web",
            "licensed=true and key=(any value) → demo/custom",
            "local.active=true → demo/web",
            "own=(any value) → library/filled-in",
        ]
    );
    assert!(found.variants.iter().all(|s| s.tier == Tier::Candidate));
}

#[test]
fn an_empty_value_that_keeps_no_image_back_is_left_empty() {
    let folder = chart();
    let chart = load(folder.path()).unwrap();
    let prepared = Prepared::new(&chart);
    let empty = empty_conditions(&prepared, &Options::default());
    assert_eq!(empty, ["flavour", "endpoint", "own", "jobs"]);
}

#[test]
fn what_fails_is_listed_and_ends_nothing() {
    let found = exploration(Bounds::default());
    let broken = found
        .unexplored
        .iter()
        .find(|u| u.switches == "broken.enabled=true")
        .unwrap();
    assert!(broken.reason.contains("never"), "{}", broken.reason);
}

#[test]
fn the_bound_on_renders_holds_and_what_is_left_out_is_listed() {
    let bounds = Bounds {
        renders: 2,
        ..Bounds::default()
    };
    let found = exploration(bounds);
    assert_eq!(found.renders, 2);
    assert!(found.unexplored.iter().any(|u| u.reason.contains("bound")));
}

#[test]
fn two_searches_say_the_same() {
    let (first, second) = (exploration(Bounds::default()), exploration(Bounds::default()));
    assert_eq!(first.revealed, second.revealed);
    assert_eq!(first.unexplored, second.unexplored);
}
