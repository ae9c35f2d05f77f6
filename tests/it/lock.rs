//! `carrack.lock`: what was resolved stays resolved, until it is asked for again.

use carrack::bundle::Bundle;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

const LOCK: [&str; 2] = ["--lock", "carrack.lock"];

#[test]
fn what_the_lock_pins_and_the_bundle_holds_is_asked_of_nobody() {
    let registry = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = registry.seed("team/two:latest", &image().layer("b", 500).build());
    let program = Program::new();
    let ran = program.export(&[&one, &two], &LOCK).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], 2);
    let written = std::fs::read(program.path("carrack.lock")).unwrap();
    registry.clear_log();
    let ran = program.export(&[&one, &two], &LOCK).ended_with(0);
    assert_eq!(registry.asked(), Vec::<String>::new());
    assert_eq!(ran.json()["locked"]["added"], 0);
    assert_eq!(std::fs::read(program.path("carrack.lock")).unwrap(), written);
}

#[test]
fn a_tag_that_moved_is_carried_as_it_was_until_refresh_asks_again() {
    let registry = TestRegistry::start();
    let old = image().layer("old", 500).build();
    let new = image().layer("new", 500).build();
    let name = registry.seed("team/app:1", &old);
    let program = Program::new();
    program.export(&[&name], &LOCK).ended_with(0);
    registry.seed("team/app:1", &new);
    program
        .export(&[&name], &["--lock", "carrack.lock", "--to", "again"])
        .ended_with(0);
    let key = name.parse().unwrap();
    let digest = |bundle: &str| Bundle::open(&program.path(bundle)).unwrap().entries()[&key].digest;
    assert_eq!(digest("again"), old.digest);
    let more = ["--lock", "carrack.lock", "--refresh", "--to", "again"];
    let ran = program.export(&[&name], &more).ended_with(0);
    assert_eq!(ran.json()["locked"]["changed"], 1);
    assert_eq!(ran.row("app")["movedFrom"], old.digest.to_string());
    assert_eq!(digest("again"), new.digest);
}

#[test]
fn a_selection_of_tags_stays_what_it_was_until_refresh_asks_again() {
    let registry = TestRegistry::start();
    registry.seed("team/app:1.0.0", &image().layer("a", 500).build());
    let repository = format!("{}/team/app", registry.host());
    let program = Program::new();
    let newest = ["--newest", "1", "--lock", "carrack.lock"];
    program.export(&[&repository], &newest).ended_with(0);
    registry.seed("team/app:1.1.0", &image().layer("b", 500).build());
    registry.clear_log();
    program.export(&[&repository], &newest).ended_with(0);
    assert_eq!(registry.asked(), Vec::<String>::new());
    let more = ["--newest", "1", "--lock", "carrack.lock", "--refresh"];
    let ran = program.export(&[&repository], &more).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], 1);
    assert_eq!(ran.json()["locked"]["removed"], 1);
    let text = std::fs::read_to_string(program.path("carrack.lock")).unwrap();
    assert!(
        text.contains("team/app:1.1.0") && !text.contains("team/app:1.0.0"),
        "{text}"
    );
}

#[test]
fn what_fails_stays_pinned_and_a_dry_run_writes_no_lock() {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 500).build());
    let program = Program::new();
    program
        .export(&[&name], &["--lock", "carrack.lock", "--dry-run"])
        .ended_with(0);
    assert!(!program.path("carrack.lock").exists());
    program.export(&[&name], &LOCK).ended_with(0);
    let written = std::fs::read(program.path("carrack.lock")).unwrap();
    drop(registry);
    program
        .export(&[&name], &["--lock", "carrack.lock", "--to", "elsewhere"])
        .ended_with(3);
    assert_eq!(std::fs::read(program.path("carrack.lock")).unwrap(), written);
}

#[test]
fn the_images_of_a_chart_that_fails_stay_pinned() {
    let registry = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = registry.seed("team/two:1", &image().layer("b", 500).build());
    let program = Program::new();
    let template =
        |text: &str| carrack::fsx::write(&program.path("app/templates/a.yaml"), text.as_bytes()).unwrap();
    std::fs::create_dir_all(program.path("app/templates")).unwrap();
    let chart = b"apiVersion: v2\nname: app\nversion: 1.0.0\n";
    carrack::fsx::write(&program.path("app/Chart.yaml"), chart).unwrap();
    template(&format!(
        "kind: Pod\napiVersion: v1\nspec: {{containers: [{{image: \"{one}\"}}]}}\n"
    ));
    let ran = program.export(&["app", &two], &LOCK).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], 2);
    template("{{ fail \"not today\" }}\n");
    let ran = program.export(&["app", &two], &LOCK).ended_with(3);
    assert_eq!(ran.json()["locked"]["removed"], 0);
}

#[test]
fn a_file_that_is_no_lock_stops_the_run_before_anything_moves() {
    let program = Program::new();
    carrack::fsx::write(&program.path("carrack.lock"), b"nginx:1\n").unwrap();
    let ran = program.export(&["127.0.0.1:1/team/app:1"], &LOCK).ended_with(2);
    assert!(ran.err.contains("carrack.lock is no lock file"), "{}", ran.err);
}
