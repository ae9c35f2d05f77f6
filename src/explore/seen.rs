//! What the renders showed so far, and whether what another one shows is an image more or another spelling of one.

use std::collections::{BTreeSet, HashMap};

use super::switch::{FILLED_IN, Setting, Switch, Switches};
use crate::discover::{Reading, Sighting, Tier};
use crate::reference::Reference;

/// What a reference is to those that were seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was seen before.
    None,
    /// An image more.
    Image,
    /// What stood there before under another registry, or with the text of a switch in it: nobody says that it exists.
    Variant,
}

/// A place in an object, whichever template writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Spot {
    kind: String,
    name: String,
    pointer: String,
    embedded: Vec<String>,
}

impl Spot {
    fn of(sighting: &Sighting) -> Self {
        let place = &sighting.place;
        Self {
            kind: place.subject.kind.clone(),
            name: place.subject.name.clone(),
            pointer: place.pointer.clone(),
            embedded: place.embedded.clone(),
        }
    }
}

/// The images of all renders so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    known: BTreeSet<Reference>,
    variants: BTreeSet<Reference>,
    places: HashMap<Spot, BTreeSet<Reference>>,
}

impl Seen {
    pub(super) fn new(known: &BTreeSet<Reference>) -> Self {
        Self {
            known: known.clone(),
            ..Self::default()
        }
    }

    /// Sorts the images of one document by what they are to those of the documents before it.
    pub(super) fn sort(&mut self, sightings: Vec<Sighting>, switches: &Switches) -> Vec<(News, Sighting)> {
        let images: Vec<(Reference, Sighting)> = sightings
            .into_iter()
            .filter(|sighting| sighting.tier < Tier::Candidate)
            .filter_map(|sighting| match &sighting.reading {
                Reading::Image(reference) => Some((reference.clone(), sighting)),
                Reading::Unresolved { .. } => None,
            })
            .collect();
        let here: BTreeSet<Reference> = images.iter().map(|(reference, _)| reference.clone()).collect();
        let sorted: Vec<(News, Reference, Sighting)> = images
            .into_iter()
            .map(|(reference, sighting)| {
                let news = self.judge(&reference, &Spot::of(&sighting), &here, switches);
                (news, reference, sighting)
            })
            .collect();
        for (news, reference, sighting) in &sorted {
            match news {
                News::None => {}
                News::Image => _ = self.known.insert(reference.clone()),
                News::Variant => _ = self.variants.insert(reference.clone()),
            }
            if self.known.contains(reference) {
                let place = self.places.entry(Spot::of(sighting)).or_default();
                place.insert(reference.clone());
            }
        }
        let row = |(news, _, sighting)| (news, sighting);
        sorted.into_iter().map(row).collect()
    }

    fn judge(
        &self,
        reference: &Reference,
        spot: &Spot,
        here: &BTreeSet<Reference>,
        switches: &Switches,
    ) -> News {
        if self.known.contains(reference) {
            return News::None;
        }
        // An image that stands elsewhere in the object now has made room for another, and was not replaced by it.
        let before = self.places.get(spot).into_iter().flatten();
        let mut replaced = before.filter(|old| !here.contains(old));
        let is_variant = !switches.0.is_empty()
            && (is_of_this_machine(reference)
                || holds_a_filling(reference, switches)
                || replaced.any(|old| {
                    is_moved(reference, old)
                        || is_less_exact(reference, old)
                        || holds_a_text(reference, old, switches)
                }));
        match (is_variant, self.variants.contains(reference)) {
            (false, _) => News::Image,
            (true, false) => News::Variant,
            (true, true) => News::None,
        }
    }
}

/// Whether the registry is on the machine that asks: a cluster's own, which no image comes from.
fn is_of_this_machine(reference: &Reference) -> bool {
    let host = reference.host();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "[::1]") || name.starts_with("127.")
}

/// Whether what was filled in where the values have nothing has become a part of the reference.
fn holds_a_filling(reference: &Reference, switches: &Switches) -> bool {
    let filled = |switch: &Switch| matches!(switch, Switch::Value { setting, .. } if setting.is_filling());
    switches.0.iter().any(filled) && reference.to_string().contains(FILLED_IN)
}

/// Whether the text of a switch has come into the reference.
fn holds_a_text(reference: &Reference, before: &Reference, switches: &Switches) -> bool {
    let (now, before) = (reference.to_string(), before.to_string());
    switches.0.iter().any(|switch| match switch {
        Switch::Value {
            setting: Setting::Text(text),
            ..
        } => now.contains(text.as_str()) && !before.contains(text.as_str()),
        _ => false,
    })
}

/// Whether the reference is one of before without its digest.
fn is_less_exact(reference: &Reference, before: &Reference) -> bool {
    reference.digest().is_none()
        && before.digest().is_some()
        && before.tag().is_some()
        && (reference.repository(), reference.tag()) == (before.repository(), before.tag())
}

