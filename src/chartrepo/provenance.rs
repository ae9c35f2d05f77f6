//! Provenance files: a chart's own description and the hash of its archive, signed with `OpenPGP`.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pgp::composed::{CleartextSignedMessage, Deserializable as _, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails as _, Tag, Timestamp, VerifyingKey};

use super::Error;
use crate::digest::Digest;
use crate::goyaml::{self, Value};
use crate::secret::printable;

/// A larger file is no keyring.
const KEYRING_CAP: u64 = 16 << 20;

/// So many signatures of one file are looked at.
const SIGNATURES: usize = 16;

/// The keys that provenance files must be signed with.
///
/// A signature counts if its key is not revoked and was in force when it says it was made; one over MD5 or SHA-1 does not
/// count at all.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
    now: SystemTime,
}

impl Keyring {
    /// Reads a file of public keys, binary as `gpg --export` writes it or armoured. `now` is for signatures that expire.
    pub fn load(path: &Path, now: SystemTime) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(KEYRING_CAP + 1).read_to_end(&mut bytes))
            .map_err(|source| Error::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        let bad = |problem| Error::BadKeyring {
            path: path.to_owned(),
            problem,
        };
        if bytes.len() as u64 > KEYRING_CAP {
            return Err(bad(format!(
                "it has more than {} MiB: export only the keys that sign charts, `gpg --export KEY`",
                KEYRING_CAP >> 20
            )));
        }
        Self::parse(&bytes, now).map_err(bad)
    }

    fn parse(bytes: &[u8], now: SystemTime) -> Result<Self, String> {
        let armoured = bytes.trim_ascii_start().starts_with(b"-----BEGIN");
        let found = if armoured {
            SignedPublicKey::from_armor_many(bytes).and_then(|(keys, _)| keys.collect())
        } else {
            SignedPublicKey::from_bytes_many(bytes).and_then(Iterator::collect)
        };
        let keys: Vec<SignedPublicKey> = found.map_err(|error| printable(&error.to_string(), 200))?;
        if keys.is_empty() {
            return Err("it holds no public key".to_owned());
        }
        Ok(Self { keys, now })
    }

    /// Checks that `provenance` is signed by one of the keys, and that what is signed is the chart whose archive is called
    /// `file` and hashes to `digest`.
    pub fn verify(&self, provenance: &[u8], file: &str, digest: Digest) -> Result<(), Error> {
        self.check(provenance, file, digest)
            .map_err(|problem| Error::BadProvenance { problem })
    }

    fn check(&self, provenance: &[u8], file: &str, digest: Digest) -> Result<(), String> {
        let text = std::str::from_utf8(provenance).map_err(|_| "is no text".to_owned())?;
        let (message, _) = CleartextSignedMessage::from_string(text.trim_start())
            .map_err(|error| format!("is no signed text: {}", printable(&error.to_string(), 200)))?;
        let signed = message.signed_text();
        let mut told = None;
        for signature in message.signatures().iter().take(SIGNATURES) {
            match self.check_signature(signature, &signed) {
                Ok(()) => return describes(&signed, file, digest),
                Err(problem) => told = told.or(Some(problem)),
            }
        }
        Err(told.unwrap_or_else(|| "has no signature".to_owned()))
    }

    fn check_signature(&self, signature: &Signature, text: &str) -> Result<(), String> {
        let strong = matches!(
            signature.hash_alg(),
            Some(
                HashAlgorithm::Sha256
                    | HashAlgorithm::Sha384
                    | HashAlgorithm::Sha512
                    | HashAlgorithm::Sha3_256
                    | HashAlgorithm::Sha3_512
            )
        );
        if !strong {
            return Err("is signed over a hash that proves nothing any more".to_owned());
        }
        let made = signature
            .created()
            .map(|created| u64::from(created.as_secs()))
            .ok_or("has a signature that does not say when it was made")?;
        if let Some(lasts) = signature.signature_expiration_time() {
            let end = made.saturating_add(u64::from(lasts.as_secs()));
            if SystemTime::UNIX_EPOCH + Duration::from_secs(end) < self.now {
                return Err("has a signature that has expired".to_owned());
            }
        }
        let mut told = None;
        for key in &self.keys {
            match signer(key, signature, text, made) {
                Some(Ok(())) => return Ok(()),
                Some(Err(problem)) => told = told.or(Some(problem)),
                None => {}
            }
        }
        Err(told.map_or_else(
            || {
                let ids: Vec<String> = signature
                    .issuer_key_id()
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                format!("is signed by none of the keys ({})", ids.join(", "))
            },
            str::to_owned,
        ))
    }
}

