//! What the user adds and leaves out, each with a reason that the report repeats.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use super::sighting::{Place, Reading, Rule, Sighting, Source, Subject, Tier};
use crate::reference::{self, Reference};

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

/// Images to leave out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// A pattern over the canonical reference, or over its repository: `*` stands for any text, `?` for one character.
    pub image: String,
    /// Why they are not needed.
    #[serde(default)]
    pub reason: String,
}

/// An image that was left out, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Excluded {
    /// The image.
    pub reference: Reference,
    /// The pattern that matched.
    pub pattern: String,
    /// The user's reason.
    pub reason: String,
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

/// Takes out what the user does not want, and tells what that was.
pub fn exclude(excludes: &[Exclude], catalogue: &mut Catalogue) -> Exclusion {
    let mut outcome = Exclusion::default();
    for rule in excludes {
        let matched: Vec<Reference> = catalogue
            .references()
            .filter(|r| {
                matches(&rule.image, &r.to_string()) || matches(&rule.image, &r.repository().to_string())
            })
            .cloned()
            .collect();
        if matched.is_empty() {
            outcome.idle.push(rule.image.clone());
        }
        for reference in matched {
            catalogue.remove(&reference);
            outcome.excluded.push(Excluded {
                reference,
                pattern: rule.image.clone(),
                reason: rule.reason.clone(),
            });
        }
    }
    outcome.excluded.sort();
    outcome
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
            image: image.into(),
            reason: "not used here".into(),
        });
        let outcome = exclude(&rules, &mut catalogue);
        assert_eq!(outcome.excluded.len(), 1);
        assert_eq!(outcome.idle, ["nothing/*"]);
        assert!(catalogue.images().is_empty());
    }
}
