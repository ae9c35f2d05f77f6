//! References brought from any source into a bundle: planned, fetched, vetted, made visible, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::vetting::{Policed, Vetted};
use super::super::{Error, World};
use super::Report;
use crate::bundle::{self, Closing, Finished, Inventory, Volume, Writer};
use crate::digest::Digest;
use crate::observe::{Event, Observer};
use crate::reference::{Reference, Repository};
use crate::transfer::{self, Choice, Companions, Fetched, Row, RowOutcome, Shelf, Source, State, Wanted};

/// References and the bundle that they are brought into.
pub(in crate::commands) struct Gathering {
    pub(in crate::commands) wanted: Vec<Wanted>,
    pub(in crate::commands) to: PathBuf,
    /// The bundle, open for writing; none if nothing shall be written.
    pub(in crate::commands) writer: Option<Arc<Writer>>,
    pub(in crate::commands) choice: Choice,
    pub(in crate::commands) told: Told,
    pub(in crate::commands) config: Option<Digest>,
    pub(in crate::commands) policy: Option<Arc<Policed>>,
    pub(in crate::commands) read_back: bool,
    /// Which part of a larger set this is.
    pub(in crate::commands) volume: Option<Volume>,
    /// Take out what is not wanted any more, if all that is wanted has come.
    pub(in crate::commands) prune: bool,
}

/// What another bundle knows of signatures, attestations and SBOMs, and hands on with its content.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Told {
    asked: BTreeMap<Repository, Vec<Digest>>,
    left_out: BTreeSet<Reference>,
}

impl Told {
    pub(in crate::commands) fn by(inventory: Option<&Inventory>) -> Self {
        let referrers = inventory.iter().flat_map(|i| &i.referrers);
        let references = inventory.iter().flat_map(|i| &i.references);
        Self {
            asked: referrers
                .map(|(repository, of)| (repository.clone(), of.digests().copied().collect()))
                .collect(),
            left_out: references
                .filter(|(_, record)| record.referrers_left_out)
                .map(|(reference, _)| reference.clone())
                .collect(),
        }
    }
}

/// Opens the bundle for writing.
///
/// On this thread, though it may wait for the disk: nothing else goes on yet, and what was read stays for the whole run. Each
/// thread has a heap of its own, and another one's would keep what reading took beside.
pub(in crate::commands) fn open(
    path: &Path,
    holder: &str,
    largest_file: Option<u64>,
    rehash: bool,
) -> Result<Arc<Writer>, Error> {
    let writer = Writer::open(path, holder)?;
    let writer = writer.with_largest_file(largest_file);
    Ok(Arc::new(writer.hashing_all(rehash)))
}

/// A volume whose images are brought again, as `verify` asks for, stays that volume.
fn same_volume(writer: &Writer, plan: &transfer::Plan) -> Option<Volume> {
    let before = writer.before()?;
    let are_known = plan
        .items
        .iter()
        .all(|item| before.references.contains_key(&item.key));
    before.volume.clone().filter(|_| are_known)
}

/// Brings the references from any source: `import --to dir:` brings one bundle into another.
pub(in crate::commands) async fn gather(
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
    let mut plan = transfer::plan(
        wanted,
        source,
        &shelf,
        &choice,
        // Manifests are small: more of them at once hide a slow line's latency.
        world.jobs * transfer::SMALL_EACH,
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
            notes: Vec::new(),
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
            .iter_mut()
            .map(|item| (item.key.clone(), std::mem::take(&mut item.provenance)))
            .collect(),
        absent: std::mem::take(&mut plan.absent),
        volume: volume.or_else(|| same_volume(&writer, &plan)),
        prune: false,
        asked: told.asked,
        referrers_left_out: match choice.referrers {
            Companions::Named => told.left_out,
            Companions::LeftOut => plan.items.iter().map(|i| i.key.clone()).collect(),
            Companions::Sought => BTreeSet::new(),
        },
        signed_by: BTreeMap::new(),
    };
    let asked: Vec<Vec<Digest>> = plan.items.iter_mut().map(transfer::Item::take_asked).collect();
    let attached = plan.items.iter().flat_map(|item| item.state.attached().keys());
    let companions: BTreeSet<Reference> = attached.cloned().collect();
    if read_back {
        writer.read_back_on_the_way(readers());
    }
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
        let entries = writer.entries();
        let all = entries.as_map().keys();
        for reference in all.filter(|reference| !asked.contains(reference)) {
            writer.remove(reference);
        }
    }
    let make_room = fatal.as_ref().is_some_and(|e| e.fault().is_some());
    let read_back = read_back && fatal.is_none();
    let finished = tokio::task::spawn_blocking(move || finish(writer, closing, make_room, read_back))
        .await
        .map_err(|_| Error::Interrupted)?;
    match (fatal, finished) {
        (Some(transfer::Error::Cancelled), _) => Err(Error::Interrupted),
        (Some(error), _) => Err(error.into()),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(Finished { identity, pruned })) => {
            let sequence = identity.sequence;
            observer.on(&Event::Identified(identity));
            Ok(Report {
                bundle: to,
                dry_run: false,
                preflight: None,
                fetched,
                sequence: Some(sequence),
                left_out,
                pruned,
                locked: None,
                charts: Vec::new(),
                failures: Vec::new(),
                notes: Vec::new(),
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

/// Reads back what has come, and makes it visible and durable.
fn finish(
    writer: Arc<Writer>,
    closing: Closing,
    make_room: bool,
    read_back: bool,
) -> Result<Finished, bundle::Error> {
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
    if read_back {
        writer.read_back(readers())?;
    }
    writer.finish(closing)
}

/// How many threads read back: twice as many as there are processors, so that one hashes while another waits for the drive.
fn readers() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2
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
