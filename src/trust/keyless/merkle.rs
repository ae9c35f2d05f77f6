//! Trees of hashes, as transparency logs grow them (RFC 9162), and the signed heads of such trees.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;
use crate::trust::PemKey;
use crate::trust::pem_key::Hash;

/// A tree of 2⁶³ entries is no deeper.
const DEPTH: usize = 64;
/// More signatures under one head are not looked at.
const SIGNATURES: usize = 32;

/// What a log says that its tree is, signed by it.
pub(super) struct Checkpoint<'a> {
    signed: &'a str,
    signatures: &'a str,
    /// How many entries the tree has.
    pub(super) size: u64,
    /// The hash of it all.
    pub(super) root: Vec<u8>,
}

impl<'a> Checkpoint<'a> {
    /// Reads a signed note: where it is from, the size, the hash; a blank line; signatures.
    pub(super) fn parse(text: &'a str) -> Result<Self, Error> {
        let wrong = || Error::WrongEntry {
            reason: "its checkpoint is not well formed",
        };
        let blank = text.find("\n\n").ok_or_else(wrong)?;
        let (signed, signatures) = text.split_at_checked(blank + 1).ok_or_else(wrong)?;
        let mut lines = signed.lines().skip(1);
        let size = lines
            .next()
            .and_then(|line| line.parse().ok())
            .ok_or_else(wrong)?;
        let root = lines.next().and_then(|line| STANDARD.decode(line).ok());
        Ok(Self {
            signed,
            signatures,
            size,
            root: root.ok_or_else(wrong)?,
        })
    }

    /// Whether the log with this key signed it.
    pub(super) fn check(&self, key: &PemKey) -> Result<(), Error> {
        /// Which of several keys it was; whether it really was is what is checked here.
        const HINT: usize = 4;
        let signatures = self.signatures.lines().filter_map(|line| {
            let (_, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            STANDARD.decode(signature).ok()
        });
        for signature in signatures.take(SIGNATURES) {
            let signature = signature.get(HINT..).unwrap_or_default();
            if key.verify(self.signed.as_bytes(), signature).is_ok() {
                return Ok(());
            }
        }
        Err(Error::WrongEntry {
            reason: "its checkpoint is not signed by the log",
        })
    }
}

/// The hash of the whole tree that an entry leads to by its way up; `None`, if the way does not fit the tree.
pub(super) fn root(entry: &[u8], index: u64, size: u64, way: &[Vec<u8>]) -> Option<Vec<u8>> {
    if index >= size || way.len() > DEPTH {
        return None;
    }
    let joined = |left: &[u8], right: &[u8]| Hash::Sha256.of(&[&[1], left, right].concat());
    let mut hash = Hash::Sha256.of(&[&[0], entry].concat());
    let (mut own, mut last) = (index, size - 1);
    for sibling in way {
        if last == 0 {
            return None;
        }
        if own & 1 == 1 || own == last {
            hash = joined(sibling, &hash);
            while own & 1 == 0 && own != 0 {
                (own, last) = (own >> 1, last >> 1);
            }
        } else {
            hash = joined(&hash, sibling);
        }
        (own, last) = (own >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(entries: &[Vec<u8>]) -> Vec<u8> {
        match entries {
            [] => Hash::Sha256.of(b""),
            [only] => Hash::Sha256.of(&[&[0], only.as_slice()].concat()),
            _ => {
                let (left, right) = entries.split_at(entries.len().next_power_of_two() / 2);
                Hash::Sha256.of(&[&[1][..], &hash_of(left), &hash_of(right)].concat())
            }
        }
    }

    /// The way up as RFC 9162 defines it, which is written another way than it is checked.
    fn way(index: usize, entries: &[Vec<u8>]) -> Vec<Vec<u8>> {
        if entries.len() < 2 {
            return Vec::new();
        }
        let (left, right) = entries.split_at(entries.len().next_power_of_two() / 2);
        let (mut below, sibling) = match index.checked_sub(left.len()) {
            None => (way(index, left), hash_of(right)),
            Some(index) => (way(index, right), hash_of(left)),
        };
        below.push(sibling);
        below
    }

    #[test]
    fn every_entry_of_every_small_tree_leads_to_its_root_and_to_no_other() {
        for size in 1..=33_usize {
            let entries: Vec<Vec<u8>> = (0..size).map(|n| n.to_string().into_bytes()).collect();
            let expected = hash_of(&entries);
            for index in 0..size {
                let mut up = way(index, &entries);
                let (at, of) = (index as u64, size as u64);
                assert_eq!(root(&entries[index], at, of, &up), Some(expected.clone()));
                assert_ne!(root(b"other", at, of, &up), Some(expected.clone()));
                assert_eq!(root(&entries[index], of, of, &up), None);
                up.push(vec![0; 32]);
                assert_ne!(root(&entries[index], at, of, &up), Some(expected.clone()));
            }
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_told_and_nothing_panics() {
        for text in [
            "",
            "\n\n",
            "a\n\n",
            "a\nb\nc\n\n",
            "a\n1\n!\n\n",
            "a\n-1\nAA==\n\n",
            "a\n1\nAA==",
        ] {
            assert!(Checkpoint::parse(text).is_err(), "{text:?}");
        }
        let checkpoint = Checkpoint::parse("a\n7\nAA==\n\n\u{2014} a AA==\nnoise\n").unwrap();
        assert_eq!((checkpoint.size, checkpoint.root.as_slice()), (7, &[0][..]));
        assert!(root(b"", u64::MAX, u64::MAX, &[]).is_none());
    }
}
