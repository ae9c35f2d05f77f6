//! All credentials of a run.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::file::{File, Found, basic, canonical_key};
use super::{Credential, Error, helper};
use crate::reference::Repository;
use crate::secret::Secret;

/// A user and password given on the command line or in a configuration for one host.
#[derive(Clone, Debug)]
pub struct Explicit {
    /// The host, with its port if it has one.
    pub host: String,
    /// The user name; `<token>` says that the password is an identity token.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Where credentials come from, most important first.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Given for this run; they win over every file.
    pub explicit: Vec<Explicit>,
    /// Files in the shape of docker's `config.json` that were named for this run: they come first, and must be there.
    pub named: Vec<PathBuf>,
    /// Files in the shape of docker's `config.json`, in order of precedence; those that do not exist are skipped.
    pub files: Vec<PathBuf>,
    /// Folders in which credential helpers are looked for: the entries of `PATH`.
    pub helper_folders: Vec<PathBuf>,
    /// Token servers (`host` or `host:port`) that may see a registry's credential although they are other hosts, by the
    /// registry that names them: a site's single sign-on, for instance.
    pub token_servers: BTreeMap<String, Vec<String>>,
}

/// The credentials of a run. Clones share what helpers answered.
#[derive(Clone, Debug, Default)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    explicit: HashMap<String, Credential>,
    files: Vec<File>,
    helper_folders: Vec<PathBuf>,
    token_servers: HashMap<String, Vec<String>>,
    /// A helper may ask a person; it is run once for each host.
    asked: Mutex<HashMap<(String, String), Option<Credential>>>,
}

impl Store {
    /// A store that knows nobody.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Reads all files. A file that exists and cannot be used is an error: to go on without it would turn a wrong
    /// password file into missing images.
    pub fn load(settings: &Settings) -> Result<Self, Error> {
        let explicit = settings.explicit.iter().map(|given| {
            let credential = basic(given.user.clone(), given.password.clone());
            (canonical_key(&given.host), credential)
        });
        let token_servers = settings.token_servers.iter();
        let token_servers = token_servers.map(|(host, servers)| (canonical_key(host), servers.clone()));
        let named = settings.named.iter().map(|path| File::load_named(path));
        let files = named.chain(settings.files.iter().map(|path| File::load(path)));
        let files: Result<Vec<_>, _> = files.collect();
        Ok(Self {
            inner: Arc::new(Inner {
                explicit: explicit.collect(),
                files: files?,
                helper_folders: settings.helper_folders.clone(),
                token_servers: token_servers.collect(),
                asked: Mutex::default(),
            }),
        })
    }

    /// The credential for a repository, `None` for anonymous access.
    pub async fn for_repository(&self, repository: &Repository) -> Result<Option<Credential>, Error> {
        self.find(repository.host(), Some(repository.path())).await
    }

    /// The credential for a host (with its port, if it has one), `None` for anonymous access.
    pub async fn for_host(&self, host: &str) -> Result<Option<Credential>, Error> {
        self.find(&canonical_key(host), None).await
    }

    /// Other hosts that may see the credential of `host` as its token servers.
    pub fn token_servers(&self, host: &str) -> &[String] {
        self.inner.token_servers.get(host).map_or(&[], Vec::as_slice)
    }

    async fn find(&self, host: &str, path: Option<&str>) -> Result<Option<Credential>, Error> {
        if let Some(credential) = self.inner.explicit.get(host) {
            return Ok(Some(credential.clone()));
        }
        for file in &self.inner.files {
            let found = match file.find(host, path)? {
                Some(Found::Credential(credential)) => Some(credential),
                Some(Found::Helper(name)) => self.ask(&name, host).await?,
                None => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn ask(&self, name: &str, host: &str) -> Result<Option<Credential>, Error> {
        let key = (name.to_owned(), host.to_owned());
        let mut asked = self.inner.asked.lock().await;
        if let Some(answer) = asked.get(&key) {
            return Ok(answer.clone());
        }
        let answer = helper::ask(name, host, &self.inner.helper_folders).await?;
        asked.insert(key, answer.clone());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        use std::io::Write;
        let path = folder.path().join(name);
        let mut file = std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    }

    fn name(credential: Option<Credential>) -> String {
        match credential {
            Some(Credential::Basic { user, .. }) => user,
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_given_for_the_run_wins_and_then_the_first_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = written(
            &folder,
            "a.json",
            r#"{"auths":{"a.io":{"username":"first","password":"x"}}}"#,
        );
        let second = written(
            &folder,
            "b.json",
            r#"{"auths":{"a.io":{"username":"second","password":"x"},"b.io":{"username":"second","password":"x"}}}"#,
        );
        let store = Store::load(&Settings {
            explicit: vec![Explicit {
                host: "C.io:5000".into(),
                user: "given".into(),
                password: Secret::new("x"),
            }],
            files: vec![first, folder.path().join("missing.json"), second],
            ..Settings::default()
        })
        .unwrap();
        assert_eq!(name(store.for_host("a.io").await.unwrap()), "first");
        assert_eq!(name(store.for_host("b.io").await.unwrap()), "second");
        assert_eq!(name(store.for_host("c.io:5000").await.unwrap()), "given");
        assert_eq!(name(store.for_host("c.io").await.unwrap()), "None");
    }

    #[test]
    fn a_broken_file_stops_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let broken = written(&folder, "a.json", "{");
        let settings = Settings {
            files: vec![broken],
            ..Settings::default()
        };
        assert!(matches!(Store::load(&settings), Err(Error::Malformed { .. })));
    }
}
