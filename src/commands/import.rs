//! `carrack import`: from a bundle into a registry, or into another bundle.
//!
//! Nothing here can reach the host that an image came from: the only host it knows is the target.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::admission::{self, Admitted};
use super::engine_config::{self, Configured};
use super::export::{self, Gathering, Told, gather, open};
use super::verify::{write_problems, write_refetch};
use super::{Ending, Error, World, charts};
use crate::bundle::{self, Bundle, Receipt, Verified};
use crate::mirrors::{Limits, Mapping, Target};
use crate::observe::{Event, Observer};
use crate::reference::Reference;
use crate::registry::Client;
use crate::transfer::{
    self, Choice, Companions, PushPlan, Pushed, PushedRow, RowOutcome, Source, Stock, Wanted,
};
use crate::trust::Seal;

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
    },
    /// Into a bundle, beside what is there.
    Folder(PathBuf),
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
    /// Only say what would be done.
    pub dry_run: bool,
    /// Where the receipt is written, if not on the drive.
    pub receipt: Option<PathBuf>,
    /// Configuration of container engines to write beside.
    pub engine_config: Option<engine_config::Options>,
    /// Who runs this, for a second run that finds a bundle locked.
    pub holder: String,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Into a registry.
    Registry(Box<Imported>),
    /// Into a bundle.
    Folder(Box<Merged>),
    /// Nowhere: what lies on the drive is not what was signed.
    Refused(Box<Refused>),
}

/// What was brought into a bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Merged {
    /// What came.
    #[serde(flatten)]
    pub report: export::Report,
    /// Who signed the bundle that it came from.
    pub seal: Seal,
    /// The engine configuration that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_config: Option<Configured>,
}

/// A signed bundle that was refused.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Who signed it.
    pub seal: Seal,
    /// What is not as it was signed.
    pub verified: Verified,
}

/// What was brought into a registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The target.
    pub target: Target,
    /// Whether nothing was sent on purpose.
    pub dry_run: bool,
    /// Who signed the bundle.
    pub seal: Seal,
    /// What was found in the bundle before anything was sent.
    pub verified: Verified,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub pushed: Pushed,
    /// Where the receipt is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<PathBuf>,
    /// What is no failure and still worth saying.
    pub notes: Vec<String>,
    /// The engine configuration that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_config: Option<Configured>,
}

/// Verifies the bundle, then brings everything that is whole to its place. What is not whole is a row.
pub async fn run(
    options: &Options,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let admitted = admission::admit(&options.from, &options.admission, world.clock.now())?;
    let state = state(options);
    admitted.check_sequence(state.as_deref())?;
    let bundle = Bundle::open(&options.from)?;
    for reference in &options.only {
        if !bundle.entries().contains_key(reference) {
            return Err(Error::Usage {
                problem: format!("{reference} is not in {}", options.from.display()),
            });
        }
    }
    let mut verified = None;
    if admitted.is_sealed() {
        let found = check(&bundle, &admitted, world, observer).await?;
        if !found.problems.is_empty() {
            return Ok(Report::Refused(Box::new(Refused {
                bundle: options.from.clone(),
                seal: admitted.seal,
                verified: found,
            })));
        }
        verified = Some(found);
        if !options.dry_run {
            admitted.remember(state.as_deref(), &options.holder)?;
        }
    }
    let verified = match (verified, &options.to) {
        (None, Destination::Registry { .. }) => check(&bundle, &admitted, world, observer).await?,
        // A bundle that nobody vouches for is hashed while it is copied.
        (found, _) => found.unwrap_or_default(),
    };
    let chosen = chosen(options, &bundle)?;
    match &options.to {
        Destination::Folder(folder) => {
            let asked = Asked {
                bundle: &bundle,
                chosen: &chosen,
            };
            into_folder(options, asked, admitted, folder, world, observer).await
        }
        Destination::Registry {
            target,
            mapping,
            limits,
        } => {
            let registry = Registry {
                target,
                mapping,
                limits,
            };
            let checked = (admitted.seal, verified);
            let asked = Asked {
                bundle: &bundle,
                chosen: &chosen,
            };
            into_registry(options, asked, checked, registry, client, world, observer).await
        }
    }
}

