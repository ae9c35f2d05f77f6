//! Certificates of Fulcio: who issued one, which log has seen it, and whom it names.

use spki::der::Tag;
use spki::der::asn1::ObjectIdentifier;

use super::root::{Log, TrustedRoot};
use super::{Error, Signer};
use crate::trust;
use crate::trust::pem_key::Hash;
use crate::trust::x509::{Certificate, Element, GeneralName, Purpose};

const WHAT: &str = "the certificate";
/// Who vouched for the identity to Fulcio, as plain text.
const OLD_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
/// The same as a string of its own type.
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
/// What logs of certificates have signed.
const TIMESTAMPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// Whether an authority of the trusted root issued it, valid at that time and seen by a log.
pub(super) fn check(leaf: &Certificate, root: &TrustedRoot, time: i64) -> Result<(), trust::Error> {
    if !leaf.is_valid_at(time) {
        let (from, to) = leaf.validity;
        return Err(Error::NotValidThen { from, to, time }.into());
    }
    if !leaf.is_for(Purpose::CodeSigning)? || !leaf.may_sign()? {
        return Err(Error::WrongPurpose.into());
    }
    check_logged(leaf, &issuer(leaf, root, time)?, root)
}

fn issuer(leaf: &Certificate, root: &TrustedRoot, time: i64) -> Result<Certificate, Error> {
    let mut source = None;
    for authority in root
        .authorities
        .iter()
        .filter(|authority| authority.window.covers(time))
    {
        let Some((anchor, between)) = authority.split() else {
            continue;
        };
        if !anchor.is_valid_at(time) {
            continue;
        }
        match leaf.issued_by(anchor, between, time, Purpose::CodeSigning) {
            Ok(issuer) => return Ok(issuer),
            Err(error) => source = Some(error),
        }
    }
    Err(Error::NotIssued { time, source })
}

/// A log's signature that it has seen a certificate (RFC 6962).
struct Sighting<'a> {
    log: &'a [u8],
    time: &'a [u8],
    extensions: &'a [u8],
    scheme: &'a [u8],
    signature: &'a [u8],
}

/// Reads fields of fixed and of told lengths.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// What stands behind its length in two bytes.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self
            .take(2)?
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        self.take(length)
    }

    fn finished(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

impl<'a> Sighting<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        // The first version, the only one that certificates carry.
        if fields.take(1)? != [0] {
            return None;
        }
        let found = Self {
            log: fields.take(32)?,
            time: fields.take(8)?,
            extensions: fields.sized()?,
            scheme: fields.take(2)?,
            signature: fields.sized()?,
        };
        fields.finished()?;
        Some(found)
    }

    /// Seconds since 1970; logs count thousandths.
    fn seconds(&self) -> i64 {
        let time = self
            .time
            .iter()
            .fold(0_u64, |time, byte| time << 8 | u64::from(*byte));
        i64::try_from(time / 1000).unwrap_or(i64::MAX)
    }

    fn check(&self, log: &Log, leaf: &Certificate, issuer: &Certificate) -> Result<(), &'static str> {
        /// SHA-256 with RSA or with ECDSA, the only ones that RFC 6962 allows.
        const SCHEMES: [[u8; 2]; 2] = [[4, 1], [4, 3]];
        if !SCHEMES.iter().any(|scheme| scheme == self.scheme) {
            return Err("it is signed by an algorithm that is not allowed");
        }
        if !log.window.covers(self.seconds()) {
            return Err("by the trusted root the log did not run then");
        }
        let key = log
            .key
            .as_ref()
            .ok_or("the log's key is of a type that is not supported")?;
        let unreadable = "the certificate cannot be read";
        let seen = leaf.tbs_without(TIMESTAMPS).map_err(|_| unreadable)?;
        let length = u32::try_from(seen.len()).map_err(|_| unreadable)?.to_be_bytes();
        let extensions = u16::try_from(self.extensions.len())
            .map_err(|_| unreadable)?
            .to_be_bytes();
        let signed = [
            // The first version, a timestamp of a certificate; then the time, and that the rest is a precertificate.
            &[0, 0][..],
            self.time,
            &[0, 1],
            &Hash::Sha256.of(&issuer.key),
            length.get(1..).unwrap_or_default(),
            &seen,
            &extensions,
            self.extensions,
        ]
        .concat();
        key.verify(&signed, self.signature)
            .map_err(|_| "it was not signed by the log, or for another certificate")
    }
}

fn check_logged(leaf: &Certificate, issuer: &Certificate, root: &TrustedRoot) -> Result<(), trust::Error> {
    /// More of them are not looked at.
    const SIGHTINGS: usize = 16;
    let missing = |reason| trust::Error::from(Error::NotLogged { reason });
    let value = leaf.extension(TIMESTAMPS).ok_or_else(|| missing("it has none"))?;
    let list = Element::whole(WHAT, Tag::OctetString, value)?.value();
    let mut listed = Fields(Fields(list).sized().unwrap_or_default());
    let mut reason = "it cannot be read";
    for _ in 0..SIGHTINGS {
        let Some(sighting) = listed.sized().and_then(Sighting::parse) else {
            break;
        };
        reason = match root.certificate_logs.iter().find(|log| log.id == sighting.log) {
            Some(log) => match sighting.check(log, leaf, issuer) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
            None => "it is of a log that the trusted root does not know",
        };
    }
    Err(missing(reason))
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    issuer: String,
    subject: String,
}

impl Identity {
    pub(super) fn of(leaf: &Certificate) -> Result<Self, trust::Error> {
        let none = |reason| trust::Error::from(Error::NoIdentity { reason });
        let names = leaf.alternative_names()?;
        let [GeneralName::Text(subject)] = names.as_slice() else {
            return Err(none(
                "it must have one address, URI or user name beside its subject",
            ));
        };
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| none("its issuer is no text"));
        let old = leaf.extension(OLD_ISSUER).map(text).transpose()?;
        let new = leaf.extension(ISSUER).map(|value| {
            let value = Element::whole(WHAT, Tag::Utf8String, value)?;
            text(value.value())
        });
        let issuer = match (new.transpose()?, old) {
            (Some(new), Some(old)) if new != old => return Err(none("it names two different issuers")),
            (Some(issuer), _) | (None, Some(issuer)) => issuer,
            (None, None) => return Err(none("it does not say who vouched for the signer (issuer)")),
        };
        Ok(Self {
            issuer,
            subject: subject.clone(),
        })
    }

    pub(super) fn is(&self, signer: &Signer) -> bool {
        signer.issuer.matches(&self.issuer) && signer.subject.matches(&self.subject)
    }

    /// As reports name the signer.
    pub(super) fn label(&self) -> String {
        let shown = |text: &str| crate::secret::printable(text, 300);
        format!("{} ({})", shown(&self.subject), shown(&self.issuer))
    }
}
