//! `carrack export`: from registries into a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::consignment::{self, Asked, Consignment, is_failed};
use super::{Ending, Error, World, images};
use crate::bundle::{self, Bundle, Closing, Receipt, Writer};
use crate::chartrepo;
use crate::digest::Digest;
use crate::mirrors::PullSources;
use crate::observe::{Event, Observer, Outcome};
use crate::registry::Client;
use crate::transfer::{self, Choice, Fetched, Row, RowOutcome, Shard, Shelf, Source, State, Wanted};

/// What is carried, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is carried.
    pub asked: Asked,
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
    /// Read what was written again, past the page cache, before the drive is called safe.
    pub read_back: bool,
    /// Receipts of a target, or bundles that carry some: what they prove to be there is left out.
    pub have: Vec<PathBuf>,
    /// Carry only this share of the references.
    pub shard: Option<Shard>,
    /// Store blobs of more bytes as parts.
    pub largest_file: Option<u64>,
    /// Who runs this, for a second run that finds the bundle locked.
    pub holder: String,
}

/// References and the bundle that they are brought into.
pub(super) struct Gathering {
    pub(super) wanted: Vec<Wanted>,
    pub(super) to: PathBuf,
    /// The bundle, open for writing; none if nothing shall be written.
    pub(super) writer: Option<Arc<Writer>>,
    pub(super) choice: Choice,
    pub(super) config: Option<Digest>,
    pub(super) read_back: bool,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub fetched: Fetched,
    /// The bundle's name and the number of this run, if one was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Content that was left out on purpose.
    pub left_out: u64,
    /// What became of the charts that go along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<chartrepo::Row>,
    /// Charts and files that could not be looked into: their images are missing from the bundle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<images::Failure>,
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
    observer.on(&Event::Phase {
        name: "looking into charts".to_owned(),
    });
    let shelf = writer.as_ref().map(|writer| writer.charts()).transpose()?;
    let choice = Choice {
        have: receipts(&options.have)?,
        ..options.choice.clone()
    };
    let Consignment {
        mut wanted,
        charts,
        failures,
    } = consignment::gather(&options.asked, shelf, world, observer).await?;
    wanted.retain(|w| options.shard.is_none_or(|shard| shard.holds(&w.reference)));
    let source = Source::Registries(Arc::new(client.clone()), options.pull_sources.clone());
    let gathering = Gathering {
        wanted,
        to: options.to.clone(),
        writer,
        choice,
        config: options.config,
        read_back: options.read_back,
    };
    let report = gather(gathering, &source, world, observer).await?;
    Ok(Report {
        charts,
        failures,
        ..report
    })
}

/// Opens the bundle for writing, on a thread that may wait for the disk.
pub(super) async fn open(path: &Path, holder: &str, largest_file: Option<u64>) -> Result<Arc<Writer>, Error> {
    let (path, holder) = (path.to_path_buf(), holder.to_owned());
    let opened = tokio::task::spawn_blocking(move || Writer::open(&path, &holder)).await;
    let writer = opened.map_err(|_| Error::Crashed)??;
    Ok(Arc::new(writer.with_largest_file(largest_file)))
}

/// Every digest that these receipts prove. A folder is a bundle that carries receipts.
fn receipts(paths: &[PathBuf]) -> Result<BTreeSet<Digest>, Error> {
    let mut have = BTreeSet::new();
    for path in paths {
        let receipts = if path.is_dir() {
            Bundle::open(path)?.receipts()?
        } else {
            vec![Receipt::load(path)?]
        };
        if receipts.is_empty() {
            return Err(Error::Usage {
                problem: format!("{} carries no receipt of an import", path.display()),
            });
        }
        have.extend(receipts.into_iter().flat_map(|r| r.digests));
    }
    Ok(have)
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
        config,
        read_back,
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
    transfer::check_space(&plan, &shelf)?;
    drop(shelf);
    let left_out = plan.absent.len() as u64;
    let Some(writer) = writer else {
        return Ok(Report {
            bundle: to,
            dry_run: true,
            fetched: planned(&plan),
            sequence: None,
            left_out,
            charts: Vec::new(),
            failures: Vec::new(),
        });
    };
    observer.on(&Event::Phase {
        name: "copying".to_owned(),
    });
    let closing = Closing {
        now: world.clock.now(),
        config,
        provenance: plan
            .items
            .iter()
            .map(|i| (i.key.clone(), i.provenance.clone()))
            .collect::<BTreeMap<_, _>>(),
        absent: plan.absent.clone(),
    };
    let moved: Vec<Digest> = plan.blobs.iter().map(|b| b.descriptor.digest).collect();
    let fetched = transfer::fetch(plan, source, &writer, world.jobs, observer, &world.cancel).await;
    let (fetched, fatal) = match fetched {
        Ok(fetched) => (fetched, None),
        Err((fetched, error)) => (fetched, Some(error)),
    };
    observer.on(&Event::Phase {
        name: "writing the inventory".to_owned(),
    });
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
        (None, Ok(sequence)) => Ok(Report {
            bundle: to,
            dry_run: false,
            fetched,
            sequence: Some(sequence),
            left_out,
            charts: Vec::new(),
            failures: Vec::new(),
        }),
    }
}

/// Makes what has come visible and durable, and reads it back.
fn finish(
    writer: Arc<Writer>,
    closing: &Closing,
    make_room: bool,
    read_back: bool,
    moved: &[Digest],
) -> Result<u64, bundle::Error> {
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
    let inventory = writer.finish(closing)?;
    if read_back {
        bundle::read_back(&bundle, moved)?;
    }
    Ok(inventory.sequence)
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
        if !all_came || !self.failures.is_empty() {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        let totals = &self.fetched.plan;
        let bundle = self.bundle.display();
        if self.dry_run {
            return write!(
                f,
                "{bundle}: {} references, {} blobs to copy with {}, the largest {}; {} blobs with {} are there",
                rows.len() - failed,
                totals.blobs,
                super::size(totals.bytes),
                super::size(totals.largest),
                totals.blobs_present,
                super::size(totals.bytes_present),
            );
        }
        write!(
            f,
            "{bundle}: {} references new, {present} there already, {failed} failed; {} blobs with {} copied",
            rows.len() - failed - present,
            self.fetched.blobs,
            super::size(self.fetched.bytes),
        )?;
        if self.left_out > 0 {
            write!(f, "; {} left out on purpose", self.left_out)?;
        }
        let charts = self.charts.iter().filter(|row| !is_failed(row)).count();
        if charts > 0 {
            write!(f, "; {charts} charts")?;
        }
        Ok(())
    }
}