/// Whether the reference is one of before under another registry or path.
fn is_moved(reference: &Reference, before: &Reference) -> bool {
    let before = before.to_string();
    let Some((_, path)) = before.split_once('/') else {
        return false;
    };
    let path = path.strip_prefix("library/").unwrap_or(path);
    let now = reference.to_string();
    now.strip_suffix(path).is_some_and(|rest| rest.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::{Place, Rule, Source, Subject};

    fn sighting(text: &str, pointer: &str) -> Sighting {
        let subject = Subject {
            kind: "Pod".to_owned(),
            name: "web".to_owned(),
            ..Subject::default()
        };
        Sighting {
            raw: text.to_owned(),
            reading: Reading::Image(text.parse().unwrap()),
            tier: Tier::Certain,
            rule: Rule::Podspec,
            source: Source::Render,
            place: Place {
                subject: subject.into(),
                pointer: pointer.to_owned(),
                embedded: Vec::new(),
                line: None,
                template_line: None,
                template_file: None,
            },
            under: BTreeSet::new(),
        }
    }

    /// What one image at `/0` is to `docker.io/acme/web:1` there, once the switch is flipped.
    fn news(image: &str, setting: Setting) -> News {
        let mut seen = Seen::default();
        seen.sort(vec![sighting("docker.io/acme/web:1", "/0")], &Switches::default());
        let switches = Switches::default().with(Switch::new(vec!["a".to_owned()], setting));
        let sorted = seen.sort(vec![sighting(image, "/0")], &switches);
        sorted[0].0
    }

    #[test]
    fn a_reference_with_the_text_of_its_switch_in_it_is_a_variant() {
        let full = || Setting::Text("full".to_owned());
        assert_eq!(news("docker.io/acme/web:1-full", full()), News::Variant);
        assert_eq!(news("docker.io/full/acme/web:1", full()), News::Variant);
        assert_eq!(news("docker.io/acme/other:1", full()), News::Image);
        assert_eq!(
            news("docker.io/acme/web:1-full", Setting::Bool(true)),
            News::Image
        );
    }

    #[test]
    fn another_registry_for_the_same_path_and_tag_is_a_variant() {
        let on = Setting::Bool(true);
        for image in [
            "mirror.example.com/acme/web:1",
            "mirror.example.com/docker.io/acme/web:1",
        ] {
            assert_eq!(news(image, on.clone()), News::Variant, "{image}");
        }
        for image in [
            "mirror.example.com/acme/web:2",
            "mirror.example.com/notacme/web:1",
        ] {
            assert_eq!(news(image, on.clone()), News::Image, "{image}");
        }
    }

    #[test]
    fn an_image_without_the_digest_that_it_had_is_a_variant() {
        let exact = format!("docker.io/acme/web:1@sha256:{}", "a".repeat(64));
        let mut seen = Seen::default();
        seen.sort(vec![sighting(&exact, "/0")], &Switches::default());
        let off = Switch::new(vec!["useDigest".to_owned()], Setting::Bool(false));
        let switches = Switches::default().with(off);
        let mut news = |image: &str| seen.sort(vec![sighting(image, "/0")], &switches)[0].0;
        assert_eq!(news("docker.io/acme/web:1"), News::Variant);
        assert_eq!(news("docker.io/acme/web:2"), News::Image);
    }

    #[test]
    fn what_the_own_machine_would_serve_and_what_was_filled_in_are_variants() {
        for host in ["localhost:5000", "localhost", "127.0.0.1:5000"] {
            let image = format!("{host}/quay.io/other/thing:1");
            assert_eq!(news(&image, Setting::Bool(true)), News::Variant, "{image}");
        }
        assert_eq!(news("docker.io/acme/filled-in:2", Setting::Filled), News::Variant);
    }

    #[test]
    fn an_image_that_moved_on_in_its_list_was_not_replaced() {
        let mut seen = Seen::default();
        seen.sort(vec![sighting("docker.io/acme/web:1", "/0")], &Switches::default());
        let text = Setting::Text("init".to_owned());
        let switches = Switches::default().with(Switch::new(vec!["a".to_owned()], text));
        let both = vec![
            sighting("docker.io/acme/init:1", "/0"),
            sighting("docker.io/acme/web:1", "/1"),
        ];
        let news: Vec<News> = seen.sort(both, &switches).into_iter().map(|(n, _)| n).collect();
        assert_eq!(news, [News::Image, News::None]);
    }

    #[test]
    fn a_variant_that_another_switch_shows_as_an_image_is_one() {
        let mut seen = Seen::default();
        seen.sort(vec![sighting("docker.io/acme/web:1", "/0")], &Switches::default());
        let moved = "mirror.example.com/acme/web:1";
        let on = Switches::default().with(Switch::new(vec!["a".to_owned()], Setting::Bool(true)));
        let first = seen.sort(vec![sighting(moved, "/0")], &on)[0].0;
        let again = seen.sort(vec![sighting(moved, "/0")], &on)[0].0;
        let elsewhere = seen.sort(vec![sighting(moved, "/9")], &on)[0].0;
        assert_eq!(
            [first, again, elsewhere],
            [News::Variant, News::None, News::Image]
        );
    }
}
