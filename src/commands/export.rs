//! `carrack export`: from registries into a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::consignment::{Asked, is_failed};
use super::lock::Locked;
use super::order::Order;
use super::vetting::{Policed, Vetted};
use super::{Ending, Error, World, images, sign};
use crate::bundle::{self, Closing, Finished, Inventory, Pruned, Volume, Writer};
use crate::chartrepo;
use crate::digest::Digest;
use crate::mirrors::PullSources;
use crate::observe::{Event, Observer, Outcome};
use crate::reference::{Reference, Repository};
use crate::registry::Client;
use crate::transfer::{
    self, Choice, Companions, Demand, Fetched, Preflight, Row, RowOutcome, Shard, Shelf, Source, State,
    Wanted,
};
use crate::trust::Violation;

/// A program with everything in it is smaller.
const PROGRAM_CAP: u64 = 256 << 20;

/// What is carried, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is carried: one set of things for each way in which images are looked for.
    pub asked: Vec<Asked>,
    /// Where references are pulled from, if not from the hosts that they name.
    pub pull_sources: PullSources,
    /// The bundle's folder.
    pub to: PathBuf,
    /// What of each image is carried.
    pub choice: Choice,
    /// The digest of the configuration that the references were chosen by.
    pub config: Option<Digest>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Take out of the bundle what is not asked for any more, once all that is asked for has come.
    pub prune: bool,
    /// Read what was written again, past the page cache, before the drive is called safe.
    pub read_back: bool,
    /// Receipts of a target, or bundles that carry some: what they prove to be there is left out.
    pub have: Vec<PathBuf>,
    /// Carry only this share of the references.
    pub shard: Option<Shard>,
    /// Store blobs of more bytes as parts.
    pub largest_file: Option<u64>,
    /// The file that says what references resolved to, and is brought up to date.
    pub lock: Option<PathBuf>,
    /// Ask registries again for what the lock pins.
    pub refresh: bool,
    /// A program that goes along, for the side that has only the drive.
    pub program: Option<Program>,
    /// What is asked of images.
    pub policy: Option<Arc<Policed>>,
    /// The key that the inventory is signed with at the end, as `carrack sign` takes it.
    pub sign_with: Option<PathBuf>,
    /// Who runs this, for a second run that finds the bundle locked.
    pub holder: String,
}

/// A program for the other side.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// What it runs on: `linux-x86_64`.
    pub platform: String,
}

/// References and the bundle that they are brought into.
pub(super) struct Gathering {
    pub(super) wanted: Vec<Wanted>,
    pub(super) to: PathBuf,
    /// The bundle, open for writing; none if nothing shall be written.
    pub(super) writer: Option<Arc<Writer>>,
    pub(super) choice: Choice,
    pub(super) told: Told,
    pub(super) config: Option<Digest>,
    pub(super) policy: Option<Arc<Policed>>,
    pub(super) read_back: bool,
    /// Which part of a larger set this is.
    pub(super) volume: Option<Volume>,
    /// Take out what is not wanted any more, if all that is wanted has come.
    pub(super) prune: bool,
}

/// What another bundle knows of signatures, attestations and SBOMs, and hands on with its content.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    asked: BTreeMap<Repository, BTreeSet<Digest>>,
    left_out: BTreeSet<Reference>,
}

impl Told {
    pub(super) fn by(inventory: Option<&Inventory>) -> Self {
        let referrers = inventory.iter().flat_map(|i| &i.referrers);
        let references = inventory.iter().flat_map(|i| &i.references);
        Self {
            asked: referrers
                .map(|(repository, of)| (repository.clone(), of.keys().copied().collect()))
                .collect(),
            left_out: references
                .filter(|(_, record)| record.referrers_left_out)
                .map(|(reference, _)| reference.clone())
                .collect(),
        }
    }
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
    /// What the run would need, if it is a dry one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preflight: Option<Preflight>,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub fetched: Fetched,
    /// The bundle's name and the number of this run, if one was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Content that was left out on purpose.
    pub left_out: u64,
    /// What was removed because nothing needs it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Pruned>,
    /// The lock file, and what changed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<Locked>,
    /// What became of the charts that go along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<chartrepo::Row>,
    /// Charts and files that could not be looked into: their images are missing from the bundle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<images::Failure>,
    /// What the policy found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Vetted>,
    /// The signature of the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<sign::Report>,
}

