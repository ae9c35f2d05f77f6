//! Chart repositories that mean harm or are broken: each ends in a row that says what is wrong, and nothing is written but
//! what was checked.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::fixture_bundle::layer;
use crate::support::program::{Program, Ran, tree};
use crate::support::web::{Page, Web};

fn chart(name: &str, version: &str) -> Vec<u8> {
    let text = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    layer(&[(&format!("{name}/Chart.yaml"), text.as_bytes())])
}

/// An archive with one more entry, whose header is written by hand: the builder itself would refuse such names.
fn archive_with(name: &str, kind: tar::EntryType, link: &str) -> Vec<u8> {
    let encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(encoder);
    let entries: [(&str, tar::EntryType, &str, &[u8]); 2] = [
        (
            "a/Chart.yaml",
            tar::EntryType::Regular,
            "",
            b"name: a\nversion: 1.0.0\n",
        ),
        (name, kind, link, b""),
    ];
    for (name, kind, link, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        let fields = header.as_old_mut();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// Mirrors `/stable` of the server into `mirror`.
fn pull(program: &Program, web: &Web) -> Ran {
    let source = web.url("/stable");
    program.run(&[
        "charts",
        "pull",
        &source,
        "--all-versions",
        "--to",
        "mirror",
        "-q",
        "-o",
        "json",
    ])
}

/// What became of the chart of this name and version.
fn outcome(report: &Value, chart: &str) -> String {
    let rows = report["charts"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["chart"] == chart)
        .expect("a row for every chart");
    row["outcome"].to_string()
}

fn names(root: &Path) -> Vec<String> {
    let found = tree(root)
        .into_keys()
        .map(|path: PathBuf| path.display().to_string());
    found.collect()
}

#[test]
fn hostile_archives_write_nothing_anywhere() {
    let web = Web::start();
    let mut index = String::from("apiVersion: v1\nentries:\n  a:\n");
    let bomb = {
        let zeros = vec![0; 8 << 20];
        let mut files: Vec<(String, &[u8])> = vec![("a/Chart.yaml".into(), b"name: a\nversion: 1.0.0\n")];
        files.extend((0..14).map(|number| (format!("a/zeros{number}"), zeros.as_slice())));
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), *bytes))
            .collect();
        layer(&files)
    };
    let regular = tar::EntryType::Regular;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            archive_with("a/../../../escaped", regular, ""),
            "outside its folder",
        ),
        (archive_with("../escaped", regular, ""), "outside its folder"),
        (archive_with("/escaped", regular, ""), "outside its folder"),
        (
            archive_with("a\\..\\..\\escaped", regular, ""),
            "outside its folder",
        ),
        (
            archive_with("a/link", tar::EntryType::Symlink, "/etc/passwd"),
            "a link or a device",
        ),
        (
            archive_with("a/link", tar::EntryType::Link, "/etc/passwd"),
            "a link or a device",
        ),
        (
            archive_with("a/fifo", tar::EntryType::Fifo, ""),
            "a link or a device",
        ),
        (archive_with("b/Chart.yaml", regular, ""), "two top folders"),
        (bomb, "unpacks to more than"),
        (b"<html>not here</html>".to_vec(), "no gzip archive"),
    ];
    for (number, (bytes, _)) in cases.iter().enumerate() {
        writeln!(
            index,
            "  - {{name: a, version: 1.0.{number}, urls: [a{number}.tgz]}}"
        )
        .unwrap();
        web.page(&format!("/stable/a{number}.tgz"), bytes.clone());
    }
    web.page("/stable/index.yaml", index);
    let program = Program::new();
    let ran = pull(&program, &web).ended_with(3);
    for (number, (_, said)) in cases.iter().enumerate() {
        let outcome = outcome(&ran.json(), &format!("a-1.0.{number}"));
        assert!(outcome.contains(said), "{said}: {outcome}");
    }
    let place = format!("127.0.0.1-{}/stable/index.yaml", web.address.port());
    assert_eq!(names(&program.path("mirror")), [place]);
    let beside: Vec<_> = std::fs::read_dir(program.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["mirror"], "nothing was written outside the target");
}

