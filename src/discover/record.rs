//! What a walk writes down: images, and what ought to be one and cannot be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::scope::Scope;
use super::sighting::{Place, Reading, Rule, Severity, Sighting, Tier};
use super::split::Split;
use super::walk::Walk;
use super::{joins, reading};

/// Why a text is on the list of unresolved ones.
#[derive(Debug)]
pub(super) struct Trouble {
    tier: Tier,
    rule: Rule,
    severity: Severity,
    reason: String,
}

impl Trouble {
    pub(super) fn new(tier: Tier, rule: Rule, severity: Severity, reason: String) -> Self {
        Self {
            tier,
            rule,
            severity,
            reason,
        }
    }
}

impl Walk<'_, '_> {
    /// A text that announces an image and is one, or is unresolved.
    pub(super) fn strong(&mut self, text: &str, rule: Rule, line: u32, scope: Scope) {
        match reading::read(text) {
            Ok(reference) => {
                // A variable, a flag or a line of a text often holds the name alone, with its tag put in by a program.
                let open = matches!(rule, Rule::Env | Rule::Flag | Rule::TextKey) && !reading::is_exact(text);
                let tier = if open { Tier::Candidate } else { Tier::Strong };
                self.image(text, reference, tier, rule, line, scope);
            }
            Err(refusal) => {
                let expected = refusal.is_harmless() || refusal.is_template() || scope.best > Tier::Strong;
                let severity = if expected {
                    Severity::Note
                } else {
                    Severity::Warning
                };
                let trouble = Trouble::new(Tier::Strong, rule, severity, refusal.to_string());
                self.unresolved(text, trouble, line, scope);
            }
        }
    }

    /// An image that was put together from names that begin alike.
    pub(super) fn pieced(&mut self, split: &Split<'_>, rule: Rule, line: u32, scope: Scope) {
        if split.is_bare {
            self.bare(&split.text, rule, line, scope);
        } else {
            self.strong(&split.text, rule, line, scope);
        }
    }

    /// A name with its tag and without a registry: listed, since Docker Hub would be a guess.
    pub(super) fn bare(&mut self, text: &str, rule: Rule, line: u32, scope: Scope) {
        let trouble = Trouble::new(Tier::Candidate, rule, Severity::Note, joins::BARE.to_owned());
        self.unresolved(text, trouble, line, scope);
    }

    /// A text that may be an image; one that cannot be read is dropped, since nothing announced it.
    pub(super) fn weak(&mut self, text: &str, rule: Rule, line: u32, scope: Scope) {
        if let Ok(reference) = reading::read(text) {
            self.image(text, reference, Tier::Candidate, rule, line, scope);
        }
    }

    pub(super) fn image(
        &mut self,
        raw: &str,
        reference: crate::reference::Reference,
        tier: Tier,
        rule: Rule,
        line: u32,
        scope: Scope,
    ) {
        let sighting = Sighting {
            raw: raw.to_owned(),
            reading: Reading::Image(reference),
            tier: tier.max(scope.best),
            rule,
            source: scope.source,
            place: self.place(line),
            under: BTreeSet::new(),
        };
        self.found.push(sighting);
    }

    pub(super) fn unresolved(&mut self, raw: &str, trouble: Trouble, line: u32, scope: Scope) {
        let Trouble {
            tier,
            rule,
            severity,
            reason,
        } = trouble;
        let (raw, reason) = if scope.secret {
            (
                "(in a Secret, not shown)".to_owned(),
                "it cannot be read as an image".to_owned(),
            )
        } else {
            (crate::secret::printable(raw, 200), reason)
        };
        let sighting = Sighting {
            raw,
            reading: Reading::Unresolved { severity, reason },
            tier,
            rule,
            source: scope.source,
            place: self.place(line),
            under: BTreeSet::new(),
        };
        self.found.push(sighting);
    }

    fn place(&self, line: u32) -> Place {
        Place {
            subject: Arc::clone(self.subject),
            pointer: pointer(&self.pointer),
            embedded: self.embedded.clone(),
            line: self.lines.of(line),
            template_line: None,
            template_file: None,
        }
    }
}

/// A JSON pointer from escaped segments.
pub(super) fn pointer(segments: &[String]) -> String {
    segments.iter().fold(String::new(), |mut pointer, segment| {
        pointer.push('/');
        pointer.push_str(segment);
        pointer
    })
}
