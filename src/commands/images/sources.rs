//! What a path is: a chart, a text, or a directory of both.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::report::Report;
use crate::causes::chain;
use crate::discover::MANIFEST_CAP;
use crate::helm::{self, Chart};

/// Directories within directories are followed this far.
const DEEPEST: usize = 32;

/// What a source turned out to be.
#[derive(Debug)]
pub(super) enum Content {
    /// A chart, loaded.
    Chart(Box<Chart>),
    /// Manifests, or a list.
    Text(String),
    /// Neither, and why.
    Unreadable(String),
}

/// The charts and files behind a path, in the order of their names. Nothing of them is read yet.
pub(super) fn list(path: &Path, report: &mut Report) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if path.is_dir() && !path.join("Chart.yaml").is_file() {
        collect(path, DEEPEST, &mut paths, report);
        if paths.is_empty() {
            report.fail(
                &path.display().to_string(),
                "the directory holds no chart and no .yaml, .yml or .json file".to_owned(),
            );
        }
    } else {
        paths.push(path.to_owned());
    }
    paths
}

/// Charts and manifests below a directory. Links to directories are not followed: they may lead in circles.
fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>, report: &mut Report) {
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return report.fail(&folder.display().to_string(), error.to_string()),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if path.join("Chart.yaml").is_file() {
                found.push(path);
            } else if path.is_symlink() || depth == 0 {
                report.fail(
                    &path.display().to_string(),
                    "not followed: a link, or nested too deep".to_owned(),
                );
            } else {
                collect(&path, depth - 1, found, report);
            }
        } else if is_manifest_or_archive(name) {
            found.push(path);
        }
    }
}

fn is_manifest_or_archive(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    matches!(end.as_deref(), Some("yaml" | "yml" | "json" | "tgz"))
}

/// Loads or reads one of them.
pub(super) fn read(path: &Path) -> Content {
    if path.is_dir() {
        chart(helm::load(path))
    } else {
        match bytes(path) {
            Ok(bytes) if bytes.starts_with(&[0x1f, 0x8b]) => chart(helm::load_archive(&bytes)),
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Content::Text(text),
                Err(_) => Content::Unreadable("neither a chart archive nor a text in UTF-8".to_owned()),
            },
            Err(error) => Content::Unreadable(error.to_string()),
        }
    }
}

fn chart(loaded: Result<Chart, helm::Error>) -> Content {
    match loaded {
        Ok(chart) => Content::Chart(Box::new(chart)),
        Err(error) => Content::Unreadable(chain(&error)),
    }
}

/// The bytes of a file or of standard input, up to the largest that is read.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    // Chart archives are bounded by the loader; this bound is for what is read before one knows.
    let cap = MANIFEST_CAP as u64 * 2;
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(cap + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(cap + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > cap {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("the file is larger than the {cap} bytes that are read"),
        ));
    }
    Ok(bytes)
}
