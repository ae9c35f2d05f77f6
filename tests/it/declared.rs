//! What carrack.yaml says of things beside names: images on disk, charts that are not whole, bundles, where charts go.

use std::fs;

use carrack::fsx;
use serde_json::Value;

use crate::support::fixture_bundle::layer;
use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;
use crate::support::web::Web;

fn write(program: &Program, name: &str, text: &str) {
    fsx::write(&program.path(name), text.as_bytes()).unwrap();
}

fn references(report: &Value) -> Vec<&str> {
    let rows = report["rows"].as_array().unwrap().iter();
    rows.map(|row| row["reference"].as_str().unwrap()).collect()
}

/// A chart `umbrella` in a folder, whose image is in a chart that it only names; the repository with that chart.
fn umbrella(program: &Program, image: &str) -> Web {
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: part}}\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n"
    );
    let part = layer(&[
        ("part/Chart.yaml", b"apiVersion: v2\nname: part\nversion: 1.0.0\n"),
        ("part/templates/pod.yaml", pod.as_bytes()),
    ]);
    let web = Web::start();
    web.page(
        "/stable/index.yaml",
        "apiVersion: v1\nentries:\n  part:\n  - {name: part, version: 1.0.0, urls: [part-1.0.0.tgz]}\n",
    );
    web.page("/stable/part-1.0.0.tgz", part);
    write(
        program,
        "umbrella/Chart.yaml",
        &format!(
            "apiVersion: v2\nname: umbrella\nversion: 2.0.0\ndependencies:\n- {{name: part, version: 1.x, repository: '{}'}}\n",
            web.url("/stable")
        ),
    );
    web
}

#[test]
fn a_chart_that_lacks_others_is_looked_into_and_carried_whole_if_it_is_asked_for() {
    let registry = TestRegistry::start();
    registry.seed("shop/part:1", &image().layer("part", 2_000).build());
    let name = format!("{}/shop/part:1", registry.host());
    let program = Program::new();
    let _web = umbrella(&program, &name);
    write(
        &program,
        "carrack.yaml",
        "version: 1\ncharts:\n- {path: umbrella, dependencies: true}\n",
    );

    program.run(&["images", "umbrella", "-q"]).ended_with(3);
    for arguments in [
        &["images", "carrack.yaml", "-q", "-o", "list"][..],
        &["images", "umbrella", "--with-dependencies", "-q", "-o", "list"],
    ] {
        assert_eq!(program.run(arguments).ended_with(0).out, format!("{name}\n"));
    }
    let shown = program.run(&["images", "carrack.yaml"]).ended_with(0);
    assert!(
        shown.err.contains("done     local/umbrella-2.0.0.tgz\n"),
        "no folder of this run: {}",
        shown.err
    );

    let ran = program.export(&["carrack.yaml"], &[]).ended_with(0);
    assert_eq!(references(&ran.json()), [name.as_str()]);
    assert!(program.path("bundle/charts/local/umbrella-2.0.0.tgz").is_file());
    let again = program
        .export(&["umbrella", "--with-dependencies"], &["--to", "other"])
        .ended_with(0);
    assert_eq!(references(&again.json()), [name.as_str()]);
}