/// Whether this key or one of its subkeys made the signature, and whether it may; `None` if it did not.
fn signer(
    key: &SignedPublicKey,
    signature: &Signature,
    text: &str,
    made: u64,
) -> Option<Result<(), &'static str>> {
    let subkey = key
        .public_subkeys
        .iter()
        .find(|subkey| is_of(signature, &subkey.key));
    let verified = match subkey {
        Some(subkey) => signature.verify(&subkey.key, text.as_bytes()),
        None if is_of(signature, &key.primary_key) => signature.verify(&key.primary_key, text.as_bytes()),
        None => return None,
    };
    Some(match verified {
        Err(_) => Err("has a signature that does not fit its text"),
        Ok(()) => may_sign(key, made).and_then(|()| match subkey {
            Some(subkey) => subkey_may_sign(key, subkey, made),
            None => Ok(()),
        }),
    })
}

/// Whether the signature names this key; one that names none is tried with every key.
fn is_of(signature: &Signature, key: &impl VerifyingKey) -> bool {
    let (ids, prints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    let named = ids.iter().any(|id| **id == key.legacy_key_id());
    named || prints.iter().any(|print| **print == key.fingerprint()) || (ids.is_empty() && prints.is_empty())
}

/// Whether a primary key was in force at that time and is not revoked.
fn may_sign(key: &SignedPublicKey, at: u64) -> Result<(), &'static str> {
    if !key.details.revocation_signatures.is_empty() {
        return Err("is signed by a key that was revoked");
    }
    // Signatures of other people's keys stand among the key's own; they count for nothing here.
    let of_users = key.details.users.iter().flat_map(|user| {
        let fits = |signature: &&Signature| {
            let checked = signature.verify_certification(&key.primary_key, Tag::UserId, &user.id);
            checked.is_ok()
        };
        user.signatures.iter().filter(fits)
    });
    let direct = key.details.direct_signatures.iter();
    let direct = direct.filter(|signature| signature.verify_key(&key.primary_key).is_ok());
    let newest = of_users
        .chain(direct)
        .max_by_key(|signature| signature.created().map(Timestamp::as_secs))
        .ok_or("is signed by a key that has not signed itself")?;
    in_force(u64::from(key.primary_key.created_at().as_secs()), newest, at)
}

/// Whether a subkey was in force at that time, is made for signing and is not revoked.
fn subkey_may_sign(key: &SignedPublicKey, subkey: &SignedPublicSubKey, at: u64) -> Result<(), &'static str> {
    let is_revocation = |signature: &&Signature| signature.typ() == Some(SignatureType::SubkeyRevocation);
    if subkey
        .signatures
        .iter()
        .any(|signature| is_revocation(&signature))
    {
        return Err("is signed by a subkey that was revoked");
    }
    if subkey.verify_bindings(&key.primary_key).is_err() {
        return Err("is signed by a subkey that is not bound to its key");
    }
    let newest = subkey
        .signatures
        .iter()
        .max_by_key(|signature| signature.created().map(Timestamp::as_secs))
        .ok_or("is signed by a subkey that is not bound to its key")?;
    if !newest.key_flags().sign() {
        return Err("is signed by a subkey that is not for signing");
    }
    in_force(u64::from(subkey.key.created_at().as_secs()), newest, at)
}

/// Whether a key was in force at that time, by what its newest binding says.
fn in_force(born: u64, binding: &Signature, at: u64) -> Result<(), &'static str> {
    if at < born {
        return Err("is signed before its key was made");
    }
    let lasts = binding
        .key_expiration_time()
        .map(|lasts| u64::from(lasts.as_secs()));
    match lasts {
        Some(lasts) if lasts > 0 && at > born.saturating_add(lasts) => {
            Err("is signed by a key that had expired by then")
        }
        _ => Ok(()),
    }
}

