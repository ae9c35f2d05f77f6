//! `carrack export --to docker://…`: from registries into another one, with nothing in between.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::export::Options;
use super::lock::{self, Locked};
use super::order::Order;
use super::{Ending, Error, World, images};
use crate::digest::Digest;
use crate::mirrors::{Limits, Mapping, Target, idle_rules};
use crate::observe::{Event, Observer};
use crate::reference::Reference;
use crate::registry::Client;
use crate::transfer::{self, Manifests, PushPlan, Pushed, Row, RowOutcome, Shelf, Source, State, Stock};

/// A registry that images are mirrored into.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The registry and the path on it.
    pub target: Target,
    /// Where each reference goes. Its rules are those of the command line.
    pub mapping: Mapping,
    /// What the registry takes.
    pub limits: Limits,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The target.
    pub target: Target,
    /// Whether nothing was sent on purpose.
    pub dry_run: bool,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub pushed: Pushed,
    /// Content that was left out on purpose.
    pub left_out: u64,
    /// The lock file, and what changed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<Locked>,
    /// What is no failure and still worth saying.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What could not be looked into or resolved: it is missing from the mirror.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<images::Failure>,
}

/// Mirrors everything that is asked for. What fails is a row; the rest arrives.
///
/// Bytes flow through and touch no disk: what the target has is not even read, and the target refuses what is not what
/// its digest says.
pub async fn run(
    options: &Options,
    mirror: &Mirror,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    let manifests = Manifests::default();
    let source = Source::registries(client.clone(), options.pull_sources.clone());
    let order = Order::of(options, None, &source, world, observer).await?;
    let source = source.beside(order.on_disk);
    let mut failures = order.failures;
    let is_complete = failures.is_empty();
    observer.on(&Event::Phase {
        name: "resolving".to_owned(),
    });
    let plan = transfer::plan(
        order.wanted,
        &source,
        &Shelf::in_memory(manifests.clone()),
        &order.choice,
        world.jobs * transfer::SMALL_EACH,
        &**observer,
        &world.cancel,
    )
    .await?;
    for item in &plan.items {
        if let State::Failed(reason) = &item.state {
            failures.push(images::Failure {
                subject: item.key.to_string(),
                reason: reason.clone(),
            });
        }
    }
    let asked = plan.items.iter().map(|item| item.key.repository());
    let mut notes = order.notes;
    notes.extend(idle_rules(mirror.mapping.rules(), asked, "this run"));
    let placed = mirror.mapping.plan(resolved(&plan), &mirror.limits)?;
    let left_out = plan.absent.len() as u64;
    let stock = Stock::resolved(&plan, source, manifests);
    let shipped = PushPlan::new(&stock, mirror.target.registry(), placed, &BTreeMap::new())?;
    let pushed = if options.dry_run {
        Pushed {
            rows: shipped.rows(),
            ..Pushed::default()
        }
    } else {
        observer.on(&Event::Phase {
            name: "sending".to_owned(),
        });
        transfer::push(shipped, &stock, client, world.jobs, observer, &world.cancel).await?
    };
    let rows: Vec<Row> = pushed.rows.iter().map(lock_row).collect();
    Ok(Report {
        target: mirror.target.clone(),
        dry_run: options.dry_run,
        locked: if options.dry_run {
            None
        } else {
            order.lock.update(lock::resolved(&rows), is_complete)?
        },
        pushed,
        left_out,
        notes,
        failures,
    })
}

/// Everything that is mirrored, each once: two tags of one image have the same signatures.
fn resolved(plan: &transfer::Plan) -> BTreeMap<&Reference, &Digest> {
    let mut resolved = BTreeMap::new();
    for item in &plan.items {
        if let State::Resolved { root, attached, .. } = &item.state {
            resolved.extend(
                attached
                    .iter()
                    .map(|(reference, about)| (reference, &about.digest)),
            );
            resolved.insert(&item.key, &root.digest);
        }
    }
    resolved
}

/// What a lock wants to know of a row.
fn lock_row(row: &transfer::PushedRow) -> Row {
    Row {
        reference: row.reference.clone(),
        outcome: row.outcome.clone(),
        digest: Some(row.digest),
        moved_from: None,
        referrers: 0,
    }
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        let failed = |row: &transfer::PushedRow| matches!(row.outcome, RowOutcome::Failed { .. });
        if self.pushed.rows.iter().any(failed) || !self.failures.is_empty() {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut failed, mut present) = (0, 0);
        for row in &self.pushed.rows {
            let (from, to): (&Reference, &str) = (&row.reference, &row.target);
            match &row.outcome {
                RowOutcome::Failed { error } => {
                    failed += 1;
                    writeln!(f, "failed: {from} → {to}: {error}")?;
                }
                RowOutcome::Planned => writeln!(f, "would mirror: {from} → {to}")?,
                RowOutcome::Present => present += 1,
                RowOutcome::Done => {}
            }
        }
        for failure in &self.failures {
            writeln!(f, "failed: {}: {}", failure.subject, failure.reason)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let (all, target) = (self.pushed.rows.len(), &self.target);
        let missing = failed + self.failures.len();
        if self.dry_run {
            return write!(f, "{target}: {} references, {missing} failed", all - failed);
        }
        write!(
            f,
            "{target}: {} references new, {present} there already, {missing} failed; {} blobs copied with {}, {} linked, {} there already",
            all - failed - present,
            self.pushed.uploaded,
            super::size(self.pushed.bytes),
            self.pushed.mounted,
            self.pushed.present,
        )?;
        if self.left_out > 0 {
            write!(f, "; {} left out on purpose", self.left_out)?;
        }
        if let Some(locked) = &self.locked {
            write!(f, "\n{locked}")?;
        }
        Ok(())
    }
}
