//! What is asked of images before they cross, and again before they are let in.
//!
//! ```yaml
//! registries: [registry.example.com, "*.suse.com"]      # no image from elsewhere
//! images:                                               # the first rule that matches a repository holds for it
//!   - match: registry.example.com/shop/*
//!     signature:
//!       keys: [keys/shop.pub]                           # any of them; PEM files, or the PEM text itself
//!     attestations:
//!       - type: https://slsa.dev/provenance/v1
//!         keys: [keys/build.pub]
//!     latest: false                                     # neither `latest` nor no tag at all
//!     max-age-days: 400
//!   - match: ghcr.io/shop/*
//!     signature:
//!       identities:                                     # keyless: who, as the certificate says
//!         - issuer: https://token.actions.githubusercontent.com
//!           subject: https://github.com/shop/*
//!       trusted-root: trusted_root.json                 # and by whom that is believed
//!   - match: docker.io/library/*
//!     pinned: true                                      # only references with a digest
//! ```
//!
//! What no rule matches needs to come from an allowed registry, and nothing else. There is no word that turns a failure
//! into a warning: what a rule asks for and does not find is a [`Violation`].

mod pattern;
mod vouching;

pub use pattern::Pattern;
pub use vouching::{Keyring, Vouched};

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::Reference;
use crate::trust::Signer;

/// What is asked of images. An empty one asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// The registries that images may come from, as patterns over `host[:port]`. Without it: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registries: Option<Vec<Pattern>>,
    /// What is asked of each repository. The first rule that matches is the one that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Rule>,
}

/// What is asked of the images of some repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "PolicyRule")]
pub struct Rule {
    /// A pattern over the repository with its host: `registry.example.com/shop/*`.
    #[serde(rename = "match")]
    pub pattern: Pattern,
    /// A signature by one of some keys or identities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Attestations, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attestation>,
    /// Whether references may float: the tag `latest`, or no tag and no digest. Without it: yes.
    #[serde(default = "yes")]
    pub latest: bool,
    /// Whether every reference must have a digest.
    #[serde(default)]
    pub pinned: bool,
    /// The only digests that may cross, of manifests or indexes. Empty: any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>", inner(regex(pattern = "^sha(256|512):[0-9a-f]+$")))]
    pub digests: BTreeSet<Digest>,
    /// How old an image may be by the time in its configuration, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
}

fn yes() -> bool {
    true
}

/// A signature that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Signature {
    /// The keys that count, any one of them: a PEM file beside the policy, or the PEM text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The signers that count without a key (keyless), any one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Signer>,
    /// The `trusted_root.json` of the Sigstore that vouches for the identities, a file beside the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_root: Option<String>,
    /// The repository that a signature may name, where it names one. Without it: the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_as: Option<Pattern>,
}

/// An attestation that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attestation {
    /// The predicate's type, in full: `https://slsa.dev/provenance/v1`, `https://spdx.dev/Document`.
    #[serde(rename = "type")]
    pub predicate: String,
    /// The keys that count, any one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The signers that count without a key (keyless), any one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Signer>,
    /// The `trusted_root.json` of the Sigstore that vouches for the identities, a file beside the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_root: Option<String>,
}

/// An image as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// The name that manifests ask for.
    pub reference: &'a Reference,
    /// What it stands for, if that is known by now.
    pub digest: Option<&'a Digest>,
}

/// Why an image may not cross.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// The image.
    pub reference: Reference,
    /// What the policy asks for and what was found instead, one line.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reference, self.text)
    }
}

impl Policy {
    /// The rule that holds for a reference.
    pub fn rule(&self, reference: &Reference) -> Option<&Rule> {
        self.rule_of(&reference.repository().to_string())
    }

    /// The rule that holds for a repository, `host/path`.
    pub fn rule_of(&self, repository: &str) -> Option<&Rule> {
        self.images.iter().find(|rule| rule.pattern.matches(repository))
    }

    /// Whether images may come from a registry, `host[:port]`.
    pub fn allows(&self, host: &str) -> bool {
        let allowed = self.registries.as_ref();
        allowed.is_none_or(|allowed| allowed.iter().any(|pattern| pattern.matches(host)))
    }

    /// Whether anything is asked for that only signatures can answer.
    pub fn asks_for_signatures(&self) -> bool {
        self.images
            .iter()
            .any(|rule| rule.signature.is_some() || !rule.attestations.is_empty())
    }

    /// Whether a reference comes from a registry that is not allowed.
    pub fn check_registry(&self, reference: &Reference) -> Option<Violation> {
        let host = reference.host();
        (!self.allows(host)).then(|| Violation {
            reference: reference.clone(),
            text: format!("the policy does not allow the registry {host}"),
        })
    }

    /// What the name and the digest alone break: forbidden registries, floating tags, digests that are not on the list.
    pub fn check_name(&self, image: Image<'_>) -> Vec<Violation> {
        let reference = image.reference;
        let mut broken: Vec<Violation> = self.check_registry(reference).into_iter().collect();
        let Some(rule) = self.rule(reference) else {
            return broken;
        };
        let mut breaks = |text: String| {
            broken.push(Violation {
                reference: reference.clone(),
                text,
            });
        };
        let by = &rule.pattern;
        if !rule.latest && reference.is_floating() {
            breaks(format!("the policy for {by} allows no `latest`"));
        }
        if rule.pinned && reference.digest().is_none() {
            breaks(format!("the policy for {by} asks for a digest in the reference"));
        }
        if let Some(digest) = image.digest.or_else(|| reference.digest())
            && !rule.digests.is_empty()
            && !rule.digests.contains(digest)
        {
            breaks(format!(
                "{digest} is not among the digests that the policy for {by} allows"
            ));
        }
        broken
    }

    /// What the age of an image breaks. `made` is the time in its configuration, if there is one.
    pub fn check_age(
        &self,
        reference: &Reference,
        made: Option<SystemTime>,
        now: SystemTime,
    ) -> Option<Violation> {
        let rule = self.rule(reference)?;
        let days = rule.max_age_days?;
        let broken = |text: String| {
            Some(Violation {
                reference: reference.clone(),
                text,
            })
        };
        let Some(made) = made else {
            return broken(format!(
                "the policy for {} asks for an image of at most {days} days, and this one does not say when it was made",
                rule.pattern
            ));
        };
        let age = now.duration_since(made).unwrap_or_default();
        if age <= Duration::from_secs(u64::from(days) * 86_400) {
            return None;
        }
        broken(format!(
            "it is {} days old, the policy for {} allows {days}",
            age.as_secs() / 86_400,
            rule.pattern
        ))
    }
}

#[cfg(test)]
mod tests;