/// Whether the signed text is about this archive: its chart has the name and version, and the list of files the hash.
fn describes(signed: &str, file: &str, digest: Digest) -> Result<(), String> {
    let text = signed.replace("\r\n", "\n");
    let (chart, files) = text
        .split_once("\n...\n")
        .ok_or("does not hold a description and a list of files")?;
    let parse =
        |text: &str| goyaml::parse(text.as_bytes()).map_err(|error| format!("cannot be read: {error}"));
    let (chart, files) = (parse(chart)?, parse(files)?);
    let field = |name: &str| chart.get(name).and_then(Value::coerced_text).unwrap_or_default();
    let described = format!("{}-{}.tgz", field("name"), field("version"));
    if described != file {
        return Err(format!(
            "is about {}, not about {}",
            printable(&described, 160),
            printable(file, 160)
        ));
    }
    let expected = format!("sha256:{}", digest.hex());
    let listed = files.get("files").and_then(Value::as_map);
    let mut hashes = listed.into_iter().flatten().filter_map(|(_, hash)| hash.as_str());
    if hashes.clone().any(|hash| hash == expected) {
        return Ok(());
    }
    Err(format!(
        "is about an archive that hashes to {}, not to {expected}",
        printable(hashes.next().unwrap_or("nothing"), 80)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARCHIVE: &[u8] = include_bytes!("../../fixtures/provenance/signed-1.0.0.tgz");
    const PROVENANCE: &[u8] = include_bytes!("../../fixtures/provenance/signed-1.0.0.tgz.prov");
    const SIGNER: &[u8] = include_bytes!("../../fixtures/provenance/signer.gpg");
    const SUBKEY: &[u8] = include_bytes!("../../fixtures/provenance/subkey.asc");

    fn verify(keys: &[u8], provenance: &[u8], file: &str, archive: &[u8]) -> Result<(), String> {
        let keyring = Keyring::parse(keys, SystemTime::UNIX_EPOCH).unwrap();
        keyring.check(provenance, file, Digest::sha256(archive))
    }

    fn said(keys: &[u8], provenance: &[u8], file: &str, archive: &[u8]) -> String {
        verify(keys, provenance, file, archive).unwrap_err()
    }

    #[test]
    fn what_helm_signed_and_what_a_subkey_signed_is_taken() {
        assert_eq!(verify(SIGNER, PROVENANCE, "signed-1.0.0.tgz", ARCHIVE), Ok(()));
        let by_subkey = include_bytes!("../../fixtures/provenance/subkey.prov");
        assert_eq!(verify(SUBKEY, by_subkey, "signed-1.0.0.tgz", ARCHIVE), Ok(()));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_as_that_and_not_as_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.gpg");
        let file = std::fs::File::create_new(&path).unwrap();
        file.set_len(KEYRING_CAP + 1).unwrap();
        let error = Keyring::load(&path, SystemTime::UNIX_EPOCH).unwrap_err();
        let Error::BadKeyring { problem, .. } = error else {
            panic!("{error}");
        };
        assert!(problem.contains("more than 16 MiB"), "{problem}");
    }

    #[test]
    fn what_proves_nothing_says_why() {
        let name = "signed-1.0.0.tgz";
        assert!(said(SUBKEY, PROVENANCE, name, ARCHIVE).contains("none of the keys"));
        assert!(said(SIGNER, PROVENANCE, name, b"other").contains("hashes to"));
        assert!(said(SIGNER, PROVENANCE, "signed-1.0.1.tgz", ARCHIVE).contains("is about signed-1.0.0.tgz"));
        let text = std::str::from_utf8(PROVENANCE).unwrap();
        let forged = text.replace("version: 1.0.0", "version: 1.0.1");
        assert!(
            said(SIGNER, forged.as_bytes(), "signed-1.0.1.tgz", ARCHIVE).contains("does not fit its text")
        );
        let over_sha1 = include_bytes!("../../fixtures/provenance/sha1.prov");
        assert!(said(SIGNER, over_sha1, name, ARCHIVE).contains("proves nothing any more"));
        let revoked = include_bytes!("../../fixtures/provenance/revoked.asc");
        let by_subkey = include_bytes!("../../fixtures/provenance/subkey.prov");
        assert!(said(revoked, by_subkey, name, ARCHIVE).contains("revoked"));
        assert!(said(SIGNER, b"<html>", name, ARCHIVE).contains("no signed text"));
        assert!(said(SIGNER, b"\xff\xfe", name, ARCHIVE).contains("no text"));
    }

    #[test]
    fn a_file_without_keys_is_no_keyring() {
        for bytes in [&b""[..], b"hello", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"] {
            assert!(Keyring::parse(bytes, SystemTime::UNIX_EPOCH).is_err());
        }
    }
}