#[test]
fn an_index_full_of_lies_gives_what_is_true_in_it() {
    let web = Web::start();
    for (name, version) in [("good", "1.0.0"), ("Twin", "1.0.0"), ("twin", "1.0.0")] {
        web.page(&format!("/stable/{name}-{version}.tgz"), chart(name, version));
    }
    web.page(
        "/stable/index.yaml",
        "apiVersion: v1\nentries:\n\
         \x20 '.':\n  - {name: '.', version: 1.0.0, urls: [good-1.0.0.tgz]}\n\
         \x20 '..':\n  - {name: '..', version: 1.0.0, urls: [good-1.0.0.tgz]}\n\
         \x20 up:\n  - {name: ../../up, version: 1.0.0, urls: [good-1.0.0.tgz]}\n\
         \x20 numbers:\n  - {name: numbers, version: ../1, urls: [good-1.0.0.tgz]}\n  - {name: numbers, version: latest, urls: [good-1.0.0.tgz]}\n\
         \x20 nothing: null\n\
         \x20 good:\n  - null\n  - {name: good, version: 1.0.0, urls: [good-1.0.0.tgz], description: \"red \\e[31m and \\u202e back \\a\"}\n  - {name: good, version: 1.0.0, urls: [other.tgz]}\n\
         \x20 Twin:\n  - {name: Twin, version: 1.0.0, urls: [Twin-1.0.0.tgz]}\n\
         \x20 twin:\n  - {name: twin, version: 1.0.0, urls: [twin-1.0.0.tgz]}\n",
    );
    let program = Program::new();
    let source = web.url("/stable");
    let ran = program
        .run(&[
            "charts",
            "pull",
            &source,
            "--all-versions",
            "--to",
            "mirror",
            "-o",
            "json",
        ])
        .ended_with(3);
    let report = ran.json();
    assert_eq!(outcome(&report, "good-1.0.0"), "\"done\"");
    assert_eq!(outcome(&report, "Twin-1.0.0"), "\"done\"");
    assert!(outcome(&report, "twin-1.0.0").contains("differ only in capitals"));
    for said in [
        "`.` is no chart name",
        "`..` is no chart name",
        "`../../up` is no chart name",
        "version `../1`",
        "version `latest`",
        "version 1 in its list is no mapping",
        "listed more than once with different archives",
    ] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    let place = format!("127.0.0.1-{}/stable", web.address.port());
    assert_eq!(
        names(&program.path("mirror")),
        ["Twin-1.0.0.tgz", "good-1.0.0.tgz", "index.yaml"].map(|name| format!("{place}/{name}"))
    );
    // What a stranger wrote into a description does not reach the terminal.
    let listed = program.run(&["charts", "list", "mirror"]).ended_with(0);
    assert!(listed.out.contains("good"), "{}", listed.out);
    for text in [&listed.out, &listed.err, &ran.err] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
    }
}

#[test]
fn what_is_no_index_is_one_clear_failure() {
    for (body, said) in [
        ("<!DOCTYPE html><html></html>", "a web page, not YAML"),
        ("", "nothing in it"),
        ("apiVersion: v1\nentries: [", "not well formed"),
        ("entries: {}\n", "no `apiVersion`"),
        ("apiVersion: v1\nentries: 7\n", "`entries` that are no mapping"),
    ] {
        let (web, program) = (Web::start(), Program::new());
        web.page("/stable/index.yaml", body);
        let ran = pull(&program, &web).ended_with(3);
        assert!(outcome(&ran.json(), "").contains(said), "{body}: {}", ran.out);
    }
    for body in [
        "apiVersion: v1\nentries: null\n",
        "apiVersion: v1\nentries: {a: null}\n",
    ] {
        let (web, program) = (Web::start(), Program::new());
        web.page("/stable/index.yaml", body);
        let ran = pull(&program, &web).ended_with(0);
        assert_eq!(
            ran.json()["charts"],
            Value::Array(Vec::new()),
            "nothing is no failure"
        );
    }
}

#[test]
fn an_index_that_is_too_large_is_refused_by_its_length() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\napiVersion: v1\n");
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
    });
    let program = Program::new();
    let source = format!("http://{address}/stable");
    let ran = program
        .run(&["charts", "pull", &source, "--to", "mirror", "-q"])
        .ended_with(3);
    assert!(ran.out.contains("is longer than"), "{}", ran.out);
}

#[test]
fn what_a_server_refuses_in_the_middle_fails_alone() {
    let web = Web::start();
    web.page(
        "/stable/index.yaml",
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, urls: [a-1.0.0.tgz]}\n  b:\n  - {name: b, version: 1.0.0, urls: [b-1.0.0.tgz]}\n  c:\n  - {name: c, version: 1.0.0, urls: [c-1.0.0.tgz]}\n",
    );
    web.page("/stable/a-1.0.0.tgz", chart("a", "1.0.0"));
    web.answer("/stable/b-1.0.0.tgz", 404, "gone");
    web.put(
        "/stable/c-1.0.0.tgz",
        Page {
            status: 429,
            headers: vec![("retry-after".into(), "0".into())],
            body: chart("c", "1.0.0"),
            fails_first: 2,
        },
    );
    let program = Program::new();
    let report = pull(&program, &web).ended_with(3).json();
    assert_eq!(outcome(&report, "a-1.0.0"), "\"done\"");
    assert!(outcome(&report, "b-1.0.0").contains("404 Not Found"));
    assert_eq!(outcome(&report, "c-1.0.0"), "\"done\"");
    // The next run asks for what is missing, and for the index.
    web.take_asked();
    web.page("/stable/b-1.0.0.tgz", chart("b", "1.0.0"));
    pull(&program, &web).ended_with(0);
    let mut asked: Vec<_> = web.take_asked().into_iter().map(|asked| asked.path).collect();
    asked.sort();
    assert_eq!(
        asked,
        [
            "/stable/b-1.0.0.tgz",
            "/stable/b-1.0.0.tgz.prov",
            "/stable/index.yaml"
        ]
    );
}
