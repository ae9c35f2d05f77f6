//! From a bundle into a registry.

use std::fs;

use carrack::digest::Digest;

use crate::support::images::{image, index};
use crate::support::program::Program;
use crate::support::registry::{Fault, On, TestRegistry};

/// A program whose bundle holds these images, and the path that they get on a target: the host they came from.
fn exported(images: &[(&str, &crate::support::images::Image)]) -> (Program, String) {
    let upstream = TestRegistry::start();
    let names: Vec<String> = images
        .iter()
        .map(|(name, image)| upstream.seed(name, image))
        .collect();
    let program = Program::new();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    program.export(&names, &[]).ended_with(0);
    (program, upstream.host().replace(':', "-"))
}

#[test]
fn everything_arrives_under_its_own_host_with_its_bytes_and_nothing_is_sent_twice() {
    let shared = image().layer("shared", 9000).layer("a", 100).build();
    let other = image().docker().layer("shared", 9000).layer("b", 100).build();
    let both = index(vec![
        ("linux/amd64", image().layer("x", 100).build()),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("y", 100).build(),
        ),
    ]);
    let (program, from) = exported(&[("a/one:1", &shared), ("b/two:1", &other), ("c/three:1", &both)]);
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    for (path, image) in [("a/one", &shared), ("b/two", &other), ("c/three", &both)] {
        let path = format!("{from}/{path}");
        let (bytes, media_type) = target.manifest(&path, "1").unwrap();
        assert_eq!((bytes, &media_type), (image.manifest.to_vec(), &image.media_type));
        assert!(target.manifest(&path, &image.digest.to_string()).is_some());
    }
    let layer = shared.layers()[0].descriptor.digest.to_string();
    let uploads = target
        .requests()
        .iter()
        .filter(|r| r.method == "PUT" && r.parameter("digest") == Some(layer.clone()))
        .count();
    assert_eq!(
        uploads, 1,
        "the shared layer goes up once and is linked elsewhere"
    );
    target.clear_log();
    let ran = program.import(&target.host(), &[]).ended_with(0);
    assert_eq!(ran.json()["uploaded"], 0);
    assert_eq!(target.count("PUT", "/"), 0);
    assert_eq!(target.count("POST", "/"), 0);
}

#[test]
fn tags_come_last() {
    let both = index(vec![
        ("linux/amd64", image().layer("x", 100).build()),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("y", 100).build(),
        ),
    ]);
    let (program, _) = exported(&[("c/three:1", &both)]);
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    let puts: Vec<String> = target
        .asked()
        .into_iter()
        .filter(|a| a.starts_with("PUT"))
        .collect();
    let tag = puts.iter().position(|p| p.ends_with("/manifests/1")).unwrap();
    assert_eq!(tag, puts.len() - 1, "{puts:#?}");
}

#[test]
fn a_flipped_bit_is_found_before_anything_of_it_is_sent_and_the_others_arrive() {
    for size in [9000, 90_000] {
        a_flipped_bit_of_a_blob_of(size);
    }
}

/// Flips a bit of the first layer of an image in the bundle.
fn damage(program: &Program, image: &crate::support::images::Image) -> Digest {
    let layer = image.layers()[0].descriptor.digest;
    let path = program.path("bundle/blobs/sha256").join(layer.hex());
    let mut bytes = fs::read(&path).unwrap();
    bytes[5000] ^= 1;
    fs::remove_file(&path).unwrap();
    carrack::fsx::write(&path, &bytes).unwrap();
    layer
}

fn a_flipped_bit_of_a_blob_of(size: usize) {
    let good = image().layer("good", size).build();
    let bad = image().layer("bad", size).build();
    let (program, from) = exported(&[("team/good:1", &good), ("team/bad:1", &bad)]);
    let layer = damage(&program, &bad);
    let target = TestRegistry::start();
    let ran = program.import(&target.host(), &[]).ended_with(4);
    assert!(
        ran.row("bad")["error"]
            .as_str()
            .unwrap()
            .contains(&layer.to_string())
    );
    assert_eq!(ran.row("good")["outcome"], "done");
    assert!(target.manifest(&format!("{from}/team/good"), "1").is_some());
    assert!(
        target
            .asked()
            .iter()
            .all(|asked| !asked.contains(&layer.to_string()))
    );
    assert!(target.manifest(&format!("{from}/team/bad"), "1").is_none());
    let text = program.run(&["import", "--from", "bundle", "--to", &target.host()]);
    assert!(text.out.contains("carrack export"), "{}", text.out);
    assert!(text.out.contains("/team/bad:1"), "{}", text.out);
}

