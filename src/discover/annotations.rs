//! Images that a chart declares about itself: annotations of `Chart.yaml`, and `Images.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::sighting::{Place, Reading, Rule, Severity, Sighting, Source, Subject, Tier};
use super::tree::{self, Content, Node};
use super::{reading, values};
use crate::reference::Reference;

/// The annotations that list images.
const KEYS: [&str; 3] = ["helm.sh/images", "images", "artifacthub.io/images"];

/// What a declaration of the chart is measured against.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// What the values declare with an exact tag, as they are and as the chart ships them: an annotation that only repeats
    /// it says nothing new.
    pub by_values: BTreeSet<Reference>,
    /// What the chart renders, as far as it is certain or strong: what nodes will ask for, whatever the chart says of
    /// itself.
    pub rendered: BTreeSet<Reference>,
    /// Whether the chart takes part in the release at all.
    pub in_use: bool,
}

impl Declared {
    /// Of scans of the values as they are and as the chart ships them, and of what was found in its render.
    pub fn new(scanned: &[Sighting], shipped: &[Sighting], found: &[Sighting], in_use: bool) -> Self {
        let rendered = found.iter().filter_map(|sighting| match &sighting.reading {
            Reading::Image(reference)
                if sighting.source == Source::Render && sighting.tier <= Tier::Strong =>
            {
                Some(reference.clone())
            }
            _ => None,
        });
        Self {
            by_values: values::declared(scanned)
                .into_iter()
                .chain(values::declared(shipped))
                .collect(),
            rendered: rendered.collect(),
            in_use,
        }
    }

    /// An image that the values hold behind a switch is a candidate like them. One that only the annotation knows is
    /// needed: an operator pulls it.
    fn tier(&self, reference: &Reference) -> Tier {
        if self.in_use && !self.by_values.contains(reference) {
            Tier::Strong
        } else {
            Tier::Candidate
        }
    }

    /// Whether the render has an image of this name and not this one: a list that fell behind, or that names another
    /// registry than the values.
    fn is_outdated(&self, reference: &Reference) -> bool {
        let name = last_part(reference);
        !self.rendered.contains(reference) && self.rendered.iter().any(|other| last_part(other) == name)
    }
}

/// `redis` of `docker.io/bitnami/redis:7`.
fn last_part(reference: &Reference) -> &str {
    let path = reference.repository().path();
    path.rsplit('/').next().unwrap_or(path)
}

/// Reads the image lists among a chart's annotations. `condition` says whether a path of the values is true.
pub fn scan_annotations(
    annotations: &BTreeMap<String, String>,
    subject: &Subject,
    declared: &Declared,
    condition: &dyn Fn(&str) -> bool,
) -> Vec<Sighting> {
    let mut list = List {
        subject: Arc::new(subject.clone()),
        rule: Rule::ChartAnnotation,
        source: Source::Annotation,
        declared,
        condition,
        found: Vec::new(),
    };
    for key in KEYS {
        if let Some(text) = annotations.get(key) {
            let pointer = format!("/annotations/{}", key.replace('/', "~1"));
            list.read(text, &pointer);
        }
    }
    list.measured()
}

/// Reads an `Images.lock`.
pub fn scan_images_lock(text: &str, subject: &Subject, declared: &Declared) -> Vec<Sighting> {
    let mut list = List {
        subject: Arc::new(subject.clone()),
        rule: Rule::ChartLock,
        source: Source::Lock,
        declared,
        condition: &|_| true,
        found: Vec::new(),
    };
    match tree::parse(text.as_bytes()) {
        Ok(documents) => {
            for images in documents.iter().filter_map(|d| d.get("images")) {
                list.elements(images, "/images");
            }
        }
        Err(error) => list.trouble("Images.lock", &error.to_string(), ""),
    }
    list.measured()
}

struct List<'a> {
    subject: Arc<Subject>,
    rule: Rule,
    source: Source,
    declared: &'a Declared,
    condition: &'a dyn Fn(&str) -> bool,
    found: Vec<Sighting>,
}

