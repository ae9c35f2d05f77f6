//! Keys and signatures made by the real `ssh-keygen` and `openssl`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::programs::{program, run};

/// A key pair of `ssh-keygen` without a passphrase: the private half's file, the public one beside it with `.pub`.
pub(crate) fn ssh_key(folder: &Path, name: &str, kind: &[&str]) -> Option<PathBuf> {
    let keygen = program("ssh-keygen")?;
    let path = folder.join(name);
    run(Command::new(keygen)
        .args(["-q", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .args(kind));
    Some(path)
}

/// The line of an `allowed_signers` file for a key; `options` may be empty.
pub(crate) fn signer(principal: &str, options: &str, key: &Path) -> String {
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    format!("{principal} {options} {public}")
}

/// What a program that gets `input` writes to standard output.
pub(crate) fn piped(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        super::programs::said(&output)
    );
    output.stdout
}

/// A key pair of `openssl`: the private half's file, the public one beside it with `.pub`.
pub(crate) fn pem_key(folder: &Path, name: &str) -> Option<PathBuf> {
    let openssl = program("openssl")?;
    let path = folder.join(name);
    run(Command::new(&openssl)
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
        .arg(&path));
    run(Command::new(&openssl)
        .args(["ec", "-pubout", "-in"])
        .arg(&path)
        .arg("-out")
        .arg(path.with_extension("pub")));
    Some(path)
}

/// Lays a file down, over whatever has its name.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    carrack::fsx::write(path, bytes).unwrap();
}

/// Takes a file away and gives what was in it.
pub(crate) fn take(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}
