//! The report for people: by chart or file, one row an image.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use super::check::State;
use super::report::{Report, Revealed};
use super::rows;
use crate::discover::{Image, Occurrence, Rule, Severity, Tier, Unresolved};
use crate::reference::Reference;
use crate::secret::printable;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revealed: BTreeSet<&Reference> = self
            .explored
            .iter()
            .flat_map(|chart| chart.revealed.iter().map(|r| &r.reference))
            .collect();
        let shown: Vec<&Image> = self
            .images
            .iter()
            .filter(|i| !revealed.contains(&i.reference))
            .collect();
        for (group, images) in groups(&shown) {
            writeln!(f, "{group} ({})", count(images.len(), "image"))?;
            let row = |image: &&Image| (image.reference.to_string(), self.remark(image));
            rows::write(f, &images.iter().map(row).collect::<Vec<_>>())?;
            writeln!(f)?;
        }
        self.switches(f)?;
        self.answers(f)?;
        self.problems(f)?;
        self.candidates(f)?;
        for excluded in &self.excluded {
            writeln!(
                f,
                "left out by `{}`: {}{}{}",
                printable(&excluded.pattern, 200),
                excluded.reference,
                if excluded.still_needed {
                    " in some places; others still need it"
                } else {
                    ""
                },
                if excluded.reason.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", printable(&excluded.reason, 200))
                }
            )?;
        }
        for violation in &self.violations {
            writeln!(f, "refused: {violation}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {}", printable(warning, 500))?;
        }
        write!(
            f,
            "{} in all; {} unresolved, {} failed",
            count(self.images.len(), "image"),
            self.unresolved
                .iter()
                .filter(|u| u.severity < Severity::Note)
                .count(),
            self.failures.len()
        )
    }
}

