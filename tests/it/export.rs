//! From registries into a bundle, with everything that can go wrong on the way.

use carrack::bundle::Bundle;
use carrack::digest::Digest;

use crate::support::images::{image, index};
use crate::support::program::{Program, tree};
use crate::support::registry::{Fault, Mode, On, TestRegistry};

#[test]
fn docker_and_oci_images_and_nested_indexes_arrive_with_their_bytes() {
    let registry = TestRegistry::start();
    let oci = image().layer("a", 5000).layer("shared", 9000).build();
    let docker = image().docker().layer("b", 4000).layer("shared", 9000).build();
    let inner = index(vec![
        ("linux/amd64", image().layer("x", 100).build()),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("y", 100).build(),
        ),
    ]);
    let nested = index(vec![
        ("linux/amd64", image().layer("z", 50).build()),
        ("linux/s390x", inner),
    ]);
    let names = [
        registry.seed("team/oci:1", &oci),
        registry.seed("team/docker:1", &docker),
        registry.seed("other/nested:1", &nested),
    ];
    let program = Program::new();
    program
        .export(&names.each_ref().map(String::as_str), &[])
        .ended_with(0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    for (name, image) in names.iter().zip([&oci, &docker, &nested]) {
        let entry = &bundle.entries()[&name.parse().unwrap()];
        assert_eq!(
            (entry.digest, entry.media_type.as_str()),
            (image.digest, image.media_type.as_str())
        );
        assert_eq!(bundle.manifest(&image.digest).unwrap(), image.manifest);
        for blob in image.all_blobs() {
            assert_eq!(
                bundle.blob_size(&blob.descriptor.digest).unwrap(),
                Some(blob.descriptor.size)
            );
        }
    }
    assert_eq!(program.verify().ended_with(0).json()["references"], 3);
    let shared = oci.blobs.last().unwrap().descriptor.digest;
    assert_eq!(
        registry.ranges_asked(&shared),
        ["0-"],
        "a shared layer is asked for once"
    );
}

#[test]
fn a_second_run_asks_once_for_a_tag_and_not_at_all_for_a_digest() {
    let registry = TestRegistry::start();
    let one = image().layer("a", 5000).build();
    let two = image().layer("b", 5000).build();
    let tagged = registry.seed("team/one:1", &one);
    registry.seed("team/two:1", &two);
    let pinned = format!("{}/team/two@{}", registry.host(), two.digest);
    let program = Program::new();
    program.export(&[&tagged, &pinned], &[]).ended_with(0);
    let before = tree(&program.path("bundle"));
    let inventory = std::fs::read(program.path("bundle/carrack/inventory.json")).unwrap();
    registry.clear_log();
    let ran = program.export(&[&tagged, &pinned], &[]).ended_with(0);
    assert_eq!(registry.asked(), ["HEAD /v2/team/one/manifests/1"]);
    assert_eq!(ran.json()["bytes"], 0);
    assert_eq!(ran.row("one")["outcome"], "present");
    assert_eq!(tree(&program.path("bundle")), before);
    assert_eq!(
        std::fs::read(program.path("bundle/carrack/inventory.json")).unwrap(),
        inventory
    );
}

#[test]
fn a_tag_that_moved_is_followed_and_told() {
    let registry = TestRegistry::start();
    let old = image().layer("old", 500).build();
    let new = image().layer("new", 500).build();
    let name = registry.seed("team/app:latest", &old);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    registry.seed("team/app:latest", &new);
    let ran = program.export(&[&name], &[]).ended_with(0);
    assert_eq!(ran.row("app")["movedFrom"], old.digest.to_string());
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    assert_eq!(bundle.entries()[&name.parse().unwrap()].digest, new.digest);
}

