//! `images --wanted`, `import --wanted`: what nodes asked for in vain becomes the request for the next trip.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Ending, Error};
use crate::mirrors::Mapping;
use crate::mirrors::wanted::{Reader, Want, Wanted};
use crate::reference::Reference;
use crate::secret::printable;

/// A JSON document that is read as a whole has this many bytes at most; a larger file is read line by line.
const DOCUMENT_CAP: u64 = 64 << 20;

/// Of a line that is longer the rest is passed over.
const LINE_CAP: u64 = 256 << 10;

/// What nodes asked for and did not get.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request {
    /// The logs that say so.
    pub logs: Vec<PathBuf>,
    /// The images, with how often and by whom they were asked for.
    pub images: BTreeMap<Reference, Want>,
    /// Names at the mirror that do not tell the host they come from.
    pub unplaced: BTreeMap<String, u64>,
    /// Names that there was no room for.
    pub dropped: u64,
}

/// Reads every log; `-` is standard input. `mapping` is the one that the mirror was filled by.
pub fn read(logs: &[PathBuf], mapping: &Mapping) -> Result<Request, Error> {
    let mut reader = Reader::new(mapping);
    for path in logs {
        let log = printable(&path.display().to_string(), 120);
        let done = if path == Path::new("-") {
            read_log(&mut reader, "standard input", &mut io::stdin().lock())
        } else {
            File::open(path).and_then(|file| read_log(&mut reader, &log, &mut BufReader::new(file)))
        };
        done.map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
    }
    let Wanted {
        images,
        unplaced,
        dropped,
    } = reader.finish();
    Ok(Request {
        logs: logs.to_vec(),
        images,
        unplaced,
        dropped,
    })
}

fn read_log(reader: &mut Reader<'_>, log: &str, file: &mut impl BufRead) -> io::Result<()> {
    let begins_as_json = file.fill_buf()?.trim_ascii_start().first() == Some(&b'{');
    if !begins_as_json {
        return read_lines(reader, log, file);
    }
    let mut bytes = Vec::new();
    file.by_ref().take(DOCUMENT_CAP).read_to_end(&mut bytes)?;
    // One object a line is no document as a whole, nor is the beginning of a larger one.
    if let Ok(document) = serde_json::from_slice(&bytes)
        && reader.document(log, &document)
    {
        return Ok(());
    }
    read_lines(reader, log, &mut bytes.as_slice().chain(file))
}

fn read_lines(reader: &mut Reader<'_>, log: &str, file: &mut impl BufRead) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.by_ref().take(LINE_CAP).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            skip_line(file)?;
        }
        reader.line(log, &String::from_utf8_lossy(&line));
    }
}

/// Passes over what is left of a line, without keeping it.
fn skip_line(file: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = file.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let is_over = buffer.is_empty() || end.is_some();
        file.consume(length);
        if is_over {
            return Ok(());
        }
    }
}

impl Request {
    /// Leaves out what is there already.
    pub(super) fn without(&mut self, is_there: impl Fn(&Reference) -> bool) {
        self.images.retain(|reference, _| !is_there(reference));
    }

    /// The request as a list that `export` takes: one reference a line, with who asked for it.
    pub fn to_list(&self) -> String {
        let mut text = String::from(
            "# Images that nodes asked for and did not get, for the next trip:\n#   carrack export THIS-FILE --to BUNDLE\n",
        );
        // Writing into a string cannot fail.
        for (reference, want) in &self.images {
            let by: Vec<_> = want.by.iter().map(String::as_str).collect();
            let _ = writeln!(text, "{reference} # {}, {}", times(want.times), by.join(", "));
        }
        for (name, count) in &self.unplaced {
            let _ = writeln!(
                text,
                "# {}: asked for {} at the mirror, under a name that does not tell its host",
                printable(name, 300),
                times(*count)
            );
        }
        if self.dropped > 0 {
            let _ = writeln!(
                text,
                "# {} more names were left out: there are too many",
                self.dropped
            );
        }
        text
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

impl super::Report for Request {
    fn ending(&self) -> Ending {
        Ending::Done
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_list())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &[u8]) -> Vec<String> {
        let mapping = Mapping::default();
        let mut reader = Reader::new(&mapping);
        read_log(&mut reader, "x.log", &mut BufReader::with_capacity(64, text)).unwrap();
        reader.finish().images.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn a_document_and_objects_line_by_line_are_told_apart() {
        let event = r#"{"kind":"Event","message":"Failed to pull image \"quay.io/a:1\": x"}"#;
        assert_eq!(wanted(event.as_bytes()), ["quay.io/a:1"]);
        let row = r#"{"method":"GET","path":"/v2/quay.io/a/manifests/1","statusCode":404}"#;
        assert_eq!(wanted(format!("{row}\n{row}\n").as_bytes()), ["quay.io/a:1"]);
    }

    #[test]
    fn a_line_without_an_end_is_cut_and_the_next_one_is_read() {
        let mut text = vec![b'x'; usize::try_from(LINE_CAP).unwrap() + 10];
        text.extend_from_slice(b"\nFailed to pull image \"quay.io/a:1\"\n\xff\xfe");
        assert_eq!(wanted(&text), ["quay.io/a:1"]);
    }

    #[test]
    fn the_list_is_one_that_export_reads() {
        let mut request = Request::default();
        let want = Want {
            times: 2,
            by: ["pod shop/web".to_owned()].into(),
        };
        request.images.insert("quay.io/a:1".parse().unwrap(), want);
        request.unplaced.insert("x:1".into(), 1);
        let rows: Vec<_> = request
            .to_list()
            .lines()
            .filter(|l| !l.starts_with('#'))
            .map(str::to_owned)
            .collect();
        assert_eq!(rows, ["quay.io/a:1 # 2 times, pod shop/web"]);
    }
}
