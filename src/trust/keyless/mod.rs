//! Signatures without a key of one's own, as Sigstore makes them: a certificate of a few minutes says who signed, and logs
//! and timestamps say that it was made in those minutes.
//!
//! ```text
//! root.rs          trusted_root.json: whose certificates, logs and timestamps count, and from when to when
//! certificate.rs   the chain to Fulcio, the log of certificates (SCT), whom the certificate names
//! entry.rs         an entry of the transparency log: the log's promise (SET), its proof of inclusion
//! merkle.rs        trees of hashes and their signed heads
//! body.rs          what the entry says: it must be this signature, this certificate and this content
//! timestamp.rs     RFC 3161
//! ```
//!
//! No network and no clock are asked. What a bundle carries is checked against the operator's trusted root alone, and
//! what is not understood makes the signature count for nothing.

mod body;
mod certificate;
mod entry;
mod error;
mod hex;
mod merkle;
mod root;
mod timestamp;

pub use error::Error;
pub use root::TrustedRoot;

pub(super) use body::{Sealed, Signed};
pub(super) use entry::{BundleEntry, Entry};
use root::Log;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Pattern;
use super::x509::Certificate;
use certificate::Identity;

/// More entries or timestamps of one signature are refused.
const MOST: usize = 32;

/// Someone whose keyless signatures count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Signer {
    /// Who vouches for the signer, a pattern: `https://token.actions.githubusercontent.com`.
    pub issuer: Pattern,
    /// Who signs, a pattern: an address, or `https://github.com/shop/app/.github/workflows/release.yml@refs/tags/*`.
    pub subject: Pattern,
}

/// Whose keyless signatures count, and by which trusted root.
#[derive(Clone, Copy, Debug)]
pub struct Keyless<'k> {
    /// Whom the operator's Sigstore believes.
    pub root: &'k TrustedRoot,
    /// The signers that count, any one of them.
    pub signers: &'k [Signer],
}

/// What comes with a signature to check it by.
#[derive(Clone, Debug, Default)]
pub(super) struct Material {
    /// The signer's certificate in DER.
    pub(super) certificate: Vec<u8>,
    /// Entries of transparency logs.
    pub(super) entries: Vec<Entry>,
    /// Timestamps of RFC 3161.
    pub(super) timestamps: Vec<Vec<u8>>,
}

impl Keyless<'_> {
    /// Who made the signature, if it counts.
    pub(super) fn check(&self, signed: &Signed<'_>, material: &Material) -> Result<String, super::Error> {
        let leaf = Certificate::parse(&material.certificate)?;
        let key = leaf.public_key()?;
        key.verify(signed.message, signed.signature)
            .map_err(|_| Error::WrongSignature)?;
        for (count, what) in [
            (material.entries.len(), "entries of transparency logs"),
            (material.timestamps.len(), "timestamps"),
        ] {
            if count > MOST {
                return Err(Error::TooMany { most: MOST, what }.into());
            }
        }
        let (mut times, logs) = self.logged(signed, material, &leaf)?;
        let mut reason = None;
        for stamp in &material.timestamps {
            match timestamp::check(stamp, signed.stamped, self.root) {
                Ok(time) => times.push(time),
                Err(error) => reason = Some(error.to_string()),
            }
        }
        if times.is_empty() {
            return Err(Error::NoTime { reason }.into());
        }
        for time in times {
            if !logs.iter().all(|log| log.window.covers(time)) {
                return Err(Error::LogNotThen { time }.into());
            }
            certificate::check(&leaf, self.root, time)?;
        }
        let identity = Identity::of(&leaf)?;
        if self.signers.iter().any(|signer| identity.is(signer)) {
            return Ok(identity.label());
        }
        Err(Error::OtherIdentity {
            found: identity.label(),
        }
        .into())
    }

    /// When logs that count say that the signature was logged, and which ones vouch for it. At least one entry must hold, and none may be wrong.
    fn logged(
        &self,
        signed: &Signed<'_>,
        material: &Material,
        leaf: &Certificate,
    ) -> Result<(Vec<i64>, Vec<&Log>), super::Error> {
        let (mut times, mut held, mut unknown) = (Vec::new(), Vec::new(), None);
        for entry in &material.entries {
            let Some(log) = entry.log(self.root) else {
                unknown = Some(entry.log_name());
                continue;
            };
            let time = entry.check(log)?;
            body::check(&entry.body, signed, leaf)?;
            held.push(log);
            times.extend(time);
        }
        match (held.as_slice(), unknown) {
            ([], Some(log)) => Err(Error::UnknownLog { log }.into()),
            ([], None) => Err(Error::NoEntry.into()),
            _ => Ok((times, held)),
        }
    }
}

fn decoded(what: &'static str, text: &str) -> Result<Vec<u8>, super::Error> {
    STANDARD.decode(text.trim()).map_err(|_| super::Error::Malformed {
        what,
        problem: "its base64 is not well formed",
    })
}

#[cfg(test)]
mod tests;
