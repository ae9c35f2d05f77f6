//! `carrack export --volume-size`: a set on several drives, each of which imports alone.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::consignment::is_failed;
use super::export::{self, Gathering, Options, Told, gather, open};
use super::lock::Locked;
use super::order::Order;
use super::{Ending, Error, World, charts, images};
use crate::bundle::{Bundle, Volume, Writer, is_bundle};
use crate::chartrepo;
use crate::digest::Digest;
use crate::observe::{Event, Observer};
use crate::registry::Client;
use crate::transfer::{self, Item, Manifests, Packing, Plan, Row, RowOutcome, Shelf, Source, State, Wanted};
use crate::trust::Violation;

/// How a set is split.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// Bytes that a volume holds.
    pub size: u64,
    /// Write only this one, counted from 1, and not into a folder of its own.
    pub only: Option<usize>,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The name of the set, the same on all its volumes.
    pub set: String,
    /// Every volume there is, also those that this run did not write.
    pub volumes: Vec<VolumeReport>,
    /// References that could not be resolved, and are on no volume.
    pub rows: Vec<Row>,
    /// What the policy forbids by its name, and is on no volume.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// What is no failure and still worth saying.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The lock file, and what changed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<Locked>,
    /// What became of the charts that go along, on every volume.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<chartrepo::Row>,
    /// Charts and files that could not be looked into: their images are on no volume.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<images::Failure>,
}

/// One volume.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeReport {
    /// Its number, counted from 1.
    pub number: usize,
    /// How many references it holds.
    pub references: usize,
    /// Bytes that it needs.
    pub bytes: u64,
    /// What was written, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Box<export::Report>>,
}

/// Resolves the whole set once, packs it, and writes the volumes one after the other.
pub async fn run(
    options: &Options,
    split: &Split,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    check_place(&options.to, split)?;
    let manifests = Manifests::default();
    let source = Source::registries(client.clone(), options.pull_sources.clone());
    let first = if options.dry_run {
        None
    } else {
        let folder = folder(&options.to, split, split.only.unwrap_or(1));
        Some(open_volume(&folder, split.only.unwrap_or(1), options)?)
    };
    let shelf = first.as_ref().map(|writer| writer.charts()).transpose()?;
    let mut order = Order::of(options, shelf, &source, world, observer).await?;
    let source = source.beside(std::mem::take(&mut order.on_disk));
    let violations = export::forbid(options.policy.as_deref(), &mut order.wanted);
    observer.on(&Event::Phase {
        name: "resolving".to_owned(),
    });
    let plan = transfer::plan(
        std::mem::take(&mut order.wanted),
        &source,
        &Shelf::in_memory(manifests.clone()),
        &order.choice,
        world.jobs * transfer::SMALL_EACH,
        &**observer,
        &world.cancel,
    )
    .await?;
    let charts = first.as_ref().map_or(Ok(0), |writer| chart_bytes(writer))?;
    let packing = pack(&plan, split.size, charts)?;
    let set = set_name(&plan);
    if let Some(only) = split.only
        && only > packing.volumes.len()
    {
        let problem = format!(
            "there is no volume {only}: the set needs {}",
            packing.volumes.len()
        );
        return Err(Error::Usage { problem });
    }
    let mut report = Report {
        volumes: described(&packing),
        rows: failed_rows(&plan),
        violations,
        notes: std::mem::take(&mut order.notes),
        locked: None,
        charts: std::mem::take(&mut order.charts),
        failures: std::mem::take(&mut order.failures),
        set,
    };
    report
        .notes
        .extend(notes(&plan, options, split, packing.volumes.len()));
    if options.dry_run {
        return Ok(report);
    }
    let is_complete = report.failures.is_empty() && !report.charts.iter().any(is_failed);
    let source = source.remembering(manifests);
    let mut shared_charts: Option<Bundle> = None;
    let mut opened = first;
    for (at, items) in packing.volumes.iter().enumerate() {
        let number = at + 1;
        if split.only.is_some_and(|only| only != number) {
            continue;
        }
        let to = folder(&options.to, split, number);
        let writer = match opened.take() {
            Some(writer) => writer,
            None => open_volume(&to, number, options)?,
        };
        options.furnish(&writer)?;
        match &shared_charts {
            Some(bundle) => copy_charts(bundle, &writer).await?,
            None => shared_charts = Some(writer.bundle().clone()),
        }
        let volume = Volume {
            number: number as u64,
            of: packing.volumes.len() as u64,
            set: report.set.clone(),
        };
        let gathering = Gathering {
            wanted: items
                .iter()
                .filter_map(|item| pinned(plan.items.get(*item)?))
                .collect(),
            to,
            writer: Some(writer),
            choice: order.choice.clone(),
            told: Told::default(),
            config: options.config,
            policy: options.policy.clone(),
            read_back: options.read_back,
            volume: Some(volume),
            // What an earlier packing put here may be on another volume now, unless something has failed: that may have
            // been here.
            prune: is_complete && report.rows.is_empty(),
        };
        let written = gather(gathering, &source, world, observer).await?;
        if let Some(volume) = report.volumes.get_mut(at) {
            volume.written = Some(Box::new(written));
        }
    }
    // Also what is on other volumes: whoever writes those later must find the same set.
    let resolved = plan.items.iter().filter_map(|item| match &item.state {
        State::Resolved { root, .. } => Some((item.key.clone(), root.digest)),
        State::Failed(_) => None,
    });
    report.locked = order.lock.update(resolved, is_complete)?;
    Ok(report)
}

