//! Whether the drive can hold what is planned, asked before the first byte.

use super::{Error, Plan, Shelf};

/// Room kept for manifests, indexes and the inventory, in bytes.
const MARGIN: u64 = 4 << 20;

/// Compares a plan with the file system that the bundle lies on.
pub fn check(plan: &Plan, shelf: &Shelf) -> Result<(), Error> {
    let volume = shelf.volume()?;
    let path = || shelf.path().to_path_buf();
    if plan.blobs.is_empty() {
        return Ok(());
    }
    if volume.read_only {
        return Err(Error::ReadOnly { path: path() });
    }
    if let Some(limit) = volume.directory_entries {
        let blobs = shelf.blob_count()? + plan.blobs.len() as u64;
        if blobs > limit {
            return Err(Error::TooManyBlobs {
                path: path(),
                blobs,
                limit,
            });
        }
    }
    let needed: u64 = plan
        .blobs
        .iter()
        .map(|b| volume.allocated(b.descriptor.size).saturating_sub(b.kept))
        .sum::<u64>()
        + MARGIN.min(volume.free_bytes / 8);
    if needed > volume.free_bytes {
        return Err(Error::NoRoom {
            path: path(),
            needed,
            free: volume.free_bytes,
        });
    }
    Ok(())
}
