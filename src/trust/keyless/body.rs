//! What an entry of a transparency log says: which signature, whose certificate, of what.

use serde::Deserialize;

use super::{Error, decoded, hex};
use crate::trust;
use crate::trust::pem_key::Hash;
use crate::trust::x509::Certificate;

/// What the entry must be about.
pub(in crate::trust) struct Signed<'a> {
    /// The bytes under the signature.
    pub(in crate::trust) message: &'a [u8],
    /// The signature.
    pub(in crate::trust) signature: &'a [u8],
    /// The envelope that both stand in, if they do.
    pub(in crate::trust) envelope: Option<Sealed<'a>>,
    /// What a timestamp is about: the signature, or all of an older attestation.
    pub(in crate::trust) stamped: &'a [u8],
}

/// An envelope, as entries speak of it.
#[derive(Clone, Copy)]
pub(in crate::trust) struct Sealed<'a> {
    /// What it carries.
    pub(in crate::trust) payload: &'a [u8],
    /// All of it, where it is kept as it was signed.
    pub(in crate::trust) whole: Option<&'a [u8]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    kind: String,
    api_version: String,
    spec: Spec,
}

/// The words of every kind of entry; each kind has some of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    data: Option<Data>,
    signature: Option<Signature>,
    payload_hash: Option<Named>,
    signatures: Option<Vec<EnvelopeSignature>>,
    content: Option<Content>,
    public_key: Option<String>,
    hashed_rekord_v002: Option<Newer>,
    dsse_v002: Option<Newer>,
}

#[derive(Deserialize)]
struct Data {
    hash: Named,
}

/// A hash in hex, with its algorithm's name.
#[derive(Deserialize)]
struct Named {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    content: String,
    public_key: Key,
}

#[derive(Deserialize)]
struct Key {
    content: String,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    signature: String,
    verifier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    envelope: Option<Envelope>,
    hash: Option<Named>,
    payload_hash: Option<Named>,
}

