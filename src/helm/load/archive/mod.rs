//! The files of a chart archive, unpacked in memory and nowhere else.

use std::io::{BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::without_mark;
use crate::helm::chart::File;
use crate::helm::error::Error;
use crate::helm::options::Limits;

/// How much is inflated in one go. A header of 512 bytes at a time would copy the inflater's window for each.
const INFLATED: usize = 128 << 10;

/// Reads the regular files of a gzipped tar. The first component of every name is the chart's directory and goes.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<File>, Error> {
    if !bytes.starts_with(b"\x1f\x8b\x08") {
        return Err(Error::NotGzip);
    }
    // Headers, padding and directories count too: what inflates is bounded before anything looks at it.
    let inflated = limits
        .chart_bytes
        .saturating_add(limits.files as u64 * 1024)
        .saturating_add(1 << 20);
    let inflater = BufReader::with_capacity(INFLATED, MultiGzDecoder::new(bytes));
    let mut archive = tar::Archive::new(inflater.take(inflated));
    let mut left = limits.chart_bytes;
    let mut files = Vec::new();
    let broken = |source| Error::BrokenArchive { source };
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let full = String::from_utf8(entry.path_bytes().into_owned()).map_err(|e| Error::NameNotText {
            path: String::from_utf8_lossy(e.as_bytes()).into_owned().into(),
        })?;
        if full.ends_with('/') {
            continue;
        }
        if !kind.is_file() && !kind.is_contiguous() {
            return Err(Error::ArchiveLink { name: full });
        }
        let name = name_below(&full)?;
        if entry.size() > left {
            return Err(Error::ChartTooLarge {
                limit: limits.chart_bytes,
            });
        }
        if entry.size() > limits.file_bytes {
            return Err(Error::FileTooLarge {
                name: full,
                limit: limits.file_bytes,
            });
        }
        let expected = entry.size();
        let mut data = Vec::new();
        entry
            .take(limits.file_bytes)
            .read_to_end(&mut data)
            .map_err(broken)?;
        left = left.saturating_sub(data.len() as u64);
        if (data.len() as u64) < expected || left == 0 {
            return Err(Error::ChartTooLarge {
                limit: limits.chart_bytes,
            });
        }
        if files.len() >= limits.files {
            return Err(Error::TooManyFiles { limit: limits.files });
        }
        files.push(File {
            name,
            data: without_mark(&data).into(),
        });
    }
    if files.is_empty() {
        return Err(Error::EmptyArchive);
    }
    Ok(files)
}

/// The name below the chart's own directory, or why it may not be one.
fn name_below(full: &str) -> Result<String, Error> {
    let illegal = |why| Error::IllegalName {
        name: full.to_owned(),
        why,
    };
    let delimiter = if full.contains('\\') { '\\' } else { '/' };
    let (first, rest) = full.split_once(delimiter).unwrap_or((full, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err(illegal("it is an absolute path"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(illegal("it leads out of the chart"));
                }
            }
            part => parts.push(part),
        }
    }
    if first == "Chart.yaml" {
        return Err(illegal("Chart.yaml is not in a base directory"));
    }
    let name = parts.join("/");
    if name.is_empty() {
        return Err(illegal("it is not in a base directory"));
    }
    if name.starts_with("..") {
        return Err(illegal("it leads out of the chart"));
    }
    let mut letters = name.chars();
    if letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.next() == Some(':')
        && letters.next() == Some('/')
    {
        return Err(illegal("it names a drive"));
    }
    if name.contains('\0') {
        return Err(illegal("it holds a NUL"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
