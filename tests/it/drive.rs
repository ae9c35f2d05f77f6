//! Drives that are too small or take no writes: real file systems, mounted for the test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::docker_registry::required;
use crate::support::images::image;
use crate::support::program::Program;
use crate::support::programs::program as installed;
use crate::support::registry::TestRegistry;

/// A mounted file system; it is unmounted when this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// A file system in memory with so many bytes, or `None` with a printed line if this user may not mount.
    #[expect(clippy::print_stdout, reason = "a skip is told by name")]
    fn tmpfs(at: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(at)
            .status()
            .is_ok_and(|status| status.success());
        assert!(
            mounted || !required(),
            "cannot mount a tmpfs and REQUIRE_REAL_PARTS=1 is set"
        );
        if !mounted {
            println!("SKIPPED: this user may not mount a tmpfs");
        }
        mounted.then(|| Self(at.to_path_buf()))
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Writes a file until the drive takes no more of it. A smaller one after a larger one that did not fit would not do: a
/// process that another test is just starting may hold the removed one, and its room, for a moment longer.
fn fill(path: &Path) {
    let mut film = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    let scene = [1; 16 << 10];
    let error = loop {
        if let Err(error) = film.write(&scene) {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn a_drive_that_is_too_small_is_refused_before_the_first_byte() {
    let program = Program::new();
    let Some(drive) = Mounted::tmpfs(&program.path("drive"), 1 << 20) else {
        return;
    };
    let upstream = TestRegistry::start();
    let name = upstream.seed("shop/app:1", &image().layer("big", 3_000_000).build());
    let ran = program
        .run(&["export", &name, "--to", "drive/bundle"])
        .ended_with(1);
    assert!(ran.err.contains("are free on"), "{}", ran.err);
    assert!(ran.err.contains("hint: nothing was copied yet"), "{}", ran.err);
    assert_eq!(upstream.count("GET", "/blobs/"), 0);
    drive.remount("size=20m");
    program
        .run(&["export", &name, "--to", "drive/bundle"])
        .ended_with(0);
    program.run(&["verify", "drive/bundle"]).ended_with(0);
}

#[test]
fn a_drive_that_fills_up_on_the_way_keeps_what_is_whole() {
    let program = Program::new();
    let Some(drive) = Mounted::tmpfs(&program.path("drive"), 6 << 20) else {
        return;
    };
    let upstream = TestRegistry::start();
    let built = image().layer("big", 4_000_000).build();
    let big = upstream.seed("shop/big:1", &built);
    let layer = format!("/blobs/{}", built.layers()[0].descriptor.digest);
    let mut child = {
        upstream.fault(
            crate::support::registry::On::method("GET").path(&layer).once(),
            crate::support::registry::Fault::Stall(std::time::Duration::from_secs(5)),
        );
        program.start(&["export", &big, "--to", "drive/bundle"])
    };
    // While the run waits for the registry, someone else fills the drive.
    let asked_by = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while upstream.count("GET", &layer) == 0 {
        assert!(
            std::time::Instant::now() < asked_by,
            "the export did not ask for the layer"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    fill(&program.path("drive/films.mkv"));
    assert_eq!(child.wait().unwrap().code(), Some(1));
    std::fs::remove_file(program.path("drive/films.mkv")).unwrap();
    drive.remount("size=20m");
    program
        .run(&["export", &big, "--to", "drive/bundle"])
        .ended_with(0);
    program.run(&["verify", "drive/bundle"]).ended_with(0);
}

#[test]
fn a_read_only_drive_says_so_and_can_still_be_imported_from() {
    let program = Program::new();
    let Some(drive) = Mounted::tmpfs(&program.path("drive"), 20 << 20) else {
        return;
    };
    let upstream = TestRegistry::start();
    let name = upstream.seed("shop/app:1", &image().layer("a", 30_000).build());
    program
        .run(&["export", &name, "--to", "drive/bundle"])
        .ended_with(0);
    drive.remount("ro");
    let ran = program
        .run(&["export", &name, "--to", "drive/bundle"])
        .ended_with(1);
    assert!(ran.err.contains("the drive is read-only"), "{}", ran.err);
    assert!(ran.err.contains("hint: "), "{}", ran.err);
    let target = TestRegistry::start();
    let ran = program
        .run(&["import", "--from", "drive/bundle", "--to", &target.host()])
        .ended_with(0);
    assert!(ran.out.contains("no receipt was left"), "{}", ran.out);
    program
        .run(&[
            "import",
            "--from",
            "drive/bundle",
            "--to",
            &target.host(),
            "--receipt",
            "have.json",
        ])
        .ended_with(0);
    assert!(program.path("have.json").exists());
}

#[test]
fn a_drive_that_fails_in_the_middle_says_what_is_safe_and_the_next_run_completes() {
    let Some(strace) = installed("strace") else {
        return;
    };
    let upstream = TestRegistry::start();
    let names: Vec<String> = (0..4)
        .map(|n| {
            let image = image().layer(&format!("layer-{n}"), 30_000).build();
            upstream.seed(&format!("shop/app-{n}:1"), &image)
        })
        .collect();
    for (errno, sentence, hint) in [
        (
            "ENODEV",
            "the drive was removed",
            "hint: the drive was removed: plug it in again",
        ),
        (
            "EIO",
            "input/output error",
            "hint: the device reported a read or write error",
        ),
        ("ENOSPC", "the drive is full", "make room or take a larger drive"),
        ("EDQUOT", "the disk quota is used up", "ask for a larger quota"),
    ] {
        let program = Program::new();
        let inject = format!("inject=fsync:error={errno}:when=4+");
        let own = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", &inject];
        let mut arguments = vec!["export", "--to", "bundle"];
        arguments.extend(names.iter().map(String::as_str));
        let ran = program.run_under(&strace, &own, &arguments);
        assert_ne!(ran.code, Some(0), "{errno}: {}", ran.err);
        assert!(
            ran.err.contains(sentence) || ran.out.contains(sentence),
            "{errno}: {} {}",
            ran.out,
            ran.err
        );
        if errno != "EIO" {
            assert!(ran.err.contains(hint), "{errno}: {}", ran.err);
        }
        program.run(&arguments).ended_with(0);
        program.verify().ended_with(0);
    }
}

#[test]
fn a_sync_of_the_volume_that_fails_is_made_good_file_by_file() {
    let Some(strace) = installed("strace") else {
        return;
    };
    let upstream = TestRegistry::start();
    let names: Vec<String> = (0..40)
        .map(|n| {
            let image = image().layer(&format!("layer-{n}"), 100).build();
            upstream.seed(&format!("shop/app-{n}:1"), &image)
        })
        .collect();
    let program = Program::new();
    let trace = program.path("trace").display().to_string();
    let own = [
        "-f",
        "-qq",
        "-o",
        &trace,
        "-e",
        "trace=syncfs,fsync",
        "-e",
        "inject=syncfs:error=EIO",
        // A slow drive: while it is busy with a few files many gather.
        "-e",
        "inject=fsync:delay_enter=50000",
    ];
    let mut arguments = vec!["export", "--to", "bundle"];
    arguments.extend(names.iter().map(String::as_str));
    program.run_under(&strace, &own, &arguments).ended_with(0);
    program.verify().ended_with(0);
    let folder = carrack::fsx::Folder::open(&program.path("bundle")).unwrap();
    let file_system = carrack::fsx::Volume::of(&folder).unwrap().file_system;
    let calls = std::fs::read_to_string(&trace).unwrap();
    // The whole volume is synced only where that is as good as syncing each file, and never again once it has failed: the
    // error may have been about the file of a batch that another thread has.
    let expected = usize::from(file_system == carrack::fsx::FileSystem::Unix);
    assert_eq!(calls.matches("syncfs(").count(), expected, "{file_system:?}");
    assert!(calls.matches("fsync(").count() >= 2 * names.len(), "{calls}");
}

#[test]
fn a_second_run_on_one_bundle_says_who_holds_it() {
    let program = Program::new();
    let upstream = TestRegistry::start();
    let name = upstream.seed("shop/app:1", &image().layer("big", 4_000_000).build());
    upstream.fault(
        crate::support::registry::On::get_blob().once(),
        crate::support::registry::Fault::Stall(std::time::Duration::from_secs(3)),
    );
    let mut first = program.start(&["export", &name, "--to", "bundle"]);
    let asked_by = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while upstream.count("GET", "/blobs/") == 0 {
        assert!(
            std::time::Instant::now() < asked_by,
            "the export asked for no blob"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let ran = program.run(&["export", &name, "--to", "bundle"]).ended_with(1);
    let holder = format!("is in use by process {} on ", first.id());
    assert!(ran.err.contains(&holder), "{}", ran.err);
    assert!(
        ran.err.contains("hint: wait for the other run to end"),
        "{}",
        ran.err
    );
    assert_eq!(first.wait().unwrap().code(), Some(0));
}