/// Where accepted bundles are remembered: with a folder's content, unless another place is named.
fn state(options: &Options) -> Option<PathBuf> {
    match (&options.admission.state, &options.to) {
        (Some(state), _) => Some(state.clone()),
        (None, Destination::Folder(folder)) => Some(folder.join("carrack")),
        (None, Destination::Registry { .. }) => None,
    }
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
    admitted: Admitted,
    folder: &std::path::Path,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let Admitted { inventory, seal, .. } = admitted;
    let provenance = |reference: &Reference| {
        let record = inventory.as_ref().and_then(|i| i.references.get(reference));
        record.map(|r| r.provenance.clone()).unwrap_or_default()
    };
    let wanted = chosen
        .iter()
        .map(|reference| Wanted {
            reference: reference.clone(),
            pinned: bundle.entries().get(reference).map(|d| d.digest),
            provenance: provenance(reference),
        })
        .collect();
    let writer = if options.dry_run {
        None
    } else {
        Some(open(folder, &options.holder, None).await?)
    };
    let gathering = Gathering {
        wanted,
        to: folder.to_path_buf(),
        writer,
        choice: Choice {
            referrers: Companions::Named,
            ..Choice::default()
        },
        told: Told::by(inventory.as_ref()),
        config: None,
        read_back: false,
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
    let report = export::Report {
        charts,
        ..gather(gathering, &source, world, observer).await?
    };
    let engine_config = configure(options, None, &Mapping::default(), chosen, world)?;
    Ok(Report::Folder(Box::new(Merged {
        report,
        seal,
        engine_config,
    })))
}

/// A registry and how names become places on it.
struct Registry<'a> {
    target: &'a Target,
    mapping: &'a Mapping,
    limits: &'a Limits,
}

async fn into_registry(
    options: &Options,
    Asked { bundle, chosen }: Asked<'_>,
    (seal, verified): (Seal, Verified),
    registry: Registry<'_>,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let entries = chosen
        .iter()
        .filter_map(|r| Some((r, &bundle.entries().get(r)?.digest)));
    let placed = registry.mapping.plan(entries, registry.limits)?;
    let broken: BTreeMap<Reference, String> = verified
        .problems
        .iter()
        .flat_map(|p| {
            let text = format!("{}: {}", p.subject, p.text);
            p.references.iter().map(move |r| (r.clone(), text.clone()))
        })
        .collect();
    let stock = Stock::bundle(bundle.clone())?;
    let plan = PushPlan::new(&stock, registry.target.registry(), placed, &broken)?;
    let mut imported = Imported {
        bundle: options.from.clone(),
        target: registry.target.clone(),
        dry_run: options.dry_run,
        seal,
        verified,
        pushed: Pushed::default(),
        receipt: None,
        notes: Vec::new(),
        engine_config: None,
    };
    if options.dry_run {
        imported.pushed.rows = plan.rows();
        return Ok(Report::Registry(Box::new(imported)));
    }
    observer.on(&Event::Phase {
        name: "sending".to_owned(),
    });
    imported.pushed = transfer::push(plan, &stock, client, world.jobs, observer, &world.cancel).await?;
    let receipt = receipt(bundle, &registry, &imported.pushed, world)?;
    match write_receipt(options, bundle, receipt) {
        Ok(path) => imported.receipt = Some(path),
        // Everything has arrived; only the way back is missing.
        Err(error) => imported.notes.push(format!(
            "no receipt was left for the next export ({}): name a file with --receipt",
            transfer::chain(&error)
        )),
    }
    imported.engine_config = configure(options, Some(registry.target), registry.mapping, chosen, world)?;
    Ok(Report::Registry(Box::new(imported)))
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
    let repositories = chosen.iter().map(Reference::repository);
    wanted
        .map(|wanted| engine_config::write(wanted, target, mapping, repositories, world))
        .transpose()
}

