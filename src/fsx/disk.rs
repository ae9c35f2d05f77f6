//! What kind of disk lies under a folder.

use std::path::{Path, PathBuf};

use super::Folder;

/// Where the kernel shows its disks, by their numbers.
const DISKS: &str = "/sys/dev/block";

/// Names of folders on the way to a disk that is not built in, or of which the kernel cannot tell: a stick, a card in a
/// reader, what other devices are combined to.
const NOT_BUILT_IN: [&str; 3] = ["usb", "mmc_host", "virtual"];

/// Whether the folder lies on a disk that is built into this machine: one that nobody sold with less room than it claims.
/// Only where the kernel says so: in doubt it is not.
pub fn is_built_in(folder: &Folder) -> bool {
    let Ok(status) = rustix::fs::fstat(folder.fd()) else {
        return false;
    };
    let (major, minor) = (rustix::fs::major(status.st_dev), rustix::fs::minor(status.st_dev));
    is_built_in_disk(Path::new(DISKS), &format!("{major}:{minor}"))
}

fn is_built_in_disk(disks: &Path, number: &str) -> bool {
    // Something like `/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1`.
    let Ok(device) = disks.join(number).canonicalize() else {
        return false;
    };
    let passes = |name: &str| {
        device.components().any(|part| {
            let part = part.as_os_str().as_encoded_bytes();
            part.starts_with(name.as_bytes())
        })
    };
    if NOT_BUILT_IN.into_iter().any(passes) {
        return false;
    }
    let disk: PathBuf = if device.join("partition").exists() {
        device.parent().map_or_else(PathBuf::new, Path::to_path_buf)
    } else {
        device
    };
    std::fs::read_to_string(disk.join("removable")).is_ok_and(|text| text.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree as the kernel shows it: the device's folder, whether it may be taken out, and its partition 1 as `8:1`.
    fn disks(device: &str, removable: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let disk = root.path().join("devices").join(device);
        let partition = disk.join("part1");
        std::fs::create_dir_all(&partition).unwrap();
        crate::fsx::write(&disk.join("removable"), removable.as_bytes()).unwrap();
        crate::fsx::write(&partition.join("partition"), b"1\n").unwrap();
        std::os::unix::fs::symlink(&disk, root.path().join("8:0")).unwrap();
        std::os::unix::fs::symlink(&partition, root.path().join("8:1")).unwrap();
        root
    }

    #[test]
    fn a_disk_is_built_in_only_if_the_kernel_says_so() {
        for (device, removable, expected) in [
            (
                "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda",
                "0\n",
                true,
            ),
            ("pci0000:00/0000:00:01.0/nvme/nvme0/nvme0n1", "0\n", true),
            ("pci0000:00/virtio0/block/vda", "0\n", true),
            ("pci0000:00/0000:00:1f.2/ata1/host0/block/sr0", "1\n", false),
            // A disk in a case calls itself fixed.
            (
                "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/block/sdb",
                "0\n",
                false,
            ),
            (
                "platform/sdhci/mmc_host/mmc0/mmc0:0001/block/mmcblk0",
                "0\n",
                false,
            ),
            ("virtual/block/dm-0", "0\n", false),
            ("pci0000:00/virtio0/block/vda", "", false),
        ] {
            let root = disks(device, removable);
            for number in ["8:0", "8:1"] {
                assert_eq!(
                    is_built_in_disk(root.path(), number),
                    expected,
                    "{device} {number}"
                );
            }
            assert!(!is_built_in_disk(root.path(), "0:45"), "no disk of its own");
        }
    }
}
