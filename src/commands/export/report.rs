//! What an export says of itself.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::super::consignment::is_failed;
use super::super::lock::Locked;
use super::super::vetting::Vetted;
use super::super::{Ending, count, images, sign, size};
use crate::bundle::Pruned;
use crate::chartrepo;
use crate::observe::Outcome;
use crate::shell::quoted_path;
use crate::transfer::{Demand, Fetched, Preflight, Row, RowOutcome};

/// What was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
    /// What the run would need, if it is a dry one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preflight: Option<Preflight>,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub fetched: Fetched,
    /// The bundle's name and the number of this run, if one was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Content that was left out on purpose.
    pub left_out: u64,
    /// What was removed because nothing needs it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Pruned>,
    /// The lock file, and what changed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<Locked>,
    /// What became of the charts that go along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<chartrepo::Row>,
    /// Charts and files that could not be looked into: their images are missing from the bundle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<images::Failure>,
    /// What is no failure and still worth saying.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the policy found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Vetted>,
    /// The signature of the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<sign::Report>,
}

impl super::super::Report for Report {
    fn ending(&self) -> Ending {
        let all_came = !self.fetched.rows.iter().any(Row::is_failed) && !self.charts.iter().any(is_failed);
        if self
            .policy
            .as_ref()
            .is_some_and(|vetted| !vetted.violations.is_empty())
        {
            Ending::NotVerified
        } else if !all_came || !self.failures.is_empty() {
            Ending::SomeFailed
        } else {
            Ending::Done
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(f)?;
        let bundle = quoted_path(&self.bundle);
        if self.dry_run {
            f.write_str("\nnext: the same command without --dry-run")
        } else if super::super::Report::ending(self) == Ending::Done {
            write!(
                f,
                "\nnext: on the other side, carrack import --from {bundle} --to REGISTRY"
            )
        } else {
            f.write_str("\nnext: mend what failed and run the same command again; what arrived is kept")
        }
    }
}

impl Report {
    /// What failed, what moved, and the numbers of the run.
    pub(in crate::commands) fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = &self.fetched.rows;
        for row in rows {
            match (&row.outcome, &row.moved_from) {
                (RowOutcome::Failed { error }, _) => writeln!(f, "failed: {}: {error}", row.reference)?,
                (_, Some(before)) => writeln!(f, "moved:  {}: it was {before}", row.reference)?,
                (RowOutcome::Planned, None) => writeln!(f, "would copy: {}", row.reference)?,
                (RowOutcome::Done | RowOutcome::Present, None) => {}
            }
        }
        for row in self.charts.iter().filter(|row| is_failed(row)) {
            if let Outcome::Failed(error) = &row.outcome {
                writeln!(f, "failed: chart {} {}: {error}", row.source, row.chart)?;
            }
        }
        for failure in &self.failures {
            writeln!(f, "failed: {}: {}", failure.subject, failure.reason)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let failed = rows.iter().filter(|r| r.is_failed()).count();
        let present = rows.iter().filter(|r| r.outcome == RowOutcome::Present).count();
        let referrers: usize = rows.iter().map(|r| r.referrers).sum();
        let totals = &self.fetched.plan;
        let bundle = self.bundle.display();
        if self.dry_run {
            write!(
                f,
                "{bundle}: {}, {} to copy with {}, the largest {}; {} with {} there already",
                count((rows.len() - failed) as u64, "reference"),
                count(totals.blobs, "blob"),
                size(totals.bytes),
                size(totals.largest),
                count(totals.blobs_present, "blob"),
                size(totals.bytes_present),
            )?;
            write_referrers(f, referrers)?;
            return self
                .preflight
                .iter()
                .try_for_each(|preflight| write_needs(f, preflight));
        }
        write!(
            f,
            "{bundle}: {} new, {present} there already, {failed} failed; {} with {} copied",
            count((rows.len() - failed - present) as u64, "reference"),
            count(self.fetched.blobs, "blob"),
            size(self.fetched.bytes),
        )?;
        write_referrers(f, referrers)?;
        if self.left_out > 0 {
            write!(f, "; {} left out on purpose", self.left_out)?;
        }
        let charts = self.charts.iter().filter(|row| !is_failed(row)).count();
        if charts > 0 {
            write!(f, "; {}", count(charts as u64, "chart"))?;
        }
        if let Some(pruned) = self.pruned {
            write!(f, "; {pruned}")?;
        }
        if let Some(locked) = &self.locked {
            write!(f, "\n{locked}")?;
        }
        if let Some(vetted) = &self.policy {
            write!(f, "\n{vetted}")?;
        }
        if let Some(signature) = &self.signature {
            write!(f, "\n{signature}")?;
        }
        Ok(())
    }
}

fn write_referrers(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    match count {
        0 => Ok(()),
        _ => write!(f, "; {count} signatures, attestations and SBOMs go along"),
    }
}

/// What a dry run says of registries and the drive, a line each.
fn write_needs(f: &mut fmt::Formatter<'_>, preflight: &Preflight) -> fmt::Result {
    for (host, Demand { pulls, blobs, bytes }) in &preflight.registries {
        write!(f, "\n{host}: {pulls} pulls, {blobs} blobs with {}", size(*bytes))?;
    }
    write!(f, "\nthe drive: {} free", size(preflight.free))?;
    if let Some(bytes) = preflight.largest_file {
        write!(
            f,
            ", files of at most {}; larger blobs are stored as parts",
            size(bytes)
        )?;
    }
    if let Some(most) = preflight.most_blobs {
        write!(f, ", at most {most} blobs")?;
    }
    Ok(())
}
