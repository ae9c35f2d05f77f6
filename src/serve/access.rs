//! Basic authentication against a password file in the format of `htpasswd -B`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use tokio::sync::Semaphore;

use super::Error;
use crate::digest::Digest;
use crate::fsx;

/// A password file larger than this is none.
const FILE_CAP: u64 = 1 << 20;

/// How many accepted logins are remembered, so that bcrypt runs once for each and not for every blob.
const REMEMBERED: usize = 1024;

/// Who may read.
#[derive(Debug)]
pub struct Logins {
    hashes: BTreeMap<String, String>,
    accepted: Mutex<BTreeSet<Digest>>,
    /// Checking a password takes a processor for tens of milliseconds: a few at a time, so that guesses starve nobody.
    checks: Semaphore,
}

impl Logins {
    /// Reads a password file: `user:$2y$…` on each line; empty lines and lines with `#` are passed over.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = fsx::Folder::open(parent.unwrap_or_else(|| Path::new(".")))?;
        let bytes = folder.read(name, FILE_CAP)?;
        Self::parse(path, &String::from_utf8_lossy(&bytes))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let mut hashes = BTreeMap::new();
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || Error::PasswordLine {
                path: path.to_path_buf(),
                line: index + 1,
            };
            let (user, hash) = line.split_once(':').ok_or_else(wrong)?;
            if user.is_empty() || !hash.starts_with("$2") {
                return Err(wrong());
            }
            hashes.insert(user.to_owned(), hash.to_owned());
        }
        if hashes.is_empty() {
            let path = path.to_path_buf();
            return Err(Error::NoPasswords { path });
        }
        Ok(Self {
            hashes,
            accepted: Mutex::default(),
            checks: Semaphore::new(2),
        })
    }

    /// Whether the request carries the name and password of someone in the file.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = basic(headers) else {
            return false;
        };
        let Some(hash) = self.hashes.get(&user).cloned() else {
            return false;
        };
        // The key holds the hash as well: a changed password is not remembered.
        let key = Digest::sha256(format!("{user}\0{password}\0{hash}").as_bytes());
        if self.accepted().contains(&key) {
            return true;
        }
        let Ok(_permit) = self.checks.acquire().await else {
            return false;
        };
        let check = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let fits = check.await.unwrap_or(false);
        let mut accepted = self.accepted();
        if fits && accepted.len() < REMEMBERED {
            accepted.insert(key);
        }
        fits
    }

    fn accepted(&self) -> std::sync::MutexGuard<'_, BTreeSet<Digest>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name and password of an `Authorization: Basic` header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded.trim())
        .ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(user: &str, password: &str) -> HeaderMap {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("basic {encoded}").parse().unwrap());
        headers
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_admitted() {
        let file = format!("# nodes\n\nnode:{}\n", bcrypt::hash("correct", 4).unwrap());
        let logins = Logins::parse(Path::new("htpasswd"), &file).unwrap();
        assert!(logins.admit(&headers("node", "correct")).await);
        assert!(
            logins.admit(&headers("node", "correct")).await,
            "the second time, from memory"
        );
        assert!(!logins.admit(&headers("node", "wrong")).await);
        assert!(!logins.admit(&headers("other", "correct")).await);
        assert!(!logins.admit(&HeaderMap::new()).await);
        let mut broken = HeaderMap::new();
        broken.insert(AUTHORIZATION, "Basic %%%".parse().unwrap());
        assert!(!logins.admit(&broken).await);
    }

    #[test]
    fn a_file_without_a_password_would_let_nobody_in() {
        let error = Logins::parse(Path::new("htpasswd"), "# nobody yet\n").unwrap_err();
        assert!(error.to_string().starts_with("htpasswd has no line"), "{error}");
    }

    #[test]
    fn a_line_with_another_hash_is_named() {
        let error = Logins::parse(Path::new("htpasswd"), "a:$2y$05$x\nb:{SHA}abc\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2 of htpasswd is no `user:bcrypt-hash`, as `htpasswd -B` writes it"
        );
    }
}
