//! From a bundle into another bundle: verified as for a registry, what was left out stays left out, and the end says how to
//! serve it.

use std::fs;

use crate::support::images::{Image, image, index};
use crate::support::program::{Program, Ran, tree};
use crate::support::registry::TestRegistry;

/// Runs `import --from bundle --to dir:inside` and gives the text for people.
fn joined(program: &Program, more: &[&str]) -> Ran {
    let arguments = ["import", "--from", "bundle", "--to", "dir:inside"];
    program.run(&[&arguments, more].concat())
}

/// A program whose bundle holds two images that share nothing, and the path of a layer of the second.
fn two_images() -> (Program, [String; 2], std::path::PathBuf) {
    let upstream = TestRegistry::start();
    let bad = image().layer("bad", 9000).build();
    let names = [
        upstream.seed("team/good:1", &image().layer("good", 900).build()),
        upstream.seed("team/bad:1", &bad),
    ];
    let program = Program::new();
    program.export(&[&names[0], &names[1]], &[]).ended_with(0);
    let layer = bad.layers()[0].descriptor.digest;
    let path = program.path("bundle/blobs/sha256").join(layer.hex());
    (program, names, path)
}

/// An image for two platforms.
fn for_two_platforms() -> Image {
    index(vec![
        ("linux/amd64", image().layer("x", 100).build()),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("y", 100).build(),
        ),
    ])
}

#[test]
fn a_flipped_bit_gets_no_name_in_the_folder_and_the_others_come() {
    let (program, [good, bad], layer) = two_images();
    let mut bytes = fs::read(&layer).unwrap();
    bytes[5000] ^= 1;
    fs::remove_file(&layer).unwrap();
    carrack::fsx::write(&layer, &bytes).unwrap();

    let ran = joined(&program, &["--dry-run"]).ended_with(4);
    assert!(ran.out.contains("bad: sha256:"), "{}", ran.out);
    assert!(!program.path("inside").exists());

    let ran = joined(&program, &[]).ended_with(4);
    assert!(ran.out.contains("bad: sha256:"), "{}", ran.out);
    let again = format!("  carrack export {bad} --rehash --to bundle");
    assert!(ran.out.contains(&again), "{}", ran.out);
    assert!(!ran.out.contains("next:"), "{}", ran.out);
    let inside = fs::read_to_string(program.path("inside/index.json")).unwrap();
    assert!(inside.contains(&good) && !inside.contains(&bad), "{inside}");
    let copied = program
        .path("inside/blobs/sha256")
        .join(layer.file_name().unwrap());
    assert!(!copied.exists());
    program.run(&["verify", "inside"]).ended_with(0);

    let ran = program.import("dir:inside", &[]).ended_with(4);
    assert_eq!(ran.row("bad")["outcome"], "failed");
    assert_eq!(ran.row("good")["outcome"], "present");
}

#[test]
fn references_that_the_index_has_lost_are_missed() {
    let (program, [good, _], _) = two_images();
    let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
    carrack::fsx::write(&program.path("bundle/index.json"), empty.as_bytes()).unwrap();
    let ran = joined(&program, &[]).ended_with(4);
    assert!(
        ran.out.contains(&format!("bad: {good}: the inventory has ")) && ran.out.contains("carrack export"),
        "{}",
        ran.out
    );
}

#[test]
fn a_bundle_without_its_inventory_is_not_called_whole() {
    let (program, [good, bad], _) = two_images();
    fs::remove_file(program.path("bundle/carrack/inventory.json")).unwrap();
    let ran = joined(&program, &[]).ended_with(4);
    assert!(ran.out.contains("bad: carrack/inventory.json"), "{}", ran.out);
    let inside = fs::read_to_string(program.path("inside/index.json")).unwrap();
    assert!(inside.contains(&good) && inside.contains(&bad), "{inside}");
}

#[test]
fn platforms_that_were_left_out_by_choice_stay_left_out() {
    let upstream = TestRegistry::start();
    let name = upstream.seed("team/app:1", &for_two_platforms());
    let program = Program::new();
    program
        .export(&[&name], &["--platform", "linux/amd64"])
        .ended_with(0);
    let ran = joined(&program, &[]).ended_with(0);
    assert!(ran.out.contains("1 left out on purpose"), "{}", ran.out);
    program.run(&["verify", "inside"]).ended_with(0);
    // The new bundle goes on as the old one would have.
    let target = TestRegistry::start();
    target.take_sparse_indexes();
    program
        .run(&["import", "--from", "inside", "--to", &target.host()])
        .ended_with(0);
    let path = format!("{}/team/app", upstream.host().replace(':', "-"));
    assert!(target.manifest(&path, "1").is_some());
    // What was left out once may come later.
    program.export(&[&name], &["--to", "whole"]).ended_with(0);
    program
        .run(&["import", "--from", "whole", "--to", "dir:inside"])
        .ended_with(0);
    let whole = program.run(&["verify", "inside", "-o", "json"]).ended_with(0);
    assert_eq!(whole.json()["absent"], 0, "{}", whole.out);
}

