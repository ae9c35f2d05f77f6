//! Why an image is on the list: every place, so that a person finds the line.

use std::fmt::Write as _;

use super::report::Report;
use super::rows;
use crate::discover::{Image, Occurrence, Place, Source};
use crate::reference::Reference;
use crate::secret::printable;
use crate::shell::quoted;

impl Report {
    /// What a text names of this report: a reference, a repository, or a part of either. Sources that could not be read
    /// stay: they may name it, too.
    #[must_use]
    pub fn about(&self, asked: &str) -> Self {
        let exact: Option<Reference> = asked.parse().ok();
        let all = || self.images.iter().chain(&self.candidates);
        let is_named = |image: &Image| Some(&image.reference) == exact.as_ref();
        let is_exact = all().any(is_named);
        let matched = |images: &[Image]| {
            let matches =
                |image: &&Image| is_named(image) || !is_exact && image.reference.to_string().contains(asked);
            images.iter().filter(matches).cloned().collect()
        };
        let unresolved = self.unresolved.iter().filter(|row| row.raw.contains(asked));
        Self {
            images: matched(&self.images),
            candidates: matched(&self.candidates),
            unresolved: unresolved.cloned().collect(),
            failures: self.failures.clone(),
            ..Self::default()
        }
    }

    /// Whether nothing is named in it.
    pub fn names_nothing(&self) -> bool {
        self.images.is_empty() && self.candidates.is_empty() && self.unresolved.is_empty()
    }

    /// Every place that names the images, for people.
    pub fn explained(&self) -> String {
        let mut text = String::new();
        for image in self.images.iter().chain(&self.candidates) {
            let _ = writeln!(text, "{}  (tier {})", image.reference, image.tier);
            for occurrence in &image.sources {
                explain(occurrence, &image.reference, &mut text);
            }
            text.push('\n');
        }
        for row in &self.unresolved {
            let _ = writeln!(
                text,
                "`{}` is not readable as an image: {}",
                printable(&row.raw, 200),
                row.reason
            );
            let _ = writeln!(text, "  {}", place(&row.place));
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
    if occurrence.raw != reference.to_string() {
        let _ = writeln!(text, "    written `{}`", printable(&occurrence.raw, 400));
    }
    let (switches, profiles) = rows::conditions(&occurrence.under);
    if occurrence.source == Source::Render {
        let command = command(&occurrence.place, switches.first().copied());
        let _ = writeln!(text, "    to see it: {}", printable(&command, 600));
    }
    if !switches.is_empty() {
        let word = if occurrence.source == Source::Values {
            "perhaps with"
        } else {
            "only with"
        };
        let _ = writeln!(text, "    {word} {}", printable(&switches.join(", "), 400));
    }
    if !profiles.is_empty() {
        let _ = writeln!(text, "    in {}", printable(&rows::profiles(&profiles), 400));
    }
}

/// The command that prints the document, with the switches that show it.
fn command(place: &Place, switches: Option<&str>) -> String {
    let template = place.subject.file.split_once('/').map_or("", |(_, below)| below);
    let mut command = "carrack charts render CHART".to_owned();
    if template.starts_with("crds/") || template.contains("/crds/") {
        command.push_str(" --include-crds");
    }
    for switch in switches.iter().flat_map(|all| all.split(" and ")) {
        match switch {
            "a partial render" => {}
            "an upgrade" => command.push_str(" --is-upgrade"),
            flag if flag.starts_with("--") => {
                let _ = write!(command, " {flag}");
            }
            value => {
                let value = value.replace("(any value)", "filled-in");
                let _ = write!(command, " --set {}", quoted(&value));
            }
        }
    }
    let _ = write!(command, " --show-only {}", quoted(template));
    command
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

/// The object of a place without its namespace: `Deployment/web`, or the file where there is no object.
pub(super) fn short_object(place: &Place) -> String {
    let subject = &place.subject;
    let text = match (subject.kind.is_empty(), subject.name.is_empty()) {
        (true, _) => file(place),
        (false, true) => subject.kind.clone(),
        (false, false) => format!("{}/{}", subject.kind, subject.name),
    };
    printable(&text, 200)
}

/// The object of a place: `Deployment/web in shop`, or the file where there is no object.
pub(super) fn object(place: &Place) -> String {
    let subject = &place.subject;
    let mut text = short_object(place);
    if !subject.kind.is_empty() && !subject.namespace.is_empty() {
        let _ = write!(text, " in {}", printable(&subject.namespace, 200));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Subject;

    fn at(file: &str) -> Place {
        let subject = Subject {
            file: file.to_owned(),
            ..Subject::default()
        };
        Place {
            subject: Arc::new(subject),
            pointer: String::new(),
            embedded: Vec::new(),
            line: None,
            template_line: None,
            template_file: None,
        }
    }

    #[test]
    fn the_command_sets_the_switches_that_show_the_document() {
        let switches = "a.enabled=true and b\\.c=(any value) and --api-versions x/v1 and an upgrade";
        assert_eq!(
            command(&at("web/templates/a.yaml"), Some(switches)),
            "carrack charts render CHART --set a.enabled=true --set 'b\\.c=filled-in' --api-versions x/v1 --is-upgrade \
             --show-only templates/a.yaml"
        );
    }

    #[test]
    fn a_definition_is_printed_with_its_own_flag() {
        assert_eq!(
            command(&at("web/crds/a.yaml"), None),
            "carrack charts render CHART --include-crds --show-only crds/a.yaml"
        );
    }
}
