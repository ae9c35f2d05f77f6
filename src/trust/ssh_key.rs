//! Public keys of OpenSSH. The arithmetic is `ring`'s.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

use super::Error;
use super::wire::Wire;
use crate::digest::Digest;
use crate::secret::printable;

/// A public key of OpenSSH.
#[derive(Clone, PartialEq, Eq)]
pub struct SshKey {
    blob: Vec<u8>,
    kind: SshKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SshKind {
    Ed25519 {
        point: Vec<u8>,
        application: Option<String>,
    },
    P256 {
        point: Vec<u8>,
        application: Option<String>,
    },
    P384 {
        point: Vec<u8>,
    },
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl SshKey {
    /// Reads the blob that stands in a `.pub` file as base64.
    pub fn parse(blob: &[u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("the public key", blob);
        let name = wire.text()?;
        let kind = match name {
            "ssh-ed25519" => SshKind::Ed25519 {
                point: wire.string()?.to_vec(),
                application: None,
            },
            "sk-ssh-ed25519@openssh.com" => SshKind::Ed25519 {
                point: wire.string()?.to_vec(),
                application: Some(wire.text()?.to_owned()),
            },
            "ecdsa-sha2-nistp256" | "sk-ecdsa-sha2-nistp256@openssh.com" => {
                curve(&mut wire, "nistp256")?;
                SshKind::P256 {
                    point: wire.string()?.to_vec(),
                    application: if name.starts_with("sk-") {
                        Some(wire.text()?.to_owned())
                    } else {
                        None
                    },
                }
            }
            "ecdsa-sha2-nistp384" => {
                curve(&mut wire, "nistp384")?;
                SshKind::P384 {
                    point: wire.string()?.to_vec(),
                }
            }
            "ssh-rsa" => {
                let exponent = wire.integer()?.to_vec();
                SshKind::Rsa {
                    exponent,
                    modulus: wire.integer()?.to_vec(),
                }
            }
            other => {
                return Err(Error::UnsupportedKey {
                    kind: printable(other, 80),
                });
            }
        };
        wire.end()?;
        Ok(Self {
            blob: blob.to_vec(),
            kind,
        })
    }

    /// The fingerprint that `ssh-keygen -l` prints: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        let hash = Digest::sha256(&self.blob);
        format!("SHA256:{}", STANDARD_NO_PAD.encode(hash.as_bytes()))
    }

    /// Whether `signature`, as SSH writes one, was made with this key over `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let mut wire = Wire::new("the signature", signature);
        let algorithm = wire.text()?;
        let raw = wire.string()?;
        let bad = |_| Error::WrongSignature;
        match (&self.kind, algorithm) {
            (
                SshKind::Ed25519 {
                    point,
                    application: None,
                },
                "ssh-ed25519",
            ) => {
                wire.end()?;
                check(&signature::ED25519, point, message, raw)
            }
            (
                SshKind::Ed25519 {
                    point,
                    application: Some(application),
                },
                "sk-ssh-ed25519@openssh.com",
            ) => check(
                &signature::ED25519,
                point,
                &touched(wire, application, message)?,
                raw,
            ),
            (
                SshKind::P256 {
                    point,
                    application: None,
                },
                "ecdsa-sha2-nistp256",
            ) => {
                wire.end()?;
                let fixed = fixed(raw, 32)?;
                check(&signature::ECDSA_P256_SHA256_FIXED, point, message, &fixed)
            }
            (
                SshKind::P256 {
                    point,
                    application: Some(application),
                },
                "sk-ecdsa-sha2-nistp256@openssh.com",
            ) => {
                let message = touched(wire, application, message)?;
                let fixed = fixed(raw, 32)?;
                check(&signature::ECDSA_P256_SHA256_FIXED, point, &message, &fixed)
            }
            (SshKind::P384 { point }, "ecdsa-sha2-nistp384") => {
                wire.end()?;
                let fixed = fixed(raw, 48)?;
                check(&signature::ECDSA_P384_SHA384_FIXED, point, message, &fixed)
            }
            (SshKind::Rsa { modulus, exponent }, "rsa-sha2-256" | "rsa-sha2-512") => {
                wire.end()?;
                let hash = if algorithm == "rsa-sha2-256" {
                    &signature::RSA_PKCS1_2048_8192_SHA256
                } else {
                    &signature::RSA_PKCS1_2048_8192_SHA512
                };
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                key.verify(hash, message, raw).map_err(bad)
            }
            _ => Err(Error::UnsupportedKey {
                kind: printable(algorithm, 80),
            }),
        }
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

fn curve(wire: &mut Wire<'_>, expected: &str) -> Result<(), Error> {
    if wire.text()? == expected {
        return Ok(());
    }
    Err(Error::Malformed {
        what: "the public key",
        problem: "its curve is not the one of its type",
    })
}

/// What a security key signs: it adds the application, that it was touched, and a counter.
fn touched(mut wire: Wire<'_>, application: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    const PRESENT: u8 = 1;
    let flags = wire.byte()?;
    let counter = wire.number()?;
    wire.end()?;
    if flags & PRESENT == 0 {
        return Err(Error::Untouched);
    }
    let mut signed = Digest::sha256(application.as_bytes()).as_bytes().to_vec();
    signed.push(flags);
    signed.extend_from_slice(&counter.to_be_bytes());
    signed.extend_from_slice(Digest::sha256(message).as_bytes());
    Ok(signed)
}

/// The two numbers of an ECDSA signature, each filled up to `width` bytes.
fn fixed(raw: &[u8], width: usize) -> Result<Vec<u8>, Error> {
    let mut wire = Wire::new("the signature", raw);
    let mut both = Vec::with_capacity(width * 2);
    for _ in 0..2 {
        let number = wire.integer()?;
        let missing = width.checked_sub(number.len()).ok_or(Error::Malformed {
            what: "the signature",
            problem: "a number in it is too large for its curve",
        })?;
        both.resize(both.len() + missing, 0);
        both.extend_from_slice(number);
    }
    wire.end()?;
    Ok(both)
}

/// Checks one signature with a bare key.
pub(super) fn check(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    UnparsedPublicKey::new(algorithm, key)
        .verify(message, signature)
        .map_err(|_| Error::WrongSignature)
}
