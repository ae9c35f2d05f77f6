//! Credential helpers: programs that docker's configuration names and that hand out one host's credential.
//!
//! The protocol is a line with the host on standard input and JSON on standard output. The program is started without
//! a shell from a folder of `PATH`; the host is checked before it is written, because a line break in it would ask for
//! another host's secret (CVE-2020-5260, CVE-2020-11008, CVE-2024-50338).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::file::basic;
use super::{Credential, Error};
use crate::reference::DOCKER_HUB;
use crate::secret::{Secret, printable};

/// Longer answers are no credentials.
const ANSWER_CAP: u64 = 1 << 20;

/// A helper may open a browser or ask a hardware key, but not for ever.
const LONGEST_RUN: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks helper `name` for the credential of `host`. That it has none is `None`.
pub(super) async fn ask(name: &str, host: &str, folders: &[PathBuf]) -> Result<Option<Credential>, Error> {
    let program = format!("docker-credential-{name}");
    let key = server_key(host)?;
    let missing = || Error::HelperMissing {
        program: program.clone(),
        host: host.to_owned(),
    };
    let path = find(&program, folders).ok_or_else(missing)?;
    let not_run = |source| Error::HelperFailedToRun {
        program: program.clone(),
        host: host.to_owned(),
        source,
    };
    let run = run(&path, &key);
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 60 s");
    let (succeeded, output) = tokio::time::timeout(LONGEST_RUN, run)
        .await
        .unwrap_or_else(|_| Err(late()))
        .map_err(not_run)?;
    if !succeeded {
        let message = String::from_utf8_lossy(&output);
        // The protocol has no other way to say that there is none; docker compares this text too.
        if message.contains("credentials not found") {
            return Ok(None);
        }
        return Err(Error::HelperFailed {
            program,
            host: host.to_owned(),
            message: printable(message.trim(), 300),
        });
    }
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| Error::HelperNonsense {
        program,
        host: host.to_owned(),
    })?;
    if answer.username.is_empty() && answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(basic(answer.username, Secret::new(answer.secret))))
}

/// The name under which helpers keep a host: Docker Hub's is a URL.
fn server_key(host: &str) -> Result<String, Error> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    if host.is_empty() || host.len() > 260 || !host.bytes().all(plain) {
        return Err(Error::BadHost {
            host: printable(host, 100),
        });
    }
    if host == DOCKER_HUB {
        return Ok("https://index.docker.io/v1/".to_owned());
    }
    Ok(host.to_owned())
}

fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    // An empty or relative entry of PATH is the working directory, where a stranger's file may lie.
    folders
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

async fn run(path: &Path, key: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(path)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input may have closed it; its exit status tells the rest.
        let _ = input.write_all(format!("{key}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER_CAP).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    fn helper(script: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o755)
            .open(folder.path().join("docker-credential-test"))
            .unwrap();
        file.write_all(format!("#!/bin/sh\n{script}\n").as_bytes())
            .unwrap();
        let folders = vec![folder.path().to_owned()];
        (folder, folders)
    }

    /// A script that another thread's fork still holds open for writing cannot start yet.
    async fn ask_ready(host: &str, folders: &[PathBuf]) -> Result<Option<Credential>, Error> {
        loop {
            match ask("test", host, folders).await {
                Err(Error::HelperFailedToRun { source, .. })
                    if source.kind() == std::io::ErrorKind::ExecutableFileBusy =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                answer => return answer,
            }
        }
    }

    #[tokio::test]
    async fn a_helper_is_asked_for_the_host_and_answers_with_a_credential() {
        let (_folder, folders) = helper(
            r#"read host; test "$1" = get || exit 9; echo "{\"Username\":\"me\",\"Secret\":\"for $host\"}""#,
        );
        let expected = Credential::Basic {
            user: "me".into(),
            password: Secret::new("for r.example.com:5000"),
        };
        assert_eq!(
            ask_ready("r.example.com:5000", &folders).await.unwrap(),
            Some(expected)
        );
        let Some(Credential::Basic { password, .. }) = ask_ready("docker.io", &folders).await.unwrap() else {
            panic!("no credential");
        };
        assert_eq!(password.expose(), "for https://index.docker.io/v1/");
    }

    #[tokio::test]
    async fn a_helper_without_the_credential_is_no_error_and_a_broken_one_is() {
        let (_folder, folders) = helper("echo 'credentials not found in native keychain'; exit 1");
        assert_eq!(ask_ready("a.io", &folders).await.unwrap(), None);
        let (_folder, folders) = helper("printf 'locked\\033[31m'; exit 1");
        let error = ask_ready("a.io", &folders).await.unwrap_err();
        assert!(error.to_string().ends_with(r"a.io: locked\u{1b}[31m"), "{error}");
        let (_folder, folders) = helper("echo hello");
        assert!(matches!(
            ask_ready("a.io", &folders).await,
            Err(Error::HelperNonsense { .. })
        ));
        assert!(matches!(
            ask("other", "a.io", &folders).await,
            Err(Error::HelperMissing { .. })
        ));
    }

    #[tokio::test]
    async fn a_host_with_a_line_break_never_reaches_a_helper() {
        let (folder, folders) = helper(&format!("touch {}/ran", "$(dirname $0)"));
        for host in ["a.io\nb.io", "a.io\r", "", "a.io/x", "a b"] {
            assert!(
                matches!(ask("test", host, &folders).await, Err(Error::BadHost { .. })),
                "{host:?}"
            );
        }
        assert!(!folder.path().join("ran").exists());
    }

    #[test]
    fn a_helper_is_not_taken_from_the_working_directory() {
        assert_eq!(
            find("docker-credential-test", &[PathBuf::new(), PathBuf::from(".")]),
            None
        );
    }
}
