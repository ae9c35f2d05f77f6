//! Real programs that tests run, each a named skip where it is not installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::docker_registry::required;

const FOLDERS: [&str; 5] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin", "/opt/bin"];

/// Where a program is, or `None` with a printed line.
#[expect(clippy::print_stdout, reason = "a skip is told by name")]
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let found = FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        assert!(
            !required(),
            "{name} is not installed and REQUIRE_REAL_PARTS=1 is set"
        );
        println!("SKIPPED: {name} is not installed");
    }
    found
}

/// Whether this process may run container engines.
#[expect(clippy::print_stdout, reason = "a skip is told by name")]
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        assert!(
            !required(),
            "container engines need root and REQUIRE_REAL_PARTS=1 is set"
        );
        println!("SKIPPED: container engines need root");
    }
    root
}

/// A command that finds nobody but this machine: every other host goes to a proxy that refuses.
pub(crate) fn without_internet(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env(name, "127.0.0.1,localhost");
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end; its output is in the panic if it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything that a command said.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A daemon that is ended with the test.
#[derive(Debug)]
pub(crate) struct Daemon {
    process: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it and waits until `ready` exists.
    pub(crate) fn start(command: &mut Command, ready: &Path, log: PathBuf) -> Self {
        Self::start_until(command, log, |_| ready.exists())
    }

    /// Starts it and waits until it has written this text to its log.
    pub(crate) fn start_saying(command: &mut Command, text: &str, log: PathBuf) -> Self {
        Self::start_until(command, log, |log| log.contains(text))
    }

    fn start_until(command: &mut Command, log: PathBuf, is_ready: impl Fn(&str) -> bool) -> Self {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let process = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        let mut daemon = Self { process, log };
        for _ in 0..600 {
            if is_ready(&daemon.log()) {
                return daemon;
            }
            if daemon.process.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let log = daemon.log();
        assert!(is_ready(&log), "{command:?} does not listen: {log}");
        daemon
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Asked first: a container engine takes its mounts and children down.
        let id = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        for _ in 0..100 {
            if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
