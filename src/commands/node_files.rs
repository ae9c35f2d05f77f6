//! The configuration of nodes on disk, and how its mirrors are reached.

use std::path::{Path, PathBuf};

use super::{Error, World};
use crate::causes::chain;
use crate::credentials::Explicit;
use crate::fsx::{self, Folder, Kind};
use crate::http::HostTls;
use crate::mirrors::engines::Engine;
use crate::mirrors::nodes::{self, Files, Node};

/// A configuration file larger than this is none.
const FILE_CAP: u64 = 1 << 20;

/// One engine's configuration, and the folder that stands for the node's root.
#[derive(Debug)]
pub(super) struct NodeView {
    pub(super) node: Node,
    root: PathBuf,
}

/// Every engine that is configured below a folder: in a folder of its own, as `import --engine-config` writes it, or
/// right there, if the folder is the root of a node.
pub(super) fn open(folder: &Path, engines: &[Engine]) -> Result<Vec<NodeView>, Error> {
    let open = Folder::open(folder).map_err(crate::bundle::Error::from)?;
    let mut views = Vec::new();
    let wanted = Engine::ALL
        .into_iter()
        .filter(|engine| engines.is_empty() || engines.contains(engine));
    for engine in wanted {
        let (root, path) = match open.folder(engine.name()) {
            Ok(own) => (own, folder.join(engine.name())),
            // On a node two names share a file: one that is not asked for by name is not there twice.
            Err(error) if error.is_absent() && (has_own_files(engine) || engines.contains(&engine)) => {
                (open.clone(), folder.to_path_buf())
            }
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(crate::bundle::Error::from(error).into()),
        };
        if let Some(node) = Node::read(engine, &OnDisk(root))? {
            views.push(NodeView { node, root: path });
        }
    }
    let found = |engine: &&Engine| views.iter().any(|view| view.node.engine() == **engine);
    let missing: Vec<_> = engines
        .iter()
        .filter(|engine| !found(engine))
        .map(Engine::to_string)
        .collect();
    if missing.is_empty() && !views.is_empty() {
        return Ok(views);
    }
    let of = if missing.is_empty() {
        "any container engine".to_owned()
    } else {
        missing.join(" and of ")
    };
    Err(Error::Usage {
        problem: format!(
            "{} holds no configuration of {of}: name the folder that `import --engine-config` wrote, or the root of a node",
            folder.display()
        ),
    })
}

/// Whether an engine's files tell that it is this one: CRI-O reads those of podman, SUSE's Docker those of Docker.
fn has_own_files(engine: Engine) -> bool {
    !matches!(engine, Engine::Crio | Engine::DockerSuse)
}

impl NodeView {
    pub(super) fn name(&self) -> String {
        self.node.engine().to_string()
    }

    /// The world as this engine sees it: its own ideas of TLS and passwords for the mirrors that it names.
    pub(super) fn world(&self, world: &World) -> World {
        let mut world = world.clone();
        for access in self.node.accesses() {
            if access.is_plain {
                world.http.plain_http.push(access.host.clone());
            } else {
                let tls = HostTls {
                    ca_files: access
                        .authorities
                        .iter()
                        .map(|path| self.root.join(path))
                        .collect(),
                    client: None,
                };
                world.http.per_host.insert(access.host.clone(), tls);
            }
            if let Some((user, password)) = &access.login {
                world.credentials.explicit.push(Explicit {
                    host: access.host.clone(),
                    user: user.clone(),
                    password: password.clone(),
                });
            }
        }
        let files = self.node.auth_files().iter().map(|path| self.root.join(path));
        world.credentials.files.splice(0..0, files);
        world
    }
}

/// A folder as a node's root. No link in it is followed: a link is told, not passed over.
struct OnDisk(Folder);

impl OnDisk {
    /// The folder of a path and the last name of it; `None` if there is no such folder.
    fn step(&self, path: &str) -> Result<Option<Folder>, fsx::Error> {
        if path.is_empty() {
            return Ok(Some(self.0.clone()));
        }
        match self.0.folder(path) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl OnDisk {
    fn entries(&self, folder: &str, is_wanted: impl Fn(Kind) -> bool) -> Result<Vec<String>, nodes::Error> {
        let entries = self.step(folder).and_then(|open| match open {
            Some(open) => open.entries(),
            None => Ok(Vec::new()),
        });
        let entries = entries.map_err(|error| unreadable(folder, &error))?;
        let wanted = entries.into_iter().filter(|entry| is_wanted(entry.kind));
        let mut names: Vec<String> = wanted.map(|entry| entry.name).collect();
        names.sort();
        Ok(names)
    }
}

fn unreadable(path: &str, error: &fsx::Error) -> nodes::Error {
    nodes::Error::Unreadable {
        path: path.to_owned(),
        reason: chain(error),
    }
}

impl Files for OnDisk {
    fn text(&self, path: &str) -> Result<Option<String>, nodes::Error> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let read = self.step(folder).and_then(|folder| match folder {
            Some(folder) => match folder.read(name, FILE_CAP) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.is_absent() => Ok(None),
                Err(error) => Err(error),
            },
            None => Ok(None),
        });
        let bytes = read.map_err(|error| unreadable(path, &error))?;
        bytes
            .map(|bytes| {
                String::from_utf8(bytes).map_err(|_| nodes::Error::Unreadable {
                    path: path.to_owned(),
                    reason: "it is no text in UTF-8".to_owned(),
                })
            })
            .transpose()
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, nodes::Error> {
        // What is neither file nor folder is given as a file: reading it tells what is wrong with it.
        self.entries(folder, |kind| kind != Kind::Folder)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, nodes::Error> {
        self.entries(folder, |kind| kind == Kind::Folder)
    }
}
