//! `carrack config check`: reads a declaration and says what it asks for. Opens no connection.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::configuration::Declaration;
use super::consignment::Item;
use super::{Ending, Error, Report, images};

/// What to check.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub file: PathBuf,
}

/// What a file asks for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// The file.
    pub file: PathBuf,
    /// Charts on disk and charts of repositories.
    pub charts: usize,
    /// Files and folders of manifests, and lists.
    pub files: usize,
    /// Images by name.
    pub images: usize,
    /// Repositories with a choice of tags.
    pub repositories: usize,
    /// Hosts with settings of their own.
    pub registries: usize,
    /// Destinations.
    pub destinations: usize,
    /// Rules of the policy.
    pub rules: usize,
    /// What of another tool's file is not done.
    pub notes: Vec<String>,
}

/// Reads the file, and looks whether what it names on disk is there.
pub fn check(options: &Options) -> Result<Checked, Error> {
    let declaration = match Declaration::of_source(&options.file)? {
        Some(declaration) => declaration,
        None => Declaration::load(&options.file)?,
    };
    let asked = declaration.asked(&images::Options::default())?;
    for chart in &declaration.config.charts {
        let profiles = chart.fields.profiles.values().flatten();
        for path in chart.fields.values.iter().chain(profiles) {
            if !path.is_file() {
                return Err(Error::Usage {
                    problem: format!(
                        "{}: the values file {} is not there",
                        declaration.name,
                        path.display()
                    ),
                });
            }
        }
    }
    // Its keys are read as well: a policy whose keys are not there could never be satisfied.
    declaration.policy()?;
    let rules = declaration.config.policy.as_ref();
    let items = || asked.iter().flat_map(|asked| &asked.items);
    let count = |wanted: fn(&Item) -> bool| items().filter(|item| wanted(item)).count();
    let charts = declaration.config.charts.len();
    let on_disk = declaration
        .config
        .charts
        .iter()
        .filter(|chart| matches!(chart.origin, crate::config::Origin::Path(_)))
        .count();
    Ok(Checked {
        file: options.file.clone(),
        charts,
        files: count(|item| matches!(item, Item::Path(_))) - on_disk,
        images: count(|item| matches!(item, Item::Reference(_))),
        repositories: count(|item| matches!(item, Item::Tags(_))),
        registries: declaration.config.registries.len(),
        destinations: declaration.config.destinations.len(),
        rules: rules.map_or(0, |policy| policy.images.len()),
        notes: declaration.notes.iter().map(ToString::to_string).collect(),
    })
}

impl Report for Checked {
    fn ending(&self) -> Ending {
        Ending::Done
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let parts: Vec<String> = [
            (self.charts, "chart", "charts"),
            (self.files, "file", "files"),
            (self.images, "image", "images"),
            (
                self.repositories,
                "repository with a choice of tags",
                "repositories with a choice of tags",
            ),
            (self.registries, "host with settings", "hosts with settings"),
            (self.destinations, "destination", "destinations"),
            (self.rules, "rule of the policy", "rules of the policy"),
        ]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| format!("{number} {}", if number == 1 { one } else { many }))
        .collect();
        let said = if parts.is_empty() {
            "nothing is asked for yet".to_owned()
        } else {
            parts.join(", ")
        };
        write!(f, "{}: well formed; {said}", self.file.display())
    }
}