/// Brings everything that is asked for into the bundle. What fails is a row; the rest arrives.
pub async fn run(
    options: &Options,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let writer = if options.dry_run {
        None
    } else {
        Some(open(&options.to, &options.holder, options.largest_file).await?)
    };
    if let Some(writer) = &writer {
        options.furnish(writer)?;
    }
    let shelf = writer.as_ref().map(|writer| writer.charts()).transpose()?;
    let source = Source::registries(client.clone(), options.pull_sources.clone());
    let mut order = Order::of(options, shelf, &source, world, observer).await?;
    let source = source.beside(std::mem::take(&mut order.on_disk));
    let forbidden = forbid(options.policy.as_deref(), &mut order.wanted);
    let gathering = Gathering {
        wanted: order.wanted,
        to: options.to.clone(),
        writer,
        choice: order.choice,
        told: Told::default(),
        config: options.config,
        policy: options.policy.clone(),
        read_back: options.read_back,
        volume: None,
        prune: options.prune && order.failures.is_empty() && !order.charts.iter().any(is_failed),
    };
    let mut report = gather(gathering, &source, world, observer).await?;
    if options.policy.is_some() {
        report.policy.get_or_insert_default().violations.extend(forbidden);
    }
    if let Some(key) = options.sign_with.as_ref().filter(|_| !options.dry_run) {
        let options = sign::Options {
            bundle: options.to.clone(),
            key: key.clone(),
            holder: options.holder.clone(),
        };
        let signed = tokio::task::spawn_blocking(move || sign::run(&options)).await;
        report.signature = Some(signed.map_err(|_| Error::Crashed)??);
    }
    Ok(Report {
        locked: if options.dry_run {
            None
        } else {
            order.lock.update(&report.fetched.rows)?
        },
        charts: order.charts,
        failures: order.failures,
        ..report
    })
}

impl Options {
    /// Puts into a new bundle what goes along whatever is carried.
    pub(super) fn furnish(&self, writer: &Writer) -> Result<(), Error> {
        if let Some(program) = &self.program {
            writer.put_program(&program.platform, &program.read()?)?;
        }
        Ok(())
    }
}

impl Program {
    /// The program's bytes, if it runs where nothing is installed.
    fn read(&self) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::Read {
            path: self.path.clone(),
            source,
        };
        let mut bytes = Vec::new();
        let mut file = std::fs::File::open(&self.path)
            .map_err(failed)?
            .take(PROGRAM_CAP + 1);
        file.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > PROGRAM_CAP {
            return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        Ok(bytes)
    }
}

/// Takes out what a policy forbids by its name alone, before a registry is asked for it.
pub(super) fn forbid(policy: Option<&Policed>, wanted: &mut Vec<Wanted>) -> Vec<Violation> {
    let mut forbidden = Vec::new();
    if let Some(policy) = policy {
        wanted.retain(|one| {
            let broken = policy.check_name(&one.reference);
            let passes = broken.is_empty();
            forbidden.extend(broken);
            passes
        });
    }
    forbidden
}

/// Opens the bundle for writing, on a thread that may wait for the disk.
pub(super) async fn open(path: &Path, holder: &str, largest_file: Option<u64>) -> Result<Arc<Writer>, Error> {
    let (path, holder) = (path.to_path_buf(), holder.to_owned());
    let opened = tokio::task::spawn_blocking(move || Writer::open(&path, &holder)).await;
    let writer = opened.map_err(|_| Error::Crashed)??;
    Ok(Arc::new(writer.with_largest_file(largest_file)))
}

