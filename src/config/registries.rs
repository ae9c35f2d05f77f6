//! The sections `registries` and `network`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::written::{PullPlace, Written};
use crate::causes::chain;
use crate::mirrors::PullSource;
use crate::secret::{Secret, printable};

/// How one host is reached. Passwords stand in files of their own, or where docker, podman and helm keep them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Registry {
    /// Speak plain HTTP; loopback addresses do so without being told.
    #[serde(default)]
    pub plain_http: bool,
    /// PEM files with certificate authorities that this host's certificate may be signed by, beside the system's.
    #[serde(default)]
    pub ca_files: Vec<PathBuf>,
    /// A folder with certificates of this host, as docker's `certs.d/HOST` has them: `*.crt` for authorities, `*.cert`
    /// with `*.key` for the one that we show.
    pub certificate_folder: Option<PathBuf>,
    /// The certificate that we show to this host.
    pub client: Option<Client>,
    /// Who we are to this host, before what docker, podman and helm know.
    pub login: Option<Login>,
    /// Hosts of token servers that may see this registry's credential although they are other hosts.
    #[serde(default)]
    pub token_servers: Vec<String>,
    /// Pull what lies on this host from elsewhere, a cache for instance: `cache.example.com/hub`. Names do not change.
    pub pull_through: Option<Written<PullPlace>>,
    /// Begin at most this many requests a second.
    #[schemars(range(min = 1))]
    pub requests_per_second: Option<std::num::NonZeroU32>,
}

/// The certificate that we show to a host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Client {
    /// The certificate, a PEM file.
    pub certificate: PathBuf,
    /// Its key, a PEM file.
    pub key: PathBuf,
}

/// Who we are to a host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The file that holds the password, and nothing else.
    pub password_file: PathBuf,
    /// The password itself, where it stood in another tool's file.
    #[serde(skip)]
    pub password: Option<Secret>,
}

/// Reads settings by host. A key that no host is called would be settings of nobody.
pub(super) fn by_host<'de, D: Deserializer<'de>>(reader: D) -> Result<BTreeMap<String, Registry>, D::Error> {
    let settings = BTreeMap::<Host, Registry>::deserialize(reader)?;
    Ok(settings
        .into_iter()
        .map(|(Host(host), registry)| (host, registry))
        .collect())
}

/// A host, or a place on one that is pulled from elsewhere.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Host(String);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        match format!("{text}=any.invalid").parse::<PullSource>() {
            Ok(_) => Ok(Self(text.to_ascii_lowercase())),
            Err(error) => Err(serde::de::Error::custom(format!(
                "`{}` is no host, which is written HOST[:PORT]: {}",
                printable(&text, 120),
                chain(&error)
            ))),
        }
    }
}

/// What holds for every host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Network {
    /// A file with credentials that is read before docker's and podman's own.
    #[serde(rename = "authfile")]
    pub auth_file: Option<PathBuf>,
    /// PEM files with certificate authorities beside the system's.
    #[serde(default)]
    pub ca_files: Vec<PathBuf>,
    /// Pull through the mirrors that these `registries.conf` name, and from the locations themselves where those fail.
    #[serde(default)]
    pub registries_conf: Vec<PathBuf>,
    /// Begin at most this many requests a second to one host that does not say otherwise.
    #[schemars(range(min = 1))]
    pub requests_per_second: Option<std::num::NonZeroU32>,
}
