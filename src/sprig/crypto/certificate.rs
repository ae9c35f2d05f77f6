//! Certificates: authorities, self-signed ones and those that an authority signs.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand_chacha::rand_core::Rng;
use sha2::{Digest, Sha256};

use super::der::{self, BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, Part, Reader, SEQUENCE, SET, context};
use super::keys::{PrivateKey, public_bits};
use crate::gotemplate::{Failure, GoString, Kind, List, Object, Type, Value};
use crate::sprig::base64;
use crate::sprig::show::shown;
use crate::sprig::surroundings::Surroundings;

/// The type of what the functions give.
pub(super) static CERTIFICATE: Type = Type::named("sprig.certificate", Kind::Struct);

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// A certificate and its private key, both in PEM: the fields `Cert` and `Key`.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    cert: GoString,
    key: GoString,
}

impl Object for Certificate {
    fn go_type(&self) -> &'static Type {
        &CERTIFICATE
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        match name {
            b"Cert" => Some(self.cert.clone().into()),
            b"Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        &["Cert", "Key"]
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Certificate {
    /// The certificate that an argument holds.
    pub(super) fn of(value: &Value) -> Result<&Self, Failure> {
        let object = match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        };
        object.ok_or_else(|| Failure::from("the value is no certificate"))
    }

    /// The certificate as a value of templates.
    pub(super) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// A certificate and key given in base 64 of PEM, as they are, if they are ones.
    pub(super) fn given(cert: &GoString, key: &GoString) -> Result<Self, Failure> {
        let cert = base64::decoded(cert).map_err(|_| "unable to decode base64 certificate")?;
        let key = base64::decoded(key).map_err(|_| "unable to decode base64 private key")?;
        Signer::parse(&String::from_utf8_lossy(&cert))?;
        PrivateKey::from_pem(&String::from_utf8_lossy(&key))
            .map_err(|error| Failure::from(format!("error parsing private key: {error}")))?;
        let (cert, key) = (cert.into(), key.into());
        Ok(Self { cert, key })
    }
}

/// What a new certificate says.
#[derive(Clone, Debug)]
pub(super) struct Request {
    name: GoString,
    addresses: Vec<IpAddr>,
    names: Vec<GoString>,
    days: i64,
    authority: bool,
}

impl Request {
    /// For an authority.
    pub(super) fn authority(name: &GoString, days: i64) -> Self {
        Self {
            name: name.clone(),
            addresses: Vec::new(),
            names: Vec::new(),
            days,
            authority: true,
        }
    }

    /// For a server or client with further addresses and names.
    pub(super) fn server(
        name: &GoString,
        addresses: &List,
        names: &List,
        days: i64,
    ) -> Result<Self, Failure> {
        let address = |value: &Value| match value.as_text() {
            Some(text) => text
                .to_str()
                .and_then(|t| t.parse().ok())
                .ok_or_else(|| Failure::from(format!("error parsing ip: {text}"))),
            None => Err(Failure::from(format!(
                "error parsing ip: {} is not a string",
                shown(value)?
            ))),
        };
        let dns = |value: &Value| match value.as_text() {
            Some(text) if text.is_ascii() => Ok(text.clone()),
            Some(text) => Err(Failure::from(format!(
                "error creating certificate: x509: \"{text}\" cannot be encoded as an IA5String"
            ))),
            None => Err(Failure::from(format!(
                "error processing alternate dns name: {} is not a string",
                shown(value)?
            ))),
        };
        Ok(Self {
            name: name.clone(),
            addresses: addresses.iter().map(address).collect::<Result<_, _>>()?,
            names: names.iter().map(dns).collect::<Result<_, _>>()?,
            days,
            authority: false,
        })
    }

    /// The certificate for `key`, signed by itself.
    pub(super) fn self_signed(
        &self,
        key: &PrivateKey,
        surroundings: &Surroundings,
    ) -> Result<Certificate, Failure> {
        let public = key.public()?;
        let subject = self.subject();
        let signer = Signer {
            subject: &subject,
            subject_key: None,
            public: &public,
        };
        self.signed(key, &signer, key, surroundings)
    }

