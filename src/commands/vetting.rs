//! Whether images may cross, by a policy: where they come from, how they are named, how old they are and who signed them.
//!
//! The same on both sides: at export before and after the fetch, at import before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::configuration::Declaration;
use super::{Error, admission, images};
use crate::bundle::{self, Bundle, Referrer, Referrers};
use crate::causes::chain;
use crate::config;
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::Reference;
use crate::trust::evidence::{
    ENVELOPE, EVIDENCE_CAP, EVIDENCE_COUNT, Evidence, Kept, SIGNATURE_ANNOTATION, SIGSTORE_BUNDLE,
    SIMPLE_SIGNING, Subject,
};
use crate::trust::{Image, Keyring, Policy, Violation};

/// Larger image configurations are not looked into for their age.
const CONFIG_CAP: u64 = 4 << 20;

/// Policies with their keys: an image must satisfy every one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Policed {
    policies: Vec<(Policy, Keyring)>,
}

/// What a policy found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Vetted {
    /// How many images it looked at.
    pub images: usize,
    /// Who signed each image that the policy asks signatures of, by the names of their keys and identities.
    pub signed: BTreeMap<Reference, BTreeSet<String>>,
    /// Every image that may not cross, and why.
    pub violations: Vec<Violation>,
}

impl Policed {
    /// Reads the keys and trusted roots that a policy names; their paths begin at `base`.
    pub fn new(policy: Policy, base: &Path) -> Result<Self, Error> {
        let keyring = Keyring::of(&policy, |name| admission::read(&base.join(name)))?;
        Ok(Self {
            policies: vec![(policy, keyring)],
        })
    }

    /// Several together, if there are any.
    pub fn all_of(several: Vec<Self>) -> Option<Self> {
        let policies: Vec<_> = several.into_iter().flat_map(|one| one.policies).collect();
        (!policies.is_empty()).then_some(Self { policies })
    }

    /// Reads a policy from a YAML file of its own, or from the section of a `carrack.yaml`.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let wrong = |problem: String| Error::Policy {
            path: path.to_owned(),
            problem,
        };
        let text = admission::read(path)?;
        if config::is_config(&text) {
            let declared = Declaration::load(path)?.policy()?;
            return declared.ok_or_else(|| wrong("it is a configuration without `policy`".to_owned()));
        }
        let policy = config::policy(&text, &path.display().to_string())?;
        let base = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self::new(policy, &base)
    }

    /// Each policy with its keys.
    pub(super) fn policies(&self) -> &[(Policy, Keyring)] {
        &self.policies
    }

    /// What a name breaks, before anything is fetched.
    pub fn check_name(&self, reference: &Reference) -> Vec<Violation> {
        let image = Image {
            reference,
            digest: None,
        };
        let policies = self.policies.iter();
        policies
            .flat_map(|(policy, _)| policy.check_name(image))
            .collect()
    }

    /// Notes which of the images that were found may not cross by their names.
    pub fn check_images(&self, report: &mut images::Report) {
        let broken = report
            .images
            .iter()
            .flat_map(|image| self.check_name(&image.reference));
        report.violations = broken.collect();
    }

    /// Checks references of a bundle that may be trusted to be whole. Signatures and SBOMs are no images: they are what a
    /// policy asks for, and all that is asked of them is to come from an allowed registry.
    pub(super) fn vet<'r>(
        &self,
        bundle: &Bundle,
        references: impl IntoIterator<Item = &'r Reference>,
        now: SystemTime,
    ) -> Result<Vetted, Error> {
        let referrers = bundle.referrers()?;
        let mut vetted = Vetted::default();
        for reference in references {
            let Some(descriptor) = bundle.entries().get(reference) else {
                continue;
            };
            if referrers.is_companion(reference) {
                let policies = self.policies.iter();
                let broken = policies.filter_map(|(policy, _)| policy.check_registry(reference));
                vetted.violations.extend(broken);
                continue;
            }
            vetted.images += 1;
            for (policy, keyring) in &self.policies {
                let asked = Asked {
                    policy,
                    keyring,
                    bundle,
                    referrers: &referrers,
                    now,
                };
                asked.check(reference, descriptor, &mut vetted)?;
            }
        }
        Ok(vetted)
    }
}

/// One policy, and the bundle that it is asked of.
struct Asked<'a> {
    policy: &'a Policy,
    keyring: &'a Keyring,
    bundle: &'a Bundle,
    referrers: &'a Referrers,
    now: SystemTime,
}

