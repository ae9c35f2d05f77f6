//! The highest sequence that was accepted from each signer: an old drive is no new one.
//!
//! A signature says who made a bundle, and not that it is the last one. So the side that accepts bundles remembers, for
//! each bundle's name and each signer, the number of the newest that it took. No clock is asked.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::digest::Digest;
use crate::fsx::{self, Folder, Lock};

/// The file's name.
pub const ACCEPTED: &str = "accepted.json";

const LOCK: &str = "accepted.lock";
const VERSION: u64 = 1;

/// Room for some hundred thousand bundles.
const CAP: u64 = 64 << 20;

/// What was accepted, as it lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    bundles: BTreeMap<String, BTreeMap<String, Newest>>,
    format_version: u64,
}

/// The newest of one signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Newest {
    inventory: Digest,
    sequence: u64,
}

/// A bundle that asks to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The bundle's name.
    pub bundle_id: &'a str,
    /// How many runs have finished on it.
    pub sequence: u64,
    /// The digest of its inventory.
    pub inventory: &'a Digest,
}

impl Default for Accepted {
    fn default() -> Self {
        Self {
            bundles: BTreeMap::new(),
            format_version: VERSION,
        }
    }
}

impl Accepted {
    /// Reads what was accepted before. A file that cannot be read is an error: without it any old drive would do.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        match Folder::open(folder) {
            Ok(folder) => Self::read(&folder),
            Err(error) if error.is_absent() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(folder: &Folder) -> Result<Self, Error> {
        let bytes = match folder.read(ACCEPTED, CAP) {
            Ok(bytes) => bytes,
            Err(error) if error.is_absent() => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let path = folder.path().join(ACCEPTED);
        let accepted: Self = serde_json::from_slice(&bytes).map_err(|source| Error::BadState {
            path: path.clone(),
            source: Some(source),
        })?;
        if accepted.format_version == VERSION {
            Ok(accepted)
        } else {
            Err(Error::BadState { path, source: None })
        }
    }

    /// Whether nothing newer was accepted from these signers, nor another bundle of the same number.
    pub fn check<'s>(
        &self,
        candidate: Candidate<'_>,
        signers: impl IntoIterator<Item = &'s str>,
    ) -> Result<(), Error> {
        let Some(known) = self.bundles.get(candidate.bundle_id) else {
            return Ok(());
        };
        for signer in signers {
            let Some(newest) = known.get(signer) else { continue };
            if newest.sequence > candidate.sequence
                || (newest.sequence == candidate.sequence && newest.inventory != *candidate.inventory)
            {
                return Err(Error::Replayed {
                    bundle_id: candidate.bundle_id.to_owned(),
                    signer: signer.to_owned(),
                    found: candidate.sequence,
                    accepted: newest.sequence,
                });
            }
        }
        Ok(())
    }

    /// Remembers a bundle of these signers, after checking it once more under a lock.
    pub fn remember<'s>(
        folder: &Path,
        candidate: Candidate<'_>,
        signers: impl IntoIterator<Item = &'s str> + Clone,
        holder: &str,
    ) -> Result<(), Error> {
        let folder = Folder::create(folder)?;
        let lock = Lock::take(&folder, LOCK, holder)?;
        let mut accepted = Self::read(&folder)?;
        accepted.check(candidate, signers.clone())?;
        let known = accepted
            .bundles
            .entry(candidate.bundle_id.to_owned())
            .or_default();
        for signer in signers {
            let newest = Newest {
                inventory: *candidate.inventory,
                sequence: candidate.sequence,
            };
            known.insert(signer.to_owned(), newest);
        }
        let mut bytes = serde_json::to_vec(&accepted).expect("names and numbers are JSON");
        bytes.push(b'\n');
        folder.write(ACCEPTED, &bytes)?;
        lock.release().map_err(fsx::Error::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(sequence: u64, inventory: &Digest) -> Candidate<'_> {
        Candidate {
            bundle_id: "b1",
            sequence,
            inventory,
        }
    }

    #[test]
    fn an_older_bundle_of_a_signer_is_refused_and_a_newer_one_is_not() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("deep/state");
        let (second, other) = (Digest::sha256(b"second"), Digest::sha256(b"other"));
        let remember = |sequence, inventory, signer: &str| {
            Accepted::remember(&state, candidate(sequence, inventory), [signer], "a test")
        };
        remember(2, &second, "ops").unwrap();
        remember(2, &second, "ops").unwrap();
        let refused = remember(1, &other, "ops").unwrap_err();
        assert!(
            matches!(
                refused,
                Error::Replayed {
                    found: 1,
                    accepted: 2,
                    ..
                }
            ),
            "{refused}"
        );
        let forked = remember(2, &other, "ops").unwrap_err();
        assert!(matches!(forked, Error::Replayed { found: 2, .. }), "{forked}");
        remember(1, &other, "someone else").unwrap();
        remember(3, &other, "ops").unwrap();
        let accepted = Accepted::load(&state).unwrap();
        assert!(accepted.check(candidate(2, &second), ["ops"]).is_err());
        assert!(
            accepted
                .check(candidate(3, &other), ["ops", "someone else"])
                .is_ok()
        );
    }

    #[test]
    fn a_state_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
        let place = tempfile::tempdir().unwrap();
        fsx::write(&place.path().join(ACCEPTED), b"{}").unwrap();
        assert!(matches!(
            Accepted::load(place.path()),
            Err(Error::BadState { .. })
        ));
        assert_eq!(
            Accepted::load(&place.path().join("absent")).unwrap(),
            Accepted::default()
        );
    }
}
