//! `carrack bill`: the bill of transfer, which people read before a drive crosses.

mod markdown;
mod page;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::attached::Attached;
use super::vetting::{Policed, Vetted};
use super::{Error, World, admission};
use crate::bundle::{self, Bundle, Inventory, Provenance};
use crate::digest::Digest;
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::Reference;
use crate::trust;

/// What a bill is made of, and in which form.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The form.
    pub format: Format,
    /// Who must have signed it, for the bill to say so.
    pub admission: admission::Options,
    /// What is asked of its images, for the bill to say what came of it.
    pub policy: Option<Arc<Policed>>,
}

/// The form of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One page without scripts, to be read and printed.
    Html,
    /// The same as text.
    Markdown,
    /// SPDX 2.3, JSON.
    Spdx,
    /// CycloneDX 1.6, JSON.
    CycloneDx,
}

/// Everything that crosses.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    inventory: Inventory,
    /// The SHA-256 of the inventory: what a reviewer and the other side compare.
    digest: Digest,
    /// Who signed it, one line each.
    seal: String,
    images: Vec<Line>,
    charts: Vec<ChartLine>,
    bytes: u64,
    /// Signatures, attestations and lists of parts that go along with images.
    attached: u64,
    absent_bytes: u64,
    /// What the policy found, if one was asked now.
    policy: Option<Vetted>,
}

/// One image.
#[derive(Clone, Debug)]
struct Line {
    reference: Reference,
    digest: Digest,
    /// Bytes of everything that it needs and that is here. What two images share counts for both.
    bytes: u64,
    platforms: Vec<String>,
    why: Vec<String>,
    signed_by: Vec<String>,
    attached: usize,
}

/// One chart.
#[derive(Clone, Debug)]
struct ChartLine {
    path: String,
    bytes: u64,
    digest: Digest,
}

/// Writes the bill. It says what the inventory says; that the files are those is the matter of `verify`.
pub fn run(options: &Options, world: &World) -> Result<String, Error> {
    let admitted = admission::admit(&options.bundle, &options.admission, world.clock.now())?;
    let (Some(inventory), Some(digest)) = (admitted.inventory.clone(), admitted.digest()) else {
        return Err(trust::Error::NoInventory.into());
    };
    let bundle = Bundle::open(&options.bundle)?;
    let mut bill = Bill::new(&bundle, inventory, digest, admitted.seal.to_string())?;
    if let Some(policy) = &options.policy {
        bill.ask(policy.vet(&bundle, bundle.entries().keys(), world.clock.now())?);
    }
    Ok(match options.format {
        Format::Html => page::write(&bill),
        Format::Markdown => markdown::write(&bill),
        Format::Spdx => parts::spdx(&bill),
        Format::CycloneDx => parts::cyclonedx(&bill),
    })
}

impl Bill {
    fn new(bundle: &Bundle, inventory: Inventory, digest: Digest, seal: String) -> Result<Self, Error> {
        let attached_to = Attached::to_images_of(bundle)?;
        let mut images = Vec::new();
        let mut attached = 0;
        for (reference, record) in &inventory.references {
            if attached_to.has(reference) {
                attached += 1;
                continue;
            }
            let root = Descriptor::new(record.media_type.clone(), record.digest, record.size);
            let mut reached = BTreeMap::new();
            reach(bundle, &root, NESTING_CAP, &mut reached)?;
            let about = |digest: &Digest| attached_to.to(reference.repository(), digest).len();
            images.push(Line {
                reference: reference.clone(),
                digest: record.digest,
                bytes: reached.values().sum(),
                platforms: record.platforms.iter().map(ToString::to_string).collect(),
                why: reasons(&record.provenance),
                signed_by: record.signed_by.clone(),
                attached: reached.keys().map(about).sum(),
            });
        }
        let is_chart = |path: &str| {
            path.starts_with("charts/") && Path::new(path).extension().is_some_and(|e| e == "tgz")
        };
        let charts = inventory.files.iter().filter(|(path, _)| is_chart(path));
        Ok(Self {
            charts: charts
                .map(|(path, file)| ChartLine {
                    path: path.trim_start_matches("charts/").to_owned(),
                    bytes: file.size,
                    digest: file.sha256,
                })
                .collect(),
            bytes: inventory.files.values().map(|file| file.size).sum(),
            absent_bytes: inventory.absent.values().map(|absent| absent.size).sum(),
            images,
            attached,
            digest,
            seal,
            inventory,
            policy: None,
        })
    }

