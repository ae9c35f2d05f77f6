//! An import into a registry: preflight, what the bundle is like, the pushes themselves, and the receipt.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::preflight::{self, Preflight, Projects};
use super::survey::Survey;
use super::{Asked, Checked, Imported, Options, damaged};
use crate::bundle::{self, Bundle, Inventory, Receipt, Verified};
use crate::causes::chain;
use crate::commands::admission::Admitted;
use crate::commands::vetting::Vetted;
use crate::commands::{Error, World};
use crate::mirrors::{Limits, Mapping, Placed, Target};
use crate::observe::{Event, Observer, Silent};
use crate::reference::Reference;
use crate::registry::Client;
use crate::transfer::{self, Inspection, PushPlan, Pushed, PushedRow, RowOutcome, Stock};

/// A registry and how names become places on it.
pub(super) struct Registry<'a> {
    pub(super) client: Client,
    pub(super) target: &'a Target,
    pub(super) mapping: &'a Mapping,
    pub(super) limits: &'a Limits,
    pub(super) projects: Projects,
}

/// Asks the target what it takes, and sends what is whole.
pub(super) async fn into_registry(
    options: &Options,
    Asked { bundle, chosen }: Asked<'_>,
    checked: Checked<'_>,
    registry: Registry<'_>,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Imported, Error> {
    let Checked {
        admitted,
        verified,
        vetted,
    } = checked;
    let entries = chosen
        .iter()
        .filter_map(|r| Some((r, &bundle.entries().get(r)?.digest)));
    let placed = registry.mapping.plan(entries, registry.limits)?;
    let mut notes = preflight::large_manifests(bundle, &placed);
    if !options.dry_run {
        let flight = Preflight {
            client: &registry.client,
            target: registry.target,
            placed: &placed,
            projects: registry.projects,
        };
        notes.extend(flight.check().await?);
    }
    let mut survey = Survey::of(bundle, admitted, verified, options.dry_run, world, observer).await?;
    admitted.forget_files();
    let mut broken = vetted.as_ref().map(Vetted::refusals).unwrap_or_default();
    broken.extend(damaged(&survey.verified));
    let inspection = (!survey.unread.is_empty()).then(Arc::<Inspection>::default);
    let stock = Stock::Bundle {
        bundle: bundle.clone(),
        inventory: admitted.inventory.clone(),
        inspection: inspection.clone(),
    };
    let tried = if options.dry_run {
        None
    } else {
        try_sparse(
            (bundle, admitted.inventory.as_deref()),
            &stock,
            &registry,
            &placed,
            &mut broken,
            world,
        )
        .await?
    };
    let plan = PushPlan::new(&stock, registry.target.registry(), placed, &broken)?;
    let mut imported = Imported {
        bundle: options.from.clone(),
        target: registry.target.clone(),
        dry_run: options.dry_run,
        verified: Verified::default(),
        policy: vetted,
        pushed: Pushed::default(),
        receipt: None,
        notes,
        unwritten: Vec::new(),
    };
    if options.dry_run {
        imported.pushed.rows = plan.rows();
        imported.verified = survey.verified;
        return Ok(imported);
    }
    plan.leave_others(&mut survey.unread);
    observer.on(&Event::Phase {
        name: "sending".to_owned(),
    });
    let client = &registry.client;
    imported.pushed = transfer::push(plan, &stock, client, world.jobs, observer, &world.cancel).await?;
    let unsound = inspection.map(|inspection| inspection.take_unsound());
    let unsound = unsound.unwrap_or_default();
    imported.verified = survey
        .complete(bundle, admitted, unsound, world, observer)
        .await?;
    if let Some(tried) = tried {
        tried.count_into(&mut imported.pushed);
    }
    let receipt = receipt(admitted, &registry, &mut imported.pushed, world);
    match write_receipt(options, bundle, receipt) {
        Ok(path) => imported.receipt = Some(path),
        Err(error) if options.receipt.is_some() => imported
            .unwritten
            .push(format!("the receipt was not written: {}", chain(&error))),
        // Everything has arrived; only the way back is missing.
        Err(error) => imported.notes.push(format!(
            "no receipt was left for the next export ({}): name a file with --receipt",
            chain(&error)
        )),
    }
    Ok(imported)
}

/// What went out before the rest, to see whether the target takes it.
struct Tried(Pushed);

impl Tried {
    /// Joins the numbers: for the rest of the run this content was there already.
    fn count_into(self, pushed: &mut Pushed) {
        pushed.uploaded += self.0.uploaded;
        pushed.mounted += self.0.mounted;
        pushed.bytes += self.0.bytes;
        pushed.present = pushed.present.saturating_sub(self.0.uploaded + self.0.mounted);
        for tried in self.0.rows {
            let same = |row: &&mut PushedRow| row.target == tried.target;
            if let Some(row) = pushed.rows.iter_mut().find(same) {
                row.outcome = tried.outcome;
            }
        }
    }
}

/// Sends the smallest image whose index names platforms that were left out. A registry that refuses such an index is
/// spared the bytes of the others: they fail with its words.
async fn try_sparse(
    (bundle, inventory): (&Bundle, Option<&Inventory>),
    stock: &Stock,
    registry: &Registry<'_>,
    placed: &[Placed],
    broken: &mut BTreeMap<Reference, String>,
    world: &World,
) -> Result<Option<Tried>, Error> {
    let sparse = preflight::sparse(bundle, inventory, placed);
    let host = registry.target.registry();
    let mut smallest: Option<(u64, PushPlan)> = None;
    for one in sparse
        .iter()
        .filter(|placed| !broken.contains_key(&placed.source))
    {
        let plan = PushPlan::new(stock, host, vec![(*one).clone()], broken)?;
        let (_, _, bytes) = plan.totals();
        if smallest.as_ref().is_none_or(|(least, _)| bytes < *least) {
            smallest = Some((bytes, plan));
        }
    }
    let Some((_, plan)) = smallest else {
        return Ok(None);
    };
    let silent: Arc<dyn Observer> = Arc::new(Silent);
    let client = &registry.client;
    let pushed = transfer::push(plan, stock, client, world.jobs, &silent, &world.cancel).await?;
    let refused = pushed.rows.iter().find_map(|row| match &row.outcome {
        RowOutcome::Failed { error } if preflight::is_refused_index(error) => Some(error.clone()),
        _ => None,
    });
    let Some(refused) = refused else {
        return Ok(Some(Tried(pushed)));
    };
    for placed in sparse {
        broken
            .entry(placed.source.clone())
            .or_insert_with(|| format!("{}: {refused}", preflight::SPARSE_REFUSED));
    }
    Ok(None)
}

fn receipt(admitted: &Admitted, registry: &Registry<'_>, pushed: &mut Pushed, world: &World) -> Receipt {
    let mut receipt = Receipt::new(registry.target.to_string(), world.clock.now());
    receipt.digests = std::mem::take(&mut pushed.proven);
    receipt.mapping = serde_json::to_value(registry.mapping).unwrap_or_default();
    if let Some(inventory) = &admitted.inventory {
        receipt.bundle_id = Some(inventory.bundle_id.clone());
        receipt.sequence = Some(inventory.sequence);
    }
    for row in &pushed.rows {
        if !matches!(row.outcome, RowOutcome::Failed { .. }) {
            receipt
                .references
                .insert(row.reference.clone(), row.target.clone());
        }
    }
    receipt
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
