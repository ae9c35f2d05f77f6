//! Real Helm, both majors, each in a home of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::docker_registry::required;
use super::programs::without_internet;

/// Where the two Helms lie on a developer's machine and in CI.
const HELMS: [&str; 4] = [
    "/opt/helm3/helm",
    "/opt/helm4/helm",
    "/usr/local/bin/helm",
    "/usr/bin/helm",
];

/// Every Helm that is here, or a printed line. `go install` puts one into `~/go/bin`.
#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a skip is told by name; HELM names one more"
)]
pub(crate) fn helms() -> Vec<PathBuf> {
    let named = std::env::var_os("HELM").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let installed = ["helm3", "helm4"].map(|name| home.as_ref().map(|home| home.join("go/bin").join(name)));
    let found: Vec<_> = HELMS
        .iter()
        .map(PathBuf::from)
        .chain(named)
        .chain(installed.into_iter().flatten())
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

pub(crate) fn helm(program: &Path, home: &Path, words: &[&str]) -> Command {
    let mut command = without_internet(program);
    command
        .env("HELM_CACHE_HOME", home.join("cache"))
        .env("HELM_CONFIG_HOME", home.join("config"))
        .env("HELM_DATA_HOME", home.join("data"))
        .current_dir(home)
        .args(words);
    command
}
