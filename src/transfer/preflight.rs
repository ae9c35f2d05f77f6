//! Whether the drive can hold what is planned, asked before the first byte; and what will be asked of each registry.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{Error, Plan, PlannedBlob, Shelf, State};
use crate::fsx::Volume;

/// Room kept for manifests, indexes and the inventory, in bytes.
const MARGIN: u64 = 4 << 20;

/// Files besides blobs that a run makes, about.
const OTHER_FILES: u64 = 32;

/// What a run will need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preflight {
    /// Bytes that are free on the drive.
    pub free: u64,
    /// The largest file that the drive takes in bytes, where it has a limit. Larger blobs are stored as parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_file: Option<u64>,
    /// How many blobs the drive takes, where it has a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_blobs: Option<u64>,
    /// What is asked of each registry.
    pub registries: BTreeMap<String, Demand>,
}

/// What is asked of one registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Demand {
    /// References that are pulled, as Docker Hub counts against its limit.
    pub pulls: u64,
    /// Blobs that move.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Compares a plan with the file system that the bundle lies on.
pub fn check(plan: &Plan, shelf: &Shelf) -> Result<Preflight, Error> {
    let volume = shelf.volume()?;
    if !plan.blobs.is_empty() {
        fits(plan, &volume, shelf.blob_count()?, shelf.path())?;
    }
    Ok(Preflight {
        free: volume.free_bytes,
        largest_file: volume.largest_file,
        most_blobs: volume.directory_entries,
        registries: demands(plan),
    })
}

/// Whether a volume that holds `present` blobs in the bundle takes those of the plan too.
fn fits(plan: &Plan, volume: &Volume, present: u64, path: &Path) -> Result<(), Error> {
    let path = path.to_path_buf();
    if volume.read_only {
        return Err(Error::ReadOnly { path });
    }
    let missing = plan.blobs.len() as u64;
    if let Some(limit) = volume.directory_entries
        && present + missing > limit
    {
        let blobs = present + missing;
        return Err(Error::TooManyBlobs { path, blobs, limit });
    }
    if let Some(free) = volume.free_files
        && missing + OTHER_FILES > free
    {
        let needed = missing + OTHER_FILES;
        return Err(Error::TooFewFiles { path, needed, free });
    }
    let free = volume.free_bytes;
    let own = |blob: &PlannedBlob| volume.allocated(blob.descriptor.size).saturating_sub(blob.kept);
    let needed = plan.blobs.iter().map(own).sum::<u64>() + MARGIN.min(free / 8);
    if needed > free {
        return Err(Error::NoRoom { path, needed, free });
    }
    Ok(())
}

fn demands(plan: &Plan) -> BTreeMap<String, Demand> {
    let mut demands: BTreeMap<String, Demand> = BTreeMap::new();
    for item in &plan.items {
        if matches!(item.state, State::Resolved { is_new: true, .. }) && !item.on_disk {
            demands.entry(item.key.host().to_owned()).or_default().pulls += 1;
        }
    }
    let from_registries = |blob: &&PlannedBlob| {
        let mut items = blob.items.iter().filter_map(|number| plan.items.get(*number));
        !items.any(|item| item.on_disk)
    };
    for blob in plan.blobs.iter().filter(from_registries) {
        if let Some(repository) = blob.repositories.first() {
            let demand = demands.entry(repository.host().to_owned()).or_default();
            demand.blobs += 1;
            demand.bytes += blob.descriptor.size - blob.kept.min(blob.descriptor.size);
        }
    }
    demands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::fsx::FileSystem;
    use crate::oci::Descriptor;

    /// A plan of `count` blobs of `size` bytes.
    fn plan(count: u32, size: u64) -> Plan {
        let blobs = (0..count).map(|n| PlannedBlob {
            descriptor: Descriptor::new("l", Digest::sha256(&n.to_le_bytes()), size),
            repositories: Vec::new(),
            items: Vec::new(),
            kept: 0,
        });
        Plan {
            blobs: blobs.collect(),
            ..Plan::default()
        }
    }

    /// A stick of 8 GB as shops sell it.
    fn stick() -> Volume {
        Volume {
            file_system: FileSystem::Fat,
            free_bytes: 8_000_000_000,
            free_files: None,
            block: 32 << 10,
            largest_file: Some((4 << 30) - 1),
            directory_entries: Some(10_922),
            read_only: false,
        }
    }

    fn refusal(plan: &Plan, volume: &Volume, present: u64) -> String {
        let error = fits(plan, volume, present, Path::new("/media/usb/bundle")).unwrap_err();
        error.to_string()
    }

    #[test]
    fn more_blobs_than_a_fat32_folder_holds_are_counted_before_the_first_byte() {
        let path = Path::new("/media/usb/bundle");
        assert!(fits(&plan(922, 1000), &stick(), 10_000, path).is_ok());
        assert_eq!(
            refusal(&plan(923, 1000), &stick(), 10_000),
            "10923 blobs are to lie in one folder, the file system of /media/usb/bundle holds 10922"
        );
    }

    #[test]
    fn small_files_are_counted_as_the_drive_counts_them() {
        // 8,000 MB of files of one byte are 32 KiB each.
        let text = refusal(
            &plan(244_200, 1),
            &Volume {
                directory_entries: None,
                ..stick()
            },
            0,
        );
        assert!(
            text.starts_with("8.0 GB are to be written and 8.0 GB are free on /media/usb/bundle: ")
                && text.ends_with(" MB too little"),
            "{text}"
        );
    }

    #[test]
    fn a_file_system_without_inodes_left_is_refused() {
        let volume = Volume {
            free_files: Some(100),
            ..stick()
        };
        let text = refusal(&plan(80, 1), &volume, 0);
        assert!(text.contains("112 files are to be made"), "{text}");
    }

    #[test]
    fn every_registry_is_told_what_will_be_asked_of_it() {
        let mut plan = plan(3, 500);
        for (blob, host) in plan.blobs.iter_mut().zip(["docker.io", "quay.io", "docker.io"]) {
            blob.repositories = vec![format!("{host}/team/app").parse().unwrap()];
        }
        let demands = demands(&plan);
        assert_eq!(
            (demands["docker.io"].blobs, demands["docker.io"].bytes),
            (2, 1000)
        );
        assert_eq!(demands["quay.io"].blobs, 1);
    }
}
