//! What the user adds and leaves out, each with a reason that the report repeats.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use super::sighting::{Place, Reading, Rule, Sighting, Source, Subject, Tier};
use crate::reference::{self, Reference};
use crate::version::{Constraint, Version};

/// An image that nothing names and that is needed all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Include {
    /// The reference as the user writes it.
    pub image: String,
    /// Why it is needed.
    #[serde(default)]
    pub reason: String,
}

/// Images to leave out, or places of them: everything that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclude {
    /// A pattern over the canonical reference, or over its repository: `*` stands for any text, `?` for one character.
    pub image: Option<String>,
    /// Only tags that are versions in this range.
    pub versions: Option<Constraint>,
    /// Only places that make it no surer than this.
    pub tier: Option<Tier>,
    /// A pattern over the chart's name, or over it with the path of its subcharts: `argo-cd/redis-ha`.
    pub chart: Option<String>,
    /// A pattern over the JSON pointer of the place, or over that of a string whose document holds it.
    pub pointer: Option<String>,
    /// Why they are not needed.
    pub reason: String,
}

impl Exclude {
    fn covers(&self, reference: &Reference) -> bool {
        let named = self.image.as_deref().is_none_or(|pattern| {
            matches(pattern, &reference.to_string()) || matches(pattern, &reference.repository().to_string())
        });
        let version = || Version::parse(reference.tag()?.as_str()).ok();
        named
            && self
                .versions
                .as_ref()
                .is_none_or(|range| version().is_some_and(|version| range.matches(&version)))
    }

    fn covers_place(&self, tier: Tier, place: &Place) -> bool {
        let is = |pattern: &Option<String>, test: &dyn Fn(&str) -> bool| pattern.as_deref().is_none_or(test);
        let subject = &place.subject;
        self.tier.is_none_or(|best| tier >= best)
            && is(&self.chart, &|pattern| {
                subject.chart.as_deref().is_some_and(|chart| {
                    matches(pattern, chart) || matches(pattern, &format!("{chart}/{}", subject.subchart))
                })
            })
            && is(&self.pointer, &|pattern| {
                let mut pointers = place.embedded.iter().chain([&place.pointer]);
                pointers.any(|pointer| matches(pattern, pointer))
            })
    }
}

impl fmt::Display for Exclude {
    /// The pattern of images, and in brackets what else must hold: `quay.io/a/* (chart argo-cd)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut others = Vec::new();
        others.extend(self.versions.as_ref().map(|range| format!("versions {range}")));
        others.extend(self.tier.map(|tier| format!("tier {tier}")));
        others.extend(self.chart.as_ref().map(|chart| format!("chart {chart}")));
        others.extend(self.pointer.as_ref().map(|pointer| format!("pointer {pointer}")));
        f.write_str(self.image.as_deref().unwrap_or("*"))?;
        if others.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", others.join(", "))
    }
}

/// An image that was left out, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Excluded {
    /// The image.
    pub reference: Reference,
    /// What matched, as [`Exclude`] prints it.
    pub pattern: String,
    /// The user's reason.
    pub reason: String,
    /// Whether only some of its places were left out, so that the image is still needed.
    #[serde(skip_serializing_if = "is_false")]
    pub still_needed: bool,
}

/// What excluding came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusion {
    /// What was left out.
    pub excluded: Vec<Excluded>,
    /// Patterns that matched nothing: most likely a mistake.
    pub idle: Vec<String>,
}

/// Adds the user's own images to the catalogue.
pub fn include(includes: &[Include], catalogue: &mut Catalogue) -> Result<(), (String, reference::Error)> {
    for entry in includes {
        let reference: Reference = entry
            .image
            .parse()
            .map_err(|error| (entry.image.clone(), error))?;
        catalogue.add(Sighting {
            raw: entry.image.clone(),
            reading: Reading::Image(reference),
            tier: Tier::Certain,
            rule: Rule::Included,
            source: Source::User,
            place: Place {
                subject: Arc::new(Subject {
                    file: if entry.reason.is_empty() {
                        "include list".to_owned()
                    } else {
                        format!("include list: {}", crate::secret::printable(&entry.reason, 200))
                    },
                    ..Subject::default()
                }),
                pointer: String::new(),
                embedded: Vec::new(),
                line: None,
                template_line: None,
                template_file: None,
            },
            under: BTreeSet::new(),
        });
    }
    Ok(())
}

