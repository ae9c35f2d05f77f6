//! The whole voyage between real registries, and other people's tools at each end.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use carrack::digest::Digest;
use carrack::registry::TagOrDigest;

use crate::conformance::Visitor;
use crate::support::docker_registry::{DockerRegistry, required};
use crate::support::images::{Image, image, index};
use crate::support::program::{Program, tree};
use crate::support::registry::{Fault, On, TestRegistry};

/// The bundle's references as a real registry shall have them.
fn fleet() -> Vec<(&'static str, Image)> {
    let amd = image().layer("base", 300_000).layer("amd", 20_000).build();
    let arm = image().platform("linux/arm64").layer("base-arm", 300_000).build();
    vec![
        (
            "shop/web:1.0",
            image().layer("base", 300_000).layer("web", 40_000).build(),
        ),
        (
            "shop/db:2.1",
            image()
                .docker()
                .layer("base", 300_000)
                .layer("db", 40_000)
                .build(),
        ),
        (
            "shop/multi:3",
            index(vec![("linux/amd64", amd), ("linux/arm64", arm)]),
        ),
    ]
}

/// Fills a real registry through a bundle of our own: upstream → bundle → registry.
fn filled(registry: &DockerRegistry) -> (Program, Vec<String>) {
    let upstream = TestRegistry::start();
    let names: Vec<String> = fleet()
        .iter()
        .map(|(name, image)| upstream.seed(name, image))
        .collect();
    let program = Program::new();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    program.export(&names, &["--to", "seed"]).ended_with(0);
    program
        .run(&[
            "import",
            "--from",
            "seed",
            "--to",
            &registry.host(),
            "--layout",
            "root",
        ])
        .ended_with(0);
    let there = fleet()
        .iter()
        .map(|(name, _)| format!("{}/{name}", registry.host()))
        .collect();
    (program, there)
}

#[expect(clippy::print_stdout, reason = "a skip is told by name")]
fn has(program: &str) -> bool {
    let there = ["/usr/bin", "/usr/local/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    assert!(
        there || !required(),
        "{program} is not installed and REQUIRE_REAL_PARTS=1 is set"
    );
    if !there {
        println!("SKIPPED: {program} is not installed");
    }
    there
}

#[test]
fn images_cross_from_one_real_registry_to_another_with_equal_digests() {
    let (Some(outside), Some(inside)) = (DockerRegistry::start(), DockerRegistry::start()) else {
        return;
    };
    let (program, names) = filled(&outside);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    program.export(&names, &[]).ended_with(0);
    program.verify().ended_with(0);
    program.import(&inside.host(), &[]).ended_with(0);
    let visitor = Visitor::anonymous();
    for (name, image) in fleet() {
        let (path, tag) = name.split_once(':').unwrap();
        let path = format!("{}/{path}", outside.host().replace(':', "-"));
        let repository = carrack::reference::Repository::new(&inside.host(), &path).unwrap();
        let found = visitor
            .ask(
                visitor
                    .client
                    .manifest(&repository, &TagOrDigest::Tag(tag.parse().unwrap())),
            )
            .unwrap();
        assert_eq!(found.digest, image.digest);
        assert_eq!(found.bytes, image.manifest);
    }
    let ran = program.export(&names, &[]).ended_with(0);
    assert_eq!(ran.json()["blobs"], 0, "a second export moves no blob");
    let ran = program.import(&inside.host(), &[]).ended_with(0);
    assert_eq!(ran.json()["uploaded"], 0, "a second import moves no blob");
}

