//! The templates of a release, executed in Helm's order over shared values.

mod about;
mod cluster;
mod files;
mod scope;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::capabilities::Capabilities;
use super::error::Error;
use super::excerpts;
use super::functions::{self, Inclusions, Leniency, without_no_value};
use super::manifest::base;
use super::options::{Limits, Options};
use super::values::Valued;
use crate::gotemplate::{self, GoString, MissingKey, Probe, Render, State, Templates};
use crate::observe::FixedClock;
use crate::sprig::{Keys, Surroundings};

/// How many sets of parsed templates are kept; each stands for other subcharts being enabled.
const KEPT_SETS: usize = 64;

/// Templates that were parsed before, by the files they came from.
#[derive(Debug, Default)]
pub(super) struct Parsed(Mutex<BTreeMap<Vec<String>, Arc<Templates>>>);

/// What the execution of a release's templates gave.
#[derive(Debug, Default)]
pub(super) struct Executed {
    /// File → text, `NOTES.txt` among them.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// What failed, where the options say to go on.
    pub(super) failures: Vec<(String, Error)>,
    /// What the files that failed write where `fail` and `required` let them go on, up to the last whole line.
    pub(super) salvaged: BTreeMap<String, Vec<u8>>,
}

/// Parses all templates of the release and runs those that are wanted.
pub(super) fn execute<P: Probe>(
    valued: &Valued<'_>,
    capabilities: &Capabilities,
    options: &Options,
    parsed: &Parsed,
    wanted: &dyn Fn(&str) -> bool,
    probe: P,
) -> (Result<Executed, Error>, P) {
    let templates = scope::templates(valued, capabilities, options);
    let order = scope::order(templates.keys());
    let mut done = Executed::default();
    let set = match parsed.set(&order, &templates, options, &mut done.failures) {
        Ok(set) => set,
        Err(error) => return (Err(error), probe),
    };
    let mut state = State::default();
    state.insert(Inclusions::default());
    state.insert(surroundings(options));
    let leniency = Leniency::default();
    state.insert(leniency.clone());
    let mut render = Render::watched(&set, probe)
        .limits(limits(&options.limits))
        .state(state);
    for name in order {
        let Some(template) = templates
            .get(name)
            .filter(|_| !base(name).starts_with('_') && wanted(name))
        else {
            continue;
        };
        match render.run(name, &template.enter(name, options.profile)) {
            Ok(text) => {
                let text = without_no_value(GoString::from(text));
                done.files.insert(name.to_owned(), text.to_vec());
            }
            Err(error) => {
                let stopped = error.limit().is_some();
                let error =
                    excerpts::executing(name, error, options.profile, |file| source(&templates, file));
                if !options.keep_going || stopped {
                    return (Err(error), render.into_probe());
                }
                done.failures.push((name.to_owned(), error));
            }
        }
    }
    // Behind all others: what a file that failed sets in shared values is not for them to see.
    leniency.begin();
    for (name, _) in &done.failures {
        let Some(template) = templates.get(name) else {
            continue;
        };
        let (text, end) = render.run_as_far(name, &template.enter(name, options.profile));
        if end.as_ref().is_err_and(|error| error.limit().is_some()) {
            break;
        }
        let text = without_no_value(GoString::from(text)).to_vec();
        let text = if end.is_ok() { text } else { whole_lines(text) };
        done.salvaged.insert(name.clone(), text);
    }
    (Ok(done), render.into_probe())
}

/// The text without a last line that was cut short: half an image reads as another one.
fn whole_lines(mut text: Vec<u8>) -> Vec<u8> {
    let end = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    text.truncate(end);
    text
}

fn source<'t>(templates: &'t BTreeMap<String, scope::Template<'_>>, file: &str) -> Option<&'t [u8]> {
    templates.get(file).map(|t| &*t.file.data)
}

impl Parsed {
    fn set(
        &self,
        order: &[&str],
        templates: &BTreeMap<String, scope::Template<'_>>,
        options: &Options,
        failures: &mut Vec<(String, Error)>,
    ) -> Result<Arc<Templates>, Error> {
        let key: Vec<String> = order.iter().map(|n| (*n).to_owned()).collect();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = lock().get(&key) {
            return Ok(Arc::clone(set));
        }
        let mut set = Templates::new(functions::table()).missing_key(MissingKey::Zero);
        for name in order {
            let Some(template) = templates.get(*name) else {
                continue;
            };
            if let Err(error) = set.parse(name, &template.file.data) {
                let error = excerpts::parsing(name, error, |file| source(templates, file));
                if !options.keep_going {
                    return Err(error);
                }
                failures.push(((*name).to_owned(), error));
            }
        }
        let set = Arc::new(set);
        let mut kept = lock();
        if failures.is_empty() && kept.len() < KEPT_SETS {
            kept.insert(key, Arc::clone(&set));
        }
        Ok(set)
    }
}

/// The time, which stands still during a render, and chance.
fn surroundings(options: &Options) -> Surroundings {
    let since = Duration::from_secs(options.now.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let now = if options.now < 0 {
        epoch.checked_sub(since)
    } else {
        epoch.checked_add(since)
    };
    let clock = Arc::new(FixedClock(now.unwrap_or(epoch)));
    let keys = if options.shared_keys {
        Keys::Shared
    } else {
        Keys::Fresh
    };
    match options.seed {
        Some(seed) => Surroundings::new(clock, seed, keys),
        None => Surroundings::unpredictable(clock, keys),
    }
}

fn limits(limits: &Limits) -> gotemplate::Limits {
    gotemplate::Limits {
        steps: limits.steps,
        output: usize::try_from(limits.output_bytes).unwrap_or(usize::MAX),
        time: limits.time(),
        memory: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
        ..gotemplate::Limits::default()
    }
}
