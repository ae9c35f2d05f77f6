//! Base 64 and base 32. What cannot be decoded gives the error as text: Sprig's functions do not fail.

use super::Bytes;
use crate::gotemplate::{Function, Type, Value};

const TEXT: &Type = Type::STRING;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("b64enc", &[TEXT], |a| Ok(encoded(a.text(0)?).into())),
        Function::plain("b64dec", &[TEXT], |a| {
            Ok(Value::string(decoded_or_error(&BASE64, a.text(0)?)))
        }),
        Function::plain("b32enc", &[TEXT], |a| Ok(BASE32.encode(a.text(0)?).into())),
        Function::plain("b32dec", &[TEXT], |a| {
            Ok(Value::string(decoded_or_error(&BASE32, a.text(0)?)))
        }),
    ]
}

/// In base 64 with padding.
pub(super) fn encoded(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Out of base 64 with padding.
pub(super) fn decoded(text: &[u8]) -> Result<Bytes, Corrupt> {
    BASE64.decode(text)
}

fn decoded_or_error(base: &Base, text: &[u8]) -> Bytes {
    base.decode(text)
        .unwrap_or_else(|corrupt| corrupt.to_string().into_bytes())
}

/// Where a text stops being a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal {name} data at input byte {place}")]
pub(super) struct Corrupt {
    name: &'static str,
    place: usize,
}

struct Base {
    name: &'static str,
    digits: &'static [u8],
    /// Bits in a digit.
    bits: u32,
    /// Digits in a group; the last group is filled with `=`.
    group: usize,
    /// How many digits of a group may be left out for padding.
    paddings: &'static [usize],
    /// Whether places count line breaks, as Go does in one of the two.
    counts_breaks: bool,
}

const BASE64: Base = Base {
    name: "base64",
    digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
    paddings: &[1, 2],
    counts_breaks: true,
};

const BASE32: Base = Base {
    name: "base32",
    digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    bits: 5,
    group: 8,
    paddings: &[1, 3, 4, 6],
    counts_breaks: false,
};

impl Base {
    fn encode(&self, bytes: &[u8]) -> String {
        let group_bytes = self.group * self.bits as usize / 8;
        let mut out = String::with_capacity(bytes.len().div_ceil(group_bytes) * self.group);
        for chunk in bytes.chunks(group_bytes) {
            let number = chunk.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
            let number = number << (8 * (group_bytes - chunk.len()));
            let used = (chunk.len() * 8).div_ceil(self.bits as usize);
            for at in 0..self.group {
                let shift = self.bits as usize * (self.group - 1 - at);
                let digit = usize::try_from(number >> shift).unwrap_or(0) % self.digits.len();
                let digit = self.digits.get(digit).copied().filter(|_| at < used);
                out.push(char::from(digit.unwrap_or(b'=')));
            }
        }
        out
    }

    fn decode(&self, text: &[u8]) -> Result<Bytes, Corrupt> {
        let is_break = |b: u8| matches!(b, b'\r' | b'\n');
        let meant = text.iter().copied().enumerate().filter(|(_, b)| !is_break(*b));
        let meant: Vec<(usize, u8)> = if self.counts_breaks {
            meant.collect()
        } else {
            meant.enumerate().map(|(at, (_, byte))| (at, byte)).collect()
        };
        let length = if self.counts_breaks {
            text.len()
        } else {
            meant.len()
        };
        let corrupt = |place: usize| Corrupt {
            name: self.name,
            place,
        };
        let mut out = Vec::with_capacity(meant.len() * self.bits as usize / 8);
        let mut groups = meant.chunks(self.group).peekable();
        while let Some(group) = groups.next() {
            let mut number = 0_u64;
            let mut used = 0;
            for (place, byte) in group {
                match self.digits.iter().position(|d| d == byte) {
                    Some(digit) => number = number << self.bits | digit as u64,
                    None if *byte == b'=' => break,
                    None => return Err(corrupt(*place)),
                }
                used += 1;
            }
            let padding = group.get(used..).unwrap_or_default();
            if used < self.group {
                self.check_padding(group, padding, used, groups.peek().copied(), length)?;
            }
            let bytes = used * self.bits as usize / 8;
            let number = number << (self.bits as usize * (self.group - used));
            let group_bytes = self.group * self.bits as usize / 8;
            let all = number.to_be_bytes();
            out.extend(all.iter().skip(8 - group_bytes).take(bytes));
            if used < self.group {
                break;
            }
        }
        Ok(out)
    }

    /// A group that is not full must be filled up with `=` and be the last one.
    fn check_padding(
        &self,
        group: &[(usize, u8)],
        padding: &[(usize, u8)],
        used: usize,
        next: Option<&[(usize, u8)]>,
        length: usize,
    ) -> Result<(), Corrupt> {
        let corrupt = |place: usize| {
            Err(Corrupt {
                name: self.name,
                place,
            })
        };
        let Some((first, _)) = padding.first().copied() else {
            // The text ends in the middle of a group.
            let read = if self.counts_breaks {
                length - used
            } else {
                length.saturating_sub(used)
            };
            return corrupt(read);
        };
        if used < 2 {
            return corrupt(first);
        }
        // In base 32 Go takes a `=` for padding only near the end.
        if !self.counts_breaks && length - first > 8 {
            return corrupt(first);
        }
        if !self.counts_breaks && group.len() < self.group {
            return corrupt(length);
        }
        if let Some((place, _)) = padding.iter().find(|(_, b)| *b != b'=') {
            return corrupt(place - 1);
        }
        if group.len() < self.group {
            return corrupt(length);
        }
        if !self.paddings.contains(&padding.len()) {
            return corrupt(first);
        }
        match next.and_then(|n| n.first()) {
            Some((place, _)) if self.counts_breaks => corrupt(*place),
            _ => Ok(()),
        }
    }
}
