//! Real Helm, both major versions, reads what was mirrored.

use std::path::{Path, PathBuf};
use std::process::Command;

use carrack::digest::Digest;

use crate::support::docker_registry::required;
use crate::support::fixture_bundle;
use crate::support::programs::{run, without_internet};
use crate::support::serving::Serving;

/// Where the two Helms lie on a developer's machine and in CI.
const HELMS: [&str; 4] = [
    "/opt/helm3/helm",
    "/opt/helm4/helm",
    "/usr/local/bin/helm",
    "/usr/bin/helm",
];

/// Every Helm that is here, or a printed line.
#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a skip is told by name; HELM names one more"
)]
fn helms() -> Vec<PathBuf> {
    let named = std::env::var_os("HELM").map(PathBuf::from);
    let found: Vec<_> = HELMS
        .iter()
        .map(PathBuf::from)
        .chain(named)
        .filter(|path| path.exists())
        .collect();
    if found.is_empty() {
        assert!(
            !required(),
            "helm is not installed and REQUIRE_REAL_PARTS=1 is set"
        );
        println!("SKIPPED: helm is not installed");
    }
    found
}

fn helm(program: &Path, home: &Path, words: &[&str]) -> Command {
    let mut command = without_internet(program);
    command
        .env("HELM_CACHE_HOME", home.join("cache"))
        .env("HELM_CONFIG_HOME", home.join("config"))
        .env("HELM_DATA_HOME", home.join("data"))
        .current_dir(home)
        .args(words);
    command
}

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
