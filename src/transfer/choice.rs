//! What of a set and of each image is carried.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::oci::{Descriptor, Platform};
use crate::reference::Reference;
use crate::secret::printable;

use super::Error;

/// The annotation by which a build's attestation names the image that it is about.
const ATTESTED: &str = "vnd.docker.reference.digest";

/// Characters of the list of an image's platforms that a message shows.
const PLATFORMS_SHOWN: usize = 400;

/// One of several equal shares of a set, chosen by the references' names alone: each share is the same whoever asks, and
/// together they are the whole set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// The `number`th of `of` shares, counted from 1; `None` if there is no such share.
    pub fn new(number: u64, of: u64) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    /// Whether a reference belongs to this share. All tags of a repository go together: they share layers.
    pub fn holds(&self, reference: &Reference) -> bool {
        let digest = Digest::sha256(reference.repository().to_string().as_bytes());
        let head = digest.as_bytes().iter().take(8);
        let value = head.fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        value % self.of == self.number - 1
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        numbers
            .and_then(|(k, n)| Self::new(k, n))
            .ok_or_else(|| "expected K/N with K from 1 to N, such as 2/5".to_owned())
    }
}

/// What of each image is carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Platforms; empty means all of them.
    pub platforms: Vec<Platform>,
    /// Whether layers that registries may not distribute are fetched all the same.
    pub include_foreign: bool,
    /// Blobs that the target has shown to have, by its receipts: they are left out.
    pub have: BTreeSet<Digest>,
    /// Whether signatures, attestations and SBOMs go along.
    pub referrers: Companions,
    /// Ask again for what an earlier run was told.
    pub refresh: bool,
}

/// Whether signatures, attestations and SBOMs go along with the images that they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Companions {
    /// They are looked for, and come with their image or make it fail.
    #[default]
    Sought,
    /// They are left out by choice.
    LeftOut,
    /// They are references of their own: a bundle that is the source names all of them.
    Named,
}

/// Whether a child of an index is about another child.
pub(super) fn is_about_a_sibling(child: &Descriptor) -> bool {
    child.annotations.contains_key(ATTESTED)
}

/// Whether something can run on a platform: builds call that of their attestations unknown.
pub(super) fn is_real(platform: &Platform) -> bool {
    platform.os != "unknown"
}

impl Choice {
    /// An image of which no platform is wanted is not asked for by anybody: the platforms were mistyped, or it is not made
    /// for them.
    pub(super) fn check_carried(
        &self,
        is_carried: bool,
        passed_over: &BTreeSet<String>,
    ) -> Result<(), Error> {
        if is_carried || passed_over.is_empty() {
            return Ok(());
        }
        let wanted: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        let found: Vec<&str> = passed_over.iter().map(String::as_str).collect();
        Err(Error::NoPlatform {
            wanted: wanted.join(" or "),
            found: printable(&found.join(", "), PLATFORMS_SHOWN),
        })
    }

    fn wants(&self, platform: &Platform) -> bool {
        self.platforms.is_empty()
            || self.platforms.iter().any(|p| {
                p.os == platform.os
                    && p.architecture == platform.architecture
                    && (p.variant.is_none() || p.variant == platform.variant)
            })
    }

    /// The children of an index that are carried. Attestations go with the image that they are about.
    pub(super) fn split<'a>(&self, children: &'a [Descriptor]) -> (Vec<&'a Descriptor>, Vec<&'a Descriptor>) {
        let left_out: BTreeSet<String> = children
            .iter()
            .filter(|c| !is_about_a_sibling(c) && c.platform.as_ref().is_some_and(|p| !self.wants(p)))
            .map(|c| c.digest.to_string())
            .collect();
        children.iter().partition(|c| {
            !left_out.contains(&c.digest.to_string())
                && c.annotations
                    .get(ATTESTED)
                    .is_none_or(|about| !left_out.contains(about))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_and_together_the_whole() {
        let all: Vec<Reference> = (0..200)
            .map(|n| format!("quay.io/team{}/app-{n}:1", n % 3).parse().unwrap())
            .collect();
        for reference in &all {
            let count = (1..=4)
                .filter(|k| Shard::new(*k, 4).unwrap().holds(reference))
                .count();
            assert_eq!(count, 1);
        }
        let first = Shard::new(1, 4).unwrap();
        let share = all.iter().filter(|r| first.holds(r)).count();
        assert!((25..75).contains(&share), "{share} of 200");
    }

    #[test]
    fn a_share_that_does_not_exist_is_refused() {
        for text in ["", "0/3", "4/3", "1", "1/0", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/5".parse(), Ok(Shard { number: 2, of: 5 }));
    }
}
