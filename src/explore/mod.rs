//! Which switches hide images: the values that templates decide by are flipped, one after the other, and the chart is
//! rendered again.
//!
//! ```text
//! probe      what a render reads, compares, demands and asks the cluster for, as paths of the values
//! footprint  which templates a switch can touch: only those run again
//! starts     what can be switched without a render: dependencies, tags, flags of the defaults, modes of the schema
//! modes      texts that a template compares: what else could stand in the values
//! blocks     whether a condition encloses an image
//! empty      empty values that keep a chart from rendering what runs
//! seen       what the renders before showed: whether an image is one more or another spelling of one
//! search     flip, render, look; a switch that only shows once another is on is flipped on top of it
//! ```
//!
//! Bounded by renders and bytes, never by the clock, so that two runs say the same. A failure never ends the search: the
//! files that fail are left out, and what was not explored is listed.

mod blocks;
mod empty;
mod footprint;
mod modes;
mod probe;
mod search;
mod seen;
mod starts;
mod switch;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::discover::Sighting;
use crate::helm::{Document, Options, Prepared, Trace};
use crate::reference::Reference;

pub use empty::empty_conditions;
pub use switch::{Given, Setting, Switch};

/// How much one chart may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Renders.
    pub renders: usize,
    /// What all renders together may write that no render before them wrote, in bytes.
    pub output_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            renders: 800,
            output_bytes: 256 << 20,
        }
    }
}

/// Something that was not explored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unexplored {
    /// The switches, as the report writes them; empty for the values as they are.
    pub switches: String,
    /// Why not, one line.
    pub reason: String,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Exploration {
    /// Places of images that the values as they are do not show; each says in `under` which switches show it.
    pub revealed: Vec<Sighting>,
    /// Candidates: other spellings of images that are known, under another registry or with the text of a switch in them.
    pub variants: Vec<Sighting>,
    /// What was not explored, or only in part.
    pub unexplored: Vec<Unexplored>,
    /// How many switches were tried or left out.
    pub switches: usize,
    /// How many times the chart was rendered.
    pub renders: usize,
}

/// Reads the images of a document whose lines were traced; what cannot be read of it comes with the reason.
pub type Look<'l> = dyn Fn(&Document, &Trace) -> (Vec<Sighting>, Option<String>) + 'l;

/// How the images of documents are read.
#[derive(Clone, Copy)]
pub struct Looks<'l> {
    /// Of a document that was rendered whole.
    pub whole: &'l Look<'l>,
    /// Of what a file that failed wrote all the same.
    pub salvaged: &'l dyn Fn(&Document, &Trace) -> Vec<Sighting>,
}

impl fmt::Debug for Looks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looks")
    }
}

/// Explores a chart. `known` are the images that need no switch; `looks` read the images of documents.
pub fn explore(
    prepared: &Prepared<'_>,
    options: &Options,
    bounds: Bounds,
    known: &BTreeSet<Reference>,
    looks: Looks<'_>,
) -> Exploration {
    search::Search::new(prepared, options, bounds, known, looks).run()
}

#[cfg(test)]
mod tests;
