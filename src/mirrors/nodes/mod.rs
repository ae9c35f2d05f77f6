//! Engine configuration read the way the engines read it: where would a node look for a name?
//!
//! This is the other direction of [`engines`](super::engines), and on purpose not its reverse: files that an operator
//! wrote by hand, or changed since, are read by the rules of the engine and not by ours.

mod certs_d;
mod daemon_json;
mod endpoint;
mod mirror_sets;
mod registries_conf;
mod registries_yaml;

use crate::reference::Repository;
use crate::secret::Secret;

use super::engines::Engine;

/// The file system of a node, as far as its configuration is read. Paths are relative to its root, with `/`.
pub trait Files {
    /// The text of a file; `None` if there is no such file.
    fn text(&self, path: &str) -> Result<Option<String>, Error>;

    /// The names of files in a folder, sorted; none if there is no such folder.
    fn names(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// The names of folders in a folder, sorted; none if there is no such folder.
    fn folders(&self, folder: &str) -> Result<Vec<String>, Error>;
}

/// Why a node's configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is there and cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// The file, from the node's root.
        path: String,
        /// Why not, one line.
        reason: String,
    },
    /// A file is not what its engine reads.
    #[error("{path} is not as {engine} reads it: {problem}")]
    Malformed {
        /// The file, from the node's root.
        path: String,
        /// Whose file it is.
        engine: Engine,
        /// What is wrong, one line.
        problem: String,
    },
}

/// How a reference is asked for; engines may treat the two differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// By a tag.
    Tag,
    /// By a digest.
    Digest,
}

/// What an engine does when it did not find an image in the places that it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It gives up: what a node inside the gap should do.
    Stop,
    /// It asks the original host.
    Upstream,
}

/// Where an engine looks for a repository, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Repositories on mirrors.
    pub places: Vec<Repository>,
    /// What comes after the last one.
    pub then: Then,
    /// What of the configuration leads nowhere, one line each.
    pub problems: Vec<String>,
}

impl Lookup {
    fn upstream() -> Self {
        Self {
            places: Vec::new(),
            then: Then::Upstream,
            problems: Vec::new(),
        }
    }
}

/// How an engine reaches a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The mirror's host, with its port if it has one.
    pub host: String,
    /// Whether it is spoken to without TLS.
    pub is_plain: bool,
    /// PEM files of authorities, from the node's root.
    pub authorities: Vec<String>,
    /// Name and password, where the configuration holds them.
    pub login: Option<(String, Secret)>,
}

/// One engine's configuration on a node.
#[derive(Debug)]
pub struct Node {
    engine: Engine,
    table: Table,
    accesses: Vec<Access>,
    /// Files in the shape of docker's `config.json`.
    auth_files: Vec<String>,
}

#[derive(Debug)]
enum Table {
    Prefixes(registries_conf::Prefixes),
    Hosts(certs_d::Hosts),
    Rewrites(registries_yaml::Mirrors),
    Daemon(daemon_json::Daemon),
    Sets(mirror_sets::Sets),
}

impl Node {
    /// Reads the configuration of one engine; `None` if there is none.
    pub fn read(engine: Engine, files: &dyn Files) -> Result<Option<Self>, Error> {
        let reader = Reader { engine, files };
        match engine {
            Engine::Crio | Engine::Podman => registries_conf::read(&reader),
            Engine::Containerd => certs_d::read(&reader),
            Engine::K3s | Engine::Rke2 => registries_yaml::read(&reader),
            Engine::Docker | Engine::DockerSuse => daemon_json::read(&reader),
            Engine::OpenShift => mirror_sets::read(&reader),
        }
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// How the mirrors that it names are reached, each once.
    pub fn accesses(&self) -> &[Access] {
        &self.accesses
    }

    /// Files with credentials, from the node's root; they may not be there.
    pub fn auth_files(&self) -> &[String] {
        &self.auth_files
    }

    /// Where the engine looks for a repository.
    pub fn lookup(&self, repository: &Repository, by: By) -> Lookup {
        match &self.table {
            Table::Prefixes(table) => table.lookup(repository, by),
            Table::Hosts(table) => table.lookup(repository, by),
            Table::Rewrites(table) => table.lookup(repository),
            Table::Daemon(table) => table.lookup(repository),
            Table::Sets(table) => table.lookup(repository, by),
        }
    }
}

/// The files of one engine.
struct Reader<'a> {
    engine: Engine,
    files: &'a dyn Files,
}

impl Reader<'_> {
    fn text(&self, path: &str) -> Result<Option<String>, Error> {
        self.files.text(path)
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.files.names(folder)
    }

    fn malformed(&self, path: &str, problem: impl std::fmt::Display) -> Error {
        Error::Malformed {
            path: path.to_owned(),
            engine: self.engine,
            problem: crate::secret::printable(&problem.to_string().replace('\n', " "), 300),
        }
    }

    /// PEM files for a host in a folder of docker's or containers' `certs.d`.
    fn authorities(&self, certs: &str, host: &str) -> Result<Vec<String>, Error> {
        // No host, and as the name of a folder it would lead out of this one.
        if host.is_empty() || host.starts_with('.') {
            return Ok(Vec::new());
        }
        let folder = format!("{certs}/{host}");
        let names = self.names(&folder)?;
        let certificates = names.into_iter().filter(|name| ends_in(name, "crt"));
        Ok(certificates.map(|name| format!("{folder}/{name}")).collect())
    }
}

/// Whether a file's name has this extension.
fn ends_in(name: &str, extension: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|end| end == extension)
}

/// Adds how a host is reached, unless that is known.
fn reach(accesses: &mut Vec<Access>, access: Access) {
    if !accesses.iter().any(|known| known.host == access.host) {
        accesses.push(access);
    }
}

#[cfg(test)]
mod tests;
