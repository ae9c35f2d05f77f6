//! The report as other tools read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::report::Report;
use crate::goyaml;

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// Everything, for programs.
    Json,
    /// The same as YAML.
    Yaml,
    /// One row for each place of each image.
    Csv,
    /// The YAML of `skopeo sync --src yaml`.
    Skopeo,
    /// A hauler manifest.
    Hauler,
    /// One reference a line.
    List,
}

impl Report {
    /// The report in the given form, ending in a line break.
    pub fn to_format(&self, format: Format) -> String {
        match format {
            Format::Text => format!("{self}\n"),
            Format::Json => pretty_json(self),
            Format::Yaml => yaml(self),
            Format::Csv => self.csv(),
            Format::Skopeo => self.skopeo(),
            Format::Hauler => self.hauler(),
            Format::List => self.images.iter().fold(String::new(), |mut text, image| {
                let _ = writeln!(text, "{}", image.reference);
                text
            }),
        }
    }

    fn csv(&self) -> String {
        let mut text = String::from(
            "reference,tier,source,rule,chart,chart_version,subchart,file,line,kind,namespace,name,pointer,written,under\n",
        );
        for image in &self.images {
            for place in &image.sources {
                let subject = &place.place.subject;
                let under: Vec<&str> = place.under.iter().map(String::as_str).collect();
                let cells = [
                    image.reference.to_string(),
                    place.tier.to_string(),
                    place.source.word().to_owned(),
                    place.rule.id().to_owned(),
                    subject.chart.clone().unwrap_or_default(),
                    subject.chart_version.clone().unwrap_or_default(),
                    subject.subchart.clone(),
                    subject.file.clone(),
                    place.place.line.map_or_else(String::new, |l| l.to_string()),
                    subject.kind.clone(),
                    subject.namespace.clone(),
                    subject.name.clone(),
                    place.place.pointer.clone(),
                    place.raw.clone(),
                    under.join(" "),
                ];
                let row: Vec<String> = cells.iter().map(|c| cell(c)).collect();
                text.push_str(&row.join(","));
                text.push('\n');
            }
        }
        text
    }

    fn skopeo(&self) -> String {
        let mut hosts: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for image in &self.images {
            let reference = &image.reference;
            // A digest is what skopeo can copy unchanged; the tag of a pinned reference is not asked for again.
            let version = reference
                .digest()
                .map(ToString::to_string)
                .or_else(|| reference.tag().map(ToString::to_string));
            hosts
                .entry(reference.host())
                .or_default()
                .entry(reference.repository().path())
                .or_default()
                .extend(version);
        }
        let mut text = String::new();
        for (host, repositories) in hosts {
            let _ = writeln!(text, "{}:\n  images:", quoted(host));
            for (repository, versions) in repositories {
                let _ = writeln!(text, "    {}:", quoted(repository));
                for version in versions {
                    let _ = writeln!(text, "      - {}", quoted(&version));
                }
            }
        }
        text
    }

    fn hauler(&self) -> String {
        let mut text = String::from(
            "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nmetadata:\n  name: carrack\nspec:\n  images:\n",
        );
        for image in &self.images {
            let _ = writeln!(text, "    - name: {}", quoted(&image.reference.to_string()));
        }
        text
    }
}

/// References have no character that JSON would escape, so that JSON's quotes are YAML's too.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

pub(super) fn pretty_json(report: &impl Serialize) -> String {
    // Maps with string keys and no floats: serde_json has nothing to refuse here.
    serde_json::to_string_pretty(report)
        .map_or_else(|error| format!("{{\"error\":\"{error}\"}}\n"), |json| json + "\n")
}

pub(super) fn yaml(report: &impl Serialize) -> String {
    let value = goyaml::from_json(pretty_json(report).as_bytes());
    value
        .and_then(|value| goyaml::to_yaml(&value))
        .map_or_else(|_| pretty_json(report), |text| text + "\n")
}
