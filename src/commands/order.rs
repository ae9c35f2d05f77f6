//! What an export is about: looked into, pinned by its lock, its tags chosen, what the target has left out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::consignment::{self, Consignment};
use super::export::Options;
use super::lock::Lock;
use super::{Error, World, images};
use crate::bundle::{Bundle, Receipt};
use crate::chartrepo;
use crate::digest::Digest;
use crate::fsx::Folder;
use crate::layouts::Store;
use crate::mirrors::{PullSource, idle_pull_sources};
use crate::observe::{Event, Observer};
use crate::transfer::{Choice, Source, TagSelection, Wanted};

/// Everything that is asked for.
pub(super) struct Order<'a> {
    pub(super) wanted: Vec<Wanted>,
    pub(super) choice: Choice,
    pub(super) lock: Lock<'a>,
    pub(super) charts: Vec<chartrepo::Row>,
    pub(super) failures: Vec<images::Failure>,
    /// Images that other tools left on disk; the source of the run has to know them.
    pub(super) on_disk: Vec<Store>,
    /// What is no failure and still worth saying.
    pub(super) notes: Vec<String>,
}

impl<'a> Order<'a> {
    /// Looks into what the options ask for. Charts go into `shelf`.
    pub(super) async fn of(
        options: &'a Options,
        shelf: Option<Folder>,
        source: &Source,
        world: &World,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        observer.on(&Event::Phase {
            name: "looking into charts".to_owned(),
        });
        let choice = Choice {
            have: proven(&options.have)?,
            ..options.choice.clone()
        };
        let goes_along = shelf.is_some();
        let shelf = match (shelf, &options.scratch) {
            (None, Some(path)) => Some(Folder::create(path)?),
            (shelf, _) => shelf,
        };
        let mut lock = Lock::load(options.lock.as_deref(), options.refresh)?;
        if !options.dry_run {
            lock.check()?;
        }
        let mut asked = options.asked.clone();
        for asked in &mut asked {
            asked.charts.pins = Some(lock.charts());
        }
        let Consignment {
            wanted,
            selections,
            charts,
            mut failures,
            on_disk,
        } = consignment::gather(&asked, shelf, goes_along, world, observer).await?;
        let notes = idle(&options.pull_through, &wanted, &selections);
        let mut wanted = lock
            .apply(wanted, selections, source, world, &mut failures)
            .await?;
        wanted.retain(|w| options.shard.is_none_or(|shard| shard.holds(&w.reference)));
        Ok(Self {
            wanted,
            choice,
            lock,
            charts,
            failures,
            on_disk,
            notes,
        })
    }
}

/// Pull sources about nothing that is asked for. What another share carries, and repositories whose tags are not known yet,
/// are asked for as well.
fn idle(given: &[PullSource], wanted: &[Wanted], selections: &[TagSelection]) -> Vec<String> {
    let wanted = wanted.iter().map(|wanted| wanted.reference.repository());
    let selected = selections.iter().map(|selection| &selection.repository);
    idle_pull_sources(given, wanted.chain(selected))
}

/// The receipts that are named. A folder is a bundle that carries some.
pub(super) fn receipts(paths: &[PathBuf]) -> Result<Vec<Receipt>, Error> {
    let mut all = Vec::new();
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
        all.extend(receipts);
    }
    Ok(all)
}

/// Every digest that these receipts prove.
fn proven(paths: &[PathBuf]) -> Result<BTreeSet<Digest>, Error> {
    let receipts = receipts(paths)?;
    Ok(receipts.into_iter().flat_map(|r| r.digests).collect())
}
