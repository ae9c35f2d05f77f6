//! The manifests of a repository that something is about, or that were asked about.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

use super::Referrer;

/// What refers to the manifests of one repository, by the manifests' digests in their order.
///
/// A repository often has one of them: a list takes a tenth of the memory that a tree does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects(Vec<(Digest, Vec<Referrer>)>);

impl Subjects {
    /// What refers to a manifest; `None` if nobody asked.
    pub fn get(&self, subject: &Digest) -> Option<&[Referrer]> {
        let place = self.place(subject).ok()?;
        self.0.get(place).map(|(_, found)| found.as_slice())
    }

    /// Every manifest with what refers to it.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &[Referrer])> + Clone {
        self.0.iter().map(|(subject, found)| (subject, found.as_slice()))
    }

    /// Every manifest.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter().map(|(subject, _)| subject)
    }

    /// What refers to a manifest, for adding to it.
    pub(super) fn of(&mut self, subject: Digest) -> &mut Vec<Referrer> {
        let place = match self.place(&subject) {
            Ok(place) => place,
            Err(place) => {
                // Most get no second one.
                self.0.reserve_exact(1);
                self.0.insert(place, (subject, Vec::new()));
                place
            }
        };
        let (_, found) = self.0.get_mut(place).expect("it was found or put there");
        found
    }

    fn place(&self, subject: &Digest) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(subject))
    }
}

impl Serialize for Subjects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Subjects;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Subjects, A::Error> {
        let mut subjects = Subjects::default();
        while let Some((subject, found)) = map.next_entry()? {
            *subjects.of(subject) = found;
        }
        Ok(subjects)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oci::{Attachment, media_type};

    #[test]
    fn subjects_are_written_and_read_as_a_map_of_their_digests_would_be() {
        let referrer = Referrer {
            artifact_type: None,
            by: Attachment::Signature,
            digest: Digest::sha256(b"signature"),
            entry: "a.lan/b:1".parse().unwrap(),
            media_type: media_type::OCI_MANIFEST.into(),
            size: 9,
        };
        let mut subjects = Subjects::default();
        let mut expected = BTreeMap::<Digest, Vec<Referrer>>::new();
        for content in [b"c", b"a", b"b"] {
            let digest = Digest::sha256(content);
            subjects.of(digest);
            expected.insert(digest, Vec::new());
        }
        let signed = Digest::sha256(b"a");
        subjects.of(signed).push(referrer.clone());
        expected.entry(signed).or_default().push(referrer.clone());
        let text = serde_json::to_string(&subjects).unwrap();
        assert_eq!(text, serde_json::to_string(&expected).unwrap());
        assert_eq!(serde_json::from_str::<Subjects>(&text).unwrap(), subjects);
        assert_eq!(subjects.get(&signed), Some(&[referrer][..]));
        assert_eq!(subjects.get(&Digest::sha256(b"b")), Some(&[][..]));
        assert_eq!(subjects.get(&Digest::sha256(b"never asked about")), None);
    }
}
