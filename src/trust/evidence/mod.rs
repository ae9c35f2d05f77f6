//! Signatures and attestations that hang on images, as cosign makes them: with a key, or with a certificate.
//!
//! ```text
//! envelope.rs   DSSE envelopes and the in-toto statements in them
//! bundle.rs     Sigstore's bundles
//! kept.rs       what the older forms keep in annotations to check a keyless signature by
//! ```
//!
//! Each is checked in the same order: the signature over raw bytes, then what the bytes say, then whether they speak of
//! this image. What is not well formed has failed, and never counts as "no predicate".

mod bundle;
mod envelope;
mod kept;

pub use kept::Kept;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::keyless::{Material, Signed};
use super::{Error, Keyless, PemKey};
use crate::digest::Digest;
use crate::secret::printable;
use envelope::Envelope;

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

const SIMPLE_TYPE: &str = "cosign container image signature";

/// One thing that hangs on an image and may vouch for it.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// cosign's older form: a payload, and its signature in base64.
    Simple {
        /// The layer's bytes.
        payload: Vec<u8>,
        /// The annotation's text.
        signature: String,
        /// What else its annotations keep.
        kept: Kept,
    },
    /// A DSSE envelope with an in-toto statement.
    Envelope {
        /// The layer's bytes.
        envelope: Vec<u8>,
        /// What its annotations keep.
        kept: Kept,
    },
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

/// What a piece of evidence shows, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What it says.
    pub claim: Claim,
    /// The key's name, or the identity in the certificate.
    pub by: String,
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

/// Whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Signers<'k> {
    /// Keys by the names that reports give them.
    pub keys: Vec<(&'k str, &'k PemKey)>,
    /// Identities, with whom they are believed by.
    pub keyless: Option<Keyless<'k>>,
}

impl Evidence {
    /// What it shows about the image, if someone who counts made it.
    pub fn check(&self, subject: Subject<'_>, signers: &Signers<'_>) -> Result<Proof, Error> {
        match self {
            Self::Simple {
                payload,
                signature,
                kept,
            } => simple(payload, signature, kept, subject, signers),
            Self::Envelope { envelope, kept } => {
                let parsed = Envelope::parse(envelope)?;
                parsed.check(subject, signers, Some(envelope), || kept.material())
            }
            Self::Bundle(bytes) => bundle::check(bytes, subject, signers),
        }
    }
}

impl Signers<'_> {
    /// Who made a signature: the first key that did, else the identity in the certificate that comes with it.
    fn maker(
        &self,
        signed: &Signed<'_>,
        material: impl FnOnce() -> Result<Option<Material>, Error>,
    ) -> Result<String, Error> {
        let made = |(_, key): &&(&str, &PemKey)| key.verify(signed.message, signed.signature).is_ok();
        if let Some((name, _)) = self.keys.iter().find(made) {
            return Ok((*name).to_owned());
        }
        let material = material()?.ok_or(Error::NoKeyMadeIt)?;
        let keyless = self.keyless.ok_or(Error::NoIdentities)?;
        keyless.check(signed, &material)
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

fn simple(
    payload: &[u8],
    signature: &str,
    kept: &Kept,
    subject: Subject<'_>,
    signers: &Signers<'_>,
) -> Result<Proof, Error> {
    const WHAT: &str = "the signed payload";
    let signature = decoded("the signature", signature)?;
    let signed = Signed {
        message: payload,
        signature: &signature,
        envelope: None,
        stamped: &signature,
    };
    let by = signers.maker(&signed, || kept.material())?;
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
        by,
    })
}

#[cfg(test)]
mod tests;
