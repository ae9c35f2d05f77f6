//! What nodes would find, and what not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::commands::Ending;
use crate::reference::Reference;

/// One way in which nodes look, and what it came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// References that are found, by tag and by digest, with all their content.
    pub found: usize,
    /// References that are not.
    pub missing: usize,
}

/// Something that a node would not find.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// The reference as nodes know it.
    pub reference: Reference,
    /// Where it was looked for and what came of that, one line.
    pub problem: String,
    /// Who would not find it: the registry, or names of engines.
    pub viewers: BTreeSet<String>,
    /// Whether other content than the bundle's is there.
    pub is_different: bool,
}

/// What nodes would find.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The mirror, or each engine.
    pub viewers: BTreeMap<String, Seen>,
    /// Everything that somebody would not find.
    pub missing: Vec<Missing>,
}

impl crate::commands::Report for Report {
    fn ending(&self) -> Ending {
        if self.missing.iter().any(|missing| missing.is_different) {
            Ending::NotVerified
        } else if self.missing.is_empty() {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for missing in &self.missing {
            let viewers: Vec<_> = missing.viewers.iter().map(String::as_str).collect();
            let word = if missing.is_different {
                "other content"
            } else {
                "not found"
            };
            writeln!(
                f,
                "{word}: {} by {}: {}",
                missing.reference,
                viewers.join(", "),
                missing.problem
            )?;
        }
        let mut rows = self.viewers.iter().peekable();
        while let Some((viewer, seen)) = rows.next() {
            let all = seen.found + seen.missing;
            write!(
                f,
                "{viewer}: {} of {all} references are found under their own names",
                seen.found
            )?;
            if rows.peek().is_some() {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
