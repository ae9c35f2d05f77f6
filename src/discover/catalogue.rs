//! The sightings of many walks as one list: each image once, with every place where it stands.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::sighting::{Place, Reading, Rule, Severity, Sighting, Source, Tier};
use crate::reference::{Reference, Repository};

/// One place of an image, as reports show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Occurrence {
    /// How sure this place makes it.
    pub tier: Tier,
    /// Where it comes from.
    pub source: Source,
    /// Which rule saw it.
    pub rule: Rule,
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// The text as it stands there: what a kubelet will ask for.
    pub raw: String,
    /// The profiles or switches under which it is there; empty means always.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub under: BTreeSet<String>,
}

/// An image with all its places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The canonical reference.
    pub reference: Reference,
    /// The best tier of all places.
    pub tier: Tier,
    /// Whether its content may change from day to day: it has no digest, and no tag or `latest`.
    #[serde(skip_serializing_if = "is_false")]
    pub floating: bool,
    /// Every place, the surest first.
    pub sources: Vec<Occurrence>,
}

/// A text that ought to be an image and cannot be read as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unresolved {
    /// How much it matters.
    pub severity: Severity,
    /// The text as it stands there; not shown if it comes from a Secret.
    pub raw: String,
    /// Why it cannot be read.
    pub reason: String,
    /// How sure it is that an image was meant.
    pub tier: Tier,
    /// Where it comes from.
    pub source: Source,
    /// Which rule saw it.
    pub rule: Rule,
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// The profiles or switches under which it is there; empty means always.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub under: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What tells two places apart; lines do not, since they shift with every value.
type Key = (Tier, Source, Rule, Place, String);

/// What is kept of a place beside its key: the lines, and the conditions under which it is there.
#[derive(Clone, Debug)]
struct Known {
    line: Option<u32>,
    template_line: Option<u32>,
    template_file: Option<String>,
    under: BTreeSet<String>,
}

/// The places of an image, in the order of their keys. One that stands alone, as in a list of thousands, takes no tree.
#[derive(Clone, Debug)]
enum Places {
    One(Box<(Key, Known)>),
    Many(BTreeMap<Key, Known>),
}

