//! The program as its users meet it: arguments, what is printed, exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The real binary, in an environment of its own.
pub(crate) struct Program {
    /// A home without any configuration.
    home: TempDir,
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The command with a cleared environment, ready for arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrack"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("NO_COLOR", "1");
        command.current_dir(self.home.path());
        command
    }

    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Ran {
        ran(&self.command().args(arguments).output().unwrap())
    }

    /// A path in the home of this program.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_destination_without_a_name_is_wrong_usage() {
    let program = Program::new();
    for (words, problem) in [
        (&["export", "quay.io/a/b:1", "--to", ""][..], "name a folder"),
        (
            &["import", "--from", "bundle", "--to", "dir:"],
            "names no folder: say dir:PATH",
        ),
    ] {
        let ran = program.run(words);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(problem), "{}", ran.err);
    }
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = Program::new().run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for word in [
        "charts",
        "images",
        "export",
        "import",
        "verify",
        "serve",
        "3 finished, but",
        "130 interrupted",
    ] {
        assert!(
            help.out.replace('\n', " ").contains(word),
            "{word} is not in:\n{}",
            help.out
        );
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_wrong() {
    let program = Program::new();
    for (arguments, word) in [
        (&["verfy"][..], "verify"),
        (&["verify"][..], "BUNDLE"),
        (&["import", "--from", "x", "--to", "no host"][..], "--to"),
        (
            &["export", "Not A Reference", "--to", "bundle"][..],
            "Not A Reference",
        ),
        (&["serve", "x", "--tls-cert", "a.pem"][..], "--tls-key"),
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.err);
        assert!(
            ran.err.contains(word),
            "{arguments:?} does not say {word}:\n{}",
            ran.err
        );
    }
}

#[test]
fn what_says_nothing_of_a_target_is_refused_instead_of_passed_over() {
    let program = Program::new();
    let export = |to, flags: [&'static str; 2]| ["export", "quay.io/a:1", "--to", to, flags[0], flags[1]];
    let import =
        |flags: [&'static str; 2]| ["import", "--from", "x", "--to", "dir:inside", flags[0], flags[1]];
    let registry = "docker://127.0.0.1:1";
    let refused: [&[&str]; 8] = [
        &export(registry, ["--with-carrack", "--quiet"]),
        &export(registry, ["--largest-file", "1GB"]),
        &export("bundle", ["--map", "quay.io=q"]),
        &export("bundle", ["--layout", "root"]),
        &export("bundle", ["--max-depth", "2"]),
        &import(["--receipt", "have.json"]),
        &import(["--create-projects", "--quiet"]),
        &import(["--max-depth", "2"]),
    ];
    for arguments in refused {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.err);
        let flag = arguments
            .iter()
            .rfind(|word| word.starts_with("--") && **word != "--quiet");
        assert!(ran.err.contains(flag.unwrap()), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("--to names a "), "{arguments:?}: {}", ran.err);
    }
    assert!(!program.path("bundle").exists() && !program.path("inside").exists());
}

#[test]
fn a_folder_that_is_no_bundle_is_named() {
    let program = Program::new();
    for command in [
        &["verify", "/etc"][..],
        &["import", "--from", "/etc", "--to", "dir:inside"][..],
    ] {
        let ran = program.run(command);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("/etc is no bundle"), "{}", ran.err);
        assert!(ran.err.contains("hint:"), "{}", ran.err);
    }
    assert!(!program.path("inside").exists());
}

#[test]
fn a_flipped_bit_is_exit_code_4_and_names_the_blob() {
    let program = Program::new();
    let bundle = program.path("bundle");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(fixture("voyage/upstream"))
        .arg(&bundle)
        .status()
        .unwrap();
    assert!(copied.success());
    let blob = std::fs::read_dir(bundle.join("blobs/sha256"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[0] ^= 1;
    #[expect(clippy::disallowed_methods, reason = "the test damages a file on purpose")]
    std::fs::write(&blob, bytes).unwrap();
    let ran = program.run(&["verify", bundle.to_str().unwrap()]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    let name = blob.file_name().unwrap().to_str().unwrap();
    assert!(ran.out.contains(name), "{}", ran.out);
}

#[test]
fn the_quickstart_of_the_readme_runs() {
    let program = Program::new();
    let script = fixture("voyage.sh");
    let mut command = Command::new("sh");
    command
        .arg(&script)
        .env("CARRACK", env!("CARGO_BIN_EXE_carrack"))
        .env("HOME", program.path(""));
    let ran = ran(&command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("The voyage is done"), "{}", ran.out);
}

#[test]
fn what_a_chart_says_when_it_fails_is_shown_as_its_author_wrote_it() {
    let program = Program::new();
    std::fs::create_dir_all(program.path("app/templates")).unwrap();
    for (name, text) in [
        ("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"),
        (
            "app/templates/a.yaml",
            "{{ required \"an image is needed\" .Values.image }}\n",
        ),
    ] {
        carrack::fsx::write(&program.path(name), text.as_bytes()).unwrap();
    }
    for words in [&["charts", "render", "app"][..], &["images", "app"]] {
        let ran = program.run(words);
        let said = ran.err + &ran.out;
        assert!(
            said.contains("execution error at (app/templates/a.yaml:1:3): an image is needed")
                && !said.contains("HELM_ERR"),
            "{words:?}: {said}"
        );
    }
}

#[test]
fn a_word_that_is_refused_is_shown_without_its_password() {
    let program = Program::new();
    for words in [
        &["charts", "pull", "https://user:hunter2@host:bad/x", "--to", "d"][..],
        &["charts", "push", "x.tgz", "--to", "oci://user:hunter2@h/p"],
        &["export", "a", "--to", "docker://user:hunter2@host/p"],
        &[
            "export",
            "a",
            "--to",
            "d",
            "--pull-through",
            "docker.io=user:hunter2@cache/h",
        ],
        &["export", "user:hunter2@host/x:1", "--to", "d"],
        &["import", "--from", "x", "--to", "user:hunter2@reg"],
        &[
            "import",
            "--from",
            "x",
            "--to",
            "r",
            "--charts-to",
            "https://user:hunter2@h/#x",
        ],
        &["images", "https://user:hunter2@host:bad/"],
        &["https://user:hunter2@h/"],
    ] {
        let ran = program.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {}", ran.err);
        let said = ran.err + &ran.out;
        assert!(
            !said.contains("hunter2") && said.contains("error:"),
            "{words:?}: {said}"
        );
    }
}

#[test]
fn every_command_has_a_manual_page_and_every_shell_its_completions() {
    let program = Program::new();
    assert_eq!(program.run(&["manual", "--to", "man"]).code, Some(0));
    let help = program.run(&["--help"]).out;
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').find(|word| !word.is_empty()))
        .filter(|word| help.contains(&format!("\n  {word} ")));
    let mut count = 0;
    for command in commands {
        let page = std::fs::read_to_string(program.path(&format!("man/carrack-{command}.1"))).unwrap();
        assert!(
            page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"),
            "{command}"
        );
        count += 1;
    }
    assert!(count >= 14, "{help}");
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef carrack"),
        ("fish", "complete -c carrack"),
    ] {
        let script = program.run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{shell}");
        assert!(
            script.out.contains(word) && script.out.contains("with-dependencies"),
            "{shell}"
        );
    }
    let script = program.path("carrack.bash");
    carrack::fsx::write(&script, program.run(&["completions", "bash"]).out.as_bytes()).unwrap();
    let parsed = Command::new("bash").arg("-n").arg(&script).status().unwrap();
    assert!(parsed.success(), "bash reads its script");
}