#[test]
fn other_tools_read_and_check_a_bundle() {
    if !has("skopeo") || !has("sha256sum") {
        return;
    }
    let upstream = TestRegistry::start();
    let program = Program::new();
    let fleet = fleet();
    let names: Vec<String> = fleet
        .iter()
        .map(|(name, image)| upstream.seed(name, image))
        .collect();
    let references: Vec<&str> = names.iter().map(String::as_str).collect();
    program.export(&references, &[]).ended_with(0);
    let bundle = program.path("bundle");
    let sums = Command::new("sha256sum")
        .args(["-c", "--quiet", "carrack/SHA256SUMS"])
        .current_dir(&bundle)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{sums:?}");
    for (name, (_, image)) in names.iter().zip(&fleet) {
        // skopeo's reader of layouts passes over entries of Docker's media types, and those are upstream's, not ours.
        if image.media_type.contains("docker") {
            continue;
        }
        let source = format!("oci:{}:{name}", bundle.display());
        let raw = Command::new("skopeo")
            .args(["inspect", "--raw", &source])
            .output()
            .unwrap();
        assert!(raw.status.success(), "{raw:?}");
        assert_eq!(Digest::sha256(&raw.stdout), image.digest);
        let copy = program.path(&format!("copy-{}", image.digest.short()));
        let copied = Command::new("skopeo")
            .args(["--override-arch", "amd64", "copy", &source])
            .arg(format!("dir:{}", copy.display()))
            .output()
            .unwrap();
        assert!(copied.status.success(), "{copied:?}");
    }
    let distinct: std::collections::BTreeMap<Digest, u64> = fleet
        .iter()
        .flat_map(|(_, image)| image.all_blobs())
        .map(|b| (b.descriptor.digest, b.descriptor.size))
        .collect();
    let blobs: u64 = distinct.values().sum();
    let files = tree(&bundle.join("blobs"));
    let bytes: usize = files.values().map(Vec::len).sum();
    let bytes = u64::try_from(bytes).unwrap();
    assert!(
        bytes >= blobs && bytes < blobs + blobs / 100,
        "{bytes} for {blobs}"
    );
}

#[test]
fn a_run_that_was_killed_goes_on_where_it_stopped() {
    let upstream = TestRegistry::start();
    let app = image().layer("big", 3_000_000).layer("small", 1000).build();
    let name = upstream.seed("shop/app:1", &app);
    let layer = app.layers()[0].descriptor.digest;
    upstream.fault(
        On::get_blob().path(&layer.to_string()).once(),
        Fault::Stall(Duration::from_secs(600)),
    );
    let program = Program::new();
    let mut child = program.start(&["export", &name, "--to", "bundle"]);
    let partial = program
        .path("bundle/carrack/tmp")
        .join(format!("sha256-{}", layer.hex()));
    let started = Instant::now();
    let size = || std::fs::metadata(&partial).map_or(0, |m| m.len());
    while size() < 500_000 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing arrives");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = size();
    assert!(!program.path("bundle/blobs/sha256").join(layer.hex()).exists());
    let unfinished = program.verify().ended_with(4).json();
    assert_eq!(unfinished["problems"][0]["fault"], "unfinished");
    program.export(&[&name], &[]).ended_with(0);
    assert_eq!(
        upstream.ranges_asked(&layer),
        ["0-".to_owned(), format!("{kept}-")]
    );
    program.verify().ended_with(0);
    let again = Program::new();
    again.export(&[&name], &[]).ended_with(0);
    assert_eq!(
        tree(&program.path("bundle")),
        tree(&again.path("bundle")),
        "as if it had never been killed"
    );
}

#[test]
fn a_kept_part_that_rotted_is_fetched_anew() {
    let upstream = TestRegistry::start();
    let app = image().layer("big", 200_000).build();
    let name = upstream.seed("shop/app:1", &app);
    let layer = app.layers()[0].descriptor.digest;
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    std::fs::remove_file(program.path("bundle/blobs/sha256").join(layer.hex())).unwrap();
    let partial = program
        .path("bundle/carrack/tmp")
        .join(format!("sha256-{}", layer.hex()));
    carrack::fsx::write(&partial, &vec![7; 50_000]).unwrap();
    upstream.clear_log();
    program.export(&[&name], &[]).ended_with(0);
    assert_eq!(upstream.ranges_asked(&layer), ["50000-", "0-"]);
    program.verify().ended_with(0);
}

#[test]
fn two_runs_on_one_bundle_do_not_mix() {
    let upstream = TestRegistry::start();
    let app = image().layer("big", 3_000_000).build();
    let name = upstream.seed("shop/app:1", &app);
    upstream.fault(On::get_blob().once(), Fault::Stall(Duration::from_secs(600)));
    let program = Program::new();
    let mut child = program.start(&["export", &name, "--to", "bundle"]);
    let lock = program.path("bundle/carrack/lock");
    let started = Instant::now();
    while std::fs::read(&lock).map_or(0, |b| b.len()) == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "no lock is taken");
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = program.export(&[&name], &[]).ended_with(1);
    assert!(second.err.contains("is in use by"), "{}", second.err);
    assert!(second.err.contains(&child.id().to_string()), "{}", second.err);
    child.kill().unwrap();
    child.wait().unwrap();
    upstream.mend();
    program.export(&[&name], &[]).ended_with(0);
}
