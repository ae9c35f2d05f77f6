//! Sums, passwords, encryption, keys and certificates.
//!
//! RSA keys are as long as Sprig's (2048 bits for certificates, 4096 for `genPrivateKey`) and take as long to make;
//! [`Keys::Shared`](super::Keys::Shared) makes each length once per process.

mod certificate;
mod der;
mod keys;
mod password;

use std::fmt::Write as _;

use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use rand_chacha::rand_core::Rng;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use self::certificate::{CERTIFICATE, Certificate, Request};
use self::keys::PrivateKey;
use super::base64;
use super::surroundings::surroundings;
use crate::gotemplate::{Arguments, Engine, Failure, Function, Signature, Type, Value};

const TEXT: &Type = Type::STRING;

/// What `genSignedCert` takes: name, addresses, names, days, authority.
static SIGNED: &[&Type] = &[TEXT, Type::ANYS, Type::ANYS, Type::INT, &CERTIFICATE];
/// The same with a key in PEM.
static SIGNED_WITH_KEY: &[&Type] = &[TEXT, Type::ANYS, Type::ANYS, Type::INT, &CERTIFICATE, TEXT];

/// Bits of the keys of certificates.
const CERTIFICATE_BITS: usize = 2048;
/// Bits of the RSA keys of `genPrivateKey`.
const KEY_BITS: usize = 4096;
/// The work factor that Go's bcrypt has by default.
const BCRYPT_COST: u32 = 10;
/// The longest password that bcrypt takes, in bytes.
const BCRYPT_LONGEST: usize = 72;

pub(super) fn functions() -> Vec<Function> {
    let two = Signature::of(&[TEXT, TEXT]);
    let cert = Signature::of(&[TEXT, Type::ANYS, Type::ANYS, Type::INT]);
    let cert_with_key = Signature::of(&[TEXT, Type::ANYS, Type::ANYS, Type::INT, TEXT]);
    vec![
        Function::plain("sha1sum", &[TEXT], |a| {
            Ok(hexadecimal(&Sha1::digest(a.text(0)?)).into())
        }),
        Function::plain("sha256sum", &[TEXT], |a| {
            Ok(hexadecimal(&Sha256::digest(a.text(0)?)).into())
        }),
        Function::plain("sha512sum", &[TEXT], |a| {
            Ok(hexadecimal(&Sha512::digest(a.text(0)?)).into())
        }),
        Function::plain("adler32sum", &[TEXT], |a| {
            Ok(adler32(a.text(0)?).to_string().into())
        }),
        Function::with_engine("bcrypt", Signature::of(&[TEXT]), |e, a| {
            Ok(bcrypt(e, a.text(0)?)?.into())
        }),
        Function::with_engine("htpasswd", two, htpasswd),
        Function::plain(
            "derivePassword",
            &[Type::UINT32, TEXT, TEXT, TEXT, TEXT],
            password::derive,
        ),
        Function::with_engine("encryptAES", two, encrypt),
        Function::plain("decryptAES", &[TEXT, TEXT], decrypt),
        Function::with_engine("genPrivateKey", Signature::of(&[TEXT]), private_key),
        Function::plain("buildCustomCert", &[TEXT, TEXT], |a| {
            Ok(Certificate::given(a.text(0)?, a.text(1)?)?.into_value())
        }),
        Function::with_engine("genCA", Signature::of(&[TEXT, Type::INT]), |e, a| {
            let key = rsa(e)?;
            self_signed(e, &Request::authority(a.text(0)?, a.int(1)?), &key)
        }),
        Function::with_engine("genCAWithKey", Signature::of(&[TEXT, Type::INT, TEXT]), |e, a| {
            let key = given_key(a, 2)?;
            self_signed(e, &Request::authority(a.text(0)?, a.int(1)?), &key)
        }),
        Function::with_engine("genSelfSignedCert", cert, |e, a| {
            let request = request(a)?;
            let key = rsa(e)?;
            self_signed(e, &request, &key)
        }),
        Function::with_engine("genSelfSignedCertWithKey", cert_with_key, |e, a| {
            let key = given_key(a, 4)?;
            self_signed(e, &request(a)?, &key)
        }),
        Function::with_engine("genSignedCert", Signature::of(SIGNED), |e, a| {
            let request = request(a)?;
            let key = rsa(e)?;
            let signed = request.signed_by(&key, Certificate::of(a.value(4)?)?, surroundings(e)?)?;
            Ok(signed.into_value())
        }),
        Function::with_engine("genSignedCertWithKey", Signature::of(SIGNED_WITH_KEY), |e, a| {
            let key = given_key(a, 5)?;
            let signed = request(a)?.signed_by(&key, Certificate::of(a.value(4)?)?, surroundings(e)?)?;
            Ok(signed.into_value())
        }),
    ]
}