#[test]
fn what_is_not_brought_is_verified_all_the_same() {
    let good = image().layer("good", 9000).build();
    let bad = image().layer("bad", 9000).build();
    let (program, from) = exported(&[("team/good:1", &good), ("team/bad:1", &bad)]);
    let layer = damage(&program, &bad);
    let host = from.replace('-', ":");
    let target = TestRegistry::start();
    let only = format!("{host}/team/good:1");
    let ran = program.import(&target.host(), &["--only", &only]).ended_with(4);
    assert_eq!(ran.row("good")["outcome"], "done");
    assert!(target.manifest(&format!("{from}/team/good"), "1").is_some());
    let problems = ran.json()["verified"]["problems"].clone();
    assert_eq!(problems.as_array().unwrap().len(), 1, "{problems}");
    assert_eq!(problems[0]["subject"], layer.to_string());
    assert_eq!(problems[0]["references"][0], format!("{host}/team/bad:1"));
}

#[test]
fn an_import_hashes_each_blob_once_when_it_is_sent() {
    let (program, _) = exported(&[("team/app:1", &image().layer("a", 90_000).layer("b", 100).build())]);
    let target = TestRegistry::start();
    let from_to = ["import", "--from", "bundle", "--to", &target.host()];
    let ran = program
        .run(&[&from_to[..], &["--log-format", "json"]].concat())
        .ended_with(0);
    let events: Vec<serde_json::Value> = ran
        .err
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let all = |kind: &str, what: &str| -> Vec<serde_json::Value> {
        let of_kind = events.iter().filter(|event| event["event"] == kind);
        of_kind.map(|event| event[what].clone()).collect()
    };
    let hashed = all("blob-advanced", "bytes");
    let hashed: u64 = hashed.iter().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!(all("planned", "bytes"), [hashed], "{events:#?}");
    assert_eq!(all("phase", "name"), ["reading manifests", "sending"]);
}

#[test]
fn a_registry_that_confirms_and_does_not_keep_fails_the_run() {
    let (program, _) = exported(&[("team/app:1", &image().layer("a", 100).build())]);
    let target = TestRegistry::start();
    target.fault(On::any(), Fault::LiesStored);
    let ran = program.import(&target.host(), &[]).ended_with(3);
    assert_eq!(ran.row("app")["outcome"], "failed");
}

