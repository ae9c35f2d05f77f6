//! `derivePassword`: the Master Password algorithm.

use sha2::{Digest, Sha256};

use crate::gotemplate::{Arguments, Failure, UintKind, Value, memory};

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The shapes that a kind of password has; each letter stands for a set of characters.
const SHAPES: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

/// The characters that a letter of a shape stands for.
fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// What scrypt holds while it works: 128 bytes for each of 32,768 rounds of 8 blocks.
const SCRYPT_MEMORY: usize = 34 << 20;

pub(super) fn derive(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (counter, kind) = (arguments.value(0)?, arguments.text(1)?);
    let (password, user, site) = (arguments.text(2)?, arguments.text(3)?, arguments.text(4)?);
    let counter = match counter {
        Value::Uint(counter, UintKind::Uint32) => u32::try_from(*counter).unwrap_or(u32::MAX),
        other => {
            return Err(Failure::from(format!(
                "the counter has type {}",
                other.type_name()
            )));
        }
    };
    let Some((_, shapes)) = SHAPES.iter().find(|(name, _)| *kind == *name) else {
        return Ok(Value::string(
            [b"cannot find password template ", kind.as_bytes()].concat(),
        ));
    };
    memory::reserve(SCRYPT_MEMORY)?;
    let failed = |error: &dyn std::fmt::Display| Failure::from(format!("failed to derive password: {error}"));
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|error| failed(&error))?;
    let mut key = [0; 64];
    let salt = [SEED, &length(user), user].concat();
    scrypt::scrypt(password, &salt, &parameters, &mut key).map_err(|error| failed(&error))?;
    let message = [SEED, &length(site), site, &counter.to_be_bytes()].concat();
    let seed = keyed_hash(&key, &message);
    let (first, choices) = seed.split_first().ok_or("the hash is empty")?;
    let shape = shapes
        .get(usize::from(*first) % shapes.len())
        .copied()
        .unwrap_or_default();
    let chosen = shape.bytes().zip(choices).filter_map(|(letter, choice)| {
        let characters = characters(letter);
        characters.get(usize::from(*choice) % characters.len()).copied()
    });
    Ok(Value::string(chosen.collect::<Vec<u8>>()))
}

fn length(text: &[u8]) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// HMAC with SHA-256; the key is exactly as long as the hash's block.
fn keyed_hash(key: &[u8; 64], message: &[u8]) -> [u8; 32] {
    let inner: Vec<u8> = key
        .iter()
        .map(|b| b ^ 0x36)
        .chain(message.iter().copied())
        .collect();
    let outer: Vec<u8> = key
        .iter()
        .map(|b| b ^ 0x5c)
        .chain(Sha256::digest(&inner))
        .collect();
    Sha256::digest(&outer).into()
}
