//! Private keys: made, read from PEM, written to PEM, and signing with them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bigdecimal::num_bigint::BigUint;
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use rsa::BoxedUint;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::der::{self, BIT_STRING, INTEGER, NULL, OCTET_STRING, Reader, SEQUENCE, context};
use crate::gotemplate::{Failure, deadline};
use crate::sprig::surroundings::{Keys, Surroundings};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A private key in the form that its PEM block has.
#[derive(Clone, Debug)]
pub(super) enum PrivateKey {
    /// PKCS#1.
    Rsa(Vec<u8>),
    /// The 32 bytes of a key on the curve P-256.
    P256(Vec<u8>),
    /// The 32 bytes of the seed.
    Ed25519(Vec<u8>),
    /// Version, parameters, public and private number.
    Dsa(Vec<u8>),
}

/// No shared key is larger: twice the bits take eight times as long, and nobody relies on them.
const SHARED_BITS: usize = 2048;

/// RSA keys by size, for [`Keys::Shared`].
static SHARED: Mutex<Option<HashMap<usize, PrivateKey>>> = Mutex::new(None);

impl PrivateKey {
    /// A new RSA key of that many bits.
    pub(super) fn rsa(surroundings: &Surroundings, bits: usize) -> Result<Self, Failure> {
        if surroundings.keys() == Keys::Fresh {
            return Self::new_rsa(&mut surroundings.random(), bits);
        }
        let bits = bits.min(SHARED_BITS);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = shared.get_or_insert_default();
        if let Some(key) = shared.get(&bits) {
            return Ok(key.clone());
        }
        let key = Self::new_rsa(&mut surroundings.random(), bits)?;
        shared.insert(bits, key.clone());
        Ok(key)
    }

