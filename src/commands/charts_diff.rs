//! `carrack charts diff`: what changes between two versions of a chart, for those who must decide whether to carry it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::images;
use super::values::{Target, ValueFlags};
use super::{Ending, Error, Report, World};
use crate::goyaml::{self, Map, Value};
use crate::helm::{self, Chart};
use crate::observe::Observer;
use crate::secret::printable;

/// Longer values are cut in the text; the JSON has them whole.
const SHOWN: usize = 80;

/// Two versions of a chart, and what both are rendered with.
#[derive(Clone, Debug)]
pub struct DiffOptions {
    /// The chart before: a directory or an archive.
    pub old: PathBuf,
    /// The chart after.
    pub new: PathBuf,
    /// Values beside the charts' own.
    pub values: ValueFlags,
    /// The cluster and the release to render for.
    pub target: Target,
}

/// What changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Difference {
    /// The chart before: name and version.
    pub old: String,
    /// The chart after.
    pub new: String,
    /// Default values by path: `a.b.c`.
    pub values: Changes,
    /// References of images.
    pub images: Changes,
    /// Custom resources that the chart defines, with the versions that are served.
    pub crds: Changes,
    /// Kubernetes APIs that the rendered chart uses: `apps/v1 Deployment`, with the number of objects.
    pub apis: Changes,
    /// What could not be compared, one line each.
    pub failures: Vec<String>,
}

/// What came, went and changed. Names are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What only the new one has, with its text.
    pub added: BTreeMap<String, String>,
    /// What only the old one has, with its text.
    pub removed: BTreeMap<String, String>,
    /// What both have with different texts: before and after.
    pub changed: BTreeMap<String, (String, String)>,
}

