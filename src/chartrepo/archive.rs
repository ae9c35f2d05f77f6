//! A chart's archive, looked into without unpacking it.

use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::{Error, unpacked};
use crate::goyaml::{self, Map, Value};

/// Larger archives are refused before they are read.
pub(super) const ARCHIVE_CAP: u64 = 100 << 20;

/// What all files of a chart may have together, as Helm's `MaxDecompressedChartSize` (CVE-2025-32386).
const UNPACKED_CAP: u64 = 100 << 20;

/// A `Chart.yaml` larger than this is none.
const METADATA_CAP: u64 = 1 << 20;

/// How much is inflated in one go. A header of 512 bytes at a time would copy the inflater's window for each.
const INFLATED: usize = 128 << 10;

/// More files than this are refused.
const FILES: usize = 100_000;

/// What is known of an archive that was looked into.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// The chart's name, as its `Chart.yaml` says.
    pub name: String,
    /// The chart's version, as its `Chart.yaml` says.
    pub version: String,
    /// All of `Chart.yaml`.
    pub metadata: Map,
    /// The charts that it depends on and does not bring along, as far as the names of its files tell.
    pub missing: Vec<String>,
}

impl Archive {
    /// Looks into the bytes of a `.tgz`. Nothing of it touches the disk.
    ///
    /// Refused are archives that could do harm to whoever unpacks them: links, devices, `..`, absolute names, names
    /// with a backslash, a second top folder, and more bytes or files than a chart has.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |problem: String| Error::BadArchive { problem };
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return Err(bad("it is no gzip archive".to_owned()));
        }
        let looked = unpacked::at_once(bytes, |unpacked| {
            let mut archive = tar::Archive::new(unpacked);
            Self::of_entries(archive.entries_with_seek())
        });
        if let Some(looked) = looked {
            return looked;
        }
        let unpacked = BufReader::with_capacity(INFLATED, MultiGzDecoder::new(bytes)).take(UNPACKED_CAP + 1);
        Self::of_entries(tar::Archive::new(unpacked).entries())
    }

    fn of_entries<R: Read>(entries: std::io::Result<tar::Entries<'_, R>>) -> Result<Self, Error> {
        let bad = |problem: String| Error::BadArchive { problem };
        let mut top: Option<String> = None;
        let mut texts = Texts::default();
        let mut total = 0_u64;
        let entries = entries.map_err(|error| bad(error.to_string()))?;
        for (number, entry) in entries.enumerate() {
            let mut entry = entry.map_err(|error| bad(format!("its tar is broken: {error}")))?;
            total = total.saturating_add(entry.size());
            if total > UNPACKED_CAP || number > FILES {
                return Err(bad(format!(
                    "it unpacks to more than {UNPACKED_CAP} bytes or {FILES} files"
                )));
            }
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
                continue;
            }
            let name = name(&entry)?;
            if !(kind.is_file() || kind.is_dir() || kind.is_contiguous()) {
                return Err(bad(format!("`{}` is a link or a device", shown(&name))));
            }
            // `.` counts as a top folder: archives made with `tar -C chart .` have it, and Helm takes them.
            let mut parts = name.split('/').filter(|part| !part.is_empty());
            let Some(first) = parts.next() else { continue };
            let rest: Vec<_> = parts.collect();
            match &top {
                Some(known) if known != first => {
                    return Err(bad(format!(
                        "it has two top folders, `{}` and `{}`",
                        shown(known),
                        shown(first)
                    )));
                }
                Some(_) => {}
                None => top = Some(first.to_owned()),
            }
            let slot = match rest.as_slice() {
                ["Chart.yaml"] if kind.is_file() => &mut texts.chart,
                ["requirements.yaml"] if kind.is_file() => &mut texts.requirements,
                ["charts", name, ..] => {
                    if !texts.inside.iter().any(|known| known == name) {
                        texts.inside.push((*name).to_owned());
                    }
                    continue;
                }
                _ => continue,
            };
            if slot.is_none() {
                let mut text = Vec::new();
                let read = entry.by_ref().take(METADATA_CAP).read_to_end(&mut text);
                read.map_err(|error| bad(format!("its gzip is broken: {error}")))?;
                *slot = Some(text);
            }
        }
        Self::of_texts(&texts)
    }

    fn of_texts(texts: &Texts) -> Result<Self, Error> {
        let bad = |problem: String| Error::BadArchive { problem };
        let text = texts
            .chart
            .as_deref()
            .ok_or_else(|| bad("it has no Chart.yaml in its top folder".to_owned()))?;
        let metadata = mapping(text, "Chart.yaml")?;
        let requirements = match &texts.requirements {
            Some(text) => mapping(text, "requirements.yaml")?,
            None => Map::new(),
        };
        let missing = declared(&metadata)
            .chain(declared(&requirements))
            .filter(|name| !texts.brings(name))
            .map(str::to_owned)
            .collect();
        let field = |name: &str| match metadata.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => goyaml::to_json(other).unwrap_or_default(),
            None => String::new(),
        };
        Ok(Self {
            name: field("name"),
            version: field("version"),
            metadata,
            missing,
        })
    }
}