/// Brings the references from any source: `import --to dir:` brings one bundle into another.
pub(super) async fn gather(
    gathering: Gathering,
    source: &Source,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let Gathering {
        wanted,
        to,
        writer,
        choice,
        told,
        config,
        policy,
        read_back,
        volume,
        prune,
    } = gathering;
    observer.on(&Event::Phase {
        name: "resolving".to_owned(),
    });
    let shelf = match &writer {
        Some(writer) => Shelf::writing(Arc::clone(writer)),
        None => Shelf::looking_at(&to)?,
    };
    let plan = transfer::plan(
        wanted,
        source,
        &shelf,
        &choice,
        // Manifests are small: more of them at once hide a slow line's latency.
        world.jobs * 2,
        &**observer,
        &world.cancel,
    )
    .await?;
    let preflight = transfer::check_space(&plan, &shelf)?;
    drop(shelf);
    let left_out = plan.absent.len() as u64;
    let Some(writer) = writer else {
        return Ok(Report {
            bundle: to,
            dry_run: true,
            preflight: Some(preflight),
            fetched: planned(&plan),
            sequence: None,
            left_out,
            pruned: None,
            locked: None,
            charts: Vec::new(),
            failures: Vec::new(),
            policy: None,
            signature: None,
        });
    };
    observer.on(&Event::Phase {
        name: "copying".to_owned(),
    });
    let mut closing = Closing {
        now: world.clock.now(),
        config,
        provenance: plan
            .items
            .iter()
            .map(|i| (i.key.clone(), i.provenance.clone()))
            .collect::<BTreeMap<_, _>>(),
        absent: plan.absent.clone(),
        volume,
        prune: false,
        asked: told.asked,
        referrers_left_out: match choice.referrers {
            Companions::Named => told.left_out,
            Companions::LeftOut => plan.items.iter().map(|i| i.key.clone()).collect(),
            Companions::Sought => BTreeSet::new(),
        },
        signed_by: BTreeMap::new(),
    };
    let asked = plan.items.iter().map(transfer::Item::asked).collect::<Vec<_>>();
    let attached = plan.items.iter().flat_map(|item| item.state.attached().keys());
    let companions: BTreeSet<Reference> = attached.cloned().collect();
    let moved: Vec<Digest> = plan.blobs.iter().map(|b| b.descriptor.digest).collect();
    let fetched = transfer::fetch(plan, source, &writer, world.jobs, observer, &world.cancel).await;
    let (fetched, fatal) = match fetched {
        Ok(fetched) => (fetched, None),
        Err((fetched, error)) => (fetched, Some(error)),
    };
    let mut vetted = None;
    let mut fetched = fetched;
    if let (Some(policy), None) = (policy, &fatal) {
        let found = vet(policy, &writer, &fetched, world).await?;
        withdraw(&found, &writer, &mut fetched);
        closing.signed_by.clone_from(&found.signed);
        vetted = Some(found);
    }
    observer.on(&Event::Phase {
        name: "writing the inventory".to_owned(),
    });
    // Who was told of a signature that did not come must ask again.
    for (row, asked) in fetched.rows.iter().zip(asked).filter(|(row, _)| !row.is_failed()) {
        let repository = row.reference.repository().clone();
        closing.asked.entry(repository).or_default().extend(asked);
    }
    if prune && fatal.is_none() && !fetched.rows.iter().any(Row::is_failed) {
        closing.prune = true;
        let mut asked: BTreeSet<&Reference> = fetched.rows.iter().map(|row| &row.reference).collect();
        asked.extend(&companions);
        for reference in writer
            .entries()
            .keys()
            .filter(|reference| !asked.contains(reference))
        {
            writer.remove(reference);
        }
    }
    let make_room = fatal.as_ref().is_some_and(|e| e.fault().is_some());
    let read_back = read_back && fatal.is_none();
    let finished =
        tokio::task::spawn_blocking(move || finish(writer, &closing, make_room, read_back, &moved))
            .await
            .map_err(|_| Error::Interrupted)?;
    match (fatal, finished) {
        (Some(transfer::Error::Cancelled), _) => Err(Error::Interrupted),
        (Some(error), _) => Err(error.into()),
        (None, Err(error)) => Err(error.into()),
        (None, Ok((inventory, pruned))) => {
            observer.on(&Event::Identified(bundle::identity(&inventory)));
            Ok(Report {
                bundle: to,
                dry_run: false,
                preflight: None,
                fetched,
                sequence: Some(inventory.sequence),
                left_out,
                pruned,
                locked: None,
                charts: Vec::new(),
                failures: Vec::new(),
                policy: vetted,
                signature: None,
            })
        }
    }
}

