//! Whether what hangs on an image satisfies its rule.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attestation, Pattern, Policy, Rule, Signature, Violation};
use crate::causes::chain;
use crate::reference::Reference;
use crate::trust::evidence::{Claim, Evidence, Proof, Signers, Subject};
use crate::trust::{Error, Keyless, PemKey, Signer, TrustedRoot};

/// The keys and trusted roots that a policy names, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    keys: BTreeMap<String, PemKey>,
    roots: BTreeMap<String, TrustedRoot>,
}

/// Whom one demand of a rule names.
struct Named<'p> {
    keys: &'p [String],
    identities: &'p [Signer],
    root: Option<&'p str>,
}

impl Named<'_> {
    /// Whether someone could satisfy the demand at all.
    fn check(&self, pattern: &Pattern) -> Result<(), Error> {
        let half = |given, missing| Error::HalfKeyless {
            pattern: pattern.to_string(),
            given,
            missing,
        };
        match (self.identities, self.root) {
            ([], Some(_)) => Err(half("trusted-root", "identities")),
            ([_, ..], None) => Err(half("identities", "trusted-root")),
            ([], None) if self.keys.is_empty() => Err(Error::NobodyNamed {
                pattern: pattern.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

impl Signature {
    fn named(&self) -> Named<'_> {
        Named {
            keys: &self.keys,
            identities: &self.identities,
            root: self.trusted_root.as_deref(),
        }
    }
}

impl Attestation {
    fn named(&self) -> Named<'_> {
        Named {
            keys: &self.keys,
            identities: &self.identities,
            root: self.trusted_root.as_deref(),
        }
    }
}

impl Rule {
    fn named(&self) -> impl Iterator<Item = Named<'_>> {
        let signature = self.signature.iter().map(Signature::named);
        signature.chain(self.attestations.iter().map(Attestation::named))
    }
}

impl Keyring {
    /// Reads every key and trusted root of a policy; `read` gives the text of a file that it names.
    pub fn of<E: From<Error>>(
        policy: &Policy,
        mut read: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let mut keyring = Self::default();
        for rule in &policy.images {
            for named in rule.named() {
                named.check(&rule.pattern)?;
                for name in named.keys {
                    keyring.add_key(name, &mut read)?;
                }
                if let Some(name) = named.root.filter(|name| !keyring.roots.contains_key(*name)) {
                    let root = TrustedRoot::parse(&read(name)?).map_err(|source| Error::BadRoot {
                        name: name.to_owned(),
                        source: Box::new(source),
                    })?;
                    keyring.roots.insert(name.to_owned(), root);
                }
            }
        }
        Ok(keyring)
    }

    fn add_key<E: From<Error>>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<(), E> {
        if self.keys.contains_key(name) {
            return Ok(());
        }
        let inline = is_inline(name);
        let text = if inline { name.to_owned() } else { read(name)? };
        let key = PemKey::parse(&text).map_err(|source| Error::BadKey {
            name: if inline { "a key in the policy" } else { name }.to_owned(),
            source: Box::new(source),
        })?;
        self.keys.insert(name.to_owned(), key);
        Ok(())
    }

    /// A trusted root by the name that the policy gives it.
    pub fn root(&self, name: &str) -> Option<&TrustedRoot> {
        self.roots.get(name)
    }

    /// Some of them as PEM text, each once.
    pub fn pems<'k>(&'k self, names: &'k [String]) -> BTreeSet<&'k str> {
        names
            .iter()
            .filter_map(|name| Some(self.keys.get(name)?.pem()))
            .collect()
    }

    /// Whose signatures count by one demand, keys by the names that reports give them.
    fn signers<'k>(&'k self, named: &Named<'k>) -> Signers<'k> {
        let key = |name: &'k String| {
            let key = self.keys.get(name)?;
            let label = if is_inline(name) {
                key.fingerprint()
            } else {
                name.as_str()
            };
            Some((label, key))
        };
        let root = named.root.and_then(|name| self.roots.get(name));
        Signers {
            keys: named.keys.iter().filter_map(key).collect(),
            keyless: root.map(|root| Keyless {
                root,
                signers: named.identities,
            }),
        }
    }
}

fn is_inline(key: &str) -> bool {
    key.trim_start().starts_with("-----BEGIN ")
}

/// What the rule of one image found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// The keys and identities that vouch for it, by their names.
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
        let mut judge = |named: &Named<'_>, what: String, serves: &dyn Fn(&Proof) -> Result<(), String>| {
            match first_that_serves(evidence, subject, &keyring.signers(named), serves) {
                Ok(by) => {
                    vouched.by.insert(by);
                }
                Err(reasons) => vouched.violations.push(Violation {
                    reference: reference.clone(),
                    text: missing(rule, &what, &reasons),
                }),
            }
        };
        if let Some(signature) = &rule.signature {
            let serves = |proof: &Proof| signed(proof, signature.signed_as.as_ref(), reference);
            judge(&signature.named(), "a signature".to_owned(), &serves);
        }
        for attestation in &rule.attestations {
            let serves = |proof: &Proof| attested(proof, &attestation.predicate);
            let what = format!("an attestation of the type {}", attestation.predicate);
            judge(&attestation.named(), what, &serves);
        }
        vouched
    }
}

fn first_that_serves(
    evidence: &[Evidence],
    subject: Subject<'_>,
    signers: &Signers<'_>,
    serves: &dyn Fn(&Proof) -> Result<(), String>,
) -> Result<String, BTreeSet<String>> {
    let mut reasons = BTreeSet::new();
    for piece in evidence {
        let checked = piece.check(subject, signers).map_err(|error| chain(&error));
        match checked.and_then(|proof| serves(&proof).map(|()| proof.by)) {
            Ok(by) => return Ok(by),
            Err(reason) => {
                reasons.insert(reason);
            }
        }
    }
    Err(reasons)
}

fn signed(proof: &Proof, allowed: Option<&Pattern>, reference: &Reference) -> Result<(), String> {
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
