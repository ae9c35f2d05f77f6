//! Faults of the machine around the program, and the table in `docs/faults.md` that says where each is shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::{Fault, On, TestRegistry};

/// Runs the program as the last words of another one's command line: `strace`, `faketime`, a shell with limits.
fn under(program: &Program, before: &[&str], arguments: &[&str]) -> (Option<i32>, String) {
    let (first, rest) = before.split_first().unwrap();
    let output = Command::new(first)
        .args(rest)
        .arg(env!("CARGO_BIN_EXE_carrack"))
        .args(arguments)
        .env_clear()
        .env("HOME", program.path(""))
        .env("PATH", "/usr/bin:/bin")
        .current_dir(program.path(""))
        .stdin(Stdio::null())
        .output()
        .expect("the program that stands before ours is installed");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), said)
}

/// A program whose `bundle` holds two images that share nothing.
fn exported() -> (Program, [String; 2], PathBuf) {
    let upstream = TestRegistry::start();
    let big = image().layer("big", 90_000).build();
    let names = [
        upstream.seed("shop/big:1", &big),
        upstream.seed("shop/small:1", &image().layer("small", 900).build()),
    ];
    let program = Program::new();
    program.export(&[&names[0], &names[1]], &[]).ended_with(0);
    let layer = program
        .path("bundle/blobs/sha256")
        .join(big.layers()[0].descriptor.digest.hex());
    (program, names, layer)
}

#[test]
fn a_blob_that_cannot_be_read_is_named_and_the_others_arrive() {
    let (program, names, layer) = exported();
    let target = TestRegistry::start();
    let host = target.host();
    let bad_sector = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "trace",
        "-P",
        layer.to_str().unwrap(),
        "-e",
    ];
    let refusal = "inject=read,pread64,readv:error=EIO";
    let (code, said) = under(
        &program,
        &[&bad_sector[..], &[refusal]].concat(),
        &["import", "--from", "bundle", "--to", &host],
    );
    assert!(matches!(code, Some(3 | 4)), "{code:?} {said}");
    let digest = layer.file_name().unwrap().to_str().unwrap();
    assert!(said.contains(digest), "{said}");
    let place = names[1].replace(':', "-").replacen("-1", "", 0);
    let place = place.rsplit_once('-').unwrap().0;
    assert!(
        target.manifest(place, "1").is_some(),
        "the other image arrives: {said}"
    );
    assert_eq!(target.count("PUT", "/shop/big/manifests"), 0);
}

/// Runs the program on a drive that says yes to every write to a file on its way, and takes one byte of each for written
/// that it never got: every second call brings the rest.
fn swallowing(program: &Program, part: &str, arguments: &[&str]) -> (Option<i32>, String) {
    struck(program, part, "inject=write:retval=1:when=1+2", arguments)
}

/// Runs the program on a drive that does this to a file.
fn struck(program: &Program, part: &str, injection: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let part = program.path(part);
    let trace = program.path("trace");
    let ended = under(
        program,
        &[
            "strace",
            "-f",
            "-qq",
            "-o",
            trace.to_str().unwrap(),
            "-P",
            part.to_str().unwrap(),
            "-e",
            injection,
        ],
        arguments,
    );
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains("INJECTED"), "nothing was struck: {trace}");
    ended
}

#[test]
fn a_manifest_that_the_drive_does_not_take_ends_the_run_and_the_next_one_completes() {
    let upstream = TestRegistry::start();
    let names: Vec<String> = (0..5)
        .map(|number| {
            upstream.seed(
                &format!("shop/app:{number}"),
                &image().layer(&number.to_string(), 900).build(),
            )
        })
        .collect();
    let program = Program::new();
    let mut export = vec!["export", "--to", "bundle"];
    export.extend(names.iter().map(String::as_str));
    // The first manifest that comes.
    for injection in ["inject=write:error=EIO:when=1", "inject=write:error=EROFS:when=1"] {
        let (code, said) = struck(&program, "bundle/carrack/tmp/put-0", injection, &export);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("could not write"), "{said}");
        // What it had brought whole before is offered.
        program.verify().ended_with(0);
    }
    program.run(&export).ended_with(0);
    program.verify().ended_with(0);
}

