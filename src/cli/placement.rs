//! Where references go on a registry.

use clap::{Args, ValueEnum};

use super::arguments::with_causes;
use super::failure::Failure;
use crate::config::{self, Destination};
use crate::mirrors::{Limits, Mapping, Place, Rule, Target};

/// How names become places; the same for every command that pushes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Places on the registry")]
pub struct Placement {
    /// Where references go on the registry; host, if nobody says otherwise.
    #[arg(long, value_name = "SCHEME")]
    layout: Option<Layout>,
    /// Place one source elsewhere: `quay.io/jetstack=jetstack`, `docker.io=/`; with `+=` there too. May be repeated.
    #[arg(long, value_name = "SOURCE=PLACE", value_parser = with_causes::<Rule>)]
    map: Vec<Rule>,
    /// The registry takes paths of this many components only (Quay: 2).
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
}

/// The scheme by which names become paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// `registry.suse.com/caasp` becomes REGISTRY/registry.suse.com/caasp.
    Host,
    /// `registry.suse.com/caasp` becomes REGISTRY/caasp.
    Root,
}

impl Placement {
    /// Whether something was said of places.
    pub fn is_given(&self) -> bool {
        self.layout.is_some() || !self.map.is_empty()
    }

    /// Whether something was said of what the registry takes.
    pub fn is_limited(&self) -> bool {
        self.max_depth.is_some()
    }

    /// The rules of the command line, without those that a configuration declares.
    pub fn given(&self) -> &[Rule] {
        &self.map
    }

    /// The mapping without a target: for a folder that is served.
    pub fn of_folder(self, declared: Option<&Destination>) -> Mapping {
        self.mapping(declared)
    }

    /// The mapping onto this target, and what the target takes.
    pub fn on(self, target: &Target, declared: Option<&Destination>) -> Result<(Mapping, Limits), Failure> {
        let limits = Limits {
            depth: self.max_depth.or_else(|| declared?.max_depth),
            ..Limits::default()
        };
        let mapping = self
            .mapping(declared)
            .with_prefix(target.prefix())
            .map_err(|error| Failure::usage(&error))?;
        Ok((mapping, limits))
    }

    /// What a configuration declares of the destination holds where the command line says nothing.
    fn mapping(self, declared: Option<&Destination>) -> Mapping {
        let place = match (self.layout, declared.map(|declared| declared.layout)) {
            (Some(Layout::Root), _) | (None, Some(config::Layout::Root)) => Place::AtRoot,
            _ => Place::ByHost,
        };
        let declared_rules = declared.into_iter().flat_map(|declared| &declared.map);
        let rules = declared_rules.map(|rule| rule.value.clone()).chain(self.map);
        Mapping::new(place).with_rules(rules)
    }
}