    /// The certificate for `key`, signed by an authority.
    pub(super) fn signed_by(
        &self,
        key: &PrivateKey,
        authority: &Certificate,
        surroundings: &Surroundings,
    ) -> Result<Certificate, Failure> {
        let der = certificate_der(&authority.cert.to_text())?;
        let signer = Signer::read(&der)
            .ok_or("error parsing certificate: decodedCert.Bytes: x509: malformed certificate")?;
        let signing_key = PrivateKey::from_pem(&authority.key.to_text())
            .map_err(|error| Failure::from(format!("error parsing private key: {error}")))?;
        self.signed(key, &signer, &signing_key, surroundings)
    }

    fn signed(
        &self,
        key: &PrivateKey,
        signer: &Signer<'_>,
        signing_key: &PrivateKey,
        surroundings: &Surroundings,
    ) -> Result<Certificate, Failure> {
        let public = key.public()?;
        if signing_key.public()? != signer.public {
            return Err(
                "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"
                    .into(),
            );
        }
        let mut serial = [0; 16];
        surroundings.random().fill_bytes(&mut serial);
        let algorithm = signing_key.signature_algorithm();
        let body = der::group(
            SEQUENCE,
            &[
                &der::group(context(0), &[&[INTEGER, 1, 2]]),
                &der::integer(&serial),
                &algorithm,
                signer.subject,
                &self.validity(surroundings.now())?,
                &self.subject(),
                &public,
                &der::group(context(3), &[&self.extensions(&public, signer)]),
            ],
        );
        let signature = der::bits(&signing_key.sign(&body)?);
        let whole = der::group(SEQUENCE, &[&body, &algorithm, &signature]);
        Ok(Certificate {
            cert: der::to_pem("CERTIFICATE", &whole).into(),
            key: key.to_pem()?.into(),
        })
    }

    fn subject(&self) -> Vec<u8> {
        if self.name.is_empty() {
            return der::group(SEQUENCE, &[]);
        }
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(b);
        let tag = if self.name.iter().all(plain) {
            der::PRINTABLE_STRING
        } else {
            der::UTF8_STRING
        };
        let name = der::group(SEQUENCE, &[&der::oid(COMMON_NAME), &der::tagged(tag, &self.name)]);
        der::group(SEQUENCE, &[&der::group(SET, &[&name])])
    }

    fn validity(&self, now: SystemTime) -> Result<Vec<u8>, Failure> {
        let beyond = || Failure::from("error creating certificate: cannot represent time as GeneralizedTime");
        let seconds = self.days.unsigned_abs().saturating_mul(24 * 3600);
        let span = Duration::from_secs(seconds);
        let end = if self.days < 0 {
            now.checked_sub(span)
        } else {
            now.checked_add(span)
        };
        let (start, end) = (
            time(now).ok_or_else(beyond)?,
            end.and_then(time).ok_or_else(beyond)?,
        );
        Ok(der::group(SEQUENCE, &[&start, &end]))
    }

