//! Certificates: what stands in them, and whether an authority issued them. Chains are `webpki`'s to judge.

mod der;
mod name;

use std::fmt;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use spki::der::asn1::ObjectIdentifier;
use spki::der::pem::LineEnding;
use spki::der::{Decode as _, Document, Tag};

pub(super) use der::{Element, element};
pub(super) use name::GeneralName;

use super::{Error, PemKey};

const WHAT: &str = "the certificate";
/// Larger certificates are refused.
const CERTIFICATE_CAP: usize = 64 << 10;
/// Longer chains are refused.
const CHAIN_CAP: usize = 10;

const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To sign content.
    CodeSigning,
    /// To say when something was there.
    TimeStamping,
}

impl Purpose {
    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
            Self::TimeStamping => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
        }
    }

    /// Its object identifier's bytes, as `webpki` asks for them.
    const fn encoded(self) -> &'static [u8] {
        match self {
            Self::CodeSigning => &[0x2b, 6, 1, 5, 5, 7, 3, 3],
            Self::TimeStamping => &[0x2b, 6, 1, 5, 5, 7, 3, 8],
        }
    }
}

/// A certificate that could be read. That somebody issued it is another question.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    der: Vec<u8>,
    /// The serial number's bytes.
    pub(super) serial: Vec<u8>,
    /// The issuer's name, encoded.
    pub(super) issuer: Vec<u8>,
    /// The subject's name, encoded.
    pub(super) subject: Vec<u8>,
    /// When it is valid, first and last second.
    pub(super) validity: (i64, i64),
    /// The public key with its algorithm, encoded.
    pub(super) key: Vec<u8>,
    extensions: Vec<Extension>,
}

#[derive(Clone, PartialEq, Eq)]
struct Extension {
    id: ObjectIdentifier,
    value: Vec<u8>,
}

