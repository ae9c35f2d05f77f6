//! Proxies of the environment: what is wrong with one is told of it and not of the registry behind it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::support::images::image;
use crate::support::program::{Program, Ran};
use crate::support::registry::TestRegistry;

/// An export with these variables in its environment.
fn export(program: &Program, variables: &[&str]) -> Ran {
    let words = [
        "export",
        "registry.invalid/team/app:1",
        "--to",
        "bundle",
        "-o",
        "json",
    ];
    program.run_under(Path::new("/usr/bin/env"), variables, &words)
}

/// A proxy on loopback that gives this answer to whoever asks for a connection.
fn proxy(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error_that_names_its_variable() {
    let program = Program::new();
    for (setting, shown) in [
        (
            "HTTPS_PROXY=foo://x",
            "the proxy `foo://x` in HTTPS_PROXY is none",
        ),
        (
            "https_proxy=ftp://me:secret@x",
            "the proxy `ftp://x` in https_proxy is none",
        ),
        ("ALL_PROXY=http://", "the proxy `http:` in ALL_PROXY is none"),
    ] {
        let ran = export(&program, &[setting]).ended_with(2);
        assert!(ran.err.contains(shown), "{}", ran.err);
        assert!(!ran.err.contains("secret"), "{}", ran.err);
        assert!(!program.path("bundle").exists());
    }
    // What needs no network does not mind.
    let ran = program.run_under(
        Path::new("/usr/bin/env"),
        &["HTTPS_PROXY=foo://x"],
        &["config", "schema"],
    );
    ran.ended_with(0);
}

#[test]
fn an_import_into_a_folder_needs_no_proxy_unless_its_charts_go_elsewhere() {
    let upstream = TestRegistry::start();
    let name = upstream.seed("team/app:1", &image().layer("a", 100).build());
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let import = |to: &str, more: &[&str]| {
        let words = [&["import", "--from", "bundle", "--to", to], more].concat();
        program.run_under(Path::new("/usr/bin/env"), &["HTTPS_PROXY=foo://x"], &words)
    };
    for (to, more) in [
        (
            "dir:inside",
            &["--charts-to", "oci://registry.invalid/charts"][..],
        ),
        ("dir:inside", &["--charts-to", "https://charts.invalid"]),
        ("registry.invalid", &[]),
    ] {
        let ran = import(to, more).ended_with(2);
        assert!(
            ran.err.contains("the proxy `foo://x` in HTTPS_PROXY is none"),
            "{}",
            ran.err
        );
        assert!(!program.path("inside").exists(), "{more:?}");
    }
    import("dir:inside", &["--charts-to", "dir:charts"]).ended_with(0);
    program.run(&["verify", "inside"]).ended_with(0);
}

#[test]
fn a_proxy_that_is_not_there_is_named_and_its_password_is_not() {
    let program = Program::new();
    let ran = export(&program, &["https_proxy=http://me:secret@127.0.0.1:1"]).ended_with(3);
    let row = ran.row("team/app");
    let error = row["error"].as_str().unwrap();
    assert!(
        error.contains("no connection to registry.invalid through the proxy http://127.0.0.1:1 that https_proxy names: 127.0.0.1:1 refuses the connection"),
        "{error}"
    );
    assert!(
        !format!("{}{}", ran.out, ran.err).contains("secret"),
        "{}",
        ran.err
    );
}

#[test]
fn a_proxy_that_lets_nobody_through_is_named() {
    let port = proxy("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let program = Program::new();
    let setting = format!("HTTPS_PROXY=http://127.0.0.1:{port}");
    let ran = export(&program, &[&setting]).ended_with(3);
    let row = ran.row("team/app");
    let error = row["error"].as_str().unwrap();
    let said = format!("through the proxy http://127.0.0.1:{port} that HTTPS_PROXY names");
    assert!(error.contains(&said), "{error}");
    assert!(error.contains("proxy authorization required"), "{error}");
}
