//! What a chart says of its images without being rendered: its values, its annotations and its `Images.lock`.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::subject_of;
use super::{ProfileValues, Survey};
use crate::discover::{
    Declared, Layer, Sighting, Subject, is_true, scan_annotations, scan_images_lock, scan_values,
};
use crate::goyaml;
use crate::helm::{self, Chart, ValuesSource};

impl Survey<'_> {
    /// What the chart says of itself without being rendered.
    pub(super) fn declared(&mut self, chart: &Chart, profile: &ProfileValues, in_use: &BTreeSet<String>) {
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
        let shipped = self.shipped(chart);
        let is_in_use = path.is_empty() || in_use.contains(path);
        let declared = Declared::new(scanned, &shipped, &self.found, is_in_use);
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
        let none = BTreeMap::new();
        let found = scan_annotations(
            chart.metadata.annotations.as_ref().unwrap_or(&none),
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

    /// What the chart's own values declare, for a chart that has a list of its images: where a parent or the user overrides
    /// one, the list still names what the chart ships.
    fn shipped(&mut self, chart: &Chart) -> Vec<Sighting> {
        let annotations = chart.metadata.annotations.as_ref();
        if annotations.is_none_or(BTreeMap::is_empty) && !chart.files.iter().any(|f| f.name == "Images.lock")
        {
            return Vec::new();
        }
        let mut own = Vec::new();
        self.chart_layers(chart, chart, &mut Vec::new(), &mut own);
        scan_values(&own)
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
            Err(error) => {
                let warning = format!("{file} was not searched for images: {error}");
                if !self.report.warnings.contains(&warning) {
                    self.report.warnings.push(warning);
                }
            }
        }
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