#[test]
fn a_receipt_of_what_the_target_has_stays_on_the_drive() {
    let app = image().layer("a", 100).build();
    let (program, from) = exported(&[("team/app:1", &app)]);
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    let name = format!("{}.json", target.host().replace(':', "-"));
    let text = fs::read(program.path("bundle/carrack/have").join(name)).unwrap();
    let receipt: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let digests: Vec<&str> = receipt["digests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d.as_str().unwrap())
        .collect();
    assert!(digests.contains(&app.digest.to_string().as_str()));
    assert!(digests.contains(&app.layers()[0].descriptor.digest.to_string().as_str()));
    let place = receipt["references"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    assert_eq!(place, &format!("{}/{from}/team/app:1", target.host()));
    program.verify().ended_with(0);
}

#[test]
fn a_dry_run_of_an_import_sends_nothing() {
    let (program, _) = exported(&[("team/app:1", &image().layer("a", 100).build())]);
    let target = TestRegistry::start();
    let ran = program.import(&target.host(), &["--dry-run"]).ended_with(0);
    assert_eq!(ran.row("app")["outcome"], "planned");
    assert!(target.asked().is_empty());
}

#[test]
fn a_bundle_joins_another_bundle() {
    let (program, _) = exported(&[(
        "team/one:1",
        &image().layer("shared", 900).layer("a", 100).build(),
    )]);
    program.import("dir:site", &[]).ended_with(0);
    let upstream = TestRegistry::start();
    let two = upstream.seed(
        "team/two:1",
        &image().layer("shared", 900).layer("b", 100).build(),
    );
    program.export(&[&two], &["--to", "second"]).ended_with(0);
    program
        .run(&["import", "--from", "second", "--to", "dir:site"])
        .ended_with(0);
    let verified = program
        .run(&["verify", "site", "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(verified["references"], 2);
}

#[test]
fn a_folder_that_is_no_bundle_is_told_from_one() {
    let program = Program::new();
    fs::create_dir(program.path("bundle")).unwrap();
    let ran = program.import("127.0.0.1:1", &[]).ended_with(1);
    assert!(ran.err.contains("is no bundle"), "{}", ran.err);
    let ran = program.verify().ended_with(1);
    assert!(ran.err.contains("is no bundle"), "{}", ran.err);
    carrack::fsx::write(&program.path("photos/holiday.jpg"), b"x").unwrap();
    let ran = program
        .export(&["127.0.0.1:1/a:1"], &["--to", "photos"])
        .ended_with(1);
    assert!(ran.err.contains("holiday.jpg"), "{}", ran.err);
}

#[test]
fn a_delta_carries_only_what_is_new_and_refuses_when_the_target_lost_something() {
    let upstream = TestRegistry::start();
    let old = image().layer("base", 30_000).layer("v1", 100).build();
    let new = image().layer("base", 30_000).layer("v2", 100).build();
    let first = upstream.seed("team/app:1", &old);
    let second = upstream.seed("team/app:2", &new);
    let target = TestRegistry::start();
    let program = Program::new();
    program.export(&[&first], &[]).ended_with(0);
    program
        .import(&target.host(), &["--receipt", "have.json"])
        .ended_with(0);
    let base = new.layers()[0].descriptor.digest;
    upstream.clear_log();
    program
        .export(&[&second], &["--to", "delta", "--have", "have.json"])
        .ended_with(0);
    assert!(upstream.ranges_asked(&base).is_empty());
    assert!(!program.path("delta/blobs/sha256").join(base.hex()).exists());
    program.run(&["verify", "delta"]).ended_with(0);
    let ran = program
        .run(&["import", "--from", "delta", "--to", &target.host()])
        .ended_with(0);
    assert!(ran.out.contains("1 reference new"), "{}", ran.out);
    let path = format!("{}/team/app", upstream.host().replace(':', "-"));
    assert!(target.manifest(&path, "2").is_some());
    let poor = TestRegistry::start();
    let ran = program
        .run(&["import", "--from", "delta", "--to", &poor.host()])
        .ended_with(3);
    assert!(ran.out.contains(&base.to_string()), "{}", ran.out);
    assert_eq!(
        poor.count("PUT", "/"),
        0,
        "nothing of an image that cannot be whole is sent"
    );
}

#[test]
fn a_delta_for_a_new_repository_links_what_the_target_has_in_another() {
    let upstream = TestRegistry::start();
    let old = image().layer("base", 30_000).layer("v1", 100).build();
    let new = image().layer("base", 30_000).layer("other", 100).build();
    let first = upstream.seed("team/app:1", &old);
    let second = upstream.seed("team/other:1", &new);
    let third = upstream.seed("team/third:1", &new);
    let target = TestRegistry::start();
    let program = Program::new();
    program.export(&[&first], &[]).ended_with(0);
    program
        .import(&target.host(), &["--receipt", "have.json"])
        .ended_with(0);
    let base = new.layers()[0].descriptor.digest;
    program
        .export(&[&second, &third], &["--to", "delta", "--have", "have.json"])
        .ended_with(0);
    assert!(!program.path("delta/blobs/sha256").join(base.hex()).exists());
    program
        .run(&["import", "--from", "delta", "--to", &target.host()])
        .ended_with(0);
    let path = |name: &str| format!("{}/team/{name}", upstream.host().replace(':', "-"));
    for name in ["other", "third"] {
        assert!(target.manifest(&path(name), "1").is_some(), "{name}");
    }
    // Without the other repository there is nothing to link from.
    let poor = TestRegistry::start();
    let ran = program
        .run(&["import", "--from", "delta", "--to", &poor.host()])
        .ended_with(3);
    assert!(
        ran.out
            .contains("because a receipt said that the registry has it"),
        "{}",
        ran.out
    );
}

#[test]
fn a_large_blob_crosses_as_parts() {
    let upstream = TestRegistry::start();
    let app = image().layer("big", 300_000).build();
    let name = upstream.seed("team/app:1", &app);
    let program = Program::new();
    program
        .export(&[&name], &["--largest-file", "100000"])
        .ended_with(0);
    let layer = app.layers()[0].descriptor.digest;
    assert!(
        program
            .path("bundle/carrack/parts")
            .join(layer.hex())
            .join("0002")
            .exists()
    );
    program.verify().ended_with(0);
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    let path = format!("{}/team/app", upstream.host().replace(':', "-"));
    assert_eq!(target.blob(&path, &layer).unwrap(), app.layers()[0].bytes);
    let ran = program
        .export(&[&name], &["--largest-file", "100000"])
        .ended_with(0);
    assert_eq!(ran.json()["blobs"], 0);
}

#[test]
fn a_manifest_of_a_type_that_nobody_knows_crosses_as_it_is() {
    let upstream = TestRegistry::start();
    let kind = "application/vnd.weird";
    let weird = &b"no JSON at all"[..];
    let digest = upstream.seed_manifest("team/weird", "1", kind, weird);
    let name = format!("{}/team/weird:1", upstream.host());
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    program.verify().ended_with(0);
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    let path = format!("{}/team/weird", upstream.host().replace(':', "-"));
    let (bytes, media_type) = target.manifest(&path, "1").unwrap();
    assert_eq!((bytes.as_slice(), media_type.as_str()), (weird, kind));
    program.import("dir:inside", &[]).ended_with(0);
    program.run(&["verify", "inside"]).ended_with(0);
    let inventory = fs::read_to_string(program.path("bundle/carrack/inventory.json")).unwrap();
    let file = format!("\"blobs/sha256/{}\"", digest.hex());
    assert!(inventory.contains(&file), "{inventory}");
    // Other bytes under its digest are found as in any other blob.
    let blob = program.path("bundle/blobs/sha256").join(digest.hex());
    fs::remove_file(&blob).unwrap();
    carrack::fsx::write(&blob, b"so JSON at all").unwrap();
    program.verify().ended_with(4);
}

#[test]
fn a_mapping_that_is_about_nothing_in_the_bundle_is_told() {
    let (program, from) = exported(&[("team/app:1", &image().layer("a", 100).build())]);
    let target = TestRegistry::start();
    let source = from.replace('-', ":");
    let used = format!("{source}/team=crew");
    let note = "the mapping `quay.io/jetstak=jetstack` matches no reference of bundle";
    let flags = ["--map", "quay.io/jetstak=jetstack", "--map", used.as_str()];
    for more in [&flags[..], &["--map", "quay.io/jetstak=jetstack", "--dry-run"]] {
        let ran = program.import(&target.host(), more).ended_with(0);
        let notes = ran.json()["notes"].as_array().unwrap().clone();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].as_str().unwrap().starts_with(note), "{notes:?}");
    }
    let mut words = vec!["import", "--from", "bundle", "--to", "dir:inside"];
    words.extend(flags);
    let ran = program.run(&words).ended_with(0);
    assert!(ran.out.contains(&format!("note: {note}")), "{}", ran.out);
}

#[test]
fn a_reference_that_the_bundle_does_not_have_is_told_with_those_that_it_has() {
    let app = image().layer("a", 100).build();
    let names = [
        "team/app:1",
        "team/app:2",
        "team/app:3",
        "team/app:4",
        "team/other:1",
    ];
    let (program, from) = exported(&names.map(|name| (name, &app)));
    let host = from.replace('-', ":");
    let only = |reference: String| {
        let ran = program
            .import("dir:inside", &["--only", &reference])
            .ended_with(2);
        ran.err
    };
    let err = only(format!("{host}/team/app:5"));
    let said = format!(
        "{host}/team/app:5 is not in bundle; it has {host}/team/app:1, {host}/team/app:2, {host}/team/app:3 and 1 more of them\n"
    );
    assert!(err.contains(&said), "{err}");
    assert!(only(format!("{host}/team/none:1")).contains("/team/none:1 is not in bundle\n"));
    assert!(
        only(format!("{host}/team/other")).contains("it has"),
        "the tag was left out"
    );
    assert!(!program.path("inside").exists());
}
