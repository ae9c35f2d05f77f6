//! Which dependencies are in: aliases, tags and conditions, and what is imported from them.

use super::coalesce::{Rules, coalesce, tables_into};
use super::live::{self, deep_copy};
use super::tree::Instance;
use crate::gotemplate::{Map, Value};
use crate::helm::error::Error;
use crate::helm::metadata::{Dependency, ImportValue};
use crate::version::Constraint;

/// Switches the dependencies of the whole tree on and off, then imports their values.
pub(super) fn process(root: &mut Instance<'_>, asked: &Map, rules: Rules<'_>) -> Result<(), Error> {
    enable(root, asked, "", rules)?;
    import(
        root,
        Rules {
            keep_nulls: true,
            ..rules
        },
    )
}

fn enable(chart: &mut Instance<'_>, asked: &Map, path: &str, rules: Rules<'_>) -> Result<(), Error> {
    let Some(mut declared) = chart.declared.take() else {
        return Ok(());
    };
    chart.below = under_declared_names(&chart.below, &mut declared);
    rules.allowance.take(&chart.below)?;
    let values = coalesce(chart, asked, rules)?;
    for dependency in &mut declared {
        dependency.enabled = true;
    }
    if let Some(tags) = live::table_at(&values, "tags") {
        for dependency in &mut declared {
            apply_tags(dependency, &tags);
        }
    }
    for dependency in &mut declared {
        apply_condition(dependency, &values, path);
    }
    let off: Vec<String> = declared
        .iter()
        .filter(|d| !d.enabled)
        .map(|d| d.name.clone())
        .collect();
    chart.below.retain(|c| !off.contains(&c.name));
    declared.retain(|d| !off.contains(&d.name));
    for below in &mut chart.below {
        let path = format!("{path}{}.", below.name);
        enable(below, &values, &path, rules)?;
    }
    // Where none is left, Helm takes the chart for one that declares none, and imports nothing for it.
    chart.declared = (!declared.is_empty()).then_some(declared);
    Ok(())
}

/// The charts that nobody declared, then one for each declaration that finds its chart, under the alias.
fn under_declared_names<'a>(present: &[Instance<'a>], declared: &mut [Dependency]) -> Vec<Instance<'a>> {
    let fits = |chart: &Instance<'_>, d: &Dependency| {
        chart.name == d.name && is_compatible(&d.version, &chart.chart.metadata.version)
    };
    let mut chosen: Vec<Instance<'a>> = present
        .iter()
        .filter(|c| !declared.iter().any(|d| fits(c, d)))
        .cloned()
        .collect();
    for dependency in declared {
        if let Some(found) = present.iter().find(|c| fits(c, dependency)) {
            let mut found = found.clone();
            if !dependency.alias.is_empty() {
                found.name.clone_from(&dependency.alias);
            }
            chosen.push(found);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    chosen
}

/// Whether a version lies in a range. What is no range, or no version, fits nothing.
pub(in crate::helm) fn is_compatible(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), crate::version::Version::parse(version)) {
        (Ok(range), Ok(version)) => range.matches(&version),
        _ => false,
    }
}

/// One tag that is true switches it on; otherwise one that is false switches it off.
fn apply_tags(dependency: &mut Dependency, tags: &Map) {
    let mut seen = dependency
        .tags
        .iter()
        .filter_map(|t| match tags.get(t.as_bytes()) {
            Some(Value::Bool(on)) => Some(on),
            _ => None,
        });
    let (mut on, mut off) = (false, false);
    for tag in &mut seen {
        on |= tag;
        off |= !tag;
    }
    dependency.enabled = on || !off;
}

/// The first path of the condition that holds a boolean decides.
fn apply_condition(dependency: &mut Dependency, values: &Map, path: &str) {
    let decided = dependency
        .condition
        .trim()
        .split(',')
        .filter(|c| !c.is_empty())
        .find_map(|c| match live::scalar_at(values, &format!("{path}{c}")) {
            Some(Value::Bool(on)) => Some(on),
            _ => None,
        });
    if let Some(on) = decided {
        dependency.enabled = on;
    }
}

/// Takes over what a chart imports from its dependencies, from the leaves up.
fn import(chart: &mut Instance<'_>, rules: Rules<'_>) -> Result<(), Error> {
    for below in &mut chart.below {
        import(below, rules)?;
    }
    let Some(declared) = &chart.declared else {
        return Ok(());
    };
    let values = coalesce(chart, &Map::any(), rules)?;
    let imported = Map::any();
    for dependency in declared {
        for entry in &dependency.import_values {
            rules.allowance.check()?;
            let (child, parent) = match entry {
                ImportValue::Export(name) => (format!("exports.{name}"), "."),
                ImportValue::Path { child, parent } => (child.clone(), parent.as_str()),
                ImportValue::Other => continue,
            };
            if let Some(table) = live::table_at(&values, &format!("{}.{child}", dependency.name)) {
                tables_into(&imported, &below(parent, table), true);
            }
        }
    }
    // What the chart says itself wins over what it imports.
    let values = deep_copy(&values, rules.allowance)?;
    tables_into(&values, &imported, true);
    chart.values = values;
    Ok(())
}

/// The table at the end of a path of new tables.
fn below(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.split('.').rev().fold(table, |inner, key| {
        [(key, Value::Map(inner))].into_iter().collect()
    })
}
