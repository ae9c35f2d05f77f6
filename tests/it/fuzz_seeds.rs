//! What the fuzz targets check, with their seeds: whatever a fuzzer once found stays found.
//!
//! Each target is a function in `fuzz/checks`, which the fuzzer and these tests call alike.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

#[path = "../../fuzz/checks/bundle_papers.rs"]
mod bundle_papers;
#[path = "../../fuzz/checks/chart_archive.rs"]
mod chart_archive;
#[path = "../../fuzz/checks/chart_index.rs"]
mod chart_index;
#[path = "../../fuzz/checks/config.rs"]
mod config;
#[path = "../../fuzz/checks/discovery.rs"]
mod discovery;
#[path = "../../fuzz/checks/goyaml_read.rs"]
mod goyaml_read;
#[path = "../../fuzz/checks/goyaml_write.rs"]
mod goyaml_write;
#[path = "../../fuzz/checks/layouts.rs"]
mod layouts;
#[path = "../../fuzz/checks/names.rs"]
mod names;
#[path = "../../fuzz/checks/node_files.rs"]
mod node_files;
#[path = "../../fuzz/checks/oci_document.rs"]
mod oci_document;
#[path = "../../fuzz/checks/registry_answers.rs"]
mod registry_answers;
#[path = "../../fuzz/checks/set_flags.rs"]
mod set_flags;
#[path = "../../fuzz/checks/signatures.rs"]
mod signatures;
#[path = "../../fuzz/checks/tar.rs"]
mod tar;
#[path = "../../fuzz/checks/template_fmt.rs"]
mod template_fmt;
#[path = "../../fuzz/checks/template_parse.rs"]
mod template_parse;
#[path = "../../fuzz/checks/template_render.rs"]
mod template_render;
#[path = "../../fuzz/checks/wanted.rs"]
mod wanted;

type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 18] = [
    ("bundle_papers", bundle_papers::check),
    ("chart_archive", chart_archive::check),
    ("chart_index", chart_index::check),
    ("config", config::check),
    ("discovery", discovery::check),
    ("goyaml_read", goyaml_read::check),
    ("goyaml_write", goyaml_write::check),
    ("layouts", layouts::check),
    ("names", names::check),
    ("node_files", node_files::check),
    ("oci_document", oci_document::check),
    ("registry_answers", registry_answers::check),
    ("set_flags", set_flags::check),
    ("signatures", signatures::check),
    ("template_fmt", template_fmt::check),
    ("template_parse", template_parse::check),
    ("template_render", template_render::check),
    ("wanted", wanted::check),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).expect("every target has a folder of seeds");
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The seeds of a target that its check does not hold for. A fuzzer runs on a main thread, whose stack is larger than
/// that of a test's.
fn failing(target: &'static str, check: Check) -> Vec<String> {
    let run = move || {
        let seeds = files(&fuzz().join("seeds").join(target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds
            .into_iter()
            .filter(|seed| {
                let bytes = std::fs::read(seed).unwrap();
                catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err()
            })
            .map(|seed| seed.display().to_string())
            .collect()
    };
    let thread = thread::Builder::new().name(target.to_owned()).stack_size(8 << 20);
    thread.spawn(run).unwrap().join().unwrap()
}

#[test]
fn what_the_fuzz_targets_check_holds_for_their_seeds() {
    let failing: Vec<String> = TARGETS
        .into_iter()
        .flat_map(|(target, check)| failing(target, check))
        .collect();
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
fn every_fuzz_target_runs_its_seeds_here_too() {
    let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |folder: &str| -> BTreeSet<String> {
        let files = files(&fuzz().join(folder)).into_iter();
        files
            .map(|file| file.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(stems("fuzz_targets"), here);
    assert_eq!(stems("seeds"), here);
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name} is not in fuzz/Cargo.toml"
        );
        let target = std::fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("{name}::check(data)")), "{target}");
    }
}
