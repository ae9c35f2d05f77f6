//! Names that never change: where a reference lives inside the gap, and how container engines are told.
//!
//! One [`Mapping`] has two readers. `import` asks it where each reference goes; the engine configuration is written
//! from the same table, so the two cannot disagree. [`Names`] is the table read backwards, for a server that is asked
//! for a name and must know which upstream repository is meant.

pub mod engines;
mod idle;
mod mapping;
mod names;
pub mod nodes;
mod plan;
mod pull;
mod registries_conf;
mod target;
mod upstream;
pub mod wanted;

pub use idle::{idle_pull_sources, idle_rules};
pub use mapping::{Mapping, Place, Rule};
pub use names::{Names, Resolution};
pub use plan::{Conflict, Limits, Placed};
pub use pull::{PullError, PullSource, PullSourceError, PullSources};
pub use target::Target;

use crate::reference;

/// Why a mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule is not `SOURCE=PLACE` or `SOURCE+=PLACE`.
    #[error(
        "`{text}` is no mapping rule: write SOURCE=PLACE, such as quay.io/jetstack=jetstack or docker.io+=/"
    )]
    BadRule {
        /// What was written, shortened.
        text: String,
    },
    /// The source of a rule is no host or repository.
    #[error("`{source_text}` is no registry host or repository")]
    BadSource {
        /// What was written, shortened.
        source_text: String,
        /// What is wrong with it.
        #[source]
        cause: reference::Error,
    },
    /// A place is no legal path of a registry.
    #[error("`{place}` is no path that a registry takes")]
    BadPlace {
        /// What was written, shortened.
        place: String,
        /// What is wrong with it.
        #[source]
        cause: reference::Error,
    },
    /// The target is no `REGISTRY[/PREFIX]`.
    #[error("`{target}` is no registry, which is written HOST[:PORT][/PREFIX]")]
    BadTarget {
        /// What was written, shortened.
        target: String,
        /// What is wrong with it.
        #[source]
        cause: reference::Error,
    },
    /// References cannot all be placed. Found before the first byte moves.
    #[error("{} cannot be placed: {}", count(.conflicts.len()), first(.conflicts))]
    Conflicts {
        /// Every conflict, in the order of the references.
        conflicts: Vec<Conflict>,
    },
}

fn count(conflicts: usize) -> String {
    match conflicts {
        1 => "1 reference".to_owned(),
        n => format!("{n} references"),
    }
}

fn first(conflicts: &[Conflict]) -> String {
    conflicts.first().map(ToString::to_string).unwrap_or_default()
}
