//! The verdict about an inventory's signatures.

use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{AllowedSigners, Error, PemKey, SshSignature};

/// What is asked of an inventory.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// The signers that count; without them nothing is asked for.
    pub signers: Option<AllowedSigners>,
    /// Keys that count for an ECDSA, RSA or Ed25519 signature as `openssl` and `cosign sign-blob` make one, by the
    /// name that reports give them.
    pub keys: Vec<(String, PemKey)>,
    /// How many different signers must have signed.
    pub required: usize,
    /// Take an inventory that has no signature at all.
    pub allow_unsigned: bool,
}

impl Demand {
    /// Whether signatures are asked for.
    pub fn is_made(&self) -> bool {
        self.signers.is_some() || !self.keys.is_empty()
    }
}

/// A signature's file as it lies beside the inventory.
#[derive(Clone, Debug)]
pub struct SignatureFile {
    /// Its name: `inventory.json.sshsig`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl SignatureFile {
    fn is_ssh(&self) -> bool {
        self.name.contains(".sshsig")
    }
}

/// The signatures of an inventory: each was made over exactly its bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seal {
    /// Every signature, by the order of the files' names.
    pub signatures: Vec<Signed>,
    /// Whether the signatures that were asked for are there.
    pub vouched: bool,
}

/// One signature.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// Its file.
    pub file: String,
    /// The key's fingerprint; none if the key is not known from the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whose it is, if it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Seal {
    /// Checks every signature over the bytes of the inventory, before anybody parses them.
    ///
    /// A signature that is damaged or belongs to other bytes is an error, whatever is asked for: something was changed.
    pub fn judge(
        inventory: &[u8],
        files: &[SignatureFile],
        demand: &Demand,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let mut seal = Self::default();
        for file in files {
            let signed = if file.is_ssh() {
                ssh(inventory, file, demand, now)?
            } else {
                plain(inventory, file, demand)
            };
            seal.signatures.push(signed);
        }
        if !demand.is_made() {
            return Ok(seal);
        }
        if seal.signatures.is_empty() && demand.allow_unsigned {
            return Ok(seal);
        }
        let found = seal.signers().len();
        if found < demand.required.max(1) {
            return Err(Error::NotVouchedFor {
                found,
                required: demand.required.max(1),
                reasons: seal.reasons(),
            });
        }
        seal.vouched = true;
        Ok(seal)
    }

    /// The different signers that count. Two keys of one person are one signer.
    pub fn signers(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut signers = BTreeSet::new();
        for name in self.signatures.iter().filter_map(|s| s.signer.as_deref()) {
            let people: Vec<&str> = name.split(',').collect();
            if people.iter().all(|person| !seen.contains(person)) {
                signers.insert(name);
            }
            seen.extend(people);
        }
        signers
    }

    fn reasons(&self) -> Vec<String> {
        let reason = |s: &Signed| s.reason.as_ref().map(|why| format!("{}: {why}", s.file));
        self.signatures.iter().filter_map(reason).collect()
    }
}

/// What is wrong with the file itself, as against a key that does not count.
fn tampered(file: &SignatureFile, source: Error) -> Error {
    Error::BadSignature {
        file: file.name.clone(),
        source: Box::new(source),
    }
}

fn ssh(inventory: &[u8], file: &SignatureFile, demand: &Demand, now: SystemTime) -> Result<Signed, Error> {
    let refused = |key: Option<String>, reason: String| Signed {
        file: file.name.clone(),
        key,
        signer: None,
        reason: Some(reason),
    };
    let signature = match SshSignature::parse(&file.bytes) {
        Ok(signature) => signature,
        Err(error @ Error::UnsupportedKey { .. }) => return Ok(refused(None, error.to_string())),
        Err(error) => return Err(tampered(file, error)),
    };
    let key = Some(signature.key().fingerprint());
    match signature.verify(inventory) {
        Ok(()) => {}
        Err(error @ (Error::WrongNamespace { .. } | Error::UnsupportedKey { .. } | Error::Untouched)) => {
            return Ok(refused(key, error.to_string()));
        }
        Err(error) => return Err(tampered(file, error)),
    }
    let Some(signers) = &demand.signers else {
        return Ok(refused(
            key,
            "nobody was named who vouches for its key".to_owned(),
        ));
    };
    Ok(match signers.principals(signature.key(), now) {
        Ok(principals) => Signed {
            file: file.name.clone(),
            key,
            signer: Some(principals.to_owned()),
            reason: None,
        },
        Err(reason) => refused(key, reason),
    })
}

fn plain(inventory: &[u8], file: &SignatureFile, demand: &Demand) -> Signed {
    let signature = unarmoured(&file.bytes);
    let signed = |name: Option<&(String, PemKey)>, reason: Option<&str>| Signed {
        file: file.name.clone(),
        key: name.map(|(_, key)| key.fingerprint().to_owned()),
        signer: name.map(|(name, _)| name.clone()),
        reason: reason.map(str::to_owned),
    };
    if demand.keys.is_empty() {
        return signed(None, Some("no key was named that it could be checked with"));
    }
    let made_by = demand
        .keys
        .iter()
        .find(|(_, key)| key.verify(inventory, &signature).is_ok());
    // Without the right key nobody can tell a wrong signature from a stranger's.
    match made_by {
        Some(key) => signed(Some(key), None),
        None => signed(
            None,
            Some("it was made over other bytes, or with none of the keys that count"),
        ),
    }
}

/// `openssl` writes the bytes themselves, `cosign sign-blob` their base64.
fn unarmoured(bytes: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    STANDARD.decode(text).unwrap_or_else(|_| bytes.to_vec())
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signatures.is_empty() {
            return f.write_str("unsigned: nothing shows that it is what someone exported");
        }
        for (number, signed) in self.signatures.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let key = signed.key.as_deref().unwrap_or("a key that is not known");
            match (&signed.signer, &signed.reason) {
                (Some(signer), _) => write!(f, "signed by {signer} ({key})")?,
                (None, Some(reason)) => write!(f, "signed with {key}, which does not count: {reason}")?,
                (None, None) => write!(f, "signed with {key}")?,
            }
        }
        Ok(())
    }
}
