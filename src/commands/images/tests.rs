#![expect(
    clippy::disallowed_methods,
    reason = "charts for a test are written as they come"
)]

use std::path::Path;

use super::*;
use crate::commands::{Ending, Report as _};
use crate::observe::Silent;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: {{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- if .Values.metrics.enabled }}
      - name: metrics
        image: quay.io/demo/exporter:{{ .Values.metrics.tag }}
{{- end }}
";

const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: test
  annotations: {helm.sh/hook: test}
spec: {template: {spec: {containers: [{name: t, image: 'registry.k8s.io/kubectl:v{{ .Capabilities.KubeVersion.Version | trimPrefix \"v\" }}'}]}}}
";

const VALUES: &str = "\
image: {registry: docker.io, repository: demo/web, tag: '1.0'}
metrics:
  enabled: false
  tag: '2.0'
  image: {registry: quay.io, repository: demo/exporter, tag: '2.0'}
";

pub(super) fn chart(folder: &Path, name: &str, deployment: &str) -> PathBuf {
    let root = folder.join(name);
    std::fs::create_dir_all(root.join("templates")).unwrap();
    let annotations = "annotations:\n  images: |\n    - image: docker.io/demo/web:1.0\n    - image: quay.io/demo/sidecar:3\n";
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: 1.2.3\nappVersion: '9'\n{annotations}");
    for (file, text) in [
        ("Chart.yaml", metadata.as_str()),
        ("values.yaml", VALUES),
        ("templates/deployment.yaml", deployment),
        ("templates/test.yaml", JOB),
    ] {
        std::fs::write(root.join(file), text).unwrap();
    }
    root
}

pub(super) fn images(options: &Options) -> Report {
    run(options, &CancellationToken::new(), &Silent).unwrap()
}

pub(super) fn references(images: &[discover::Image]) -> Vec<String> {
    images
        .iter()
        .map(|i| format!("{} {}", i.tier, i.reference))
        .collect()
}

#[test]
fn a_charts_images_are_rendered_declared_and_held_by_values() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        sources: vec![chart(folder.path(), "demo", DEPLOYMENT)],
        target: Target {
            kube_version: Some("1.29.3".to_owned()),
            ..Target::default()
        },
        ..Options::default()
    };
    let report = images(&options);
    assert_eq!(report.failures, []);
    assert_eq!(
        references(&report.images),
        [
            "1 docker.io/demo/web:1.0",
            "2 quay.io/demo/sidecar:3",
            "1 registry.k8s.io/kubectl:v1.29.3"
        ]
    );
    assert_eq!(references(&report.candidates), ["4 quay.io/demo/exporter:2.0"]);
    assert_eq!(report.ending(), Ending::Done);
    let why = report.about("demo/web").explained();
    assert!(
        why.contains("demo/templates/deployment.yaml") && why.contains("Deployment/release-name-web"),
        "{why}"
    );
    assert!(why.contains("demo/templates/deployment.yaml:9 "), "{why}");
    assert!(why.contains("values.yaml:1"), "{why}");
}

#[test]
fn hooks_and_tests_are_looked_into_and_a_tag_may_follow_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let chart = chart(folder.path(), "demo", DEPLOYMENT);
    for version in ["1.27.1", "1.31.0"] {
        let options = Options {
            sources: vec![chart.clone()],
            target: Target {
                kube_version: Some(version.to_owned()),
                ..Target::default()
            },
            ..Options::default()
        };
        let report = images(&options);
        let kubectl = format!("1 registry.k8s.io/kubectl:v{version}");
        assert!(references(&report.images).contains(&kubectl), "{version}");
        assert_eq!(report.rendered[0].kube_version, version);
    }
}

