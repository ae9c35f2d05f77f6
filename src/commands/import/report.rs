//! What an import tells.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Joined;
use crate::bundle::Verified;
use crate::commands::charts_in::ChartsIn;
use crate::commands::engine_config::Configured;
use crate::commands::verify::{write_problems, write_refetch};
use crate::commands::vetting::Vetted;
use crate::commands::wanted::Request;
use crate::commands::{self, Ending};
use crate::mirrors::Target;
use crate::transfer::{Pushed, PushedRow, RowOutcome};
use crate::trust::Seal;

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The images.
    #[serde(flatten)]
    pub brought: Brought,
    /// Who signed the bundle.
    pub seal: Seal,
    /// The charts, where they had a destination of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_destination: Option<ChartsIn>,
    /// What nodes asked for and is not in this bundle, and the file that takes it to the connected side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<(Request, PathBuf)>,
    /// The engine configuration that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_config: Option<Configured>,
    /// What is no failure and still worth saying.
    pub notes: Vec<String>,
    /// What was asked for by name and could not be written in the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unwritten: Vec<String>,
}

/// What became of the images.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Brought {
    /// Into a registry.
    Registry(Box<Imported>),
    /// Into a bundle.
    Folder(Box<Joined>),
    /// Nowhere: what lies on the drive is not what was signed.
    Refused(Box<Refused>),
}

/// A signed bundle that was refused.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// What is not as it was signed.
    pub verified: Verified,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_problems(f, &self.verified)?;
        write!(
            f,
            "{}: nothing was imported, because it is not as it was signed: {}",
            self.bundle.display(),
            commands::count(self.verified.problems.len() as u64, "problem")
        )
    }
}

/// What was brought into a registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The target.
    pub target: Target,
    /// Whether nothing was sent on purpose.
    pub dry_run: bool,
    /// What was found in the bundle.
    pub verified: Verified,
    /// What the policy found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Vetted>,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub pushed: Pushed,
    /// Where the receipt is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<PathBuf>,
    /// What is no failure and still worth saying.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
    /// What was asked for by name and could not be written.
    #[serde(skip)]
    pub(super) unwritten: Vec<String>,
}

impl Report {
    /// The rows of an import into a registry.
    pub fn rows(&self) -> &[PushedRow] {
        match &self.brought {
            Brought::Registry(imported) => &imported.pushed.rows,
            Brought::Folder(_) | Brought::Refused(_) => &[],
        }
    }

    /// Nothing came in: the bundle is not as it was signed.
    pub(super) fn refused(bundle: &Path, seal: Seal, verified: Verified) -> Self {
        Self {
            brought: Brought::Refused(Box::new(Refused {
                bundle: bundle.to_path_buf(),
                verified,
            })),
            seal,
            chart_destination: None,
            wanted: None,
            engine_config: None,
            notes: Vec::new(),
            unwritten: Vec::new(),
        }
    }
}

impl Imported {
    fn ending(&self) -> Ending {
        let failed = |row: &PushedRow| matches!(row.outcome, RowOutcome::Failed { .. });
        let refused = |vetted: &Vetted| !vetted.violations.is_empty();
        if !self.verified.problems.is_empty() || self.policy.as_ref().is_some_and(refused) {
            Ending::NotVerified
        } else if self.pushed.rows.iter().any(failed) {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl commands::Report for Report {
    fn ending(&self) -> Ending {
        let of_images = match &self.brought {
            Brought::Folder(joined) => joined.ending(),
            Brought::Registry(imported) => imported.ending(),
            Brought::Refused(_) => Ending::NotVerified,
        };
        match (&self.chart_destination, of_images) {
            (_, Ending::NotVerified) => Ending::NotVerified,
            _ if !self.unwritten.is_empty() => Ending::Failed,
            (Some(charts), Ending::Done) => charts.ending(),
            (_, ending) => ending,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.seal)?;
        match &self.brought {
            Brought::Folder(joined) => joined.fmt(f)?,
            Brought::Registry(imported) => imported.fmt(f)?,
            Brought::Refused(refused) => return refused.fmt(f),
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        if let Some(charts) = &self.chart_destination {
            write!(f, "\n{charts}")?;
        }
        if let Some((request, path)) = &self.wanted {
            write!(
                f,
                "\n{} images that nodes asked for are not in this bundle: {}",
                request.images.len(),
                path.display()
            )?;
        }
        if let Some(configured) = &self.engine_config {
            write!(f, "\n{configured}")?;
        }
        for failure in &self.unwritten {
            write!(f, "\nfailed: {failure}")?;
        }
        self.next(f)
    }
}

impl Report {
    /// What the operator does next.
    fn next(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_dry = match &self.brought {
            Brought::Folder(joined) => joined.report.dry_run,
            Brought::Registry(imported) => imported.dry_run,
            Brought::Refused(_) => return Ok(()),
        };
        if is_dry {
            return f.write_str("\nnext: the same command without --dry-run");
        }
        if commands::Report::ending(self) != Ending::Done {
            return Ok(());
        }
        match (&self.brought, &self.engine_config) {
            (Brought::Folder(joined), _) => write!(f, "\nnext: {}", joined.serve()),
            (_, Some(written)) => write!(
                f,
                "\nnext: on each node, what INSTALL.txt below {} says",
                written.folder.display()
            ),
            (_, None) => {
                f.write_str("\nnext: --engine-config DIR writes what nodes need to find their images here")
            }
        }
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_problems(f, &self.verified)?;
        let (mut failed, mut present) = (0, 0);
        for row in &self.pushed.rows {
            match &row.outcome {
                RowOutcome::Failed { error } => {
                    failed += 1;
                    writeln!(f, "failed: {} → {}: {error}", row.reference, row.target)?;
                }
                RowOutcome::Planned => writeln!(f, "would import: {} → {}", row.reference, row.target)?,
                RowOutcome::Present => present += 1,
                RowOutcome::Done => {}
            }
        }
        for note in &self.verified.notes {
            writeln!(f, "note: {note}")?;
        }
        let all = self.pushed.rows.len();
        if self.dry_run {
            write!(
                f,
                "{}: {} to import, {failed} cannot be",
                self.target,
                commands::count((all - failed) as u64, "reference")
            )?;
        } else {
            write!(
                f,
                "{}: {} new, {present} there already, {failed} failed; {} sent with {}, {} linked, {} there already",
                self.target,
                commands::count((all - failed - present) as u64, "reference"),
                commands::count(self.pushed.uploaded, "blob"),
                commands::size(self.pushed.bytes),
                self.pushed.mounted,
                self.pushed.present,
            )?;
        }
        let broken = self.verified.broken();
        if !broken.is_empty() {
            writeln!(f)?;
            write_refetch(f, &broken, &self.bundle)?;
        }
        if let Some(vetted) = &self.policy {
            write!(f, "\n{}", vetted.summary())?;
        }
        if let Some(receipt) = &self.receipt {
            write!(f, "\nreceipt for the next export: {}", receipt.display())?;
        }
        Ok(())
    }
}