    fn extensions(&self, public: &[u8], signer: &Signer<'_>) -> Vec<u8> {
        // Bits from the left: 0 signs, 2 wraps keys, 5 signs certificates.
        let usage: &[u8] = if self.authority {
            &[BIT_STRING, 2, 2, 0xa4]
        } else {
            &[BIT_STRING, 2, 5, 0xa0]
        };
        let purposes = der::group(SEQUENCE, &[&der::oid(SERVER), &der::oid(CLIENT)]);
        let yes = [BOOLEAN, 1, 0xff];
        let constraints = der::group(SEQUENCE, &[if self.authority { &yes } else { &[] }]);
        let mut all = vec![
            extension(KEY_USAGE, true, usage),
            extension(EXTENDED_KEY_USAGE, false, &purposes),
            extension(BASIC_CONSTRAINTS, true, &constraints),
        ];
        if self.authority {
            let digest = Sha256::digest(public_bits(public).unwrap_or(public));
            let identifier = digest.get(..20).unwrap_or_default();
            all.push(extension(
                SUBJECT_KEY,
                false,
                &der::tagged(OCTET_STRING, identifier),
            ));
        }
        if let Some(identifier) = signer.subject_key.filter(|_| signer.subject != self.subject()) {
            // The tag of a part that is known by its number and holds bytes.
            let identifier = der::group(SEQUENCE, &[&der::tagged(0x80, identifier)]);
            all.push(extension(AUTHORITY_KEY, false, &identifier));
        }
        if !self.names.is_empty() || !self.addresses.is_empty() {
            let names = self.names.iter().map(|name| der::tagged(0x82, name));
            let addresses = self.addresses.iter().map(|address| match address.to_canonical() {
                IpAddr::V4(address) => der::tagged(0x87, &address.octets()),
                IpAddr::V6(address) => der::tagged(0x87, &address.octets()),
            });
            let all_names: Vec<u8> = names.chain(addresses).flatten().collect();
            let critical = self.name.is_empty();
            all.push(extension(
                ALTERNATIVE_NAMES,
                critical,
                &der::tagged(SEQUENCE, &all_names),
            ));
        }
        der::tagged(SEQUENCE, &all.concat())
    }
}

fn extension(name: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[BOOLEAN, 1, 0xff] } else { &[] };
    der::group(
        SEQUENCE,
        &[&der::oid(name), critical, &der::tagged(OCTET_STRING, content)],
    )
}

/// A time as certificates have it: two digits for the year up to 2049, then four.
fn time(time: SystemTime) -> Option<Vec<u8>> {
    let time = Timestamp::try_from(time).ok()?.to_zoned_datetime(TimeZone::UTC);
    let (tag, format) = match time.year() {
        1950..2050 => (der::UTC_TIME, "%y%m%d%H%M%SZ"),
        0..10_000 => (der::GENERALIZED_TIME, "%Y%m%d%H%M%SZ"),
        _ => return None,
    };
    Some(der::tagged(tag, time.strftime(format).to_string().as_bytes()))
}

/// What of a certificate those that it signs have to say.
struct Signer<'a> {
    /// The name, tag and length included.
    subject: &'a [u8],
    subject_key: Option<&'a [u8]>,
    /// The public key, tag and length included.
    public: &'a [u8],
}

impl Signer<'_> {
    /// Fails unless the text has a certificate.
    fn parse(pem: &str) -> Result<(), Failure> {
        let der = certificate_der(pem)?;
        let read = Signer::read(&der).map(|_| ());
        read.ok_or_else(|| {
            Failure::from("error parsing certificate: decodedCert.Bytes: x509: malformed certificate")
        })
    }
}

impl<'a> Signer<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = Reader(Reader(der).expect(SEQUENCE)?);
        let mut body = Reader(whole.expect(SEQUENCE)?);
        whole.expect(SEQUENCE)?;
        whole.expect(BIT_STRING)?;
        let first = body.next()?;
        if first.tag == context(0) {
            body.expect(INTEGER)?;
        }
        body.expect(SEQUENCE)?;
        body.expect(SEQUENCE)?;
        body.expect(SEQUENCE)?;
        let of_sequence = |part: Option<Part<'a>>| part.filter(|p| p.tag == SEQUENCE).map(|p| p.whole);
        let subject = of_sequence(body.next())?;
        let public = of_sequence(body.next())?;
        let mut subject_key = None;
        while let Some(part) = body.next() {
            if part.tag == context(3) {
                subject_key = subject_key_of(Reader(part.content));
            }
        }
        Some(Self {
            subject,
            subject_key,
            public,
        })
    }
}

fn subject_key_of<'a>(mut extensions: Reader<'a>) -> Option<&'a [u8]> {
    let mut all = Reader(extensions.expect(SEQUENCE)?);
    while let Some(one) = all.next() {
        let mut one: Reader<'a> = Reader(one.content);
        if one.next()?.content == SUBJECT_KEY {
            return Reader(one.expect(OCTET_STRING)?).expect(OCTET_STRING);
        }
    }
    None
}

fn certificate_der(pem: &str) -> Result<Vec<u8>, Failure> {
    let (_, der) = der::from_pem(pem).ok_or("unable to decode certificate")?;
    Ok(der)
}
