//! Data that tools of this field lost, and wrong results that they called right.

use carrack::digest::Digest;

use crate::support::images::{image, index};
use crate::support::program::Program;
use crate::support::registry::{Fault, On, TestRegistry};

#[test]
fn oc_mirror_491_what_is_skipped_as_present_is_present() {
    // The source loses a blob that the bundle needs; the run must not call itself done.
    let registry = TestRegistry::start();
    let app = image().layer("a", 5000).build();
    let name = registry.seed("app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let layer = app.layers()[0].descriptor.digest;
    std::fs::remove_file(program.path("bundle/blobs/sha256").join(layer.hex())).unwrap();
    registry.forget_blob("app", &layer);
    let ran = program.export(&[&name], &[]).ended_with(3);
    assert!(
        ran.row("app:1")["error"]
            .as_str()
            .unwrap()
            .contains(&layer.to_string())
    );
    program.verify().ended_with(4);
}

#[test]
fn hauler_250_and_774_an_image_that_has_only_a_digest_survives_the_voyage() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 500).build();
    upstream.seed("team/app", &app);
    let name = format!("{}/team/app@{}", upstream.host(), app.digest);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    let place = format!("{}/team/app", upstream.host().replace(':', "-"));
    let (bytes, _) = target.manifest(&place, &app.digest.to_string()).unwrap();
    assert_eq!(bytes, app.manifest);
}

#[test]
fn skopeo_2683_a_platform_is_chosen_without_a_new_digest() {
    let upstream = TestRegistry::start();
    let both = index(vec![
        ("linux/amd64", image().layer("x", 100).build()),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("y", 100).build(),
        ),
    ]);
    let name = upstream.seed("app:1", &both);
    let program = Program::new();
    program
        .export(&[&name], &["--platform", "linux/arm64"])
        .ended_with(0);
    let kept = program.path("bundle/blobs/sha256").join(both.digest.hex());
    assert_eq!(
        std::fs::read(kept).unwrap(),
        both.manifest,
        "the index is the original one"
    );
}

#[test]
fn containers_roadmap_2831_and_regclient_627_ranges_that_count_wrongly_do_not_stop_an_upload() {
    for fault in [Fault::StaleRange, Fault::RangeOfChunk] {
        let upstream = TestRegistry::start();
        let app = image().layer("big", 3_000_000).build();
        let name = upstream.seed("app:1", &app);
        let program = Program::new();
        program.export(&[&name], &[]).ended_with(0);
        let target = TestRegistry::start();
        target.fault(
            On::method("PUT").path("/blobs/uploads/").once(),
            Fault::RefusesWhole(413),
        );
        target.fault(On::method("PATCH"), fault);
        program.import(&target.host(), &[]).ended_with(0);
        let place = format!("{}/app", upstream.host().replace(':', "-"));
        for blob in app.all_blobs() {
            assert_eq!(target.blob(&place, &blob.descriptor.digest).unwrap(), blob.bytes);
        }
    }
}

#[test]
fn model_runner_873_and_inflexa_517_a_body_is_resumed_only_with_the_bytes_that_were_asked_for() {
    let registry = TestRegistry::start();
    let app = image().layer("big", 300_000).build();
    let name = registry.seed("app:1", &app);
    let layer = app.layers()[0].descriptor.digest;
    let blob = || On::get_blob().path(&layer.to_string());
    for (first, second) in [
        (Fault::CutAfter(100_000), Fault::IgnoresRange),
        (
            Fault::CutAfter(100_000),
            Fault::WrongRange("bytes 5-299999/300000"),
        ),
        (Fault::CleanEndAfter(100_000), Fault::NoDigestHeader),
    ] {
        registry.mend();
        registry.fault(blob().once(), first);
        registry.fault(blob().after(1).once(), second);
        let program = Program::new();
        program.export(&[&name], &[]).ended_with(0);
        let bytes = std::fs::read(program.path("bundle/blobs/sha256").join(layer.hex())).unwrap();
        assert_eq!(Digest::sha256(&bytes), layer);
    }
}

#[test]
fn oc_mirror_31_a_part_of_a_layer_is_never_read_as_the_layer() {
    let registry = TestRegistry::start();
    let app = image().layer("big", 300_000).build();
    let name = registry.seed("app:1", &app);
    let layer = app.layers()[0].descriptor.digest;
    let program = Program::new();
    let part = format!("bundle/carrack/tmp/sha256-{}", layer.hex());
    registry.fault(On::get_blob().path(&layer.to_string()), Fault::CutAfter(100_000));
    program.export(&[&name], &["--dry-run"]).ended_with(0);
    let first = program.export(&[&name], &[]);
    if first.code != Some(0) {
        assert!(!program.path("bundle/blobs/sha256").join(layer.hex()).exists());
    }
    registry.mend();
    // Whatever lies there as a part, its bytes are hashed before they count.
    carrack::fsx::write(&program.path(&part), &vec![9; 120_000]).unwrap();
    std::fs::remove_file(program.path("bundle/blobs/sha256").join(layer.hex())).ok();
    program.export(&[&name], &[]).ended_with(0);
    program.verify().ended_with(0);
}
