//! The search: flip a switch, render again, follow what the render shows.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::blocks::Blocks;
use super::footprint::{Footprints, differences};
use super::probe::{Condition, Watcher};
use super::seen::{News, Seen};
use super::switch::{Path, Setting, Switch, Switches};
use super::{Bounds, Exploration, Looks, Unexplored, starts};
use crate::discover::{Reading, Severity, Sighting, Tier};
use crate::gotemplate::Map;
use crate::helm::{Document, Options, Prepared, Trace, ValuesSource};
use crate::reference::Reference;

/// How many switches are set together at most.
const DEEPEST: usize = 3;

/// How many required values are filled in for one render.
const FILLED: usize = 5;

/// The render of the values as they are, which all others are measured against.
#[derive(Debug)]
struct Base {
    values: Map,
    footprints: Footprints,
    crds: BTreeSet<String>,
}

impl Base {
    /// Whether a template could write something else with these switches.
    fn wants(&self, template: &str, switches: &Switches, changed: &[Path]) -> bool {
        if self.crds.contains(template) {
            return false;
        }
        let all = switches.of_the_cluster() || self.footprints.shared_change;
        all || self.footprints.touches(template, changed)
    }
}

/// A search over one chart.
pub(super) struct Search<'c, 's> {
    prepared: &'s Prepared<'c>,
    options: &'s Options,
    bounds: Bounds,
    looks: Looks<'s>,
    /// What the values as they are gave; nothing before they were rendered.
    base: Option<Base>,
    /// What is to be rendered: by urgency, then in the order in which it was found.
    waiting: BTreeMap<(usize, usize), Switches>,
    queued: BTreeSet<Vec<Switch>>,
    /// Switches that some render showed already, and the conditions that they may turn: what is new in a render is what
    /// its own switches revealed. One that showed nothing alone may show something where another has led to a condition.
    shown: BTreeSet<(Switch, Option<Condition>)>,
    blocks: Blocks<'c>,
    /// Documents that were looked at, by hash.
    looked: BTreeSet<[u8; 32]>,
    seen: Seen,
    /// Texts that ought to be images and are none, told once each.
    puzzled: BTreeSet<String>,
    written: usize,
    done: Exploration,
}

impl<'c, 's> Search<'c, 's> {
    pub(super) fn new(
        prepared: &'s Prepared<'c>,
        options: &'s Options,
        bounds: Bounds,
        known: &BTreeSet<Reference>,
        looks: Looks<'s>,
    ) -> Self {
        Self {
            prepared,
            options,
            bounds,
            looks,
            base: None,
            waiting: BTreeMap::new(),
            queued: BTreeSet::new(),
            shown: BTreeSet::new(),
            blocks: Blocks::of(prepared.chart()),
            looked: BTreeSet::new(),
            seen: Seen::new(known),
            puzzled: BTreeSet::new(),
            written: 0,
            done: Exploration::default(),
        }
    }

    pub(super) fn run(mut self) -> Exploration {
        self.queue(Switches::default());
        let mut first = true;
        while self.done.renders < self.bounds.renders && self.written < self.bounds.output_bytes {
            let Some((_, switches)) = self.waiting.pop_first() else {
                break;
            };
            self.render(&switches);
            if std::mem::take(&mut first) {
                // Nothing has read these yet: that they show nothing alone does not speak against them.
                for switch in starts::of(self.prepared.chart(), self.options.profile) {
                    if self.queue(Switches::default().with(switch)) {
                        self.done.switches += 1;
                    }
                }
                self.follow(&Switches::default(), Switch::Upgrade, &BTreeSet::new());
            }
        }
        for switches in std::mem::take(&mut self.waiting).into_values() {
            self.unexplored(&switches, "left out: the bound on renders was reached");
        }
        self.done
    }

    fn queue(&mut self, switches: Switches) -> bool {
        let new = self.queued.insert(switches.key());
        if new {
            let urgency = (switches.urgency(), self.queued.len());
            self.waiting.insert(urgency, switches);
        }
        new
    }

    /// Puts a switch on the list unless a render showed it before, for the same conditions.
    fn follow(&mut self, base: &Switches, switch: Switch, conditions: &BTreeSet<Condition>) {
        let again = matches!(&switch, Switch::Value { path, .. } if base.touches(path));
        if again || base.chosen() >= DEEPEST {
            return;
        }
        let places = std::iter::once(None).chain(conditions.iter().copied().map(Some));
        let mut is_new = false;
        for place in places {
            is_new |= self.shown.insert((switch.clone(), place));
        }
        if is_new && self.queue(base.with(switch)) {
            self.done.switches += 1;
        }
    }

    /// Charts ask for many values that may be empty; only those are filled that keep an image from being written.
    fn is_worth_it(&mut self, switch: &Switch, conditions: &BTreeSet<Condition>, watcher: &Watcher) -> bool {
        let site = |condition| watcher.closed.get(condition);
        let mut of_images = conditions
            .iter()
            .filter(|c| self.blocks.enclose_image(**c, site(c)));
        !matches!(switch, Switch::Value { setting, .. } if setting.is_given()) || of_images.next().is_some()
    }

