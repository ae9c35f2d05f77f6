//! Functions whose answer is chance: `randAlphaNum`, `randInt`, `shuffle`, `uuidv4`, …

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

use super::runes::{push, runes};
use super::surroundings::surroundings;
use crate::gotemplate::{Engine, Failure, Function, Signature, Type, Value, WithEngine, memory};

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BOTH: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub(super) fn functions() -> Vec<Function> {
    let count = Signature::of(&[Type::INT]);
    let characters: [(&'static str, WithEngine); 4] = [
        ("randAlphaNum", |e, a| characters(e, a.int(0)?, BOTH)),
        ("randAlpha", |e, a| characters(e, a.int(0)?, LETTERS)),
        ("randNumeric", |e, a| characters(e, a.int(0)?, DIGITS)),
        ("randAscii", |e, a| {
            let printable: Vec<u8> = (b' '..=b'~').collect();
            characters(e, a.int(0)?, &printable)
        }),
    ];
    let mut functions: Vec<Function> = characters
        .into_iter()
        .map(|(name, body)| Function::with_engine(name, count, body))
        .collect();
    functions.extend([
        Function::with_engine("randBytes", count, |e, a| {
            let bytes = random_bytes(e, a.int(0)?)?;
            Ok(super::base64::encoded(&bytes).into())
        }),
        Function::with_engine("randInt", Signature::of(&[Type::INT, Type::INT]), |e, a| {
            let (low, high) = (a.int(0)?, a.int(1)?);
            if high.wrapping_sub(low) <= 0 {
                return Err("invalid argument to Intn".into());
            }
            Ok(Value::int(surroundings(e)?.random().random_range(low..high)))
        }),
        Function::with_engine("shuffle", Signature::of(&[Type::STRING]), |e, a| {
            let mut characters: Vec<char> = runes(a.text(0)?).map(|(c, _)| c).collect();
            let mut random = surroundings(e)?.random();
            for last in (1..characters.len()).rev() {
                characters.swap(last, random.random_range(0..=last));
            }
            let mut out = Vec::with_capacity(characters.len());
            for character in characters {
                push(&mut out, character);
            }
            Ok(Value::string(out))
        }),
        Function::with_engine("uuidv4", Signature::of(&[]), |e, _| {
            Ok(uuid(&mut surroundings(e)?.random()).into())
        }),
    ]);
    functions
}

/// How many are asked for; a negative number asks for none, as an error is not shown.
fn characters(engine: &mut dyn Engine, count: i64, from: &[u8]) -> Result<Value, Failure> {
    let count = if count < 0 {
        0
    } else {
        usize::try_from(count).unwrap_or(usize::MAX)
    };
    memory::reserve(count)?;
    let mut random = surroundings(engine)?.random();
    let one = |_| {
        from.get(random.random_range(0..from.len()))
            .copied()
            .unwrap_or_default()
    };
    Ok(Value::string((0..count).map(one).collect::<Vec<u8>>()))
}

/// Random bytes, as many as asked for.
pub(super) fn random_bytes(engine: &mut dyn Engine, count: i64) -> Result<Vec<u8>, Failure> {
    let count = usize::try_from(count).map_err(|_| "runtime error: makeslice: len out of range")?;
    memory::reserve(count.saturating_mul(3))?;
    let mut bytes = vec![0; count];
    surroundings(engine)?.random().fill_bytes(&mut bytes);
    Ok(bytes)
}

/// A random UUID (version 4).
fn uuid(random: &mut ChaCha20Rng) -> String {
    let number = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    let number = number & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let digits = format!("{number:032x}");
    let mut out = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}