    /// Puts what a policy finds now in the place of what the export noted.
    fn ask(&mut self, vetted: Vetted) {
        for line in &mut self.images {
            let by = vetted.signed.get(&line.reference);
            line.signed_by = by.into_iter().flatten().cloned().collect();
        }
        self.policy = Some(vetted);
    }

    /// `3 of 5 images were checked by their signatures before they were exported`, and who signed them.
    fn signed(&self) -> (usize, BTreeSet<&str>) {
        let signed = self.images.iter().filter(|line| !line.signed_by.is_empty());
        let by = self.images.iter().flat_map(|line| &line.signed_by);
        (signed.count(), by.map(String::as_str).collect())
    }

    fn title(&self) -> String {
        format!(
            "Bill of transfer: bundle {}, number {}",
            self.inventory.bundle_id, self.inventory.sequence
        )
    }

    /// The facts about the whole, each with its name.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let (signed, by) = self.signed();
        let mut images = self.images.len().to_string();
        if signed > 0 {
            let by: Vec<&str> = by.into_iter().collect();
            images = format!(
                "{images}; the signatures of {signed} were checked: {}",
                by.join(", ")
            );
        }
        let mut facts = vec![
            (
                "Written",
                format!("{} by {}", self.inventory.created, self.inventory.tool),
            ),
            ("Images", images),
            ("Charts", self.charts.len().to_string()),
            (
                "Files",
                format!("{} with {}", self.inventory.files.len(), super::size(self.bytes)),
            ),
        ];
        if self.attached > 0 {
            let text = format!(
                "{} signatures, attestations and lists of parts of images",
                self.attached
            );
            facts.push(("Goes along", text));
        }
        if !self.inventory.absent.is_empty() {
            let text = format!(
                "{} blobs with {}: other platforms, or what the other side has already",
                self.inventory.absent.len(),
                super::size(self.absent_bytes)
            );
            facts.push(("Left out on purpose", text));
        }
        for refused in self.policy.iter().flat_map(|vetted| &vetted.violations) {
            facts.push(("Refused by the policy", refused.to_string()));
        }
        facts.push(("SHA-256 of the inventory", self.digest.hex()));
        facts
    }
}

/// Everything that a manifest needs and that is here, with its size. What cannot be read is `verify`'s matter.
fn reach(
    bundle: &Bundle,
    descriptor: &Descriptor,
    depth: usize,
    reached: &mut BTreeMap<Digest, u64>,
) -> Result<(), Error> {
    let Some(size) = bundle.blob_size(&descriptor.digest)? else {
        return Ok(());
    };
    if reached.insert(descriptor.digest, size).is_some() || depth == 0 {
        return Ok(());
    }
    let document = match bundle.document(&descriptor.digest, &descriptor.media_type) {
        Ok((_, document)) => document,
        Err(
            bundle::Error::BlobMissing { .. }
            | bundle::Error::Damaged { .. }
            | bundle::Error::ManifestTooLarge { .. }
            | bundle::Error::BadManifest { .. },
        ) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for blob in &document.blobs {
        if let Some(size) = bundle.blob_size(&blob.digest)? {
            reached.insert(blob.digest, size);
        }
    }
    for child in &document.manifests {
        reach(bundle, child, depth - 1, reached)?;
    }
    Ok(())
}

/// Who asked for an image, each once: `harbour 1.0.0, templates/store.yaml`.
fn reasons(provenance: &[Provenance]) -> Vec<String> {
    let reasons: BTreeSet<String> = provenance
        .iter()
        .map(|place| {
            let mut text = place.source.clone();
            for (before, part) in [
                (" ", &place.version),
                (", ", &place.template),
                (", with ", &place.profile),
            ] {
                if let Some(part) = part {
                    text.push_str(before);
                    text.push_str(part);
                }
            }
            crate::secret::printable(&text, 300)
        })
        .collect();
    reasons.into_iter().collect()
}
