//! `carrack images`: every image that charts, manifests and lists need, and why.
//!
//! Pure: it reads files and renders charts, and opens no connection; only [`mod@check`] asks registries. A source that fails is a row of the report; the
//! others are done all the same.

mod chart;
mod check;
mod declared;
mod difference;
mod formats;
mod report;
mod rows;
mod salvage;
mod silence;
mod sources;
mod text;
mod why;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Error;
use super::values::{Target, ValueFlags};
use crate::discover::{self, Catalogue, Exclude, Include, Knowledge, Rule, Sighting, Tier};
use crate::helm::ValuesSource;
use crate::observe::{Event, Observer, Outcome};

pub use check::{Checked, State, check};
pub use difference::{Difference, Moved, Snapshot};
pub use formats::Format;
pub use report::{Explored, Failure, Rendered, Report, Revealed};

/// A set of values under a name: what one cluster or customer uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name in the report.
    pub name: String,
    /// Values files on top of the common values.
    pub files: Vec<PathBuf>,
}

/// What `images` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Chart directories and archives, manifests or directories of them, image lists, skopeo sync files; `-` is
    /// standard input.
    pub sources: Vec<PathBuf>,
    /// Values for all charts.
    pub values: ValueFlags,
    /// Sets of values; none means one render with the common values alone.
    pub profiles: Vec<Profile>,
    /// The cluster and release to render for.
    pub target: Target,
    /// The least sure tier that counts as an image; less sure ones are candidates.
    pub least: Tier,
    /// Whether images that the values declare with an exact tag count although nothing renders them.
    pub all_values: bool,
    /// Whether switches are flipped to find what default values hide.
    pub explore: bool,
    /// Images to add.
    pub include: Vec<Include>,
    /// Images to leave out.
    pub exclude: Vec<Exclude>,
    /// A table of rules beside the built-in one, in TOML.
    pub knowledge: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            values: ValueFlags::default(),
            profiles: Vec::new(),
            target: Target::default(),
            least: Tier::Heuristic,
            all_values: false,
            explore: false,
            include: Vec::new(),
            exclude: Vec::new(),
            knowledge: None,
        }
    }
}

/// The values of one profile, read from disk.
#[derive(Debug)]
struct ProfileValues {
    /// The name in the report; none if there is only one set of values.
    name: Option<String>,
    values: Vec<ValuesSource>,
}

/// What the work on all sources shares.
struct Plan<'o> {
    options: &'o Options,
    knowledge: Knowledge,
    profiles: Vec<ProfileValues>,
}

/// The work on one source.
struct Survey<'p> {
    plan: &'p Plan<'p>,
    found: Vec<Sighting>,
    report: Report,
}

/// The stack of a worker: documents and templates nest, and their depth is bounded for this much.
const STACK: usize = 64 << 20;

/// Finds the images of all sources.
///
/// Fails only where the arguments are wrong; a chart or file that cannot be read is a failure of the report.
pub fn run(options: &Options, cancel: &CancellationToken, observer: &dyn Observer) -> Result<Report, Error> {
    run_all(std::slice::from_ref(options), cancel, observer)
}

/// Finds the images of several groups of sources, each with its own values and target, as one report.
///
/// What counts as an image, what is added and what is left out holds for all of them and is said by the first.
pub fn run_all(
    groups: &[Options],
    cancel: &CancellationToken,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut catalogue = Catalogue::default();
    for options in groups {
        let plan = Plan::new(options)?;
        let paths: Vec<PathBuf> = options
            .sources
            .iter()
            .flat_map(|path| sources::list(path, &mut report))
            .collect();
        // Each source by itself, on as many threads as there are processors; put together in the order of the sources.
        for (found, part) in plan.survey(&paths, cancel, observer)? {
            catalogue.extend(found);
            report.take(part);
        }
    }
    match groups.first() {
        Some(options) => finish(options, catalogue, report),
        None => Ok(report),
    }
}

/// Finds the images of a text that is no chart. `name` is what the report calls it.
pub fn of_text(text: &str, name: &str, options: &Options) -> Result<Report, Error> {
    let plan = Plan::new(options)?;
    let work = || {
        let mut survey = plan.begin();
        survey.text(text, name);
        (survey.found, survey.report)
    };
    let (found, part) = std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work);
        let worker = worker.map_err(|cause| Error::Runtime { cause })?;
        worker.join().map_err(|_| Error::Crashed)
    })?;
    let mut catalogue = Catalogue::default();
    catalogue.extend(found);
    let mut report = Report::default();
    report.take(part);
    finish(options, catalogue, report)
}

/// What one source gave.
type Part = (Vec<Sighting>, Report);