/// What an archive says of itself.
#[derive(Default)]
struct Texts {
    chart: Option<Vec<u8>>,
    requirements: Option<Vec<u8>>,
    /// The names in `charts/`.
    inside: Vec<String>,
}

impl Texts {
    /// Whether a chart of this name lies in `charts/`, as a folder or an archive.
    fn brings(&self, name: &str) -> bool {
        self.inside.iter().any(|file| {
            file.strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && is_archive(file)))
        })
    }
}

/// Whether a file of this name is an archive.
fn is_archive(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("tgz"))
}

/// A document of a chart that must be a mapping; an empty one is.
pub(super) fn mapping(text: &[u8], name: &str) -> Result<Map, Error> {
    let bad = |problem: String| Error::BadArchive { problem };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match goyaml::parse(text).map_err(|error| bad(format!("its {name}: {error}")))? {
        Value::Map(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        _ => Err(bad(format!("its {name} is no mapping"))),
    }
}

/// The names of the charts that a document asks for.
fn declared(document: &Map) -> impl Iterator<Item = &str> {
    let list = document.get("dependencies").and_then(Value::as_seq);
    list.unwrap_or_default()
        .iter()
        .filter_map(|dependency| dependency.get("name")?.as_str())
}

/// The name of an entry, if nobody who unpacks it can be led astray by it.
fn name(entry: &tar::Entry<'_, impl Read>) -> Result<String, Error> {
    let bytes = entry.path_bytes();
    let name = String::from_utf8_lossy(&bytes).into_owned();
    let absolute = name.starts_with('/') || name.as_bytes().get(1) == Some(&b':');
    let climbs = name.split(['/', '\\']).any(|part| part == "..");
    if absolute || climbs || name.contains('\\') || name.contains('\0') {
        return Err(Error::BadArchive {
            problem: format!("`{}` would be written outside its folder", shown(&name)),
        });
    }
    Ok(name)
}

fn shown(name: &str) -> String {
    crate::secret::printable(name, 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(build: impl FnOnce(&mut tar::Builder<flate2::write::GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(encoder);
        build(&mut builder);
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn add(builder: &mut tar::Builder<flate2::write::GzEncoder<Vec<u8>>>, name: &str, bytes: &[u8]) {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the builder itself would refuse `..`.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }

    const CHART: &[u8] = b"name: a\nversion: 1.0.0\n";

    fn problem(bytes: &[u8]) -> String {
        Archive::read(bytes).unwrap_err().to_string()
    }

    #[test]
    fn a_chart_says_its_name_and_version() {
        let bytes = archive(|b| {
            add(b, "a/Chart.yaml", CHART);
            add(b, "a/charts/sub/Chart.yaml", b"name: sub\nversion: 2.0.0\n");
        });
        let read = Archive::read(&bytes).unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str()), ("a", "1.0.0"));
    }

    #[test]
    fn charts_that_are_asked_for_and_not_inside_are_known() {
        const UMBRELLA: &[u8] =
            b"name: a\nversion: 1.0.0\ndependencies: [{name: one}, {name: two}, {name: three}]\n";
        let bytes = archive(|b| {
            add(b, "a/Chart.yaml", UMBRELLA);
            add(b, "a/charts/one/Chart.yaml", b"name: one\n");
            add(b, "a/charts/two-1.0.0.tgz", b"x");
            add(b, "a/charts/threefold-1.0.0.tgz", b"x");
        });
        assert_eq!(Archive::read(&bytes).unwrap().missing, ["three"]);
        let old = archive(|b| {
            add(b, "a/Chart.yaml", CHART);
            add(b, "a/requirements.yaml", b"dependencies: [{name: four}]\n");
        });
        assert_eq!(Archive::read(&old).unwrap().missing, ["four"]);
    }

    #[test]
    fn a_chart_packed_without_its_folder_is_taken_as_helm_takes_it() {
        let bytes = archive(|b| {
            add(b, "./.helmignore", b"x");
            add(b, "./Chart.yaml", CHART);
            add(b, "./templates/a.yaml", b"x");
        });
        assert_eq!(Archive::read(&bytes).unwrap().name, "a");
        let nested = archive(|b| add(b, "./a/Chart.yaml", CHART));
        assert!(problem(&nested).contains("no Chart.yaml in its top folder"));
    }

    #[test]
    fn what_could_harm_whoever_unpacks_it_is_refused() {
        for (name, said) in [
            ("../Chart.yaml", "outside its folder"),
            ("a/../../x", "outside its folder"),
            ("/etc/passwd", "outside its folder"),
            ("a\\..\\x", "outside its folder"),
            ("C:/x", "outside its folder"),
            ("b/x", "two top folders"),
        ] {
            let bytes = archive(|b| {
                add(b, "a/Chart.yaml", CHART);
                add(b, name, b"x");
            });
            assert!(problem(&bytes).contains(said), "{name}: {}", problem(&bytes));
        }
        for kind in [
            tar::EntryType::Symlink,
            tar::EntryType::Link,
            tar::EntryType::Char,
        ] {
            let bytes = archive(|b| {
                add(b, "a/Chart.yaml", CHART);
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(kind);
                header.set_size(0);
                b.append_link(&mut header, "a/link", "/etc/passwd").unwrap();
            });
            assert!(problem(&bytes).contains("link or a device"), "{kind:?}");
        }
    }

    #[test]
    fn an_archive_that_was_cut_before_it_was_packed_is_refused() {
        use std::io::Write as _;
        let whole = archive(|b| {
            add(b, "a/Chart.yaml", CHART);
            add(b, "a/values.yaml", &[b'#'; 2000]);
        });
        let mut tar = Vec::new();
        MultiGzDecoder::new(&whole[..]).read_to_end(&mut tar).unwrap();
        for length in [3000, 1500, 700] {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&tar[..length]).unwrap();
            let cut = encoder.finish().unwrap();
            assert!(
                problem(&cut).contains("tar is broken"),
                "{length}: {}",
                problem(&cut)
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_whole() {
        let zeros = vec![0; 1 << 20];
        let bytes = archive(|b| {
            add(b, "a/Chart.yaml", CHART);
            for _ in 0..110 {
                add(b, "a/zeros", &zeros);
            }
        });
        assert!(bytes.len() < 2 << 20, "it is small on the wire");
        assert!(problem(&bytes).contains("more than"));
    }

    #[test]
    fn what_is_no_chart_says_so() {
        assert!(problem(b"<html>").contains("no gzip"));
        assert!(problem(&archive(|b| add(b, "a/values.yaml", b"x: 1\n"))).contains("no Chart.yaml"));
        assert!(problem(&archive(|b| add(b, "a/Chart.yaml", b"- a\n"))).contains("no mapping"));
        let mut cut = archive(|b| add(b, "a/Chart.yaml", CHART));
        cut.truncate(cut.len() / 2);
        assert!(Archive::read(&cut).is_err());
    }
}
