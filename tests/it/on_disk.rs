//! Images that other builders left on disk: they cross unchanged, no registry is asked for them, and engines inside take
//! them.

use std::process::Command;

use carrack::bundle::Bundle;
use carrack::digest::Digest;

use crate::support::docker_registry::DockerRegistry;
use crate::support::fixture_bundle;
use crate::support::program::Program;
use crate::support::programs::{is_root, program, run, without_internet};

/// A name whose host does not exist: an image of it can only come from the disk.
const NAME: &str = "registry.invalid/team/tool:3";

/// The fixture's image for this machine, written by real skopeo in a form of its own under a name.
fn written(place: &Program, form: &str, name: &str) -> Option<()> {
    write_as(place, "image", form, name)
}

fn write_as(place: &Program, file: &str, form: &str, name: &str) -> Option<()> {
    let skopeo = program("skopeo")?;
    let fixture = fixture_bundle::make();
    run(Command::new(skopeo)
        .args(["--insecure-policy", "copy", "--quiet"])
        .arg(format!(
            "oci:{}:docker.io/library/hello:1.0",
            fixture.path().display()
        ))
        .arg(format!("{form}:{}:{name}", place.path(file).display())));
    Some(())
}

/// A file of an archive.
fn part(place: &Program, name: &str) -> String {
    run(Command::new("tar").arg("-xOf").arg(place.path("image")).arg(name))
}

/// The digest of the bundle's only image, and what it is of.
fn carried(place: &Program) -> (Digest, String) {
    let bundle = Bundle::open(&place.path("bundle")).unwrap();
    assert_eq!(bundle.entries().len(), 1);
    let (_, root) = bundle.entries().first_key_value().unwrap();
    let record = bundle.inventory().unwrap().unwrap();
    let (_, record) = record.references.first_key_value().unwrap();
    (root.digest, record.provenance[0].source.clone())
}

#[test]
fn an_oci_archive_of_skopeo_crosses_with_the_bytes_that_it_has() {
    let place = Program::new();
    if written(&place, "oci-archive", NAME).is_none() {
        return;
    }
    let ran = place.export(&["oci-archive:image"], &[]).ended_with(0);
    assert_eq!(ran.row("tool")["reference"], NAME);
    let (digest, source) = carried(&place);
    let raw = part(&place, &format!("blobs/sha256/{}", digest.hex()));
    assert_eq!(Digest::sha256(raw.as_bytes()), digest);
    assert!(part(&place, "index.json").contains(&digest.to_string()));
    assert_eq!(source, "oci-archive:image");
    place.verify().ended_with(0);
    let again = place.export(&["oci-archive:image"], &[]).ended_with(0);
    assert_eq!(again.row("tool")["outcome"], "present");
}

#[test]
fn a_docker_archive_of_podman_keeps_its_id_on_the_whole_way_to_podman_inside() {
    let place = Program::new();
    let Some(podman) = program("podman").filter(|_| is_root()) else {
        return;
    };
    if written(&place, "docker-archive", NAME).is_none() {
        return;
    }
    let podman = |words: &[&str]| {
        let mut command = without_internet(&podman);
        command
            .args(["--storage-driver", "vfs", "--root"])
            .arg(place.path("root"))
            .arg("--runroot")
            .arg(place.path("run"))
            .args(words);
        command
    };
    // In and out of podman, so that its own writer made the archive.
    let image = place.path("image").display().to_string();
    run(&mut podman(&["load", "--quiet", "--input", &image]));
    std::fs::remove_file(&image).unwrap();
    run(&mut podman(&[
        "save",
        "--quiet",
        "--format",
        "docker-archive",
        "--output",
        &image,
        NAME,
    ]));
    run(&mut podman(&["rmi", "--force", NAME]));
    let ran = place.export(&["docker-archive:image"], &[]).ended_with(0);
    assert!(ran.err.contains("has no registry manifest"), "{}", ran.err);
    let (first, _) = carried(&place);
    std::fs::remove_dir_all(place.path("bundle")).unwrap();
    place.export(&["docker-archive:image"], &[]).ended_with(0);
    assert_eq!(carried(&place).0, first, "the manifest is always the same");
    let Some(target) = DockerRegistry::start() else {
        return;
    };
    place
        .import(
            &target.host(),
            &["--engine-config", "engines", "--engine", "podman"],
        )
        .ended_with(0);
    let configuration = place.path("engines/podman/etc/containers/registries.conf.d/50-carrack.conf");
    let id = run(podman(&["pull", "--quiet", NAME]).env("CONTAINERS_REGISTRIES_CONF", configuration));
    // The image's ID is the digest of its configuration, after which the archive names the file.
    assert!(part(&place, "manifest.json").contains(id.trim()), "{id}");
}

#[test]
fn an_image_without_a_full_name_gets_one_from_the_command_line() {
    let place = Program::new();
    if written(&place, "oci", "latest").is_none() {
        return;
    }
    let ran = place.export(&["oci:image"], &[]).ended_with(3);
    assert!(ran.out.contains("has no full name (latest)"), "{}", ran.out);
    let source = format!("{NAME}=oci:image:latest");
    let ran = place.export(&[&source], &[]).ended_with(0);
    assert_eq!(ran.row("tool")["reference"], NAME);
    place.verify().ended_with(0);
}

#[test]
fn two_sources_that_give_one_name_to_different_images_are_told() {
    let place = Program::new();
    if write_as(&place, "other", "docker-archive", NAME).is_none() {
        return;
    }
    written(&place, "oci-archive", NAME).unwrap();
    let ran = place
        .export(&["docker-archive:other", "oci-archive:image"], &[])
        .ended_with(3);
    assert!(ran.out.contains("another source has that name"), "{}", ran.out);
}

#[test]
fn an_archive_that_lacks_a_layer_fails_and_asks_nobody_for_it() {
    let place = Program::new();
    if written(&place, "oci", NAME).is_none() {
        return;
    }
    let blobs = place.path("image/blobs/sha256");
    let sizes = std::fs::read_dir(&blobs).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.metadata().unwrap().len(), entry.path())
    });
    let (_, largest) = sizes.max().unwrap();
    std::fs::remove_file(&largest).unwrap();
    let ran = place.export(&["oci:image"], &[]).ended_with(3);
    let missing = format!("has no sha256:{}", largest.file_name().unwrap().to_str().unwrap());
    assert!(ran.out.contains(&missing), "{}", ran.out);
    assert!(!ran.out.contains("registry.invalid/v2"), "{}", ran.out);
}
