//! What charts depend on and do not bring along: where it is, and the charts made whole.
//!
//! ```text
//! chart without its charts/ ──▶ Need: one part for each ──▶ sources ──pull──▶ archives ──pack──▶ a whole chart in local/
//! ```
//!
//! A dependency's archive goes into the mirror of its own repository, unchanged like every other, and once more into the
//! archive of the chart that asked for it, unchanged too. An archive that lacks its charts stays as it is in its own
//! repository; the whole one lies beside it in [`NO_REPOSITORY`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::archive::ARCHIVE_CAP;
use super::entry::is_chart_name;
use super::local::{LocalArchive, NO_REPOSITORY, files_of, put_listed};
use super::pull::{blocking, pull_each};
use super::selection::{Pattern, parse_range};
use super::{Error, Fetcher, Options, Repositories, Row, Selection, Source, pack};
use crate::fsx::Folder;
use crate::helm::{self, Chart, Dependency};
use crate::observe::{Observer, Outcome};
use crate::reference::Repository;
use crate::secret::printable;
use crate::version::Version;

/// Charts in folders that ask for charts in folders are followed this far.
const DEEPEST: usize = 8;

/// A chart that asks for charts which are not inside.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// What it is called in the report.
    pub(super) label: String,
    pub(super) chart: Chart,
    /// Its folder, against which `file://` is read.
    pub(super) folder: Option<PathBuf>,
}

/// What a chart asks for and does not have in `charts/`, as Helm compares it: by name.
pub(super) fn missing_from(chart: &Chart) -> Vec<Dependency> {
    let declared = chart.metadata.dependencies.iter().flatten();
    let missing = declared.filter(|wanted| {
        !chart
            .dependencies
            .iter()
            .any(|inside| inside.name() == wanted.name)
    });
    missing.cloned().collect()
}