#[test]
fn a_drive_that_swallows_writes_is_found_out_before_the_run_is_done() {
    let upstream = TestRegistry::start();
    let app = image().layer("big", 90_000).build();
    let name = upstream.seed("shop/app:1", &app);
    let hex = app.layers()[0].descriptor.digest.hex();
    let program = Program::new();
    program.run(&["export", &name, "--to", "whole"]).ended_with(0);
    let part = format!("bundle/carrack/tmp/sha256-{hex}");
    let export = ["export", &name, "--to", "bundle"];
    let import = ["import", "--from", "whole", "--to", "dir:bundle"];
    for command in [&export[..], &import[..]] {
        // Nobody but the reading back finds it: every write was answered as it should be.
        let blind = [command, &["--no-read-back"]].concat();
        let (code, said) = swallowing(&program, &part, &blind);
        assert_eq!(code, Some(0), "{said}");
        program.verify().ended_with(4);
        fs::remove_dir_all(program.path("bundle")).unwrap();

        let (code, said) = swallowing(&program, &part, command);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("did not keep what was written"), "{said}");
        assert!(said.contains(&hex), "{said}");
        let kept = program.path("bundle/blobs/sha256").join(&hex);
        assert!(!kept.exists(), "wrong bytes keep a digest's name");
        let index = fs::read_to_string(program.path("bundle/index.json")).unwrap();
        assert!(!index.contains("shop/app"), "the image is offered: {index}");
        program.run(command).ended_with(0);
        program.verify().ended_with(0);
        fs::remove_dir_all(program.path("bundle")).unwrap();
    }
}

#[test]
fn nobody_goes_on_with_a_file_whose_sync_has_failed() {
    let upstream = TestRegistry::start();
    let app = image().layer("big", 90_000).build();
    let name = upstream.seed("shop/app:1", &app);
    let layer = app.layers()[0].descriptor.digest;
    let program = Program::new();
    let part = format!("bundle/carrack/tmp/sha256-{}", layer.hex());
    let export = ["export", &name, "--to", "bundle"];
    let (code, said) = struck(&program, &part, "inject=fsync,syncfs:error=EIO:when=1", &export);
    assert!(matches!(code, Some(1 | 3)), "{code:?}: {said}");
    assert!(said.contains("could not sync"), "{said}");
    assert!(!program.path(&part).exists(), "its bytes may be in memory only");
    program.run(&export).ended_with(0);
    assert_eq!(upstream.ranges_asked(&layer), ["0-"; 2], "from its first byte");
    program.verify().ended_with(0);
}

#[test]
fn a_drive_that_swallows_the_inventory_is_found_out_before_the_run_is_done() {
    let upstream = TestRegistry::start();
    let name = upstream.seed("shop/app:1", &image().layer("a", 900).build());
    let program = Program::new();
    let export = ["export", &name, "--to", "bundle"];
    let (code, said) = swallowing(&program, "bundle/carrack/.inventory.json.new", &export);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("carrack/inventory.json is one of them"), "{said}");
    program.run(&export).ended_with(0);
    program.verify().ended_with(0);
}

#[test]
fn interrupted_calls_are_repeated() {
    let upstream = TestRegistry::start();
    let name = upstream.seed("shop/app:1", &image().layer("big", 90_000).build());
    let program = Program::new();
    let interrupted = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "trace",
        "-e",
        "inject=openat,fsync,renameat,ftruncate:error=EINTR:when=5+7",
    ];
    let (code, said) = under(&program, &interrupted, &["export", &name, "--to", "bundle"]);
    assert_eq!(code, Some(0), "{said}");
    program.verify().ended_with(0);
}

