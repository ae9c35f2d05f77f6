//! A set on several drives, each of which imports alone.

use std::collections::BTreeSet;
use std::path::Path;

use carrack::bundle::Bundle;

use crate::support::images::{Image, image};
use crate::support::program::{Program, tree};
use crate::support::registry::TestRegistry;

/// A volume of this many bytes holds three of the images below, if they share a base.
const SIZE: [&str; 2] = ["--volume-size", "800kB"];

/// Six images on two bases, and their names.
fn fleet(registry: &TestRegistry) -> (Vec<Image>, Vec<String>) {
    let images: Vec<Image> = (0..6)
        .map(|n| {
            let base = if n % 2 == 0 { "even" } else { "odd" };
            image()
                .layer(base, 150_000)
                .layer(&format!("own-{n}"), 90_000)
                .build()
        })
        .collect();
    let seed = |(n, image)| registry.seed(&format!("team/app-{n}:1"), image);
    let names = images.iter().enumerate().map(seed).collect();
    (images, names)
}

fn bytes_below(folder: &Path) -> u64 {
    tree(folder).values().map(|bytes| bytes.len() as u64).sum()
}

#[test]
fn every_volume_is_a_bundle_that_imports_alone() {
    let registry = TestRegistry::start();
    let (_, names) = fleet(&registry);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    let ran = program.export(&names, &SIZE).ended_with(0);
    let volumes = ran.json()["volumes"].as_array().unwrap().len();
    assert!(volumes >= 2, "{}", ran.out);
    let mut carried = BTreeSet::new();
    // The last one first: none of them needs another.
    for number in (1..=volumes).rev() {
        let path = program.path(&format!("bundle/volume-{number}"));
        assert!(bytes_below(&path) <= 800_000);
        let name = format!("bundle/volume-{number}");
        program.run(&["verify", &name]).ended_with(0);
        let bundle = Bundle::open(&path).unwrap();
        let volume = bundle.inventory().unwrap().unwrap().volume.unwrap();
        assert_eq!((volume.number, volume.of), (number as u64, volumes as u64));
        let target = TestRegistry::start();
        program
            .run(&["import", "--from", &name, "--to", target.host().as_str()])
            .ended_with(0);
        for reference in bundle.entries().keys() {
            assert!(
                carried.insert(reference.to_string()),
                "{reference} is on two volumes"
            );
        }
    }
    assert_eq!(carried, names.iter().map(ToString::to_string).collect());
}

#[test]
fn images_on_one_base_are_packed_together_and_manifests_are_asked_for_once() {
    let registry = TestRegistry::start();
    let (images, names) = fleet(&registry);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    program.export(&names, &SIZE).ended_with(0);
    for base in [0, 1] {
        let digest = images[base].layers()[0].descriptor.digest;
        assert_eq!(
            registry.ranges_asked(&digest).len(),
            1,
            "{digest} is on one volume"
        );
    }
    assert_eq!(registry.count("GET", "/manifests/"), names.len());
}

#[test]
fn a_single_volume_is_the_same_as_in_the_whole_set() {
    let registry = TestRegistry::start();
    let (_, names) = fleet(&registry);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    program.export(&names, &SIZE).ended_with(0);
    let mut only = SIZE.to_vec();
    only.extend(["--volume", "2", "--to", "drive"]);
    program.export(&names, &only).ended_with(0);
    assert_eq!(
        tree(&program.path("drive")),
        tree(&program.path("bundle/volume-2"))
    );
    let mut beyond = SIZE.to_vec();
    beyond.extend(["--volume", "9", "--to", "other"]);
    let ran = program.export(&names, &beyond).ended_with(2);
    assert!(
        ran.err.contains("there is no volume 9: the set needs 2"),
        "{}",
        ran.err
    );
}

#[test]
fn an_image_that_no_volume_can_hold_stops_the_run_before_the_first_blob() {
    let registry = TestRegistry::start();
    let small = registry.seed("team/small:1", &image().layer("s", 10_000).build());
    let large = registry.seed("team/large:1", &image().layer("l", 900_000).build());
    let program = Program::new();
    let ran = program.export(&[&small, &large], &SIZE).ended_with(1);
    assert!(ran.err.contains("team/large:1 needs"), "{}", ran.err);
    assert!(ran.err.contains("a volume holds 800.0 kB"), "{}", ran.err);
    assert_eq!(registry.count("GET", "/blobs/"), 0);
}

