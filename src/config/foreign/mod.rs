//! Files of other tools, read as a [`Config`]: what they say is carried, and what cannot be is said.
//!
//! They are read as the tools themselves read them, so that a file which works there means the same here.

mod compose;
mod hauler;
mod helm_mirror;
mod list;
mod skopeo;

use std::fmt;

use super::{Config, Error, Login};
use crate::goyaml::located::{self, Node};
use crate::secret::Secret;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What `skopeo sync --src yaml` reads.
    SkopeoSync,
    /// What `hauler store sync` reads.
    Hauler,
    /// Command lines of helm-mirror.
    HelmMirror,
    /// A compose file.
    Compose,
    /// One reference a line.
    List,
}

impl Format {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SkopeoSync => "skopeo sync file",
            Self::Hauler => "hauler manifest",
            Self::HelmMirror => "helm-mirror command line",
            Self::Compose => "compose file",
            Self::List => "image list",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something in another tool's file that is not carried, or is done in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line in that file, from 1; 0 where there is none.
    pub line: usize,
    /// What it is, and what to do about it.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.text)
    }
}

/// Another tool's file as a configuration.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Whose file it is.
    pub format: Format,
    /// What it says.
    pub config: Config,
    /// What of it cannot be said in a configuration.
    pub notes: Vec<Note>,
}

impl Foreign {
    fn new(format: Format) -> Self {
        Self {
            format,
            config: Config::default(),
            notes: Vec::new(),
        }
    }

    fn note(&mut self, line: usize, text: impl Into<String>) {
        self.notes.push(Note {
            line,
            text: text.into(),
        });
    }
}

/// Tells whose file a text is, by its content: names and endings say too little.
pub fn format(text: &str) -> Option<Format> {
    if helm_mirror::is_one(text) {
        return Some(Format::HelmMirror);
    }
    if list::is_one(text) {
        return Some(Format::List);
    }
    let documents = located::parse(text.as_bytes()).ok()?;
    if documents.iter().any(hauler::is_one) {
        return Some(Format::Hauler);
    }
    if documents.iter().any(skopeo::is_one) {
        return Some(Format::SkopeoSync);
    }
    documents.iter().any(compose::is_one).then_some(Format::Compose)
}

/// Reads a file of the given format. `name` is what errors call it.
pub fn read(text: &str, format: Format, name: &str) -> Result<Foreign, Error> {
    let mut foreign = Foreign::new(format);
    let mut source = Reader {
        name,
        foreign: &mut foreign,
    };
    match format {
        Format::HelmMirror => source.helm_mirror(text)?,
        Format::List => source.list(text)?,
        Format::SkopeoSync | Format::Hauler | Format::Compose => {
            let documents = located::parse(text.as_bytes()).map_err(|error| Error::Foreign {
                name: name.to_owned(),
                format: format.name(),
                problem: error.to_string(),
            })?;
            for document in &documents {
                match format {
                    Format::SkopeoSync => source.skopeo(document)?,
                    Format::Hauler => source.hauler(document)?,
                    _ => source.compose(document)?,
                }
            }
        }
    }
    Ok(foreign)
}

/// The work on one file.
struct Reader<'a> {
    name: &'a str,
    foreign: &'a mut Foreign,
}

impl Reader<'_> {
    fn wrong(&self, line: usize, problem: impl fmt::Display) -> Error {
        Error::Foreign {
            name: if line > 0 {
                format!("{}:{line}", self.name)
            } else {
                self.name.to_owned()
            },
            format: self.foreign.format.name(),
            problem: problem.to_string(),
        }
    }

    /// Adds an image by its name.
    fn image(&mut self, text: &str, line: usize) -> Result<(), Error> {
        let reference = text.parse().map_err(|error: crate::reference::Error| {
            self.wrong(
                line,
                format!("`{}` is no image: {error}", crate::secret::printable(text, 160)),
            )
        })?;
        self.foreign.config.images.push(super::Image::one(reference));
        Ok(())
    }

    /// A user and a password at a host, for which `carrack init` will name a file.
    fn login(&mut self, host: &str, user: &str, password: Secret) {
        self.registry(host).login = Some(Login {
            username: user.to_owned(),
            password_file: format!("{}.password", host.replace(':', "-")).into(),
            password: Some(password),
        });
    }

    /// The settings of a host.
    fn registry(&mut self, host: &str) -> &mut super::Registry {
        self.foreign.config.registries.entry(host.to_owned()).or_default()
    }
}

/// The scalar under a key, if there is one with something in it.
fn filled<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)
        .and_then(Node::text)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// The line of a node.
fn line(node: &Node) -> usize {
    node.position.line.try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests;
