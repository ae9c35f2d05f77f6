//! The charts of one release: which are in, under which names, with which defaults.

use super::live;
use crate::gotemplate::Map;
use crate::helm::chart::Chart;
use crate::helm::metadata::{Dependency, Metadata};
use crate::helm::profile::Profile;

/// A chart as a release uses it: perhaps under an alias, perhaps without some of its dependencies.
#[derive(Clone, Debug)]
pub struct Instance<'a> {
    /// The chart as it was loaded.
    pub chart: &'a Chart,
    /// Its name here.
    pub name: String,
    /// The declared dependencies that are enabled, under their names here.
    pub declared: Option<Vec<Dependency>>,
    /// Its defaults, with what it imports from its dependencies.
    pub values: Map,
    /// The charts below it that are in.
    pub below: Vec<Self>,
}

impl<'a> Instance<'a> {
    /// The whole tree as it lies on disk: nothing switched off yet.
    pub(super) fn of(chart: &'a Chart, profile: Profile) -> Self {
        Self {
            chart,
            name: chart.name().to_owned(),
            declared: chart.metadata.dependencies.clone(),
            values: live::table(chart.default_values(profile)),
            below: chart.dependencies.iter().map(|c| Self::of(c, profile)).collect(),
        }
    }

    /// `Chart.yaml` as templates see it here: the name may be an alias, the dependencies are the enabled ones.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            name: self.name.clone(),
            dependencies: self.declared.clone(),
            ..self.chart.metadata.clone()
        }
    }
}