#[test]
fn an_image_on_disk_is_declared_with_its_name_and_what_goes_along() {
    let registry = TestRegistry::start();
    registry.seed("shop/tool:1", &image().layer("tool", 2_000).build());
    let own = format!("{}/shop/tool:1", registry.host());
    let program = Program::new();
    program.export(&[&own], &["--to", "layout"]).ended_with(0);
    drop(registry);
    write(
        &program,
        "site/carrack.yaml",
        &format!(
            "version: 1\nimages:\n- oci: ../layout\n  which: {own}\n  name: registry.invalid/team/tool:3\n  reason: built here\n\
             referrers: none\nbundle: {{lock: tool.lock, largest-file: 1kB}}\n"
        ),
    );
    let listed = program
        .run(&["images", "site/carrack.yaml", "-q", "-o", "list"])
        .ended_with(0);
    assert_eq!(listed.out, "registry.invalid/team/tool:3\n");
    let ran = program.export(&["site/carrack.yaml"], &[]).ended_with(0);
    assert_eq!(references(&ran.json()), ["registry.invalid/team/tool:3"]);
    assert!(
        fs::read_to_string(program.path("site/tool.lock"))
            .unwrap()
            .contains("registry.invalid/team/tool")
    );
    assert!(
        program.path("bundle/parts").is_dir() || program.path("bundle/carrack/parts").is_dir(),
        "blobs over 1 kB are stored as parts"
    );
    let inventory = fs::read_to_string(program.path("bundle/carrack/inventory.json")).unwrap();
    assert!(inventory.contains("\"referrersLeftOut\":true"), "{inventory}");
    assert!(
        inventory.contains("site/carrack.yaml: built here (oci:"),
        "{inventory}"
    );
    program.verify().ended_with(0);

    // The command line's word counts more.
    let flags = ["--lock", "mine.lock", "--referrers", "all", "--to", "third"];
    program.export(&["site/carrack.yaml"], &flags).ended_with(0);
    assert!(program.path("mine.lock").is_file());

    write(
        &program,
        "gone.yaml",
        "version: 1\nimages: [{oci-archive: gone.tar}]\n",
    );
    let wrong = program.run(&["config", "check", "gone.yaml"]).ended_with(2);
    assert!(
        wrong.err.contains("the image gone.tar is not there"),
        "{}",
        wrong.err
    );
}

