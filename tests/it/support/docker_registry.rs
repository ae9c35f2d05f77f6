//! Debian's `docker-registry` (distribution 2.8) on a free loopback port, with its data in a temporary folder.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running registry; it is stopped and its data removed when this is dropped.
#[derive(Debug)]
pub(crate) struct DockerRegistry {
    process: Child,
    port: u16,
    program: &'static str,
    /// Removed when this is dropped.
    folder: TempDir,
}

/// Where the part that a test needs is looked for.
const PROGRAMS: [&str; 2] = ["/usr/bin/docker-registry", "/usr/local/bin/docker-registry"];

impl DockerRegistry {
    /// A registry that lets everybody in, or `None` with a printed line if the program is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("", |_| {})
    }

    /// A registry that asks for this user and password.
    pub(crate) fn start_with_password(user: &str, password: &str) -> Option<Self> {
        // Cost 4 keeps each request of the test fast; the registry takes any.
        let hash = bcrypt::hash(password, 4).unwrap();
        let line = format!("{user}:{hash}\n");
        Self::start_with(
            "auth: {htpasswd: {realm: test, path: FOLDER/htpasswd}}\n",
            move |folder| {
                fs::OpenOptions::new()
                    .create_new(true)
                    .write(true)
                    .open(folder.join("htpasswd"))
                    .and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
                    .unwrap();
            },
        )
    }

    #[expect(clippy::print_stdout, reason = "a skip is told by name")]
    fn start_with(more: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let Some(program) = PROGRAMS.iter().find(|path| Path::new(path).exists()) else {
            assert!(
                !required(),
                "docker-registry is not installed and REQUIRE_REAL_PARTS=1 is set"
            );
            println!("SKIPPED: docker-registry is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: FOLDER/data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n{more}"
        );
        let path = folder.path().join("config.yml");
        let text = text.replace("FOLDER", folder.path().to_str().unwrap());
        fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .unwrap();
        let mut registry = Self {
            process: spawn(program, folder.path()),
            port,
            program,
            folder,
        };
        registry.wait_until_ready();
        Some(registry)
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "docker-registry ended with {ended:?}");
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "docker-registry does not listen"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it without warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again with the data that it had.
    pub(crate) fn start_again(&mut self) {
        self.kill();
        self.process = spawn(self.program, self.folder.path());
        self.wait_until_ready();
    }

    /// Starts it again, now with or without the switch that turns pushes down.
    pub(crate) fn set_read_only(&mut self, on: bool) {
        let path = self.folder.path().join("config.yml");
        let (open, closed) = (
            "delete: {enabled: true}",
            "delete: {enabled: true}, maintenance: {readonly: {enabled: true}}",
        );
        let text = fs::read_to_string(&path).unwrap().replace(closed, open);
        let text = if on { text.replace(open, closed) } else { text };
        carrack::fsx::write(&path, text.as_bytes()).unwrap();
        self.start_again();
    }

    /// Bytes of all files that it keeps.
    pub(crate) fn kept(&self) -> u64 {
        fn sum(folder: &Path) -> u64 {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| match entry.metadata() {
                    Ok(metadata) if metadata.is_dir() => sum(&entry.path()),
                    Ok(metadata) => metadata.len(),
                    Err(_) => 0,
                })
                .sum()
        }
        sum(&self.folder.path().join("data"))
    }

    /// Its `host:port`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn spawn(program: &str, folder: &Path) -> Child {
    Command::new(program)
        .arg("serve")
        .arg(folder.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a part that is missing fails the test instead of skipping it.
#[expect(clippy::disallowed_methods, reason = "the switch of the test suite itself")]
pub(crate) fn required() -> bool {
    std::env::var_os("REQUIRE_REAL_PARTS").is_some_and(|value| value == "1")
}