    fn render(&mut self, switches: &Switches) {
        self.done.renders += 1;
        let mut options = self.options.clone();
        options.keep_going = true;
        options.skip_schema_validation = true;
        options.values.push(ValuesSource::SetJson(switches.json()));
        options.api_versions.extend(switches.apis().cloned());
        options.is_upgrade |= switches.0.contains(&Switch::Upgrade);
        let valued = match self.prepared.values(&options) {
            Ok(valued) => valued,
            Err(error) => return self.unexplored(switches, &error.to_string()),
        };
        let (rendered, mut watcher) = if let Some(base) = &self.base {
            let changed = differences(&base.values, &valued.values);
            let wanted = |template: &str| base.wants(template, switches, &changed);
            let watcher = Watcher::new(&valued.values);
            self.prepared.render_part(&valued, &options, &wanted, watcher)
        } else {
            let watcher = Watcher::with_footprints(&valued.values);
            self.prepared.render_part(&valued, &options, &|_| true, watcher)
        };
        let (failures, salvaged) = match rendered {
            Ok(release) => {
                if let (true, Some(footprints)) = (switches.0.is_empty(), watcher.footprints.take()) {
                    self.measure_against(&options, footprints, &release.documents);
                }
                self.look_at(&release.documents, &watcher.trace, switches);
                (release.failures, release.salvaged)
            }
            Err(error) => {
                self.unexplored(switches, &error.to_string());
                (Vec::new(), Vec::new())
            }
        };
        if let Some(failed) = failures.first() {
            let reason = format!("{}: {}", failed.template, failed.reason);
            if !self.fill(switches, &watcher, &reason) {
                for document in &salvaged {
                    let sightings = (self.looks.salvaged)(document, &watcher.trace);
                    self.sort(sightings, switches);
                }
            }
        }
        for (switch, conditions) in watcher.switches() {
            if self.is_worth_it(&switch, &conditions, &watcher) {
                self.follow(switches, switch, &conditions);
            }
        }
        if switches.0.is_empty() && !watcher.apis.is_empty() {
            self.follow(switches, Switch::Apis(watcher.apis), &BTreeSet::new());
        }
    }

    /// Takes the first render as the base: its values once more, since a render changes them.
    fn measure_against(&mut self, options: &Options, footprints: Footprints, documents: &[Document]) {
        let crds = documents.iter().filter(|d| d.is_crd);
        let crds = crds.map(|d| d.template.clone()).collect();
        self.base = self.prepared.values(options).ok().map(|valued| Base {
            values: valued.values,
            footprints,
            crds,
        });
    }

    /// Tries again with what the chart demands, and tells what cannot be had. Gives whether there is another try.
    fn fill(&mut self, switches: &Switches, watcher: &Watcher, reason: &str) -> bool {
        let demanded = watcher.demanded.iter().find(|path| !switches.touches(path));
        let retried = switches.filled() < FILLED
            && demanded
                .is_some_and(|path| self.queue(switches.with(Switch::new(path.clone(), Setting::Filled))));
        if !retried {
            self.unexplored(switches, reason);
        }
        retried
    }

    fn look_at(&mut self, documents: &[Document], trace: &Trace, switches: &Switches) {
        for document in documents {
            let hash: [u8; 32] = Sha256::new()
                .chain_update(&document.template)
                .chain_update([0])
                .chain_update(&document.text)
                .finalize()
                .into();
            if !self.looked.insert(hash) {
                continue;
            }
            self.written += document.text.len();
            let (sightings, trouble) = (self.looks.whole)(document, trace);
            // What is wrong with the values as they are is told where their images are.
            let tell = !switches.0.is_empty();
            if let Some(reason) = trouble.filter(|_| tell) {
                self.unexplored(switches, &format!("{}: {reason}", document.template));
            }
            self.puzzle(&sightings, switches);
            self.sort(sightings, switches);
        }
    }

    /// Tells what ought to be an image and is none.
    fn puzzle(&mut self, sightings: &[Sighting], switches: &Switches) {
        for sighting in sightings {
            let Reading::Unresolved { severity, reason } = &sighting.reading else {
                continue;
            };
            if *severity < Severity::Note
                && self.puzzled.insert(sighting.raw.clone())
                && !switches.0.is_empty()
            {
                let text = format!("`{}` is not readable as an image: {reason}", sighting.raw);
                self.unexplored(switches, &text);
            }
        }
    }

    /// Keeps what no render before this one showed, with the switches that show it.
    fn sort(&mut self, sightings: Vec<Sighting>, switches: &Switches) {
        let label = if switches.0.is_empty() {
            "a partial render".to_owned()
        } else {
            switches.to_string()
        };
        for (news, mut sighting) in self.seen.sort(sightings, switches) {
            sighting.under.insert(label.clone());
            match news {
                News::None => {}
                News::Image => self.done.revealed.push(sighting),
                News::Variant => {
                    sighting.tier = Tier::Candidate;
                    self.done.variants.push(sighting);
                }
            }
        }
    }

    fn unexplored(&mut self, switches: &Switches, reason: &str) {
        self.done.unexplored.push(Unexplored {
            switches: switches.to_string(),
            reason: crate::secret::printable(reason, 300),
        });
    }
}
