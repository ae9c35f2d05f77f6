//! Files that an import reads and writes beside: those that cannot be used are found before the first byte is sent.

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

/// A program whose bundle holds one image, its name, and a registry for it.
fn exported() -> (Program, String, TestRegistry) {
    let upstream = TestRegistry::start();
    let name = upstream.seed("team/app:1", &image().layer("a", 100).build());
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    carrack::fsx::write(&program.path("file"), b"no certificate").unwrap();
    (program, name, TestRegistry::start())
}

#[test]
fn what_cannot_be_read_or_written_is_found_before_anything_is_sent() {
    let (program, _, target) = exported();
    for (flags, code, word) in [
        (&["--receipt", "file/have.json"][..], 1, "file"),
        (&["--receipt", "bundle"][..], 1, "bundle"),
        (&["--wanted", "absent.log"][..], 2, "absent.log"),
        (&["--engine-config", "file"][..], 1, "file"),
        (
            &["--engine-config", "engines", "--mirror-ca", "absent.pem"][..],
            2,
            "absent.pem",
        ),
        (
            &["--engine-config", "engines", "--mirror-ca", "file"][..],
            2,
            "holds no PEM certificate",
        ),
    ] {
        let ran = program.import(&target.host(), flags);
        assert_eq!(ran.code, Some(code), "{flags:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(word), "{flags:?}: {}", ran.err);
        assert!(target.asked().is_empty(), "{flags:?}");
    }
    // A receipt that is there already is replaced.
    program
        .import(&target.host(), &["--receipt", "file"])
        .ended_with(0);
    let receipt = std::fs::read_to_string(program.path("file")).unwrap();
    assert!(receipt.contains("team/app"), "{receipt}");
}

#[test]
fn a_dry_run_reads_what_it_is_to_read_and_writes_nothing() {
    let (program, _, target) = exported();
    let absent = [
        "--dry-run",
        "--engine-config",
        "engines",
        "--mirror-ca",
        "absent.pem",
    ];
    program.import(&target.host(), &absent).ended_with(2);
    let flags = [
        "--dry-run",
        "--engine-config",
        "engines",
        "--receipt",
        "new/have.json",
    ];
    program.import(&target.host(), &flags).ended_with(0);
    assert!(!program.path("engines").exists() && !program.path("new").exists());
}

#[test]
fn what_fails_to_be_written_in_the_end_is_told_after_the_summary() {
    let (program, _, target) = exported();
    // The receipt stands where the folder of an engine should be.
    let ran = program
        .run(&[
            "import",
            "--from",
            "bundle",
            "--to",
            &target.host(),
            "--receipt",
            "engines/podman",
            "--engine-config",
            "engines",
        ])
        .ended_with(1);
    assert!(ran.out.contains("1 reference new"), "{}", ran.out);
    assert!(
        ran.out
            .contains("failed: the engine configuration was not written: "),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("next:"), "{}", ran.out);
}

#[test]
fn a_reference_with_the_digest_that_its_tag_has_is_the_same() {
    let (program, name, target) = exported();
    let bundle = carrack::bundle::Bundle::open(&program.path("bundle")).unwrap();
    let entry = bundle.entries().get(&name.parse().unwrap()).unwrap().digest;
    let ran = program.import(&target.host(), &["--only", &format!("{name}@{entry}")]);
    assert_eq!(ran.ended_with(0).row("app")["outcome"], "done");
    let other = carrack::digest::Digest::sha256(b"other");
    let ran = program
        .import(&target.host(), &["--only", &format!("{name}@{other}")])
        .ended_with(2);
    let both = [entry.to_string(), other.to_string()];
    assert!(both.iter().all(|digest| ran.err.contains(digest)), "{}", ran.err);
}
