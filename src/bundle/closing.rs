//! The end of a run: README, SHA256SUMS and the inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::SystemTime;

use serde::Deserialize;

use crate::digest::{Algorithm, Digest};
use crate::fsx::Kind;
use crate::oci::{Descriptor, Document, NESTING_CAP, Platform};
use crate::reference::{Reference, Repository};

use super::inventory::Alike;
use super::writer::write_if_new;
use super::{
    Absent, Bundle, Error, FORMAT_VERSION, FileRecord, Files, Inventory, Provenance, Record, Shared,
    Subjects, Volume, blob, inventory, layout, sealed, streamed,
};

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

/// Larger image configurations are not looked into for their platform.
const CONFIG_CAP: u64 = 4 << 20;

const README: &str = "\
This folder is a carrack bundle: Helm charts and container images on their way across an air gap.

Check it (any Linux machine, no special tool):

    cd into this folder
    sha256sum -c --quiet carrack/SHA256SUMS

If it is signed (carrack/inventory.json.sshsig), these two lines check who signed it and that no listed file changed. The
file allowed_signers comes from those who send you bundles, by another way than this drive:

    ssh-keygen -Y verify -f allowed_signers -I NAME -n carrack-inventory -s carrack/inventory.json.sshsig <carrack/inventory.json
    {SUMS_BY_HAND}

Check it completely, added files too, then bring it into a registry:

    carrack verify .
    carrack import --from . --to registry.example.com

Or offer it to nodes directly, without any registry, as a read-only registry and Helm repository:

    carrack serve . --listen 0.0.0.0:5000

Without carrack: it is an OCI image layout. `index.json` lists every image under its full name, and

    skopeo copy oci:.:docker.io/library/nginx:1.27 docker://registry.example.com/docker.io/library/nginx:1.27

copies one of them. The folders below `charts/` are Helm repositories that any web server can serve.
";

/// What follows where the program itself is on the drive.
const README_PROGRAM: &str = "
The program is on this drive, too. It needs nothing else. Drives often let nothing be run from them: copy it first,
after `sha256sum` has said that it is whole.

    install -m 755 PROGRAM /usr/local/bin/carrack
";

/// Everything that the references reach.
#[derive(Debug, Default)]
struct Reached {
    files: Files,
    /// Manifests that were followed for the reference at hand.
    followed: BTreeSet<Digest>,
}

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
    let page = readme(&programs(bundle)?).replace("{SUMS_BY_HAND}", sealed::SUMS_BY_HAND);
    write_if_new(root, layout::README, page.as_bytes())?;
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
        let mut platforms = BTreeSet::new();
        reached.followed.clear();
        walk(bundle, descriptor, NESTING_CAP, reached, &mut platforms)?;
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

/// Records a manifest, what it points to, and the platforms that are here. What is not here is `verify`'s matter.
fn walk(
    bundle: &Bundle,
    descriptor: &Descriptor,
    depth: usize,
    reached: &mut Reached,
    platforms: &mut BTreeSet<Platform>,
) -> Result<(), Error> {
    if let Some(platform) = &descriptor.platform {
        platforms.insert(Platform::clone(platform));
    }
    if !reached.followed.insert(descriptor.digest) {
        return Ok(());
    }
    let (bytes, document) = match bundle.document(&descriptor.digest, &descriptor.media_type) {
        Ok(found) => found,
        Err(Error::BlobMissing { .. } | Error::Damaged { .. } | Error::BadManifest { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    record(bundle, &descriptor.digest, bytes.len() as u64, &mut reached.files)?;
    if depth == 0 {
        return Ok(());
    }
    for child in &document.manifests {
        if bundle.blob_size(&child.digest)?.is_some() {
            walk(bundle, child, depth - 1, reached, platforms)?;
        }
    }
    if descriptor.platform.is_none() && !document.is_index() {
        platforms.extend(platform_of(bundle, &document));
    }
    for blob in &document.blobs {
        if !reached.files.has_blob(&blob.digest)
            && let Some(size) = bundle.blob_size(&blob.digest)?
        {
            record(bundle, &blob.digest, size, &mut reached.files)?;
        }
    }
    Ok(())
}

/// The platform that an image's configuration names, if it is an image's.
fn platform_of(bundle: &Bundle, document: &Document) -> Option<Platform> {
    #[derive(Deserialize)]
    struct Configuration {
        os: String,
        architecture: String,
        variant: Option<String>,
        #[serde(rename = "os.version")]
        os_version: Option<String>,
    }
    let config = document.blobs.first().filter(|c| c.size <= CONFIG_CAP)?;
    // An artifact's configuration is no image's, and a missing one is `verify`'s matter.
    let bytes = bundle.described_blob(config).ok()?.read().ok()?;
    let found: Configuration = serde_json::from_slice(&bytes).ok()?;
    Some(Platform {
        os: found.os,
        architecture: found.architecture,
        variant: found.variant,
        os_version: found.os_version,
    })
}

/// Puts a blob in, or its parts.
fn record(bundle: &Bundle, digest: &Digest, size: u64, files: &mut Files) -> Result<(), Error> {
    if files.has_blob(digest) {
        return Ok(());
    }
    for (name, size) in blob::parts(&bundle.rooms, digest)? {
        let path = format!("{}/{name}", layout::part_folder(digest));
        let part = bundle.any_file(&path)?;
        let sha256 = part.hash(&Digest::sha256(b""), |_| {})?;
        files.insert(path, FileRecord { sha256, size });
    }
    let whole = match bundle.rooms.blobs(digest.algorithm())? {
        Some(folder) => folder.size_of(&digest.hex())?,
        None => None,
    };
    if whole.is_none() {
        return Ok(());
    }
    let sha256 = match digest.algorithm() {
        Algorithm::Sha256 => *digest,
        Algorithm::Sha512 => bundle.blob(digest)?.hash(&Digest::sha256(b""), |_| {})?,
    };
    files.insert(layout::blob_path(digest), FileRecord { sha256, size });
    Ok(())
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
            sha256: file.hash(&Digest::sha256(b""), |_| {})?,
            size: file.size(),
        };
        files.insert(name, record);
    }
    for chart in bundle.chart_files()? {
        let blob = bundle.chart_file(&chart.path)?;
        let record = FileRecord {
            sha256: blob.hash(&Digest::sha256(b""), |_| {})?,
            size: blob.size(),
        };
        files.insert(format!("{}/{}", layout::CHARTS, chart.path), record);
    }
    Ok(())
}

/// The programs in the bundle's root.
fn programs(bundle: &Bundle) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = bundle
        .folder
        .entries()?
        .into_iter()
        .filter(|entry| entry.kind == Kind::File && entry.name.starts_with(layout::PROGRAM))
        .map(|entry| entry.name)
        .collect();
    names.sort();
    Ok(names)
}

/// The page for someone who has only the drive.
fn readme(programs: &[String]) -> String {
    let mut text = README.to_owned();
    if let Some(program) = programs.first() {
        text.push_str(&README_PROGRAM.replace("PROGRAM", program));
    }
    text
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
