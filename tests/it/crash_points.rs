//! A run that is killed, or refused by the disk, at one of its changing system calls: whatever the call, nothing wrong
//! lies under a digest name, and the next run completes to the same tree as if nothing had happened.
//!
//! In the ordinary suite a sample of the calls is tried. All of them: `CRASH_POINTS=all cargo test --test it crash_points`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use carrack::digest::Digest;

use crate::support::images::{image, index};
use crate::support::program::{Program, tree};
use crate::support::registry::TestRegistry;

/// The system calls that change the drive.
const CALLS: [&str; 10] = [
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "syncfs",
    "renameat",
    "renameat2",
    "mkdirat",
    "unlinkat",
    "ftruncate",
];

/// What happens at a call.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// The process is killed as it enters the call.
    Kill,
    /// The call answers with this error.
    Refuse(&'static str),
}

impl Blow {
    fn injection(self, call: &str, at: usize) -> String {
        match self {
            Self::Kill => format!("inject={call}:signal=KILL:when={at}"),
            Self::Refuse(error) => format!("inject={call}:error={error}:when={at}"),
        }
    }
}

/// Runs the program under strace with these options of strace.
fn under_strace(program: &Program, options: &[&str], arguments: &[&str]) -> Option<i32> {
    Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(program.path("trace"))
        .args(options)
        .arg(env!("CARGO_BIN_EXE_carrack"))
        .args(arguments)
        .env_clear()
        .env("HOME", program.path(""))
        .env("PATH", "/usr/bin:/bin")
        .current_dir(program.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace is installed")
        .code()
}

/// How often the busiest thread of a whole run makes each call: strace counts by thread.
fn calls_of(program: &Program, arguments: &[&str]) -> Vec<(&'static str, usize)> {
    let filter = format!("trace={}", CALLS.join(","));
    assert_eq!(under_strace(program, &["-e", &filter], arguments), Some(0));
    let trace = fs::read_to_string(program.path("trace")).unwrap();
    let most = |call: &str| {
        let mut threads = std::collections::BTreeMap::<&str, usize>::new();
        for line in trace.lines() {
            let (thread, rest) = line.split_once(' ').unwrap_or_default();
            if rest.trim_start().starts_with(&format!("{call}(")) {
                *threads.entry(thread).or_default() += 1;
            }
        }
        threads.into_values().max().unwrap_or_default()
    };
    CALLS.into_iter().map(|call| (call, most(call))).collect()
}

/// Every file under a digest name has the bytes of its digest.
fn nothing_wrong_has_a_digest_name(bundle: &Path) {
    for entry in fs::read_dir(bundle.join("blobs/sha256")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(Digest::sha256(&fs::read(&path).unwrap()).hex(), name);
    }
}

/// The points that are tried: all, or a few of each call, never the same ones of every call.
fn points(calls: &[(&'static str, usize)], a_call: usize) -> Vec<(&'static str, usize)> {
    let all = std::env::vars().any(|(name, value)| name == "CRASH_POINTS" && value == "all");
    let mut points = Vec::new();
    for (number, (call, count)) in calls.iter().enumerate() {
        let step = if all { 1 } else { (count / a_call).max(1) };
        points.extend((1 + number % step..=*count).step_by(step).map(|at| (*call, at)));
    }
    points
}

/// Strikes a run at a point, then lets it run again, and compares with the tree of a run that nothing disturbed.
fn survives(arguments: &[&str], folder: &str, prepare: &dyn Fn(&Program), a_call: usize) {
    let clean = Program::new();
    prepare(&clean);
    let calls = calls_of(&clean, arguments);
    assert!(
        calls.iter().any(|(call, count)| *call == "fsync" && *count > 0),
        "{calls:?}"
    );
    let expected = tree(&clean.path(folder));
    let mut struck = 0;
    for (call, at) in points(&calls, a_call) {
        let blow = match (call, at % 3) {
            // No write is refused: threads wake each other by writes, too, and would wait for ever. A full drive is
            // tried by the tests of drives.
            ("fsync" | "fdatasync" | "syncfs" | "renameat" | "renameat2" | "mkdirat" | "ftruncate", 1) => {
                Blow::Refuse("EIO")
            }
            _ => Blow::Kill,
        };
        let program = Program::new();
        prepare(&program);
        let code = under_strace(&program, &["-e", &blow.injection(call, at)], arguments);
        struck += usize::from(code != Some(0));
        nothing_wrong_has_a_digest_name(&program.path(folder));
        if code == Some(0) {
            // The call was not reached by any thread this time, or its refusal was made good.
            program.run(&["verify", folder]).ended_with(0);
        }
        program.run(arguments).ended_with(0);
        program.run(&["verify", folder]).ended_with(0);
        let found = tree(&program.path(folder));
        let differ: Vec<_> = found
            .keys()
            .chain(expected.keys())
            .filter(|name| found.get(*name) != expected.get(*name))
            .collect();
        assert!(differ.is_empty(), "{blow:?} at {call} {at}: {differ:?}");
    }
    assert!(struck > 0, "no blow hit: {calls:?}");
}

fn upstream() -> (TestRegistry, Vec<String>) {
    let registry = TestRegistry::start();
    let both = index(vec![
        (
            "linux/amd64",
            image().layer("shared", 9000).layer("x", 100).build(),
        ),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("shared", 9000).build(),
        ),
    ]);
    let names = vec![
        registry.seed("team/both:1", &both),
        registry.seed("team/docker:1", &image().docker().layer("d", 70_000).build()),
    ];
    (registry, names)
}

#[test]
fn an_export_that_is_struck_at_any_system_call_completes_the_next_time() {
    let (_registry, names) = upstream();
    let mut arguments = vec!["export", "--quiet", "--to", "bundle"];
    arguments.extend(names.iter().map(String::as_str));
    survives(&arguments, "bundle", &|_| {}, 2);
}

#[test]
fn an_import_into_a_folder_that_is_struck_at_any_system_call_completes_the_next_time() {
    let (_registry, names) = upstream();
    let source = Program::new();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    source.export(&names, &[]).ended_with(0);
    let from = source.path("bundle");
    let from = from.to_str().unwrap();
    survives(
        &["import", "--quiet", "--from", from, "--to", "dir:inside"],
        "inside",
        &|_| {},
        2,
    );
}
