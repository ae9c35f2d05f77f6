//! Which empty values keep a chart from rendering what runs.

use super::blocks::Blocks;
use super::probe::Watcher;
use super::switch::Switch;
use crate::helm::{Options, Prepared};

/// The paths of empty values that decide whether the chart renders something with an image, in the order of reading.
pub fn empty_conditions(prepared: &Prepared<'_>, options: &Options) -> Vec<String> {
    let Ok(valued) = prepared.values(options) else {
        return Vec::new();
    };
    let watcher = Watcher::new(&valued.values);
    let (_, watcher) = prepared.render_part(&valued, options, &|_| true, watcher);
    let mut blocks = Blocks::of(prepared.chart());
    let mut paths = Vec::new();
    for (switch, conditions) in watcher.switches() {
        let Switch::Value { path, setting } = &switch else {
            continue;
        };
        let site = |condition| watcher.closed.get(condition);
        if setting.is_given() && conditions.iter().any(|c| blocks.enclose_image(*c, site(c))) {
            paths.push(crate::secret::printable(&path.join("."), 80));
        }
    }
    paths
}
