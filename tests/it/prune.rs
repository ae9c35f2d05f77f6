//! A bundle that holds what is asked for, and nothing else.

use carrack::bundle::Bundle;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

#[test]
fn what_is_not_asked_for_any_more_goes_and_what_is_shared_stays() {
    let registry = TestRegistry::start();
    let old = image().layer("shared", 9000).layer("old", 5000).build();
    let new = image().layer("shared", 9000).layer("new", 6000).build();
    let old_name = registry.seed("team/app:1", &old);
    let new_name = registry.seed("team/app:2", &new);
    let program = Program::new();
    program.export(&[&old_name, &new_name], &[]).ended_with(0);
    let ran = program.export(&[&new_name], &["--prune"]).ended_with(0);
    assert_eq!(ran.json()["pruned"]["references"], 1);
    // A manifest, a configuration and a layer.
    assert_eq!(ran.json()["pruned"]["files"], 3);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    assert_eq!(bundle.entries().len(), 1);
    assert_eq!(
        bundle.blob_size(&old.layers()[1].descriptor.digest).unwrap(),
        None
    );
    assert_eq!(
        bundle.blob_size(&new.layers()[0].descriptor.digest).unwrap(),
        Some(new.layers()[0].descriptor.size)
    );
    program.verify().ended_with(0);
}

#[test]
fn a_run_in_which_something_fails_takes_nothing_out() {
    let registry = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = registry.seed("team/two:1", &image().layer("b", 500).build());
    let missing = format!("{}/team/three:1", registry.host());
    let program = Program::new();
    program.export(&[&one, &two], &[]).ended_with(0);
    program.export(&[&one, &missing], &["--prune"]).ended_with(3);
    assert_eq!(program.verify().ended_with(0).json()["references"], 2);
}

#[test]
fn a_reference_is_taken_out_by_its_name() {
    let registry = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = registry.seed("team/two:1", &image().layer("b", 500).build());
    let program = Program::new();
    program.export(&[&one, &two], &[]).ended_with(0);
    let ran = program
        .run(&["prune", "bundle", "--remove", &one, "-o", "json"])
        .ended_with(0);
    assert_eq!(ran.json()["files"], 3);
    let ran = program.run(&["prune", "bundle", "--remove", &one]).ended_with(2);
    assert!(ran.err.contains("is not in bundle"), "{}", ran.err);
    assert_eq!(program.verify().ended_with(0).json()["references"], 1);
}

#[test]
fn nothing_is_removed_while_a_manifest_cannot_be_read() {
    let registry = TestRegistry::start();
    let app = image().layer("a", 500).build();
    let name = registry.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    carrack::fsx::write(&program.path("bundle/blobs/sha256").join(app.digest.hex()), b"{}").unwrap();
    let ran = program.run(&["prune", "bundle"]).ended_with(1);
    assert!(ran.err.contains("nothing is removed"), "{}", ran.err);
    let layer = program
        .path("bundle/blobs/sha256")
        .join(app.layers()[0].descriptor.digest.hex());
    assert!(layer.exists());
}

#[test]
fn a_folder_that_is_no_bundle_is_left_alone() {
    let program = Program::new();
    std::fs::create_dir(program.path("empty")).unwrap();
    program.run(&["prune", "empty"]).ended_with(1);
    assert_eq!(std::fs::read_dir(program.path("empty")).unwrap().count(), 0);
}

#[test]
fn what_an_interrupted_run_has_brought_stays_until_it_is_said() {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 500).build());
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    // What a run that was killed leaves.
    carrack::fsx::write(&program.path("bundle/carrack/lock"), b"process 1 on a host\n").unwrap();
    for _ in 0..2 {
        let ran = program.run(&["prune", "bundle"]).ended_with(2);
        assert!(
            ran.err.contains("was interrupted") && ran.err.contains("--unfinished"),
            "{}",
            ran.err
        );
    }
    program.run(&["prune", "bundle", "--unfinished"]).ended_with(0);
    program.run(&["prune", "bundle"]).ended_with(0);
}