    fn new_rsa(random: &mut ChaCha20Rng, bits: usize) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::from(format!("error generating rsa key: {error}"));
        let half = u32::try_from(bits / 2).map_err(|error| failed(&error))?;
        let [p, q] = [prime(random, half)?, prime(random, half)?];
        let key = rsa::PrivateKey::from_p_q(p, q, PUBLIC_EXPONENT.into()).map_err(|error| failed(&error))?;
        let der = key.to_pkcs1_der().map_err(|error| failed(&error))?;
        Ok(Self::Rsa(der.as_bytes().to_vec()))
    }

    /// A new key on the curve P-256.
    pub(super) fn p256(random: &mut ChaCha20Rng) -> Self {
        loop {
            let mut bytes = vec![0; 32];
            random.fill_bytes(&mut bytes);
            // Nearly every number of that length is a key.
            if p256::SecretKey::from_slice(&bytes).is_ok() {
                return Self::P256(bytes);
            }
        }
    }

    /// A new Ed25519 key.
    pub(super) fn ed25519(random: &mut ChaCha20Rng) -> Self {
        let mut seed = vec![0; 32];
        random.fill_bytes(&mut seed);
        Self::Ed25519(seed)
    }

    /// A new DSA key. The parameters are always the same ones: they are public and may be shared, and finding new
    /// ones takes minutes.
    pub(super) fn dsa(random: &mut ChaCha20Rng) -> Self {
        let [prime, order, generator] =
            [DSA_P, DSA_Q, DSA_G].map(|hex| BigUint::parse_bytes(hex, 16).unwrap_or_default());
        let mut bytes = [0; 40];
        random.fill_bytes(&mut bytes);
        let secret = BigUint::from_bytes_be(&bytes) % (&order - 1_u8) + 1_u8;
        let public = generator.modpow(&secret, &prime);
        let numbers =
            [prime, order, generator, public, secret].map(|number| der::integer(&number.to_bytes_be()));
        let parts: Vec<&[u8]> = std::iter::once(&[INTEGER, 1, 0][..])
            .chain(numbers.iter().map(Vec::as_slice))
            .collect();
        Self::Dsa(der::group(SEQUENCE, &parts))
    }

    /// The key as Go writes it.
    pub(super) fn to_pem(&self) -> Result<String, Failure> {
        Ok(match self {
            Self::Rsa(pkcs1) => der::to_pem("RSA PRIVATE KEY", pkcs1),
            Self::P256(secret) => der::to_pem("EC PRIVATE KEY", &sec1(secret, true)?),
            Self::Ed25519(_) => der::to_pem("PRIVATE KEY", &self.pkcs8()?),
            Self::Dsa(key) => der::to_pem("DSA PRIVATE KEY", key),
        })
    }

    /// A key from the first PEM block of a text, or why there is none, in Sprig's words.
    pub(super) fn from_pem(text: &str) -> Result<Self, Failure> {
        let (label, der) = der::from_pem(text).ok_or("no PEM data in input")?;
        let wrong = |what: &str, why: &str| Failure::from(format!("{what}: {why}"));
        match label.as_str() {
            "PRIVATE KEY" => {
                from_pkcs8(&der).ok_or_else(|| wrong("decoding PEM as PKCS#8", "unknown or broken key"))
            }
            "RSA PRIVATE KEY" => {
                let key = Self::Rsa(der);
                let pair = key.pair();
                pair.map(|_| key)
                    .map_err(|e| wrong("parsing RSA private key from PEM", &e.to_string()))
            }
            "EC PRIVATE KEY" => from_sec1(&der).ok_or_else(|| {
                wrong(
                    "parsing EC private key from PEM",
                    "broken key, or not on the curve P-256",
                )
            }),
            "DSA PRIVATE KEY" => Reader(&der)
                .expect(SEQUENCE)
                .is_some()
                .then(|| Self::Dsa(der.clone()))
                .ok_or_else(|| wrong("parsing DSA private key from PEM", "asn1: structure error")),
            other => Err(match other.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Failure::from(format!("invalid private key type {kind}")),
                None => Failure::from(format!("no private key data in PEM block of type {other}")),
            }),
        }
    }

    fn pkcs8(&self) -> Result<Vec<u8>, Failure> {
        let version = [INTEGER, 1, 0];
        Ok(match self {
            Self::Rsa(pkcs1) => {
                let algorithm = der::group(SEQUENCE, &[&der::oid(RSA), &[NULL, 0]]);
                der::group(
                    SEQUENCE,
                    &[&version, &algorithm, &der::tagged(OCTET_STRING, pkcs1)],
                )
            }
            Self::P256(secret) => {
                let algorithm = der::group(SEQUENCE, &[&der::oid(EC), &der::oid(P256)]);
                let key = der::tagged(OCTET_STRING, &sec1(secret, false)?);
                der::group(SEQUENCE, &[&version, &algorithm, &key])
            }
            Self::Ed25519(seed) => {
                let algorithm = der::group(SEQUENCE, &[&der::oid(ED25519)]);
                let key = der::tagged(OCTET_STRING, &der::tagged(OCTET_STRING, seed));
                der::group(SEQUENCE, &[&version, &algorithm, &key])
            }
            Self::Dsa(_) => return Err("x509: unsupported public key type: *dsa.PublicKey".into()),
        })
    }

    fn pair(&self) -> Result<KeyPair, Failure> {
        let algorithm: &'static SignatureAlgorithm = match self {
            Self::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
            Self::P256(_) => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::Ed25519(_) | Self::Dsa(_) => &rcgen::PKCS_ED25519,
        };
        let pkcs8 = PrivatePkcs8KeyDer::from(self.pkcs8()?);
        KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, algorithm)
            .map_err(|error| Failure::from(error.to_string()))
    }

    /// The public key with its algorithm, in DER.
    pub(super) fn public(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.pair()?.subject_public_key_info())
    }

    /// The algorithm of this key's signatures, in DER.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => {
                let sha256_with_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
                der::group(SEQUENCE, &[&der::oid(&sha256_with_rsa), &[NULL, 0]])
            }
            Self::P256(_) => {
                let ecdsa_with_sha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
                der::group(SEQUENCE, &[&der::oid(&ecdsa_with_sha256)])
            }
            Self::Ed25519(_) | Self::Dsa(_) => der::group(SEQUENCE, &[&der::oid(ED25519)]),
        }
    }

    /// The signature of a message.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let signed = self.pair()?.sign(message);
        signed.map_err(|error| Failure::from(error.to_string()))
    }
}

/// The public exponent of all RSA keys, Go's as well.
const PUBLIC_EXPONENT: u32 = 65_537;

/// A prime of that many bits, both highest ones set, so that two of them make a key of twice the length.
///
/// How long the search takes is chance; it ends with the time of the run.
fn prime(random: &mut ChaCha20Rng, bits: u32) -> Result<BoxedUint, Failure> {
    let failed = |error: crypto_primes::Error| Failure::from(format!("error generating rsa key: {error}"));
    let candidates = SmallFactorsSieveFactory::new(Flavor::Any, bits, SetBits::TwoMsb).map_err(failed)?;
    let found = sieve_and_find(random, candidates, |_, candidate| {
        deadline::check_now().is_err() || is_prime(Flavor::Any, candidate)
    });
    deadline::check_now()?;
    found
        .map_err(failed)?
        .ok_or_else(|| "error generating rsa key: no prime".into())
}

