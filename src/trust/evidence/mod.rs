//! Signatures and attestations that hang on images, as cosign makes them with a key.
//!
//! Each is checked in the same order: the signature over raw bytes, then what the bytes say, then whether they speak of
//! this image. What is not well formed has failed, and never counts as "no predicate".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Error, PemKey};
use crate::digest::{Algorithm, Digest};
use crate::secret::printable;

/// The media type of the payload that cosign signs, in the layers of its `.sig` tags.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation that carries the signature of such a payload.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// The media type of an attestation, in the layers of cosign's `.att` tags.
pub const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// How the media types of Sigstore's bundles begin, in the layers of referrers.
pub const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// Larger signatures and attestations are refused. Attestations hold whole lists of an image's parts.
pub const EVIDENCE_CAP: u64 = 32 << 20;
/// An image that has more of them is refused.
pub const EVIDENCE_COUNT: usize = 1000;

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
/// The predicate by which cosign 3 says nothing but "I signed this".
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const SIMPLE_TYPE: &str = "cosign container image signature";
/// More signatures in one envelope are not looked at.
const SIGNATURES: usize = 16;

/// One thing that hangs on an image and may vouch for it.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// cosign's older form: a payload, and its signature in base64.
    Simple {
        /// The layer's bytes.
        payload: Vec<u8>,
        /// The annotation's text.
        signature: String,
    },
    /// A DSSE envelope with an in-toto statement.
    Envelope(Vec<u8>),
    /// A Sigstore bundle: an envelope or a bare signature, with what is needed to check it.
    Bundle(Vec<u8>),
}

/// The image that evidence must speak of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The digest of its manifest or index.
    pub digest: &'a Digest,
    /// Its bytes.
    pub manifest: &'a [u8],
}

/// What a piece of evidence shows, and by which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What it says.
    pub claim: Claim,
    /// The key's name.
    pub key: String,
}

/// What a signer says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// That it is signed, maybe under a name.
    Signed {
        /// The repository that the signature names.
        named: Option<String>,
    },
    /// Something about it.
    Attested {
        /// The predicate's type.
        predicate: String,
    },
}

/// Keys by the names that reports give them.
pub type Keys<'k> = [(&'k str, &'k PemKey)];

impl Evidence {
    /// What it shows about the image, if one of the keys made it.
    pub fn check(&self, subject: Subject<'_>, keys: &Keys<'_>) -> Result<Proof, Error> {
        match self {
            Self::Simple { payload, signature } => simple(payload, signature, subject, keys),
            Self::Envelope(bytes) => Envelope::parse(bytes)?.check(subject, keys),
            Self::Bundle(bytes) => bundle(bytes, subject, keys),
        }
    }
}

fn malformed(what: &'static str) -> impl Fn(serde_json::Error) -> Error {
    move |source| Error::MalformedEvidence { what, source }
}

fn decoded(what: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode(text.trim()).map_err(|_| Error::Malformed {
        what,
        problem: "its base64 is not well formed",
    })
}

/// The first key that made the signature.
fn maker(message: &[u8], signature: &[u8], keys: &Keys<'_>) -> Option<String> {
    let made = |(_, key): &&(&str, &PemKey)| key.verify(message, signature).is_ok();
    keys.iter().find(made).map(|(name, _)| (*name).to_owned())
}

