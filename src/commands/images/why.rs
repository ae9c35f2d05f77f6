//! Why an image is on the list: every place, so that a person finds the line.

use std::fmt::Write as _;

use super::report::Report;
use crate::discover::{Image, Occurrence, Place, Source};
use crate::reference::Reference;
use crate::secret::printable;

impl Report {
    /// Explains the images that a text names: a reference, a repository, or a part of either. Empty if there is none.
    pub fn why(&self, asked: &str) -> String {
        let exact: Option<Reference> = asked.parse().ok();
        let all = || self.images.iter().chain(&self.candidates);
        let mut matched: Vec<&Image> = all().filter(|i| Some(&i.reference) == exact.as_ref()).collect();
        if matched.is_empty() {
            matched = all()
                .filter(|i| i.reference.to_string().contains(asked))
                .collect();
        }
        let mut text = String::new();
        for image in matched {
            let _ = writeln!(text, "{}  (tier {})", image.reference, image.tier);
            for occurrence in &image.sources {
                explain(occurrence, &image.reference, &mut text);
            }
            text.push('\n');
        }
        for row in &self.unresolved {
            if row.raw.contains(asked) {
                let _ = writeln!(
                    text,
                    "`{}` is not readable as an image: {}",
                    printable(&row.raw, 200),
                    row.reason
                );
                let _ = writeln!(text, "  {}", place(&row.place));
            }
        }
        text
    }
}

fn explain(occurrence: &Occurrence, reference: &Reference, text: &mut String) {
    let _ = writeln!(
        text,
        "  {} · rule {} · tier {}",
        origin(occurrence.source),
        occurrence.rule.id(),
        occurrence.tier
    );
    let _ = writeln!(text, "    {}", place(&occurrence.place));
    if occurrence.source == Source::Render {
        let template = occurrence
            .place
            .subject
            .file
            .split_once('/')
            .map_or("", |(_, below)| below);
        let _ = writeln!(
            text,
            "    to see it: carrack charts render CHART --show-only {}",
            printable(template, 200)
        );
    }
    if occurrence.raw != reference.to_string() {
        let _ = writeln!(text, "    written `{}`", printable(&occurrence.raw, 400));
    }
    if !occurrence.under.is_empty() {
        let under: Vec<&str> = occurrence.under.iter().map(String::as_str).collect();
        let word = if occurrence.source == Source::Values {
            "perhaps with"
        } else {
            "only with"
        };
        let _ = writeln!(text, "    {word} {}", printable(&under.join(", "), 400));
    }
}

fn origin(source: Source) -> &'static str {
    match source {
        Source::Render => "rendered by the chart",
        Source::Manifest => "in a manifest",
        Source::Annotation => "declared in the chart's annotations",
        Source::Lock => "declared in Images.lock",
        Source::Values => "declared in the values",
        Source::Table => "composed by the operator (built-in table)",
        Source::List => "on a list",
        Source::Bundle => "related image of an operator bundle",
        Source::User => "added by you",
    }
}

/// A place in one line: file, object, pointer, line.
pub(super) fn place(place: &Place) -> String {
    let subject = &place.subject;
    let mut text = printable(&file(place), 300);
    let rendered = subject.chart.is_some() && !subject.kind.is_empty();
    match (place.line, place.template_line) {
        (_, Some(line)) if place.template_file.is_some() => {
            let from = place.template_file.as_deref().unwrap_or_default();
            let _ = write!(text, ", written by {}:{line}", printable(from, 300));
        }
        (Some(line), None) if rendered => {
            let _ = write!(text, " (line {line} of the rendered document)");
        }
        (_, Some(line)) | (Some(line), None) => {
            let _ = write!(text, ":{line}");
        }
        (None, None) => {}
    }
    if !subject.kind.is_empty() {
        let _ = write!(text, "  {}", object(place));
    }
    for outer in &place.embedded {
        let _ = write!(text, "  {} holds", printable(outer, 200));
    }
    if !place.pointer.is_empty() {
        let _ = write!(text, "  {}", printable(&place.pointer, 300));
    }
    text
}

fn file(place: &Place) -> String {
    let subject = &place.subject;
    if subject.subchart.is_empty() || subject.file.contains("/charts/") {
        subject.file.clone()
    } else {
        let path: Vec<String> = subject
            .subchart
            .split('/')
            .map(|s| format!("charts/{s}/"))
            .collect();
        format!("{}{}", path.concat(), subject.file)
    }
}

/// The object of a place: `Deployment/web`, or the file where there is no object.
pub(super) fn object(place: &Place) -> String {
    let subject = &place.subject;
    let text = match (subject.kind.is_empty(), subject.namespace.is_empty()) {
        (true, _) => file(place),
        (false, true) => format!("{}/{}", subject.kind, subject.name),
        (false, false) => format!("{}/{} in {}", subject.kind, subject.name, subject.namespace),
    };
    printable(&text, 200)
}
