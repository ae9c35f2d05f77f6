//! Configuration of container engines: nodes ask for the names they always asked for, and find them in the mirror.
//!
//! Everything is written from the [`Mapping`] that import used. No configuration falls back to the internet: a silent
//! try there hides the real error behind a timeout. Each engine gets a folder that is laid out as on a node, with a page
//! on how to install it and how to take it back.

mod containerd;
mod containers;
mod docker;
mod openshift;
mod rancher;
mod verification;

pub use verification::{Demand, Identity, Person, Verification};

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;

use super::{Mapping, Target};
use crate::reference::Repository;
use crate::secret::Secret;

/// A container engine that nodes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// CRI-O.
    Crio,
    /// podman, buildah and skopeo.
    Podman,
    /// containerd with `certs.d`.
    Containerd,
    /// k3s.
    K3s,
    /// RKE2.
    Rke2,
    /// Docker, which mirrors Docker Hub only.
    Docker,
    /// The Docker of SUSE `CaaS` Platform 3, which mirrors any registry.
    DockerSuse,
    /// `OpenShift` 4.13 and later.
    OpenShift,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 8] = [
        Self::Crio,
        Self::Podman,
        Self::Containerd,
        Self::K3s,
        Self::Rke2,
        Self::Docker,
        Self::DockerSuse,
        Self::OpenShift,
    ];

    /// Its name at the command line, which is also its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crio => "crio",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::K3s => "k3s",
            Self::Rke2 => "rke2",
            Self::Docker => "docker",
            Self::DockerSuse => "docker-suse",
            Self::OpenShift => "openshift",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text is no engine's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no engine: crio, podman, containerd, k3s, rke2, docker, docker-suse or openshift")]
pub struct UnknownEngine {
    /// What was written, shortened.
    text: String,
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownEngine {
                text: crate::secret::printable(text, 60),
            })
    }
}

/// How nodes speak to the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS with a certificate that nodes trust already.
    Tls,
    /// TLS with a certificate of this authority, PEM text.
    TlsWith(String),
    /// Plain HTTP.
    Plain,
}

/// The mirror as nodes see it.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The registry. Where on it things lie is the mapping's matter.
    pub target: Target,
    /// Where each repository lies.
    pub mapping: Mapping,
    /// How nodes speak to it.
    pub transport: Transport,
    /// Name and password of the nodes, if the mirror asks for them.
    pub login: Option<(String, Secret)>,
    /// What nodes ask of images, if they are to ask anything.
    pub verification: Option<Verification>,
}

impl Mirror {
    fn host(&self) -> &str {
        self.target.registry()
    }

    fn scheme(&self) -> &'static str {
        if self.transport == Transport::Plain {
            "http"
        } else {
            "https"
        }
    }

    fn is_plain(&self) -> bool {
        self.transport == Transport::Plain
    }

    fn authority(&self) -> Option<&str> {
        match &self.transport {
            Transport::TlsWith(pem) => Some(pem),
            Transport::Tls | Transport::Plain => None,
        }
    }

    /// `mirror.lan/path`, or `mirror.lan` for the root.
    fn location(&self, path: &str) -> String {
        if path.is_empty() {
            self.host().to_owned()
        } else {
            format!("{}/{path}", self.host())
        }
    }

    /// `dXNlcjpwYXNzd29yZA==`
    fn basic(&self) -> Option<String> {
        let (user, password) = self.login.as_ref()?;
        let pair = format!("{user}:{}", password.expose());
        Some(base64::engine::general_purpose::STANDARD.encode(pair))
    }
}

/// A file to write. Its path is relative, with `/`.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Where it goes below the folder of all engines: `containerd/etc/containerd/certs.d/quay.io/hosts.toml`.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// Whether there is a password in it, so that only its owner may read it.
    pub is_secret: bool,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.is_secret {
            "<redacted>"
        } else {
            self.text.as_str()
        };
        f.debug_struct("File")
            .field("path", &self.path)
            .field("text", &text)
            .finish()
    }
}

impl File {
    fn open(path: String, text: String) -> Self {
        Self {
            path,
            text,
            is_secret: false,
        }
    }
}

/// Something that an engine cannot do, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The engine.
    pub engine: Engine,
    /// What nodes will not find, why, and the way round, in one or two sentences.
    pub text: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.text)
    }
}

/// Files to write, and what they cannot bring about.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The files, sorted by path.
    pub files: Vec<File>,
    /// What some engine cannot do.
    pub gaps: Vec<Gap>,
}

/// What one engine's writer works with.
struct Work<'a> {
    engine: Engine,
    mirror: &'a Mirror,
    /// The hosts that images come from, without the mirror itself.
    hosts: BTreeSet<&'a str>,
    written: &'a mut Written,
}

impl Work<'_> {
    fn file(&mut self, path: &str, text: impl Into<String>) {
        let path = format!("{}/{path}", self.engine);
        self.written.files.push(File::open(path, text.into()));
    }

    fn secret_file(&mut self, path: &str, text: String) {
        let path = format!("{}/{path}", self.engine);
        self.written.files.push(File {
            path,
            text,
            is_secret: true,
        });
    }

    fn gap(&mut self, text: String) {
        self.written.gaps.push(Gap {
            engine: self.engine,
            text,
        });
    }
}

/// Writes the configuration of some engines for the repositories that a mirror holds.
pub fn write_plan<'a>(
    mirror: &Mirror,
    repositories: impl IntoIterator<Item = &'a Repository>,
    engines: impl IntoIterator<Item = Engine>,
) -> Written {
    let hosts: BTreeSet<&str> = repositories
        .into_iter()
        .map(Repository::host)
        .filter(|host| *host != mirror.host())
        .collect();
    let mut written = Written::default();
    for engine in engines.into_iter().collect::<BTreeSet<_>>() {
        let mut work = Work {
            engine,
            mirror,
            hosts: hosts.clone(),
            written: &mut written,
        };
        match engine {
            Engine::Crio | Engine::Podman => verification::write(&mut work),
            _ => verification::cannot(&mut work),
        }
        match engine {
            Engine::Crio | Engine::Podman => containers::write(work),
            Engine::Containerd => containerd::write(work),
            Engine::K3s | Engine::Rke2 => rancher::write(work),
            Engine::Docker => docker::write(work),
            Engine::DockerSuse => docker::write_suse(work),
            Engine::OpenShift => openshift::write(work),
        }
    }
    written.files.sort_by(|a, b| a.path.cmp(&b.path));
    written
}

/// The first lines of every file that takes comments.
const HEADER: &str =
    "# Written by carrack from the mapping of its import. Nodes keep asking for the original names.\n";

/// A text in double quotes, as JSON, TOML and YAML all read it.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests;
