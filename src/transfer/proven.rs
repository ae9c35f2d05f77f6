//! Blobs of a bundle that were read to be copied, and were found to be sound on the way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::{Digest, Hasher};

/// Which blobs of a bundle have been read whole and are what their digests say.
#[derive(Debug, Default)]
pub struct Proven(Mutex<HashSet<Digest>>);

impl Proven {
    /// Takes them out of a list.
    pub fn leave_others(&self, blobs: &mut Vec<(Digest, u64)>) {
        let proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.retain(|(digest, _)| !proven.contains(digest));
    }
}

/// A blob that is being read from its first byte on.
#[derive(Debug)]
pub(super) struct Proof {
    digest: Digest,
    hasher: Hasher,
    proven: Arc<Proven>,
}

impl Proof {
    pub(super) fn of(digest: Digest, proven: &Arc<Proven>) -> Self {
        Self {
            digest,
            hasher: digest.algorithm().hasher(),
            proven: Arc::clone(proven),
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// After the last byte.
    pub(super) fn end(self) {
        if self.hasher.finish() == self.digest {
            let mut proven = self.proven.0.lock().unwrap_or_else(PoisonError::into_inner);
            proven.insert(self.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hashes_to_its_digest_is_proven() {
        let (sound, damaged) = (Digest::sha256(b"sound"), Digest::sha256(b"damaged"));
        let proven = Arc::<Proven>::default();
        for (digest, bytes) in [(sound, b"sound".as_slice()), (damaged, b"damages")] {
            let mut proof = Proof::of(digest, &proven);
            bytes.chunks(2).for_each(|piece| proof.add(piece));
            proof.end();
        }
        let mut blobs = vec![(sound, 5), (damaged, 7)];
        proven.leave_others(&mut blobs);
        assert_eq!(blobs, [(damaged, 7)]);
    }
}
