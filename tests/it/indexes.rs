//! Indexes: which of their platforms are carried, and how much of them is followed.

use carrack::bundle::Bundle;
use serde_json::json;

use crate::support::images::{Image, image, index};
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

/// An image for two platforms.
fn both() -> Image {
    let arm = image().platform("linux/arm64").layer("arm", 100).build();
    index(vec![
        ("linux/amd64", image().layer("amd", 100).build()),
        ("linux/arm64", arm),
    ])
}

/// The same with what a build leaves beside: an attestation for each platform, which calls its own unknown.
fn attested() -> Image {
    let mut all = both();
    let statement = image().layer("statement", 10).build();
    let mut manifest: serde_json::Value = serde_json::from_slice(&all.manifest).unwrap();
    let mut entry = json!(statement.descriptor());
    entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    entry["annotations"] = json!({"vnd.docker.reference.digest": all.children[0].digest.to_string()});
    manifest["manifests"].as_array_mut().unwrap().push(entry);
    all.children.push(statement);
    all.manifest = serde_json::to_vec(&manifest).unwrap().into();
    all
}

#[test]
fn a_platform_that_an_image_does_not_have_fails_it_and_those_that_it_has_are_named() {
    for (wanted, all) in [
        ("linux/s390x", both()),
        ("Linux/AMD64", both()),
        ("linux/s390x", attested()),
        (
            "linux/s390x",
            index(vec![
                ("linux/ppc64le", image().build()),
                ("linux/riscv64", both()),
            ]),
        ),
    ] {
        let registry = TestRegistry::start();
        let name = registry.seed("team/app:1", &all);
        let other = registry.seed("team/other:1", &image().layer("o", 100).build());
        let program = Program::new();
        for more in [&["--platform", wanted, "--dry-run"][..], &["--platform", wanted]] {
            let ran = program.export(&[&name, &other], more).ended_with(3);
            let row = ran.row("app");
            let why = row["error"].as_str().unwrap();
            let first = if all.children.len() == 2 && all.children[1].children.len() == 2 {
                "linux/ppc64le, linux/riscv64"
            } else {
                "linux/amd64, linux/arm64"
            };
            assert_eq!(why, format!("no platform of it is {wanted}; it has {first}"));
            assert_ne!(
                ran.row("other")["outcome"],
                "failed",
                "an image for one platform is carried"
            );
        }
        let bundle = Bundle::open(&program.path("bundle")).unwrap();
        assert_eq!(bundle.entries().len(), 1);
        assert_eq!(bundle.inventory().unwrap().unwrap().absent.len(), 0);
        program.verify().ended_with(0);
    }
}

#[test]
fn one_wanted_platform_is_enough_wherever_it_is() {
    let nested = index(vec![
        ("linux/ppc64le", image().layer("p", 50).build()),
        ("linux/s390x", both()),
    ]);
    for (wanted, all) in [
        (&["--platform", "linux/arm64"][..], attested()),
        (
            &["--platform", "linux/arm64", "--platform", "linux/s390x"],
            both(),
        ),
        (
            &["--platform", "linux/s390x", "--platform", "linux/arm64"],
            nested,
        ),
    ] {
        let registry = TestRegistry::start();
        let name = registry.seed("team/app:1", &all);
        let program = Program::new();
        program.export(&[&name], wanted).ended_with(0);
        program.verify().ended_with(0);
    }
}

#[test]
fn an_index_without_measure_is_refused_before_its_children_are_asked_for() {
    let registry = TestRegistry::start();
    let entries: Vec<_> = (0..5000)
        .map(|number| {
            let digest = carrack::digest::Digest::sha256(format!("{number}").as_bytes());
            json!({"mediaType": carrack::oci::media_type::OCI_MANIFEST, "digest": digest.to_string(), "size": 100})
        })
        .collect();
    let kind = carrack::oci::media_type::OCI_INDEX;
    let bytes = serde_json::to_vec(&json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries}));
    registry.seed_manifest("team/app", "1", kind, &bytes.unwrap());
    let name = format!("{}/team/app:1", registry.host());
    let program = Program::new();
    let row = program.export(&[&name], &[]).ended_with(3).row("app");
    let why = row["error"].as_str().unwrap();
    assert!(why.contains("manifests are more than 4096"), "{why}");
    assert_eq!(registry.count("GET", "/manifests/"), 1);
}

/// An index of so many manifests, each with a filling of so many bytes.
fn filled(count: usize, filling: usize) -> Image {
    let children = (0..count).map(|number| {
        let mut child = image().layer(&format!("{number}"), 10).build();
        let mut manifest: serde_json::Value = serde_json::from_slice(&child.manifest).unwrap();
        manifest["annotations"] = json!({"filling": "x".repeat(filling)});
        child.manifest = serde_json::to_vec(&manifest).unwrap().into();
        child.digest = carrack::digest::Digest::sha256(&child.manifest);
        ("linux/amd64", child)
    });
    index(children.collect())
}

#[test]
fn large_manifests_take_the_memory_of_a_few() {
    let registry = TestRegistry::start();
    let few = registry.seed("team/few:1", &filled(40, 2 << 20));
    let program = Program::new();
    // All of them at once are 80 MiB, beside the program and its threads.
    let mut child = program.start(&["export", &few, "--to", "bundle"]);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| {
            line.trim_end_matches("kB").trim().parse::<u64>().unwrap()
        });
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert!(ended.success() && peak > 0);
    assert!(peak < 75 << 10, "{peak} KiB");
}