/// Checks what has come against the policy, before it becomes visible.
async fn vet(
    policy: Arc<Policed>,
    writer: &Writer,
    fetched: &Fetched,
    world: &World,
) -> Result<Vetted, Error> {
    let came = fetched.rows.iter().filter(|row| !row.is_failed());
    let references: Vec<Reference> = came.map(|row| row.reference.clone()).collect();
    let (bundle, now) = (writer.preview(), world.clock.now());
    let vetted = tokio::task::spawn_blocking(move || policy.vet(&bundle, &references, now)).await;
    vetted.map_err(|_| Error::Crashed)?
}

/// What a policy refuses is in no index, though its blobs have come.
fn withdraw(vetted: &Vetted, writer: &Writer, fetched: &mut Fetched) {
    let refusals = vetted.refusals();
    for row in &mut fetched.rows {
        if let Some(why) = refusals.get(&row.reference) {
            writer.remove(&row.reference);
            row.outcome = RowOutcome::Failed { error: why.clone() };
        }
    }
}

/// Makes what has come visible and durable, and reads it back.
fn finish(
    writer: Arc<Writer>,
    closing: &Closing,
    make_room: bool,
    read_back: bool,
    moved: &[Digest],
) -> Result<(Inventory, Option<Pruned>), bundle::Error> {
    let bundle = writer.bundle().clone();
    if make_room {
        // The drive is full or ill: pieces of blobs make room for the index of those that are whole.
        writer.drop_partial()?;
    }
    let Some(writer) = Arc::into_inner(writer) else {
        // Someone still writes, so that nothing may be called finished.
        return Err(bundle::Error::StillWriting {
            path: bundle.path().to_path_buf(),
        });
    };
    let Finished { inventory, pruned } = writer.finish(closing)?;
    if read_back {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        bundle::read_back(&bundle, moved, threads)?;
    }
    Ok((inventory, pruned))
}

/// The rows of a dry run.
fn planned(plan: &transfer::Plan) -> Fetched {
    let rows = plan.items.iter().map(|item| {
        let (outcome, digest) = match &item.state {
            State::Failed(error) => (RowOutcome::Failed { error: error.clone() }, None),
            State::Resolved { root, .. } => (RowOutcome::Planned, Some(root.digest)),
        };
        Row {
            reference: item.key.clone(),
            outcome,
            digest,
            moved_from: None,
            referrers: item.state.attached().len(),
        }
    });
    Fetched {
        rows: rows.collect(),
        plan: plan.totals(),
        blobs: 0,
        bytes: 0,
    }
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        let all_came = !self.fetched.rows.iter().any(Row::is_failed) && !self.charts.iter().any(is_failed);
        if self
            .policy
            .as_ref()
            .is_some_and(|vetted| !vetted.violations.is_empty())
        {
            Ending::NotVerified
        } else if !all_came || !self.failures.is_empty() {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(f)?;
        let bundle = self.bundle.display();
        if self.dry_run {
            f.write_str("\nnext: the same command without --dry-run")
        } else if super::Report::ending(self) == Ending::Done {
            write!(
                f,
                "\nnext: on the other side, carrack import --from {bundle} --to REGISTRY"
            )
        } else {
            f.write_str("\nnext: mend what failed and run the same command again; what arrived is kept")
        }
    }
}