/// Takes out what the user does not want, and tells what that was. An image of which places remain stays.
pub fn exclude(excludes: &[Exclude], catalogue: &mut Catalogue) -> Exclusion {
    let mut outcome = Exclusion::default();
    for rule in excludes {
        let covered: Vec<Reference> = catalogue
            .references()
            .filter(|r| rule.covers(r))
            .cloned()
            .collect();
        let mut idle = true;
        for reference in covered {
            let places = catalogue.take_out(&reference, |tier, place| rule.covers_place(tier, place));
            if places == 0 {
                continue;
            }
            idle = false;
            outcome.excluded.push(Excluded {
                still_needed: catalogue.has(&reference, Tier::Candidate),
                reference,
                pattern: rule.to_string(),
                reason: rule.reason.clone(),
            });
        }
        if idle {
            outcome.idle.push(rule.to_string());
        }
    }
    outcome.excluded.sort();
    outcome
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether a pattern of `*` and `?` covers the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // `reached[t]`: the pattern read so far covers the first t characters.
    let mut reached = vec![false; text.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for symbol in pattern {
        let mut next = vec![false; text.len() + 1];
        let mut any = false;
        for (index, place) in next.iter_mut().enumerate() {
            let here = reached.get(index).copied().unwrap_or_default();
            any |= here;
            let before = index
                .checked_sub(1)
                .and_then(|i| Some((*reached.get(i)?, *text.get(i)?)));
            *place = match symbol {
                '*' => any,
                '?' => before.is_some_and(|(was, _)| was),
                _ => before.is_some_and(|(was, character)| was && character == symbol),
            };
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::{Knowledge, Origin, walk};

    #[test]
    fn a_pattern_covers_all_of_a_reference_or_of_its_repository() {
        assert!(matches("docker.io/bitnami/*", "docker.io/bitnami/redis:1"));
        assert!(matches("*redis", "docker.io/bitnami/redis"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("docker.io/bitnami", "docker.io/bitnami/redis"));
        assert!(!matches("", "a"));
    }

    #[test]
    fn what_is_left_out_is_told_and_an_idle_pattern_too() {
        let mut catalogue = Catalogue::default();
        let include_list = [Include {
            image: "quay.io/a/b:1".into(),
            reason: "the operator pulls it".into(),
        }];
        include(&include_list, &mut catalogue).unwrap();
        let rules = ["quay.io/a/*", "nothing/*"].map(|image| Exclude {
            image: Some(image.into()),
            reason: "not used here".into(),
            ..Exclude::default()
        });
        let outcome = exclude(&rules, &mut catalogue);
        assert_eq!(outcome.excluded.len(), 1);
        assert_eq!(outcome.idle, ["nothing/*"]);
        assert!(catalogue.images().is_empty());
    }

    /// The images of a manifest and of a chart, after a rule.
    fn left(rule: &Exclude) -> (Vec<String>, Exclusion) {
        let text = b"kind: X\nspec:\n  containers: [{name: c, image: 'quay.io/a/b:1.2'}]\n  note: see quay.io/a/c:2.0\n";
        let mut catalogue = Catalogue::default();
        for chart in [None, Some("harbour".to_owned())] {
            let subchart = if chart.is_some() { "redis" } else { "" };
            let origin = Origin {
                subject: Subject {
                    chart,
                    subchart: subchart.to_owned(),
                    ..Subject::default()
                },
                source: Source::Manifest,
                lines_before: 0,
            };
            catalogue.extend(walk(text, &origin, &Knowledge::built_in()).unwrap());
        }
        let outcome = exclude(std::slice::from_ref(rule), &mut catalogue);
        let left = catalogue.references().map(ToString::to_string).collect();
        (left, outcome)
    }

    #[test]
    fn a_range_and_a_tier_choose_among_images() {
        let range = Exclude {
            versions: Some(">=2".parse().unwrap()),
            ..Exclude::default()
        };
        assert_eq!(left(&range).0, ["quay.io/a/b:1.2"]);
        let tier = Exclude {
            tier: Some(Tier::Heuristic),
            ..Exclude::default()
        };
        assert_eq!(left(&tier).0, ["quay.io/a/b:1.2"]);
        assert!(!left(&tier).1.excluded[0].still_needed);
    }

    #[test]
    fn what_another_place_still_needs_stays_and_that_is_told() {
        for chart in ["harbour", "harbour/redis", "*/redis"] {
            let rule = Exclude {
                image: Some("quay.io/a/b".to_owned()),
                chart: Some(chart.to_owned()),
                ..Exclude::default()
            };
            let (left, outcome) = left(&rule);
            assert_eq!(left, ["quay.io/a/b:1.2", "quay.io/a/c:2.0"], "{chart}");
            let told: Vec<(bool, &str)> = outcome
                .excluded
                .iter()
                .map(|e| (e.still_needed, e.pattern.as_str()))
                .collect();
            assert_eq!(told, [(true, format!("quay.io/a/b (chart {chart})").as_str())]);
        }
    }

    #[test]
    fn a_pointer_leaves_out_what_stands_there() {
        let rule = |pointer: &str| Exclude {
            pointer: Some(pointer.to_owned()),
            ..Exclude::default()
        };
        assert_eq!(left(&rule("/spec/containers/*/image")).0, ["quay.io/a/c:2.0"]);
        assert_eq!(left(&rule("/nowhere")).1.idle, ["* (pointer /nowhere)"]);
    }
}
