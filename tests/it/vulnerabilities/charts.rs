//! Helm's own, and those of chart repositories.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{chart, render, write};
use crate::support::fixture_bundle::layer;
use crate::support::program::Program;
use crate::support::thief::Thief;
use crate::support::web::Web;

/// The promise is ten seconds for a release build; a debug build among many tests gets more.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 });

/// A repository at `/stable` whose index has these lines below `entries:`.
fn repository(entries: &str) -> Web {
    let web = Web::start();
    web.page(
        "/stable/index.yaml",
        format!("apiVersion: v1\nentries:\n{entries}"),
    );
    web
}

fn archive(name: &str) -> Vec<u8> {
    let about = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
    layer(&[(&format!("{name}/Chart.yaml"), about.as_bytes())])
}

#[test]
fn cve_2021_32690_a_repositorys_password_does_not_follow_its_index_to_another_host() {
    let (program, thief) = (Program::new(), Thief::start());
    let web = repository(&format!(
        "  a:\n  - {{name: a, version: 1.0.0, urls: ['{}/a-1.0.0.tgz']}}\n",
        thief.url()
    ));
    let source = web.url("/stable").replace("http://", "http://me:secret@");
    let ran = program.run(&["charts", "pull", &source, "--to", "charts"]);
    let ran = ran.ended_with(3);
    assert!(thief.heard().starts_with("GET /a-1.0.0.tgz"), "{}", thief.heard());
    thief.assert_no_credentials(&["secret", "bWU6c2VjcmV0"]);
    assert!(!ran.err.contains("secret") && !ran.out.contains("secret"));
}

#[test]
fn cve_2021_21303_control_codes_of_an_index_do_not_reach_the_terminal() {
    let program = Program::new();
    let web = repository(
        "  \"a\\u001b]0;owned\\a\":\n  - {name: \"a\\u001b]0;owned\\a\", version: 1.0.0, urls: [x.tgz]}\n  \
         b:\n  - {name: b, version: \"1.0.0\\u001b[2J\", description: \"\\u001b[2J\", urls: [y.tgz]}\n",
    );
    let ran = program.run(&[
        "charts",
        "pull",
        &web.url("/stable"),
        "--all-versions",
        "--to",
        "charts",
    ]);
    assert!(
        ran.err.contains("1.0.0"),
        "what cannot be used is told: {}",
        ran.err
    );
    for text in [&ran.out, &ran.err] {
        let bad = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(bad, None, "{text:?}");
    }
}

#[test]
fn cve_2019_18658_a_link_in_a_chart_does_not_read_the_hosts_files() {
    let program = Program::new();
    write(&program.path(""), "private", b"key: of-the-host\n");
    chart(&program, &[("values.yaml", "a: 1\n")]);
    fs::create_dir(program.path("chart/templates")).unwrap();
    symlink(program.path("private"), program.path("chart/templates/x.yaml")).unwrap();
    let ran = render(&program, &[]).ended_with(1);
    assert!(!ran.out.contains("of-the-host") && !ran.err.contains("of-the-host"));
    assert!(ran.err.contains("templates/x.yaml"), "{}", ran.err);
}

