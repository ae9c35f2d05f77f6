//! Helm's own list of repositories, `repositories.yaml`: names, addresses, who we are there, and whom to trust.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::Error;
use super::entry::as_text;
use crate::goyaml::{self, Map, Value};
use crate::http::HostTls;
use crate::secret::{Secret, printable};

/// A larger list is none.
const LIST_CAP: u64 = 16 << 20;

/// One repository that `helm repo add` noted.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its name, as in `@name`.
    pub name: String,
    /// Its address, as it is written there.
    pub url: String,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// Whether the password may go to other hosts that the index names.
    pub pass_credentials: bool,
    tls: HostTls,
    /// Why it cannot be used; told only when it is asked for.
    unusable: Option<&'static str>,
}

/// The repositories that Helm knows on this machine.
#[derive(Clone, Debug, Default)]
pub struct Repositories {
    known: Vec<Known>,
    /// Where the list was read from, for messages.
    path: Option<PathBuf>,
}

impl Repositories {
    /// Reads the list at `path`; no file is an empty list.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let failed = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self {
                    known: Vec::new(),
                    path: Some(path.to_owned()),
                });
            }
            Err(error) => return Err(failed(error)),
        };
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, LIST_CAP), &mut text).map_err(failed)?;
        Self::parse(&text, path)
    }

    fn parse(text: &[u8], path: &Path) -> Result<Self, Error> {
        let bad = |problem: String| Error::BadRepositoryList {
            path: path.to_owned(),
            problem,
        };
        let document = goyaml::parse(text).map_err(|error| bad(error.to_string()))?;
        let rows = match document.get("repositories") {
            None | Some(Value::Null) => &[],
            Some(Value::Seq(rows)) => rows.as_slice(),
            Some(_) => return Err(bad("`repositories` is no list".to_owned())),
        };
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let known = rows.iter().map(|row| match row {
            Value::Map(fields) => Known::read(fields, folder).map_err(bad),
            _ => Err(bad("a repository is no mapping".to_owned())),
        });
        Ok(Self {
            known: known.collect::<Result<_, _>>()?,
            path: Some(path.to_owned()),
        })
    }

    /// The repository of this name.
    pub fn named(&self, name: &str) -> Result<&Known, Error> {
        let known = self
            .known
            .iter()
            .find(|known| known.name == name)
            .ok_or_else(|| Error::UnknownRepository {
                name: printable(name, 120),
                path: self.path.clone(),
            })?;
        self.usable(known)
    }

    fn usable<'a>(&self, known: &'a Known) -> Result<&'a Known, Error> {
        match known.unusable {
            None => Ok(known),
            Some(problem) => Err(Error::BadRepositoryList {
                path: self.path.clone().unwrap_or_default(),
                problem: format!("repository `{}` {problem}", printable(&known.name, 120)),
            }),
        }
    }

    /// The repository of this address, if it is one of them.
    pub fn of_url(&self, url: &Url) -> Result<Option<&Known>, Error> {
        let same = |known: &&Known| {
            Url::parse(&known.url).is_ok_and(|other| {
                crate::http::same_origin(&other, url)
                    && other.path().trim_end_matches('/') == url.path().trim_end_matches('/')
            })
        };
        self.known
            .iter()
            .find(same)
            .map(|known| self.usable(known))
            .transpose()
    }

    /// Authorities and client certificates by host, for the hosts of repositories that have some.
    pub fn tls(&self) -> BTreeMap<String, HostTls> {
        let mut hosts: BTreeMap<String, HostTls> = BTreeMap::new();
        for known in self.known.iter().filter(|known| known.tls != HostTls::default()) {
            let Some(host) = Url::parse(&known.url).ok().and_then(|url| authority(&url)) else {
                continue;
            };
            let tls = hosts.entry(host).or_default();
            tls.ca_files.extend(known.tls.ca_files.iter().cloned());
            tls.client = tls.client.take().or_else(|| known.tls.client.clone());
        }
        hosts
    }
}