impl Report {
    /// What the registries said.
    fn answers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.checked.is_empty() {
            return Ok(());
        }
        let of = |state: State| self.checked.iter().filter(move |c| c.state == state);
        writeln!(
            f,
            "The registries have {} of {}; {} absent, {} unknown.",
            of(State::Verified).count(),
            count(self.checked.len(), "image"),
            of(State::Absent).count(),
            of(State::Unknown).count()
        )?;
        for (word, state) in [("absent", State::Absent), ("unknown", State::Unknown)] {
            for checked in of(state) {
                let reason = checked.reason.as_deref().unwrap_or_default();
                writeln!(f, "  {word}: {}: {}", checked.reference, printable(reason, 400))?;
            }
        }
        writeln!(f)
    }

    fn problems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<&Unresolved> = self
            .unresolved
            .iter()
            .filter(|u| u.severity < Severity::Note)
            .collect();
        if !rows.is_empty() {
            writeln!(f, "Not readable as images:")?;
            for row in rows {
                let word = if row.severity == Severity::Error {
                    "error"
                } else {
                    "warning"
                };
                writeln!(
                    f,
                    "  {word}: `{}`: {}",
                    printable(&row.raw, 200),
                    printable(&row.reason, 300)
                )?;
                writeln!(f, "    in {}", super::why::place(&row.place))?;
            }
            writeln!(f)?;
        }
        if !self.failures.is_empty() {
            writeln!(f, "Failed, images of theirs may be missing from this list:")?;
            for failure in &self.failures {
                writeln!(
                    f,
                    "  {}: {}",
                    printable(&failure.subject, 200),
                    printable(&failure.reason, 1000)
                )?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// What exploring showed: each image with the switch that needs it.
    fn switches(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for explored in &self.explored {
            let of = explored
                .profile
                .as_ref()
                .map_or(String::new(), |p| format!(", profile {p}"));
            writeln!(
                f,
                "Behind switches of {}{of} ({}, {}):",
                printable(&explored.chart, 200),
                count(explored.switches, "switch"),
                count(explored.renders, "render")
            )?;
            let row = |r: &Revealed| (r.switches.clone(), format!("→ {}", r.reference));
            rows::write(f, &explored.revealed.iter().map(row).collect::<Vec<_>>())?;
            if explored.revealed.is_empty() {
                writeln!(f, "  nothing more was found")?;
            }
            if !explored.unexplored.is_empty() {
                writeln!(f, "  not explored, or only in part:")?;
            }
            for row in &explored.unexplored {
                let switches = if row.switches.is_empty() {
                    "the values as they are"
                } else {
                    &row.switches
                };
                writeln!(
                    f,
                    "    {}\n        {}",
                    printable(switches, 200),
                    printable(&row.reason, 160)
                )?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn candidates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.candidates.is_empty() {
            return Ok(());
        }
        let hidden = |image: &&Image| image.sources.iter().any(|s| s.rule == Rule::DisabledByValues);
        let hidden = self.candidates.iter().filter(hidden).count();
        if self.explored.is_empty() && hidden > 0 {
            writeln!(
                f,
                "{} more in the values of charts that nothing renders; --explore finds which switches need them.",
                count(hidden, "image")
            )?;
        }
        writeln!(
            f,
            "{} not sure enough to be mirrored; --include REFERENCE adds one:",
            count(self.candidates.len(), "candidate")
        )?;
        let row = |image: &Image| {
            let why = image.sources.first().map_or_else(String::new, doubt);
            (image.reference.to_string(), why)
        };
        rows::write(f, &self.candidates.iter().map(row).collect::<Vec<_>>())?;
        writeln!(f)
    }

    /// Where the image is, in a few words.
    fn remark(&self, image: &Image) -> String {
        let Some(first) = image.sources.first() else {
            return String::new();
        };
        let mut remark = super::why::short_object(&first.place);
        let places = image.sources.iter().filter(|s| s.tier < Tier::Candidate).count();
        if places > 1 {
            let _ = write!(remark, " and {} more", places - 1);
        }
        if first.tier > Tier::Certain {
            let _ = write!(remark, " [tier {}, {}]", first.tier, first.rule.id());
        }
        if image.floating {
            remark.push_str(" [floating tag]");
        }
        let (switches, profiles) = rows::conditions(&first.under);
        if !switches.is_empty() {
            let _ = write!(remark, " [only with {}]", printable(&switches.join(", "), 200));
        }
        // What every profile needs is not worth a word.
        if !profiles.is_empty() && profiles.len() < self.profiles_of(first) {
            let _ = write!(remark, " [only {}]", printable(&rows::profiles(&profiles), 200));
        }
        remark
    }

    /// With how many profiles the chart of a place was rendered.
    fn profiles_of(&self, occurrence: &Occurrence) -> usize {
        let chart = group(occurrence);
        let names = self.rendered.iter().filter(|rendered| rendered.chart == chart);
        names
            .filter_map(|rendered| rendered.profile.as_ref())
            .collect::<BTreeSet<_>>()
            .len()
    }
}

/// Images by the chart or file of their surest place.
fn groups<'i>(images: &[&'i Image]) -> BTreeMap<String, Vec<&'i Image>> {
    let mut groups: BTreeMap<String, Vec<&Image>> = BTreeMap::new();
    for image in images {
        let mut names: Vec<String> = image
            .sources
            .iter()
            .filter(|s| s.tier < Tier::Candidate || image.tier == Tier::Candidate)
            .map(group)
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            groups.entry(name).or_default().push(image);
        }
    }
    groups
}

fn group(occurrence: &Occurrence) -> String {
    let subject = &occurrence.place.subject;
    match (&subject.chart, &subject.chart_version) {
        (Some(chart), Some(version)) => printable(&format!("{chart} {version}"), 200),
        _ => printable(&subject.file, 200),
    }
}

/// Why a candidate is none more.
fn doubt(occurrence: &Occurrence) -> String {
    let (switches, _) = rows::conditions(&occurrence.under);
    let switch = switches.first().map(|switch| printable(switch, 120));
    match (occurrence.rule, switch) {
        (Rule::DisabledByValues, Some(switch)) => format!("in the values, perhaps with {switch}"),
        (Rule::DisabledByValues, None) => format!("in the values, {}, not rendered", dotted(occurrence)),
        (Rule::GuessedTag, _) => format!(
            "in the values, {}; the tag is a guess from appVersion",
            dotted(occurrence)
        ),
        (Rule::ChartAnnotation | Rule::ChartLock, _) => "declared by the chart, not rendered".to_owned(),
        (rule, switch) => {
            let with = switch.map_or(String::new(), |switch| format!(", only with {switch}"));
            format!("{} in {}{with}", rule.id(), super::why::object(&occurrence.place))
        }
    }
}

fn dotted(occurrence: &Occurrence) -> String {
    printable(
        &occurrence.place.pointer.trim_start_matches('/').replace('/', "."),
        120,
    )
}

fn count(number: usize, noun: &str) -> String {
    let end = match (number, noun.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{number} {noun}{end}")
}
