//! Bytes in hex, as logs name themselves and what they hold.

use std::fmt::Write as _;

/// Two digits for each byte.
pub(super) fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a text that is hex and nothing else.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect::<Option<Vec<u8>>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}
