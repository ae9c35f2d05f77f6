//! The vulnerabilities and data losses that tools of this field have had, each asked of this program: the tests are
//! named for the CVE or the bug. `docs/faults.md` is the table that leads here.

mod charts;
mod losses;
mod registries;
mod signatures;

use std::fs;
use std::path::Path;

use crate::support::program::{Program, Ran};

#[expect(clippy::disallowed_methods, reason = "a test lays its own files out")]
fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A chart folder named `chart` in the program's place: a minimal `Chart.yaml` and these files.
fn chart(program: &Program, files: &[(&str, &str)]) {
    let root = program.path("chart");
    write(
        &root,
        "Chart.yaml",
        b"apiVersion: v2\nname: demo\nversion: 1.0.0\n",
    );
    for (name, text) in files {
        write(&root, name, text.as_bytes());
    }
}

/// Renders the folder `chart`.
fn render(program: &Program, more: &[&str]) -> Ran {
    let mut arguments = vec!["charts", "render", "chart"];
    arguments.extend(more);
    program.run(&arguments)
}
