//! The images of one chart: rendered under each profile, and revealed by its switches.

use std::collections::BTreeSet;

use super::report::{Explored, Rendered};
use super::salvage::salvage;
use super::{ProfileValues, Survey};
use crate::causes::chain;
use crate::discover::{
    Form, Origin, Place, Reading, Sighting, Source, Subject, Tier, form, scan_list, scan_text, walk,
};
use crate::explore::{self, Bounds};
use crate::helm::{self, Chart, Document, Prepared, Release, Trace};
use crate::reference::Reference;

impl Survey<'_> {
    pub(super) fn chart(&mut self, chart: &Chart, label: &str) {
        let prepared = Prepared::new(chart);
        for profile in &self.plan.profiles {
            let mut options = self.rendering(&prepared, label, profile);
            let mut rendered = watched(&prepared, &options);
            let mut is_whole = true;
            if let Err(error) = &rendered
                && error.is_about_what_is_missing()
            {
                // It fails, and the images of what is there are found all the same.
                self.failed(label, profile, error);
                is_whole = false;
                options.incomplete = true;
                options.skip_schema_validation = true;
                rendered = watched(&prepared, &options);
            }
            let from = self.found.len();
            let in_use = match rendered {
                Ok((release, trace)) => {
                    self.release(chart, &release, &trace, label, profile);
                    is_whole &= release.failures.is_empty();
                    subcharts_of(&release)
                }
                Err(error) => {
                    self.failed(label, profile, &error);
                    is_whole = false;
                    BTreeSet::new()
                }
            };
            self.declared(chart, profile, &in_use);
            if is_whole && !chart.is_library() {
                self.silence(&prepared, &options, label, from);
            }
            if self.plan.options.explore {
                self.explore(&prepared, &options, profile);
            }
        }
    }

    fn failed(&mut self, label: &str, profile: &ProfileValues, error: &helm::Error) {
        let name = profile.name.as_ref();
        let whose = name.map_or(String::new(), |name| format!(" (profile {name})"));
        self.report.fail(&format!("{label}{whose}"), chain(error));
    }

    /// How the chart is rendered: it is looked at and never installed, so that files that fail take no others with
    /// them, and chance and keys cost no time.
    fn rendering(&mut self, prepared: &Prepared<'_>, label: &str, profile: &ProfileValues) -> helm::Options {
        let mut options = helm::Options {
            keep_going: true,
            shared_keys: true,
            seed: Some(0),
            ..self.plan.options.target.options(profile.values.clone())
        };
        // Nobody said which Kubernetes it is for: one that the chart accepts serves better than a refusal.
        if options.kube_version.is_none()
            && let Some(version) = prepared.acceptable_kube_version(&options)
        {
            self.report.warnings.push(format!(
                "{label} was rendered for Kubernetes {version}, the newest that it accepts ({}); \
                 --kube-version says which one the cluster has",
                prepared.chart().metadata.kube_version
            ));
            options.kube_version = Some(version);
        }
        self.report
            .rendered
            .push(Rendered::new(prepared.chart(), profile.name.as_deref(), &options));
        options
    }

    fn release(
        &mut self,
        chart: &Chart,
        release: &Release,
        trace: &Trace,
        label: &str,
        profile: &ProfileValues,
    ) {
        for failed in &release.failures {
            self.report
                .fail(&format!("{label}: {}", failed.template), failed.reason.clone());
        }
        for document in &release.documents {
            let origin = origin_of(chart, document);
            let sightings = match walk(&document.text, &origin, &self.plan.knowledge) {
                Ok(sightings) => sightings,
                Err(error) => {
                    self.report.fail(&document.template, error.to_string());
                    scan_text(&String::from_utf8_lossy(&document.text), &origin)
                }
            };
            let mut sightings = sightings;
            for sighting in &mut sightings {
                origin_line(&mut sighting.place, chart, document, trace);
            }
            self.add(sightings, profile);
        }
        for document in &release.salvaged {
            let sightings = salvage(document, chart, trace, &self.plan.knowledge);
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
        let look = |document: &Document, trace: &Trace| {
            let origin = origin_of(chart, document);
            let (mut sightings, trouble) = match walk(&document.text, &origin, knowledge) {
                Ok(sightings) => (sightings, None),
                Err(error) => {
                    let text = String::from_utf8_lossy(&document.text);
                    (scan_text(&text, &origin), Some(error.to_string()))
                }
            };
            for sighting in &mut sightings {
                origin_line(&mut sighting.place, chart, document, trace);
            }
            (sightings, trouble)
        };
        let salvage = |document: &Document, trace: &Trace| salvage(document, chart, trace, knowledge);
        let looks = explore::Looks {
            whole: &look,
            salvaged: &salvage,
        };
        let found = explore::explore(prepared, options, Bounds::default(), &known, looks);
        self.report
            .explored
            .push(Explored::new(chart, profile.name.as_deref(), &found));
        self.add(found.revealed, profile);
        self.add(found.variants, profile);
    }

    pub(super) fn add(&mut self, mut sightings: Vec<Sighting>, profile: &ProfileValues) {
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

fn watched(prepared: &Prepared<'_>, options: &helm::Options) -> Result<(Release, Trace), helm::Error> {
    let valued = prepared.values(options)?;
    let (release, trace) = prepared.render_watched(&valued, options, Trace::default());
    Ok((release?, trace))
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

/// Gives a place the line of the template that wrote its line of the document.
pub(super) fn origin_line(place: &mut Place, chart: &Chart, document: &Document, trace: &Trace) {
    let Some(line) = place.line else { return };
    if document.is_crd {
        place.template_line = Some(line); // The file is the document.
        return;
    }
    let Some(written) = trace.written(&document.template, document.lines_before + line) else {
        return;
    };
    let before = template_of(chart, written.file).and_then(|text| text.get(..written.offset));
    place.template_line = before.map(|text| {
        let lines = text.split(|byte| *byte == b'\n').count();
        u32::try_from(lines).unwrap_or(u32::MAX)
    });
    if written.file != document.template {
        place.template_file = Some(written.file.to_owned());
    }
}

pub(super) fn origin_of(chart: &Chart, document: &Document) -> Origin {
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