#[derive(Deserialize)]
struct Simple {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: SimpleImage,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Deserialize)]
struct SimpleImage {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

fn simple(payload: &[u8], signature: &str, subject: Subject<'_>, keys: &Keys<'_>) -> Result<Proof, Error> {
    const WHAT: &str = "the signed payload";
    let signature = decoded("the signature", signature)?;
    let key = maker(payload, &signature, keys).ok_or(Error::NoKeyMadeIt)?;
    let Simple { critical } = serde_json::from_slice(payload).map_err(malformed(WHAT))?;
    if critical.kind != SIMPLE_TYPE {
        return Err(Error::WrongStatement {
            found: printable(&critical.kind, 80),
        });
    }
    if critical.image.digest != *subject.digest {
        return Err(Error::OtherSubject {
            found: critical.image.digest.to_string(),
        });
    }
    let named = Some(critical.identity.reference).filter(|name| !name.is_empty());
    Ok(Proof {
        claim: Claim::Signed { named },
        key,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<StatementSubject>,
    predicate_type: String,
    #[serde(borrow)]
    predicate: &'a RawValue,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: std::collections::BTreeMap<String, String>,
}

impl Envelope {
    const WHAT: &'static str = "the envelope";

    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(malformed(Self::WHAT))
    }

    fn check(&self, subject: Subject<'_>, keys: &Keys<'_>) -> Result<Proof, Error> {
        let payload = decoded(Self::WHAT, &self.payload)?;
        // What DSSE signs: the type and the payload, each behind its length.
        let mut signed = format!(
            "DSSEv1 {} {} {} ",
            self.payload_type.len(),
            self.payload_type,
            payload.len()
        )
        .into_bytes();
        signed.extend_from_slice(&payload);
        let mut key = None;
        for signature in self.signatures.iter().take(SIGNATURES) {
            let signature = decoded("the signature", &signature.sig)?;
            key = key.or_else(|| maker(&signed, &signature, keys));
        }
        let key = key.ok_or(Error::NoKeyMadeIt)?;
        if self.payload_type != IN_TOTO {
            return Err(Error::WrongStatement {
                found: printable(&self.payload_type, 80),
            });
        }
        let claim = statement(&payload, subject)?;
        Ok(Proof { claim, key })
    }
}

fn statement(payload: &[u8], subject: Subject<'_>) -> Result<Claim, Error> {
    const WHAT: &str = "the statement";
    let statement: Statement<'_> = serde_json::from_slice(payload).map_err(malformed(WHAT))?;
    if !STATEMENTS.contains(&statement.kind.as_str()) {
        return Err(Error::WrongStatement {
            found: printable(&statement.kind, 80),
        });
    }
    let digest = subject.digest;
    let names_it = |s: &StatementSubject| {
        s.digest
            .get(digest.algorithm().name())
            .is_some_and(|hex| *hex == digest.hex())
    };
    if !statement.subject.iter().any(names_it) {
        let first = statement.subject.first().and_then(|s| s.digest.values().next());
        return Err(Error::OtherSubject {
            found: printable(first.map_or("nothing", String::as_str), 140),
        });
    }
    if !statement.predicate.get().starts_with('{') || statement.predicate_type.is_empty() {
        return Err(Error::Malformed {
            what: WHAT,
            problem: "it has no predicate",
        });
    }
    Ok(match statement.predicate_type {
        kind if kind == SIGNED => Claim::Signed { named: None },
        predicate => Claim::Attested { predicate },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SigstoreBundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<serde::de::IgnoredAny>,
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

fn bundle(bytes: &[u8], subject: Subject<'_>, keys: &Keys<'_>) -> Result<Proof, Error> {
    const WHAT: &str = "the Sigstore bundle";
    let bundle: SigstoreBundle = serde_json::from_slice(bytes).map_err(malformed(WHAT))?;
    if !bundle.media_type.starts_with(SIGSTORE_BUNDLE) {
        return Err(Error::WrongStatement {
            found: printable(&bundle.media_type, 80),
        });
    }
    if bundle.verification_material.public_key.is_none() {
        return Err(Error::Keyless);
    }
    match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => envelope.check(subject, keys),
        (None, Some(message)) => {
            let signature = decoded("the signature", &message.signature)?;
            let key = maker(subject.manifest, &signature, keys).ok_or(Error::NoKeyMadeIt)?;
            let found = decoded(WHAT, &message.message_digest.digest)?;
            let is_it = subject.digest.algorithm() == Algorithm::Sha256
                && message.message_digest.algorithm == "SHA2_256"
                && subject.digest.as_bytes() == found;
            if !is_it {
                return Err(Error::OtherSubject {
                    found: printable(&message.message_digest.digest, 140),
                });
            }
            Ok(Proof {
                claim: Claim::Signed { named: None },
                key,
            })
        }
        _ => Err(Error::Malformed {
            what: WHAT,
            problem: "it holds not exactly one signature",
        }),
    }
}

#[cfg(test)]
mod tests;
