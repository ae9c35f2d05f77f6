//! `ssh-keygen -Y sign`: a detached signature, armoured, with a namespace.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ssh_key::SshKey;
use super::wire::{Wire, put_string};
use super::{Error, NAMESPACE};
use crate::digest::{Algorithm, Digest};
use crate::secret::printable;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
const WHAT: &str = "the signature";

/// A signature that was read and is not checked yet.
#[derive(Clone, Debug)]
pub struct SshSignature {
    key: SshKey,
    namespace: String,
    hash: Algorithm,
    hash_name: &'static str,
    signature: Vec<u8>,
}

impl SshSignature {
    /// Reads the text that `ssh-keygen -Y sign` writes.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let malformed = |problem| Error::Malformed { what: WHAT, problem };
        let text = std::str::from_utf8(text).map_err(|_| malformed("it is no text"))?;
        let armoured = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|t| t.strip_suffix(END))
            .ok_or_else(|| malformed("it is not one `-----BEGIN SSH SIGNATURE-----` block"))?;
        let joined: String = armoured.split_ascii_whitespace().collect();
        let blob = STANDARD
            .decode(joined)
            .map_err(|_| malformed("its armour is no base64"))?;
        Self::read(&blob)
    }

    fn read(blob: &[u8]) -> Result<Self, Error> {
        let malformed = |problem| Error::Malformed { what: WHAT, problem };
        let mut wire = Wire::new(WHAT, blob);
        if wire.take(MAGIC.len())? != MAGIC {
            return Err(malformed("it is none of `ssh-keygen -Y sign`"));
        }
        if wire.number()? != 1 {
            return Err(malformed("it is of a version that this program does not know"));
        }
        let key = wire.string()?;
        let namespace = wire.text()?.to_owned();
        let _reserved = wire.string()?;
        let (hash, hash_name) = match wire.text()? {
            "sha256" => (Algorithm::Sha256, "sha256"),
            "sha512" => (Algorithm::Sha512, "sha512"),
            _ => {
                return Err(malformed(
                    "it was made with a hash that this program does not know",
                ));
            }
        };
        let signature = wire.string()?.to_vec();
        wire.end()?;
        Ok(Self {
            key: SshKey::parse(key)?,
            namespace,
            hash,
            hash_name,
            signature,
        })
    }

    /// The key that it says it was made with. Only [`verify`](Self::verify) shows that it was.
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Checks that it was made with its key, for an inventory, over exactly these bytes.
    pub fn verify(&self, message: &[u8]) -> Result<(), Error> {
        if self.namespace != NAMESPACE {
            return Err(Error::WrongNamespace {
                found: printable(&self.namespace, 80),
            });
        }
        let mut signed = MAGIC.to_vec();
        put_string(&mut signed, self.namespace.as_bytes());
        put_string(&mut signed, b"");
        put_string(&mut signed, self.hash_name.as_bytes());
        put_string(&mut signed, Digest::of(self.hash, message).as_bytes());
        self.key.verify(&signed, &self.signature)
    }
}
