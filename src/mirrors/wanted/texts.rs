//! What engines and kubelets write when a pull fails, and when it does not.

use regex::Regex;

use super::Said;

/// The sentences that are known, compiled once for a run.
#[derive(Debug)]
pub(super) struct Patterns {
    missed: Vec<Regex>,
    got: Vec<Regex>,
}

/// A name in quotes that a log may have escaped once or twice, or without any.
const NAME: &str = r#"\\*"?(?P<name>[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]*)"#;

impl Patterns {
    pub(super) fn new() -> Self {
        let compile = |sentences: &[&str]| {
            sentences
                .iter()
                .map(|sentence| {
                    Regex::new(&sentence.replace("NAME", NAME)).expect("the sentence is a pattern")
                })
                .collect()
        };
        Self {
            missed: compile(&[
                // kubelet and Kubernetes events
                "(?i)failed to pull image NAME",
                "(?i)back-off pulling image NAME",
                "PullImage from image service failed.* image=NAME",
                // containerd
                r#"PullImage NAME\\*"? failed"#,
                "failed to (?:pull and unpack image|resolve reference) NAME",
                // CRI-O, podman, skopeo
                "(?:initializing source|reading manifest for|pinging container registry for) docker://NAME",
                // docker
                "manifest for NAME not found",
                "pull access denied for NAME",
            ]),
            got: compile(&[
                "(?i)successfully pulled image NAME",
                "Pulled image: NAME",
                r#"PullImage NAME\\*"? returns image reference"#,
                r#"Container image NAME\\*"? already present on machine"#,
            ]),
        }
    }

    /// What a line says, each image once.
    pub(super) fn read(&self, line: &str) -> Vec<Said> {
        let mut found = Vec::new();
        let missed = self.missed.iter().map(|pattern| (pattern, false));
        for (pattern, is_got) in missed.chain(self.got.iter().map(|pattern| (pattern, true))) {
            let name = pattern.captures(line).and_then(|captures| captures.name("name"));
            // A sentence goes on after the name: `docker://quay.io/a:1: reading manifest …`
            let name = name.map(|name| name.as_str().trim_end_matches(['.', ':', '/', '-']));
            let Some(reference) = name.and_then(|name| name.parse().ok()) else {
                continue;
            };
            let said = if is_got {
                Said::Got(reference)
            } else {
                Said::Missed(reference)
            };
            if !found.contains(&said) {
                found.push(said);
            }
        }
        found
    }
}
