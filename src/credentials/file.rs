//! The one shape that docker's, containers' and Helm's credential files share.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::{Credential, Error};
use crate::reference::DOCKER_HUB;
use crate::secret::{Secret, printable};

/// Larger credential files are refused.
const FILE_CAP: u64 = 4 << 20;

/// Base64 as tools write it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
    #[serde(default)]
    registrytoken: Option<String>,
}

/// What a file says about a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The credential itself.
    Credential(Credential),
    /// The short name of the helper that has it.
    Helper(String),
}

/// A credential file.
#[derive(Debug, Default)]
pub(super) struct File {
    path: PathBuf,
    /// By `host` or `host/namespace`, in canonical spelling.
    entries: BTreeMap<String, (String, Entry)>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

impl File {
    /// Reads a file; one that does not exist is empty.
    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        match Self::load_named(path) {
            Err(Error::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            loaded => loaded,
        }
    }

    /// Reads a file that must be there.
    pub(super) fn load_named(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = Vec::new();
        file.take(FILE_CAP + 1)
            .read_to_end(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > FILE_CAP {
            return Err(Error::TooLong {
                path: path.to_owned(),
                cap: FILE_CAP,
            });
        }
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, Error> {
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let wire: Wire = serde_json::from_slice(text).map_err(|error| Error::Malformed {
            path: path.to_owned(),
            line: error.line(),
        })?;
        let entries = wire.auths.unwrap_or_default().into_iter();
        let helpers = wire.cred_helpers.unwrap_or_default().into_iter();
        Ok(Self {
            path: path.to_owned(),
            entries: entries
                .map(|(key, entry)| (canonical_key(&key), (key, entry.unwrap_or_default())))
                .collect(),
            helpers: helpers
                .map(|(key, helper)| (canonical_key(&key), helper))
                .collect(),
            store: wire.creds_store.filter(|store| !store.is_empty()),
        })
    }

    /// What the file says about a repository (`host/path`) or a bare `host`: the longest key that covers it wins. An
    /// entry of the host in `credHelpers` counts before entries in `auths`, and `credsStore` counts last.
    pub(super) fn find(&self, host: &str, path: Option<&str>) -> Result<Option<Found>, Error> {
        let mut keys = Vec::new();
        if let Some(path) = path {
            let mut namespace = format!("{host}/{path}");
            while namespace.len() > host.len() {
                keys.push(namespace.clone());
                let parent = namespace.rsplit_once('/').map_or("", |(parent, _)| parent);
                namespace = parent.to_owned();
            }
        }
        keys.push(host.to_owned());
        for key in keys {
            if let Some(helper) = self.helpers.get(&key).filter(|helper| !helper.is_empty()) {
                return self.helper(helper).map(Some);
            }
            if let Some((written, entry)) = self.entries.get(&key)
                && let Some(credential) = self.credential(written, entry)?
            {
                return Ok(Some(Found::Credential(credential)));
            }
        }
        self.store.as_deref().map(|store| self.helper(store)).transpose()
    }

    fn helper(&self, name: &str) -> Result<Found, Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if name.len() > 100 || name.starts_with(['.', '-']) || !name.bytes().all(plain) {
            return Err(Error::BadHelperName {
                path: self.path.clone(),
                name: printable(name, 100),
            });
        }
        Ok(Found::Helper(name.to_owned()))
    }

    /// The credential of an entry; an empty entry, as docker leaves beside a `credsStore`, has none.
    fn credential(&self, host: &str, entry: &Entry) -> Result<Option<Credential>, Error> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&entry.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token.into())));
        }
        if let Some(token) = given(&entry.registrytoken) {
            return Ok(Some(Credential::RegistryToken(token.into())));
        }
        let (user, password) = match given(&entry.auth) {
            Some(auth) => self.decode(host, &auth)?,
            None => match (given(&entry.username), given(&entry.password)) {
                (Some(user), password) => (user, password.unwrap_or_default()),
                _ => return Ok(None),
            },
        };
        Ok(Some(basic(user, password.into())))
    }

    fn decode(&self, host: &str, auth: &str) -> Result<(String, String), Error> {
        let bad = |problem| Error::BadEntry {
            path: self.path.clone(),
            host: printable(host, 100),
            problem,
        };
        let decoded = BASE64
            .decode(auth.trim())
            .map_err(|_| bad("has an `auth` that is no base64"))?;
        let text = String::from_utf8(decoded).map_err(|_| bad("has an `auth` that is no text"))?;
        let (user, password) = text
            .split_once(':')
            .ok_or_else(|| bad("has an `auth` without a `:` between user and password"))?;
        // Docker pads with NUL bytes in old files.
        Ok((user.to_owned(), password.trim_end_matches('\0').to_owned()))
    }
}

