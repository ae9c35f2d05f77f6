//! `carrack config check`: reads a declaration and says what it asks for. Opens no connection.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::configuration::Declaration;
use super::consignment::Item;
use super::{Ending, Error, Report, World, images};
use crate::chartrepo;
use crate::config::Config;

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
    /// What of another tool's file is not done, and which files are not there yet.
    pub notes: Vec<String>,
}

/// Reads the file, and looks whether what it names on disk is there.
pub fn check(options: &Options, world: &World) -> Result<Checked, Error> {
    let declaration = match Declaration::of_source(&options.file)? {
        Some(declaration) => declaration,
        None => Declaration::load(&options.file)?,
    };
    let asked = declaration.asked(
        &images::Options::default(),
        &chartrepo::Options::default(),
        world.clock.now(),
    )?;
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
        images: count(|item| matches!(item, Item::Reference(_) | Item::OnDisk(_))),
        repositories: count(|item| matches!(item, Item::Tags(_))),
        registries: declaration.config.registries.len(),
        destinations: declaration.config.destinations.len(),
        rules: rules.map_or(0, |policy| policy.images.len()),
        notes: declaration
            .notes
            .iter()
            .map(ToString::to_string)
            .chain(not_there(&declaration.config))
            .collect(),
    })
}

/// Files that belong to a machine and not to what is kept in git: they may come later.
fn not_there(config: &Config) -> Vec<String> {
    let mut files: Vec<(&Path, String)> = Vec::new();
    for (host, registry) in &config.registries {
        if let Some(login) = registry.login.as_ref().filter(|login| login.password.is_none()) {
            let what = format!("the password of {} for {host} belongs into it", login.username);
            files.push((&login.password_file, what));
        }
        let client = registry
            .client
            .iter()
            .flat_map(|client| [&client.certificate, &client.key]);
        let certificates = registry.ca_files.iter().chain(client);
        files.extend(certificates.map(|path| (path.as_path(), format!("{host} is reached with it"))));
    }
    let network = &config.network;
    let others = network.auth_file.iter().chain(&network.ca_files);
    let others = others.chain(&network.registries_conf);
    files.extend(others.map(|path| (path.as_path(), "`network` names it".to_owned())));
    let missing = files.into_iter().filter(|(path, _)| !path.exists());
    missing
        .map(|(path, what)| format!("{} is not there yet: {what}", path.display()))
        .collect()
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
