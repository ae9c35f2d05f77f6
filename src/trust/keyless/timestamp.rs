//! Timestamps of RFC 3161: that an authority of the trusted root has seen a signature, and when.
//!
//! A timestamp is a CMS structure around a small one. Only the authority's own certificates make it count, so that what it
//! carries besides (other certificates, references to them) decides nothing.

use spki::der::asn1::ObjectIdentifier;
use spki::der::{Tag, TagNumber};

use super::Error;
use super::root::{Authority, TrustedRoot};
use crate::trust;
use crate::trust::pem_key::{Hash, Scheme};
use crate::trust::x509::{Certificate, Element, Purpose, element};

const WHAT: &str = "the timestamp";
/// Larger timestamps are refused.
const TIMESTAMP_CAP: usize = 256 << 10;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");

/// A timestamp that could be read.
struct Token {
    /// The part that says what was seen when.
    content: Vec<u8>,
    /// Certificates that it carries.
    certificates: Vec<Certificate>,
    signer: Signer,
}

/// Who signed the timestamp, and how.
struct Signer {
    id: SignerId,
    hash: Hash,
    scheme: Scheme,
    /// What is signed: attributes, one of which is the content's hash.
    attributes: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(PartialEq, Eq)]
enum SignerId {
    Issued { issuer: Vec<u8>, serial: Vec<u8> },
    Key(Vec<u8>),
}

/// What was seen when.
struct Seen {
    hash: Hash,
    imprint: Vec<u8>,
    time: i64,
}

fn wrong(reason: &'static str) -> trust::Error {
    Error::WrongTimestamp { reason }.into()
}

