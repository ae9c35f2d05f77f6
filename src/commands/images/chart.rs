//! The images of one chart: rendered under each profile, declared by its annotations, held by its values.

use std::collections::BTreeSet;

use super::report::Explored;
use super::{ProfileValues, Survey, chain};
use crate::discover::{
    Declared, Form, Layer, Origin, Reading, Rule, Sighting, Source, Subject, Tier, form, is_true,
    scan_annotations, scan_images_lock, scan_list, scan_text, scan_values, walk,
};
use crate::explore::{self, Bounds};
use crate::goyaml;
use crate::helm::{self, Chart, Document, Prepared, Release, ValuesSource};
use crate::reference::Reference;

impl Survey<'_> {
    pub(super) fn chart(&mut self, chart: &Chart, label: &str) {
        let prepared = Prepared::new(chart);
        for profile in &self.plan.profiles {
            let values = profile.values.clone();
            let options = self.plan.options.target.options(values);
            let in_use = match prepared.render(&options) {
                Ok(release) => {
                    self.release(chart, &release, label, profile);
                    subcharts_of(&release)
                }
                Err(error) => {
                    let whose = profile
                        .name
                        .as_ref()
                        .map_or(String::new(), |name| format!(" (profile {name})"));
                    self.report.fail(&format!("{label}{whose}"), chain(&error));
                    BTreeSet::new()
                }
            };
            self.declared(chart, profile, &in_use);
            if self.plan.options.explore {
                self.explore(&prepared, &options, profile);
            }
        }
    }

    fn release(&mut self, chart: &Chart, release: &Release, label: &str, profile: &ProfileValues) {
        for failed in &release.failures {
            self.report
                .fail(&format!("{label}: {}", failed.template), failed.reason.clone());
        }
        for document in &release.documents {
            let origin = origin_of(chart, document);
            let alone = release
                .documents
                .iter()
                .filter(|d| d.template == document.template)
                .count()
                == 1;
            let sightings = match walk(&document.text, &origin, &self.plan.knowledge) {
                Ok(sightings) => sightings,
                Err(error) => {
                    self.report.fail(&document.template, error.to_string());
                    scan_text(&String::from_utf8_lossy(&document.text), &origin)
                }
            };
            let mut sightings = sightings;
            if alone && let Some(template) = template_of(chart, &document.template) {
                template_lines(&mut sightings, template);
            }
            self.add(sightings, profile);
        }
    }

    /// What the values as they are do not show.
    fn explore(&mut self, prepared: &Prepared<'_>, options: &helm::Options, profile: &ProfileValues) {
        let chart = prepared.chart();
        let known: BTreeSet<Reference> = self
            .found
            .iter()
            .filter(|sighting| sighting.tier < Tier::Candidate)
            .filter_map(|sighting| match &sighting.reading {
                Reading::Image(reference) => Some(reference.clone()),
                Reading::Unresolved { .. } => None,
            })
            .collect();
        let knowledge = &self.plan.knowledge;
        let look = |document: &Document| {
            let origin = origin_of(chart, document);
            walk(&document.text, &origin, knowledge).unwrap_or_default()
        };
        let found = explore::explore(prepared, options, Bounds::default(), &known, &look);
        self.report
            .explored
            .push(Explored::new(chart, profile.name.as_deref(), &found));
        self.add(found.revealed, profile);
    }

    /// What the chart says of itself without being rendered.
    fn declared(&mut self, chart: &Chart, profile: &ProfileValues, in_use: &BTreeSet<String>) {
        let mut layers = Vec::new();
        self.chart_layers(chart, chart, &mut Vec::new(), &mut layers);
        for source in &profile.values {
            if let ValuesSource::File { name, data } = source {
                self.layer(data, name, Subject::default(), Vec::new(), "", &mut layers);
            }
        }
        let flags: Vec<ValuesSource> = profile
            .values
            .iter()
            .filter(|v| !matches!(v, ValuesSource::File { .. }))
            .cloned()
            .collect();
        if let Ok(set) = helm::asked_for(&flags, helm::Profile::default())
            && let Ok(text) = goyaml::to_json(&goyaml::Value::Map(set))
        {
            self.layer(
                text.as_bytes(),
                "--set",
                Subject::default(),
                Vec::new(),
                "",
                &mut layers,
            );
        }
        let scanned = scan_values(&layers);
        self.declarations(chart, chart, "", &scanned, &layers, in_use, profile);
        self.add(scanned, profile);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a recursion over subcharts that shares all but the first three"
    )]
    fn declarations(
        &mut self,
        top: &Chart,
        chart: &Chart,
        path: &str,
        scanned: &[Sighting],
        layers: &[Layer],
        in_use: &BTreeSet<String>,
        profile: &ProfileValues,
    ) {
        let declared = Declared::new(scanned, path.is_empty() || in_use.contains(path));
        let subject = |file: &str| Subject {
            subchart: path.to_owned(),
            file: file.to_owned(),
            ..subject_of(top)
        };
        let prefix = if path.is_empty() {
            String::new()
        } else {
            path.replace('/', ".") + "."
        };
        let condition = |key: &str| is_true(layers, &format!("{prefix}{key}"));
        let found = scan_annotations(
            &chart.metadata.annotations,
            &subject("Chart.yaml"),
            &declared,
            &condition,
        );
        self.add(found, profile);
        if let Some(lock) = chart.files.iter().find(|f| f.name == "Images.lock") {
            let text = String::from_utf8_lossy(&lock.data);
            let found = scan_images_lock(&text, &subject("Images.lock"), &declared);
            self.add(found, profile);
        }
        for (name, below) in below(chart) {
            let path = if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            };
            self.declarations(top, below, &path, scanned, layers, in_use, profile);
        }
    }

    /// The layers of a chart's own values: those of the charts below first, since the chart's own win.
    fn chart_layers(
        &mut self,
        top: &Chart,
        chart: &Chart,
        prefix: &mut Vec<String>,
        layers: &mut Vec<Layer>,
    ) {
        for (name, below) in below(chart) {
            prefix.push(name);
            self.chart_layers(top, below, prefix, layers);
            prefix.pop();
        }
        if let Some(file) = chart.raw.iter().find(|f| f.name == "values.yaml") {
            let subject = Subject {
                subchart: prefix.join("/"),
                ..subject_of(top)
            };
            let app_version = chart.metadata.app_version.clone();
            self.layer(
                &file.data,
                "values.yaml",
                subject,
                prefix.clone(),
                &app_version,
                layers,
            );
        }
    }

    fn layer(
        &mut self,
        text: &[u8],
        file: &str,
        subject: Subject,
        prefix: Vec<String>,
        app_version: &str,
        layers: &mut Vec<Layer>,
    ) {
        let subject = Subject {
            file: file.to_owned(),
            ..subject
        };
        match Layer::parse(text, subject, prefix, app_version) {
            Ok(layer) => layers.push(layer),
            Err(error) => self
                .report
                .warnings
                .push(format!("{file} was not searched for images: {error}")),
        }
    }

    fn add(&mut self, mut sightings: Vec<Sighting>, profile: &ProfileValues) {
        if let Some(name) = &profile.name {
            for sighting in &mut sightings {
                sighting.under.insert(format!("profile {name}"));
            }
        }
        self.found.extend(sightings);
    }

    /// A file that is no chart: manifests or a list.
    pub(super) fn text(&mut self, text: &str, label: &str) {
        let subject = Subject {
            file: label.to_owned(),
            ..Subject::default()
        };
        let found = match form(text) {
            Form::Manifests => {
                let origin = Origin {
                    subject,
                    source: Source::Manifest,
                    lines_before: 0,
                };
                walk(text.as_bytes(), &origin, &self.plan.knowledge)
                    .map_err(|error| (error, scan_text(text, &origin)))
            }
            form => scan_list(text, form, &subject).map_err(|error| (error, Vec::new())),
        };
        match found {
            Ok(sightings) => self.found.extend(sightings),
            Err((error, rest)) => {
                self.report.fail(label, error.to_string());
                self.found.extend(rest);
            }
        }
    }
}

