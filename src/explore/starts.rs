//! Switches that can be named without rendering: dependencies, tags, flags of the defaults, modes of the schema.

use super::switch::{Path, Setting, Switch, is_switch};
use crate::goyaml::{self, Map, Value};
use crate::helm::{Chart, Profile};

/// Charts within charts are followed this far.
const DEEPEST: usize = 8;

/// Modes of the schema that are tried for one value.
const MODES: usize = 6;

/// Everything that a chart and the charts in it could have switched, dependencies first.
pub(super) fn of(chart: &Chart, profile: Profile) -> Vec<Switch> {
    let mut switches = Vec::new();
    dependencies(chart, &mut Vec::new(), &mut switches);
    flags(chart.default_values(profile), &mut Vec::new(), &mut switches);
    if let Some(schema) = &chart.schema
        && let Ok(Value::Map(schema)) = goyaml::from_json(schema)
    {
        modes(&schema, &mut Vec::new(), &mut switches);
    }
    switches.sort_by_key(Switch::rank);
    switches
}

fn dependencies(chart: &Chart, prefix: &mut Path, switches: &mut Vec<Switch>) {
    if prefix.len() > DEEPEST {
        return;
    }
    for dependency in chart.metadata.dependencies.iter().flatten() {
        let at = |path: &str| {
            let mut whole = prefix.clone();
            whole.extend(path.trim().split('.').map(str::to_owned));
            whole
        };
        for condition in dependency.condition.split(',').filter(|c| !c.trim().is_empty()) {
            switches.push(Switch::new(at(condition), Setting::Bool(true)));
        }
        for tag in &dependency.tags {
            // Tags are looked up in the values of the top chart alone.
            let path = vec!["tags".to_owned(), tag.clone()];
            switches.push(Switch::new(path, Setting::Bool(true)));
        }
        let below = chart.dependencies.iter().find(|c| c.name() == dependency.name);
        if let Some(below) = below {
            let name = if dependency.alias.is_empty() {
                &dependency.name
            } else {
                &dependency.alias
            };
            prefix.push(name.clone());
            dependencies(below, prefix, switches);
            prefix.pop();
        }
    }
}

/// Values that are false and whose name says that they switch something on.
fn flags(values: &Map, path: &mut Path, switches: &mut Vec<Switch>) {
    if path.len() > 20 {
        return;
    }
    for (key, value) in values {
        path.push(key.clone());
        match value {
            Value::Bool(false) if is_switch(path) => {
                switches.push(Switch::new(path.clone(), Setting::Bool(true)));
            }
            Value::Map(below) => flags(below, path, switches),
            _ => {}
        }
        path.pop();
    }
}

fn modes(schema: &Map, path: &mut Path, switches: &mut Vec<Switch>) {
    let Some(Value::Map(properties)) = schema.get("properties") else {
        return;
    };
    if path.len() > 20 {
        return;
    }
    for (key, property) in properties {
        let Value::Map(property) = property else { continue };
        path.push(key.clone());
        if let Some(Value::Seq(modes)) = property.get("enum") {
            for mode in modes.iter().take(MODES) {
                if let Value::String(mode) = mode {
                    switches.push(Switch::new(path.clone(), Setting::Text(mode.clone())));
                }
            }
        }
        modes_below(property, path, switches);
        path.pop();
    }
}

fn modes_below(property: &Map, path: &mut Path, switches: &mut Vec<Switch>) {
    modes(property, path, switches);
}
