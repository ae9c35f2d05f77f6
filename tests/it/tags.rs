//! Tags that only the registry knows: chosen by a pattern, a range of versions, or the newest so many.

use carrack::bundle::Bundle;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

/// A repository with these tags; gives its name without a tag.
fn repository(registry: &TestRegistry, path: &str, tags: &[&str]) -> String {
    for tag in tags {
        registry.seed(&format!("{path}:{tag}"), &image().layer(tag, 500).build());
    }
    format!("{}/{path}", registry.host())
}

/// The tags that the bundle has of every repository.
fn carried(program: &Program) -> Vec<String> {
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    let names = bundle.entries().keys();
    names.map(|name| name.tag().unwrap().to_string()).collect()
}

#[test]
fn tags_are_chosen_by_pattern_by_range_and_by_number() {
    let registry = TestRegistry::start();
    let etcd = repository(
        &registry,
        "coreos/etcd",
        &["latest", "v3.4.0", "v3.5.0", "v3.5.9", "v3.5.10", "v3.6.0-rc.1"],
    );
    for (flags, expected) in [
        (vec!["--tags", "^v3\\.5\\."], vec!["v3.5.0", "v3.5.10", "v3.5.9"]),
        (vec!["--versions", ">=3.5.9"], vec!["v3.5.10", "v3.5.9"]),
        (vec!["--newest", "2"], vec!["v3.5.10", "v3.5.9"]),
        (vec!["--tags", "-rc", "--newest", "1"], vec!["v3.6.0-rc.1"]),
    ] {
        let program = Program::new();
        program.export(&[&etcd], &flags).ended_with(0);
        assert_eq!(carried(&program), expected, "{flags:?}");
        program.verify().ended_with(0);
    }
}

#[test]
fn a_source_with_a_tag_is_taken_as_it_is_beside_a_selection() {
    let registry = TestRegistry::start();
    let etcd = repository(&registry, "coreos/etcd", &["v3.4.0", "v3.5.0"]);
    let other = registry.seed("team/app:nightly", &image().layer("n", 500).build());
    let program = Program::new();
    program.export(&[&etcd, &other], &["--newest", "1"]).ended_with(0);
    assert_eq!(carried(&program), ["v3.5.0", "nightly"]);
}

#[test]
fn a_selection_without_a_match_is_a_failure_and_the_others_arrive() {
    let registry = TestRegistry::start();
    let etcd = repository(&registry, "coreos/etcd", &["v3.4.0"]);
    let names = repository(&registry, "team/names", &["blue", "green"]);
    let missing = format!("{}/team/missing", registry.host());
    let program = Program::new();
    let ran = program
        .export(&[&etcd, &names, &missing], &["--versions", "3"])
        .ended_with(3);
    let failures = ran.json()["failures"].to_string();
    assert!(failures.contains("none of the 2 tags of"), "{failures}");
    assert!(failures.contains("versions 3"), "{failures}");
    assert!(failures.contains("NAME_UNKNOWN"), "{failures}");
    assert_eq!(carried(&program), ["v3.4.0"]);
}

#[test]
fn flags_that_nothing_here_can_use_are_wrong_usage() {
    let program = Program::new();
    let ran = program
        .export(&["127.0.0.1:1/team/app:1"], &["--newest", "3"])
        .ended_with(2);
    assert!(
        ran.err.contains("no SOURCE is a repository without a tag"),
        "{}",
        ran.err
    );
    let ran = program
        .export(&["127.0.0.1:1/team/app"], &["--tags", "1.("])
        .ended_with(2);
    assert!(ran.err.contains("`1.(` is no regular expression"), "{}", ran.err);
}