/// When an authority of the trusted root has seen these bytes.
pub(super) fn check(timestamp: &[u8], seen: &[u8], root: &TrustedRoot) -> Result<i64, trust::Error> {
    if timestamp.len() > TIMESTAMP_CAP {
        return Err(wrong("it is larger than timestamps are"));
    }
    let token = Token::parse(timestamp)?;
    let about = Seen::parse(&token.content)?;
    if about.imprint != about.hash.of(seen) {
        return Err(wrong("it was made for another signature"));
    }
    token.signer.check_content(&token.content)?;
    let mut reason = wrong("the trusted root names no timestamp authority");
    for authority in &root.timestamp_authorities {
        match token.check(authority, about.time) {
            Ok(()) => return Ok(about.time),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

impl Token {
    fn parse(timestamp: &[u8]) -> Result<Self, trust::Error> {
        let mut response = Element::whole(WHAT, Tag::Sequence, timestamp)?.elements()?;
        let status = response.one(Tag::Sequence)?.elements()?.one(Tag::Integer)?;
        // Granted, as asked for or with changes.
        if !matches!(status.value(), [0 | 1]) {
            return Err(wrong("its authority did not grant it"));
        }
        let mut info = response.one(Tag::Sequence)?.elements()?;
        let kind = info.one(Tag::ObjectIdentifier)?.oid()?;
        let inner = info.numbered(0)?.filter(|_| kind == SIGNED_DATA);
        let inner = inner.ok_or_else(|| wrong("it is not signed"))?;
        let mut data = inner.elements()?.one(Tag::Sequence)?.elements()?;
        data.one(Tag::Integer)?;
        data.one(Tag::Set)?;
        let mut enclosed = data.one(Tag::Sequence)?.elements()?;
        let kind = enclosed.one(Tag::ObjectIdentifier)?.oid()?;
        let content = enclosed.numbered(0)?.filter(|_| kind == TIMESTAMP);
        let content = content.ok_or_else(|| wrong("something else than a timestamp is signed in it"))?;
        let content = content.elements()?.one(Tag::OctetString)?.value().to_vec();
        let mut certificates = Vec::new();
        if let Some(listed) = data.numbered(0)? {
            let mut listed = listed.elements()?;
            while let Some(one) = listed.any()? {
                certificates.push(Certificate::parse(&one.der()?)?);
            }
        }
        data.numbered(1)?;
        let mut signers = data.one(Tag::Set)?.elements()?;
        let signer = signers.one(Tag::Sequence)?;
        if signers.any()?.is_some() {
            return Err(wrong("it has more than one signer"));
        }
        Ok(Self {
            content,
            certificates,
            signer: Signer::parse(signer)?,
        })
    }

    /// Whether this authority made it, and was one at that time.
    fn check(&self, authority: &Authority, time: i64) -> Result<(), trust::Error> {
        let (root, between) = authority
            .split()
            .ok_or_else(|| wrong("its authority has no certificate"))?;
        if !authority.window.covers(time) || !root.is_valid_at(time) {
            return Err(wrong("by the trusted root its authority was none at that time"));
        }
        let known = authority.chain.iter().chain(&self.certificates);
        let signer = known
            .filter(|certificate| self.signer.is(certificate))
            .find(|certificate| certificate.is_for(Purpose::TimeStamping).unwrap_or(false));
        let signer = signer.ok_or_else(|| wrong("no authority of the trusted root made it"))?;
        if signer != root {
            signer
                .issued_by(root, between, time, Purpose::TimeStamping)
                .map_err(|_| {
                    wrong("no authority of the trusted root issued the certificate of its signer")
                })?;
        }
        signer
            .public_key()?
            .verify_as(
                self.signer.scheme,
                &self.signer.attributes,
                &self.signer.signature,
            )
            .map_err(|_| wrong("its signature is not its authority's"))
    }
}

impl Signer {
    fn parse(signer: Element<'_>) -> Result<Self, trust::Error> {
        let mut parts = signer.elements()?;
        parts.one(Tag::Integer)?;
        let id = SignerId::parse(
            parts
                .any()?
                .ok_or_else(|| wrong("it does not say who signed it"))?,
        )?;
        let hash = hash(parts.one(Tag::Sequence)?)?;
        let attributes = parts
            .numbered(0)?
            .ok_or_else(|| wrong("it has no signed attributes"))?;
        let scheme = scheme(parts.one(Tag::Sequence)?, hash)?;
        Ok(Self {
            id,
            hash,
            scheme,
            // They are signed as the set that they are, and kept under a number.
            attributes: element(WHAT, Tag::Set, attributes.value())?,
            signature: parts.one(Tag::OctetString)?.value().to_vec(),
        })
    }

    fn is(&self, certificate: &Certificate) -> bool {
        const SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
        match &self.id {
            SignerId::Issued { issuer, serial } => {
                certificate.issuer == *issuer && certificate.serial == *serial
            }
            SignerId::Key(id) => certificate
                .extension(SUBJECT_KEY)
                .and_then(|value| Element::whole(WHAT, Tag::OctetString, value).ok())
                .is_some_and(|value| value.value() == id),
        }
    }

    /// Whether what is signed is about this content.
    fn check_content(&self, content: &[u8]) -> Result<(), trust::Error> {
        let (mut kinds, mut digests) = (Vec::new(), Vec::new());
        let mut attributes = Element::whole(WHAT, Tag::Set, &self.attributes)?.elements()?;
        while let Some(attribute) = attributes.any()? {
            let mut parts = attribute.elements()?;
            let id = parts.one(Tag::ObjectIdentifier)?.oid()?;
            let mut values = parts.one(Tag::Set)?.elements()?;
            if id == CONTENT_TYPE {
                kinds.push(values.one(Tag::ObjectIdentifier)?.oid()?);
            } else if id == MESSAGE_DIGEST {
                digests.push(values.one(Tag::OctetString)?.value().to_vec());
            }
        }
        if kinds == [TIMESTAMP] && digests == [self.hash.of(content)] {
            return Ok(());
        }
        Err(wrong("its signature is about something else"))
    }
}

impl SignerId {
    fn parse(id: Element<'_>) -> Result<Self, trust::Error> {
        match id.tag() {
            Tag::Sequence => {
                let mut parts = id.elements()?;
                Ok(Self::Issued {
                    issuer: parts.one(Tag::Sequence)?.der()?,
                    serial: parts.one(Tag::Integer)?.value().to_vec(),
                })
            }
            Tag::ContextSpecific {
                constructed: false,
                number: TagNumber(0),
            } => Ok(Self::Key(id.value().to_vec())),
            _ => Err(wrong("it does not say who signed it")),
        }
    }
}

impl Seen {
    fn parse(content: &[u8]) -> Result<Self, trust::Error> {
        let mut parts = Element::whole(WHAT, Tag::Sequence, content)?.elements()?;
        parts.one(Tag::Integer)?;
        parts.one(Tag::ObjectIdentifier)?;
        let mut imprint = parts.one(Tag::Sequence)?.elements()?;
        let hash = hash(imprint.one(Tag::Sequence)?)?;
        let imprint = imprint.one(Tag::OctetString)?.value().to_vec();
        parts.one(Tag::Integer)?;
        Ok(Self {
            hash,
            imprint,
            time: parts.one(Tag::GeneralizedTime)?.time()?,
        })
    }
}

fn hash(algorithm: Element<'_>) -> Result<Hash, trust::Error> {
    match algorithm.algorithm()?.to_string().as_str() {
        "2.16.840.1.101.3.4.2.1" => Ok(Hash::Sha256),
        "2.16.840.1.101.3.4.2.2" => Ok(Hash::Sha384),
        "2.16.840.1.101.3.4.2.3" => Ok(Hash::Sha512),
        _ => Err(wrong("it uses a hash that is not of the SHA-2 family")),
    }
}

fn scheme(algorithm: Element<'_>, hash: Hash) -> Result<Scheme, trust::Error> {
    match algorithm.algorithm()?.to_string().as_str() {
        "1.2.840.10045.4.3.2" => Ok(Scheme::Ecdsa(Hash::Sha256)),
        "1.2.840.10045.4.3.3" => Ok(Scheme::Ecdsa(Hash::Sha384)),
        "1.2.840.10045.4.3.4" => Ok(Scheme::Ecdsa(Hash::Sha512)),
        "1.2.840.113549.1.1.1" => Ok(Scheme::Pkcs1(hash)),
        "1.2.840.113549.1.1.11" => Ok(Scheme::Pkcs1(Hash::Sha256)),
        "1.2.840.113549.1.1.12" => Ok(Scheme::Pkcs1(Hash::Sha384)),
        "1.2.840.113549.1.1.13" => Ok(Scheme::Pkcs1(Hash::Sha512)),
        "1.3.101.112" => Ok(Scheme::Ed25519),
        _ => Err(wrong(
            "it is signed by an algorithm that this program does not know",
        )),
    }
}