#[test]
fn a_chart_that_refuses_new_clusters_is_rendered_for_one_that_it_accepts_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = chart(folder.path(), "demo", DEPLOYMENT);
    let metadata = "apiVersion: v2\nname: demo\nversion: 1.2.3\nkubeVersion: '>=1.18.0-0 <1.25.0-0'\n";
    std::fs::write(path.join("Chart.yaml"), metadata).unwrap();
    let options = Options {
        sources: vec![path],
        ..Options::default()
    };
    let report = images(&options);
    assert_eq!(report.failures, []);
    assert!(references(&report.images).contains(&"1 registry.k8s.io/kubectl:v1.24.0".to_owned()));
    assert!(report.warnings[0].contains("v1.24.0"), "{:?}", report.warnings);
    let asked = Options {
        target: Target {
            kube_version: Some("1.30".to_owned()),
            ..Target::default()
        },
        ..options
    };
    assert!(images(&asked).failures[0].reason.contains("1.25.0-0"));
}

#[test]
fn a_file_that_fails_takes_the_images_of_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = chart(folder.path(), "demo", DEPLOYMENT);
    std::fs::write(
        path.join("templates/bad.yaml"),
        "{{ fail \"a password is needed\" }}",
    )
    .unwrap();
    std::fs::write(path.join("templates/broken.yaml"), "kind: Pod\nspec: [\n").unwrap();
    let options = Options {
        sources: vec![path],
        ..Options::default()
    };
    let report = images(&options);
    assert!(references(&report.images).contains(&"1 docker.io/demo/web:1.0".to_owned()));
    let reasons: Vec<&str> = report.failures.iter().map(|f| f.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.iter().any(|r| r.contains("a password is needed")));
    assert_eq!(report.ending(), Ending::SomeFailed);
}

#[test]
fn an_image_that_the_user_replaces_is_a_candidate_where_the_charts_own_list_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options {
        sources: vec![chart(folder.path(), "demo", DEPLOYMENT)],
        ..Options::default()
    };
    options.values.set = vec!["image.registry=mirror.local,image.repository=ours/site".to_owned()];
    let report = images(&options);
    let found = references(&report.images);
    assert!(
        found.contains(&"1 mirror.local/ours/site:1.0".to_owned()),
        "{found:?}"
    );
    let candidates = references(&report.candidates);
    assert!(
        candidates.contains(&"4 docker.io/demo/web:1.0".to_owned()),
        "{candidates:?}"
    );
}

#[test]
fn all_values_count_what_the_values_hold_with_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        sources: vec![chart(folder.path(), "demo", DEPLOYMENT)],
        all_values: true,
        ..Options::default()
    };
    let report = images(&options);
    assert!(references(&report.images).contains(&"4 quay.io/demo/exporter:2.0".to_owned()));
}

#[test]
fn profiles_are_united_and_each_image_says_who_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("prod.yaml");
    std::fs::write(&values, "metrics: {enabled: true}\n").unwrap();
    let options = Options {
        sources: vec![chart(folder.path(), "demo", DEPLOYMENT)],
        profiles: vec![
            Profile {
                name: "lab".to_owned(),
                files: Vec::new(),
            },
            Profile {
                name: "prod".to_owned(),
                files: vec![values],
            },
        ],
        ..Options::default()
    };
    let report = images(&options);
    let exporter = report
        .images
        .iter()
        .find(|i| i.reference.to_string() == "quay.io/demo/exporter:2.0")
        .unwrap();
    assert_eq!(
        exporter.sources[0].under.iter().collect::<Vec<_>>(),
        ["profile prod"]
    );
    let given: Vec<bool> = report
        .rendered
        .iter()
        .map(|rendered| rendered.values_sha256.is_some())
        .collect();
    assert_eq!(given, [false, true]);
    let text = report.to_format(Format::Text);
    assert!(
        text.contains("  quay.io/demo/exporter:2.0  Deployment/release-name-web [only profile prod]\n"),
        "{text}"
    );
    // What all profiles need is told without a word on them.
    let web = text
        .lines()
        .find(|line| line.starts_with("  docker.io/demo/web:1.0"));
    assert!(web.is_some_and(|line| !line.contains("profile")), "{text}");
}

