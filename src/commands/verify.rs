//! `carrack verify`: whether a bundle is whole.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::vetting::{Policed, Vetted};
use super::{Ending, Error, World, admission};
use crate::bundle::{Bundle, Verified};
use crate::observe::{Event, Observer};
use crate::reference::Reference;
use crate::shell::{quoted, quoted_path};
use crate::trust::Seal;

/// What is verified.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Who must have signed it.
    pub admission: admission::Options,
    /// What is asked of its images.
    pub policy: Option<Arc<Policed>>,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// What the bundle's own inventory calls it, and how many runs it has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Identity>,
    /// Who signed the inventory.
    pub seal: Seal,
    /// What the policy found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Vetted>,
    /// Everything that was found.
    #[serde(flatten)]
    pub verified: Verified,
}

/// A bundle's identity.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The bundle's name.
    pub bundle_id: String,
    /// How many runs have finished on it.
    pub sequence: u64,
    /// When the last of them ended.
    pub created: String,
}

/// Hashes everything and checks that every manifest's children are there. Blocks until it is done.
pub fn run(options: &Options, world: &World, observer: &dyn Observer) -> Result<Report, Error> {
    let admitted = admission::admit(&options.bundle, &options.admission, world.clock.now())?;
    admitted.check_sequence(options.admission.state.as_deref())?;
    if let Some(identity) = admitted.identity() {
        observer.on(&Event::Identified(identity));
    }
    let bundle = Bundle::open(&options.bundle)?;
    observer.on(&Event::Phase {
        name: "verifying".to_owned(),
    });
    let verified = admitted.verify(&bundle, observer, &|| world.cancel.is_cancelled())?;
    if world.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let vet = |policy: &Arc<Policed>| policy.vet(&bundle, bundle.entries().keys(), world.clock.now());
    Ok(Report {
        policy: options.policy.as_ref().map(vet).transpose()?,
        bundle: options.bundle.clone(),
        inventory: admitted.inventory.map(|i| Identity {
            bundle_id: i.bundle_id.clone(),
            sequence: i.sequence,
            created: i.created.clone(),
        }),
        seal: admitted.seal,
        verified,
    })
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        let refused = |vetted: &Vetted| !vetted.violations.is_empty();
        if self.verified.problems.is_empty() && !self.policy.as_ref().is_some_and(refused) {
            Ending::Done
        } else {
            Ending::NotVerified
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.verified;
        for note in &found.notes {
            writeln!(f, "note: {note}")?;
        }
        write_problems(f, found)?;
        writeln!(f, "{}", self.seal)?;
        if let Some(vetted) = &self.policy {
            writeln!(f, "{vetted}")?;
        }
        if found.problems.is_empty() {
            write!(
                f,
                "{}: {}, {}, {} hashed: everything is there and whole",
                self.bundle.display(),
                super::count(found.references, "reference"),
                super::count(found.blobs, "blob"),
                super::size(found.bytes)
            )?;
            if found.absent > 0 {
                write!(f, " ({} left out on purpose)", found.absent)?;
            }
            return Ok(());
        }
        let broken = found.broken();
        writeln!(
            f,
            "{}: {} of {} not whole, {}",
            self.bundle.display(),
            broken.len(),
            super::count(found.references, "reference"),
            super::count(found.problems.len() as u64, "problem")
        )?;
        write_refetch(f, &broken, &self.bundle)
    }
}

/// One line for each thing that is wrong.
pub(super) fn write_problems(f: &mut fmt::Formatter<'_>, found: &Verified) -> fmt::Result {
    for problem in &found.problems {
        write!(f, "bad: {}: {}", problem.subject, problem.text)?;
        if let Some(first) = problem.references.first() {
            write!(f, " (needed by {first}")?;
            match problem.references.len() {
                1 => write!(f, ")")?,
                n => write!(f, " and {} more)", n - 1)?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// The command that fetches just those again.
pub(super) fn write_refetch(
    f: &mut fmt::Formatter<'_>,
    broken: &BTreeSet<Reference>,
    bundle: &Path,
) -> fmt::Result {
    if broken.is_empty() {
        return Ok(());
    }
    write!(
        f,
        "on the connected side, fetch just those again:\n  carrack export"
    )?;
    for reference in broken {
        write!(f, " {}", quoted(&reference.to_string()))?;
    }
    write!(f, " --rehash --to {}", quoted_path(bundle))
}
