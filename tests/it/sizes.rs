//! Manifests that are wrong about a blob: they fail alone, and nobody's good blob is lost.

use carrack::bundle::Bundle;

use crate::support::images::{Image, image, index};
use crate::support::program::Program;
use crate::support::registry::{Fault, On, TestRegistry};

/// Two images that share a layer, the second of which says that it has a byte more.
fn good_and_liar(registry: &TestRegistry) -> (Image, [String; 2]) {
    let good = image().layer("shared", 5000).layer("good", 100).build();
    let liar = image().layer("shared", 5000).layer("liar", 100).build();
    let names = [
        registry.seed("team/good:1", &good),
        registry.seed("team/liar:1", &liar),
    ];
    registry.seed_manifest("team/liar", "1", &liar.media_type, &lying(&liar));
    (good, names)
}

/// The manifest of an image that is wrong about its first layer.
fn lying(image: &Image) -> Vec<u8> {
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
    let size = &mut manifest["layers"][0]["size"];
    *size = (size.as_u64().unwrap() + 1).into();
    serde_json::to_vec(&manifest).unwrap()
}

#[test]
fn a_manifest_that_is_wrong_about_a_blob_does_not_take_it_out_of_the_bundle() {
    let registry = TestRegistry::start();
    let (good, [good_name, liar_name]) = good_and_liar(&registry);
    let shared = &good.layers()[0].descriptor;
    let program = Program::new();
    program.export(&[&good_name], &[]).ended_with(0);
    registry.clear_log();
    for more in [&["--dry-run"][..], &[]] {
        let ran = program.export(&[&liar_name], more).ended_with(3);
        let row = ran.row("liar");
        let why = format!(
            "says that blob {} has {} bytes; the bundle has it with {}",
            shared.digest,
            shared.size + 1,
            shared.size
        );
        assert!(row["error"].as_str().unwrap().contains(&why), "{row}");
    }
    assert_eq!(
        registry.count("GET", "/blobs/"),
        0,
        "what only it needs is not fetched"
    );
    assert_eq!(program.verify().ended_with(0).json()["references"], 1);
    // A file that is damaged is none that anybody could be wrong about.
    let path = program.path("bundle/blobs/sha256").join(shared.digest.hex());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.pop();
    carrack::fsx::write(&path, &bytes).unwrap();
    program.export(&[&good_name], &[]).ended_with(0);
    program.verify().ended_with(0);
}

#[test]
fn of_two_manifests_that_disagree_about_a_blob_the_wrong_one_fails_alone() {
    for order in [[0, 1], [1, 0]] {
        let registry = TestRegistry::start();
        let (_, names) = good_and_liar(&registry);
        let names = order.map(|at| names[at].as_str());
        let program = Program::new();
        let ran = program.export(&names, &[]).ended_with(3);
        assert_eq!(ran.row("good")["outcome"], "done");
        assert_eq!(ran.row("liar")["outcome"], "failed");
        assert_eq!(program.verify().ended_with(0).json()["references"], 1);
    }
}

#[test]
fn of_two_manifests_that_disagree_both_fail_where_nobody_can_tell() {
    let registry = TestRegistry::start();
    let (good, [good_name, liar_name]) = good_and_liar(&registry);
    registry.fault(On::method("HEAD").path("/blobs/"), Fault::NoLength);
    let program = Program::new();
    let other = registry.seed("team/other:1", &image().layer("good", 100).build());
    let ran = program
        .export(&[&good_name, &liar_name, &other], &[])
        .ended_with(3);
    for name in ["good", "liar"] {
        let row = ran.row(name);
        assert!(
            row["error"].as_str().unwrap().contains("different sizes"),
            "{row}"
        );
    }
    assert_eq!(ran.row("other")["outcome"], "done");
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    assert_eq!(
        bundle.blob_size(&good.layers()[0].descriptor.digest).unwrap(),
        None
    );
    assert_eq!(program.verify().ended_with(0).json()["references"], 1);
}

#[test]
fn an_image_whose_own_manifests_disagree_about_a_blob_fails() {
    let registry = TestRegistry::start();
    let one = image().layer("shared", 5000).build();
    let mut other = image().platform("linux/arm64").layer("shared", 5000).build();
    other.manifest = lying(&other).into();
    other.digest = carrack::digest::Digest::sha256(&other.manifest);
    let both = index(vec![("linux/amd64", one), ("linux/arm64", other)]);
    let name = registry.seed("team/app:1", &both);
    let program = Program::new();
    let row = program.export(&[&name], &[]).ended_with(3).row("app");
    assert!(
        row["error"].as_str().unwrap().contains("different sizes"),
        "{row}"
    );
}

#[test]
fn an_index_that_calls_a_layer_a_manifest_does_not_take_it_out_of_the_bundle() {
    let registry = TestRegistry::start();
    let good = image().layer("large", 9 << 20).build();
    let good_name = registry.seed("team/good:1", &good);
    let layer = &good.layers()[0].descriptor;
    let mut liar = index(vec![("linux/amd64", image().build())]);
    let mut manifest: serde_json::Value = serde_json::from_slice(&liar.manifest).unwrap();
    manifest["manifests"][0]["digest"] = layer.digest.to_string().into();
    liar.manifest = serde_json::to_vec(&manifest).unwrap().into();
    let liar_name = registry.seed("team/liar:1", &liar);
    let program = Program::new();
    program.export(&[&good_name], &[]).ended_with(0);
    program.export(&[&liar_name], &[]).ended_with(3);
    program.verify().ended_with(0);
}

/// An index of two platforms that says a byte more of the second one than it has.
fn index_that_lies() -> Image {
    let mut liar = index(vec![
        ("linux/amd64", image().layer("amd", 100).build()),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("arm", 100).build(),
        ),
    ]);
    let mut manifest: serde_json::Value = serde_json::from_slice(&liar.manifest).unwrap();
    let size = &mut manifest["manifests"][1]["size"];
    *size = (size.as_u64().unwrap() + 1).into();
    liar.manifest = serde_json::to_vec(&manifest).unwrap().into();
    liar.digest = carrack::digest::Digest::sha256(&liar.manifest);
    liar
}

#[test]
fn an_index_that_is_wrong_about_the_size_of_a_manifest_fails_at_the_export_and_not_weeks_later() {
    let registry = TestRegistry::start();
    let good_name = registry.seed("team/good:1", &image().layer("good", 100).build());
    let liar_name = registry.seed("team/liar:1", &index_that_lies());
    let program = Program::new();
    for more in [&["--dry-run"][..], &[], &[]] {
        let ran = program.export(&[&good_name, &liar_name], more).ended_with(3);
        let row = ran.row("liar");
        let why = row["error"].as_str().unwrap();
        assert!(why.contains("its index says that manifest sha256:"), "{row}");
        assert!(why.contains("containerd and `carrack verify` refuse"), "{row}");
    }
    assert_eq!(program.verify().ended_with(0).json()["references"], 1);
    // What is not carried of it may be described as it likes.
    let flags = ["--platform", "linux/amd64", "--to", "amd"];
    program.export(&[&liar_name], &flags).ended_with(0);
    program.run(&["verify", "amd"]).ended_with(0);
}