#[test]
fn layers_that_registries_may_not_distribute_come_if_the_bundle_has_them() {
    let upstream = TestRegistry::start();
    let app = image().docker().layer("base", 900).build();
    upstream.seed("team/app:1", &app);
    let foreign = String::from_utf8(app.manifest.to_vec())
        .unwrap()
        .replace("image.rootfs.diff.tar.gzip", "image.rootfs.foreign.diff.tar.gzip");
    upstream.seed_manifest("team/app", "1", &app.media_type, foreign.as_bytes());
    let name = format!("{}/team/app:1", upstream.host());
    let layer = app.layers()[0].descriptor.digest.hex();
    for (bundle, inside, flags) in [
        ("poor", "dir:one", &[][..]),
        ("rich", "dir:two", &["--include-foreign"]),
    ] {
        let program = Program::new();
        program
            .export(&[&name], &[&["--to", bundle], flags].concat())
            .ended_with(0);
        program
            .run(&["import", "--from", bundle, "--to", inside])
            .ended_with(0);
        let folder = inside.trim_start_matches("dir:");
        program.run(&["verify", folder]).ended_with(0);
        let copied = program.path(folder).join("blobs/sha256").join(&layer);
        assert_eq!(copied.exists(), bundle == "rich", "{bundle}");
    }
}

#[test]
fn what_a_receipt_left_out_fails_its_image_unless_the_folder_has_it() {
    let upstream = TestRegistry::start();
    let old = image().layer("base", 30_000).layer("v1", 100).build();
    let new = image().layer("base", 30_000).layer("v2", 100).build();
    let names = [
        upstream.seed("team/app:1", &old),
        upstream.seed("team/app:2", &new),
    ];
    let target = TestRegistry::start();
    let program = Program::new();
    program.export(&[&names[0]], &[]).ended_with(0);
    program
        .import(&target.host(), &["--receipt", "have.json"])
        .ended_with(0);
    program
        .export(&[&names[1]], &["--to", "delta", "--have", "have.json"])
        .ended_with(0);
    let base = new.layers()[0].descriptor.digest.to_string();
    let import = ["import", "--from", "delta", "--to", "dir:inside"];
    for more in [&["--dry-run"][..], &[]] {
        let ran = program.run(&[&import, more].concat()).ended_with(3);
        assert!(
            ran.out.contains(&base) && ran.out.contains("because a receipt said that a registry has it"),
            "{}",
            ran.out
        );
    }
    let layer = new.layers()[1].descriptor.digest;
    let copied = program.path("inside/blobs/sha256").join(layer.hex());
    assert!(
        !copied.exists(),
        "nothing of an image that cannot be whole is copied"
    );
    joined(&program, &[]).ended_with(0);
    program.run(&import).ended_with(0);
    program.run(&["verify", "inside"]).ended_with(0);
}

#[test]
fn a_dry_run_offers_nothing_to_serve() {
    let (program, ..) = two_images();
    let ran = joined(&program, &["--dry-run"]).ended_with(0);
    assert!(
        ran.out.ends_with("\nnext: the same command without --dry-run\n"),
        "{}",
        ran.out
    );
    assert!(!program.path("inside").exists());
}

#[test]
fn the_command_that_serves_a_folder_knows_its_mapping() {
    let (program, ..) = two_images();
    let rules = ["--map", "quay.io/jetstack=jetstack", "--map", "docker.io+=/"];
    let ran = joined(&program, &rules).ended_with(0);
    assert!(
        ran.out
            .ends_with("\nnext: carrack serve inside --map quay.io/jetstack=jetstack --map docker.io+=/\n"),
        "{}",
        ran.out
    );
}

#[test]
fn nothing_is_brought_into_the_bundle_that_it_comes_from() {
    let (program, ..) = two_images();
    let before = tree(&program.path("bundle"));
    std::os::unix::fs::symlink(program.path("bundle"), program.path("link")).unwrap();
    let write = |name: &str, text: &str| carrack::fsx::write(&program.path(name), text.as_bytes()).unwrap();
    write(
        "carrack.yaml",
        "version: 1\ndestinations:\n  inside: {folder: link/inside}\n",
    );
    let absolute = format!("dir:{}", program.path("bundle/deep/new").display());
    for to in [
        "dir:bundle/new",
        "dir:bundle/blobs",
        "dir:link/new",
        "dir:absent/../bundle/new",
        absolute.as_str(),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let ran = program.import(to, more).ended_with(2);
            let told = format!(
                "error: {} leads into bundle, the bundle that is imported, which would get files that its inventory does not name, and could not be signed any more: name a folder outside of it\n",
                to.trim_start_matches("dir:")
            );
            assert_eq!(ran.err, told);
        }
    }
    let declared = ["--config", "carrack.yaml"];
    let ran = program.import("inside", &declared).ended_with(2);
    assert!(ran.err.contains("leads into bundle"), "{}", ran.err);
    let charts = ["--charts-to", "dir:link/charts"];
    let ran = program.import("dir:inside", &charts).ended_with(2);
    assert!(ran.err.contains("link/charts leads into bundle"), "{}", ran.err);
    assert_eq!(tree(&program.path("bundle")), before);
    assert!(!program.path("absent").exists() && !program.path("inside").exists());
    // A bundle that is served where it lies gets its engine configuration that way.
    let engines = ["--engine-config", "engines", "--mirror", "mirror.example.lan"];
    for to in ["dir:bundle", "dir:./bundle/", "dir:link", "dir:bundle/blobs/.."] {
        let ran = program.import(to, &engines).ended_with(0);
        assert_eq!(ran.row("good")["outcome"], "present");
    }
    assert_eq!(tree(&program.path("bundle")), before);
    // Beside it is another place, whatever its name begins with.
    program.import("dir:bundle-2", &[]).ended_with(0);
    program.import("dir:bundle/../inside", &[]).ended_with(0);
}
