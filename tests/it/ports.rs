//! Ports that no host has: told as that, with the limit, and nobody is asked.

use carrack::fsx;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

const SAID: &str = "the port 99999 is above 65535, the highest there is";

/// A program with a bundle that holds one image.
fn with_bundle() -> Program {
    let upstream = TestRegistry::start();
    let name = upstream.seed("team/app:1", &image().layer("a", 100).build());
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    program
}

#[test]
fn a_port_that_is_too_large_is_wrong_usage_wherever_it_stands() {
    let program = with_bundle();
    let (export, import) = (["export"], ["import", "--from", "bundle", "--to"]);
    let image = "quay.io/team/app:1";
    for (first, more) in [
        (
            &export[..],
            &["registry.example.com:99999/a:1", "--to", "new"][..],
        ),
        (&export, &["oci://h.lan:99999/charts/a", "--to", "new"]),
        (
            &export,
            &[image, "--to", "new", "--pull-through", "quay.io=h.lan:99999"],
        ),
        (
            &export,
            &[image, "--to", "new", "--pull-through", "quay.io:99999=h.lan"],
        ),
        (&export, &[image, "--to", "docker://h.lan:99999/x"]),
        (&export, &[image, "--to", "h.lan:99999/x"]),
        (
            &export,
            &[image, "--to", "docker://h.lan", "--map", "quay.io:99999=/"],
        ),
        (&import, &["h.lan:99999"]),
        (&import, &["h.lan:99999/project", "--dry-run"]),
        (&import, &["h.lan", "--only", "h.lan:99999/a:1"]),
        (&import, &["h.lan", "--charts-to", "oci://h.lan:99999/charts"]),
        (
            &import,
            &["h.lan", "--engine-config", "nodes", "--mirror", "h.lan:99999"],
        ),
        (&["verify", "bundle", "--through"], &["h.lan:99999"]),
        (&["prune", "bundle", "--remove"], &["h.lan:99999/a:1"]),
        (&["charts", "list"], &["oci://h.lan:99999/charts/a"]),
        (
            &["charts", "push", "a.tgz", "--to"],
            &["oci://h.lan:99999/charts"],
        ),
        (&["serve", "bundle", "--map"], &["quay.io:99999=/"]),
    ] {
        let words = [first, more].concat();
        let ran = program.run(&words).ended_with(2);
        assert!(ran.err.contains(SAID), "{words:?}: {}", ran.err);
    }
    let ran = program.run(&["charts", "list", "https://h.lan:99999/stable"]);
    let said = "its port is no number up to 65535";
    assert!(ran.ended_with(2).err.contains(said));
    assert!(!program.path("new").exists() && !program.path("h.lan:99999").exists());
}

#[test]
fn a_file_with_such_a_port_is_told_at_its_place_and_the_rest_of_a_list_goes_on() {
    let upstream = TestRegistry::start();
    let good = upstream.seed("team/app:1", &image().layer("a", 100).build());
    let program = Program::new();
    let write = |name: &str, text: &str| fsx::write(&program.path(name), text.as_bytes()).unwrap();
    write("list.txt", &format!("{good}\nregistry.example.com:99999/a:1\n"));
    let ran = program.export(&["list.txt"], &[]).ended_with(3);
    assert_eq!(ran.row("team/app")["outcome"], "done");
    assert!(ran.json()["failures"].to_string().contains(SAID), "{}", ran.out);
    let listed = program.run(&["images", "list.txt"]).ended_with(3);
    assert!(
        listed.out.contains(SAID) && listed.out.contains("in list.txt:2"),
        "{}",
        listed.out
    );
    for (line, text) in [
        (2, "images: ['h.lan:99999/a:1']"),
        (2, "destinations: {in: {registry: 'h.lan:99999'}}"),
        (2, "registries: {quay.io: {pull-through: 'h.lan:99999'}}"),
    ] {
        write("carrack.yaml", &format!("version: 1\n{text}\n"));
        let ran = program.run(&["config", "check"]).ended_with(2);
        assert!(
            ran.err.contains(&format!("error: carrack.yaml:{line}:")) && ran.err.contains(SAID),
            "{}",
            ran.err
        );
    }
    write(
        "carrack.yaml",
        &format!(
            "version: 1\nimages: ['{good}']\nregistries: {{'h.lan:99999': {{pull-through: cache.lan}}}}\n"
        ),
    );
    let ran = program.export(&["carrack.yaml"], &[]).ended_with(2);
    assert!(ran.err.contains(SAID), "{}", ran.err);
}

#[test]
fn flags_for_hosts_take_nothing_else() {
    let program = Program::new();
    let export = ["export", "h.lan/a:1", "--to", "new"];
    for flag in [
        ["--plain-http", "https://h.lan"],
        ["--plain-http", "h.lan/path"],
        ["--token-server", "h.lan=https://sso.lan"],
        ["--token-server", "h.lan:99999=sso.lan"],
    ] {
        let ran = program.run(&[&export[..], &flag].concat()).ended_with(2);
        assert!(
            ran.err.contains("this is no HOST[:PORT]"),
            "{flag:?}: {}",
            ran.err
        );
    }
    assert!(!program.path("new").exists());
}