impl Certificate {
    /// Reads one from its DER bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > CERTIFICATE_CAP {
            return Err(Error::Malformed {
                what: WHAT,
                problem: "it is larger than certificates are",
            });
        }
        let mut parts = tbs(bytes)?.elements()?;
        parts.numbered(0)?;
        let serial = parts.one(Tag::Integer)?.value().to_vec();
        parts.one(Tag::Sequence)?;
        let issuer = parts.one(Tag::Sequence)?.der()?;
        let mut validity = parts.one(Tag::Sequence)?.elements()?;
        let mut time = || {
            let time = validity.any()?.ok_or_else(not_well_formed)?;
            time.time()
        };
        let validity = (time()?, time()?);
        let subject = parts.one(Tag::Sequence)?.der()?;
        let key = parts.one(Tag::Sequence)?.der()?;
        let mut extensions = Vec::new();
        while let Some(part) = parts.any()? {
            if !is_extensions(part.tag()) {
                continue;
            }
            let mut list = part.elements()?.one(Tag::Sequence)?.elements()?;
            while let Some(one) = list.any()? {
                let extension = Extension::parse(one)?;
                if extensions
                    .iter()
                    .any(|known: &Extension| known.id == extension.id)
                {
                    return Err(Error::Malformed {
                        what: WHAT,
                        problem: "it has an extension twice",
                    });
                }
                extensions.push(extension);
            }
        }
        Ok(Self {
            der: bytes.to_vec(),
            serial,
            issuer,
            subject,
            validity,
            key,
            extensions,
        })
    }

    /// Every certificate of a PEM text, in their order.
    pub(super) fn parse_pem(text: &str) -> Result<Vec<Self>, Error> {
        const END: &str = "-----END CERTIFICATE-----";
        let mut all = Vec::new();
        for block in text.split_inclusive(END).filter(|block| block.contains(END)) {
            let start = block.find("-----BEGIN ").ok_or_else(not_well_formed)?;
            let block = block.get(start..).unwrap_or_default();
            let (label, document) = Document::from_pem(block).map_err(|_| not_well_formed())?;
            if label != "CERTIFICATE" || all.len() == CHAIN_CAP {
                return Err(not_well_formed());
            }
            all.push(Self::parse(document.as_bytes())?);
        }
        if all.is_empty() {
            return Err(Error::Malformed {
                what: WHAT,
                problem: "there is no `-----BEGIN CERTIFICATE-----` block",
            });
        }
        Ok(all)
    }

    /// Its DER bytes.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// It as PEM text.
    pub(super) fn pem(&self) -> String {
        let text = Document::from_der(&self.der).and_then(|der| der.to_pem("CERTIFICATE", LineEnding::LF));
        text.expect("what was read can be written")
    }

    /// Its key.
    pub(super) fn public_key(&self) -> Result<PemKey, Error> {
        PemKey::from_der(&self.key)
    }

    /// The value of an extension.
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|extension| extension.id == id);
        found.map(|extension| extension.value.as_slice())
    }

    /// The names that it is for beside its subject.
    pub(super) fn alternative_names(&self) -> Result<Vec<GeneralName>, Error> {
        match self.extension(ALTERNATIVE_NAME) {
            Some(value) => GeneralName::parse_all(value),
            None => Ok(Vec::new()),
        }
    }

    /// Whether it says that it is for something.
    pub(super) fn is_for(&self, purpose: Purpose) -> Result<bool, Error> {
        let Some(value) = self.extension(EXTENDED_KEY_USAGE) else {
            return Ok(false);
        };
        let mut listed = Element::whole(WHAT, Tag::Sequence, value)?.elements()?;
        while let Some(one) = listed.any()? {
            if one.oid()? == purpose.oid() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether its key may make signatures, by its key usage if it has one.
    pub(super) fn may_sign(&self) -> Result<bool, Error> {
        const DIGITAL_SIGNATURE: u8 = 0x80;
        let Some(value) = self.extension(KEY_USAGE) else {
            return Ok(true);
        };
        match Element::whole(WHAT, Tag::BitString, value)?.value() {
            [_, first, ..] => Ok(first & DIGITAL_SIGNATURE != 0),
            _ => Ok(false),
        }
    }

    /// Whether a time, in seconds since 1970, lies in its validity.
    pub(super) fn is_valid_at(&self, time: i64) -> bool {
        (self.validity.0..=self.validity.1).contains(&time)
    }

    /// What was signed of it, without one extension: what a log of certificates has seen before it put its own in.
    pub(super) fn tbs_without(&self, id: ObjectIdentifier) -> Result<Vec<u8>, Error> {
        let mut parts = tbs(&self.der)?.elements()?;
        let mut rest = Vec::new();
        while let Some(part) = parts.any()? {
            if !is_extensions(part.tag()) {
                rest.extend(part.der()?);
                continue;
            }
            let mut list = part.elements()?.one(Tag::Sequence)?.elements()?;
            let mut kept = Vec::new();
            while let Some(one) = list.any()? {
                if Extension::parse(one)?.id != id {
                    kept.extend(one.der()?);
                }
            }
            let kept = element(WHAT, Tag::Sequence, &kept)?;
            rest.extend(element(WHAT, part.tag(), &kept)?);
        }
        element(WHAT, Tag::Sequence, &rest)
    }

    /// The certificate of whoever issued this one, if it leads to `root` at that time.
    pub(super) fn issued_by(
        &self,
        root: &Self,
        intermediates: &[Self],
        time: i64,
        purpose: Purpose,
    ) -> Result<Self, webpki::Error> {
        let time = Duration::from_secs(u64::try_from(time).map_err(|_| webpki::Error::BadDerTime)?);
        let time = UnixTime::since_unix_epoch(time);
        let (leaf, root_der) = (CertificateDer::from(self.der()), CertificateDer::from(root.der()));
        let leaf = webpki::EndEntityCert::try_from(&leaf)?;
        let anchors = [webpki::anchor_from_trusted_cert(&root_der)?];
        let between: Vec<_> = intermediates
            .iter()
            .map(|one| CertificateDer::from(one.der()))
            .collect();
        let usage = webpki::KeyUsage::required_if_present(purpose.encoded());
        let path = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            time,
            usage,
            None,
            None,
        )?;
        let next = path.intermediate_certificates().next().map(webpki::Cert::der);
        let known = next.and_then(|der| intermediates.iter().find(|one| one.der() == der.as_ref()));
        Ok(known.unwrap_or(root).clone())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::digest::Digest::sha256(&self.der).to_string())
    }
}

impl Extension {
    fn parse(element: Element<'_>) -> Result<Self, Error> {
        let mut parts = element.elements()?;
        let id = parts.one(Tag::ObjectIdentifier)?.oid()?;
        parts.optional(Tag::Boolean)?;
        let value = parts.one(Tag::OctetString)?.value().to_vec();
        Ok(Self { id, value })
    }
}

fn not_well_formed() -> Error {
    Error::Malformed {
        what: WHAT,
        problem: "it cannot be read",
    }
}

fn tbs(certificate: &[u8]) -> Result<Element<'_>, Error> {
    Element::whole(WHAT, Tag::Sequence, certificate)?
        .elements()?
        .one(Tag::Sequence)
}

fn is_extensions(tag: Tag) -> bool {
    matches!(tag, Tag::ContextSpecific { constructed: true, number } if number.0 == 3)
}
