//! Content digests: parsed once at the edge, well formed everywhere after.
//!
//! A [`Digest`] is the only type in the program from which a blob's path or URL is made, so a digest out of a hostile
//! document cannot name anything but a file of hexadecimal digits (CVE-2024-3727 and its relatives).

use std::fmt;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha512};

/// A hash algorithm that the OCI image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256: 32 bytes, 64 hexadecimal digits.
    Sha256,
    /// SHA-512: 64 bytes, 128 hexadecimal digits.
    Sha512,
}

impl Algorithm {
    /// Every algorithm, in the order of preference.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name before the colon: `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes a digest of this algorithm has.
    pub fn byte_length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// A hasher that has seen nothing yet.
    pub fn hasher(self) -> Hasher {
        match self {
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no colon between algorithm and digits.
    #[error("`{text}` is no digest: expected sha256:<64 hexadecimal digits>")]
    NoAlgorithm {
        /// What was read, shortened.
        text: String,
    },
    /// The algorithm is not one of [`Algorithm::ALL`].
    #[error("digest algorithm `{algorithm}` is not supported: expected sha256 or sha512")]
    UnknownAlgorithm {
        /// What stood before the colon, shortened.
        algorithm: String,
    },
    /// The number of digits is wrong.
    #[error("a {algorithm} digest has {expected} hexadecimal digits, this one has {found}")]
    WrongLength {
        /// The algorithm's name.
        algorithm: &'static str,
        /// Digits that the algorithm asks for.
        expected: usize,
        /// Digits that were there.
        found: usize,
    },
    /// A character is not a lower-case hexadecimal digit.
    #[error("a digest has lower-case hexadecimal digits only, this one has {found:?}")]
    NotHexadecimal {
        /// The first character that is out of place.
        found: char,
    },
}

/// A well-formed content digest, such as `sha256:9f86…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = algorithm.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// Parses the hexadecimal part alone.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Result<Self, Error> {
        if let Some(found) = hex.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(Error::NotHexadecimal { found });
        }
        let expected = algorithm.byte_length() * 2;
        if hex.len() != expected {
            return Err(Error::WrongLength {
                algorithm: algorithm.name(),
                expected,
                found: hex.len(),
            });
        }
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
        }
        Ok(Self { algorithm, bytes })
    }

    /// The SHA-256 digest whose raw hash this is.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&hash);
        Self {
            algorithm: Algorithm::Sha256,
            bytes,
        }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..self.algorithm.byte_length())
            .expect("an algorithm's length is within 64")
    }

    /// The lower-case hexadecimal digits, which are also the blob's file name.
    pub fn hex(&self) -> String {
        let bytes = self.as_bytes();
        let mut hex = String::with_capacity(bytes.len() * 2);
        hex.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        hex
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> String {
        self.hex().chars().take(12).collect()
    }
}

fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() {
        digit - b'0'
    } else {
        digit - b'a' + 10
    }
}

fn digit(nibble: u8) -> char {
    char::from(if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    })
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let shortened = |text: &str| text.chars().take(80).collect::<String>();
        let Some((name, hex)) = text.split_once(':') else {
            return Err(Error::NoAlgorithm {
                text: shortened(text),
            });
        };
        let Some(algorithm) = Algorithm::ALL.into_iter().find(|a| a.name() == name) else {
            return Err(Error::UnknownAlgorithm {
                algorithm: shortened(name),
            });
        };
        Self::from_hex(algorithm, hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Reads a digest where its text lies: an inventory has tens of thousands.
struct Text;

impl Visitor<'_> for Text {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digest, E> {
        text.parse().map_err(E::custom)
    }
}

/// Bytes on their way to a [`Digest`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Hasher {
    /// SHA-256 in progress.
    Sha256(Sha256),
    /// SHA-512 in progress.
    Sha512(Sha512),
}

impl Hasher {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes seen.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 64];
        let algorithm = match self {
            Self::Sha256(hasher) => {
                bytes[..32].copy_from_slice(&hasher.finalize());
                Algorithm::Sha256
            }
            Self::Sha512(hasher) => {
                bytes.copy_from_slice(&hasher.finalize());
                Algorithm::Sha512
            }
        };
        Digest { algorithm, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::sha256(b""));
    }

    #[test]
    fn sha512_goes_through_text_and_back() {
        let digest = Digest::of(Algorithm::Sha512, b"carrack");
        assert_eq!(digest.hex().len(), 128);
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn a_digest_that_could_name_another_file_does_not_parse() {
        for text in [
            "",
            "sha256",
            "sha256:",
            "sha256:../../etc/passwd",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let upper = EMPTY.to_ascii_uppercase();
        assert_eq!(
            upper.replace("SHA256", "sha256").parse::<Digest>().unwrap_err(),
            Error::NotHexadecimal { found: 'E' }
        );
        assert!(matches!(
            "sha256:abc".parse::<Digest>().unwrap_err(),
            Error::WrongLength { found: 3, .. }
        ));
    }

    #[test]
    fn hashing_in_pieces_equals_hashing_at_once() {
        let mut hasher = Algorithm::Sha256.hasher();
        hasher.update(b"car");
        hasher.update(b"rack");
        assert_eq!(hasher.finish(), Digest::sha256(b"carrack"));
    }
}
