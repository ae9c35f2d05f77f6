//! `carrack import`: from a bundle into a registry, or into another bundle.
//!
//! Nothing here can reach the host that an image came from: the only host it knows is the target.

mod beforehand;
mod folder;
pub mod preflight;
mod registry;
mod report;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::beforehand::{Beforehand, check_places};
pub use self::folder::Joined;
use self::folder::into_folder;
use self::preflight::Projects;
use self::registry::{Registry, into_registry};
pub use self::report::{Brought, Imported, Refused, Report};
use super::admission::{self, Admitted};
use super::charts_in::{self, ChartsTo};
use super::vetting::{Policed, Vetted};
use super::{Error, World, engine_config};
use crate::bundle::{Bundle, Verified};
use crate::causes::chain;
use crate::mirrors::{Limits, Mapping, Rule, Target, idle_rules};
use crate::observe::{Event, Observer};
use crate::reference::Reference;

/// Where content goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Into a registry.
    Registry {
        /// The registry and the path on it.
        target: Target,
        /// Where each reference goes.
        mapping: Mapping,
        /// What the registry takes.
        limits: Limits,
        /// What is done about Harbor projects that are not there.
        projects: Projects,
    },
    /// Into a bundle, beside what is there.
    Folder {
        /// The bundle's folder.
        folder: PathBuf,
        /// Where references are on the server that offers it, for the configuration of nodes.
        mapping: Mapping,
    },
}

impl Destination {
    /// The registry, if it is one.
    fn target(&self) -> Option<&Target> {
        match self {
            Self::Registry { target, .. } => Some(target),
            Self::Folder { .. } => None,
        }
    }

    fn mapping(&self) -> &Mapping {
        match self {
            Self::Registry { mapping, .. } | Self::Folder { mapping, .. } => mapping,
        }
    }
}

/// What is imported, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub from: PathBuf,
    /// Where it goes.
    pub to: Destination,
    /// Those rules of the mapping that were given for this run: they are told if they place nothing.
    pub given: Vec<Rule>,
    /// Only these references; empty means all.
    pub only: Vec<Reference>,
    /// Who must have signed the bundle.
    pub admission: admission::Options,
    /// What is asked of images.
    pub policy: Option<Arc<Policed>>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Read back what was written, where the destination is a folder.
    pub read_back: bool,
    /// Where the receipt is written, if not on the drive.
    pub receipt: Option<PathBuf>,
    /// Where the bundle's charts go, if not only where its images go.
    pub charts_to: Option<ChartsTo>,
    /// Logs of nodes and of the mirror that say what was asked for in vain.
    pub wanted: Vec<PathBuf>,
    /// Configuration of container engines to write beside.
    pub engine_config: Option<engine_config::Options>,
    /// Who runs this, for a second run that finds a bundle locked.
    pub holder: String,
}

/// How content gets to its place.
enum Way<'a> {
    Registry(Registry<'a>),
    Folder(&'a Path),
}

impl<'a> Way<'a> {
    /// Makes what the way needs: a network client only where there is a network to go through.
    fn to(destination: &'a Destination, world: &World, observer: &Arc<dyn Observer>) -> Result<Self, Error> {
        match destination {
            Destination::Folder { folder, .. } => Ok(Self::Folder(folder)),
            Destination::Registry {
                target,
                mapping,
                limits,
                projects,
            } => Ok(Self::Registry(Registry {
                client: world.registry(observer)?,
                target,
                mapping,
                limits,
                projects: *projects,
            })),
        }
    }
}

/// Brings everything that is whole to its place. What is not whole is a row, but where someone vouches for the bundle: then
/// nothing comes of one that is not whole.
pub async fn run(options: &Options, world: &World, observer: &Arc<dyn Observer>) -> Result<Report, Error> {
    check_places(options)?;
    let way = Way::to(&options.to, world, observer)?;
    let mut admitted = admission::admit(&options.from, &options.admission, world.clock.now())?;
    let state = state(options);
    admitted.check_sequence(state.as_deref())?;
    if let Some(identity) = admitted.identity() {
        observer.on(&Event::Identified(identity));
    }
    let bundle = Bundle::open(&options.from)?;
    let chosen = chosen(&options.only, &bundle)?;
    let mut beforehand = Beforehand::look(options, world, observer)?;
    let asked = Asked {
        bundle: &bundle,
        chosen: &chosen,
    };
    let mut verified = None;
    if admitted.is_sealed() {
        let found = survey::check(&bundle, &admitted, world, observer).await?;
        if !found.problems.is_empty() {
            return Ok(Report::refused(&options.from, admitted.seal, found));
        }
        verified = Some(found);
        if !options.dry_run {
            admitted.remember(state.as_deref(), &options.holder)?;
        }
    }
    let wanted = beforehand.leave_request(&bundle)?;
    let vetted = vet(options, asked, world).await?;
    let repositories = bundle.entries().keys().map(Reference::repository);
    let whose = bundle.path().display();
    let mut notes = idle_rules(&options.given, repositories, whose);
    let mut unwritten = Vec::new();
    let checked = Checked {
        admitted: &mut admitted,
        verified,
        vetted,
    };
    let brought = match way {
        Way::Folder(folder) => {
            let joined = into_folder(options, asked, checked, folder, world, observer).await?;
            Brought::Folder(Box::new(joined))
        }
        Way::Registry(registry) => {
            let mut imported = into_registry(options, asked, checked, registry, world, observer).await?;
            notes.append(&mut imported.notes);
            unwritten.append(&mut imported.unwritten);
            Brought::Registry(Box::new(imported))
        }
    };
    let chart_destination = match &options.charts_to {
        _ if bundle.chart_files()?.is_empty() => None,
        Some(to) => Some(charts_in::bring(&bundle, to, options.dry_run, world, observer).await?),
        None if options.to.target().is_some() => {
            notes.push(
                "the bundle's charts stay in it: bring them with --charts-to dir:FOLDER, oci://REGISTRY/PATH or the https:// address of a ChartMuseum"
                    .to_owned(),
            );
            None
        }
        None => None,
    };
    let engine_config = beforehand.configure(&chosen).unwrap_or_else(|error| {
        // Everything has arrived, which the summary must tell all the same.
        unwritten.push(format!(
            "the engine configuration was not written: {}",
            chain(&error)
        ));
        None
    });
    Ok(Report {
        brought,
        seal: admitted.seal,
        chart_destination,
        wanted,
        engine_config,
        notes,
        unwritten,
    })
}

/// Where accepted bundles are remembered: with a folder's content, unless another place is named.
fn state(options: &Options) -> Option<PathBuf> {
    match (&options.admission.state, &options.to) {
        (Some(state), _) => Some(state.clone()),
        (None, Destination::Folder { folder, .. }) => Some(folder.join("carrack")),
        (None, Destination::Registry { .. }) => None,
    }
}

/// What is known of a bundle before anything is sent.
struct Checked<'a> {
    admitted: &'a mut Admitted,
    /// What was found in it, if that was looked at already.
    verified: Option<Verified>,
    vetted: Option<Vetted>,
}

