//! `carrack export`: from registries into a bundle.
//!
//! ```text
//! Options ──▶ order (what is asked for) ──▶ gather (plan, fetch, vet, finish) ──▶ report
//! ```

mod gather;
mod report;

pub(super) use gather::{Gathering, Told, gather, open};
pub use report::Report;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::consignment::{Asked, is_failed};
use super::lock::resolved;
use super::order::{self, Order};
use super::vetting::Policed;
use super::{Error, World, sign};
use crate::bundle::Writer;
use crate::digest::Digest;
use crate::mirrors::{PullSource, PullSources};
use crate::observe::Observer;
use crate::registry::Client;
use crate::transfer::{Choice, Shard, Source, Wanted};
use crate::trust::Violation;

/// A program with everything in it is smaller.
const PROGRAM_CAP: u64 = 256 << 20;

/// What is carried, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is carried: one set of things for each way in which images are looked for.
    pub asked: Vec<Asked>,
    /// Where references are pulled from, if not from the hosts that they name.
    pub pull_sources: PullSources,
    /// Those of them that were given for this run: they are told if nothing is pulled by them.
    pub pull_through: Vec<PullSource>,
    /// The bundle's folder.
    pub to: PathBuf,
    /// What of each image is carried.
    pub choice: Choice,
    /// The digest of the configuration that the references were chosen by.
    pub config: Option<Digest>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Take out of the bundle what is not asked for any more, once all that is asked for has come.
    pub prune: bool,
    /// Read what was written again, past the page cache, before the drive is called safe.
    pub read_back: bool,
    /// Receipts of a target, or bundles that carry some: what they prove to be there is left out.
    pub have: Vec<PathBuf>,
    /// Carry only this share of the references.
    pub shard: Option<Shard>,
    /// Store blobs of more bytes as parts.
    pub largest_file: Option<u64>,
    /// The file that says what references resolved to, and is brought up to date.
    pub lock: Option<PathBuf>,
    /// Ask registries again for what the lock pins.
    pub refresh: bool,
    /// Hash what the bundle holds already, too, and fetch again what does not match.
    pub rehash: bool,
    /// A folder for the time of the run, for charts that are looked into and do not go along.
    pub scratch: Option<PathBuf>,
    /// A program that goes along, for the side that has only the drive.
    pub program: Option<Program>,
    /// What is asked of images.
    pub policy: Option<Arc<Policed>>,
    /// The key that the inventory is signed with at the end, as `carrack sign` takes it.
    pub sign_with: Option<PathBuf>,
    /// Who runs this, for a second run that finds the bundle locked.
    pub holder: String,
}

/// A program for the other side.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// What it runs on: `linux-x86_64`.
    pub platform: String,
}

/// Brings everything that is asked for into the bundle. What fails is a row; the rest arrives.
pub async fn run(
    options: &Options,
    client: &Client,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Report, Error> {
    if let Some(key) = options.sign_with.as_deref().filter(|_| !options.dry_run) {
        sign::check(key)?;
    }
    let writer = if options.dry_run {
        None
    } else {
        Some(open(
            &options.to,
            &options.holder,
            options.largest_file,
            options.rehash,
        )?)
    };
    if let Some(writer) = &writer {
        options.furnish(writer)?;
    }
    let shelf = writer.as_ref().map(|writer| writer.charts()).transpose()?;
    let source = Source::registries(client.clone(), options.pull_sources.clone());
    let mut order = Order::of(options, shelf, &source, world, observer).await?;
    let source = source.beside(std::mem::take(&mut order.on_disk));
    let forbidden = forbid(options.policy.as_deref(), &mut order.wanted);
    let is_complete = order.failures.is_empty() && !order.charts.iter().any(is_failed);
    let gathering = Gathering {
        wanted: order.wanted,
        to: options.to.clone(),
        writer,
        choice: order.choice,
        told: Told::default(),
        config: options.config,
        policy: options.policy.clone(),
        read_back: options.read_back,
        volume: None,
        prune: options.prune && is_complete,
    };
    let mut report = gather(gathering, &source, world, observer).await?;
    if options.policy.is_some() {
        report.policy.get_or_insert_default().violations.extend(forbidden);
    }
    if let Some(key) = options.sign_with.as_ref().filter(|_| !options.dry_run) {
        let options = sign::Options {
            bundle: options.to.clone(),
            key: key.clone(),
            holder: options.holder.clone(),
        };
        let signed = tokio::task::spawn_blocking(move || sign::run(&options)).await;
        report.signature = Some(signed.map_err(|_| Error::Crashed)??);
    }
    Ok(Report {
        locked: if options.dry_run {
            None
        } else {
            order.lock.update(resolved(&report.fetched.rows), is_complete)?
        },
        charts: order.charts,
        failures: order.failures,
        notes: order.notes,
        ..report
    })
}

impl Options {
    /// Puts into a new bundle what goes along whatever is carried.
    pub(super) fn furnish(&self, writer: &Writer) -> Result<(), Error> {
        if let Some(program) = &self.program {
            writer.put_program(&program.platform, &program.read()?)?;
        }
        // They say where on the target the content is that this bundle will leave out.
        for receipt in order::receipts(&self.have)? {
            writer.bundle().leave_receipt(receipt)?;
        }
        Ok(())
    }
}

impl Program {
    /// The program's bytes, if it runs where nothing is installed.
    fn read(&self) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::Read {
            path: self.path.clone(),
            source,
        };
        let mut bytes = Vec::new();
        let mut file = std::fs::File::open(&self.path)
            .map_err(failed)?
            .take(PROGRAM_CAP + 1);
        file.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > PROGRAM_CAP {
            return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        Ok(bytes)
    }
}

/// Takes out what a policy forbids by its name alone, before a registry is asked for it.
pub(super) fn forbid(policy: Option<&Policed>, wanted: &mut Vec<Wanted>) -> Vec<Violation> {
    let mut forbidden = Vec::new();
    if let Some(policy) = policy {
        wanted.retain(|one| {
            let broken = policy.check_name(&one.reference);
            let passes = broken.is_empty();
            forbidden.extend(broken);
            passes
        });
    }
    forbidden
}
