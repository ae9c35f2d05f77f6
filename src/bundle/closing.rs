//! The end of a run: README, SHA256SUMS and the inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::SystemTime;

use serde::Deserialize;

use crate::digest::{Algorithm, Digest};
use crate::fsx::Kind;
use crate::oci::{Descriptor, Document, NESTING_CAP, Platform};
use crate::reference::{Reference, Repository};

use super::writer::write_if_new;
use super::{
    Absent, Bundle, Error, FORMAT_VERSION, FileRecord, Inventory, Provenance, Record, Referrer, Volume, blob,
    inventory, layout, sealed,
};

/// What the run knows that the bundle's files do not.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The time of day.
    pub now: SystemTime,
    /// The digest of the configuration that the references were chosen by.
    pub config: Option<Digest>,
    /// Why each reference is here; added to what earlier runs said.
    pub provenance: BTreeMap<Reference, Vec<Provenance>>,
    /// Content left out on purpose; added to what earlier runs said.
    pub absent: BTreeMap<Digest, Absent>,
    /// Which part of a larger set this is.
    pub volume: Option<Volume>,
    /// Remove blobs that no reference reaches.
    pub prune: bool,
    /// Manifests whose repository has told everything that refers to them; added to what earlier runs said.
    pub asked: BTreeMap<Repository, BTreeSet<Digest>>,
    /// References whose signatures, attestations and SBOMs were left out by choice.
    pub referrers_left_out: BTreeSet<Reference>,
    /// Whose signatures were checked on each reference; what earlier runs said of others stays.
    pub signed_by: BTreeMap<Reference, BTreeSet<String>>,
}

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
    files: BTreeMap<String, FileRecord>,
    /// Manifests that were followed for the reference at hand.
    followed: BTreeSet<Digest>,
}