/// A key of the curve P-256 as SEC 1 has it, with or without the curve's name.
fn sec1(secret: &[u8], named: bool) -> Result<Vec<u8>, Failure> {
    let key = p256::SecretKey::from_slice(secret).map_err(|error| Failure::from(error.to_string()))?;
    let point = key.public_key().to_sec1_bytes();
    let curve = if named {
        der::group(context(0), &[&der::oid(P256)])
    } else {
        Vec::new()
    };
    let public = der::group(context(1), &[&der::bits(&point)]);
    Ok(der::group(
        SEQUENCE,
        &[
            &[INTEGER, 1, 1],
            &der::tagged(OCTET_STRING, secret),
            &curve,
            &public,
        ],
    ))
}

fn from_sec1(der: &[u8]) -> Option<PrivateKey> {
    let mut key = Reader(Reader(der).expect(SEQUENCE)?);
    key.expect(INTEGER)?;
    let secret = key.expect(OCTET_STRING)?;
    if let Some(curve) = key.next().filter(|part| part.tag == context(0))
        && Reader(curve.content).next()?.content != P256
    {
        return None;
    }
    p256::SecretKey::from_slice(secret)
        .ok()
        .map(|_| PrivateKey::P256(secret.to_vec()))
}

fn from_pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let mut info = Reader(Reader(der).expect(SEQUENCE)?);
    info.expect(INTEGER)?;
    let mut algorithm = Reader(info.expect(SEQUENCE)?);
    let name = algorithm.next()?.content;
    let key = info.expect(OCTET_STRING)?;
    match name {
        RSA => {
            let key = PrivateKey::Rsa(key.to_vec());
            key.pair().ok().map(|_| key)
        }
        EC if algorithm.next()?.content == P256 => from_sec1(key),
        ED25519 => Some(PrivateKey::Ed25519(Reader(key).expect(OCTET_STRING)?.to_vec())),
        _ => None,
    }
}

/// The bits of the public key in its DER, of which key identifiers are made.
pub(super) fn public_bits(public: &[u8]) -> Option<&[u8]> {
    let mut info = Reader(Reader(public).expect(SEQUENCE)?);
    info.expect(SEQUENCE)?;
    info.expect(BIT_STRING)?.split_first().map(|(_, bits)| bits)
}

/// The prime of the DSA parameters: 2048 bits.
const DSA_P: &[u8] = b"\
    dff592715cb8e51620f321045d8973fe1b67e851ac2bd76dfcfca18347282b8362edf46ebe2e987aa23104a6230a43248fb8\
    46113e37029fdbe9e31859b505ea08c500543654db495e58f80558809750911b1bb981d226eb1623da3b1de0fc71fc8989c8\
    e2d13b0a41d0f942743f11c8991435d363aa8afbaa3c1232e70650f61f76019fe21360b3520660fdb08b9a7a744141c9b00d\
    0703952f75df6899d59352947b2c306d9f9ee677bc32e489c126375b4a16a9b1048bf2349eff15c7ce65e9f6466fa9902d67\
    ca74b40391a9b924a95ed3975a150ecd9373ef8f85f80184b4120e75e39faffbcf8a58364f7423aad718bda0f57b7d2bbec1\
    1a8099be119f";
/// The order of their subgroup: 256 bits.
const DSA_Q: &[u8] = b"\
    81e5af45e54cd04e2628145fda5a5570f4be08a6fcc4bde5a948bbd8f0356041";
/// Its generator.
const DSA_G: &[u8] = b"\
    3d9084efeca9aa895b65cc3688709f0acd5a5fbbb31ca234786b15b7bb31c150d496cd523f0c7cdd31c698fccf1e4ef4fd1d\
    d6ea50430437875cbc467d7f1eebdd6c02fcadd0fcd6990d494695e83baa848790df9e6fc96e9b514888961b76f1a465f48d\
    cdf0646bef5bac209520abefb1a4f319774eb72d77013b06775a18c2e3821008b87f3e2eaf12750077609b263efc8a9a1f11\
    60732aa89c71c138583399348cafd6a9b34f609dc631a63057f9d2e6c68d6519656e84e98bee9c6ec3295183892471ba373f\
    ee76c351c44eaae8cd89158357c3a243a93727beab738cd9cde52da98a03352a6d14e973d3e2fa2cf45997d9a73e9494d7c8\
    2f0f23654dbe";
