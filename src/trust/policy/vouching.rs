//! Whether what hangs on an image satisfies its rule.

use std::collections::{BTreeMap, BTreeSet};

use super::{Policy, Rule, Violation};
use crate::reference::Reference;
use crate::trust::evidence::{Claim, Evidence, Proof, Subject};
use crate::trust::{Error, PemKey};

/// The keys that a policy names, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring(BTreeMap<String, PemKey>);

impl Keyring {
    /// Reads every key of a policy; `read` gives the text of a file that it names.
    pub fn of<E: From<Error>>(
        policy: &Policy,
        mut read: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let signatures = policy.images.iter().filter_map(|rule| rule.signature.as_ref());
        let attestations = policy.images.iter().flat_map(|rule| &rule.attestations);
        let named = signatures
            .map(|s| &s.keys)
            .chain(attestations.map(|a| &a.keys))
            .flatten();
        let mut keys = BTreeMap::new();
        for name in named {
            if keys.contains_key(name) {
                continue;
            }
            let inline = is_inline(name);
            let text = if inline { name.clone() } else { read(name)? };
            let key = PemKey::parse(&text).map_err(|source| Error::BadKey {
                name: if inline {
                    "a key in the policy".to_owned()
                } else {
                    name.clone()
                },
                source: Box::new(source),
            })?;
            keys.insert(name.clone(), key);
        }
        Ok(Self(keys))
    }

    /// Some of them as PEM text, each once.
    pub fn pems<'k>(&'k self, names: &'k [String]) -> BTreeSet<&'k str> {
        names
            .iter()
            .filter_map(|name| Some(self.0.get(name)?.pem()))
            .collect()
    }

    /// Some of them, each by the name that reports give it.
    fn chosen<'k>(&'k self, names: &'k [String]) -> Vec<(&'k str, &'k PemKey)> {
        let named = |name: &'k String| {
            let key = self.0.get(name)?;
            let label = if is_inline(name) {
                key.fingerprint()
            } else {
                name.as_str()
            };
            Some((label, key))
        };
        names.iter().filter_map(named).collect()
    }
}

fn is_inline(key: &str) -> bool {
    key.trim_start().starts_with("-----BEGIN ")
}

/// What the rule of one image found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// The keys that vouch for it, by their names.
    pub by: BTreeSet<String>,
    /// What the rule asks for and did not find.
    pub violations: Vec<Violation>,
}

impl Policy {
    /// Checks what hangs on an image against its rule. An image that no rule is for has nothing to show.
    pub fn check_evidence(
        &self,
        reference: &Reference,
        subject: Subject<'_>,
        evidence: &[Evidence],
        keyring: &Keyring,
    ) -> Vouched {
        let mut vouched = Vouched::default();
        let Some(rule) = self.rule(reference) else {
            return vouched;
        };
        let mut judge = |keys: &[String], what: String, serves: &dyn Fn(&Proof) -> Result<(), String>| {
            match first_that_serves(evidence, subject, &keyring.chosen(keys), serves) {
                Ok(key) => {
                    vouched.by.insert(key);
                }
                Err(reasons) => vouched.violations.push(Violation {
                    reference: reference.clone(),
                    text: missing(rule, &what, &reasons),
                }),
            }
        };
        if let Some(signature) = &rule.signature {
            let serves = |proof: &Proof| signed(proof, signature.signed_as.as_ref(), reference);
            judge(&signature.keys, "a signature".to_owned(), &serves);
        }
        for attestation in &rule.attestations {
            let serves = |proof: &Proof| attested(proof, &attestation.predicate);
            let what = format!("an attestation of the type {}", attestation.predicate);
            judge(&attestation.keys, what, &serves);
        }
        vouched
    }
}

fn first_that_serves(
    evidence: &[Evidence],
    subject: Subject<'_>,
    keys: &[(&str, &PemKey)],
    serves: &dyn Fn(&Proof) -> Result<(), String>,
) -> Result<String, BTreeSet<String>> {
    let mut reasons = BTreeSet::new();
    for piece in evidence {
        let checked = piece.check(subject, keys).map_err(|error| chain(&error));
        match checked.and_then(|proof| serves(&proof).map(|()| proof.key)) {
            Ok(key) => return Ok(key),
            Err(reason) => {
                reasons.insert(reason);
            }
        }
    }
    Err(reasons)
}

fn signed(proof: &Proof, allowed: Option<&super::Pattern>, reference: &Reference) -> Result<(), String> {
    let Claim::Signed { named } = &proof.claim else {
        return Err("an attestation is no signature".to_owned());
    };
    // Sigstore's bundles name a digest only, and no repository.
    let Some(named) = named else { return Ok(()) };
    let name: Reference = named
        .parse()
        .map_err(|_| "it names no repository that could be one".to_owned())?;
    let name = name.repository();
    let fits = match allowed {
        Some(pattern) => pattern.matches(&name.to_string()),
        None => name == reference.repository(),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("it was made for {name}"))
    }
}

fn attested(proof: &Proof, wanted: &str) -> Result<(), String> {
    match &proof.claim {
        Claim::Attested { predicate } if predicate == wanted => Ok(()),
        Claim::Attested { predicate } => Err(format!(
            "another is of the type {}",
            crate::secret::printable(predicate, 120)
        )),
        Claim::Signed { .. } => Err("a signature is no attestation".to_owned()),
    }
}

fn missing(rule: &Rule, what: &str, reasons: &BTreeSet<String>) -> String {
    let mut text = format!("the policy for {} asks for {what}, and ", rule.pattern);
    if reasons.is_empty() {
        text.push_str("nothing hangs on the image");
    } else {
        let reasons: Vec<&str> = reasons.iter().take(5).map(String::as_str).collect();
        text.push_str("nothing that hangs on the image serves: ");
        text.push_str(&reasons.join("; "));
    }
    text
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
