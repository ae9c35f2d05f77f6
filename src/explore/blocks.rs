//! What a condition of a template encloses, read off the template's text.

use std::collections::HashMap;

use super::probe::Condition;
use crate::helm::Chart;

/// Where the pipeline of a condition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The file, as a render names it: `web/templates/pod.yaml`.
    pub(super) file: String,
    /// In bytes.
    pub(super) offset: usize,
}

/// The conditions of a chart, and which of them have an image between themselves and their `end`.
#[derive(Debug)]
pub(super) struct Blocks<'c> {
    chart: &'c Chart,
    known: HashMap<Condition, bool>,
}

impl<'c> Blocks<'c> {
    pub(super) fn of(chart: &'c Chart) -> Self {
        Self {
            chart,
            known: HashMap::new(),
        }
    }

    pub(super) fn enclose_image(&mut self, condition: Condition, site: Option<&Site>) -> bool {
        let Some(site) = site else { return false };
        let chart = self.chart;
        *self.known.entry(condition).or_insert_with(|| {
            let name = site.file.split_once('/').map_or("", |(_, below)| below);
            let file = chart.raw.iter().find(|file| file.name == name);
            let from = file.and_then(|file| file.data.get(site.offset..));
            from.is_some_and(|text| block(&String::from_utf8_lossy(text)).contains("image:"))
        })
    }
}

/// The text from inside the action that opens a block to the action that ends it.
fn block(text: &str) -> &str {
    let mut depth = 1_usize;
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("{{")) {
        let action = text.get(from + open + 2..).unwrap_or_default();
        let action = action.strip_prefix('-').unwrap_or(action).trim_start();
        let word = action.split(|c: char| !c.is_ascii_alphabetic()).next();
        match word {
            Some("if" | "with" | "range" | "define" | "block") => depth += 1,
            Some("end") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(..from + open).unwrap_or_default();
        }
        from += open + 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_where_its_own_end_stands() {
        let text = ".a }}x{{- if .b }}y{{ end }}{{/* end */}}{{ else if .c }}image: z{{- end -}} rest";
        assert_eq!(
            block(text),
            ".a }}x{{- if .b }}y{{ end }}{{/* end */}}{{ else if .c }}image: z"
        );
        assert_eq!(block(".a }} no end"), ".a }} no end");
    }
}