impl Places {
    /// Takes a place in.
    fn add(&mut self, key: Key, seen: Known) {
        match self {
            Self::One(place) if place.0 == key => join(&mut place.1, seen),
            Self::One(place) => {
                let first = (**place).clone();
                *self = Self::Many(BTreeMap::from([first, (key, seen)]));
            }
            Self::Many(places) => match places.entry(key) {
                Entry::Occupied(mut known) => join(known.get_mut(), seen),
                Entry::Vacant(vacant) => {
                    vacant.insert(seen);
                }
            },
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&Key, &Known)> {
        let (one, many) = match self {
            Self::One(place) => (Some((&place.0, &place.1)), None),
            Self::Many(places) => (None, Some(places.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether one of them makes the image at least this sure.
    fn reach(&self, at_least: Tier) -> bool {
        self.iter().any(|((tier, ..), _)| *tier <= at_least)
    }

    /// Takes out those for which `unwanted` holds. Tells how many that were, and whether any is left.
    fn take_out(&mut self, unwanted: impl Fn(&Key) -> bool) -> (usize, bool) {
        match self {
            Self::One(place) if unwanted(&place.0) => (1, false),
            Self::One(_) => (0, true),
            Self::Many(places) => {
                let before = places.len();
                places.retain(|key, _| !unwanted(key));
                (before - places.len(), !places.is_empty())
            }
        }
    }
}

/// Everything that was found.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    images: BTreeMap<Reference, Places>,
    unresolved: BTreeMap<(Key, Severity, String), Known>,
}

impl Catalogue {
    /// Takes one record in. A place that is seen without conditions once has none.
    pub fn add(&mut self, sighting: Sighting) {
        let Sighting {
            raw,
            reading,
            tier,
            rule,
            source,
            mut place,
            under,
        } = sighting;
        let seen = Known {
            line: place.line.take(),
            template_line: place.template_line.take(),
            template_file: place.template_file.take(),
            under,
        };
        let key = (tier, source, rule, place, raw);
        match reading {
            Reading::Image(reference) => match self.images.entry(reference) {
                Entry::Occupied(mut places) => places.get_mut().add(key, seen),
                Entry::Vacant(vacant) => {
                    vacant.insert(Places::One(Box::new((key, seen))));
                }
            },
            Reading::Unresolved { severity, reason } => {
                let known = self
                    .unresolved
                    .entry((key, severity, reason))
                    .or_insert_with(|| seen.clone());
                join(known, seen);
            }
        }
    }

    /// Takes many records in.
    pub fn extend(&mut self, sightings: impl IntoIterator<Item = Sighting>) {
        for sighting in sightings {
            self.add(sighting);
        }
    }

    /// Whether a reference is known with at least this certainty.
    pub fn has(&self, reference: &Reference, at_least: Tier) -> bool {
        self.images
            .get(reference)
            .is_some_and(|places| places.reach(at_least))
    }

    /// The repositories of all images that are at least this sure.
    pub fn repositories(&self, at_least: Tier) -> BTreeSet<Repository> {
        self.images
            .iter()
            .filter(|(_, places)| places.reach(at_least))
            .map(|(reference, _)| reference.repository().clone())
            .collect()
    }

    /// Takes out the places of an image for which `unwanted` holds, and tells how many. Without a place left the image
    /// is gone.
    pub fn take_out(&mut self, reference: &Reference, unwanted: impl Fn(Tier, &Place) -> bool) -> usize {
        let Some(places) = self.images.get_mut(reference) else {
            return 0;
        };
        let (taken, is_left) = places.take_out(|(tier, _, _, place, _)| unwanted(*tier, place));
        if !is_left {
            self.images.remove(reference);
        }
        taken
    }

    /// All references, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.images.keys()
    }

    /// All images in the order of their references, each with its places from the surest to the least sure.
    pub fn images(&self) -> Vec<Image> {
        self.images
            .iter()
            .map(|(reference, places)| {
                let sources: Vec<Occurrence> = places
                    .iter()
                    .map(|((tier, source, rule, place, raw), known)| Occurrence {
                        tier: *tier,
                        source: *source,
                        rule: *rule,
                        place: Place {
                            line: known.line,
                            template_line: known.template_line,
                            template_file: known.template_file.clone(),
                            ..place.clone()
                        },
                        raw: raw.clone(),
                        under: known.under.clone(),
                    })
                    .collect();
                Image {
                    reference: reference.clone(),
                    tier: sources.first().map_or(Tier::Candidate, |s| s.tier),
                    floating: reference.is_floating(),
                    sources,
                }
            })
            .collect()
    }

    /// Every text that could not be read, the worst first.
    pub fn unresolved(&self) -> Vec<Unresolved> {
        let mut rows: Vec<Unresolved> = self
            .unresolved
            .iter()
            .map(
                |(((tier, source, rule, place, raw), severity, reason), known)| Unresolved {
                    severity: *severity,
                    raw: raw.clone(),
                    reason: reason.clone(),
                    tier: *tier,
                    source: *source,
                    rule: *rule,
                    place: Place {
                        line: known.line,
                        template_line: known.template_line,
                        template_file: known.template_file.clone(),
                        ..place.clone()
                    },
                    under: known.under.clone(),
                },
            )
            .collect();
        rows.sort();
        rows
    }
}

fn join(known: &mut Known, seen: Known) {
    known.line = known.line.into_iter().chain(seen.line).min();
    if known.template_line.is_none()
        || seen
            .template_line
            .is_some_and(|line| known.template_line > Some(line))
    {
        known.template_line = seen.template_line;
        known.template_file = seen.template_file;
    }
    if seen.under.is_empty() {
        known.under.clear();
    } else if !known.under.is_empty() {
        known.under.extend(seen.under);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Subject;

    fn sighting(reference: &str, tier: Tier, under: &[&str]) -> Sighting {
        Sighting {
            raw: reference.to_owned(),
            reading: Reading::Image(reference.parse().unwrap()),
            tier,
            rule: Rule::Podspec,
            source: Source::Render,
            place: Place {
                subject: Arc::new(Subject::default()),
                pointer: String::new(),
                embedded: Vec::new(),
                line: Some(7),
                template_line: None,
                template_file: None,
            },
            under: under.iter().map(|&u| u.to_owned()).collect(),
        }
    }

    #[test]
    fn two_spellings_of_one_image_are_one_row_with_two_places() {
        let mut catalogue = Catalogue::default();
        catalogue.add(sighting("nginx:1", Tier::Heuristic, &[]));
        catalogue.add(sighting("docker.io/library/nginx:1", Tier::Certain, &[]));
        let images = catalogue.images();
        assert_eq!(images.len(), 1);
        assert_eq!((images[0].tier, images[0].sources.len()), (Tier::Certain, 2));
        assert_eq!(images[0].sources[1].raw, "nginx:1");
    }

    #[test]
    fn an_image_goes_with_the_last_of_its_places() {
        let mut catalogue = Catalogue::default();
        catalogue.add(sighting("nginx:1", Tier::Certain, &[]));
        let reference: Reference = "nginx:1".parse().unwrap();
        assert_eq!(catalogue.take_out(&reference, |tier, _| tier == Tier::Strong), 0);
        catalogue.add(sighting("docker.io/library/nginx:1", Tier::Strong, &[]));
        assert_eq!(catalogue.take_out(&reference, |tier, _| tier == Tier::Strong), 1);
        assert!(catalogue.has(&reference, Tier::Certain));
        assert_eq!(catalogue.take_out(&reference, |_, _| true), 1);
        assert_eq!(catalogue.references().count(), 0);
    }

    #[test]
    fn profiles_are_united_and_always_wins() {
        let mut catalogue = Catalogue::default();
        catalogue.add(sighting("nginx:1", Tier::Certain, &["profile a"]));
        catalogue.add(sighting("nginx:1", Tier::Certain, &["profile b"]));
        assert_eq!(catalogue.images()[0].sources[0].under.len(), 2);
        catalogue.add(sighting("nginx:1", Tier::Certain, &[]));
        assert!(catalogue.images()[0].sources[0].under.is_empty());
        catalogue.add(sighting("nginx:1", Tier::Certain, &["profile c"]));
        assert!(catalogue.images()[0].sources[0].under.is_empty());
    }
}