fn request(arguments: Arguments<'_>) -> Result<Request, Failure> {
    Request::server(
        arguments.text(0)?,
        arguments.list(1)?,
        arguments.list(2)?,
        arguments.int(3)?,
    )
}

fn rsa(engine: &mut dyn Engine) -> Result<PrivateKey, Failure> {
    PrivateKey::rsa(surroundings(engine)?, CERTIFICATE_BITS)
}

fn given_key(arguments: Arguments<'_>, at: usize) -> Result<PrivateKey, Failure> {
    let key = PrivateKey::from_pem(&arguments.text(at)?.to_text());
    key.map_err(|error| Failure::from(format!("parsing private key: {error}")))
}

fn self_signed(engine: &mut dyn Engine, request: &Request, key: &PrivateKey) -> Result<Value, Failure> {
    Ok(request.self_signed(key, surroundings(engine)?)?.into_value())
}

fn private_key(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let kind = arguments.text(0)?;
    let surroundings = surroundings(engine)?;
    let key = match kind.as_bytes() {
        b"" | b"rsa" => PrivateKey::rsa(surroundings, KEY_BITS)?,
        b"dsa" => PrivateKey::dsa(&mut surroundings.random()),
        b"ecdsa" => PrivateKey::p256(&mut surroundings.random()),
        b"ed25519" => PrivateKey::ed25519(&mut surroundings.random()),
        _ => return Ok(Value::string([b"Unknown type ", kind.as_bytes()].concat())),
    };
    Ok(key.to_pem()?.into())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// So many bytes can be added up before a sum must be reduced to stay within 32 bits.
    const AT_ONCE: usize = 5_552;
    let (mut low, mut high) = (1, 0);
    for part in bytes.chunks(AT_ONCE) {
        for byte in part {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

/// The hash, or why there is none: Sprig's function does not fail.
fn bcrypt(engine: &mut dyn Engine, password: &[u8]) -> Result<String, Failure> {
    const FAILED: &str = "failed to encrypt string with bcrypt";
    if password.len() > BCRYPT_LONGEST {
        return Ok(format!("{FAILED}: bcrypt: password length exceeds 72 bytes"));
    }
    let mut salt = [0; 16];
    surroundings(engine)?.random().fill_bytes(&mut salt);
    let hash = bcrypt::hash_with_salt(password, BCRYPT_COST, salt);
    Ok(hash.map_or_else(
        |error| format!("{FAILED}: {error}"),
        |hash| hash.format_for_version(bcrypt::Version::TwoA),
    ))
}

fn htpasswd(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (user, password) = (arguments.text(0)?, arguments.text(1)?);
    if user.contains(&b':') {
        return Ok(Value::string([b"invalid username: ", user.as_bytes()].concat()));
    }
    let hash = bcrypt(engine, password)?;
    Ok(Value::string([user.as_bytes(), b":", hash.as_bytes()].concat()))
}

/// AES with 256 bits takes the password as the key, cut or filled up with zeros.
fn aes_key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(password) {
        *to = *from;
    }
    key
}

const BLOCK: usize = 16;

fn encrypt(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (password, plain) = (arguments.text(0)?, arguments.text(1)?);
    if plain.is_empty() {
        return Ok("".into());
    }
    crate::gotemplate::memory::reserve(plain.len().saturating_mul(3))?;
    let mut start = [0; BLOCK];
    surroundings(engine)?.random().fill_bytes(&mut start);
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&aes_key(password).into(), &start.into());
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    Ok(base64::encoded(&[&start[..], &encrypted].concat()).into())
}

fn decrypt(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (password, encrypted) = (arguments.text(0)?, arguments.text(1)?);
    if encrypted.is_empty() {
        return Ok("".into());
    }
    let bytes = base64::decoded(encrypted).map_err(|corrupt| Failure::from(corrupt.to_string()))?;
    let (start, encrypted) = bytes.split_first_chunk::<BLOCK>().ok_or_else(|| {
        Failure::from(format!(
            "runtime error: slice bounds out of range [:16] with capacity {}",
            bytes.len()
        ))
    })?;
    let cipher = cbc::Decryptor::<aes::Aes256>::new(&aes_key(password).into(), &(*start).into());
    let decrypted = cipher
        .decrypt_padded_vec::<NoPadding>(encrypted)
        .map_err(|_| "crypto/cipher: input not full blocks")?;
    // The last byte says how many bytes of padding there are.
    let padding = decrypted.last().ok_or("runtime error: index out of range [-1]")?;
    let length = decrypted
        .len()
        .checked_sub(usize::from(*padding))
        .ok_or_else(|| {
            let below = usize::from(*padding) - decrypted.len();
            Failure::from(format!("runtime error: slice bounds out of range [:-{below}]"))
        })?;
    Ok(Value::string(decrypted.get(..length).unwrap_or_default()))
}
