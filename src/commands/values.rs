//! The values flags of `helm template`, read from disk into what the renderer takes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Error;
use crate::helm::{Limits, Options, Profile, ValuesSource, set_file_paths};

/// Larger values files are refused. Helm itself holds a release under 1 MiB.
const VALUES_CAP: u64 = 32 << 20;

/// What the values flags say, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueFlags {
    /// `-f`: values files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub set_string: Vec<String>,
    /// `--set-json`.
    pub set_json: Vec<String>,
    /// `--set-file`.
    pub set_file: Vec<String>,
    /// `--set-literal`.
    pub set_literal: Vec<String>,
}

/// The cluster and the release that charts are rendered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `.Release.Name`.
    pub release_name: String,
    /// `.Release.Namespace`.
    pub namespace: String,
    /// `--kube-version`.
    pub kube_version: Option<String>,
    /// `--api-versions`.
    pub api_versions: Vec<String>,
    /// Which Helm to be.
    pub profile: Profile,
    /// Limits against hostile charts.
    pub limits: Limits,
}

impl Default for Target {
    fn default() -> Self {
        let options = Options::default();
        Self {
            release_name: options.release_name,
            namespace: options.namespace,
            kube_version: None,
            api_versions: Vec::new(),
            profile: options.profile,
            limits: options.limits,
        }
    }
}

impl Target {
    /// Render options with these values.
    pub fn options(&self, values: Vec<ValuesSource>) -> Options {
        Options {
            release_name: self.release_name.clone(),
            namespace: self.namespace.clone(),
            values,
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
            profile: self.profile,
            limits: self.limits,
            ..Options::default()
        }
    }
}

impl ValueFlags {
    /// Reads the files that the flags name.
    pub fn read(&self) -> Result<Vec<ValuesSource>, Error> {
        let mut sources = Vec::new();
        for path in &self.files {
            sources.push(ValuesSource::File {
                name: path.display().to_string(),
                data: read_capped(path)?,
            });
        }
        sources.extend(self.set_json.iter().cloned().map(ValuesSource::SetJson));
        sources.extend(self.set.iter().cloned().map(ValuesSource::Set));
        sources.extend(self.set_string.iter().cloned().map(ValuesSource::SetString));
        for expression in &self.set_file {
            let paths = set_file_paths(expression).map_err(|source| Error::Usage {
                problem: format!("--set-file {expression}: {source}"),
            })?;
            let mut contents = Vec::new();
            for path in paths {
                let data = read_capped(Path::new(&path))?;
                contents.push((path, data));
            }
            sources.push(ValuesSource::SetFile {
                expression: expression.clone(),
                contents,
            });
        }
        sources.extend(self.set_literal.iter().cloned().map(ValuesSource::SetLiteral));
        Ok(sources)
    }
}

/// Reads a file of the operator's own, or standard input for `-`, up to [`VALUES_CAP`].
fn read_capped(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source: io::Error| Error::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(VALUES_CAP + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    } else {
        File::open(path)
            .map_err(failed)?
            .take(VALUES_CAP + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    }
    if bytes.len() as u64 > VALUES_CAP {
        return Err(failed(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "values files may have 32 MiB at most",
        )));
    }
    Ok(bytes)
}