#[test]
fn a_row_of_the_text_fits_on_80_columns_where_its_words_do() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = DEPLOYMENT.replace("-web}", "-the-application-controller-of-this-shop}");
    let report = images(&Options {
        sources: vec![chart(folder.path(), "demo", &deployment)],
        ..Options::default()
    });
    let text = report.to_format(Format::Text);
    let below =
        "  docker.io/demo/web:1.0\n      Deployment/release-name-the-application-controller-of-this-shop\n";
    assert!(text.contains(below), "{text}");
    assert!(
        text.contains("  quay.io/demo/exporter:2.0  in the values, perhaps with metrics.enabled=true\n"),
        "{text}"
    );
}

#[test]
fn a_chart_that_renders_nothing_says_what_its_values_declare_and_which_empty_ones_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = chart(
        folder.path(),
        "demo",
        &format!("{{{{ if .Values.key }}}}\n{DEPLOYMENT}\n{{{{ end }}}}"),
    );
    std::fs::remove_file(path.join("templates/test.yaml")).unwrap();
    std::fs::write(
        path.join("Chart.yaml"),
        "apiVersion: v2\nname: demo\nversion: 1.0.0\n",
    )
    .unwrap();
    let options = Options {
        sources: vec![path],
        ..Options::default()
    };
    let report = images(&options);
    let [warning] = report.warnings.as_slice() else {
        unreachable!("{:?}", report.warnings)
    };
    let expected = "demo: nothing that runs was rendered; its values declare docker.io/demo/web:1.0, quay.io/demo/exporter:2.0, \
                    and conditions read empty values: key";
    assert!(warning.ends_with(expected), "{warning}");
    assert_eq!(report.ending(), Ending::Done);
}

#[test]
fn another_registry_for_a_known_image_is_a_candidate_that_names_its_switch() {
    let folder = tempfile::tempdir().unwrap();
    let local = DEPLOYMENT.replace(
        "{{ .Values.image.registry }}",
        "{{ if .Values.local.enabled }}localhost:5000/{{ end }}{{ .Values.image.registry }}",
    );
    let path = chart(folder.path(), "demo", &local);
    std::fs::write(
        path.join("values.yaml"),
        format!("{VALUES}local: {{enabled: false}}\n"),
    )
    .unwrap();
    let options = Options {
        sources: vec![path],
        explore: true,
        ..Options::default()
    };
    let report = images(&options);
    let moved = "localhost:5000/docker.io/demo/web:1.0";
    assert!(!references(&report.images).contains(&format!("1 {moved}")));
    assert!(references(&report.candidates).contains(&format!("4 {moved}")));
    assert!(
        report.explored[0]
            .revealed
            .iter()
            .all(|r| r.reference.to_string() != moved)
    );
    let text = report.to_string();
    assert!(text.contains("only with local.enabled=true"), "{text}");
}

#[test]
fn a_chart_that_fails_is_a_row_and_the_others_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        sources: vec![
            chart(folder.path(), "broken", "{{ fail \"no\" }}"),
            chart(folder.path(), "demo", DEPLOYMENT),
            folder.path().join("absent.yaml"),
        ],
        ..Options::default()
    };
    let report = images(&options);
    assert_eq!(report.failures.len(), 2);
    assert!(references(&report.images).contains(&"1 docker.io/demo/web:1.0".to_owned()));
    assert_eq!(report.ending(), Ending::SomeFailed);
}

#[test]
fn a_directory_holds_charts_and_manifests_and_lists_are_told_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    chart(folder.path(), "demo", DEPLOYMENT);
    std::fs::write(
        folder.path().join("pod.yaml"),
        "kind: Pod\nspec: {containers: [{image: busybox:1}]}\n",
    )
    .unwrap();
    let list = folder.path().join("images.txt");
    std::fs::write(&list, "# ours\nquay.io/own/tool:1\n").unwrap();
    let options = Options {
        sources: vec![folder.path().to_owned(), list],
        ..Options::default()
    };
    let found = references(&images(&options).images);
    assert!(
        found.contains(&"1 docker.io/library/busybox:1".to_owned()),
        "{found:?}"
    );
    assert!(found.contains(&"1 quay.io/own/tool:1".to_owned()), "{found:?}");
    assert!(
        found.contains(&"1 docker.io/demo/web:1.0".to_owned()),
        "{found:?}"
    );
}