/// A volume that is written alone belongs to the others only if those are cut from the same digests, and each run asks anew
/// what tags are now.
fn notes(plan: &Plan, options: &Options, split: &Split, volumes: usize) -> Vec<String> {
    let floats = |item: &Item| item.key.digest().is_none();
    let is_alone = split.only.is_some() && volumes > 1;
    let is_pinned = options.lock.is_some() && !options.refresh;
    if !is_alone || is_pinned || !plan.items.iter().any(floats) {
        return Vec::new();
    }
    let way = match options.lock {
        Some(_) => "write the other volumes with the same --lock FILE and without --refresh",
        None => "write every volume with the same --lock FILE, or all of them in one run",
    };
    let set = set_name(plan);
    vec![format!(
        "this volume is cut from what its tags are now (set {set}), and one that moves before the next volume is written cuts another set, in which images may be missing: {way}"
    )]
}

/// Opens the place of a volume, unless it holds something else, which would be taken out of it: a drive that was not
/// changed, or a bundle that is no volume.
fn open_volume(path: &Path, number: usize, options: &Options) -> Result<Arc<Writer>, Error> {
    let writer = open(path, &options.holder, options.largest_file, options.rehash)?;
    let Some(before) = writer.before() else {
        return Ok(writer);
    };
    let problem = match &before.volume {
        Some(volume) if volume.number == number as u64 => return Ok(writer),
        Some(volume) => format!(
            "{} holds volume {} of {}, and this is volume {number}, which would take its place: put in another drive, or name another folder",
            path.display(),
            volume.number,
            volume.of
        ),
        None => format!(
            "{} holds a bundle that is no volume, with {}, which would be taken out: name another folder",
            path.display(),
            super::count(before.references.len() as u64, "reference")
        ),
    };
    if let Some(writer) = Arc::into_inner(writer) {
        writer.leave()?;
    }
    Err(Error::Usage { problem })
}

/// Volumes have folders of their own, and in a bundle those would be files that nobody knows.
fn check_place(to: &Path, split: &Split) -> Result<(), Error> {
    if split.only.is_some() || !is_bundle(to) {
        return Ok(());
    }
    Err(Error::Usage {
        problem: format!(
            "{} is a bundle, and volumes would get folders inside it: name another folder, or say with --volume K which volume it is",
            to.display()
        ),
    })
}

/// Where a volume lies.
fn folder(to: &Path, split: &Split, number: usize) -> PathBuf {
    match split.only {
        Some(_) => to.to_path_buf(),
        None => to.join(format!("volume-{number}")),
    }
}