/// Checks everything that was chosen against the policy, if there is one.
async fn vet(options: &Options, asked: Asked<'_>, world: &World) -> Result<Option<Vetted>, Error> {
    let Some(policy) = options.policy.clone() else {
        return Ok(None);
    };
    let (bundle, chosen, now) = (asked.bundle.clone(), asked.chosen.clone(), world.clock.now());
    let vetted = tokio::task::spawn_blocking(move || policy.vet(&bundle, &chosen, now)).await;
    vetted.map_err(|_| Error::Crashed)?.map(Some)
}

/// What of a bundle is imported.
#[derive(Clone, Copy)]
struct Asked<'a> {
    bundle: &'a Bundle,
    chosen: &'a BTreeSet<Reference>,
}

/// Every reference that is asked for, with its signatures, attestations and SBOMs.
fn chosen(only: &[Reference], bundle: &Bundle) -> Result<BTreeSet<Reference>, Error> {
    if only.is_empty() {
        return Ok(bundle.entries().keys().cloned().collect());
    }
    let named: Vec<Reference> = only
        .iter()
        .map(|reference| named(reference, bundle))
        .collect::<Result<_, _>>()?;
    Ok(bundle.with_companions(&named)?)
}

/// What the bundle calls a reference: one with tag and digest may be entered under its tag.
fn named(reference: &Reference, bundle: &Bundle) -> Result<Reference, Error> {
    let entries = bundle.entries();
    if entries.contains_key(reference) {
        return Ok(reference.clone());
    }
    let problem = match (reference.tag(), reference.digest()) {
        (Some(tag), Some(digest)) => {
            let short = Reference::tagged(reference.repository().clone(), tag.clone());
            match entries.get(&short) {
                Some(entry) if entry.digest == *digest => return Ok(short),
                Some(entry) => Some(format!(
                    "{short} is {} in {}, and --only asks for {digest}",
                    entry.digest,
                    bundle.path().display()
                )),
                None => None,
            }
        }
        _ => None,
    };
    Err(Error::Usage {
        problem: problem.unwrap_or_else(|| {
            let siblings = siblings(reference, bundle);
            format!("{reference} is not in {}{siblings}", bundle.path().display())
        }),
    })
}

/// What the bundle has of the same repository: a tag that was mistyped or left out is found in it.
fn siblings(reference: &Reference, bundle: &Bundle) -> String {
    let same = |known: &&Reference| known.repository() == reference.repository();
    let mut others = bundle.entries().keys().filter(same).map(ToString::to_string);
    let shown: Vec<String> = others.by_ref().take(SIBLINGS_SHOWN).collect();
    match (shown.is_empty(), others.count()) {
        (true, _) => String::new(),
        (false, 0) => format!("; it has {}", shown.join(", ")),
        (false, more) => format!("; it has {} and {more} more of them", shown.join(", ")),
    }
}

/// References that a message names at most.
const SIBLINGS_SHOWN: usize = 3;

/// The references that are not whole, each with what is wrong.
fn damaged(verified: &Verified) -> BTreeMap<Reference, String> {
    let problems = verified.problems.iter().flat_map(|problem| {
        let text = format!("{}: {}", problem.subject, problem.text);
        problem
            .references
            .iter()
            .map(move |reference| (reference.clone(), text.clone()))
    });
    problems.collect()
}
