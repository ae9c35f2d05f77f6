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
                if self.0.is_empty() {
                    // Most get no second one.
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (subject, Vec::new()));
                place
            }
        };
        let (_, found) = self.0.get_mut(place).expect("it was found or put there");
        found
    }

    /// Notes that these were asked about: one after the other they would move the whole list each time.
    pub(super) fn note(&mut self, subjects: impl IntoIterator<Item = Digest>) {
        let asked = subjects.into_iter().map(|subject| (subject, Vec::new()));
        self.0.extend(asked);
        // What is known of a subject stands before the note that it was asked about, and stays.
        self.0.sort_by_key(|(subject, _)| *subject);
        self.0.dedup_by(|(later, _), (earlier, _)| later == earlier);
        self.0.shrink_to_fit();
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
        let mut all: Vec<(Digest, Vec<Referrer>)> = Vec::new();
        while let Some(one) = map.next_entry()? {
            all.push(one);
        }
        if !all.is_sorted_by(|(a, _), (b, _)| a < b) {
            // The last word counts, as in every map.
            all.reverse();
            all.sort_by_key(|(subject, _)| *subject);
            all.dedup_by(|(later, _), (earlier, _)| later == earlier);
        }
        all.shrink_to_fit();
        Ok(Subjects(all))
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
        subjects.note([signed, Digest::sha256(b"d"), Digest::sha256(b"d")]);
        expected.insert(Digest::sha256(b"d"), Vec::new());
        let text = serde_json::to_string(&subjects).unwrap();
        assert_eq!(text, serde_json::to_string(&expected).unwrap());
        assert_eq!(serde_json::from_str::<Subjects>(&text).unwrap(), subjects);
        assert_eq!(subjects.get(&signed), Some(&[referrer][..]));
        assert_eq!(subjects.get(&Digest::sha256(b"b")), Some(&[][..]));
        assert_eq!(subjects.get(&Digest::sha256(b"never asked about")), None);
    }

    #[test]
    fn of_a_subject_that_is_named_twice_the_last_word_counts_in_whatever_order() {
        let [one, other] = [Digest::sha256(b"1"), Digest::sha256(b"2")];
        let (first, last) = if one < other { (one, other) } else { (other, one) };
        let referrer = r#"{"by":"signature","digest":"$1","entry":"a.lan/b:1","mediaType":"m","size":1}"#;
        let referrer = referrer.replace("$1", &one.to_string());
        let text = format!(r#"{{"{last}":[],"{first}":[{referrer}],"{last}":[{referrer}],"{first}":[]}}"#);
        let read: Subjects = serde_json::from_str(&text).unwrap();
        let counts: Vec<_> = read
            .iter()
            .map(|(subject, found)| (*subject, found.len()))
            .collect();
        assert_eq!(counts, [(first, 0), (last, 1)]);
    }
}
