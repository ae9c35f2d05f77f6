//! What each chart's templates see as `.`, and which templates there are.

use std::collections::BTreeMap;

use super::{about, cluster, files};
use crate::gotemplate::{Failure, Map, MapMethod, Signature, Type, Value};
use crate::goyaml;
use crate::helm::capabilities::Capabilities;
use crate::helm::chart::File;
use crate::helm::manifest::base;
use crate::helm::options::Options;
use crate::helm::profile::Profile;
use crate::helm::values::{Instance, Valued, scalar_at, table_at};
use crate::sprig::to_yaml_value;

static VALUES: [Type; 2] = [
    Type::named_map("chartutil.Values", Type::ANY).with_methods(&METHODS),
    Type::named_map("common.Values", Type::ANY).with_methods(&METHODS),
];

/// The methods of Helm's table of values that give something.
static METHODS: [MapMethod; 4] = [
    MapMethod {
        name: "AsMap",
        signature: Signature::of(&[]),
        body: |table, _| Ok(Value::Map(table.retyped(Type::ANY_MAP))),
    },
    MapMethod {
        name: "YAML",
        signature: Signature::of(&[]),
        body: |table, _| {
            let document = to_yaml_value(&Value::Map(table.clone()))?;
            let text = goyaml::to_yaml(&document).map_err(|e| Failure::from(e.to_string()))?;
            Ok(Value::from(text + "\n"))
        },
    },
    MapMethod {
        name: "Table",
        signature: Signature::of(&[Type::STRING]),
        body: |table, arguments| {
            let path = arguments.text(0)?.to_text();
            let found = table_at(table, &path).map(|t| Value::Map(t.retyped(table.go_type())));
            found.ok_or_else(|| Failure::from(format!("{path:?} is not a table")))
        },
    },
    MapMethod {
        name: "PathValue",
        signature: Signature::of(&[Type::STRING]),
        body: |table, arguments| {
            let path = arguments.text(0)?.to_text();
            scalar_at(table, &path).ok_or_else(|| Failure::from(format!("{path:?} is not a value")))
        },
    },
];

/// A table with the type that Helm gives `.Values`.
fn values_type(profile: Profile) -> &'static Type {
    let [old, new] = &VALUES;
    if profile.is_helm4() { new } else { old }
}

/// A template file of the release and what its `.` is.
#[derive(Debug)]
pub(super) struct Template<'a> {
    /// The chart's file.
    pub(super) file: &'a File,
    /// `.`, shared by all templates of one chart: what one sets, the next sees.
    pub(super) dot: Map,
    /// `.Template.BasePath`.
    pub(super) base_path: String,
}

impl Template<'_> {
    /// `.` for the execution of this file.
    pub(super) fn enter(&self, name: &str, profile: Profile) -> Value {
        let about: Map = [
            ("Name", Value::from(name)),
            ("BasePath", self.base_path.as_str().into()),
        ]
        .into_iter()
        .collect();
        let about = about.retyped(values_type(profile));
        let set = self.dot.insert("Template", Value::Map(about));
        debug_assert!(set.is_ok(), "the data of a chart is no nil map");
        Value::Map(self.dot.retyped(values_type(profile)))
    }
}

/// All templates of a release by name.
pub(super) fn templates<'a>(
    valued: &Valued<'a>,
    capabilities: &Capabilities,
    options: &Options,
) -> BTreeMap<String, Template<'a>> {
    let mut collector = Collector {
        release: release(options),
        capabilities: cluster::value(capabilities),
        profile: options.profile,
        found: BTreeMap::new(),
    };
    let name = valued.root.name.clone();
    collector.chart(&valued.root, &name, &valued.values, true);
    collector.found
}

fn release(options: &Options) -> Value {
    let release: Map = [
        ("Name", options.release_name.as_str().into()),
        ("Namespace", options.namespace.as_str().into()),
        ("IsUpgrade", options.is_upgrade.into()),
        ("IsInstall", (!options.is_upgrade).into()),
        ("Revision", Value::int(1)),
        ("Service", "Helm".into()),
    ]
    .into_iter()
    .collect();
    release.into()
}

struct Collector<'a> {
    release: Value,
    capabilities: Value,
    profile: Profile,
    found: BTreeMap<String, Template<'a>>,
}

impl<'a> Collector<'a> {
    /// Collects a chart's templates and those below it; gives the chart's data, which its parent sees in `.Subcharts`.
    fn chart(&mut self, chart: &Instance<'a>, path: &str, values: &Map, is_root: bool) -> Map {
        let subcharts = Map::any();
        let below: Vec<(String, Map)> = chart
            .below
            .iter()
            .map(|c| {
                let table = table_at(values, &c.name).unwrap_or_else(Map::any);
                let dot = self.chart(c, &format!("{path}/charts/{}", c.name), &table, false);
                (c.name.clone(), dot)
            })
            .collect();
        for (name, dot) in below {
            let set = subcharts.insert(name, Value::Map(dot));
            debug_assert!(set.is_ok(), "a new map is no nil map");
        }
        let dot: Map = [
            ("Chart", about::value(&chart.metadata(), is_root, self.profile)),
            ("Files", files::value(&chart.chart.files)),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", Value::Map(values.retyped(values_type(self.profile)))),
            ("Subcharts", Value::Map(subcharts)),
        ]
        .into_iter()
        .collect();
        for file in &chart.chart.templates {
            if chart.chart.is_library() && !base(&file.name).starts_with('_') {
                continue;
            }
            let template = Template {
                file,
                dot: dot.clone(),
                base_path: format!("{path}/templates"),
            };
            self.found.insert(format!("{path}/{}", file.name), template);
        }
        dot
    }
}

/// The names in the order in which Helm parses and runs them: the deepest first, and backwards within a depth, so that
/// what stands higher is defined last and wins.
pub(super) fn order<'n>(names: impl Iterator<Item = &'n String>) -> Vec<&'n str> {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_by_key(|name| std::cmp::Reverse((name.matches('/').count(), *name)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_templates_come_first_and_names_run_backwards() {
        let names: Vec<String> = [
            "a/templates/b",
            "a/templates/a",
            "a/charts/x/templates/z",
            "a/templates/s/c",
        ]
        .map(str::to_owned)
        .into();
        assert_eq!(
            order(names.iter()),
            [
                "a/charts/x/templates/z",
                "a/templates/s/c",
                "a/templates/b",
                "a/templates/a"
            ]
        );
    }
}
