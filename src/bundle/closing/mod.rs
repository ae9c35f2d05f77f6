//! The end of a run: README, SHA256SUMS and the inventory.

mod page;
mod reach;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::SystemTime;

use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::reference::{Reference, Repository};

use super::inventory::Alike;
use super::writer::write_if_new;
use super::{
    Absent, Bundle, Error, FORMAT_VERSION, FileRecord, Files, Inventory, Provenance, Record, Shared,
    Subjects, Volume, inventory, layout, sealed, streamed,
};
use page::{programs, readme};
use reach::Reached;

/// What the run knows that the bundle's files do not.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The time of day.
    pub now: SystemTime,
    /// The digest of the configuration that the references were chosen by.
    pub config: Option<Digest>,
    /// Why each reference is here; added to what earlier runs said.
    pub provenance: BTreeMap<Reference, Shared<Provenance>>,
    /// Content left out on purpose; added to what earlier runs said.
    pub absent: BTreeMap<Digest, Absent>,
    /// Which part of a larger set this is.
    pub volume: Option<Volume>,
    /// Remove blobs that no reference reaches.
    pub prune: bool,
    /// Manifests whose repository has told everything that refers to them; added to what earlier runs said.
    pub asked: BTreeMap<Repository, Vec<Digest>>,
    /// References whose signatures, attestations and SBOMs were left out by choice.
    pub referrers_left_out: BTreeSet<Reference>,
    /// Whose signatures were checked on each reference; what earlier runs said of others stays.
    pub signed_by: BTreeMap<Reference, BTreeSet<String>>,
}

/// What writes inventories here.
const TOOL: &str = concat!("carrack ", env!("CARGO_PKG_VERSION"));

/// How a run left its bundle.
#[derive(Debug)]
pub(super) struct Closed {
    /// What the bundle says about itself now.
    pub(super) inventory: Inventory,
    /// The digest of the inventory's bytes.
    pub(super) digest: Digest,
    /// Whether the inventory was written: the last one did not say the same.
    pub(super) is_new: bool,
    /// The files besides blobs that are new or other than the last inventory has them.
    pub(super) fresh: Vec<(String, Digest)>,
}

/// Writes what makes the bundle complete, unless it says the same already. The last inventory becomes the new one, part
/// by part: two of them whole are not held at any time.
pub(super) fn close(bundle: &Bundle, before: Option<Inventory>, closing: Closing) -> Result<Closed, Error> {
    let root = &bundle.folder;
    write_if_new(root, layout::README, readme(&programs(bundle)?).as_bytes())?;
    let carrack = root.make_folder(layout::CARRACK)?;
    let previous = before.as_ref().map(digest).transpose()?;
    let created = rfc3339(closing.now);
    let mut inventory = before.unwrap_or_else(|| begun(&created));
    let old_files = std::mem::take(&mut inventory.files);
    let mut reached = Reached::default();
    let mut is_new = references(bundle, &mut inventory.references, &closing, &mut reached)?;
    other_files(bundle, &mut reached.files)?;
    let sums = streamed::write_if_new(&carrack, layout::SUMS, &|to| sums(&reached.files, to))?;
    if previous.is_none() {
        inventory.bundle_id = new_id(&created, &reached.files)?;
    }
    reached
        .files
        .insert(format!("{}/{}", layout::CARRACK, layout::SUMS), sums);
    let old_referrers = std::mem::take(&mut inventory.referrers);
    inventory.referrers = referrers(bundle, &old_referrers, closing.asked, &reached.files)?;
    is_new |= inventory.referrers != old_referrers;
    drop(old_referrers);
    let absent = absent(inventory.absent.clone(), closing.absent, &reached.files);
    is_new |= inventory.absent != absent
        || old_files != reached.files
        || inventory.config != closing.config
        || inventory.volume != closing.volume;
    let fresh = reached.files.others().filter(|(path, record)| {
        let is_part = path
            .strip_prefix(layout::PARTS)
            .is_some_and(|rest| rest.starts_with('/'));
        let is_blob = path
            .strip_prefix(layout::BLOBS)
            .is_some_and(|rest| rest.starts_with('/'));
        !is_part && !is_blob && old_files.get(path) != Some(*record)
    });
    let fresh = fresh
        .map(|(path, record)| (path.to_owned(), record.sha256))
        .collect();
    drop(old_files);
    inventory.files = reached.files;
    if let Some(digest) = previous.filter(|_| !is_new) {
        return Ok(Closed {
            inventory,
            digest,
            is_new: false,
            fresh,
        });
    }
    inventory.absent = absent;
    inventory.config = closing.config;
    inventory.created = created;
    inventory.previous = previous;
    inventory.sequence += 1;
    TOOL.clone_into(&mut inventory.tool);
    inventory.volume = closing.volume;
    // The old signature goes first: it must never stand beside an inventory that it does not sign.
    sealed::remove_signatures(&carrack)?;
    let written = streamed::write(&carrack, layout::INVENTORY, &|to| {
        inventory::encode(&inventory, to)
    })?;
    Ok(Closed {
        inventory,
        digest: written.sha256,
        is_new: true,
        fresh,
    })
}

/// The inventory of a bundle that has none yet.
fn begun(created: &str) -> Inventory {
    Inventory {
        absent: BTreeMap::new(),
        bundle_id: String::new(),
        config: None,
        created: created.to_owned(),
        files: Files::default(),
        format_version: FORMAT_VERSION,
        previous: None,
        references: BTreeMap::new(),
        referrers: BTreeMap::new(),
        sequence: 0,
        tool: String::new(),
        volume: None,
    }
}

