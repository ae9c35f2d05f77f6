//! `carrack prune`: taking references out of a bundle, and what nothing needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::{Ending, Error, World};
use crate::bundle::{Bundle, Closing, Finished, Pruned, Writer};
use crate::reference::Reference;

/// What is taken out of which bundle.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// References to take out. Blobs that no reference needs go in any case.
    pub remove: Vec<Reference>,
    /// Remove also what an interrupted run has brought, which the same run would go on with.
    pub unfinished: bool,
    /// Who runs this, for a second run that finds the bundle locked.
    pub holder: String,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// What was removed.
    #[serde(flatten)]
    pub pruned: Pruned,
}

/// Takes the references out and removes every blob that none of the others needs.
pub fn run(options: &Options, world: &World) -> Result<Report, Error> {
    // Opening for writing would begin a bundle where there is none.
    Bundle::open(&options.bundle)?;
    let writer = Writer::open(&options.bundle, &options.holder)?;
    if let Some(problem) = refusal(options, &writer) {
        writer.leave()?;
        return Err(Error::Usage { problem });
    }
    for reference in &options.remove {
        writer.remove(reference);
    }
    for companion in companions(writer.bundle(), &options.remove)? {
        writer.remove(&companion);
    }
    let before = writer.before();
    let closing = Closing {
        now: world.clock.now(),
        config: before.and_then(|before| before.config),
        provenance: BTreeMap::new(),
        absent: BTreeMap::new(),
        asked: BTreeMap::new(),
        referrers_left_out: BTreeSet::new(),
        volume: before.and_then(|before| before.volume.clone()),
        prune: true,
        signed_by: BTreeMap::new(),
    };
    let Finished { pruned, .. } = writer.finish(closing)?;
    Ok(Report {
        bundle: options.bundle.clone(),
        pruned: pruned.unwrap_or_default(),
    })
}

/// Why the bundle is left as it is.
fn refusal(options: &Options, writer: &Writer) -> Option<String> {
    let shown = options.bundle.display();
    if writer.found_unfinished() && !options.unfinished {
        return Some(format!(
            "the last run into {shown} was interrupted, and what it has brought would be removed: run it again first, or say --unfinished"
        ));
    }
    let entries = writer.bundle().entries();
    let unknown = options.remove.iter().find(|name| !entries.contains_key(*name))?;
    Some(format!("{unknown} is not in {shown}"))
}

/// Signatures, attestations and SBOMs that are about the references that go and about none that stays.
fn companions(bundle: &Bundle, gone: &[Reference]) -> Result<BTreeSet<Reference>, Error> {
    let referrers = bundle.referrers()?;
    let going = bundle.with_companions(gone)?;
    let staying = bundle.entries().keys();
    let staying: Vec<Reference> = staying
        .filter(|entry| !going.contains(entry) && !referrers.is_referrer(entry))
        .cloned()
        .collect();
    let kept = bundle.with_companions(&staying)?;
    Ok(going.difference(&kept).cloned().collect())
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        Ending::Done
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.bundle.display(), self.pruned)
    }
}
