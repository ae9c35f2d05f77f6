//! The files of a chart directory.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ignore::Rules;
use super::without_mark;
use crate::helm::chart::File;
use crate::helm::error::Error;
use crate::helm::options::Limits;

/// How deep directories may lie within one another; links can make a circle.
const DEPTH: usize = 64;

/// Largest `.helmignore` that is read, in bytes.
const IGNORE_BYTES: u64 = 1 << 20;

/// Reads every file below `root` that `.helmignore` leaves, in the order of their names.
///
/// Helm follows links wherever they lead, and so lets a chart read the host's files (CVE-2019-18658). Here a link is
/// followed if it ends within the chart or within another chart, as repositories share their libraries, and refused by
/// name otherwise.
pub(super) fn read(root: &Path, limits: &Limits) -> Result<Vec<File>, Error> {
    let root = fs::canonicalize(root).map_err(|source| Error::Unreadable {
        path: root.to_owned(),
        source,
    })?;
    // A folder of charts is no chart: say so before all of it is read.
    let about = root.join("Chart.yaml");
    fs::metadata(&about).map_err(|source| Error::Unreadable { path: about, source })?;
    let rules = rules(&root)?;
    let mut walk = Walk {
        root: &root,
        rules,
        limits,
        left: limits.chart_bytes,
        files: Vec::new(),
    };
    walk.directory(&root, "", 0)?;
    Ok(walk.files)
}

fn rules(root: &Path) -> Result<Rules, Error> {
    let path = root.join(".helmignore");
    let text = match fs::File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(IGNORE_BYTES)
                .read_to_end(&mut bytes)
                .map_err(|source| Error::Unreadable {
                    path: path.clone(),
                    source,
                })?;
            String::from_utf8_lossy(without_mark(&bytes)).into_owned()
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(Error::Unreadable { path, source }),
    };
    Rules::parse(&text).map_err(|source| Error::IgnoreFile { path, source })
}

struct Walk<'a> {
    root: &'a Path,
    rules: Rules,
    limits: &'a Limits,
    /// Bytes that may still be read.
    left: u64,
    files: Vec<File>,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, below: &str, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(Error::TooDeep {
                path: path.to_owned(),
                limit: DEPTH,
            });
        }
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            names.push(entry.map_err(unreadable)?.file_name());
        }
        names.sort();
        for name in names {
            let here = path.join(&name);
            let Some(name) = name.to_str() else {
                return Err(Error::NameNotText { path: here });
            };
            let name = if below.is_empty() {
                name.to_owned()
            } else {
                format!("{below}/{name}")
            };
            self.entry(here, name, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, name: String, depth: usize) -> Result<(), Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.clone(),
            source,
        };
        let about = fs::symlink_metadata(&path).map_err(unreadable)?;
        let (target, about) = if about.is_symlink() {
            // A link that the rules leave out need not lead anywhere.
            if self.rules.ignore(&name, false) || self.rules.ignore(&name, true) {
                return Ok(());
            }
            let target = fs::canonicalize(&path).map_err(unreadable)?;
            if !target.starts_with(self.root) && !in_a_chart(&target) {
                return Err(Error::LinkOutside { path, target });
            }
            let about = fs::symlink_metadata(&target).map_err(unreadable)?;
            (target, about)
        } else {
            (path.clone(), about)
        };
        if self.rules.ignore(&name, about.is_dir()) {
            return Ok(());
        }
        if about.is_dir() {
            return self.directory(&target, &name, depth + 1);
        }
        if !about.is_file() {
            return Err(Error::Irregular { path });
        }
        self.file(&target, name)
    }

    fn file(&mut self, path: &Path, name: String) -> Result<(), Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        fs::File::open(path)
            .map_err(unreadable)?
            .take(self.limits.file_bytes + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        let size = bytes.len() as u64;
        if size > self.limits.file_bytes {
            return Err(Error::FileTooLarge {
                name,
                limit: self.limits.file_bytes,
            });
        }
        self.left = self.left.checked_sub(size).ok_or(Error::ChartTooLarge {
            limit: self.limits.chart_bytes,
        })?;
        if self.files.len() >= self.limits.files {
            return Err(Error::TooManyFiles {
                limit: self.limits.files,
            });
        }
        self.files.push(File {
            name,
            data: without_mark(&bytes).into(),
        });
        Ok(())
    }
}

/// Whether a directory above, or the directory itself, is a chart's.
fn in_a_chart(target: &Path) -> bool {
    target.ancestors().any(|above| above.join("Chart.yaml").is_file())
}

#[cfg(test)]
mod tests;