#[test]
fn a_run_that_is_asked_to_stop_ends_with_130_and_goes_on_later() {
    for signal in ["INT", "TERM", "HUP"] {
        let upstream = TestRegistry::start();
        let name = upstream.seed("shop/app:1", &image().layer("big", 300_000).build());
        upstream.fault(On::get_blob(), Fault::Stall(Duration::from_secs(600)));
        let program = Program::new();
        let mut child = program.start(&["export", &name, "--to", "bundle"]);
        let started = Instant::now();
        while upstream.count("GET", "/blobs/sha") == 0 {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "nothing is asked for"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let asked = Instant::now();
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(130), "{signal}: {ended:?}");
        assert!(
            asked.elapsed() < Duration::from_secs(5),
            "{signal}: {:?}",
            asked.elapsed()
        );
        upstream.mend();
        program.export(&[&name], &[]).ended_with(0);
        program.verify().ended_with(0);
    }
}

#[test]
fn an_export_and_an_import_work_with_64_file_descriptors() {
    let upstream = TestRegistry::start();
    let mut names = Vec::new();
    for number in 0..40 {
        let app = image().layer(&format!("own-{number}"), 3000).build();
        names.push(upstream.seed(&format!("shop/app-{number}:1"), &app));
    }
    let program = Program::new();
    let few = ["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""];
    let mut export = vec!["export", "--to", "bundle", "--jobs", "32"];
    export.extend(names.iter().map(String::as_str));
    let (code, said) = under(&program, &few, &export);
    assert_eq!(code, Some(0), "{said}");
    let target = TestRegistry::start();
    let host = target.host();
    let import = ["import", "--from", "bundle", "--to", &host, "--jobs", "32"];
    let (code, said) = under(&program, &few, &import);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_wrong_clock_changes_nothing_but_the_date() {
    for year in ["1980", "2040"] {
        let upstream = TestRegistry::start();
        let name = upstream.seed("shop/app:1", &image().layer("a", 900).build());
        let program = Program::new();
        let clock = ["faketime", &format!("{year}-06-01 12:00:00")];
        let (code, said) = under(&program, &clock, &["export", &name, "--to", "bundle"]);
        assert_eq!(code, Some(0), "{said}");
        let inventory = fs::read_to_string(program.path("bundle/carrack/inventory.json")).unwrap();
        assert!(
            inventory.contains(&format!("\"created\":\"{year}-")),
            "{inventory}"
        );
        // On the other side the clock is right.
        program.verify().ended_with(0);
        program.export(&[&name], &[]).ended_with(0);
    }
}

/// Every name in `code` of the last column of a table, by its line.
fn named_in(table: &str) -> Vec<String> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let last = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    last.flat_map(|cell| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    })
    .collect()
}

fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (_, after) in text
                .match_indices("test]\n")
                .map(|(at, m)| text.split_at(at + m.len()))
            {
                let head = after.split('(').next().unwrap_or_default();
                found.extend(head.rsplit(' ').next().map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_row_of_the_table_of_faults_leads_to_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let mut tests = BTreeSet::new();
    tests_below(&root.join("tests"), &mut tests);
    tests_below(&root.join("src"), &mut tests);
    let named = named_in(&table);
    assert!(named.len() > 80, "{named:?}");
    let lost: Vec<_> = named
        .iter()
        .filter(|name| !name.contains('=') && !tests.contains(*name) && !root.join(name).is_file())
        .collect();
    assert!(
        lost.is_empty(),
        "docs/faults.md names what is not there: {lost:?}"
    );
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let shown = row.contains('`') || row.contains("**not shown**");
        assert!(shown || row.contains("shown by"), "a row says nothing: {row}");
    }
}

#[test]
fn every_past_vulnerability_has_a_test_that_is_named_for_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let (_, table) = text.split_once("## Vulnerabilities and losses").unwrap();
    let mut tests = BTreeSet::new();
    tests_below(&root.join("tests/it/vulnerabilities"), &mut tests);
    let mut checks = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let number = row.split('|').nth(1).unwrap().trim().parse::<usize>();
        checks.insert(number.unwrap_or_else(|_| panic!("a row without a number: {row}")));
        let named = named_in(row);
        assert!(named.iter().any(|name| tests.contains(name)), "{row}");
    }
    assert!(checks.into_iter().eq(1..=36), "a check has no row");
}