/// The text of the template that a release names, wherever below the chart it lies.
fn template_of<'c>(chart: &'c Chart, name: &str) -> Option<&'c [u8]> {
    let (_, below) = name.split_once('/')?;
    chart
        .raw
        .iter()
        .find(|file| file.name == below)
        .map(|file| &*file.data)
}

/// Gives each container its line in the template, where the template has as many `image:` as the document has
/// containers: with fewer or more, nobody can tell which is which.
fn template_lines(sightings: &mut [Sighting], template: &[u8]) {
    let lines: Vec<u32> = (1..)
        .zip(template.split(|byte| *byte == b'\n'))
        .filter(|(_, line)| {
            let line = line.trim_ascii_start();
            line.strip_prefix(b"- ").unwrap_or(line).starts_with(b"image:")
        })
        .map(|(number, _)| number)
        .collect();
    let outside = |s: &&mut Sighting| s.rule == Rule::Podspec && s.place.embedded.is_empty();
    let mut containers: Vec<&mut Sighting> = sightings.iter_mut().filter(outside).collect();
    if containers.len() == lines.len() {
        containers.sort_by_key(|s| s.place.line);
        for (container, line) in containers.into_iter().zip(lines) {
            container.place.template_line = Some(line);
        }
    }
}

fn origin_of(chart: &Chart, document: &Document) -> Origin {
    Origin {
        subject: Subject {
            subchart: subchart_of(&document.template),
            file: document.template.clone(),
            ..subject_of(chart)
        },
        source: Source::Render,
        lines_before: 0,
    }
}

pub(super) fn subject_of(chart: &Chart) -> Subject {
    Subject {
        chart: Some(chart.name().to_owned()),
        chart_version: Some(chart.metadata.version.clone()),
        ..Subject::default()
    }
}

/// The charts below a chart under the names that its values use: aliases, and a chart may have several.
fn below(chart: &Chart) -> Vec<(String, &Chart)> {
    let mut charts = Vec::new();
    for below in &chart.dependencies {
        let mut names: Vec<String> = chart
            .metadata
            .dependencies
            .iter()
            .flatten()
            .filter(|d| d.name == below.name() && !d.alias.is_empty())
            .map(|d| d.alias.clone())
            .collect();
        let plain = chart
            .metadata
            .dependencies
            .iter()
            .flatten()
            .any(|d| d.name == below.name() && d.alias.is_empty());
        if plain || names.is_empty() {
            names.push(below.name().to_owned());
        }
        charts.extend(names.into_iter().map(|name| (name, below.as_ref())));
    }
    charts
}

/// The path of subcharts in a template's name: `top/charts/redis/charts/common/templates/x.yaml` is of `redis/common`.
pub(super) fn subchart_of(template: &str) -> String {
    let mut parts = template.split('/').skip(1);
    let mut path = Vec::new();
    while parts.next() == Some("charts") {
        path.extend(parts.next());
    }
    path.join("/")
}

fn subcharts_of(release: &Release) -> BTreeSet<String> {
    release
        .documents
        .iter()
        .map(|d| subchart_of(&d.template))
        .collect()
}