#[test]
fn an_unreadable_image_ends_the_run_with_failures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pod.yaml");
    std::fs::write(
        &path,
        "kind: Pod\nspec: {containers: [{name: a, image: 'quay.io/a/b@'}]}\n",
    )
    .unwrap();
    let report = images(&Options {
        sources: vec![path],
        ..Options::default()
    });
    assert_eq!(report.unresolved.len(), 1);
    assert_eq!(report.ending(), Ending::SomeFailed);
}

#[test]
fn the_forms_are_stable_and_read_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.txt");
    let digest = "a".repeat(64);
    std::fs::write(
        &path,
        format!("quay.io/a/b:1\nnginx:1.27\nquay.io/a/b:2@sha256:{digest}\n"),
    )
    .unwrap();
    let report = images(&Options {
        sources: vec![path],
        ..Options::default()
    });
    assert_eq!(
        report.to_format(Format::Skopeo),
        format!(
            "\"docker.io\":\n  images:\n    \"library/nginx\":\n      - \"1.27\"\n\"quay.io\":\n  images:\n    \"a/b\":\n      - \"1\"\n      - \"sha256:{digest}\"\n"
        )
    );
    assert!(
        report
            .to_format(Format::Hauler)
            .contains("    - name: \"docker.io/library/nginx:1.27\"\n")
    );
    assert_eq!(report.to_format(Format::List).lines().count(), 3);
    assert_eq!(report.to_format(Format::Csv).lines().count(), 4);
    let json: serde_json::Value = serde_json::from_str(&report.to_format(Format::Json)).unwrap();
    assert_eq!(json["images"][0]["reference"], "docker.io/library/nginx:1.27");
    assert_eq!(json["images"][0]["tier"], 1);
    assert!(json["unresolved"].is_array() && json["failures"].is_array());
    assert!(
        report
            .to_format(Format::Yaml)
            .contains("reference: docker.io/library/nginx:1.27")
    );
}

#[test]
fn a_difference_tells_new_gone_and_changed() {
    let before: Snapshot = serde_json::from_str(
        r#"{"images": [{"reference": "quay.io/a/b:1", "tier": 1}, {"reference": "quay.io/old/one:1", "tier": 1}]}"#,
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.txt");
    std::fs::write(&path, "quay.io/a/b:2\nquay.io/new/one:1\n").unwrap();
    let report = images(&Options {
        sources: vec![path],
        ..Options::default()
    });
    assert_eq!(
        report.since(&before).to_string(),
        "~ quay.io/a/b:1 → quay.io/a/b:2\n+ quay.io/new/one:1\n- quay.io/old/one:1\n1 changed, 1 new, 1 gone"
    );
}

#[test]
fn what_is_added_and_left_out_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.txt");
    std::fs::write(&path, "quay.io/a/b:2\n").unwrap();
    let report = images(&Options {
        sources: vec![path],
        include: vec![Include {
            image: "quay.io/c/d:1".to_owned(),
            reason: "the operator pulls it".to_owned(),
        }],
        exclude: vec![
            Exclude {
                image: Some("quay.io/a/*".to_owned()),
                reason: "ours is patched".to_owned(),
                ..Exclude::default()
            },
            Exclude {
                image: Some("nothing".to_owned()),
                ..Exclude::default()
            },
        ],
        ..Options::default()
    });
    assert_eq!(references(&report.images), ["1 quay.io/c/d:1"]);
    let text = report.to_format(Format::Text);
    assert!(
        text.contains("left out by `quay.io/a/*`: quay.io/a/b:2 (ours is patched)"),
        "{text}"
    );
    assert!(text.contains("`nothing` matched no image"), "{text}");
}
