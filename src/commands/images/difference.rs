//! What a new run has that an old one had not: the question before each upgrade.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::formats::{self, Format};
use super::report::Report;
use crate::commands::Error;
use crate::reference::{Reference, Repository};

/// The images of an earlier run, from its JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    images: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Entry {
    reference: Reference,
}

/// One repository whose tag or digest is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// What it was.
    pub from: Reference,
    /// What it is.
    pub to: Reference,
}

/// What changed from one run to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Images of repositories that were not there before, or more of those that were.
    pub added: Vec<Reference>,
    /// Images that are gone.
    pub gone: Vec<Reference>,
    /// Repositories with one image before and another one now.
    pub moved: Vec<Moved>,
}

impl Snapshot {
    /// Reads the JSON that an earlier run wrote.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|error| Error::Usage {
            problem: format!("{} is not what `images -o json` writes: {error}", path.display()),
        })
    }
}

impl Difference {
    /// As JSON or YAML where the form is one of them, as text for all others.
    pub fn to_format(&self, format: Format) -> String {
        match format {
            Format::Json => formats::pretty_json(self),
            Format::Yaml => formats::yaml(self),
            _ => format!("{self}\n"),
        }
    }
}

impl Report {
    /// What this run has, compared with an earlier one.
    pub fn since(&self, before: &Snapshot) -> Difference {
        let old: BTreeSet<&Reference> = before.images.iter().map(|e| &e.reference).collect();
        let new: BTreeSet<&Reference> = self.images.iter().map(|i| &i.reference).collect();
        let mut added = by_repository(new.difference(&old).copied());
        let mut gone = by_repository(old.difference(&new).copied());
        let mut difference = Difference::default();
        let both: Vec<Repository> = added
            .keys()
            .filter(|r| gone.contains_key(*r))
            .map(|r| (*r).clone())
            .collect();
        for repository in both {
            if let (Some([to]), Some([from])) = (
                added.get(&repository).map(Vec::as_slice),
                gone.get(&repository).map(Vec::as_slice),
            ) {
                difference.moved.push(Moved {
                    from: (*from).clone(),
                    to: (*to).clone(),
                });
                added.remove(&repository);
                gone.remove(&repository);
            }
        }
        difference.added = added.into_values().flatten().cloned().collect();
        difference.gone = gone.into_values().flatten().cloned().collect();
        difference
    }
}

fn by_repository<'r>(
    references: impl Iterator<Item = &'r Reference>,
) -> BTreeMap<&'r Repository, Vec<&'r Reference>> {
    let mut map: BTreeMap<&Repository, Vec<&Reference>> = BTreeMap::new();
    for reference in references {
        map.entry(reference.repository()).or_default().push(reference);
    }
    map
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Moved { from, to } in &self.moved {
            writeln!(f, "~ {from} → {to}")?;
        }
        for reference in &self.added {
            writeln!(f, "+ {reference}")?;
        }
        for reference in &self.gone {
            writeln!(f, "- {reference}")?;
        }
        write!(
            f,
            "{} changed, {} new, {} gone",
            self.moved.len(),
            self.added.len(),
            self.gone.len()
        )
    }
}
