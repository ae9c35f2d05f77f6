//! `carrack bill`: the bill of transfer, which people read before a drive crosses.

mod markdown;
mod page;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::vetting::{Policed, Vetted};
use super::{Ending, Error, World, admission};
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
    inventory: Arc<Inventory>,
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
    /// Whether its signatures were left out by choice.
    is_bare: bool,
}

impl Line {
    /// Who vouches for it, or why nobody is known to.
    fn vouched(&self) -> String {
        if !self.signed_by.is_empty() {
            return self.signed_by.join(", ");
        }
        match self.attached {
            0 if self.is_bare => "left out by choice".to_owned(),
            0 => "nothing attached".to_owned(),
            n => format!("not checked ({n} attached)"),
        }
    }
}

/// One fact about the whole, for the head of the page.
#[derive(Clone, Debug)]
struct Fact {
    name: &'static str,
    text: String,
    tone: Tone,
}

/// How a fact is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    /// What a reviewer hopes to read.
    Good,
    /// What a reviewer must not pass over.
    Bad,
}

/// One chart.
#[derive(Clone, Debug)]
struct ChartLine {
    path: String,
    bytes: u64,
    digest: Digest,
}

/// Writes the bill, and says whether a policy refuses something on it. It says what the inventory says; that the files are
/// those is the matter of `verify`.
pub fn run(options: &Options, world: &World) -> Result<(String, Ending), Error> {
    let admitted = admission::admit(&options.bundle, &options.admission, world.clock.now())?;
    let (Some(inventory), Some(digest)) = (admitted.inventory.clone(), admitted.digest()) else {
        return Err(trust::Error::NoInventory.into());
    };
    let bundle = Bundle::open(&options.bundle)?;
    let mut bill = Bill::new(&bundle, inventory, digest, admitted.seal.to_string())?;
    if let Some(policy) = &options.policy {
        bill.ask(policy.vet(&bundle, bundle.entries().keys(), world.clock.now())?);
    }
    let text = match options.format {
        Format::Html => page::write(&bill),
        Format::Markdown => markdown::write(&bill),
        Format::Spdx => parts::spdx(&bill),
        Format::CycloneDx => parts::cyclonedx(&bill),
    };
    let refuses = |vetted: &Vetted| !vetted.violations.is_empty();
    let ending = if bill.policy.as_ref().is_some_and(refuses) {
        Ending::NotVerified
    } else {
        Ending::Done
    };
    Ok((text, ending))
}

impl Bill {
    fn new(bundle: &Bundle, inventory: Arc<Inventory>, digest: Digest, seal: String) -> Result<Self, Error> {
        let referrers = bundle.referrers()?;
        let mut images = Vec::new();
        let mut attached = 0;
        for (reference, record) in &inventory.references {
            if referrers.is_companion(reference) {
                attached += 1;
                continue;
            }
            let root = Descriptor::new(record.media_type.clone(), record.digest, record.size);
            let mut reached = BTreeMap::new();
            reach(bundle, &root, NESTING_CAP, &mut reached)?;
            let about = |digest: &Digest| referrers.of(reference.repository(), digest).len();
            images.push(Line {
                reference: reference.clone(),
                digest: record.digest,
                bytes: reached.values().sum(),
                platforms: record.platforms.iter().map(ToString::to_string).collect(),
                why: reasons(&record.provenance),
                signed_by: record.signed_by.to_vec(),
                attached: reached.keys().map(about).sum(),
                is_bare: record.referrers_left_out,
            });
        }
        let is_chart = |path: &str| {
            path.starts_with("charts/") && Path::new(path).extension().is_some_and(|e| e == "tgz")
        };
        let charts = inventory.files.others().filter(|(path, _)| is_chart(path));
        Ok(Self {
            charts: charts
                .map(|(path, file)| ChartLine {
                    path: path.trim_start_matches("charts/").to_owned(),
                    bytes: file.size,
                    digest: file.sha256,
                })
                .collect(),
            bytes: inventory.files.iter().map(|(_, file)| file.size).sum(),
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

    fn title(&self) -> String {
        format!(
            "Bill of transfer: bundle {}, number {}",
            self.inventory.bundle_id, self.inventory.sequence
        )
    }

    /// The facts about the whole, what matters most first.
    fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.seal.lines().map(seal).collect();
        let mut add = |name, text, tone| facts.push(Fact { name, text, tone });
        let inventory = &self.inventory;
        let written = inventory.created.replace('T', " ").replace('Z', " UTC");
        add("Written", format!("{written} by {}", inventory.tool), Tone::Plain);
        if let Some(volume) = &inventory.volume {
            let text = format!(
                "volume {} of {} of the set {}",
                volume.number, volume.of, volume.set
            );
            add("Part of", text, Tone::Plain);
        }
        add(
            "Size",
            format!("{} in {} files", super::size(self.bytes), inventory.files.len()),
            Tone::Plain,
        );
        if !self.images.is_empty() {
            add("Images", self.registries(), Tone::Plain);
            add("Image signatures", self.signatures(), Tone::Plain);
        }
        if !self.charts.is_empty() {
            add("Charts", self.charts.len().to_string(), Tone::Plain);
        }
        if self.attached > 0 {
            let text = format!("{} signatures, attestations and SBOMs of images", self.attached);
            add("Goes along", text, Tone::Plain);
        }
        if !inventory.absent.is_empty() {
            let text = format!(
                "{} blobs with {}: other platforms, or what the other side has already",
                inventory.absent.len(),
                super::size(self.absent_bytes)
            );
            add("Left out on purpose", text, Tone::Plain);
        }
        for refused in self.policy.iter().flat_map(|vetted| &vetted.violations) {
            add("Refused by the policy", refused.to_string(), Tone::Bad);
        }
        add("SHA-256 of the inventory", self.digest.hex(), Tone::Plain);
        facts
    }

    /// `8 from 3 registries: quay.io (5), docker.io (2), ghcr.io (1)`
    fn registries(&self) -> String {
        let mut counts = BTreeMap::<&str, usize>::new();
        for line in &self.images {
            *counts.entry(line.reference.host()).or_default() += 1;
        }
        let mut hosts: Vec<(&str, usize)> = counts.into_iter().collect();
        hosts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown: Vec<String> = hosts
            .iter()
            .map(|(host, count)| format!("{host} ({count})"))
            .collect();
        let registries = if hosts.len() == 1 {
            "registry"
        } else {
            "registries"
        };
        format!(
            "{} from {} {registries}: {}",
            self.images.len(),
            hosts.len(),
            shown.join(", ")
        )
    }

    /// `checked for 3 of 5 images, by release.pub`
    fn signatures(&self) -> String {
        let signed = self
            .images
            .iter()
            .filter(|line| !line.signed_by.is_empty())
            .count();
        let by: BTreeSet<&str> = self
            .images
            .iter()
            .flat_map(|line| &line.signed_by)
            .map(String::as_str)
            .collect();
        if by.is_empty() {
            return format!("checked for none of {} images", self.images.len());
        }
        let by: Vec<&str> = by.into_iter().collect();
        format!(
            "checked for {signed} of {} images, by {}",
            self.images.len(),
            by.join(", ")
        )
    }
}

/// One line of the verdict about the inventory's signatures.
fn seal(line: &str) -> Fact {
    let counts = line.starts_with("signed by ");
    Fact {
        name: "Signature",
        text: line.to_owned(),
        tone: if counts { Tone::Good } else { Tone::Bad },
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
