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