fn pack(plan: &Plan, size: u64, charts: u64) -> Result<Packing, Error> {
    /// Room for index, inventory and sums, in bytes.
    const MARGIN: u64 = 256 << 10;
    let packing = transfer::pack(plan, size, charts + MARGIN);
    match packing.too_large.first() {
        None => Ok(packing),
        Some((number, bytes)) => Err(transfer::Error::TooLargeForVolume {
            reference: plan
                .items
                .get(*number)
                .map(|i| i.key.to_string())
                .unwrap_or_default(),
            bytes: *bytes + charts + MARGIN,
            size,
            others: packing.too_large.len() - 1,
        }
        .into()),
    }
}

/// A name that follows from what the set holds.
fn set_name(plan: &Plan) -> String {
    let mut text = String::new();
    for item in &plan.items {
        if let State::Resolved { root, .. } = &item.state {
            let _ = writeln!(text, "{} {}", item.key, root.digest);
        }
    }
    Digest::sha256(text.as_bytes()).hex().chars().take(32).collect()
}

fn described(packing: &Packing) -> Vec<VolumeReport> {
    let volumes = packing.volumes.iter().zip(&packing.bytes).enumerate();
    let described = volumes.map(|(at, (items, bytes))| VolumeReport {
        number: at + 1,
        references: items.len(),
        bytes: *bytes,
        written: None,
    });
    described.collect()
}

fn failed_rows(plan: &Plan) -> Vec<Row> {
    let failed = plan.items.iter().filter_map(|item| match &item.state {
        State::Failed(error) => Some(Row {
            reference: item.key.clone(),
            outcome: RowOutcome::Failed { error: error.clone() },
            digest: None,
            moved_from: None,
            referrers: 0,
        }),
        State::Resolved { .. } => None,
    });
    failed.collect()
}

/// An item as it was resolved: the tag may move before its volume is written.
fn pinned(item: &Item) -> Option<Wanted> {
    match &item.state {
        State::Resolved { root, .. } => Some(Wanted {
            reference: item.key.clone(),
            pinned: Some(root.digest),
            provenance: item.provenance.clone(),
        }),
        State::Failed(_) => None,
    }
}

fn chart_bytes(writer: &Writer) -> Result<u64, Error> {
    Ok(writer.bundle().chart_files()?.iter().map(|file| file.size).sum())
}

async fn copy_charts(from: &Bundle, to: &Writer) -> Result<(), Error> {
    let (shelf, bundle) = (to.charts()?, from.clone());
    let copied = tokio::task::spawn_blocking(move || charts::copy(&bundle, &shelf)).await;
    copied.map_err(|_| Error::Crashed)??;
    Ok(())
}

impl Report {
    /// Every reference of this run.
    fn all_rows(&self) -> impl Iterator<Item = &Row> {
        let written = self.volumes.iter().filter_map(|v| v.written.as_ref());
        written.flat_map(|w| &w.fetched.rows).chain(&self.rows)
    }

    /// Whether the policy refused something.
    fn is_refused(&self) -> bool {
        let written = self.volumes.iter().filter_map(|v| v.written.as_ref());
        let mut vetted = written.filter_map(|written| written.policy.as_ref());
        !self.violations.is_empty() || vetted.any(|vetted| !vetted.violations.is_empty())
    }
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        let failed = self.all_rows().any(Row::is_failed) || self.charts.iter().any(is_failed);
        if self.is_refused() {
            Ending::NotVerified
        } else if failed || !self.failures.is_empty() {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            if let RowOutcome::Failed { error } = &row.outcome {
                writeln!(f, "failed: {}: {error}", row.reference)?;
            }
        }
        for violation in &self.violations {
            writeln!(f, "refused: {violation}")?;
        }
        for failure in &self.failures {
            writeln!(f, "failed: {}: {}", failure.subject, failure.reason)?;
        }
        let of = self.volumes.len();
        for volume in &self.volumes {
            let (number, size) = (volume.number, super::size(volume.bytes));
            write!(
                f,
                "volume {number} of {of}: {} references, {size}",
                volume.references
            )?;
            if let Some(written) = &volume.written {
                write!(f, "\n{written}")?;
            }
            if number < of {
                writeln!(f)?;
            }
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        if let Some(locked) = &self.locked {
            write!(f, "\n{locked}")?;
        }
        Ok(())
    }
}
