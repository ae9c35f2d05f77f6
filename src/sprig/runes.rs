//! Characters of byte strings, as Go's `unicode` and `utf8` packages see them.

use super::Bytes;

/// What stands for a byte that is no part of a character.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// The characters of a byte string with the bytes they stand for. A byte that begins no valid character counts as
/// one replacement character.
pub(super) fn runes(bytes: &[u8]) -> Runes<'_> {
    Runes { rest: bytes }
}

/// See [`runes`].
#[derive(Clone, Debug)]
pub(super) struct Runes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Runes<'a> {
    type Item = (char, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (character, length) = first_rune(self.rest)?;
        let (own, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((character, own))
    }
}

/// The first character and its length in bytes.
pub(super) fn first_rune(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    let length = match first {
        0..0x80 => return Some((char::from(first), 1)),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Some((REPLACEMENT, 1)),
    };
    let decoded = bytes.get(..length).and_then(|b| std::str::from_utf8(b).ok());
    Some(
        decoded
            .and_then(|s| s.chars().next())
            .map_or((REPLACEMENT, 1), |c| (c, length)),
    )
}

/// The last character and its length in bytes.
pub(super) fn last_rune(bytes: &[u8]) -> Option<(char, usize)> {
    if bytes.is_empty() {
        return None;
    }
    for length in 1..=bytes.len().min(4) {
        let tail = bytes.get(bytes.len() - length..)?;
        if let Some((character, own)) = first_rune(tail)
            && own == length
            && (length > 1 || tail.first().is_some_and(u8::is_ascii))
        {
            return Some((character, length));
        }
    }
    Some((REPLACEMENT, 1))
}

/// Appends a character in UTF-8.
pub(super) fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Every character replaced by another one; broken bytes become replacement characters.
pub(super) fn mapped(bytes: &[u8], mut mapping: impl FnMut(char) -> char) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    for (character, _) in runes(bytes) {
        push(&mut out, mapping(character));
    }
    out
}

/// The text with each broken byte replaced, as the oracle's output has it.
#[cfg(test)]
pub(super) fn repaired(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| runes(bytes).map(|(c, _)| c).collect(), str::to_owned)
}

/// White space as Go's `unicode.IsSpace` has it.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace()
}

/// Without the white space at both ends.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    trimmed_of(bytes, is_space)
}

/// Without the characters at both ends that are `unwanted`.
pub(super) fn trimmed_of(mut bytes: &[u8], unwanted: impl Fn(char) -> bool) -> &[u8] {
    while let Some((character, length)) = first_rune(bytes)
        && unwanted(character)
    {
        bytes = bytes.get(length..).unwrap_or_default();
    }
    while let Some((character, length)) = last_rune(bytes)
        && unwanted(character)
    {
        bytes = bytes.get(..bytes.len() - length).unwrap_or_default();
    }
    bytes
}

/// The capital letter of one character where that is one character: Unicode's simple mapping.
pub(super) fn upper(character: char) -> char {
    // These have a longer full mapping, which a mapping of single characters does not use.
    let offset = match character {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return only(character.to_uppercase(), character),
    };
    char::from_u32(u32::from(character) + offset).unwrap_or(character)
}

/// The small letter of one character: Unicode's simple mapping.
pub(super) fn lower(character: char) -> char {
    match character {
        '\u{130}' => 'i',
        _ => only(character.to_lowercase(), character),
    }
}

/// The letter that begins a title.
pub(super) fn title(character: char) -> char {
    match character {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Georgian is not capitalised in titles.
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => character,
        _ => upper(character),
    }
}

fn only(mut mapped: impl Iterator<Item = char>, character: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// A capital letter (category Lu).
pub(super) fn is_upper(character: char) -> bool {
    character.is_uppercase()
        && !matches!(character, '\u{2160}'..='\u{216f}' | '\u{24b6}'..='\u{24cf}' | '\u{1f130}'..='\u{1f189}')
}

/// A small letter (category Ll).
pub(super) fn is_lower(character: char) -> bool {
    character.is_lowercase()
        && !matches!(character,
            'ª' | 'º' | '\u{2b0}'..='\u{2b8}' | '\u{2c0}' | '\u{2c1}' | '\u{2e0}'..='\u{2e4}' | '\u{345}'
            | '\u{37a}' | '\u{10fc}' | '\u{1d2c}'..='\u{1d6a}' | '\u{1d78}' | '\u{1d9b}'..='\u{1dbf}' | '\u{2071}'
            | '\u{207f}' | '\u{2090}'..='\u{209c}' | '\u{2170}'..='\u{217f}' | '\u{24d0}'..='\u{24e9}'
            | '\u{2c7c}' | '\u{2c7d}' | '\u{a69c}' | '\u{a69d}' | '\u{a770}' | '\u{a7f2}'..='\u{a7f4}'
            | '\u{a7f8}' | '\u{a7f9}' | '\u{ab5c}'..='\u{ab5f}' | '\u{ab69}' | '\u{10780}'..='\u{107ba}'
            | '\u{1e030}'..='\u{1e06d}')
}

/// A letter of title case (category Lt).
pub(super) fn is_title(character: char) -> bool {
    matches!(character, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}'
        | '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

/// A letter (category L): alphabetic, but no mark and no number.
pub(super) fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphabetic();
    }
    LETTER.is_match(character.encode_utf8(&mut [0; 4]))
}

/// Punctuation (category P).
pub(super) fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation() && !"$+<=>^`|~".contains(character);
    }
    PUNCTUATION.is_match(character.encode_utf8(&mut [0; 4]))
}

static LETTER: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| class(r"\A\p{L}"));
static PUNCTUATION: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| class(r"\A\p{P}"));

fn class(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).expect("the pattern is a constant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_bytes_count_as_one_character_each() {
        let found: Vec<_> = runes(b"h\xc3\xa9\xe2\x98x")
            .map(|(c, own)| (c, own.len()))
            .collect();
        assert_eq!(
            found,
            [('h', 1), ('é', 2), (REPLACEMENT, 1), (REPLACEMENT, 1), ('x', 1)]
        );
        assert_eq!(last_rune("aé".as_bytes()), Some(('é', 2)));
        assert_eq!(last_rune(b"a\xc3"), Some((REPLACEMENT, 1)));
        assert_eq!(last_rune(b"\xa9"), Some((REPLACEMENT, 1)));
    }

    #[test]
    fn letters_change_one_for_one() {
        assert_eq!((upper('ß'), upper('é'), upper('ᾀ')), ('ß', 'É', 'ᾈ'));
        assert_eq!((lower('İ'), lower('Σ')), ('i', 'σ'));
        assert_eq!(title('ǆ'), 'ǅ');
    }

    #[test]
    fn space_is_trimmed_at_both_ends() {
        assert_eq!(trimmed("\u{a0}\t a b \n".as_bytes()), b"a b");
        assert_eq!(trimmed(b"\xa0"), b"\xa0");
    }
}
