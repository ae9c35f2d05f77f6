//! The members of a tar archive, header by header. Nothing is unpacked, and no header is believed beyond the file's length.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tar::{EntryType, Header, PaxExtensions};

use super::Error;

/// What archives are made of, in bytes.
const BLOCK: u64 = 512;

/// More members than this are no image.
const MEMBER_CAP: usize = 200_000;

/// Long names and extended headers beyond this are an attack.
const EXTENSION_CAP: u64 = 64 << 10;

/// What lies under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// Bytes of the archive.
    File { offset: u64, size: u64 },
    /// Another name of the archive, from its root.
    Link(String),
    /// A file with holes, whose bytes do not lie in one piece.
    Sparse,
}

/// What extended headers say of the member that follows them.
#[derive(Debug, Default)]
struct Extension {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    is_sparse: bool,
}

/// Reads all headers. Of two members with one name the last counts, as it does when an archive is unpacked.
pub(super) fn read(path: &Path, file: &File) -> Result<HashMap<String, Member>, Error> {
    let walk = Walk { path, file };
    let length = file.metadata().map_err(|error| walk.unreadable(error))?.len();
    let mut members = HashMap::new();
    let mut extension = Extension::default();
    let (mut at, mut seen) = (0, 0);
    while let Some(header) = walk.header(at, length)? {
        seen += 1;
        if seen > MEMBER_CAP {
            return Err(walk.bad(&format!("it has more than {MEMBER_CAP} members")));
        }
        let kind = header.entry_type();
        let is_extension = kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink();
        let told = extension.size.filter(|_| !is_extension);
        let size = match told {
            Some(size) => size,
            None => header
                .entry_size()
                .map_err(|_| walk.bad("a header has no size"))?,
        };
        let start = at + BLOCK;
        let end = start.checked_add(size).filter(|end| *end <= length);
        let end = end.ok_or_else(|| walk.bad("it ends within a file"))?;
        at = end.next_multiple_of(BLOCK);
        if is_extension {
            extension.add(&walk, kind, &walk.small(start, size)?)?;
        } else {
            let (name, member) = std::mem::take(&mut extension).member(&header, start, size);
            if let Some(member) = member {
                members.insert(name, member);
            }
        }
    }
    Ok(members)
}

struct Walk<'a> {
    path: &'a Path,
    file: &'a File,
}

impl Walk<'_> {
    /// The header at a place; `None` at the end.
    fn header(&self, at: u64, length: u64) -> Result<Option<Header>, Error> {
        if at >= length {
            return Ok(None);
        }
        let mut block = [0; 512];
        if length - at < BLOCK {
            return Err(self.bad("it ends within a header"));
        }
        self.file
            .read_exact_at(&mut block, at)
            .map_err(|error| self.unreadable(error))?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        // The sum of all bytes, with spaces where the sum itself stands.
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(Some(header)),
            _ => Err(self.bad("a header is damaged, or it is no tar archive")),
        }
    }

    /// The bytes of an extended header.
    fn small(&self, start: u64, size: u64) -> Result<Vec<u8>, Error> {
        if size > EXTENSION_CAP {
            return Err(self.bad("a name in it is too long"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|error| self.unreadable(error))?;
        Ok(bytes)
    }

    fn bad(&self, problem: &str) -> Error {
        Error::BadArchive {
            path: self.path.to_path_buf(),
            problem: problem.to_owned(),
        }
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        Error::Read {
            path: self.path.to_path_buf(),
            source,
        }
    }
}

impl Extension {
    fn add(&mut self, walk: &Walk<'_>, kind: EntryType, bytes: &[u8]) -> Result<(), Error> {
        let text = || {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            Some(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())
        };
        if kind.is_gnu_longname() {
            self.name = text();
        } else if kind.is_gnu_longlink() {
            self.link = text();
        } else {
            for record in PaxExtensions::new(bytes) {
                let record = record.map_err(|_| walk.bad("an extended header is damaged"))?;
                let value = String::from_utf8_lossy(record.value_bytes()).into_owned();
                match record.key_bytes() {
                    b"path" => self.name = Some(value),
                    b"linkpath" => self.link = Some(value),
                    b"size" => {
                        let size = value.parse();
                        self.size = Some(size.map_err(|_| walk.bad("an extended header is damaged"))?);
                    }
                    key if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The member that a header begins; `None` for folders, devices and what else holds no bytes of an image.
    fn member(self, header: &Header, offset: u64, size: u64) -> (String, Option<Member>) {
        let own = || String::from_utf8_lossy(&header.path_bytes()).into_owned();
        let name = plain(&self.name.unwrap_or_else(own));
        let target = || {
            let own = header.link_name_bytes().unwrap_or_default();
            self.link
                .unwrap_or_else(|| String::from_utf8_lossy(&own).into_owned())
        };
        let kind = header.entry_type();
        let member = if kind.is_gnu_sparse() || (kind.is_file() && self.is_sparse) {
            Member::Sparse
        } else if kind.is_file() {
            Member::File { offset, size }
        } else if kind.is_symlink() {
            Member::Link(beside(&name, &target()))
        } else if kind.is_hard_link() {
            Member::Link(plain(&target()))
        } else {
            return (name, None);
        };
        (name, Some(member))
    }
}

/// `./a//b` is `a/b`.
pub(super) fn plain(name: &str) -> String {
    let parts = name.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

/// A link's target, from the folder that the link lies in. `..` beyond the archive's root ends at the root.
fn beside(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        name.rsplit_once('/')
            .map_or_else(Vec::new, |(folder, _)| folder.split('/').collect())
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
