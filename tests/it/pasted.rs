//! Commands that the program prints are pasted by operators: a shell must read in them what was meant.

use std::path::Path;

use crate::support::images::image;
use crate::support::program::{Program, Ran};
use crate::support::registry::TestRegistry;

/// A folder that no shell reads as one word.
const FOLDER: &str = "My Passport/it's $HOME";

/// Runs the printed command that begins with `carrack` in this text, as a shell reads it.
fn paste(program: &Program, text: &str) -> Ran {
    let (_, command) = text.split_once("carrack ").unwrap();
    let script = format!("\"$0\" {}", command.lines().next().unwrap());
    program.run_under(Path::new("/bin/sh"), &["-c", &script], &[])
}

#[test]
fn the_command_that_mends_a_bundle_can_be_pasted_whatever_its_folder_is_called() {
    let registry = TestRegistry::start();
    let cargo = image().layer("cargo", 5000).build();
    let name = registry.seed("team/app:1", &cargo);
    let program = Program::new();
    std::fs::create_dir(program.path("My Passport")).unwrap();
    program.run(&["export", &name, "--to", FOLDER]).ended_with(0);
    let layer = cargo.layers()[0].descriptor.digest.hex();
    let blob = program.path(FOLDER).join("blobs/sha256").join(layer);
    carrack::fsx::write(&blob, &[0; 5000]).unwrap();
    let ran = program.run(&["verify", FOLDER]).ended_with(4);
    let (_, mend) = ran.out.split_once("fetch just those again:").unwrap();
    paste(&program, mend).ended_with(0);
    program.run(&["verify", FOLDER]).ended_with(0);
}

#[test]
fn the_next_command_can_be_pasted_too() {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("cargo", 500).build());
    let program = Program::new();
    std::fs::create_dir(program.path("My Passport")).unwrap();
    let ran = program.run(&["export", &name, "--to", FOLDER]).ended_with(0);
    let (_, next) = ran.out.split_once("next: on the other side, ").unwrap();
    let next = next.replace("--to REGISTRY", "--to dir:inside");
    paste(&program, &next).ended_with(0);
    assert!(program.path("inside/oci-layout").is_file());
    let to = format!("dir:{FOLDER} inside");
    let ran = program
        .run(&["import", "--from", FOLDER, "--to", &to])
        .ended_with(0);
    let shown = format!("next: carrack serve '{} inside'", FOLDER.replace('\'', r"'\''"));
    assert!(ran.out.contains(&shown), "{}", ran.out);
}
