//! Public keys of PEM files. The arithmetic is `ring`'s.

use std::fmt;

use ring::signature::{self, VerificationAlgorithm};
use spki::SubjectPublicKeyInfo;
use spki::der::asn1::{BitString, ObjectIdentifier};
use spki::der::pem::LineEnding;
use spki::der::{Any, Decode as _, Document};

use super::Error;
use super::ssh_key::check;
use crate::digest::Digest;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// A public key as `openssl` and `cosign` write it: `-----BEGIN PUBLIC KEY-----`.
#[derive(Clone, PartialEq, Eq)]
pub struct PemKey {
    kind: PemKind,
    bits: Vec<u8>,
    fingerprint: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PemKind {
    Ed25519,
    P256,
    P384,
    Rsa,
}

/// How a signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Two numbers in DER.
    Ecdsa(Hash),
    /// RSA with the padding of PKCS #1 v1.5.
    Pkcs1(Hash),
    /// Ed25519, which hashes by itself.
    Ed25519,
}

/// A hash of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &ring::digest::SHA256,
            Self::Sha384 => &ring::digest::SHA384,
            Self::Sha512 => &ring::digest::SHA512,
        };
        ring::digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

impl PemKey {
    /// Reads the text of a PEM file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |problem| Error::Malformed {
            what: "the public key",
            problem,
        };
        // Behind the key's end there may be anything, as in files that cosign's users keep.
        let end = "-----END PUBLIC KEY-----";
        let text = text.trim_start();
        let (body, _) = text
            .split_once(end)
            .ok_or_else(|| malformed("it has no `-----BEGIN PUBLIC KEY-----` block"))?;
        let block = format!("{body}{end}");
        let (label, document) =
            Document::from_pem(&block).map_err(|_| malformed("its PEM text is not well formed"))?;
        if label != "PUBLIC KEY" {
            return Err(malformed("it has no `-----BEGIN PUBLIC KEY-----` block"));
        }
        Self::read(document.as_bytes(), block + "\n")
    }

    /// Reads a key in DER, as certificates and logs have them.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, Error> {
        let malformed = |_| Error::Malformed {
            what: "the public key",
            problem: "its DER bytes are not well formed",
        };
        let document = Document::from_der(der).map_err(malformed)?;
        let text = document.to_pem("PUBLIC KEY", LineEnding::LF).map_err(malformed)?;
        Self::read(der, text)
    }

    fn read(der: &[u8], text: String) -> Result<Self, Error> {
        let malformed = |problem| Error::Malformed {
            what: "the public key",
            problem,
        };
        let info = SubjectPublicKeyInfo::<Any, BitString>::from_der(der)
            .map_err(|_| malformed("its DER bytes are not well formed"))?;
        let curve = || {
            let parameters = info.algorithm.parameters.as_ref();
            parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok())
        };
        let kind = match info.algorithm.oid {
            RSA => PemKind::Rsa,
            ED25519 => PemKind::Ed25519,
            ELLIPTIC if curve() == Some(P256) => PemKind::P256,
            ELLIPTIC if curve() == Some(P384) => PemKind::P384,
            other => {
                return Err(Error::UnsupportedKey {
                    kind: match curve() {
                        Some(curve) => format!("of the curve {curve}"),
                        None => other.to_string(),
                    },
                });
            }
        };
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| malformed("its bits are no bytes"))?;
        Ok(Self {
            kind,
            bits: bits.to_vec(),
            fingerprint: format!("sha256:{}", Digest::sha256(der).hex()),
            text,
        })
    }

    /// The SHA-256 of the key in DER: `openssl pkey -pubin -outform DER | sha256sum`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The key as PEM text, without what stood behind it.
    pub fn pem(&self) -> &str {
        &self.text
    }

    /// Whether `signature` was made with this key over `message`, with SHA-256 (or with SHA-384 for P-384).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let check = |algorithm| check(algorithm, &self.bits, message, signature);
        match self.kind {
            PemKind::Ed25519 => check(&signature::ED25519),
            PemKind::P256 => check(&signature::ECDSA_P256_SHA256_ASN1),
            PemKind::P384 => check(&signature::ECDSA_P384_SHA384_ASN1)
                .or_else(|_| check(&signature::ECDSA_P384_SHA256_ASN1)),
            PemKind::Rsa => check(&signature::RSA_PKCS1_2048_8192_SHA256),
        }
    }

    /// Whether `signature` was made with this key over `message`, by an algorithm that is named beside it.
    pub(super) fn verify_as(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let algorithm: &dyn VerificationAlgorithm = match (self.kind, scheme) {
            (PemKind::P256, Scheme::Ecdsa(Hash::Sha256)) => &signature::ECDSA_P256_SHA256_ASN1,
            (PemKind::P256, Scheme::Ecdsa(Hash::Sha384)) => &signature::ECDSA_P256_SHA384_ASN1,
            (PemKind::P384, Scheme::Ecdsa(Hash::Sha256)) => &signature::ECDSA_P384_SHA256_ASN1,
            (PemKind::P384, Scheme::Ecdsa(Hash::Sha384)) => &signature::ECDSA_P384_SHA384_ASN1,
            (PemKind::Rsa, Scheme::Pkcs1(Hash::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (PemKind::Rsa, Scheme::Pkcs1(Hash::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (PemKind::Rsa, Scheme::Pkcs1(Hash::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (PemKind::Ed25519, Scheme::Ed25519) => &signature::ED25519,
            (kind, scheme) => {
                return Err(Error::UnsupportedKey {
                    kind: format!("{kind:?} with signatures of the kind {scheme:?}"),
                });
            }
        };
        check(algorithm, &self.bits, message, signature)
    }
}

impl fmt::Debug for PemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint)
    }
}