#[test]
fn a_pinned_tag_keeps_its_tag_and_a_digest_alone_keeps_its_digest() {
    let registry = TestRegistry::start();
    let old = image().layer("old", 500).build();
    let new = image().layer("new", 500).build();
    registry.seed("team/app:1", &old);
    registry.seed("team/app:1", &new);
    let host = registry.host();
    let pinned = format!("{host}/team/app:1@{}", old.digest);
    let bare = format!("{host}/team/app@{}", new.digest);
    let program = Program::new();
    program.export(&[&pinned, &bare], &[]).ended_with(0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    let names: Vec<String> = bundle.entries().keys().map(ToString::to_string).collect();
    assert_eq!(names, [bare, format!("{host}/team/app:1")]);
    assert_eq!(
        bundle.entries()[&format!("{host}/team/app:1").parse().unwrap()].digest,
        old.digest
    );
    program.verify().ended_with(0);
}

#[test]
fn a_manifest_that_is_in_the_bundle_already_has_its_type_under_a_second_name_too() {
    let registry = TestRegistry::start();
    let app = image().docker().layer("a", 500).build();
    let name = registry.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let bare = format!("{}/team/app@{}", registry.host(), app.digest);
    let other = format!("{}/team/app:2@{}", registry.host(), app.digest);
    program.export(&[&bare, &other], &[]).ended_with(0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    assert_eq!(bundle.entries().len(), 3);
    for (name, entry) in bundle.entries() {
        assert_eq!(entry.media_type, app.media_type, "{name}");
    }
}

#[test]
fn two_contents_of_one_tag_both_keep_a_name() {
    let registry = TestRegistry::start();
    let old = image().layer("old", 500).build();
    let new = image().layer("new", 500).build();
    registry.seed("team/app:1", &old);
    let floating = registry.seed("team/app:1", &new);
    let pinned = format!("{floating}@{}", old.digest);
    let program = Program::new();
    program.export(&[&pinned, &floating], &[]).ended_with(0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    assert_eq!(bundle.entries()[&floating.parse().unwrap()].digest, new.digest);
    assert_eq!(bundle.entries()[&pinned.parse().unwrap()].digest, old.digest);
}

#[test]
fn what_cannot_be_had_is_a_row_and_the_others_arrive() {
    let open = TestRegistry::start();
    let closed = TestRegistry::start_as(Mode::basic("captain", "secret"));
    let good = open.seed("team/good:1", &image().layer("a", 5000).build());
    let lying = open.seed("team/lying:1", &image().layer("b", 5000).build());
    let secret = closed.seed("team/secret:1", &image().layer("c", 5000).build());
    let missing = format!("{}/team/good:9", open.host());
    let nowhere = "127.0.0.1:1/team/nowhere:1";
    open.fault(On::get_manifest().path("lying"), Fault::WrongDigestHeader);
    let program = Program::new();
    let ran = program
        .export(&[&good, &lying, &secret, &missing, nowhere], &[])
        .ended_with(3);
    assert_eq!(ran.row("good:1")["outcome"], "done");
    for (name, why) in [
        ("lying", "digest"),
        ("secret", "401"),
        ("good:9", "MANIFEST_UNKNOWN"),
        ("nowhere", "127.0.0.1:1"),
    ] {
        let row = ran.row(name);
        assert_eq!(row["outcome"], "failed", "{row}");
        assert!(row["error"].as_str().unwrap().contains(why), "{row}");
    }
    assert_eq!(program.verify().ended_with(0).json()["references"], 1);
}

#[test]
fn a_blob_cut_short_is_resumed_from_where_it_stopped() {
    let registry = TestRegistry::start();
    let image = image().layer("big", 400_000).build();
    let name = registry.seed("team/app:1", &image);
    let layer = &image.layers()[0];
    registry.fault(
        On::get_blob().path(&layer.descriptor.digest.to_string()).once(),
        Fault::CutAfter(100_000),
    );
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let ranges = registry.ranges_asked(&layer.descriptor.digest);
    assert_eq!(ranges.len(), 2);
    assert_eq!(ranges[0], "0-");
    let resumed: u64 = ranges[1].trim_end_matches('-').parse().unwrap();
    assert!(resumed > 0 && resumed <= 100_000, "{ranges:?}");
    program.verify().ended_with(0);
}

#[test]
fn a_registry_that_ignores_ranges_is_read_from_the_start() {
    let registry = TestRegistry::start();
    let image = image().layer("big", 400_000).build();
    let name = registry.seed("team/app:1", &image);
    let digest = image.layers()[0].descriptor.digest.to_string();
    registry.fault(On::get_blob().path(&digest).once(), Fault::CutAfter(100_000));
    registry.fault(On::get_blob().path(&digest), Fault::IgnoresRange);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    program.verify().ended_with(0);
}

#[test]
fn a_blob_that_is_always_cut_at_one_place_and_never_resumed_is_given_up() {
    let registry = TestRegistry::start();
    let image = image().layer("big", 400_000).build();
    let name = registry.seed("team/app:1", &image);
    let layer = image.layers()[0].descriptor.digest;
    let cut = On::get_blob().path(&layer.to_string()).times(12);
    registry.fault(cut, Fault::CutAfter(100_000));
    registry.fault(On::get_blob().path(&layer.to_string()), Fault::IgnoresRange);
    let program = Program::new();
    let ran = program.export(&[&name], &[]).ended_with(3);
    assert_eq!(registry.ranges_asked(&layer).len(), 5);
    assert_eq!(ran.row("app")["outcome"], "failed");
}

#[test]
fn a_body_that_goes_on_after_the_blobs_end_is_fetched_once_more_from_its_first_byte() {
    for size in [900, 400_000] {
        for times in [1, 9] {
            let registry = TestRegistry::start();
            let image = image().layer("a", size).build();
            let name = registry.seed("team/app:1", &image);
            let layer = image.layers()[0].descriptor.digest;
            let on = On::get_blob().path(&layer.to_string()).times(times);
            registry.fault(on, Fault::ExtraBytes(100_000));
            let program = Program::new();
            let ran = program.export(&[&name], &[]);
            let ran = ran.ended_with(if times == 1 { 0 } else { 3 });
            assert_eq!(registry.ranges_asked(&layer), ["0-"; 2], "{size} {times}");
            assert!(ran.err.contains("fetched once more"), "{}", ran.err);
        }
    }
}

#[test]
fn wrong_bytes_never_get_a_digest_name() {
    let registry = TestRegistry::start();
    let image = image().layer("big", 40_000).build();
    let name = registry.seed("team/app:1", &image);
    let good = registry.seed(
        "team/other:1",
        &crate::support::images::image().layer("o", 100).build(),
    );
    let layer = image.layers()[0].descriptor.digest;
    registry.fault(On::get_blob().path(&layer.to_string()), Fault::WrongBytes);
    let program = Program::new();
    let ran = program.export(&[&name, &good], &[]).ended_with(3);
    let row = ran.row("app");
    let why = row["error"].as_str().unwrap();
    assert!(why.contains(&layer.to_string()), "{why}");
    let sender = format!("from {}/team/app hashes to", registry.host());
    assert!(why.contains(&sender) && !why.contains("in the bundle"), "{why}");
    assert_eq!(
        registry.ranges_asked(&layer).len(),
        2,
        "one more try, then an error"
    );
    let path = program.path("bundle/blobs/sha256").join(layer.hex());
    assert!(!path.exists());
    assert_eq!(program.verify().ended_with(0).json()["references"], 1);
}

#[test]
fn wrong_bytes_that_come_once_are_told_and_fetched_once_more() {
    for size in [900, 40_000] {
        let registry = TestRegistry::start();
        let image = image().layer("a", size).build();
        let name = registry.seed("team/app:1", &image);
        let layer = image.layers()[0].descriptor.digest;
        registry.fault(On::get_blob().path(&layer.to_string()).once(), Fault::WrongBytes);
        let program = Program::new();
        let ran = program.export(&[&name], &[]).ended_with(0);
        let warning = ran.err.lines().find(|line| line.starts_with("warning"));
        let warning = warning.unwrap_or_else(|| panic!("no warning: {}", ran.err));
        assert!(
            warning.contains(&layer.to_string()) && warning.contains("fetched once more"),
            "{warning}"
        );
        assert_eq!(registry.ranges_asked(&layer), ["0-"; 2], "from its first byte");
        program.verify().ended_with(0);
    }
}

#[test]
fn a_platform_selection_keeps_the_original_index_and_says_what_it_leaves_out() {
    let registry = TestRegistry::start();
    let amd = image().layer("amd", 100).build();
    let arm = image().platform("linux/arm64").layer("arm", 100).build();
    let both = index(vec![("linux/amd64", amd.clone()), ("linux/arm64", arm)]);
    let name = registry.seed("team/app:1", &both);
    let program = Program::new();
    program
        .export(&[&name], &["--platform", "linux/arm64"])
        .ended_with(0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    assert_eq!(bundle.entries()[&name.parse().unwrap()].digest, both.digest);
    assert_eq!(bundle.manifest(&both.digest).unwrap(), both.manifest);
    assert_eq!(bundle.blob_size(&amd.digest).unwrap(), None);
    assert!(
        bundle
            .inventory()
            .unwrap()
            .unwrap()
            .absent
            .contains_key(&amd.digest)
    );
    assert_eq!(program.verify().ended_with(0).json()["absent"], 1);
    program.export(&[&name], &[]).ended_with(0);
    assert!(bundle.inventory().unwrap().unwrap().absent.is_empty());
    assert_eq!(bundle.manifest(&amd.digest).unwrap(), amd.manifest);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let registry = TestRegistry::start();
    let image = image().layer("a", 5000).build();
    let name = registry.seed("team/app:1", &image);
    let program = Program::new();
    let ran = program.export(&[&name], &["--dry-run"]).ended_with(0);
    assert_eq!(ran.json()["plan"]["blobs"], 2);
    assert_eq!(ran.row("app")["outcome"], "planned");
    assert_eq!(registry.count("GET", "/blobs/"), 0);
    assert!(!program.path("bundle").exists());
}

#[test]
fn a_damaged_blob_is_found_and_only_it_is_fetched_again() {
    let registry = TestRegistry::start();
    let image = image().layer("a", 5000).layer("b", 6000).build();
    let name = registry.seed("team/app:1", &image);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let layer = image.layers()[0].descriptor.digest;
    let path = program.path("bundle/blobs/sha256").join(layer.hex());
    std::fs::remove_file(&path).unwrap();
    let found = program.verify().ended_with(4).json();
    assert_eq!(found["problems"][0]["fault"], "missing");
    assert_eq!(found["problems"][0]["subject"], layer.to_string());
    registry.clear_log();
    program.export(&[&name], &[]).ended_with(0);
    assert_eq!(registry.count("GET", "/blobs/"), 1);
    program.verify().ended_with(0);
    let whole = Digest::sha256(&std::fs::read(path).unwrap());
    assert_eq!(whole, layer);
}

#[test]
fn the_command_that_verify_prints_mends_what_it_has_found() {
    let registry = TestRegistry::start();
    let image = image().layer("a", 5000).layer("b", 6000).build();
    let name = registry.seed("team/app:1", &image);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let layer = image.layers()[0].descriptor.digest;
    let path = program.path("bundle/blobs/sha256").join(layer.hex());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    carrack::fsx::write(&path, &bytes).unwrap();
    let ran = program.run(&["verify", "bundle"]).ended_with(4);
    let command = ran
        .out
        .lines()
        .find_map(|line| line.trim().strip_prefix("carrack "));
    let words: Vec<&str> = command.unwrap().split(' ').collect();
    registry.clear_log();
    program.run(&words).ended_with(0);
    assert_eq!(registry.count("GET", "/blobs/"), 1);
    program.verify().ended_with(0);
}

#[test]
fn what_is_no_folder_of_a_bundle_and_no_file_is_told_before_anything_is_asked() {
    let program = Program::new();
    for (words, said) in [
        (
            ["nginx:1", "--to", "mirror.lan:5000/x"],
            "docker://mirror.lan:5000/x",
        ),
        (["nginx:1", "--to", "dir:bundle"], "no `dir:` before it"),
        (
            ["images.txt", "--to", "bundle"],
            "there is no file `images.txt` here",
        ),
    ] {
        let ran = program.run(&[&["export"], &words[..]].concat()).ended_with(2);
        assert!(ran.err.contains(said), "{words:?}: {}", ran.err);
    }
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 500).build());
    program.export(&[&name], &[]).ended_with(0);
    let ran = program.run(&["export", "bundle", "--to", "other"]).ended_with(2);
    assert!(
        ran.err.contains("oci:bundle names the images in it"),
        "{}",
        ran.err
    );
    program
        .run(&["export", "oci:bundle", "--to", "other"])
        .ended_with(0);
}

#[test]
fn what_comes_last_is_looked_at_first() {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 500).build());
    let program = Program::new();
    carrack::fsx::write(&program.path("file"), b"no folder").unwrap();
    for (more, code, said) in [
        (["--sign-with", "nokey"], 2, "cannot read nokey"),
        (["--lock", "file/carrack.lock"], 1, "file is no folder"),
        (["--report", "file/report.json"], 1, "file is no folder"),
    ] {
        let ran = program.export(&[&name], &more).ended_with(code);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    assert_eq!(registry.count("GET", "/blobs/"), 0);
}

#[test]
fn a_line_that_cannot_be_read_fails_and_hides_no_other() {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 500).build());
    let program = Program::new();
    let text = format!("{name}\nBad_Name:1\n");
    carrack::fsx::write(&program.path("images.txt"), text.as_bytes()).unwrap();
    let ran = program.export(&["images.txt"], &[]).ended_with(3);
    assert_eq!(ran.row("team/app")["outcome"], "done");
    assert!(ran.out.contains("Bad_Name:1"), "{}", ran.out);
    carrack::fsx::write(&program.path("other.yaml"), b"nothing: here\n").unwrap();
    let more = ["--exclude", "quay.io/*"];
    let ran = program.export(&["images.txt", "other.yaml"], &more).ended_with(3);
    for said in ["other.yaml: neither manifests nor a list", "matched no image"] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
}
