//! Real Helm, both major versions, reads what was mirrored.

use std::process::Command;

use carrack::digest::Digest;

use crate::support::docker_registry::DockerRegistry;
use crate::support::fixture_bundle;
use crate::support::helm::{helm, helms};
use crate::support::program::tree;
use crate::support::programs::run;
use crate::support::serving::Serving;

#[test]
fn helm_pulls_and_templates_a_chart_from_serve() {
    let fixture = fixture_bundle::make();
    let serving = Serving::start(fixture.path());
    let repository = serving.url("/charts/charts.example.com/stable");
    for program in helms() {
        let home = tempfile::tempdir().unwrap();
        let helm = |words: &[&str]| run(&mut helm(&program, home.path(), words));
        helm(&["pull", "hello", "--repo", &repository, "--version", "1.0.0"]);
        let pulled = std::fs::read(home.path().join("hello-1.0.0.tgz")).unwrap();
        let served = std::fs::read(
            fixture
                .path()
                .join("charts/charts.example.com/stable/hello-1.0.0.tgz"),
        )
        .unwrap();
        assert_eq!(
            Digest::sha256(&pulled),
            Digest::sha256(&served),
            "{}",
            program.display()
        );
        helm(&["repo", "add", "inside", &repository]);
        assert!(helm(&["search", "repo", "inside/hello"]).contains("1.0.0"));
        let text = helm(&["template", "release", "inside/hello"]);
        assert!(
            text.contains("image: \"hello:1.0\"") || text.contains("image: hello:1.0"),
            "{text}"
        );
    }
}

#[test]
fn helm_pulls_a_chart_that_was_pushed_into_a_registry() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let chart: &[u8] = b"apiVersion: v2\nname: hello\nversion: 1.0.0+build.5\ndescription: says hello\n";
    let archive = fixture_bundle::layer(&[("hello/Chart.yaml", chart), ("hello/values.yaml", b"a: 1\n")]);
    carrack::fsx::write(&folder.path().join("deep/hello-1.0.0+build.5.tgz"), &archive).unwrap();
    let push = || {
        run(Command::new(env!("CARGO_BIN_EXE_carrack"))
            .args(["charts", "push", "--quiet"])
            .arg(folder.path())
            .args(["--to", &format!("oci://{}/charts", registry.host())]))
    };
    assert!(push().contains("1 charts new, 0 there already, 0 failed"));
    assert!(push().contains("0 charts new, 1 there already, 0 failed"));
    let reference = format!("oci://{}/charts/hello", registry.host());
    for program in helms() {
        let home = tempfile::tempdir().unwrap();
        let words = ["pull", &reference, "--version", "1.0.0+build.5", "--plain-http"];
        run(&mut helm(&program, home.path(), &words));
        let pulled = std::fs::read(home.path().join("hello-1.0.0+build.5.tgz")).unwrap();
        assert_eq!(pulled, archive, "{}", program.display());
        let shown = run(&mut helm(
            &program,
            home.path(),
            &[
                "show",
                "chart",
                &reference,
                "--version",
                "1.0.0+build.5",
                "--plain-http",
            ],
        ));
        assert!(shown.contains("says hello"), "{shown}");
    }
    // And the way back: the chart is mirrored out of the registry as it went in.
    let target = tempfile::tempdir().unwrap();
    let said = run(Command::new(env!("CARGO_BIN_EXE_carrack"))
        .args([
            "charts",
            "pull",
            "--quiet",
            &format!("{reference}:1.0.0+build.5"),
            "--to",
        ])
        .arg(target.path()));
    assert!(said.contains("1 charts fetched"), "{said}");
    let place = target
        .path()
        .join(format!("{}/charts", registry.host().replace(':', "-")));
    assert_eq!(
        std::fs::read(place.join("hello-1.0.0+build.5.tgz")).unwrap(),
        archive
    );
    assert!(
        std::fs::read_to_string(place.join("index.yaml"))
            .unwrap()
            .contains("description: says hello")
    );
}

#[test]
fn rendered_files_are_those_of_helm_template_with_an_output_folder() {
    let templates = [
        (
            "a.yaml",
            "kind: Service\napiVersion: v1\nmetadata: {name: {{ .Release.Name }}}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: h, annotations: {helm.sh/hook: pre-install}}\n",
        ),
        (
            "deep/t.yaml",
            "kind: Pod\napiVersion: v1\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n",
        ),
    ];
    for helm_program in helms() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            carrack::fsx::write(&place.path().join(name), text.as_bytes()).unwrap();
        };
        file(
            "chart/Chart.yaml",
            "apiVersion: v2\nname: files\nversion: 1.0.0\n",
        );
        file(
            "chart/crds/c.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n",
        );
        for (name, text) in templates {
            file(&format!("chart/templates/{name}"), text);
        }
        let version = run(&mut helm(&helm_program, place.path(), &["version", "--short"]));
        let major = if version.starts_with("v3") { "3" } else { "4" };
        for flags in [&["--include-crds"][..], &["--no-hooks"], &["--skip-tests", "-g"]] {
            let name: &[&str] = if flags.contains(&"-g") { &[] } else { &["release"] };
            let words = |folder: &'static str| {
                let output = ["chart", "--output-dir", folder];
                [name, &output, flags].concat()
            };
            let theirs = run(&mut helm(
                &helm_program,
                place.path(),
                &[&["template"][..], &words("theirs")].concat(),
            ));
            let ours = || {
                run(Command::new(env!("CARGO_BIN_EXE_carrack"))
                    .current_dir(place.path())
                    .args(["charts", "render", "--helm", major])
                    .args(words("ours")))
            };
            assert_eq!(ours(), theirs.replace("theirs/", "ours/"), "{flags:?}");
            // Helm adds hooks to what an earlier run left; here a file is of one run.
            ours();
            assert_eq!(
                tree(&place.path().join("ours")),
                tree(&place.path().join("theirs")),
                "{flags:?}"
            );
            for folder in ["ours", "theirs"] {
                std::fs::remove_dir_all(place.path().join(folder)).unwrap();
            }
        }
    }
}