impl List<'_> {
    /// What was found, measured against the render. A name that is listed several times is listed for its tags: an
    /// operator runs them side by side.
    fn measured(mut self) -> Vec<Sighting> {
        let names: Vec<String> = self
            .found
            .iter()
            .filter_map(|sighting| match &sighting.reading {
                Reading::Image(reference) => Some(reference),
                Reading::Unresolved { .. } => None,
            })
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|reference| last_part(reference).to_owned())
            .collect();
        for sighting in &mut self.found {
            if let Reading::Image(reference) = &sighting.reading
                && names.iter().filter(|name| *name == last_part(reference)).count() == 1
                && self.declared.is_outdated(reference)
            {
                sighting.tier = Tier::Candidate;
            }
        }
        self.found
    }

    /// YAML in a string: a list of maps or strings; people also write one reference a line.
    fn read(&mut self, text: &str, pointer: &str) {
        match tree::parse(text.as_bytes()) {
            Ok(documents) if documents.iter().any(|d| matches!(d.content, Content::Seq(_))) => {
                for document in &documents {
                    self.elements(document, pointer);
                }
            }
            Ok(_) => {
                for word in text
                    .split(|c: char| c.is_whitespace() || c == ',')
                    .filter(|w| !w.is_empty())
                {
                    self.one(word, pointer, true);
                }
            }
            Err(error) => self.trouble(text, &error.to_string(), pointer),
        }
    }

    fn elements(&mut self, list: &Node, pointer: &str) {
        for (index, element) in list.elements().iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            match element.scalar().or_else(|| element.filled("image")) {
                Some(text) => {
                    let wanted = element.filled("condition").is_none_or(self.condition);
                    self.one(text, &pointer, wanted);
                }
                None => self.trouble("…", "an entry without an image", &pointer),
            }
        }
    }

    fn one(&mut self, text: &str, pointer: &str, wanted: bool) {
        match reading::read(text) {
            Ok(reference) => {
                let tier = if wanted {
                    self.declared.tier(&reference)
                } else {
                    Tier::Candidate
                };
                self.push(text, Reading::Image(reference), tier, pointer);
            }
            Err(refusal) => self.trouble(text, &refusal.to_string(), pointer),
        }
    }

    fn trouble(&mut self, text: &str, reason: &str, pointer: &str) {
        let reading = Reading::Unresolved {
            severity: Severity::Warning,
            reason: reason.to_owned(),
        };
        self.push(
            &crate::secret::printable(text, 200),
            reading,
            Tier::Strong,
            pointer,
        );
    }

    fn push(&mut self, raw: &str, reading: Reading, tier: Tier, pointer: &str) {
        self.found.push(Sighting {
            raw: raw.to_owned(),
            reading,
            tier,
            rule: self.rule,
            source: self.source,
            place: Place {
                subject: Arc::clone(&self.subject),
                pointer: pointer.to_owned(),
                embedded: Vec::new(),
                line: None,
                template_line: None,
                template_file: None,
            },
            under: BTreeSet::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, text: &str, declared: &Declared) -> Vec<(u8, String)> {
        let annotations = BTreeMap::from([(key.to_owned(), text.to_owned())]);
        scan_annotations(&annotations, &Subject::default(), declared, &|path| path == "on")
            .into_iter()
            .map(|s| (s.tier.number(), s.raw))
            .collect()
    }

    fn in_use() -> Declared {
        Declared {
            in_use: true,
            ..Declared::default()
        }
    }

    #[test]
    fn maps_strings_and_plain_lines_are_read() {
        let expected = vec![(2, "a/b:1".to_owned()), (2, "c/d:2".to_owned())];
        for text in [
            "- name: x\n  image: a/b:1\n- image: c/d:2\n",
            "- a/b:1\n- c/d:2\n",
            "a/b:1\nc/d:2",
        ] {
            assert_eq!(read("artifacthub.io/images", text, &in_use()), expected, "{text}");
        }
    }

    #[test]
    fn a_condition_that_is_off_makes_a_candidate() {
        let text = "- {image: a/b:1, condition: on}\n- {image: c/d:2, condition: off.enabled}\n";
        // `on` is a truth value to YAML and still the text of a condition here.
        assert_eq!(
            read("helm.sh/images", text, &in_use()),
            [(2, "a/b:1".to_owned()), (4, "c/d:2".to_owned())]
        );
    }

    #[test]
    fn what_the_values_declare_behind_a_switch_stays_a_candidate() {
        let declared = Declared {
            by_values: BTreeSet::from(["a/b:1".parse().unwrap()]),
            ..in_use()
        };
        assert_eq!(
            read("images", "- image: a/b:1\n- image: c/d:2\n", &declared),
            [(4, "a/b:1".to_owned()), (2, "c/d:2".to_owned())]
        );
    }

    #[test]
    fn the_render_knows_better_than_a_list_that_fell_behind() {
        let declared = Declared {
            rendered: BTreeSet::from(["mirror.example.com/x/b:2".parse().unwrap()]),
            ..in_use()
        };
        assert_eq!(
            read("images", "- image: a/b:1\n- image: c/d:2\n", &declared),
            [(4, "a/b:1".to_owned()), (2, "c/d:2".to_owned())]
        );
        // Two of a name are meant side by side.
        assert_eq!(
            read("images", "- image: a/b:1\n- image: a/b:3\n", &declared),
            [(2, "a/b:1".to_owned()), (2, "a/b:3".to_owned())]
        );
        let same = "- image: mirror.example.com/x/b:2\n";
        assert_eq!(
            read("images", same, &declared),
            [(2, "mirror.example.com/x/b:2".to_owned())]
        );
    }

    #[test]
    fn a_lock_of_images_is_read_and_a_broken_one_is_reported() {
        let text = "apiVersion: v0\nkind: ImagesLock\nimages:\n- name: redis\n  image: docker.io/bitnami/redis:7.4\n  \
                    digests: [{digest: 'sha256:00', arch: linux/amd64}]\n";
        let found = scan_images_lock(text, &Subject::default(), &in_use());
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].raw.as_str(), found[0].source),
            ("docker.io/bitnami/redis:7.4", Source::Lock)
        );
        let broken = scan_images_lock("images: [", &Subject::default(), &in_use());
        assert!(matches!(broken[0].reading, Reading::Unresolved { .. }));
    }

    #[test]
    fn an_entry_that_is_no_image_is_reported() {
        let annotations = BTreeMap::from([("images".to_owned(), "- image: 'a/b@'\n- {}\n".to_owned())]);
        let found = scan_annotations(&annotations, &Subject::default(), &in_use(), &|_| true);
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .all(|s| matches!(s.reading, Reading::Unresolved { .. }))
        );
    }
}
