//! Whether a bundle is whole: every byte hashed, every manifest's children present or left out on purpose.

mod hashing;
mod walk;

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use super::{Bundle, Error, Inventory, layout};
use crate::digest::Digest;
use crate::fsx::{self, Fault};
use crate::observe::{Event, Observer};
use crate::oci::NESTING_CAP;
use crate::reference::Reference;
pub use hashing::{Unsound, hash_all};
use walk::Found;

/// What was found in a bundle.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// References that the bundle names.
    pub references: u64,
    /// Distinct blobs that they reach, manifests among them.
    pub blobs: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// Content left out on purpose.
    pub absent: u64,
    /// Everything that is wrong, references first, then by digest or path.
    pub problems: Vec<Problem>,
    /// What is no fault and still worth saying, such as a run that did not finish.
    pub notes: Vec<String>,
}

impl Verified {
    /// The references that are not whole.
    pub fn broken(&self) -> BTreeSet<Reference> {
        self.problems
            .iter()
            .flat_map(|p| p.references.iter().cloned())
            .collect()
    }

    /// Adds blobs that were found to be unsound only when they were used, with the references that reach them.
    pub fn blame(
        &mut self,
        bundle: &Bundle,
        inventory: Option<&Inventory>,
        unsound: Vec<Unsound>,
    ) -> Result<(), Error> {
        if unsound.is_empty() {
            return Ok(());
        }
        // Followed once more: to keep who needs what of ten thousand images takes memory in each run, and few have damage.
        let found = follow(bundle, inventory)?.into_verified(bundle, unsound);
        self.add(found.problems);
        Ok(())
    }

    /// Adds what is wrong and not yet known, and puts all in order.
    fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        let known: BTreeSet<_> = self
            .problems
            .iter()
            .map(|p| (p.subject.clone(), p.fault))
            .collect();
        let is_new = |p: &Problem| !known.contains(&(p.subject.clone(), p.fault));
        self.problems.extend(problems.into_iter().filter(is_new));
        self.problems
            .sort_by(|a, b| (&a.references, &a.subject).cmp(&(&b.references, &b.subject)));
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// A digest, or a path below the bundle's root.
    pub subject: String,
    /// What is wrong with it.
    pub fault: ProblemKind,
    /// One line for people.
    pub text: String,
    /// The references that cannot be used because of it.
    pub references: BTreeSet<Reference>,
}

/// What is wrong with a blob or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// It is not there and nothing says that it was left out on purpose.
    Missing,
    /// It has another size than what points to it says.
    WrongSize,
    /// Its bytes are not those that its name or the inventory says.
    Damaged,
    /// The drive could not read it.
    Unreadable,
    /// It is a link, a device, or something else that a bundle never holds.
    NotAFile,
    /// A manifest that cannot be understood.
    BadManifest,
    /// The inventory and the index do not say the same.
    Disagrees,
    /// A run on the bundle began and none has finished yet.
    Unfinished,
    /// A file that a signed inventory does not name.
    Unlisted,
}

/// Reads and hashes everything, on `threads` threads. Everything that is wrong is in the result; an error is only what
/// makes the bundle unreadable as a whole. `stop` ends it early, with what was found so far.
pub fn verify(
    bundle: &Bundle,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    let inventory = bundle.inventory()?;
    check(bundle, inventory.as_ref(), false, threads, observer, stop)
}

/// The same against an inventory that was read already.
pub fn verify_against(
    bundle: &Bundle,
    inventory: &Inventory,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    check(bundle, Some(inventory), false, threads, observer, stop)
}

/// The same against an inventory that someone vouches for: beside it nothing else may be there, neither references nor
/// files, and what it names must be, whether a reference reaches it or not.
pub fn verify_sealed(
    bundle: &Bundle,
    inventory: &Inventory,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    check(bundle, Some(inventory), true, threads, observer, stop)
}