#[test]
fn charts_go_where_the_destination_says() {
    let program = Program::new();
    write(
        &program,
        "own/Chart.yaml",
        "apiVersion: v2\nname: own\nversion: 1.0.0\n",
    );
    program
        .run(&["charts", "pull", "own", "--to", "charts", "-q"])
        .ended_with(0);
    program.export(&["charts/local/own-1.0.0.tgz"], &[]).ended_with(0);
    write(
        &program,
        "site/carrack.yaml",
        "version: 1\ndestinations:\n  inside: {folder: ../inside, charts: {folder: ../web}}\n",
    );
    let words = [
        "import",
        "--from",
        "bundle",
        "--config",
        "site/carrack.yaml",
        "-q",
    ];
    program.run(&words).ended_with(0);
    assert!(program.path("web/local/own-1.0.0.tgz").is_file());
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_is_done() {
    let program = Program::new();
    write(
        &program,
        "one.yaml",
        "version: 1\nimages: []\nbundle: {lock: a.lock}\n",
    );
    write(
        &program,
        "two.yaml",
        "version: 1\nimages: []\nbundle: {lock: b.lock, volume-size: 1GB, prune: true}\n",
    );
    for (arguments, problem) in [
        (
            &["one.yaml", "two.yaml", "--to", "x"][..],
            "say different things of `lock`: say --lock",
        ),
        (&["two.yaml", "--to", "x"], "leave out --volume-size or --prune"),
        (
            &["one.yaml", "--volume", "2", "--to", "x"],
            "add --volume-size SIZE",
        ),
    ] {
        let mut words = vec!["export"];
        words.extend(arguments);
        let ran = program.run(&words).ended_with(2);
        assert!(ran.err.contains(problem), "{}", ran.err);
    }
    assert!(!program.path("x").exists());
}

#[test]
fn a_check_notes_files_that_are_not_there_yet_and_an_export_says_which_password() {
    let program = Program::new();
    write(
        &program,
        "carrack.yaml",
        "version: 1\nimages: ['localhost:1/a:1']\nregistries:\n  localhost:1:\n    ca-files: [ca.pem]\n    login: {username: mate, password-file: mate.password}\n",
    );
    let ran = program.run(&["config", "check"]).ended_with(0);
    for note in [
        "note: mate.password is not there yet: the password of mate for localhost:1 belongs into it",
        "note: ca.pem is not there yet: localhost:1 is reached with it",
    ] {
        assert!(ran.out.contains(note), "{}", ran.out);
    }
    let ran = program
        .run(&["export", "carrack.yaml", "--to", "x"])
        .ended_with(2);
    assert!(
        ran.err
            .contains("the password of mate for localhost:1 cannot be read from mate.password"),
        "{}",
        ran.err
    );
}

#[test]
fn paths_that_init_takes_over_lead_from_the_new_files_folder() {
    let program = Program::new();
    write(
        &program,
        "charts/own/Chart.yaml",
        "apiVersion: v2\nname: own\nversion: 1.0.0\n",
    );
    write(&program, "tool.tar", "");
    fs::create_dir_all(program.path("git/site")).unwrap();
    program
        .run(&[
            "init",
            "charts/own",
            "registry.invalid/tool:1=oci-archive:tool.tar",
            "-o",
            "git/site/carrack.yaml",
        ])
        .ended_with(0);
    let text = fs::read_to_string(program.path("git/site/carrack.yaml")).unwrap();
    for line in [
        "- path: ../../charts/own",
        "- oci-archive: ../../tool.tar\n  name: registry.invalid/tool:1",
    ] {
        assert!(text.contains(line), "{text}");
    }
    program
        .run(&["config", "check", "git/site/carrack.yaml"])
        .ended_with(0);
}

#[test]
fn a_folder_that_is_a_destination_takes_what_is_about_folders_and_refuses_what_is_about_registries() {
    let registry = TestRegistry::start();
    let own = registry.seed("shop/tool:1", &image().layer("tool", 200).build());
    let program = Program::new();
    program.export(&[&own], &[]).ended_with(0);
    let words = |file| ["import", "--from", "bundle", "--config", file, "-q"];
    for key in ["max-depth: 2", "create-projects: private"] {
        write(
            &program,
            "wrong.yaml",
            &format!("version: 1\ndestinations:\n  inside:\n    folder: inside\n    {key}\n"),
        );
        for arguments in [&["config", "check", "wrong.yaml"][..], &words("wrong.yaml")] {
            let ran = program.run(arguments).ended_with(2);
            let name = key.split(':').next().unwrap();
            assert!(ran.err.contains(&format!("`{name}` is about")), "{}", ran.err);
            assert!(ran.err.contains("error: wrong.yaml:4:"), "{}", ran.err);
        }
        assert!(!program.path("inside").exists());
    }
    let host = registry.host();
    write(
        &program,
        "carrack.yaml",
        &format!(
            "version: 1\ndestinations:\n  inside:\n    folder: inside\n    map: ['{host}/shop=market']\n    \
             engines: {{folder: nodes, for: [containerd], mirror: mirror.lan}}\n"
        ),
    );
    let ran = program.run(&words("carrack.yaml")).ended_with(0);
    assert!(
        ran.out
            .contains(&format!("next: carrack serve inside --map {host}/shop=market")),
        "{}",
        ran.out
    );
}

#[test]
fn a_version_of_kubernetes_that_is_none_is_found_by_the_check() {
    let program = Program::new();
    write(
        &program,
        "own/Chart.yaml",
        "apiVersion: v2\nname: own\nversion: 1.0.0\n",
    );
    write(
        &program,
        "carrack.yaml",
        "version: 1\ncharts:\n- path: own\n  kube-version: v1.x\n",
    );
    let ran = program.run(&["config", "check"]).ended_with(2);
    assert!(
        ran.err
            .starts_with("error: carrack.yaml:4:17: `v1.x` is no version of Kubernetes"),
        "{}",
        ran.err
    );
    let ran = program
        .run(&["images", "own", "--kube-version", "newest"])
        .ended_with(2);
    assert!(ran.err.contains("no version of Kubernetes"), "{}", ran.err);
    write(
        &program,
        "carrack.yaml",
        "version: 1\nrendering: {kube-version: 1.30}\ncharts:\n- path: own\n  kube-version: v1.29.3-gke.1\n",
    );
    program.run(&["config", "check"]).ended_with(0);
    program.run(&["images", "carrack.yaml"]).ended_with(0);
}