/// A user and a password; the user name `<token>` says that the password is an identity token.
pub(super) fn basic(user: String, password: Secret) -> Credential {
    if user == "<token>" {
        return Credential::IdentityToken(password);
    }
    Credential::Basic { user, password }
}

/// Docker writes URLs for keys in places (`https://index.docker.io/v1/`), others write hosts and `host/namespace`.
pub(super) fn canonical_key(key: &str) -> String {
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| key.strip_prefix(scheme))
        .unwrap_or(key);
    let rest = rest.trim_end_matches('/');
    let (host, namespace) = match rest.split_once('/') {
        Some((host, namespace)) => (host, Some(namespace)),
        None => (rest, None),
    };
    let host = host.to_ascii_lowercase();
    let hub = matches!(
        host.as_str(),
        DOCKER_HUB | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com"
    );
    let host = if hub { DOCKER_HUB.to_owned() } else { host };
    match namespace {
        Some("v1" | "v2" | "v1/" | "v2/") | None => host,
        Some(namespace) => format!("{host}/{namespace}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::parse(Path::new("config.json"), text.as_bytes()).unwrap()
    }

    fn user(file: &File, host: &str, path: Option<&str>) -> Option<String> {
        match file.find(host, path).unwrap() {
            Some(Found::Credential(Credential::Basic { user, .. })) => Some(user),
            Some(Found::Credential(other)) => Some(format!("{other:?}")),
            Some(Found::Helper(name)) => Some(format!("helper {name}")),
            None => None,
        }
    }

    fn auth(text: &str) -> String {
        BASE64.encode(text)
    }

    #[test]
    fn docker_hub_is_found_under_the_url_that_docker_login_writes() {
        let text = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}}}}}}"#,
            auth("me:p:w")
        );
        let file = file(&text);
        let found = file.find("docker.io", Some("library/nginx")).unwrap();
        assert_eq!(
            found,
            Some(Found::Credential(Credential::Basic {
                user: "me".into(),
                password: Secret::new("p:w")
            }))
        );
        assert_eq!(user(&file, "quay.io", None), None);
    }

    #[test]
    fn the_longest_namespace_wins() {
        let text = format!(
            r#"{{"auths":{{"quay.io":{{"auth":"{}"}},"quay.io/a":{{"auth":"{}"}},"quay.io/a/b":{{"auth":"{}"}}}}}}"#,
            auth("host:x"),
            auth("a:x"),
            auth("b:x")
        );
        let file = file(&text);
        for (path, expected) in [
            ("a/b", "b"),
            ("a/b/c", "b"),
            ("a/c", "a"),
            ("ab", "host"),
            ("z", "host"),
        ] {
            assert_eq!(
                user(&file, "quay.io", Some(path)).as_deref(),
                Some(expected),
                "{path}"
            );
        }
        assert_eq!(user(&file, "quay.io", None).as_deref(), Some("host"));
    }

    #[test]
    fn tokens_and_helpers_are_told_apart_from_passwords() {
        let text = format!(
            r#"{{"auths":{{"a.io":{{"auth":"{}","identitytoken":"t"}},"b.io":{{"auth":"{}"}},"c.io":{{}},"d.io":{{"username":"u","password":"p"}}}},
               "credHelpers":{{"e.io":"ecr-login"}},"credsStore":"desktop"}}"#,
            auth("00000000:"),
            auth("<token>:refresh")
        );
        let file = file(&text);
        assert_eq!(user(&file, "a.io", None).unwrap(), "IdentityToken(<redacted>)");
        assert_eq!(user(&file, "b.io", None).unwrap(), "IdentityToken(<redacted>)");
        assert_eq!(user(&file, "c.io", None).unwrap(), "helper desktop");
        assert_eq!(user(&file, "d.io", None).unwrap(), "u");
        assert_eq!(user(&file, "e.io", None).unwrap(), "helper ecr-login");
    }

    #[test]
    fn a_broken_file_is_an_error_that_shows_no_secret() {
        let error = File::parse(Path::new("c.json"), b"{\n\"auths\": {\"h\": \"hunter2\"}}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the credential file c.json is not well formed, line 2"
        );
        let error = file(r#"{"auths":{"h":{"auth":"hunter2!"}}}"#)
            .find("h", None)
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        let error = file(r#"{"credsStore":"../../bin/sh"}"#)
            .find("h", None)
            .unwrap_err();
        assert!(matches!(error, Error::BadHelperName { .. }));
    }

    #[test]
    fn a_file_that_is_not_there_or_empty_has_no_entries() {
        let file = File::load(Path::new("/nonexistent/config.json")).unwrap();
        assert_eq!(user(&file, "a.io", None), None);
        assert!(File::parse(Path::new("x"), b" \n").is_ok());
    }
}