impl Changes {
    fn between(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Self {
        let only = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
            let missing = one.iter().filter(|(name, _)| !other.contains_key(*name));
            missing.map(|(name, text)| (name.clone(), text.clone())).collect()
        };
        let both = old
            .iter()
            .filter_map(|(name, before)| Some((name, before, new.get(name)?)));
        let changed = both.filter(|(_, before, after)| before != after);
        Self {
            added: only(new, old),
            removed: only(old, new),
            changed: changed
                .map(|(name, before, after)| (name.clone(), (before.clone(), after.clone())))
                .collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What one version is made of.
#[derive(Default)]
struct Side {
    values: BTreeMap<String, String>,
    images: BTreeMap<String, String>,
    crds: BTreeMap<String, String>,
    apis: BTreeMap<String, String>,
    failures: Vec<String>,
}

/// Compares two versions of a chart. Blocks until it is done.
pub fn diff(options: &DiffOptions, world: &World, observer: &dyn Observer) -> Result<Difference, Error> {
    let limits = options.target.limits;
    let old = helm::load_within(&options.old, &limits)?;
    let new = helm::load_within(&options.new, &limits)?;
    let before = Side::of(&options.old, &old, options, world, observer)?;
    let after = Side::of(&options.new, &new, options, world, observer)?;
    let named = |chart: &Chart| format!("{} {}", chart.name(), chart.metadata.version);
    let told = |side: Side, chart: &Chart| {
        let name = named(chart);
        side.failures
            .into_iter()
            .map(move |reason| format!("{name}: {reason}"))
    };
    Ok(Difference {
        values: Changes::between(&before.values, &after.values),
        images: Changes::between(&before.images, &after.images),
        crds: Changes::between(&before.crds, &after.crds),
        apis: Changes::between(&before.apis, &after.apis),
        old: named(&old),
        new: named(&new),
        failures: told(before, &old).chain(told(after, &new)).collect(),
    })
}

impl Side {
    fn of(
        path: &Path,
        chart: &Chart,
        options: &DiffOptions,
        world: &World,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let mut side = Self::default();
        flatten(chart.default_values(options.target.profile), "", &mut side.values);
        for crd in chart.crds() {
            if let Err(error) = side.add_definitions(&crd.data) {
                side.failures.push(format!("{}: {error}", crd.filename));
            }
        }
        let asked = images::Options {
            sources: vec![path.to_owned()],
            values: options.values.clone(),
            target: options.target.clone(),
            ..images::Options::default()
        };
        let found = images::run(&asked, &world.cancel, observer)?;
        for image in &found.images {
            side.images
                .insert(image.reference.to_string(), image.tier.to_string());
        }
        let failed = found.failures.into_iter().map(|failure| failure.reason);
        side.failures.extend(failed);
        let render = helm::Options {
            include_crds: true,
            ..options.target.options(options.values.read()?)
        };
        match helm::render(chart, &render) {
            Ok(release) => side.add_apis(&release),
            Err(error) => side.failures.push(error.to_string()),
        }
        side.failures.dedup();
        Ok(side)
    }

    /// Adds the resources that a file of `crds/` defines.
    fn add_definitions(&mut self, text: &[u8]) -> Result<(), goyaml::Error> {
        for document in goyaml::documents(text)? {
            let document = document?;
            let text = |path: &[&str]| {
                let found = path.iter().try_fold(&document, |value, key| value.get(key));
                found.and_then(Value::as_str).map(str::to_owned)
            };
            let (Some(kind), Some(group)) = (text(&["spec", "names", "kind"]), text(&["spec", "group"]))
            else {
                continue;
            };
            let versions = document.get("spec").and_then(|spec| spec.get("versions"));
            let served: BTreeSet<&str> = versions
                .and_then(Value::as_seq)
                .unwrap_or_default()
                .iter()
                .filter(|version| version.get("served").and_then(Value::as_bool) != Some(false))
                .filter_map(|version| version.get("name")?.as_str())
                .chain(
                    document
                        .get("spec")
                        .and_then(|spec| spec.get("version")?.as_str()),
                )
                .collect();
            let served = served.into_iter().collect::<Vec<_>>().join(", ");
            self.crds.insert(format!("{kind}.{group}"), served);
        }
        Ok(())
    }

    fn add_apis(&mut self, release: &helm::Release) {
        // Definitions may be templates, too.
        for document in release
            .documents
            .iter()
            .filter(|document| document.kind == "CustomResourceDefinition")
        {
            if let Err(error) = self.add_definitions(&document.text) {
                self.failures.push(format!("{}: {error}", document.template));
            }
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for document in release
            .documents
            .iter()
            .filter(|document| !document.kind.is_empty())
        {
            *counts
                .entry(format!("{} {}", document.api_version, document.kind))
                .or_default() += 1;
        }
        self.apis = counts
            .into_iter()
            .map(|(api, count)| (api, count.to_string()))
            .collect();
    }
}

/// Every value that is no mapping, by its path.
fn flatten(values: &Map, path: &str, found: &mut BTreeMap<String, String>) {
    for (key, value) in values {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            Value::Map(inner) if !inner.is_empty() => flatten(inner, &path, found),
            value => {
                found.insert(path, goyaml::to_json(value).unwrap_or_default());
            }
        }
    }
}

impl Report for Difference {
    fn ending(&self) -> Ending {
        if self.failures.is_empty() {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- {}", printable(&self.old, 200))?;
        writeln!(f, "+++ {}", printable(&self.new, 200))?;
        for (title, changes, bare) in [
            ("images", &self.images, true),
            ("resource definitions", &self.crds, false),
            ("Kubernetes APIs", &self.apis, false),
            ("default values", &self.values, false),
        ] {
            if changes.is_empty() {
                writeln!(f, "{title}: the same")?;
                continue;
            }
            writeln!(f, "{title}:")?;
            let with = |name: &str, text: &str| {
                let name = printable(name, 200);
                if bare {
                    name
                } else {
                    format!("{name}: {}", printable(text, SHOWN))
                }
            };
            for (name, text) in &changes.removed {
                writeln!(f, "  - {}", with(name, text))?;
            }
            for (name, text) in &changes.added {
                writeln!(f, "  + {}", with(name, text))?;
            }
            for (name, (before, after)) in changes.changed.iter().filter(|_| !bare) {
                let name = printable(name, 200);
                writeln!(
                    f,
                    "  ~ {name}: {} → {}",
                    printable(before, SHOWN),
                    printable(after, SHOWN)
                )?;
            }
        }
        for failure in &self.failures {
            writeln!(f, "failed  {}", printable(failure, 2000))?;
        }
        Ok(())
    }
}
