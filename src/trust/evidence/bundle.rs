//! Sigstore's bundles: a signature or an envelope, with a hint at a key or everything that a keyless one is checked by.

use serde::Deserialize;

use super::envelope::Envelope;
use super::{Claim, Proof, SIGSTORE_BUNDLE, Signers, Subject, decoded, malformed};
use crate::digest::Algorithm;
use crate::secret::printable;
use crate::trust::Error;
use crate::trust::keyless::{self, BundleEntry, Entry, Material, Signed};

const WHAT: &str = "the Sigstore bundle";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SigstoreBundle {
    media_type: String,
    verification_material: BundleMaterial,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleMaterial {
    public_key: Option<serde::de::IgnoredAny>,
    certificate: Option<Raw>,
    x509_certificate_chain: Option<Chain>,
    #[serde(default)]
    tlog_entries: Vec<BundleEntry>,
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: String,
}

impl BundleMaterial {
    /// What a keyless signature is checked by; `None` for one that was made with a key.
    fn keyless(self) -> Result<Option<Material>, Error> {
        // The first versions carried the chain; it begins with the signer's own, and no other of it is believed.
        let chain = self.x509_certificate_chain.map(|chain| chain.certificates);
        let first = self
            .certificate
            .or_else(|| chain.and_then(|certificates| certificates.into_iter().next()));
        let certificate = match (first, self.public_key) {
            (Some(raw), None) => decoded(WHAT, &raw.raw_bytes)?,
            (None, Some(_)) => return Ok(None),
            (None, None) => return Err(keyless::Error::NoCertificate.into()),
            (Some(_), Some(_)) => {
                return Err(Error::Malformed {
                    what: WHAT,
                    problem: "it was made with a key and with a certificate",
                });
            }
        };
        let entries = self.tlog_entries.into_iter().map(Entry::try_from);
        let stamps = self.timestamp_verification_data.into_iter();
        let stamps = stamps.flat_map(|data| data.rfc3161_timestamps);
        Ok(Some(Material {
            certificate,
            entries: entries.collect::<Result<_, _>>()?,
            timestamps: stamps
                .map(|stamp| decoded(WHAT, &stamp.signed_timestamp))
                .collect::<Result<_, _>>()?,
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: MessageDigest,
    signature: String,
}

#[derive(Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

pub(super) fn check(bytes: &[u8], subject: Subject<'_>, signers: &Signers<'_>) -> Result<Proof, Error> {
    let bundle: SigstoreBundle = serde_json::from_slice(bytes).map_err(malformed(WHAT))?;
    if !bundle.media_type.starts_with(SIGSTORE_BUNDLE) {
        return Err(Error::WrongStatement {
            found: printable(&bundle.media_type, 80),
        });
    }
    let material = bundle.verification_material.keyless()?;
    match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => {
            if material.is_some() && !envelope.has_one_signature() {
                return Err(Error::Malformed {
                    what: WHAT,
                    problem: "it has one certificate and not exactly one signature",
                });
            }
            envelope.check(subject, signers, None, || Ok(material.clone()))
        }
        (None, Some(message)) => message.check(subject, signers, material),
        _ => Err(Error::Malformed {
            what: WHAT,
            problem: "it holds not exactly one signature",
        }),
    }
}

impl MessageSignature {
    fn check(
        &self,
        subject: Subject<'_>,
        signers: &Signers<'_>,
        material: Option<Material>,
    ) -> Result<Proof, Error> {
        let signature = decoded("the signature", &self.signature)?;
        let signed = Signed {
            message: subject.manifest,
            signature: &signature,
            envelope: None,
            stamped: &signature,
        };
        let by = signers.maker(&signed, || Ok(material))?;
        let found = decoded(WHAT, &self.message_digest.digest)?;
        let is_it = subject.digest.algorithm() == Algorithm::Sha256
            && self.message_digest.algorithm == "SHA2_256"
            && subject.digest.as_bytes() == found;
        if !is_it {
            return Err(Error::OtherSubject {
                found: printable(&self.message_digest.digest, 140),
            });
        }
        Ok(Proof {
            claim: Claim::Signed { named: None },
            by,
        })
    }
}
