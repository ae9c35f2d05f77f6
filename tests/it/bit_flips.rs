//! One bit of a drive is another one: found before anything is sent, whichever file it is in.
//!
//! `BIT_FLIPS` says how often, for each of the two drives; without it each class of file gets a few.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::fixture_bundle;
use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;
use crate::support::signing::{put, signer, ssh_key};

/// A drive with every class of file on it, and what is in them.
struct Drive {
    program: Program,
    /// The flags that ask for a signature, if it has one.
    asked: &'static [&'static str],
    /// Files by their class, `blobs`, `charts/index.yaml` and so on.
    classes: BTreeMap<String, Vec<(PathBuf, Vec<u8>)>>,
    /// Manifests of the images by tag, as they are to arrive.
    manifests: Vec<(String, Vec<u8>)>,
}

impl Drive {
    fn unsigned() -> Self {
        let upstream = TestRegistry::start();
        let fixture = fixture_bundle::make();
        let program = Program::new();
        let mut manifests = Vec::new();
        for (name, size) in [("small", 900), ("large", 300_000)] {
            let app = image().layer(name, size).build();
            let reference = upstream.seed(&format!("shop/{name}:1"), &app);
            // The large layer goes in parts, so that there are such files.
            let ran = program.export(&[&reference], &["--largest-file", "100000"]);
            ran.ended_with(0);
            let place = format!("{}/shop/{name}", upstream.host().replace(':', "-"));
            manifests.push((place, app.manifest.to_vec()));
        }
        // The chart files of the fixture join.
        let from = fixture.path().to_str().unwrap();
        program
            .run(&["import", "--from", from, "--to", "dir:bundle"])
            .ended_with(0);
        program.verify().ended_with(0);
        let mut drive = Self {
            program,
            asked: &[],
            classes: BTreeMap::new(),
            manifests,
        };
        drive.take_stock();
        // What an inventory says is vouched for by its signature alone.
        assert!(drive.classes.remove("carrack/inventory.json").is_some());
        drive
    }

    fn signed() -> Option<Self> {
        let mut drive = Self::unsigned();
        let key = ssh_key(&drive.program.path(""), "ops", &["-t", "ed25519"])?;
        let line = signer("ops@example.com", "", &key);
        put(&drive.program.path("allowed_signers"), line.as_bytes());
        let key = key.to_str().unwrap();
        drive.program.run(&["sign", "bundle", "--key", key]).ended_with(0);
        drive.asked = &["--allowed-signers", "allowed_signers"];
        drive.take_stock();
        Some(drive)
    }

    fn take_stock(&mut self) {
        self.classes.clear();
        let root = self.program.path("bundle");
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                // The lock holds nothing.
                if !bytes.is_empty() && !path.ends_with("carrack/lock") {
                    let class = class(path.strip_prefix(&root).unwrap(), &bytes);
                    self.classes.entry(class).or_default().push((path, bytes));
                }
            }
        }
        self.classes.values_mut().for_each(|files| files.sort());
    }

    /// Whether the drive is found to be damaged, and nothing wrong comes from it.
    fn check(&self, what: &str) {
        let mut arguments = vec!["verify", "bundle"];
        arguments.extend(self.asked);
        let verified = self.program.run(&arguments);
        let code = verified.code.expect("no signal ends it");
        assert!(
            matches!(code, 1 | 4),
            "{what}: verify ends with {code}: {}",
            verified.out
        );
        let target = TestRegistry::start();
        let imported = self.program.import(&target.host(), self.asked);
        let code = imported.code.expect("no signal ends it");
        // Where nobody vouches for all of it, what the damage is not part of crosses.
        let allowed: &[i32] = if self.asked.is_empty() {
            &[0, 1, 3, 4]
        } else {
            &[1, 4]
        };
        assert!(
            allowed.contains(&code),
            "{what}: import ends with {code}: {}",
            imported.err
        );
        assert_eq!(target.bad_pushes(), 0, "{what}: {:?}", target.asked());
        for (place, bytes) in &self.manifests {
            if let Some((arrived, _)) = target.manifest(place, "1") {
                assert_eq!(&arrived, bytes, "{what}");
            }
        }
        // The receipt that an import leaves.
        let _ = fs::remove_dir_all(self.program.path("bundle/carrack/have"));
    }
}

/// What kind of file it is: blobs are told apart by what they hold, others go by their names.
fn class(path: &Path, bytes: &[u8]) -> String {
    let text = path.to_str().unwrap();
    let is_json = bytes.starts_with(b"{");
    let end = path.extension().unwrap_or_default().to_str().unwrap();
    match text.split('/').next().unwrap() {
        "blobs" if is_json => "blobs: manifests and configurations".to_owned(),
        "blobs" => "blobs: layers".to_owned(),
        "charts" => format!("charts: {end}"),
        "carrack" if text.contains("/parts/") => "parts".to_owned(),
        _ => text.to_owned(),
    }
}

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn count() -> usize {
    let given = std::env::vars().find(|(name, _)| name == "BIT_FLIPS");
    given.map_or(24, |(_, count)| count.parse().expect("BIT_FLIPS is a number"))
}

/// Flips bits, one class of file after the other.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "damage needs no care, and a long run tells how far it is"
)]
fn flip_bits(drive: &Drive) {
    let mut chance = Chance(88_172_645_463_325_252);
    let count = count().max(drive.classes.len());
    for flip in 0..count {
        let (class, files) = drive.classes.iter().nth(flip % drive.classes.len()).unwrap();
        let (path, bytes) = &files[chance.below(files.len())];
        let (at, bit) = (chance.below(bytes.len()), chance.below(8));
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << bit;
        fs::write(path, &damaged).unwrap();
        drive.check(&format!("bit {bit} of byte {at} of {} ({class})", path.display()));
        fs::write(path, bytes).unwrap();
        if (flip + 1) % 1000 == 0 {
            println!("{} flips", flip + 1);
        }
    }
    let mut arguments = vec!["verify", "bundle"];
    arguments.extend(drive.asked);
    drive.program.run(&arguments).ended_with(0);
    println!("{count} flips in {} classes of files", drive.classes.len());
}

#[test]
fn a_flipped_bit_in_any_file_of_a_bundle_is_found() {
    let drive = Drive::unsigned();
    assert!(drive.classes.len() >= 8, "{:?}", drive.classes.keys());
    flip_bits(&drive);
}

#[test]
fn a_flipped_bit_in_any_file_of_a_signed_bundle_is_found() {
    let Some(drive) = Drive::signed() else { return };
    for name in ["carrack/inventory.json", "carrack/inventory.json.sshsig"] {
        assert!(drive.classes.contains_key(name), "{:?}", drive.classes.keys());
    }
    flip_bits(&drive);
}
