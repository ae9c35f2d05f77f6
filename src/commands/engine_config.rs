//! `import --engine-config`: the files that make nodes find original names in the mirror.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::vetting::Policed;
use super::{Error, World, node_policy};
use crate::fsx;
use crate::mirrors::engines::{Engine, Mirror, Transport, write_plan};
use crate::mirrors::{Mapping, Target};
use crate::reference::Repository;
use crate::secret::Secret;

/// A certificate file larger than this is none.
const AUTHORITY_CAP: u64 = 1 << 20;

/// Which configuration is written, and for which mirror.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that gets one folder for each engine.
    pub folder: PathBuf,
    /// The engines; none means all.
    pub engines: Vec<Engine>,
    /// The mirror as nodes know it, if that is another name than the import uses. Its path is passed over.
    pub mirror: Option<Target>,
    /// PEM file of the authority that the mirror's certificate comes from, if nodes do not trust it already.
    pub authority: Option<PathBuf>,
    /// Name and password of the nodes, if the mirror asks for them.
    pub login: Option<(String, Secret)>,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Configured {
    /// The folder.
    pub folder: PathBuf,
    /// The files below it.
    pub files: Vec<String>,
    /// What some engine cannot do, and the way round.
    pub gaps: Vec<String>,
}

/// Configuration that can be written: what it is made of was read.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    options: &'a Options,
    target: &'a Target,
    transport: Transport,
}

impl<'a> Prepared<'a> {
    /// Reads what the configuration is made of. `target` is the registry of the import, if it was one.
    pub(super) fn new(
        options: &'a Options,
        target: Option<&'a Target>,
        world: &World,
    ) -> Result<Self, Error> {
        let Some(target) = options.mirror.as_ref().or(target) else {
            return Err(Error::Usage {
                problem:
                    "--engine-config needs --mirror HOST[:PORT]: where will nodes reach `carrack serve`?"
                        .into(),
            });
        };
        Ok(Self {
            transport: transport(options, target, world)?,
            options,
            target,
        })
    }

    /// The folder that gets one folder for each engine.
    pub(super) fn folder(&self) -> &Path {
        &self.options.folder
    }

    /// Writes the configuration for the repositories of an import. `policy` is asked by nodes, too.
    pub(super) fn write(
        &self,
        mapping: &Mapping,
        repositories: &BTreeSet<&Repository>,
        policy: Option<&Policed>,
    ) -> Result<Configured, Error> {
        let (options, target) = (self.options, self.target);
        let mirror = Mirror {
            transport: self.transport.clone(),
            target: target.clone(),
            mapping: mapping.clone(),
            login: options.login.clone(),
            verification: policy
                .and_then(|policy| node_policy::verification(policy, target, mapping, repositories)),
        };
        let engines = if options.engines.is_empty() {
            Engine::ALL.to_vec()
        } else {
            options.engines.clone()
        };
        let written = write_plan(&mirror, repositories.iter().copied(), engines);
        let mut files = Vec::new();
        for file in written.files {
            let path = options.folder.join(&file.path);
            let bytes = file.text.as_bytes();
            let done = if file.is_secret {
                fsx::write_private(&path, bytes)
            } else {
                fsx::write(&path, bytes)
            };
            done.map_err(crate::bundle::Error::from)?;
            files.push(file.path);
        }
        Ok(Configured {
            folder: options.folder.clone(),
            files,
            gaps: written.gaps.iter().map(ToString::to_string).collect(),
        })
    }
}

fn transport(options: &Options, target: &Target, world: &World) -> Result<Transport, Error> {
    if let Some(path) = &options.authority {
        let read = |source| Error::Read {
            path: path.clone(),
            source,
        };
        let length = std::fs::metadata(path).map_err(read)?.len();
        let text = if length > AUTHORITY_CAP {
            String::new()
        } else {
            std::fs::read_to_string(path).map_err(read)?
        };
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Error::Usage {
                problem: format!("{} holds no PEM certificate", path.display()),
            });
        }
        return Ok(Transport::TlsWith(text));
    }
    let host = target.registry();
    let named = world
        .http
        .plain_http
        .iter()
        .any(|plain| plain.eq_ignore_ascii_case(host));
    if named || crate::http::is_loopback(host) {
        Ok(Transport::Plain)
    } else {
        Ok(Transport::Tls)
    }
}

impl fmt::Display for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for gap in &self.gaps {
            writeln!(f, "note: {gap}")?;
        }
        write!(
            f,
            "{}: {} files of engine configuration; INSTALL.txt in each folder says what to do with them",
            self.folder.display(),
            self.files.len()
        )
    }
}
