//! `carrack import`: from a bundle into a registry, or into another bundle.
//!
//! Nothing here can reach the host that an image came from: the only host it knows is the target.

pub mod preflight;
mod registry;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use self::preflight::Projects;
use self::registry::{Registry, into_registry};
pub use self::report::{Brought, Imported, Refused, Report};
use super::admission::{self, Admitted};
use super::charts_in::{self, ChartsTo};
use super::engine_config::{self, Configured};
use super::export::{self, Gathering, Told, gather, open};
use super::vetting::{Policed, Vetted};
use super::wanted::{self, Request};
use super::{Error, World, charts};
use crate::bundle::{self, Bundle, Verified};
use crate::mirrors::{Limits, Mapping, Target};
use crate::observe::{Event, Observer};
use crate::reference::Reference;
use crate::registry::Client;
use crate::transfer::{Choice, Companions, Source, Wanted};

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

/// What is imported, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub from: PathBuf,
    /// Where it goes.
    pub to: Destination,
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

/// Verifies the bundle, then brings everything that is whole to its place. What is not whole is a row.
pub async fn run(
    options: &Options,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let mut admitted = admission::admit(&options.from, &options.admission, world.clock.now())?;
    let state = state(options);
    admitted.check_sequence(state.as_deref())?;
    if let Some(identity) = admitted.identity() {
        observer.on(&Event::Identified(identity));
    }
    let bundle = Bundle::open(&options.from)?;
    for reference in &options.only {
        if !bundle.entries().contains_key(reference) {
            return Err(Error::Usage {
                problem: format!("{reference} is not in {}", options.from.display()),
            });
        }
    }
    let chosen = chosen(options, &bundle)?;
    let asked = Asked {
        bundle: &bundle,
        chosen: &chosen,
    };
    let mut verified = None;
    if admitted.is_sealed() {
        let found = registry::check(&bundle, &admitted, world, observer).await?;
        if !found.problems.is_empty() {
            return Ok(Report::refused(&options.from, admitted.seal, found));
        }
        verified = Some(found);
        if !options.dry_run {
            admitted.remember(state.as_deref(), &options.holder)?;
        }
    }
    let vetted = vet(options, asked, world).await?;
    let mut notes = Vec::new();
    let (brought, target, mapping) = match &options.to {
        Destination::Folder { folder, mapping } => {
            let report = into_folder(options, asked, (&admitted, vetted), folder, world, observer).await?;
            (Brought::Folder(Box::new(report)), None, mapping.clone())
        }
        Destination::Registry {
            target,
            mapping,
            limits,
            projects,
        } => {
            let registry = Registry {
                target,
                mapping,
                limits,
                projects: *projects,
            };
            let checked = Checked {
                admitted: &mut admitted,
                verified,
                vetted,
            };
            let mut imported =
                into_registry(options, asked, checked, registry, client, world, observer).await?;
            notes.append(&mut imported.notes);
            (
                Brought::Registry(Box::new(imported)),
                Some(target),
                mapping.clone(),
            )
        }
    };
    let chart_destination = match &options.charts_to {
        _ if bundle.chart_files()?.is_empty() => None,
        Some(to) => Some(charts_in::bring(&bundle, to, options.dry_run, world, observer).await?),
        None if target.is_some() => {
            notes.push(
                "the bundle's charts stay in it: bring them with --charts-to dir:FOLDER, oci://REGISTRY/PATH or the https:// address of a ChartMuseum"
                    .to_owned(),
            );
            None
        }
        None => None,
    };
    Ok(Report {
        brought,
        seal: admitted.seal,
        chart_destination,
        wanted: request(options, &bundle, target, &mapping)?,
        engine_config: configure(options, target, &mapping, &chosen, world)?,
        notes,
    })
}

/// What nodes asked for in vain and this bundle does not hold, left where the receipt is.
fn request(
    options: &Options,
    bundle: &Bundle,
    target: Option<&Target>,
    mapping: &Mapping,
) -> Result<Option<(Request, PathBuf)>, Error> {
    if options.wanted.is_empty() {
        return Ok(None);
    }
    let mut request = wanted::read(&options.wanted, mapping)?;
    request.without(|reference| bundle.entries().contains_key(reference));
    let list = request.to_list();
    let path = match &options.receipt {
        _ if options.dry_run => PathBuf::new(),
        Some(receipt) => {
            let path = receipt.with_extension("wanted.txt");
            crate::fsx::write(&path, list.as_bytes()).map_err(bundle::Error::from)?;
            path
        }
        None => {
            let name = target.map_or_else(|| "folder".to_owned(), ToString::to_string);
            bundle.path().join(bundle.leave_request(&name, &list)?)
        }
    };
    Ok(Some((request, path)))
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
fn chosen(options: &Options, bundle: &Bundle) -> Result<BTreeSet<Reference>, Error> {
    if options.only.is_empty() {
        return Ok(bundle.entries().keys().cloned().collect());
    }
    Ok(bundle.with_companions(&options.only)?)
}

async fn into_folder(
    options: &Options,
    Asked { bundle, chosen }: Asked<'_>,
    (admitted, vetted): (&Admitted, Option<Vetted>),
    folder: &std::path::Path,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<export::Report, Error> {
    let inventory = admitted.inventory.as_deref();
    let refused = vetted.as_ref().map(Vetted::refusals).unwrap_or_default();
    let provenance = |reference: &Reference| {
        let record = inventory.and_then(|i| i.references.get(reference));
        record.map(|r| r.provenance.clone()).unwrap_or_default()
    };
    let wanted = chosen
        .iter()
        .filter(|reference| !refused.contains_key(*reference))
        .map(|reference| Wanted {
            reference: reference.clone(),
            pinned: bundle.entries().get(reference).map(|d| d.digest),
            provenance: provenance(reference),
        })
        .collect();
    let writer = if options.dry_run {
        None
    } else {
        Some(open(folder, &options.holder, None, false)?)
    };
    let gathering = Gathering {
        wanted,
        to: folder.to_path_buf(),
        writer,
        choice: Choice {
            referrers: Companions::Named,
            ..Choice::default()
        },
        told: Told::by(inventory),
        config: None,
        // It was asked already, on this side of the drive.
        policy: None,
        read_back: options.read_back,
        volume: None,
        prune: false,
    };
    let source = Source::bundle(bundle.clone());
    let charts = match &gathering.writer {
        Some(writer) => {
            let (shelf, bundle) = (writer.charts()?, bundle.clone());
            let copied = tokio::task::spawn_blocking(move || charts::copy(&bundle, &shelf)).await;
            copied.map_err(|_| Error::Crashed)??
        }
        None => Vec::new(),
    };
    Ok(export::Report {
        charts,
        policy: vetted,
        ..gather(gathering, &source, world, observer).await?
    })
}

/// Writes the engine configuration, if it is asked for and something is brought in.
fn configure(
    options: &Options,
    target: Option<&Target>,
    mapping: &Mapping,
    chosen: &BTreeSet<Reference>,
    world: &World,
) -> Result<Option<Configured>, Error> {
    let wanted = options.engine_config.as_ref().filter(|_| !options.dry_run);
    let repositories = chosen.iter().map(Reference::repository).collect();
    let policy = options.policy.as_deref();
    wanted
        .map(|wanted| engine_config::write(wanted, target, mapping, &repositories, policy, world))
        .transpose()
}
