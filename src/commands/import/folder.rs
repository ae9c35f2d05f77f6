//! An import into a folder: what is whole joined to the bundle that is there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::survey::Survey;
use super::{Asked, Checked, Options, damaged};
use crate::bundle::Verified;
use crate::commands::export::{self, Gathering, Told, gather, open};
use crate::commands::verify::{write_problems, write_refetch};
use crate::commands::vetting::Vetted;
use crate::commands::{Ending, Error, Report as _, World, charts};
use crate::mirrors::Rule;
use crate::observe::Observer;
use crate::reference::Reference;
use crate::shell::{quoted, quoted_path};
use crate::transfer::{Choice, Companions, Proven, Row, RowOutcome, Source, Wanted};

/// What was brought into a folder.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The folder of the bundle that it came from.
    pub from: PathBuf,
    /// What was found in it.
    pub verified: Verified,
    /// Every reference and the numbers of the run.
    #[serde(flatten)]
    pub report: export::Report,
    /// What a server of the folder must be told of places.
    #[serde(skip)]
    pub(super) rules: Vec<Rule>,
}

/// Brings what is whole into the folder.
pub(super) async fn into_folder(
    options: &Options,
    Asked { bundle, chosen }: Asked<'_>,
    checked: Checked<'_>,
    folder: &Path,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Joined, Error> {
    let Checked {
        admitted,
        verified,
        vetted,
    } = checked;
    // Before anything is read: whether the folder can be written, and nobody else does.
    let writer = if options.dry_run {
        None
    } else {
        Some(open(folder, &options.holder, None, false)?)
    };
    let mut survey = Survey::of(bundle, admitted, verified, options.dry_run, world, observer).await?;
    let inventory = admitted.inventory.as_deref();
    let refused = vetted.as_ref().map(Vetted::refusals).unwrap_or_default();
    let mut broken = damaged(&survey.verified);
    broken.retain(|reference, _| chosen.contains(reference) && !refused.contains_key(reference));
    let provenance = |reference: &Reference| {
        let record = inventory.and_then(|i| i.references.get(reference));
        record.map(|r| r.provenance.clone()).unwrap_or_default()
    };
    let digest = |reference: &Reference| bundle.entries().get(reference).map(|d| d.digest);
    let wanted = chosen
        .iter()
        .filter(|reference| !refused.contains_key(*reference) && !broken.contains_key(*reference))
        .map(|reference| Wanted {
            reference: reference.clone(),
            pinned: digest(reference),
            provenance: provenance(reference),
        })
        .collect();
    let gathering = Gathering {
        wanted,
        to: folder.to_path_buf(),
        writer,
        choice: Choice {
            referrers: Companions::Named,
            // What the bundle has of them came by choice.
            include_foreign: true,
            ..Choice::default()
        },
        told: Told::by(inventory),
        config: None,
        // It was asked already, on this side of the drive.
        policy: None,
        read_back: options.read_back,
        volume: None,
        prune: false,
    };
    let proven = Arc::<Proven>::default();
    let told = (!survey.unread.is_empty()).then(|| Arc::clone(&proven));
    let source = Source::bundle(bundle.clone(), admitted.inventory.clone(), told);
    let charts = match &gathering.writer {
        Some(writer) => {
            let (shelf, bundle) = (writer.charts()?, bundle.clone());
            let copied = tokio::task::spawn_blocking(move || charts::copy(&bundle, &shelf)).await;
            copied.map_err(|_| Error::Crashed)??
        }
        None => Vec::new(),
    };
    let mut report = gather(gathering, &source, world, observer).await?;
    report
        .fetched
        .rows
        .extend(broken.into_iter().map(|(reference, error)| Row {
            digest: digest(&reference),
            reference,
            outcome: RowOutcome::Failed { error },
            moved_from: None,
            referrers: 0,
        }));
    proven.leave_others(&mut survey.unread);
    Ok(Joined {
        from: options.from.clone(),
        verified: survey
            .complete(bundle, admitted, Vec::new(), world, observer)
            .await?,
        report: export::Report {
            charts,
            policy: vetted,
            ..report
        },
        rules: options.to.mapping().rules().to_vec(),
    })
}

impl Joined {
    pub(super) fn ending(&self) -> Ending {
        if self.verified.problems.is_empty() {
            self.report.ending()
        } else {
            Ending::NotVerified
        }
    }

    /// The command that offers the folder to nodes, under every name that they may ask for.
    pub(super) fn serve(&self) -> String {
        let mut command = format!("carrack serve {}", quoted_path(&self.report.bundle));
        for rule in &self.rules {
            command.push_str(" --map ");
            command.push_str(&quoted(&rule.to_string()));
        }
        command
    }
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_problems(f, &self.verified)?;
        for note in &self.verified.notes {
            writeln!(f, "note: {note}")?;
        }
        self.report.summary(f)?;
        let broken = self.verified.broken();
        if !broken.is_empty() {
            writeln!(f)?;
            write_refetch(f, &broken, &self.from)?;
        }
        Ok(())
    }
}
