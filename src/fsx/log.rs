//! A file that only ever grows, a line at a time.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::Error;

/// Lines longer than this are not looked back for.
const LINE_CAP: u64 = 64 << 10;

/// An append-only file. Opening it shows that it can be written to, before there is anything to write.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens the file or makes an empty one, for its owner alone to read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o600))
            .map_err(|e| Error::io("open", path, e.into()))?;
        Ok(Self {
            file: file.into(),
            path: path.to_owned(),
        })
    }

    /// Appends the line that `next` makes of the last one, durably. Lines of several processes do not mix.
    pub fn append(&mut self, next: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<(), Error> {
        let failed = |action| {
            let path = self.path.clone();
            move |source| Error::io(action, path, source)
        };
        match rustix::fs::flock(&self.file, FlockOperation::LockExclusive) {
            Ok(()) | Err(rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP | rustix::io::Errno::NOLCK) => {
            }
            Err(error) => return Err(failed("lock")(error.into())),
        }
        let last = last_line(&mut self.file).map_err(failed("read"))?;
        let mut line = next(&last);
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_all());
        written.map_err(failed("write"))
    }
}

fn last_line(file: &mut File) -> std::io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(LINE_CAP)))?;
    let mut tail = Vec::new();
    file.take(LINE_CAP).read_to_end(&mut tail)?;
    let tail = tail.strip_suffix(b"\n").unwrap_or(&tail);
    Ok(tail
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
        .to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_made_of_the_one_before_and_none_is_lost() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        for _ in 0..3 {
            let mut log = Log::open(&path).unwrap();
            log.append(|last| [last, b"+"].concat()).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"+\n++\n+++\n");
    }
}