#[test]
fn cve_2022_23524_and_36055_a_set_flag_takes_no_stack_and_no_memory() {
    let program = Program::new();
    chart(&program, &[("templates/x.yaml", "a: {{ .Values.a }}\n")]);
    let started = Instant::now();
    let index = render(&program, &["--set", "a[99999999999]=1"]).ended_with(1);
    assert!(index.err.contains("99999999999"), "{}", index.err);
    let nested = format!("a{}=1", "[0]".repeat(20_000));
    assert_eq!(render(&program, &["--set", &nested]).code, Some(1));
    let dots = format!("{}=1", "a.".repeat(20_000));
    assert_eq!(render(&program, &["--set", &dots]).code, Some(1));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn cve_2022_23525_and_23526_and_2024_26147_nulls_in_an_index_and_a_schema_are_errors() {
    for entries in [
        "  a:\n",
        "  a: [null]\n",
        "  a: [{}]\n",
        "  a: [{name: a}]\n",
        "  null: [null]\n",
    ] {
        let program = Program::new();
        let web = repository(entries);
        let ran = program.run(&[
            "charts",
            "pull",
            &web.url("/stable"),
            "--chart",
            "a",
            "--to",
            "charts",
        ]);
        assert!(
            matches!(ran.code, Some(1 | 3)),
            "{entries:?}: {:?} {}",
            ran.code,
            ran.err
        );
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }
    for schema in ["null", "{\"properties\": null}", "{\"$ref\": null}", "[]"] {
        let program = Program::new();
        chart(
            &program,
            &[("values.schema.json", schema), ("templates/x.yaml", "a: 1\n")],
        );
        let ran = render(&program, &[]);
        assert!(!ran.err.contains("panicked"), "{schema}: {}", ran.err);
    }
}

#[test]
fn cve_2023_25165_rendering_asks_no_name_server() {
    let program = Program::new();
    chart(
        &program,
        &[(
            "templates/x.yaml",
            "a: {{ getHostByName \"localhost\" | quote }}\n",
        )],
    );
    let ran = render(&program, &[]).ended_with(0);
    assert!(ran.out.contains("a: \"\""), "{}", ran.out);
}

#[test]
fn cve_2024_25620_and_2026_35206_a_charts_name_is_no_path() {
    for name in ["..", ".", "../../escaped", "a/b", "/escaped"] {
        let program = Program::new();
        let web = repository(&format!(
            "  '{name}':\n  - {{name: '{name}', version: 1.0.0, urls: [x.tgz]}}\n"
        ));
        web.page("/stable/x.tgz", archive("x"));
        let ran = program.run(&[
            "charts",
            "pull",
            &web.url("/stable"),
            "--to",
            "below/charts",
            "--all-versions",
        ]);
        assert!(
            ran.err.contains("warning"),
            "{name}: what cannot be used is told: {}",
            ran.err
        );
        let beside: Vec<_> = fs::read_dir(program.path(""))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert!(beside.iter().all(|n| n == "below"), "{name}: {beside:?}");
        assert!(!program.path("below/escaped").exists() && !program.path("below/charts/escaped").exists());
    }
}

#[test]
fn cve_2026_35204_a_charts_version_is_no_path() {
    for version in [
        "../../escaped",
        "1.0.0/../../escaped",
        "1.0.0+../escaped",
        "..",
        "/escaped",
    ] {
        let program = Program::new();
        let web = repository(&format!(
            "  demo:\n  - {{name: demo, version: '{version}', urls: [x.tgz]}}\n"
        ));
        web.page("/stable/x.tgz", archive("x"));
        let stable = web.url("/stable");
        let ran = program.run(&[
            "charts",
            "pull",
            &stable,
            "--to",
            "below/charts",
            "--all-versions",
        ]);
        assert!(
            ran.err.contains("warning"),
            "{version}: what cannot be used is told: {}",
            ran.err
        );
        let beside: Vec<_> = fs::read_dir(program.path(""))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert!(beside.iter().all(|n| n == "below"), "{version}: {beside:?}");
        assert!(!program.path("below/escaped").exists() && !program.path("below/charts/escaped").exists());
    }
}

#[test]
fn cve_2025_32386_an_archive_that_unpacks_to_a_thousandfold_is_refused() {
    let program = Program::new();
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.set_size(101 << 20);
    header.set_mode(0o644);
    tar.append_data(
        &mut header,
        "demo/values.yaml",
        std::io::repeat(b'#').take(101 << 20),
    )
    .unwrap();
    let bomb = tar.into_inner().unwrap().finish().unwrap();
    assert!(bomb.len() < 2 << 20);
    write(&program.path(""), "bomb.tgz", &bomb);
    let ran = program.run(&["charts", "render", "bomb.tgz"]).ended_with(1);
    assert!(
        ran.err.contains("larger") || ran.err.contains("more than"),
        "{}",
        ran.err
    );
}

#[test]
fn cve_2025_32387_and_2025_55199_a_schema_reads_no_files_and_no_network_and_ends() {
    let thief = Thief::start();
    let remote = format!("{{\"$ref\": \"{}/schema.json\"}}", thief.url());
    let deep = format!("{}{{}}{}", "{\"not\":".repeat(5_000), "}".repeat(5_000));
    let cases = [
        "{\"$ref\": \"file:///dev/zero\"}",
        remote.as_str(),
        "{\"$defs\": {\"a\": {\"$ref\": \"#/$defs/b\"}, \"b\": {\"$ref\": \"#/$defs/a\"}}, \"$ref\": \"#/$defs/a\"}",
        deep.as_str(),
    ];
    for schema in cases {
        let program = Program::new();
        chart(
            &program,
            &[("values.schema.json", schema), ("templates/x.yaml", "a: 1\n")],
        );
        let started = Instant::now();
        let ran = render(&program, &[]);
        assert!(matches!(ran.code, Some(0 | 1)), "{:?} {}", ran.code, ran.err);
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    }
    assert_eq!(thief.heard(), "");
}

#[test]
fn cve_2025_53547_nothing_is_written_through_a_link_in_a_chart() {
    let program = Program::new();
    write(&program.path(""), "victim", b"as it was\n");
    chart(
        &program,
        &[("templates/x.yaml", "image: docker.io/library/a:1\n")],
    );
    symlink(program.path("victim"), program.path("chart/Chart.lock")).unwrap();
    let before: Vec<_> = fs::read_dir(program.path("chart"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    render(&program, &[]);
    program.run(&["images", "chart"]);
    let after: Vec<_> = fs::read_dir(program.path("chart"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(before, after);
    assert_eq!(fs::read(program.path("victim")).unwrap(), b"as it was\n");
}

#[test]
fn cve_2026_35205_a_provenance_file_that_is_asked_for_and_absent_is_a_failure() {
    let program = Program::new();
    let web = repository("  a:\n  - {name: a, version: 1.0.0, urls: [a-1.0.0.tgz]}\n");
    web.page("/stable/a-1.0.0.tgz", archive("a"));
    let ran = program.run(&[
        "charts",
        "pull",
        &web.url("/stable"),
        "--require-provenance",
        "--to",
        "charts",
    ]);
    let ran = ran.ended_with(3);
    assert!(
        format!("{}{}", ran.out, ran.err).contains("no provenance file"),
        "{} {}",
        ran.out,
        ran.err
    );
}

#[test]
fn rustsec_2025_0111_an_archive_within_an_archive_adds_no_entries() {
    // A size in a PAX header that differs from the one in the ustar header once made a reader take the content of a
    // file for further entries. Whatever the reader makes of it here, the hidden file is no part of the chart.
    let program = Program::new();
    let mut inner = tar::Builder::new(Vec::new());
    let hidden = b"image: docker.io/library/hidden:1\n";
    let mut header = tar::Header::new_ustar();
    header.set_size(hidden.len() as u64);
    header.set_mode(0o644);
    inner
        .append_data(&mut header, "demo/templates/hidden.yaml", &hidden[..])
        .unwrap();
    let inner = inner.into_inner().unwrap();
    let mut outer = tar::Builder::new(Vec::new());
    let about = b"apiVersion: v2\nname: demo\nversion: 1.0.0\n";
    let mut header = tar::Header::new_ustar();
    header.set_size(about.len() as u64);
    header.set_mode(0o644);
    outer
        .append_data(&mut header, "demo/Chart.yaml", &about[..])
        .unwrap();
    let size = inner.len().to_string();
    outer.append_pax_extensions([("size", size.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("demo/files/inner.bin").unwrap();
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    outer.append(&header, &inner[..0]).unwrap();
    let mut bytes = outer.into_inner().unwrap();
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(&inner);
    bytes.extend([0; 1024]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&bytes).unwrap();
    write(&program.path(""), "demo.tgz", &gzip.finish().unwrap());
    let ran = program.run(&["charts", "render", "demo.tgz"]);
    assert!(!ran.out.contains("hidden"), "{}", ran.out);
}

#[test]
fn cve_2019_11253_a_bomb_of_aliases_is_refused() {
    let program = Program::new();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let row = vec![format!("*a{before}"); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{row}]").unwrap();
    }
    let started = Instant::now();
    chart(
        &program,
        &[
            ("values.yaml", &bomb),
            ("templates/x.yaml", "a: {{ .Values.a11 }}\n"),
        ],
    );
    render(&program, &[]).ended_with(1);
    write(&program.path(""), "manifest.yaml", bomb.as_bytes());
    let found = program.run(&["images", "manifest.yaml"]);
    assert!(
        matches!(found.code, Some(1 | 3)),
        "{:?} {}",
        found.code,
        found.err
    );
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}