#[test]
fn a_volume_takes_the_place_of_nothing_else() {
    let registry = TestRegistry::start();
    let (_, names) = fleet(&registry);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    program.export(&names[..2], &["--to", "drive"]).ended_with(0);
    let onto = |number: &'static str, drive: &'static str| {
        let mut more = SIZE.to_vec();
        more.extend(["--volume", number, "--to", drive]);
        program.export(&names, &more)
    };
    let ran = onto("1", "drive").ended_with(2);
    assert!(ran.err.contains("is no volume, with 2 references"), "{}", ran.err);
    onto("2", "stick").ended_with(0);
    let before = tree(&program.path("stick"));
    let ran = onto("1", "stick").ended_with(2);
    assert!(ran.err.contains("holds volume 2 of 2"), "{}", ran.err);
    assert_eq!(tree(&program.path("stick")), before);
    // One that was mended is still the same volume.
    let bundle = Bundle::open(&program.path("stick")).unwrap();
    let carried = bundle.entries().keys().next().unwrap().to_string();
    let mend = ["--rehash", "--to", "stick"];
    program.export(&[carried.as_str()], &mend).ended_with(0);
    // The run that was refused is not taken for one that was interrupted.
    program.run(&["prune", "stick"]).ended_with(0);
    onto("2", "stick").ended_with(0);
}

#[test]
fn volumes_are_not_written_into_a_bundle() {
    let registry = TestRegistry::start();
    let (_, names) = fleet(&registry);
    let program = Program::new();
    program.export(&[&names[0]], &[]).ended_with(0);
    let before = tree(&program.path("bundle"));
    let ran = program.export(&[&names[0]], &SIZE).ended_with(2);
    assert!(ran.err.contains("bundle is a bundle, and volumes"), "{}", ran.err);
    assert_eq!(tree(&program.path("bundle")), before);
}

#[test]
fn a_registry_that_is_down_takes_nothing_off_a_volume() {
    let registry = TestRegistry::start();
    let other = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = other.seed("team/two:1", &image().layer("b", 500).build());
    let program = Program::new();
    program.export(&[&one, &two], &SIZE).ended_with(0);
    drop(other);
    program.export(&[&one, &two], &SIZE).ended_with(3);
    let bundle = Bundle::open(&program.path("bundle/volume-1")).unwrap();
    assert_eq!(bundle.entries().len(), 2);
    program.run(&["verify", "bundle/volume-1"]).ended_with(0);
}

#[test]
fn the_lock_of_one_volume_pins_what_is_on_the_others() {
    let registry = TestRegistry::start();
    let (_, names) = fleet(&registry);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    let mut more = SIZE.to_vec();
    more.extend(["--volume", "1", "--lock", "carrack.lock"]);
    let ran = program.export(&names, &more).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], names.len());
}

#[test]
fn a_volume_that_is_written_alone_names_the_lock_that_keeps_the_set_together() {
    let registry = TestRegistry::start();
    let (_, names) = fleet(&registry);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    let volume = |number: &'static str, more: &[&'static str]| {
        let mut flags = vec!["--volume-size", "800kB", "--volume", number, "--to", number];
        flags.extend(more);
        program.export(&names, &flags).ended_with(0).json()
    };
    let first = volume("1", &[]);
    let note = first["notes"][0].as_str().unwrap();
    assert!(note.contains("with the same --lock FILE"), "{note}");
    assert!(note.contains(first["set"].as_str().unwrap()), "{note}");
    let locked = volume("1", &["--lock", "carrack.lock"]);
    assert_eq!(locked.get("notes"), None);
    assert_eq!(locked["set"], first["set"]);
    let asked_anew = volume("1", &["--lock", "carrack.lock", "--refresh"]);
    let note = asked_anew["notes"][0].as_str().unwrap();
    assert!(note.contains("without --refresh"), "{note}");

    // One of them grows and moves before the second drive is in.
    let moved = image().layer("new", 390_000).build();
    registry.seed("team/app-0:1", &moved);
    let unlocked = volume("2", &[]);
    assert_ne!(unlocked["set"], first["set"], "it is of another set");
    let locked = volume("2", &["--lock", "carrack.lock"]);
    assert_eq!(locked["set"], first["set"]);
    let mut carried = BTreeSet::new();
    for folder in ["1", "2"] {
        let bundle = Bundle::open(&program.path(folder)).unwrap();
        carried.extend(bundle.entries().keys().map(ToString::to_string));
    }
    assert_eq!(carried, names.iter().map(ToString::to_string).collect());
    // All at once there is nothing to say.
    let ran = program.export(&names, &SIZE).ended_with(0);
    assert_eq!(ran.json().get("notes"), None);
}
