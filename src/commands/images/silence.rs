//! Charts of which nothing that runs was rendered, although their values declare images.

use std::collections::BTreeSet;

use super::Survey;
use crate::discover::{Reading, Rule, Sighting, Source, Tier};
use crate::explore;
use crate::helm::{self, Prepared};

/// How many images and values a warning names.
const NAMED: usize = 4;

impl Survey<'_> {
    /// Warns of a chart whose render has no image at all while its values declare some. `from` is where its sightings
    /// begin.
    pub(super) fn silence(
        &mut self,
        prepared: &Prepared<'_>,
        options: &helm::Options,
        label: &str,
        from: usize,
    ) {
        let own = self.found.get(from..).unwrap_or_default();
        if own.iter().any(runs) {
            return;
        }
        let images: BTreeSet<String> = own.iter().filter_map(declared).collect();
        if images.is_empty() {
            return;
        }
        let images = some(&images.into_iter().collect::<Vec<_>>());
        let empty = explore::empty_conditions(prepared, options);
        let conditions = if empty.is_empty() {
            String::new()
        } else {
            format!(", and conditions read empty values: {}", some(&empty))
        };
        self.report.warnings.push(format!(
            "{label}: nothing that runs was rendered; its values declare {images}{conditions}"
        ));
    }
}

/// Whether a render or a list of the chart's own needs it.
fn runs(sighting: &Sighting) -> bool {
    sighting.source != Source::Values && sighting.tier < Tier::Candidate
}

fn declared(sighting: &Sighting) -> Option<String> {
    match &sighting.reading {
        Reading::Image(reference) if matches!(sighting.rule, Rule::DisabledByValues | Rule::GuessedTag) => {
            Some(reference.to_string())
        }
        _ => None,
    }
}

/// The first ones, and how many there are beside them.
fn some(names: &[String]) -> String {
    let named = names.get(..NAMED).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
