//! Charts from directories and archives.

mod archive;
mod assemble;
mod directory;
mod ignore;
mod pattern;

use std::io::Read;
use std::path::Path;

use super::chart::Chart;
use super::error::Error;
use super::options::Limits;

pub use ignore::BadRule;
pub(super) use pattern::Pattern;

/// Reads the chart at `path`: a directory with a `Chart.yaml`, or an archive as `helm package` writes it.
pub fn load(path: &Path) -> Result<Chart, Error> {
    load_within(path, &Limits::default())
}

/// As [`load`], with limits of one's own.
pub fn load_within(path: &Path, limits: &Limits) -> Result<Chart, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    let files = if about.is_dir() {
        directory::read(path, limits)?
    } else {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(limits.chart_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > limits.chart_bytes {
            return Err(Error::ChartTooLarge {
                limit: limits.chart_bytes,
            });
        }
        archive::read(&bytes, limits)?
    };
    assemble::chart(files, limits, 0)
}

/// Reads a chart from the bytes of an archive.
pub fn load_archive(bytes: &[u8]) -> Result<Chart, Error> {
    load_archive_within(bytes, &Limits::default())
}

/// As [`load_archive`], with limits of one's own.
pub fn load_archive_within(bytes: &[u8], limits: &Limits) -> Result<Chart, Error> {
    assemble::chart(archive::read(bytes, limits)?, limits, 0)
}

/// The bytes without the mark that some editors put before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