impl<'o> Plan<'o> {
    fn new(options: &'o Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            knowledge: knowledge(options)?,
            profiles: profiles(options)?,
        })
    }

    fn begin(&self) -> Survey<'_> {
        Survey {
            plan: self,
            found: Vec::new(),
            report: Report::default(),
        }
    }

    fn survey(
        &self,
        paths: &[PathBuf],
        cancel: &CancellationToken,
        observer: &dyn Observer,
    ) -> Result<Vec<Part>, Error> {
        let next = AtomicUsize::new(0);
        let done: Mutex<BTreeMap<usize, Part>> = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(index).filter(|_| !cancel.is_cancelled()) else {
                    return;
                };
                let part = self.one(path, observer);
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(index, part);
            }
        };
        let workers = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(paths.len());
        std::thread::scope(|scope| {
            let started: Vec<_> = (0..workers)
                .map(|_| {
                    std::thread::Builder::new()
                        .stack_size(STACK)
                        .spawn_scoped(scope, work)
                })
                .collect();
            let mut ended = Ok(());
            for worker in started {
                ended = match worker {
                    Ok(worker) => worker.join().map_err(|_| Error::Crashed).and(ended),
                    Err(cause) => Err(Error::Runtime { cause }),
                };
            }
            ended
        })?;
        if cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        Ok(done
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_values()
            .collect())
    }

    fn one(&self, path: &Path, observer: &dyn Observer) -> Part {
        let subject = path.display().to_string();
        observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let mut survey = self.begin();
        match sources::read(path) {
            sources::Content::Chart(chart) => survey.chart(&chart, &subject),
            sources::Content::Text(text) => {
                survey.text(&text, &subject);
                let is_silent = survey.found.is_empty() && survey.report.failures.is_empty();
                // Whoever names a file expects something of it; in a folder there may be all sorts of files.
                if is_silent
                    && !text.contains("kind")
                    && self.options.sources.iter().any(|source| source == path)
                {
                    let warning =
                        format!("{subject}: neither manifests nor a list of images: nothing was found in it");
                    survey.report.warnings.push(warning);
                }
            }
            sources::Content::Unreadable(reason) => survey.report.fail(&subject, reason),
        }
        let outcome = survey
            .report
            .failures
            .first()
            .map_or(Outcome::Done, |failure| Outcome::Failed(failure.reason.clone()));
        observer.on(&Event::ItemFinished { subject, outcome });
        (survey.found, survey.report)
    }
}

fn finish(options: &Options, mut catalogue: Catalogue, mut report: Report) -> Result<Report, Error> {
    discover::include(&options.include, &mut catalogue).map_err(|(image, error)| Error::Usage {
        problem: format!("the image to include, `{image}`, cannot be read: {error}"),
    })?;
    let exclusion = discover::exclude(&options.exclude, &mut catalogue);
    report.excluded = exclusion.excluded;
    for pattern in exclusion.idle {
        report.warnings.push(format!(
            "the exclusion `{pattern}` matched no image: is it spelled right?"
        ));
    }
    let known = catalogue.repositories(options.least);
    for image in catalogue.images() {
        let declared = |rule: Rule| image.sources.iter().any(|s| s.rule == rule);
        if image.tier <= options.least || options.all_values && declared(Rule::DisabledByValues) {
            report.images.push(image);
        } else if image.sources.iter().all(|s| s.rule == Rule::GuessedTag)
            && known.contains(image.reference.repository())
        {
            // The repository is known with a tag that nobody had to guess.
        } else {
            report.candidates.push(image);
        }
    }
    report.unresolved = catalogue.unresolved();
    report.failures.sort();
    Ok(report)
}

fn knowledge(options: &Options) -> Result<Knowledge, Error> {
    let built_in = Knowledge::built_in();
    let Some(path) = &options.knowledge else {
        return Ok(built_in);
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let own = Knowledge::from_toml(&text).map_err(|error| Error::Usage {
        problem: format!("{}: {error}", path.display()),
    })?;
    Ok(built_in.with(own))
}

fn profiles(options: &Options) -> Result<Vec<ProfileValues>, Error> {
    if options.profiles.is_empty() {
        return Ok(vec![ProfileValues {
            name: None,
            values: options.values.read()?,
        }]);
    }
    let mut profiles = Vec::new();
    for profile in &options.profiles {
        let mut flags = options.values.clone();
        flags.files.extend(profile.files.iter().cloned());
        profiles.push(ProfileValues {
            name: Some(profile.name.clone()),
            values: flags.read()?,
        });
    }
    Ok(profiles)
}

#[cfg(test)]
mod tests;
