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

/// Packs the items of a plan, made as if nothing were there yet, into volumes of `capacity` bytes. Each volume holds
/// `everywhere` bytes besides, such as the charts.
///
/// A blob that several images share is on every volume that one of them is on. So a volume is begun with the largest
/// image that is left, and goes on with the one of which most is there already, as long as one fits. The same plan
/// gives the same volumes.
pub fn pack(plan: &Plan, capacity: u64, everywhere: u64) -> Packing {
    let room = capacity.saturating_sub(everywhere);
    let mut packing = Packing::default();
    let mut left = Cargo::of(plan);
    left.whole.retain(|item, bytes| {
        let fits = *bytes <= room;
        if !fits {
            packing.too_large.push((*item, *bytes));
        }
        fits
    });
    while !left.whole.is_empty() {
        let (mut items, bytes) = left.fill(plan, room);
        items.sort_unstable();
        packing.volumes.push(items);
        packing.bytes.push(everywhere + bytes);
    }
    packing
}

/// What is not on a volume yet.
struct Cargo {
    /// Bytes of each item by itself.
    whole: BTreeMap<usize, u64>,
    /// The blobs of each item.
    needs: BTreeMap<usize, Vec<usize>>,
}

impl Cargo {
    fn of(plan: &Plan) -> Self {
        let mut cargo = Self {
            whole: BTreeMap::new(),
            needs: BTreeMap::new(),
        };
        for (number, item) in plan.items.iter().enumerate() {
            if let State::Resolved { manifest_bytes, .. } = item.state {
                cargo.whole.insert(number, on_drive(manifest_bytes));
            }
        }
        for (number, blob) in plan.blobs.iter().enumerate() {
            for item in &blob.items {
                cargo.needs.entry(*item).or_default().push(number);
                if let Some(whole) = cargo.whole.get_mut(item) {
                    *whole += on_drive(blob.descriptor.size);
                }
            }
        }
        cargo
    }

    /// Takes what goes on one volume: its items and their bytes together.
    fn fill(&mut self, plan: &Plan, room: u64) -> (Vec<usize>, u64) {
        let (mut items, mut bytes) = (Vec::new(), 0);
        let mut aboard: BTreeSet<usize> = BTreeSet::new();
        // How much of each item the volume has already, kept up to date as blobs come aboard.
        let mut shared: BTreeMap<usize, u64> = BTreeMap::new();
        loop {
            let has = |item: &usize| shared.get(item).copied().unwrap_or(0);
            let fitting = self
                .whole
                .iter()
                .filter(|(item, whole)| bytes + **whole - has(item) <= room);
            let best = fitting.max_by_key(|(item, whole)| (has(item), **whole, std::cmp::Reverse(**item)));
            let Some((&item, &whole)) = best else {
                return (items, bytes);
            };
            bytes += whole - has(&item);
            self.whole.remove(&item);
            items.push(item);
            for blob in self.needs.remove(&item).unwrap_or_default() {
                let Some(planned) = plan.blobs.get(blob).filter(|_| aboard.insert(blob)) else {
                    continue;
                };
                for other in &planned.items {
                    *shared.entry(*other).or_default() += on_drive(planned.descriptor.size);
                }
            }
        }
    }
}

fn on_drive(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK) * BLOCK + MENTION
}

#[cfg(test)]
mod tests {
    use super::super::{Item, PlannedBlob};
    use super::*;
    use crate::bundle::Shared;
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
                provenance: Shared::default(),
                on_disk: false,
                state: State::Resolved {
                    root: root.into(),
                    moved_from: None,
                    is_new: true,
                    manifest_bytes: 500,
                    attached: BTreeMap::new(),
                    asked: Vec::new(),
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