/// The digest of an inventory's bytes.
fn digest(inventory: &Inventory) -> Result<Digest, Error> {
    Ok(streamed::record(&|to| inventory::encode(inventory, to))?.sha256)
}

/// Brings the records up to date with the index, and finds what it reaches. Tells whether anything is new.
fn references(
    bundle: &Bundle,
    records: &mut BTreeMap<Reference, Record>,
    closing: &Closing,
    reached: &mut Reached,
) -> Result<bool, Error> {
    let held = records.len();
    records.retain(|reference, _| bundle.entries().contains_key(reference));
    let mut is_new = records.len() != held;
    let mut alike = Alike::default();
    for (reference, descriptor) in bundle.entries() {
        let platforms = reached.follow(bundle, descriptor)?;
        let old = records.get(reference);
        let record = Record {
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
            platforms: platforms.into_iter().collect(),
            provenance: provenance(reference, old, closing),
            referrers_left_out: left_out(reference, old, closing),
            signed_by: signed_by(reference, descriptor, old, closing),
            size: descriptor.size,
        };
        if old != Some(&record) {
            is_new = true;
            records.insert(reference.clone(), alike.share(record));
        }
    }
    Ok(is_new)
}

/// What is left out on purpose and did not come all the same.
fn absent(
    mut absent: BTreeMap<Digest, Absent>,
    now: BTreeMap<Digest, Absent>,
    files: &Files,
) -> BTreeMap<Digest, Absent> {
    absent.extend(now);
    let first_part = |d: &Digest| format!("{}/{}", layout::part_folder(d), layout::part_name(1));
    absent.retain(|digest, _| !files.has_blob(digest) && !files.contains(&first_part(digest)));
    absent
}

fn other_files(bundle: &Bundle, files: &mut Files) -> Result<(), Error> {
    let root = &bundle.folder;
    for name in [layout::OCI_LAYOUT, layout::INDEX, layout::README] {
        let size = root.size_of(name)?.unwrap_or(0);
        files.insert(name.to_owned(), streamed::found(root, name, size)?);
    }
    for name in programs(bundle)? {
        let file = bundle.any_file(&name)?;
        let record = FileRecord {
            sha256: file.hash(&Digest::sha256(b""))?,
            size: file.size(),
        };
        files.insert(name, record);
    }
    for chart in bundle.chart_files()? {
        let blob = bundle.chart_file(&chart.path)?;
        let record = FileRecord {
            sha256: blob.hash(&Digest::sha256(b""))?,
            size: blob.size(),
        };
        files.insert(format!("{}/{}", layout::CHARTS, chart.path), record);
    }
    Ok(())
}

fn sums(files: &Files, to: &mut dyn Write) -> io::Result<()> {
    for (path, file) in files.iter() {
        writeln!(to, "{}  {path}", file.sha256.hex())?;
    }
    Ok(())
}

fn provenance(reference: &Reference, old: Option<&Record>, closing: &Closing) -> Shared<Provenance> {
    let old = old.into_iter().flat_map(|record| &record.provenance);
    let now = closing.provenance.get(reference).into_iter().flatten();
    let all: BTreeSet<&Provenance> = old.chain(now).collect();
    all.into_iter().cloned().collect()
}

fn left_out(reference: &Reference, old: Option<&Record>, closing: &Closing) -> bool {
    if closing.provenance.contains_key(reference) {
        return closing.referrers_left_out.contains(reference);
    }
    old.is_some_and(|record| record.referrers_left_out)
}

/// What refers to each manifest that is here, and which manifests were asked about and have nothing.
fn referrers(
    bundle: &Bundle,
    before: &BTreeMap<Repository, Subjects>,
    asked: BTreeMap<Repository, Vec<Digest>>,
    files: &Files,
) -> Result<BTreeMap<Repository, Subjects>, Error> {
    let mut referrers = bundle.referrers()?.into_subjects();
    let repositories: BTreeSet<&Repository> = bundle.entries().keys().map(Reference::repository).collect();
    let mut note = |repository: &Repository, subjects: &mut dyn Iterator<Item = Digest>| {
        let mut here = subjects.filter(|subject| files.has_blob(subject)).peekable();
        if repositories.contains(repository) && here.peek().is_some() {
            let of: &mut Subjects = referrers.entry(repository.clone()).or_default();
            of.note(here);
        }
    };
    for (repository, of) in before {
        note(repository, &mut of.digests().copied());
    }
    for (repository, subjects) in asked {
        note(&repository, &mut subjects.into_iter());
    }
    Ok(referrers)
}

/// A signature that was checked holds for its digest alone.
fn signed_by(
    reference: &Reference,
    descriptor: &Descriptor,
    old: Option<&Record>,
    closing: &Closing,
) -> Shared<String> {
    if let Some(names) = closing.signed_by.get(reference) {
        return names.iter().cloned().collect();
    }
    let old = old.filter(|record| record.digest == descriptor.digest);
    old.map(|record| record.signed_by.clone()).unwrap_or_default()
}

/// A name that two equal runs at the same time share, and no two others do.
fn new_id(created: &str, files: &Files) -> Result<String, Error> {
    let named = streamed::record(&|to| {
        writeln!(to, "{created}")?;
        sums(files, to)
    })?;
    Ok(named.sha256.hex().chars().take(32).collect())
}

pub(super) fn rfc3339(now: SystemTime) -> String {
    jiff::Timestamp::try_from(now)
        .map(|t| t.round(jiff::Unit::Second).unwrap_or(t).to_string())
        .unwrap_or_default()
}
