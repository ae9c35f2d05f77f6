//! The real binary in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A folder for bundles, and the program with a home of its own.
#[derive(Debug)]
pub(crate) struct Program {
    place: TempDir,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Checks the exit code and gives the run back.
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert!(self.out.starts_with('{'), "out: {}\nerr: {}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    /// The row of a reference that contains this text.
    pub(crate) fn row(&self, text: &str) -> serde_json::Value {
        let json = self.json();
        let rows = json["rows"].as_array().unwrap();
        let mut found = rows
            .iter()
            .filter(|r| r["reference"].as_str().unwrap().contains(text));
        found.next().expect("a row has this text").clone()
    }
}

impl Program {
    pub(crate) fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
        }
    }

    /// A path in the folder of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrack"));
        command
            .env_clear()
            .env("HOME", self.place.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.place.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it to its end below another program, such as `strace`, whose own arguments come first.
    pub(crate) fn run_under(&self, other: &Path, own: &[&str], arguments: &[&str]) -> Ran {
        let mut command = Command::new(other);
        command
            .env_clear()
            .env("HOME", self.place.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.place.path())
            .args(own)
            .arg(env!("CARGO_BIN_EXE_carrack"))
            .args(arguments)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts it and comes back at once.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// `export … --to bundle -o json`.
    pub(crate) fn export(&self, references: &[&str], more: &[&str]) -> Ran {
        let mut arguments = vec!["export"];
        arguments.extend(references);
        if !more.contains(&"--to") {
            arguments.extend(["--to", "bundle"]);
        }
        arguments.extend(["-o", "json"]);
        arguments.extend(more);
        self.run(&arguments)
    }

    /// `import --from bundle --to TARGET -o json`.
    pub(crate) fn import(&self, target: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["import", "--from", "bundle", "--to", target, "-o", "json"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// `verify bundle -o json`.
    pub(crate) fn verify(&self) -> Ran {
        self.run(&["verify", "bundle", "-o", "json"])
    }
}

/// Every file below a folder with its bytes, but not what changes with the time of day.
pub(crate) fn tree(root: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut std::collections::BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_path_buf();
                if !name.ends_with("inventory.json") {
                    found.insert(name, std::fs::read(&path).unwrap());
                }
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    walk(root, root, &mut found);
    found
}
