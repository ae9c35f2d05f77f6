//! Rules that are about nothing in a run: told where they were given for it, and silent where a carrack.yaml declares them
//! for many.

use crate::support::images::image;
use crate::support::program::{Program, Ran};
use crate::support::registry::TestRegistry;

/// A registry with one image, the image's name, and a program.
fn one_image() -> (TestRegistry, String, Program) {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 100).build());
    (registry, name, Program::new())
}

fn write(program: &Program, name: &str, text: &str) {
    carrack::fsx::write(&program.path(name), text.as_bytes()).unwrap();
}

/// The notes of a run with `-o json`.
fn notes(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let notes = json["notes"].as_array().into_iter().flatten();
    notes.map(|note| note.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_declared_mapping_that_this_bundle_does_not_need_is_silent_and_one_of_the_command_line_is_told() {
    let (_upstream, name, program) = one_image();
    program.export(&[&name], &[]).ended_with(0);
    let target = TestRegistry::start();
    write(
        &program,
        "carrack.yaml",
        &format!(
            "version: 1\ndestinations:\n  mirror:\n    registry: {}\n    map: [quay.io/jetstack=jetstack]\n  \
             served:\n    folder: inside\n    map: [quay.io/jetstack=jetstack]\n",
            target.host()
        ),
    );
    for to in ["mirror", "served"] {
        let declared = ["--config", "carrack.yaml"];
        let ran = program.import(to, &declared).ended_with(0);
        assert_eq!(notes(&ran), [""; 0], "{to}");
        let flags = [&declared[..], &["--map", "quay.io/jetstak=jetstack"]].concat();
        let ran = program.import(to, &flags).ended_with(0);
        let [note] = &notes(&ran)[..] else {
            panic!("{to}: {}", ran.out);
        };
        assert!(
            note.starts_with("the mapping `quay.io/jetstak=jetstack` matches no reference of bundle"),
            "{note}"
        );
    }
}

#[test]
fn a_pull_source_about_nothing_in_the_run_is_told_wherever_the_export_goes() {
    let (upstream, name, program) = one_image();
    let target = TestRegistry::start();
    let mirror = format!("docker://{}", target.host());
    let used = format!("{}=127.0.0.1:1", upstream.host());
    let idle = ["--pull-through", "quai.io=cache.lan/quay"];
    for more in [
        &[][..],
        &["--dry-run"],
        &["--to", "volumes", "--volume-size", "1GB"],
        &["--to", &mirror],
    ] {
        let flags = [&idle[..], more].concat();
        let ran = program.export(&[&name], &flags).ended_with(0);
        let told = "`--pull-through quai.io=cache.lan/quay` matches no reference of this run, and nothing is pulled by it: is `quai.io` spelled right?";
        assert_eq!(notes(&ran), [told], "{more:?}");
    }
    let ran = program.run(&[&["export", &name, "--to", "bundle"][..], &idle].concat());
    assert!(
        ran.ended_with(0)
            .out
            .starts_with("note: `--pull-through quai.io=")
    );
    // What matches is no note, whether something comes of it or not, and whoever carries it.
    let repository = name.trim_end_matches(":1");
    for (source, more) in [
        (name.as_str(), &[][..]),
        (repository, &["--tags", "^none$"]),
        (&name, &["--shard", "1/2"]),
        (&name, &["--shard", "2/2"]),
    ] {
        let flags = [&["--pull-through", &used, "--to", "other"][..], more].concat();
        let ran = program.export(&[source], &flags);
        assert_eq!(notes(&ran), [""; 0], "{more:?}");
    }
}

#[test]
fn a_pull_source_that_is_declared_is_silent_where_nothing_is_pulled_by_it() {
    let (_upstream, name, program) = one_image();
    write(
        &program,
        "carrack.yaml",
        "version: 1\nregistries:\n  quay.io: {pull-through: cache.lan/quay}\n",
    );
    let ran = program
        .export(&[&name], &["--config", "carrack.yaml"])
        .ended_with(0);
    assert_eq!(notes(&ran), [""; 0]);
}
