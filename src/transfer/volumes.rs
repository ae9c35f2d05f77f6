//! A set on several drives: whole images in volumes that each import alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, State};

/// A file takes whole blocks of a drive; most file systems have blocks of this many bytes.
const BLOCK: u64 = 4096;

/// What index, inventory and sums say of one file, about, in bytes.
const MENTION: u64 = 512;

/// Which item goes on which volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// The numbers of the plan's items on each volume, in the order of asking.
    pub volumes: Vec<Vec<usize>>,
    /// Bytes on each volume, as they were counted.
    pub bytes: Vec<u64>,
    /// Items that no volume can hold, with their bytes.
    pub too_large: Vec<(usize, u64)>,
}

/// A volume that is being filled.
#[derive(Default)]
struct Volume {
    items: Vec<usize>,
    blobs: BTreeSet<usize>,
    bytes: u64,
}

/// Packs the items of a plan, made as if nothing were there yet, into volumes of `capacity` bytes. Each volume holds
/// `everywhere` bytes besides, such as the charts.
///
/// A blob that several images share is on every volume that one of them is on, so that an image goes where most of it
/// is already, if there is room, and else where the least room is left. The same plan gives the same volumes.
pub fn pack(plan: &Plan, capacity: u64, everywhere: u64) -> Packing {
    let sizes: Vec<u64> = plan.blobs.iter().map(|b| on_drive(b.descriptor.size)).collect();
    let mut needs: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (number, blob) in plan.blobs.iter().enumerate() {
        for item in &blob.items {
            needs.entry(*item).or_default().insert(number);
        }
    }
    let size = |blob: &usize| sizes.get(*blob).copied().unwrap_or(0);
    let mut items: Vec<(u64, usize, BTreeSet<usize>, u64)> = Vec::new();
    for (number, item) in plan.items.iter().enumerate() {
        let State::Resolved { manifest_bytes, .. } = item.state else {
            continue;
        };
        let blobs = needs.remove(&number).unwrap_or_default();
        let own = on_drive(manifest_bytes);
        items.push((own + blobs.iter().map(size).sum::<u64>(), number, blobs, own));
    }
    items.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    let mut packing = Packing::default();
    let mut volumes: Vec<Volume> = Vec::new();
    for (whole, number, blobs, own) in items {
        if whole + everywhere > capacity {
            packing.too_large.push((number, whole));
            continue;
        }
        let added = |volume: &Volume| own + blobs.difference(&volume.blobs).map(size).sum::<u64>();
        let fitting = volumes
            .iter()
            .enumerate()
            .map(|(at, volume)| (added(volume), capacity - volume.bytes, at))
            .filter(|(added, room, _)| added <= room)
            .min();
        let at = fitting.map_or(volumes.len(), |(_, _, at)| at);
        if at == volumes.len() {
            volumes.push(Volume {
                bytes: everywhere,
                ..Volume::default()
            });
        }
        if let Some(volume) = volumes.get_mut(at) {
            volume.bytes += added(volume);
            volume.items.push(number);
            volume.blobs.extend(blobs);
        }
    }
    for mut volume in volumes {
        volume.items.sort_unstable();
        packing.bytes.push(volume.bytes);
        packing.volumes.push(volume.items);
    }
    packing
}

fn on_drive(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK) * BLOCK + MENTION
}

#[cfg(test)]
mod tests {
    use super::super::{Item, PlannedBlob};
    use super::*;
    use crate::digest::Digest;
    use crate::oci::Descriptor;

    const MB: u64 = 1_000_000;

    /// A plan of images, each with the megabytes of its blobs by their names.
    fn plan(images: &[&[(&str, u64)]]) -> Plan {
        let mut plan = Plan::default();
        let mut blobs: BTreeMap<String, PlannedBlob> = BTreeMap::new();
        for (number, image) in images.iter().enumerate() {
            let reference: crate::reference::Reference =
                format!("quay.io/team/app-{number}:1").parse().unwrap();
            let root = Descriptor::new("m", Digest::sha256(&[0]), 500);
            plan.items.push(Item {
                key: reference.clone(),
                reference,
                provenance: Vec::new(),
                state: State::Resolved {
                    root: Box::new(root),
                    moved_from: None,
                    is_new: true,
                    manifest_bytes: 500,
                    attached: BTreeMap::new(),
                    asked: BTreeSet::new(),
                },
            });
            for (name, megabytes) in *image {
                let blob = blobs.entry((*name).to_owned()).or_insert_with(|| PlannedBlob {
                    descriptor: Descriptor::new("l", Digest::sha256(name.as_bytes()), megabytes * MB),
                    repositories: Vec::new(),
                    items: Vec::new(),
                    kept: 0,
                });
                blob.items.push(number);
            }
        }
        plan.blobs = blobs.into_values().collect();
        plan
    }

    #[test]
    fn images_that_share_a_layer_go_together() {
        let plan = plan(&[
            &[("base-a", 100), ("1", 20)],
            &[("base-b", 100), ("2", 20)],
            &[("base-a", 100), ("3", 10)],
            &[("base-b", 100), ("4", 10)],
        ]);
        let packing = pack(&plan, 150 * MB, 0);
        assert_eq!(packing.volumes, [[0, 2], [1, 3]]);
        assert!(
            packing.bytes.iter().all(|b| *b > 130 * MB && *b < 131 * MB),
            "{packing:?}"
        );
    }

    #[test]
    fn every_image_is_on_one_volume_and_no_volume_is_too_full() {
        let images: Vec<Vec<(String, u64)>> = (0..60_u64)
            .map(|n| {
                vec![
                    (format!("base-{}", n % 5), 40),
                    (format!("own-{n}"), 3 + n * 7 % 30),
                ]
            })
            .collect();
        let images: Vec<Vec<(&str, u64)>> = images
            .iter()
            .map(|image| image.iter().map(|(name, size)| (name.as_str(), *size)).collect())
            .collect();
        let plan = plan(&images.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let packing = pack(&plan, 300 * MB, 5 * MB);
        let mut all: Vec<usize> = packing.volumes.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
        assert!(
            packing.bytes.iter().all(|b| *b <= 300 * MB),
            "{:?}",
            packing.bytes
        );
        assert_eq!(packing, pack(&plan, 300 * MB, 5 * MB));
    }

    #[test]
    fn an_image_that_no_volume_can_hold_is_named() {
        let plan = plan(&[&[("a", 90)], &[("b", 250)]]);
        let packing = pack(&plan, 200 * MB, 0);
        assert_eq!(packing.volumes, [[0]]);
        assert_eq!(packing.too_large.len(), 1);
        assert_eq!(packing.too_large[0].0, 1);
    }
}