#[derive(Deserialize)]
struct Envelope {
    signatures: Vec<InTotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTotoSignature {
    sig: String,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Newer {
    data: Option<Digested>,
    signature: Option<NewerSignature>,
    payload_hash: Option<Digested>,
    signatures: Option<Vec<NewerSignature>>,
}

/// A hash in base64, with its algorithm's name in Protobuf.
#[derive(Deserialize)]
struct Digested {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct NewerSignature {
    content: String,
    verifier: Verifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    x509_certificate: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

const WHAT: &str = "what the transparency log has written down";

/// Whether the entry is about this signature, this certificate and this content.
pub(super) fn check(body: &[u8], signed: &Signed<'_>, leaf: &Certificate) -> Result<(), trust::Error> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|source| trust::Error::MalformedEvidence { what: WHAT, source })?;
    let unknown = || Error::UnknownEntry {
        kind: body.kind.clone(),
        version: body.api_version.clone(),
    };
    let spec = &body.spec;
    let is_about = |found: &[Found]| found.iter().try_for_each(|one| one.check(signed, leaf));
    match (body.kind.as_str(), body.api_version.as_str()) {
        ("hashedrekord", "0.0.1") => {
            let (data, signature) = both(spec.data.as_ref(), spec.signature.as_ref()).ok_or_else(unknown)?;
            data.hash.check(signed.message)?;
            is_about(&[Found::pem(&signature.content, &signature.public_key.content)?])
        }
        ("hashedrekord", "0.0.2") => {
            let newer = spec.hashed_rekord_v002.as_ref().ok_or_else(unknown)?;
            let (data, signature) =
                both(newer.data.as_ref(), newer.signature.as_ref()).ok_or_else(unknown)?;
            data.check(signed.message)?;
            is_about(&[signature.found()?])
        }
        ("dsse", "0.0.1") => {
            let (hash, signatures) =
                both(spec.payload_hash.as_ref(), spec.signatures.as_ref()).ok_or_else(unknown)?;
            hash.check(payload(signed)?)?;
            let found = signatures
                .iter()
                .map(|one| Found::pem(&one.signature, &one.verifier));
            one_of(found, signed, leaf)
        }
        ("dsse", "0.0.2") => {
            let newer = spec.dsse_v002.as_ref().ok_or_else(unknown)?;
            let (hash, signatures) =
                both(newer.payload_hash.as_ref(), newer.signatures.as_ref()).ok_or_else(unknown)?;
            hash.check(payload(signed)?)?;
            one_of(signatures.iter().map(NewerSignature::found), signed, leaf)
        }
        ("intoto", "0.0.2") => {
            let content = spec.content.as_ref().ok_or_else(unknown)?;
            let (hash, envelope) =
                both(content.payload_hash.as_ref(), content.envelope.as_ref()).ok_or_else(unknown)?;
            hash.check(payload(signed)?)?;
            // The signature is in base64 in the envelope, and the whole text is once more.
            let found = envelope.signatures.iter().map(|one| {
                let inner = String::from_utf8(decoded(WHAT, &one.sig)?).unwrap_or_default();
                Found::pem(&inner, &one.public_key)
            });
            one_of(found, signed, leaf)
        }
        ("intoto", "0.0.1") => {
            // It has no signature, but the hash of the envelope with the signature in it.
            let hash = spec.content.as_ref().and_then(|content| content.hash.as_ref());
            let (hash, key) = both(hash, spec.public_key.as_ref()).ok_or_else(unknown)?;
            let whole = signed
                .envelope
                .and_then(|sealed| sealed.whole)
                .ok_or_else(unknown)?;
            hash.check(whole)?;
            same_certificate(&pem(key)?, leaf)
        }
        _ => Err(unknown().into()),
    }
}

fn both<A, B>(first: Option<A>, second: Option<B>) -> Option<(A, B)> {
    first.zip(second)
}

fn payload<'a>(signed: &Signed<'a>) -> Result<&'a [u8], Error> {
    let envelope = signed.envelope.ok_or(Error::OtherEntry { what: "content" })?;
    Ok(envelope.payload)
}

/// A signature in an entry.
struct Found {
    signature: Vec<u8>,
    certificate: Vec<u8>,
}

impl Found {
    fn pem(signature: &str, certificate: &str) -> Result<Self, trust::Error> {
        Ok(Self {
            signature: decoded(WHAT, signature)?,
            certificate: pem(certificate)?,
        })
    }

    fn check(&self, signed: &Signed<'_>, leaf: &Certificate) -> Result<(), trust::Error> {
        if self.signature != signed.signature {
            return Err(Error::OtherEntry { what: "signature" }.into());
        }
        same_certificate(&self.certificate, leaf)
    }
}

fn same_certificate(found: &[u8], leaf: &Certificate) -> Result<(), trust::Error> {
    if found == leaf.der() {
        return Ok(());
    }
    Err(Error::OtherEntry { what: "certificate" }.into())
}

/// The bytes of a certificate whose PEM text is in base64.
fn pem(text: &str) -> Result<Vec<u8>, trust::Error> {
    let text = String::from_utf8(decoded(WHAT, text)?).unwrap_or_default();
    let other = Error::OtherEntry { what: "certificate" };
    // A plain key stands there when no certificate was used.
    let all = Certificate::parse_pem(&text).map_err(|_| other)?;
    Ok(all.first().map(|one| one.der().to_vec()).unwrap_or_default())
}

fn one_of(
    mut found: impl Iterator<Item = Result<Found, trust::Error>>,
    signed: &Signed<'_>,
    leaf: &Certificate,
) -> Result<(), trust::Error> {
    const SIGNATURES: usize = 16;
    let first = found.next().ok_or(Error::OtherEntry { what: "signature" })?;
    let first = first.and_then(|one| one.check(signed, leaf));
    if first.is_ok() {
        return first;
    }
    let another = found
        .take(SIGNATURES)
        .any(|one| one.is_ok_and(|one| one.check(signed, leaf).is_ok()));
    if another { Ok(()) } else { first }
}

impl Named {
    fn check(&self, content: &[u8]) -> Result<(), trust::Error> {
        let hash = match self.algorithm.as_str() {
            "sha256" => Hash::Sha256,
            "sha384" => Hash::Sha384,
            "sha512" => Hash::Sha512,
            _ => return Err(Error::OtherEntry { what: "content" }.into()),
        };
        same_hash(hex::decoded(&self.value).as_deref(), hash, content)
    }
}

impl Digested {
    fn check(&self, content: &[u8]) -> Result<(), trust::Error> {
        let hash = match self.algorithm.as_str() {
            "SHA2_256" => Hash::Sha256,
            "SHA2_384" => Hash::Sha384,
            "SHA2_512" => Hash::Sha512,
            _ => return Err(Error::OtherEntry { what: "content" }.into()),
        };
        same_hash(Some(&decoded(WHAT, &self.digest)?), hash, content)
    }
}

fn same_hash(found: Option<&[u8]>, hash: Hash, content: &[u8]) -> Result<(), trust::Error> {
    if found == Some(hash.of(content).as_slice()) {
        return Ok(());
    }
    Err(Error::OtherEntry { what: "content" }.into())
}

impl NewerSignature {
    fn found(&self) -> Result<Found, trust::Error> {
        let certificate = self.verifier.x509_certificate.as_ref();
        Ok(Found {
            signature: decoded(WHAT, &self.content)?,
            certificate: decoded(WHAT, certificate.map_or("", |raw| &raw.raw_bytes))?,
        })
    }
}