/// Looks at all but the bytes of blobs, which are given back with their sizes: for one who hashes each before it is used.
pub fn survey(
    bundle: &Bundle,
    inventory: Option<&Inventory>,
) -> Result<(Verified, Vec<(Digest, u64)>), Error> {
    let found = look(bundle, inventory, false)?;
    let unread = found.unread();
    Ok((found.into_verified(bundle, Vec::new()), unread))
}

fn check(
    bundle: &Bundle,
    inventory: Option<&Inventory>,
    sealed: bool,
    threads: usize,
    observer: &dyn Observer,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, Error> {
    let found = look(bundle, inventory, sealed)?;
    let unread = found.unread();
    observer.on(&Event::Planned {
        items: bundle.entries().len() as u64,
        blobs: unread.len() as u64,
        bytes: unread.iter().map(|(_, size)| size).sum(),
    });
    let bad = hash_all(bundle, unread, threads, observer, stop)?;
    Ok(found.into_verified(bundle, bad))
}

/// Follows every reference.
fn follow(bundle: &Bundle, inventory: Option<&Inventory>) -> Result<Found, Error> {
    let mut found = Found::default();
    for (reference, descriptor) in bundle.entries() {
        found.walk(bundle, inventory, reference, descriptor, NESTING_CAP)?;
    }
    Ok(found)
}

/// Follows every reference, and compares the inventory with what is there.
fn look(bundle: &Bundle, inventory: Option<&Inventory>, sealed: bool) -> Result<Found, Error> {
    let mut found = follow(bundle, inventory)?;
    if let Some(inventory) = inventory {
        found.compare(bundle, inventory)?;
        if sealed {
            found.compare_sealed(bundle, inventory)?;
        }
    } else if bundle.was_begun()? {
        found.problem(
            &format!("{}/{}", layout::CARRACK, layout::INVENTORY),
            ProblemKind::Unfinished,
            "it is not there, so the export did not finish: run the same export again, it goes on where it was".to_owned(),
            None,
        );
    } else {
        found.notes.push(
            "there is no carrack/inventory.json, another tool made this layout: only what index.json names was checked"
                .to_owned(),
        );
    }
    Ok(found)
}

/// What an error about one blob or file means; an error about the whole drive is given back.
fn kind_of(error: &Error) -> Result<ProblemKind, Error> {
    Ok(match error {
        Error::BlobMissing { .. } => ProblemKind::Missing,
        Error::WrongSize { .. } => ProblemKind::WrongSize,
        Error::Damaged { .. } => ProblemKind::Damaged,
        Error::ManifestTooLarge { .. } | Error::BadManifest { .. } => ProblemKind::BadManifest,
        Error::Disk(
            fsx::Error::NotAFile { .. } | fsx::Error::NotAFolder { .. } | fsx::Error::BadName { .. },
        ) => ProblemKind::NotAFile,
        Error::Disk(disk) if disk.fault() == Some(Fault::Gone) => {
            return Err(Error::Disk(fsx::Error::io(
                "read",
                "the bundle",
                io::Error::from_raw_os_error(rustix::io::Errno::NODEV.raw_os_error()),
            )));
        }
        // Who may not read a file knows nothing of what is in it, and to fetch it again would not help.
        Error::Disk(fsx::Error::Io {
            action,
            path,
            fault: Fault::Denied,
            source,
        }) => {
            let code = source.raw_os_error();
            let source = code.map_or_else(|| source.kind().into(), io::Error::from_raw_os_error);
            return Err(Error::Disk(fsx::Error::io(action, path, source)));
        }
        _ => ProblemKind::Unreadable,
    })
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_file_that_may_not_be_read_ends_the_run_and_a_bad_sector_is_a_row() {
        let error = |errno: Errno| Error::Disk(fsx::Error::io("open", "bundle/blobs", errno.into()));
        let denied = kind_of(&error(Errno::ACCESS)).unwrap_err();
        assert_eq!(
            denied.to_string(),
            "could not open bundle/blobs: permission denied"
        );
        assert_eq!(kind_of(&error(Errno::IO)).unwrap(), ProblemKind::Unreadable);
    }
}