impl Known {
    fn read(fields: &Map, folder: &Path) -> Result<Self, String> {
        let text = |field: &str| fields.get(field).and_then(as_text).unwrap_or_default();
        let flag = |field: &str| fields.get(field).and_then(Value::as_bool) == Some(true);
        let (name, url) = (text("name"), text("url"));
        if name.is_empty() || url.is_empty() {
            return Err("a repository has no name or no url".to_owned());
        }
        let file = |field: &str| {
            Some(text(field))
                .filter(|path| !path.is_empty())
                .map(|path| folder.join(path))
        };
        let (certificate, key) = (file("certFile"), file("keyFile"));
        let unusable = if flag("insecure_skip_tls_verify") {
            Some(
                "asks for certificates not to be verified, which is never done; name its authority as caFile",
            )
        } else if certificate.is_some() != key.is_some() {
            Some("has one of certFile and keyFile only")
        } else {
            None
        };
        let (user, password) = (text("username"), text("password"));
        Ok(Self {
            name,
            url,
            login: (!user.is_empty() || !password.is_empty()).then(|| (user, Secret::new(password))),
            pass_credentials: flag("pass_credentials_all"),
            unusable,
            tls: HostTls {
                ca_files: file("caFile").into_iter().collect(),
                client: certificate.zip(key),
            },
        })
    }
}

/// `host` or `host:port`.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Repositories, Error> {
        Repositories::parse(text.as_bytes(), Path::new("/etc/helm/repositories.yaml"))
    }

    #[test]
    fn a_repository_is_found_by_name_and_by_address() {
        let list = parse(
            "apiVersion: ''\nrepositories:\n- name: stable\n  url: https://charts.example.com/stable\n  username: user\n  password: secret\n  pass_credentials_all: true\n  caFile: ca.pem\n",
        )
        .unwrap();
        let known = list.named("stable").unwrap();
        assert_eq!(known.login.as_ref().unwrap().1.expose(), "secret");
        assert!(known.pass_credentials);
        let url = Url::parse("https://charts.example.com/stable/").unwrap();
        assert_eq!(list.of_url(&url).unwrap().unwrap().name, "stable");
        for other in [
            "http://charts.example.com/stable/",
            "https://charts.example.com:8443/stable/",
            "https://charts.example.com/other/",
        ] {
            assert!(
                list.of_url(&Url::parse(other).unwrap()).unwrap().is_none(),
                "{other}"
            );
        }
        assert_eq!(
            list.tls()["charts.example.com"].ca_files,
            [PathBuf::from("/etc/helm/ca.pem")]
        );
        assert!(!format!("{list:?}").contains("secret"));
    }

    #[test]
    fn a_name_that_is_not_there_says_how_to_add_it() {
        let error = parse("repositories: []\n").unwrap().named("bitnami").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no repository is called `bitnami` in /etc/helm/repositories.yaml"
        );
    }

    #[test]
    fn what_cannot_be_used_hinders_only_those_who_ask_for_it() {
        let list = parse(
            "repositories:\n- {name: a, url: 'https://a.example', certFile: c}\n- {name: b, url: 'https://b.example', insecure_skip_tls_verify: true}\n- {name: c, url: 'https://c.example'}\n",
        )
        .unwrap();
        assert!(list.named("c").is_ok());
        let said = |name: &str| list.named(name).unwrap_err().to_string();
        assert!(said("a").contains("one of certFile and keyFile"), "{}", said("a"));
        assert!(said("b").contains("never done"), "{}", said("b"));
        assert!(list.of_url(&Url::parse("https://b.example/").unwrap()).is_err());
    }

    #[test]
    fn a_list_that_cannot_be_used_says_why() {
        for (text, said) in [
            ("- a\n- b", ""),
            ("repositories: 5\n", "no list"),
            ("repositories: [{url: x}]\n", "no name"),
            ("repositories: [", "repositories.yaml"),
        ] {
            match parse(text) {
                Ok(list) => assert!(said.is_empty() && list.known.is_empty(), "{text}"),
                Err(error) => assert!(
                    error.to_string().contains(said) && !said.is_empty(),
                    "{text}: {error}"
                ),
            }
        }
    }
}