impl Asked<'_> {
    fn check(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        vetted: &mut Vetted,
    ) -> Result<(), Error> {
        let bundle = self.bundle;
        let digest = &descriptor.digest;
        let image = Image {
            reference,
            digest: Some(digest),
        };
        vetted.violations.extend(self.policy.check_name(image));
        let Some(rule) = self.policy.rule(reference) else {
            return Ok(());
        };
        if rule.max_age_days.is_some() {
            let made = youngest(bundle, descriptor, NESTING_CAP)?;
            vetted
                .violations
                .extend(self.policy.check_age(reference, made, self.now));
        }
        if rule.signature.is_none() && rule.attestations.is_empty() {
            return Ok(());
        }
        let read = bundle.manifest(digest).and_then(|manifest| {
            Ok((
                manifest,
                gather(bundle, self.referrers.of(reference.repository(), digest))?,
            ))
        });
        let (manifest, evidence) = match read {
            Ok(read) => read,
            // Whatever cannot be read has failed: no signature is ever taken to be absent for that.
            Err(error) => {
                vetted.violations.push(Violation {
                    reference: reference.clone(),
                    text: format!("its signatures cannot be checked: {}", chain(&error)),
                });
                return Ok(());
            }
        };
        let subject = Subject {
            digest,
            manifest: &manifest,
        };
        let vouched = self
            .policy
            .check_evidence(reference, subject, &evidence, self.keyring);
        vetted.violations.extend(vouched.violations);
        if !vouched.by.is_empty() {
            vetted
                .signed
                .entry(reference.clone())
                .or_default()
                .extend(vouched.by);
        }
        Ok(())
    }
}

/// Everything that hangs on an image and may vouch for it.
fn gather(bundle: &Bundle, referrers: &[Referrer]) -> Result<Vec<Evidence>, bundle::Error> {
    let mut evidence = Vec::new();
    for manifest in referrers {
        let (_, document) = bundle.document(&manifest.digest, &manifest.media_type)?;
        for layer in &document.blobs {
            let signature = layer.annotations.get(SIGNATURE_ANNOTATION);
            let kind = layer.media_type.as_str();
            let piece = match (kind, signature) {
                (SIMPLE_SIGNING, Some(signature)) => Evidence::Simple {
                    payload: read(bundle, layer)?,
                    signature: signature.clone(),
                    kept: Kept::of(&layer.annotations),
                },
                (ENVELOPE, _) => Evidence::Envelope {
                    envelope: read(bundle, layer)?,
                    kept: Kept::of(&layer.annotations),
                },
                _ if kind.starts_with(SIGSTORE_BUNDLE) => Evidence::Bundle(read(bundle, layer)?),
                _ => continue,
            };
            evidence.push(piece);
            if evidence.len() > EVIDENCE_COUNT {
                return Err(bundle::Error::TooManyReferrers {
                    found: evidence.len(),
                });
            }
        }
    }
    Ok(evidence)
}

/// A blob that is small, hashed before it is handed out.
fn read(bundle: &Bundle, descriptor: &Descriptor) -> Result<Vec<u8>, bundle::Error> {
    bundle.small_blob(descriptor, EVIDENCE_CAP)
}

/// When the youngest image below a manifest was made, by its configuration.
fn youngest(bundle: &Bundle, descriptor: &Descriptor, depth: usize) -> Result<Option<SystemTime>, Error> {
    #[derive(Deserialize)]
    struct Configuration {
        created: String,
    }
    let document = match bundle.document(&descriptor.digest, &descriptor.media_type) {
        Ok((_, document)) => document,
        // A child that was left out on purpose; what is damaged is found by `verify`.
        Err(bundle::Error::BlobMissing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut made = None;
    if depth > 0 {
        for child in &document.manifests {
            made = made.max(youngest(bundle, child, depth - 1)?);
        }
    }
    if document.is_index() {
        return Ok(made);
    }
    let config = document.blobs.first().filter(|config| config.size <= CONFIG_CAP);
    let bytes = config
        .map(|config| bundle.small_blob(config, CONFIG_CAP))
        .transpose()?;
    // One that is no image's configuration has no date, and a policy that asks for one refuses it.
    let own = bytes.and_then(|bytes| serde_json::from_slice::<Configuration>(&bytes).ok());
    Ok(made.max(own.and_then(|own| {
        let created: jiff::Timestamp = own.created.parse().ok()?;
        SystemTime::try_from(created).ok()
    })))
}

impl fmt::Display for Vetted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "refused: {violation}")?;
        }
        f.write_str(&self.summary())
    }
}

impl Vetted {
    /// How many images are signed, by whom, and how many are refused: one line.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "policy: {} of {} images signed and checked",
            self.signed.len(),
            self.images
        );
        let by: BTreeSet<&str> = self.signed.values().flatten().map(String::as_str).collect();
        if !by.is_empty() {
            let by: Vec<&str> = by.into_iter().collect();
            text.push_str(", by ");
            text.push_str(&by.join(", "));
        }
        match self.refusals().len() {
            0 => text,
            n => format!("{text}; {n} refused"),
        }
    }

    /// The images that may not cross, each with everything that it breaks in one line.
    pub fn refusals(&self) -> BTreeMap<Reference, String> {
        let mut all = BTreeMap::<Reference, String>::new();
        for violation in &self.violations {
            let text = all.entry(violation.reference.clone()).or_default();
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&violation.text);
        }
        all
    }
}