/// Writes what makes the bundle complete, unless it says the same already, and returns the inventory that holds.
pub(super) fn close(
    bundle: &Bundle,
    before: Option<&Inventory>,
    closing: &Closing,
) -> Result<Inventory, Error> {
    let root = &bundle.folder;
    let page = readme(&programs(bundle)?).replace("{SUMS_BY_HAND}", sealed::SUMS_BY_HAND);
    write_if_new(root, layout::README, page.as_bytes())?;
    let mut reached = Reached::default();
    let mut references = BTreeMap::new();
    for (reference, descriptor) in bundle.entries() {
        let mut platforms = BTreeSet::new();
        reached.followed.clear();
        walk(bundle, descriptor, NESTING_CAP, &mut reached, &mut platforms)?;
        let record = Record {
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
            platforms: platforms.into_iter().collect(),
            provenance: provenance(reference, before, closing),
            referrers_left_out: left_out(reference, before, closing),
            signed_by: signed_by(reference, descriptor, before, closing),
            size: descriptor.size,
        };
        references.insert(reference.clone(), record);
    }
    other_files(bundle, &mut reached.files)?;
    let sums = sums(&reached.files);
    let carrack = root.make_folder(layout::CARRACK)?;
    write_if_new(&carrack, layout::SUMS, sums.as_bytes())?;
    reached.files.insert(
        format!("{}/{}", layout::CARRACK, layout::SUMS),
        record_of(sums.as_bytes()),
    );
    let referrers = referrers(bundle, before, closing, &reached)?;
    let mut absent = before.map(|b| b.absent.clone()).unwrap_or_default();
    absent.extend(closing.absent.iter().map(|(d, a)| (*d, a.clone())));
    let first_part = |d: &Digest| format!("{}/{}", layout::part_folder(d), layout::part_name(1));
    absent.retain(|digest, _| {
        !reached.files.contains_key(&layout::blob_path(digest))
            && !reached.files.contains_key(&first_part(digest))
    });
    if let Some(before) = before
        && before.references == references
        && before.referrers == referrers
        && before.files == reached.files
        && before.absent == absent
        && before.config == closing.config
        && before.volume == closing.volume
    {
        return Ok(before.clone());
    }
    let created = rfc3339(closing.now);
    let next = Inventory {
        absent,
        bundle_id: before.map_or_else(|| new_id(&created, &sums), |b| b.bundle_id.clone()),
        config: closing.config,
        created,
        files: reached.files,
        format_version: FORMAT_VERSION,
        previous: before.map(|b| Digest::sha256(&inventory::encode(b))),
        references,
        referrers,
        sequence: before.map_or(0, |b| b.sequence) + 1,
        tool: concat!("carrack ", env!("CARGO_PKG_VERSION")).to_owned(),
        volume: closing.volume.clone(),
    };
    // The old signature goes first: it must never stand beside an inventory that it does not sign.
    sealed::remove_signatures(&carrack)?;
    carrack.write(layout::INVENTORY, &inventory::encode(&next))?;
    Ok(next)
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
        platforms.insert(platform.clone());
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
        if !reached.files.contains_key(&layout::blob_path(&blob.digest))
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

fn record(
    bundle: &Bundle,
    digest: &Digest,
    size: u64,
    files: &mut BTreeMap<String, FileRecord>,
) -> Result<(), Error> {
    let path = layout::blob_path(digest);
    if files.contains_key(&path) {
        return Ok(());
    }
    for (name, size) in blob::parts(&bundle.rooms, digest)? {
        let path = format!("{}/{name}", layout::part_folder(digest));
        let part = bundle.any_file(&path)?;
        let sha256 = part.hash(&Digest::sha256(b""), |_| {})?;
        files.insert(path, FileRecord { sha256, size });
    }
    if bundle
        .folder
        .folder(layout::blob_folder(digest.algorithm()))?
        .size_of(&digest.hex())?
        .is_none()
    {
        return Ok(());
    }
    let sha256 = match digest.algorithm() {
        Algorithm::Sha256 => *digest,
        Algorithm::Sha512 => bundle.blob(digest)?.hash(&Digest::sha256(b""), |_| {})?,
    };
    files.insert(path, FileRecord { sha256, size });
    Ok(())
}

fn other_files(bundle: &Bundle, files: &mut BTreeMap<String, FileRecord>) -> Result<(), Error> {
    let root = &bundle.folder;
    for name in [layout::OCI_LAYOUT, layout::INDEX, layout::README] {
        let size = root.size_of(name)?.unwrap_or(0);
        files.insert(name.to_owned(), record_of(&root.read(name, size)?));
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

fn record_of(bytes: &[u8]) -> FileRecord {
    FileRecord {
        sha256: Digest::sha256(bytes),
        size: bytes.len() as u64,
    }
}

fn sums(files: &BTreeMap<String, FileRecord>) -> String {
    let mut text = String::new();
    for (path, file) in files {
        let _ = writeln!(text, "{}  {path}", file.sha256.hex());
    }
    text
}

fn provenance(reference: &Reference, before: Option<&Inventory>, closing: &Closing) -> Vec<Provenance> {
    let old = before.and_then(|b| b.references.get(reference));
    let mut all: BTreeSet<Provenance> = old
        .map(|r| r.provenance.iter().cloned().collect())
        .unwrap_or_default();
    all.extend(closing.provenance.get(reference).into_iter().flatten().cloned());
    all.into_iter().collect()
}

fn left_out(reference: &Reference, before: Option<&Inventory>, closing: &Closing) -> bool {
    if closing.provenance.contains_key(reference) {
        return closing.referrers_left_out.contains(reference);
    }
    let old = before.and_then(|b| b.references.get(reference));
    old.is_some_and(|record| record.referrers_left_out)
}

/// What refers to each manifest that is here, and which manifests were asked about and have nothing.
fn referrers(
    bundle: &Bundle,
    before: Option<&Inventory>,
    closing: &Closing,
    reached: &Reached,
) -> Result<BTreeMap<Repository, BTreeMap<Digest, Vec<Referrer>>>, Error> {
    let mut referrers = bundle.referrers()?.by_subject().clone();
    let repositories: BTreeSet<&Repository> = bundle.entries().keys().map(Reference::repository).collect();
    let earlier = before.iter().flat_map(|b| &b.referrers);
    let earlier = earlier.flat_map(|(repository, of)| of.keys().map(move |subject| (repository, subject)));
    let now = closing.asked.iter();
    let now = now.flat_map(|(repository, asked)| asked.iter().map(move |subject| (repository, subject)));
    for (repository, subject) in earlier.chain(now) {
        if repositories.contains(repository) && reached.files.contains_key(&layout::blob_path(subject)) {
            let of = referrers.entry(repository.clone()).or_default();
            of.entry(*subject).or_default();
        }
    }
    Ok(referrers)
}

/// A signature that was checked holds for its digest alone.
fn signed_by(
    reference: &Reference,
    descriptor: &Descriptor,
    before: Option<&Inventory>,
    closing: &Closing,
) -> Vec<String> {
    if let Some(names) = closing.signed_by.get(reference) {
        return names.iter().cloned().collect();
    }
    let old = before.and_then(|b| b.references.get(reference));
    let old = old.filter(|record| record.digest == descriptor.digest);
    old.map(|record| record.signed_by.clone()).unwrap_or_default()
}

/// A name that two equal runs at the same time share, and no two others do.
fn new_id(created: &str, sums: &str) -> String {
    let digest = Digest::sha256(format!("{created}\n{sums}").as_bytes());
    digest.hex().chars().take(32).collect()
}

pub(super) fn rfc3339(now: SystemTime) -> String {
    jiff::Timestamp::try_from(now)
        .map(|t| t.round(jiff::Unit::Second).unwrap_or(t).to_string())
        .unwrap_or_default()
}
