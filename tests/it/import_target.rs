//! What the target of an import may be like, and what the operator is told before the first byte.

use std::time::Duration;

use crate::support::docker_registry::DockerRegistry;
use crate::support::images::{image, index};
use crate::support::program::{Program, Ran};
use crate::support::registry::{Fault, Mode, On, TestRegistry};

/// A program whose bundle holds two images of one host, and that host's name in a path.
fn exported() -> (Program, String) {
    let upstream = TestRegistry::start();
    let one = upstream.seed("team/one:1", &image().layer("one", 4000).build());
    let two = upstream.seed("team/two:1", &image().layer("two", 4000).build());
    let program = Program::new();
    program.export(&[&one, &two], &[]).ended_with(0);
    (program, upstream.host().replace(':', "-"))
}

fn imported(program: &Program, target: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["import", "--quiet", "--from", "bundle", "--to", target];
    arguments.extend(more);
    program.run(&arguments)
}

#[test]
fn a_harbor_without_the_project_is_told_with_the_command_before_anything_is_sent() {
    let (program, project) = exported();
    let target = TestRegistry::start();
    target.set_projects(&["library"]);
    let ran = imported(&program, &target.host(), &[]).ended_with(1);
    assert!(
        ran.err.contains(&format!("has no project {project}")),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("--create-projects"), "{}", ran.err);
    assert!(
        ran.err.contains(&format!(r#""project_name":"{project}""#)) && ran.err.contains("/api/v2.0/projects"),
        "{}",
        ran.err
    );
    assert_eq!(target.count("PUT", "/"), 0);
}

#[test]
fn missing_projects_are_made_on_request_and_the_images_arrive() {
    let (program, project) = exported();
    let target = TestRegistry::start();
    target.set_projects(&[]);
    let ran = imported(&program, &target.host(), &["--create-projects=public"]).ended_with(0);
    assert!(
        ran.out.contains(&format!("the project {project} was made")),
        "{}",
        ran.out
    );
    assert_eq!(target.projects(), [project.as_str()]);
    let made = target.requests();
    let made = made
        .iter()
        .find(|r| r.method == "POST" && r.path == "/api/v2.0/projects")
        .unwrap();
    assert!(made.header("authorization").is_none(), "nobody is signed in here");
    assert!(target.manifest(&format!("{project}/team/one"), "1").is_some());
    // With a prefix there is one project for all.
    let target = TestRegistry::start();
    target.set_projects(&["mirror"]);
    imported(&program, &format!("{}/mirror", target.host()), &[]).ended_with(0);
}

#[test]
fn a_registry_that_wants_a_login_says_how_to_sign_in_and_the_same_command_then_completes() {
    let (program, path) = exported();
    let target = TestRegistry::start_as(Mode::bearer_for("carol", "secret"));
    let ran = imported(&program, &target.host(), &[]).ended_with(1);
    assert!(
        ran.err.contains("401") && ran.err.contains("podman login"),
        "{}",
        ran.err
    );
    assert_eq!(target.count("PUT", "/") + target.count("POST", "/v2/"), 0);
    let auths = serde_json::json!({"auths": {target.host(): {"username": "carol", "password": "secret"}}});
    carrack::fsx::write(&program.path("auth.json"), auths.to_string().as_bytes()).unwrap();
    imported(&program, &target.host(), &["--authfile", "auth.json"]).ended_with(0);
    assert!(target.manifest(&format!("{path}/team/one"), "1").is_some());
}

#[test]
fn an_account_that_may_not_push_is_told_so_before_anything_is_sent() {
    let (program, _) = exported();
    let target = TestRegistry::start();
    target.fault(
        On::method("POST").path("/blobs/uploads"),
        Fault::status(403, "DENIED"),
    );
    let ran = imported(&program, &target.host(), &[]).ended_with(1);
    assert!(ran.err.contains("does not let this account push"), "{}", ran.err);
    assert!(ran.err.contains("right to push"), "{}", ran.err);
    assert_eq!(target.count("PUT", "/"), 0);
    target.mend();
    imported(&program, &target.host(), &[]).ended_with(0);
}

#[test]
fn a_read_only_registry_is_told_and_the_same_command_completes_when_it_is_open() {
    let Some(mut target) = DockerRegistry::start() else {
        return;
    };
    let (program, _) = exported();
    target.set_read_only(true);
    let ran = imported(&program, &target.host(), &[]).ended_with(1);
    assert!(
        ran.err.contains("405") && ran.err.contains("read-only"),
        "{}",
        ran.err
    );
    target.set_read_only(false);
    imported(&program, &target.host(), &[]).ended_with(0);
}

#[test]
fn a_registry_that_dies_in_the_middle_and_comes_back_gets_everything() {
    let Some(mut target) = DockerRegistry::start() else {
        return;
    };
    let upstream = TestRegistry::start();
    let names: Vec<String> = (0..6)
        .map(|n| {
            let image = image().layer(&format!("layer {n}"), 6_000_000).build();
            upstream.seed(&format!("team/app{n}:1"), &image)
        })
        .collect();
    let program = Program::new();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    program.export(&names, &["--no-read-back"]).ended_with(0);
    let mut import = program.start(&[
        "import",
        "--from",
        "bundle",
        "--to",
        &target.host(),
        "--jobs",
        "1",
    ]);
    while target.kept() < 8_000_000 {
        assert!(import.try_wait().unwrap().is_none(), "it ended before the cut");
        std::thread::sleep(Duration::from_millis(2));
    }
    target.start_again();
    // A registry that is back soon is waited for; one that is not leaves failed rows, and the next run completes.
    let first = import.wait().unwrap().code();
    assert!(matches!(first, Some(0 | 3)), "{first:?}");
    let again = program.import(&target.host(), &[]).ended_with(0);
    if first == Some(0) {
        assert_eq!(again.json()["uploaded"], 0, "nothing was missing");
    }
    program
        .run(&["verify", "bundle", "--through", &target.host()])
        .ended_with(0);
}

#[test]
fn a_registry_that_does_not_answer_is_told_at_once() {
    let (program, _) = exported();
    let ran = imported(&program, "127.0.0.1:1", &[]).ended_with(1);
    assert!(ran.err.contains("127.0.0.1:1 cannot be used"), "{}", ran.err);
}

#[test]
fn a_manifest_that_is_too_large_for_the_target_fails_alone_and_arrives_when_the_limit_is_gone() {
    let (program, path) = exported();
    let target = TestRegistry::start();
    target.fault(
        On::method("PUT").path("/team/one/manifests"),
        Fault::HtmlErrorBody(413),
    );
    let ran = program.import(&target.host(), &[]).ended_with(3);
    let error = ran.row("one")["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("413") && error.contains("upload of manifest"),
        "{error}"
    );
    assert_eq!(ran.row("two")["outcome"], "done");
    target.mend();
    program.import(&target.host(), &[]).ended_with(0);
    assert!(target.manifest(&format!("{path}/team/one"), "1").is_some());
}

#[test]
fn two_images_that_would_get_one_name_are_found_before_anybody_is_asked() {
    let (first, second) = (TestRegistry::start(), TestRegistry::start());
    let one = first.seed("grafana/grafana:11", &image().layer("one", 100).build());
    let two = second.seed("grafana/grafana:11", &image().layer("two", 100).build());
    let program = Program::new();
    program.export(&[&one, &two], &[]).ended_with(0);
    let target = TestRegistry::start();
    let ran = imported(&program, &target.host(), &["--layout", "root"]).ended_with(2);
    assert!(ran.err.contains(&one) && ran.err.contains(&two), "{}", ran.err);
    assert!(target.asked().is_empty());
    // A rule for one of the two hosts is the way out.
    let rule = format!("{}=second", second.host());
    imported(&program, &target.host(), &["--layout", "root", "--map", &rule]).ended_with(0);
    assert!(target.manifest("second/grafana/grafana", "11").is_some());
}

#[test]
fn an_index_of_which_platforms_were_left_out_is_tried_before_the_others_are_sent() {
    let Some(refusing) = DockerRegistry::start() else {
        return;
    };
    let upstream = TestRegistry::start();
    let both = |seed: &str, bytes| {
        index(vec![
            ("linux/amd64", image().layer(seed, bytes).build()),
            (
                "linux/arm64",
                image()
                    .platform("linux/arm64")
                    .layer(&format!("{seed} arm"), bytes)
                    .build(),
            ),
        ])
    };
    let small = upstream.seed("team/small:1", &both("small", 1000));
    let large = upstream.seed("team/large:1", &both("large", 3_000_000));
    let plain = upstream.seed("team/plain:1", &image().layer("plain", 1000).build());
    let program = Program::new();
    program
        .export(&[&small, &large, &plain], &["--platform", "linux/amd64"])
        .ended_with(0);
    let ran = program.import(&refusing.host(), &[]).ended_with(3);
    for name in ["small", "large"] {
        let error = ran.row(name)["error"].as_str().unwrap().to_owned();
        assert!(
            error.contains("platforms were left out") && error.contains("--platform"),
            "{error}"
        );
    }
    assert_eq!(ran.row("plain")["outcome"], "done");
    assert!(
        refusing.kept() < 1_000_000,
        "the large one was not sent: {}",
        refusing.kept()
    );
    let taking = TestRegistry::start();
    taking.take_sparse_indexes();
    let ran = program.import(&taking.host(), &[]).ended_with(0);
    for name in ["small", "large", "plain"] {
        assert_eq!(ran.row(name)["outcome"], "done", "{name}");
    }
    assert_eq!(ran.json()["uploaded"], 6, "each blob is counted once");
}

/// The only host that an import ever connects to is the target, and it asks no name server.
#[test]
fn what_two_tags_share_is_sent_once_and_not_while_the_other_one_needs_it() {
    // Debian's registry has nothing under a manifest's name for the moment in which it comes again.
    let upstream = TestRegistry::start();
    let children = ["linux/amd64", "linux/arm64"]
        .map(|platform| image().platform(platform).layer(platform, 300).build());
    let [one, other] = children.clone();
    let both = index(vec![("linux/amd64", one), ("linux/arm64", other)]);
    let tags: Vec<String> = (0..12).map(|minor| format!("1.{minor}")).collect();
    let names: Vec<String> = tags
        .iter()
        .map(|tag| upstream.seed(&format!("team/app:{tag}"), &both))
        .collect();
    let program = Program::new();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    program.export(&names, &[]).ended_with(0);
    let target = TestRegistry::start();
    target.fault(
        On::method("HEAD").path("/manifests/"),
        Fault::Silence(Duration::from_millis(100)),
    );
    imported(&program, &target.host(), &[]).ended_with(0);
    for child in &children {
        let digest = child.descriptor().digest.to_string();
        assert_eq!(target.count("PUT", &digest), 1, "{:?}", target.asked());
    }
    let repository = format!("{}/team/app", upstream.host().replace(':', "-"));
    for tag in &tags {
        assert!(target.manifest(&repository, tag).is_some(), "{tag}");
    }
    if let Some(real) = DockerRegistry::start() {
        imported(&program, &real.host(), &[]).ended_with(0);
    }
}

#[test]
fn an_import_knows_no_host_but_its_target() {
    let Some(strace) = crate::support::programs::program("strace") else {
        return;
    };
    let (program, _) = exported();
    let target = TestRegistry::start();
    let trace = program.path("trace");
    let output = std::process::Command::new(strace)
        .args(["-f", "-qq", "-e", "trace=connect,sendto,openat", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_carrack"))
        .args(["import", "--quiet", "--from"])
        .arg(program.path("bundle"))
        .args(["--to", &target.host()])
        .env("HOME", program.path("home"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        crate::support::programs::said(&output)
    );
    let trace = std::fs::read_to_string(trace).unwrap();
    let connects: Vec<&str> = trace.lines().filter(|line| line.contains("connect(")).collect();
    let port = target.host().rsplit_once(':').unwrap().1.to_owned();
    assert!(!connects.is_empty());
    for line in connects {
        assert!(
            line.contains(&format!("htons({port})")) && line.contains("127.0.0.1"),
            "another address: {line}"
        );
    }
    assert!(!trace.contains("resolv.conf"), "no resolver is set up");
}
