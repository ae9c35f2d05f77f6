//! The map in `src/lib.rs` is true: every `use crate::…` follows one of its arrows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that everybody may use.
const GROUND: [&str; 9] = [
    "digest",
    "reference",
    "version",
    "observe",
    "deadline",
    "excerpt",
    "causes",
    "secret",
    "shell",
];

/// Who may name whom, beside the ground.
const ARROWS: [(&str, &[&str]); 21] = [
    ("fsx", &[]),
    ("goyaml", &[]),
    ("gotemplate", &[]),
    ("sprig", &["gotemplate", "goyaml"]),
    ("helm", &["sprig", "gotemplate", "goyaml"]),
    ("discover", &["goyaml"]),
    ("explore", &["helm", "discover", "gotemplate", "goyaml"]),
    ("oci", &[]),
    ("bundle", &["oci", "fsx"]),
    ("layouts", &["oci", "fsx"]),
    ("trust", &["oci", "fsx"]),
    ("mirrors", &["goyaml"]),
    ("config", &["layouts", "mirrors", "trust", "goyaml"]),
    ("credentials", &[]),
    ("http", &["credentials"]),
    ("registry", &["http", "credentials", "oci"]),
    (
        "chartrepo",
        &["http", "credentials", "oci", "registry", "goyaml", "helm", "fsx"],
    ),
    ("serve", &["bundle", "mirrors", "oci", "fsx"]),
    (
        "transfer",
        &[
            "registry",
            "chartrepo",
            "bundle",
            "layouts",
            "mirrors",
            "oci",
            "fsx",
            "http",
            "credentials",
        ],
    ),
    (
        "commands",
        &[
            "transfer",
            "registry",
            "chartrepo",
            "bundle",
            "layouts",
            "mirrors",
            "oci",
            "fsx",
            "http",
            "credentials",
            "serve",
            "explore",
            "discover",
            "helm",
            "goyaml",
            "gotemplate",
            "sprig",
            "trust",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "commands",
            "transfer",
            "registry",
            "chartrepo",
            "bundle",
            "mirrors",
            "oci",
            "fsx",
            "http",
            "credentials",
            "serve",
            "explore",
            "discover",
            "helm",
            "goyaml",
            "gotemplate",
            "sprig",
            "trust",
            "config",
        ],
    ),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn room(path: &Path, root: &Path) -> String {
    let first = path
        .strip_prefix(root)
        .unwrap()
        .iter()
        .next()
        .unwrap()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Every room that a source text names with `crate::room`, comments aside.
fn named_rooms(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .fold(String::new(), |a, l| a + l + "\n");
    let mut rooms = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let list = after.strip_prefix('{').and_then(|a| a.split('}').next());
        for name in list.map_or_else(|| vec![after], |l| l.split(',').collect()) {
            let name: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if !name.is_empty() {
                rooms.insert(name);
            }
        }
    }
    rooms
}

#[test]
fn every_use_follows_an_arrow_of_the_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let from = room(&file, &root);
        if from == "lib" || from == "main" {
            continue;
        }
        let allowed = ARROWS
            .iter()
            .find(|(name, _)| *name == from)
            .map_or(&[][..], |(_, to)| to);
        for to in named_rooms(&fs::read_to_string(&file).unwrap()) {
            let known = GROUND.contains(&to.as_str()) || ARROWS.iter().any(|(name, _)| *name == to);
            if known && to != from && !GROUND.contains(&to.as_str()) && !allowed.contains(&to.as_str()) {
                wrong.push(format!("{}: {from} names {to}", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that the map in src/lib.rs does not have:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_room_is_on_the_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let map = fs::read_to_string(root.join("lib.rs")).unwrap();
    let page: String = map.lines().filter(|l| l.starts_with("//!")).collect();
    for (room, _) in ARROWS {
        assert!(page.contains(room), "{room} is not on the map in src/lib.rs");
        assert!(map.contains(&format!("pub mod {room};")), "{room} is no module");
    }
}