/// Hashes every blob before anything is sent.
async fn check(
    bundle: &Bundle,
    admitted: &Admitted,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Verified, Error> {
    observer.on(&Event::Phase {
        name: "verifying".to_owned(),
    });
    let (bundle, cancel, observer) = (bundle.clone(), world.cancel.clone(), Arc::clone(observer));
    let admitted = admitted.clone();
    let verified =
        tokio::task::spawn_blocking(move || admitted.verify(&bundle, &*observer, &|| cancel.is_cancelled()))
            .await
            .map_err(|_| Error::Interrupted)??;
    if world.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    Ok(verified)
}

fn receipt(
    bundle: &Bundle,
    registry: &Registry<'_>,
    pushed: &Pushed,
    world: &World,
) -> Result<Receipt, Error> {
    let mut receipt = Receipt::new(registry.target.to_string(), world.clock.now());
    receipt.digests.clone_from(&pushed.proven);
    receipt.mapping = serde_json::to_value(registry.mapping).unwrap_or_default();
    if let Some(inventory) = bundle.inventory()? {
        receipt.bundle_id = Some(inventory.bundle_id);
        receipt.sequence = Some(inventory.sequence);
    }
    for row in &pushed.rows {
        if !matches!(row.outcome, RowOutcome::Failed { .. }) {
            receipt
                .references
                .insert(row.reference.clone(), row.target.clone());
        }
    }
    Ok(receipt)
}

fn write_receipt(options: &Options, bundle: &Bundle, receipt: Receipt) -> Result<PathBuf, bundle::Error> {
    match &options.receipt {
        Some(path) => {
            crate::fsx::write(path, &receipt.encode())?;
            Ok(path.clone())
        }
        None => Ok(bundle.path().join(bundle.leave_receipt(receipt)?)),
    }
}

impl Report {
    /// The rows of an import into a registry.
    pub fn rows(&self) -> &[PushedRow] {
        match self {
            Self::Registry(imported) => &imported.pushed.rows,
            Self::Folder(_) | Self::Refused(_) => &[],
        }
    }
}

impl Imported {
    fn ending(&self) -> Ending {
        let failed = |row: &PushedRow| matches!(row.outcome, RowOutcome::Failed { .. });
        if !self.verified.problems.is_empty() {
            Ending::NotVerified
        } else if self.pushed.rows.iter().any(failed) {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        match self {
            Self::Folder(merged) => merged.report.ending(),
            Self::Refused(_) => Ending::NotVerified,
            Self::Registry(imported) => imported.ending(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(merged) => {
                writeln!(f, "{}", merged.seal)?;
                merged.report.summary(f)?;
                write_configured(f, merged.engine_config.as_ref())?;
                write!(f, "\nnext: carrack serve {}", merged.report.bundle.display())
            }
            Self::Refused(refused) => {
                write_problems(f, &refused.verified)?;
                writeln!(f, "{}", refused.seal)?;
                write!(
                    f,
                    "{}: nothing was imported, because it is not as it was signed: {} problems",
                    refused.bundle.display(),
                    refused.verified.problems.len()
                )
            }
            Self::Registry(imported) => imported.fmt(f),
        }
    }
}

fn write_configured(f: &mut fmt::Formatter<'_>, configured: Option<&Configured>) -> fmt::Result {
    configured.map_or(Ok(()), |configured| write!(f, "\n{configured}"))
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_problems(f, &self.verified)?;
        writeln!(f, "{}", self.seal)?;
        let (mut failed, mut present) = (0, 0);
        for row in &self.pushed.rows {
            match &row.outcome {
                RowOutcome::Failed { error } => {
                    failed += 1;
                    writeln!(f, "failed: {} → {}: {error}", row.reference, row.target)?;
                }
                RowOutcome::Planned => writeln!(f, "would import: {} → {}", row.reference, row.target)?,
                RowOutcome::Present => present += 1,
                RowOutcome::Done => {}
            }
        }
        for note in self.verified.notes.iter().chain(&self.notes) {
            writeln!(f, "note: {note}")?;
        }
        let all = self.pushed.rows.len();
        if self.dry_run {
            write!(
                f,
                "{}: {} to import, {failed} cannot be\nnext: the same command without --dry-run",
                self.target,
                super::count((all - failed) as u64, "reference")
            )?;
        } else {
            write!(
                f,
                "{}: {} new, {present} there already, {failed} failed; {} sent with {}, {} linked, {} there already",
                self.target,
                super::count((all - failed - present) as u64, "reference"),
                super::count(self.pushed.uploaded, "blob"),
                super::size(self.pushed.bytes),
                self.pushed.mounted,
                self.pushed.present,
            )?;
        }
        let broken = self.verified.broken();
        if !broken.is_empty() {
            writeln!(f)?;
            write_refetch(f, &broken, &self.bundle.display().to_string())?;
        }
        if let Some(receipt) = &self.receipt {
            write!(f, "\nreceipt for the next export: {}", receipt.display())?;
        }
        write_configured(f, self.engine_config.as_ref())?;
        if self.dry_run || self.ending() != Ending::Done {
            return Ok(());
        }
        match &self.engine_config {
            Some(written) => write!(
                f,
                "\nnext: on each node, what INSTALL.txt below {} says",
                written.folder.display()
            ),
            None => {
                f.write_str("\nnext: --engine-config DIR writes what nodes need to find their images here")
            }
        }
    }
}