/// Fetches what the charts among `rows` and the `unfinished` ones ask for, into `root`, and puts each such chart whole
/// into [`NO_REPOSITORY`]. One row for every chart that was fetched or made whole; the rows of those that lack others are
/// marked as parts.
pub(super) async fn complete(
    fetcher: &Fetcher,
    rows: &mut [Row],
    unfinished: Vec<Unfinished>,
    root: &Folder,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Vec<Row>, Error> {
    let here: Vec<(String, String)> = rows
        .iter()
        .filter_map(|row| Some((row.source.clone(), row.file.clone()?)))
        .collect();
    let folder = root.clone();
    let (found, mut reported) = blocking(move || Ok(look_into(&here, &folder))).await?;
    let lacking: BTreeSet<&String> = found.iter().map(|(file, _)| file).collect();
    for row in rows.iter_mut() {
        row.is_part |= row.file.as_ref().is_some_and(|file| lacking.contains(file));
    }
    let found = found.into_iter().map(|(_, unfinished)| unfinished);
    let (mut needs, mut sources) = (Vec::new(), Vec::new());
    for unfinished in unfinished.into_iter().chain(found) {
        let label = unfinished.label.clone();
        match Need::of(unfinished, fetcher.repositories(), &mut sources, DEEPEST) {
            Ok(need) => needs.push(need),
            Err(error) => reported.push(Row::failed(&label, &"", &error)),
        }
    }
    if needs.is_empty() {
        return Ok(reported);
    }
    let narrow = Options {
        selection: Selection {
            latest: Some(1),
            ..Selection::default()
        },
        ..options.clone()
    };
    let fetched = pull_each(fetcher, &sources, Some(root), &narrow, observer).await?;
    let base = options.base_of(NO_REPOSITORY);
    let folder = root.clone();
    blocking(move || {
        let mut whole = Vec::new();
        for need in needs {
            match need.assemble(&fetched, &folder) {
                Ok(bytes) => whole.push(LocalArchive {
                    label: need.label,
                    entry: None,
                    bytes,
                    provenance: None,
                }),
                Err(error) => {
                    reported.push(Row::failed(&need.label, &chart_and_version(&need.chart), &error));
                }
            }
        }
        let put = put_listed(
            &folder,
            NO_REPOSITORY,
            base.as_deref(),
            whole.into_iter().map(Ok::<_, Error>),
            // What was fetched for them was vetted; made whole they are archives of ours.
            |_, _, _| Ok(()),
        )?;
        let parts = fetched.into_iter().map(|(_, row)| Row { is_part: true, ..row });
        let mut rows: Vec<Row> = parts.collect();
        rows.extend(put);
        rows.extend(reported);
        Ok(rows)
    })
    .await
}

/// The charts among the mirrored archives that lack others, each with its file, and a row for each that cannot be looked
/// into.
fn look_into(here: &[(String, String)], root: &Folder) -> (Vec<(String, Unfinished)>, Vec<Row>) {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for (source, file) in here {
        match read(root, file).and_then(|bytes| Ok(helm::load_archive(&bytes)?)) {
            Ok(chart) if missing_from(&chart).is_empty() => {}
            Ok(chart) => {
                let label = format!("{source} {}", chart_and_version(&chart));
                let unfinished = Unfinished {
                    label,
                    chart,
                    folder: None,
                };
                found.push((file.clone(), unfinished));
            }
            Err(error) => failed.push(Row::failed(source, file, &error)),
        }
    }
    (found, failed)
}

fn chart_and_version(chart: &Chart) -> String {
    format!("{}-{}", chart.name(), chart.metadata.version)
}

fn read(root: &Folder, file: &str) -> Result<Vec<u8>, Error> {
    let (place, name) = file.rsplit_once('/').unwrap_or((".", file));
    Ok(root.folder(place)?.read(name, ARCHIVE_CAP)?)
}

/// A chart with what it asks for.
struct Need {
    label: String,
    chart: Chart,
    parts: Vec<(String, Part)>,
}

/// Where something that a chart asks for comes from.
enum Part {
    /// The source of this number.
    Fetched(usize),
    /// Another folder.
    Folder(Box<Need>),
}

impl Need {
    /// Finds out where the parts of a chart are. Sources that must be fetched are added to `sources`, each once.
    fn of(
        unfinished: Unfinished,
        repositories: &Repositories,
        sources: &mut Vec<Source>,
        depth: usize,
    ) -> Result<Self, Error> {
        let Unfinished { label, chart, folder } = unfinished;
        let mut parts = Vec::new();
        for wanted in missing_from(&chart) {
            let part = if let Some(path) = wanted.repository.strip_prefix("file://") {
                let (Some(folder), 1..) = (&folder, depth) else {
                    return Err(dependency(&wanted, "lies in a folder that is not at hand"));
                };
                let path = folder.join(path);
                let need = Self::in_folder(&path, &wanted, repositories, sources, depth - 1)?;
                Part::Folder(Box::new(need))
            } else {
                let source = source_of(&wanted, &chart, repositories)?;
                let known = sources.iter().position(|other| is_same(other, &source));
                Part::Fetched(known.unwrap_or_else(|| {
                    sources.push(source);
                    sources.len() - 1
                }))
            };
            parts.push((wanted.name, part));
        }
        Ok(Self { label, chart, parts })
    }

    fn in_folder(
        path: &Path,
        wanted: &Dependency,
        repositories: &Repositories,
        sources: &mut Vec<Source>,
        depth: usize,
    ) -> Result<Self, Error> {
        let chart = helm::load(path)?;
        if chart.name() != wanted.name {
            return Err(dependency(
                wanted,
                "lies in the folder of a chart of another name",
            ));
        }
        let fits = wanted.version.is_empty()
            || Version::parse(&chart.metadata.version)
                .is_ok_and(|version| parse_range(&wanted.version).is_ok_and(|range| range.matches(&version)));
        if !fits {
            return Err(dependency(wanted, "lies in the folder of another version"));
        }
        let unfinished = Unfinished {
            label: path.display().to_string(),
            chart,
            folder: Some(path.to_owned()),
        };
        Self::of(unfinished, repositories, sources, depth)
    }

    /// The chart's archive with everything that it asks for inside.
    fn assemble(&self, fetched: &[(usize, Row)], root: &Folder) -> Result<Vec<u8>, Error> {
        let mut brought = Vec::new();
        for (name, part) in &self.parts {
            brought.push(match part {
                Part::Folder(need) => {
                    let file = format!("charts/{}.tgz", chart_and_version(&need.chart));
                    (file, need.assemble(fetched, root)?)
                }
                Part::Fetched(number) => archive_of(name, *number, fetched, root)?,
            });
        }
        let mut files = files_of(&self.chart);
        for (name, bytes) in &brought {
            files.insert(name.clone(), bytes);
        }
        pack::pack(self.chart.name(), &files)
    }
}

/// The name below the chart and the bytes of an archive that was fetched.
fn archive_of(
    name: &str,
    number: usize,
    fetched: &[(usize, Row)],
    root: &Folder,
) -> Result<(String, Vec<u8>), Error> {
    let failed = |problem: String| Error::Dependency {
        name: printable(name, 120),
        problem,
    };
    let rows = || fetched.iter().filter(|(of, _)| *of == number).map(|(_, row)| row);
    let Some(file) = rows().find_map(|row| row.file.as_deref()) else {
        let reason = rows().find_map(|row| match &row.outcome {
            Outcome::Failed(reason) => Some(reason.clone()),
            _ => None,
        });
        return Err(failed(reason.unwrap_or_else(|| "was not found".to_owned())));
    };
    let bytes = read(root, file)?;
    let lacks = missing_from(&helm::load_archive(&bytes)?);
    if let Some(first) = lacks.first() {
        return Err(failed(format!(
            "is itself not whole: it asks for `{}`, which is not inside",
            printable(&first.name, 120)
        )));
    }
    let file = file.rsplit('/').next().unwrap_or(file);
    Ok((format!("charts/{file}"), bytes))
}

/// Where a dependency is fetched from, in the version that the lock says, or else the highest of its range.
fn source_of(wanted: &Dependency, chart: &Chart, repositories: &Repositories) -> Result<Source, Error> {
    if !is_chart_name(&wanted.name) {
        return Err(dependency(wanted, "has a name that no chart can have"));
    }
    let range = match locked_version(wanted, chart)? {
        Some(version) => version,
        None if wanted.version.is_empty() => "*".to_owned(),
        None => wanted.version.clone(),
    };
    let named = wanted
        .repository
        .strip_prefix('@')
        .or_else(|| wanted.repository.strip_prefix("alias:"));
    let address = match named {
        Some(name) => repositories.named(name)?.url.as_str(),
        None => wanted.repository.as_str(),
    };
    if address.is_empty() {
        return Err(dependency(wanted, "names no repository and is not in charts/"));
    }
    let Some(place) = address.strip_prefix("oci://") else {
        return Source::classic(address, Some(Pattern::of_chart(&wanted.name, &range)?));
    };
    parse_range(&range)?;
    let place = place.trim_end_matches('/');
    let path = format!("{place}/{}", wanted.name);
    let (host, path) = path.split_once('/').unwrap_or((&path, ""));
    let repository = Repository::new(host, path).map_err(|source| Error::BadReference {
        name: printable(address, 160),
        source,
    })?;
    Ok(Source::Oci {
        repository,
        range: Some(range),
    })
}

/// The version that `Chart.lock` fixed. A lock that does not fit `Chart.yaml` any more is an error, as in Helm.
fn locked_version(wanted: &Dependency, chart: &Chart) -> Result<Option<String>, Error> {
    let Some(lock) = &chart.lock else {
        return Ok(None);
    };
    // `helm dependency update` writes the address where the chart says `@name`.
    let is_named = wanted.repository.starts_with('@') || wanted.repository.starts_with("alias:");
    let mut locked = lock
        .dependencies
        .iter()
        .filter(|locked| locked.name == wanted.name && (is_named || locked.repository == wanted.repository))
        .peekable();
    if locked.peek().is_none() {
        return Err(dependency(
            wanted,
            "is not in Chart.lock: run `helm dependency update`",
        ));
    }
    let range = match wanted.version.as_str() {
        "" => parse_range("*-0")?,
        range => parse_range(range)?,
    };
    locked
        .find(|locked| Version::parse(&locked.version).is_ok_and(|version| range.matches(&version)))
        .map(|locked| Some(locked.version.clone()))
        .ok_or_else(|| {
            let problem =
                "has a version in Chart.lock that Chart.yaml does not allow: run `helm dependency update`";
            dependency(wanted, problem)
        })
}

fn dependency(wanted: &Dependency, problem: &str) -> Error {
    Error::Dependency {
        name: printable(&wanted.name, 120),
        problem: problem.to_owned(),
    }
}

/// Whether two sources are the same wish.
fn is_same(one: &Source, other: &Source) -> bool {
    match (one, other) {
        (
            Source::Classic {
                url: a, pattern: p, ..
            },
            Source::Classic {
                url: b, pattern: q, ..
            },
        ) => a == b && p == q,
        (
            Source::Oci {
                repository: a,
                range: p,
            },
            Source::Oci {
                repository: b,
                range: q,
            },
        ) => a == b && p == q,
        _ => false,
    }
}
