//! Moving content: plan what is missing where, run it, report.
//!
//! Reading goes manifests first, so that every distinct blob is known, and fetched once, before the first one moves.
//! Writing goes blobs, manifests, names, so that what is visible is always whole. A failed item is a row of the
//! report; the others arrive.

mod acknowledgements;
mod choice;
mod delta;
mod error;
mod fetch;
mod follow;
mod found;
mod inspection;
mod listings;
mod lockfile;
mod manifests;
mod omitted;
mod on_disk;
mod payload;
mod places;
mod plan;
mod preflight;
mod proven;
mod push;
mod queue;
mod referrers;
mod report;
mod resolve;
mod shelf;
mod shipment;
mod source;
mod stock;
mod tags;
mod turns;
mod volumes;
mod wanted;
mod write_behind;

pub use choice::{Choice, Companions, Shard};
pub use error::Error;
pub use fetch::fetch;
pub use inspection::Inspection;
pub use lockfile::{Changes, Difference, Lockfile};
pub use manifests::Manifests;
pub use plan::{Item, Plan, PlannedBlob, State};
pub use preflight::{Demand, Preflight, check as check_space};
pub use proven::Proven;
pub use push::push;
pub use queue::SMALL_EACH;
pub use report::{Fetched, Pushed, PushedRow, Row, RowOutcome};
pub use resolve::plan;
pub use shelf::Shelf;
pub use shipment::PushPlan;
pub use source::Source;
pub use stock::{Resolved, Stock};
pub use tags::{Expansion, TagFilter, TagFilterError, TagSelection, expand};
pub use volumes::{Packing, pack};
pub use wanted::Wanted;

/// Runs work that blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::WorkerLost)?
}