impl Report {
    /// What failed, what moved, and the numbers of the run.
    pub(super) fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = &self.fetched.rows;
        for row in rows {
            match (&row.outcome, &row.moved_from) {
                (RowOutcome::Failed { error }, _) => writeln!(f, "failed: {}: {error}", row.reference)?,
                (_, Some(before)) => writeln!(f, "moved:  {}: it was {before}", row.reference)?,
                (RowOutcome::Planned, None) => writeln!(f, "would copy: {}", row.reference)?,
                (RowOutcome::Done | RowOutcome::Present, None) => {}
            }
        }
        for row in self.charts.iter().filter(|row| is_failed(row)) {
            if let Outcome::Failed(error) = &row.outcome {
                writeln!(f, "failed: chart {} {}: {error}", row.source, row.chart)?;
            }
        }
        for failure in &self.failures {
            writeln!(f, "failed: {}: {}", failure.subject, failure.reason)?;
        }
        let failed = rows.iter().filter(|r| r.is_failed()).count();
        let present = rows.iter().filter(|r| r.outcome == RowOutcome::Present).count();
        let referrers: usize = rows.iter().map(|r| r.referrers).sum();
        let totals = &self.fetched.plan;
        let bundle = self.bundle.display();
        if self.dry_run {
            write!(
                f,
                "{bundle}: {}, {} to copy with {}, the largest {}; {} with {} there already",
                super::count((rows.len() - failed) as u64, "reference"),
                super::count(totals.blobs, "blob"),
                super::size(totals.bytes),
                super::size(totals.largest),
                super::count(totals.blobs_present, "blob"),
                super::size(totals.bytes_present),
            )?;
            write_referrers(f, referrers)?;
            return self
                .preflight
                .iter()
                .try_for_each(|preflight| write_needs(f, preflight));
        }
        write!(
            f,
            "{bundle}: {} new, {present} there already, {failed} failed; {} with {} copied",
            super::count((rows.len() - failed - present) as u64, "reference"),
            super::count(self.fetched.blobs, "blob"),
            super::size(self.fetched.bytes),
        )?;
        write_referrers(f, referrers)?;
        if self.left_out > 0 {
            write!(f, "; {} left out on purpose", self.left_out)?;
        }
        let charts = self.charts.iter().filter(|row| !is_failed(row)).count();
        if charts > 0 {
            write!(f, "; {}", super::count(charts as u64, "chart"))?;
        }
        if let Some(pruned) = self.pruned {
            write!(f, "; {pruned}")?;
        }
        if let Some(locked) = &self.locked {
            write!(f, "\n{locked}")?;
        }
        if let Some(vetted) = &self.policy {
            write!(f, "\n{vetted}")?;
        }
        if let Some(signature) = &self.signature {
            write!(f, "\n{signature}")?;
        }
        Ok(())
    }
}

fn write_referrers(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    match count {
        0 => Ok(()),
        _ => write!(f, "; {count} signatures, attestations and SBOMs go along"),
    }
}

/// What a dry run says of registries and the drive, a line each.
fn write_needs(f: &mut fmt::Formatter<'_>, preflight: &Preflight) -> fmt::Result {
    for (host, Demand { pulls, blobs, bytes }) in &preflight.registries {
        write!(
            f,
            "\n{host}: {pulls} pulls, {blobs} blobs with {}",
            super::size(*bytes)
        )?;
    }
    write!(f, "\nthe drive: {} free", super::size(preflight.free))?;
    if let Some(bytes) = preflight.largest_file {
        write!(
            f,
            ", files of at most {}; larger blobs are stored as parts",
            super::size(bytes)
        )?;
    }
    if let Some(most) = preflight.most_blobs {
        write!(f, ", at most {most} blobs")?;
    }
    Ok(())
}
