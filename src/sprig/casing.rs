//! Names written in another style: `camelcase`, `snakecase`, `kebabcase`.

use super::Bytes;
use super::runes::{REPLACEMENT, is_letter, is_punctuation, is_space, is_upper, lower, push, runes, upper};
use crate::gotemplate::{Function, Type, Value, memory};

/// Bytes that a character takes while a name is written together.
const CHARACTER: usize = 8;

/// Bytes that a character takes while a name is split into words: itself, its own bytes, a word of its own.
const SPLIT_CHARACTER: usize = 96;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("camelcase", &[Type::STRING], |a| {
            memory::reserve(a.text(0)?.len().saturating_mul(CHARACTER))?;
            Ok(Value::string(pascal(a.text(0)?)))
        }),
        Function::plain("snakecase", &[Type::STRING], |a| {
            memory::reserve(a.text(0)?.len().saturating_mul(SPLIT_CHARACTER))?;
            Ok(Value::string(joined(a.text(0)?, '_')))
        }),
        Function::plain("kebabcase", &[Type::STRING], |a| {
            memory::reserve(a.text(0)?.len().saturating_mul(SPLIT_CHARACTER))?;
            Ok(Value::string(joined(a.text(0)?, '-')))
        }),
    ]
}

fn is_connector(character: char) -> bool {
    matches!(character, '-' | '_') || is_space(character)
}

/// `http_server` as `HttpServer`. Connectors at the beginning and the end stay, of several in a row all but one.
fn pascal(text: &[u8]) -> Bytes {
    let characters: Vec<char> = runes(text).map(|(c, _)| c).collect();
    let mut out = Vec::with_capacity(text.len());
    let start = characters
        .iter()
        .position(|c| !is_connector(*c))
        .unwrap_or(characters.len());
    let (leading, rest) = characters.split_at(start);
    for connector in leading {
        push(&mut out, *connector);
    }
    let Some((first, rest)) = rest.split_first() else {
        // Where there is nothing but connectors, the last one is written twice.
        if let Some(last) = leading.last() {
            push(&mut out, *last);
        }
        return out;
    };
    // While a word has had capitals only, further ones become small: `GOLANG_IS` is `GolangIs`.
    let mut all_capitals = is_upper(*first);
    let mut held = upper(*first);
    for character in rest {
        let mut character = *character;
        match (is_connector(held), is_connector(character)) {
            (true, true) => push(&mut out, held),
            (true, false) => {
                all_capitals = is_upper(character);
                character = upper(character);
            }
            (false, _) => {
                all_capitals &= is_upper(character);
                if all_capitals {
                    character = lower(character);
                }
                push(&mut out, held);
            }
        }
        held = character;
    }
    push(&mut out, held);
    out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing but broken bytes.
    Broken,
    Number,
    /// Letters that begin with a capital: `HTTP`, `Server`.
    Capital,
    /// Letters without capitals.
    Small,
    Connector,
    Punctuation,
    Other,
}

struct Word<'a> {
    kind: Kind,
    characters: &'a [(char, Bytes)],
}

/// `HTTPServer2go` as `http_server_2go`.
fn joined(text: &[u8], connector: char) -> Bytes {
    let characters = whole_characters(text);
    let words = words(&characters);
    let kind = |at: usize| words.get(at).map(|w: &Word<'_>| w.kind);
    let mut out = Vec::with_capacity(text.len() + words.len());
    let mut at = 0;
    while at + 1 < words.len() {
        let current = words.get(at).map_or(Kind::Broken, |w| w.kind);
        if current != Kind::Connector {
            write(&mut out, words.get(at), connector);
        }
        at += 1;
        let separated = match current {
            Kind::Number => {
                at = write_run(&mut out, &words, at, connector);
                begins_a_part(kind(at)) && kind(at) != Some(Kind::Broken)
            }
            Kind::Connector => {
                write(&mut out, words.get(at - 1), connector);
                false
            }
            Kind::Punctuation => false,
            _ if kind(at) != Some(Kind::Number) => begins_a_part(kind(at)),
            // A number at the very end stays with the word before it.
            _ if at + 1 == words.len() => false,
            // A number that letters follow begins a part: `http_2xx`.
            _ if kind(at + 1) == Some(Kind::Small) => {
                push(&mut out, connector);
                write(&mut out, words.get(at), connector);
                at = write_run(&mut out, &words, at + 1, connector);
                begins_a_part(kind(at)) && kind(at) != Some(Kind::Broken)
            }
            // Any other belongs to the word before it: `bld4_floor`.
            _ => {
                write(&mut out, words.get(at), connector);
                at += 1;
                begins_a_part(kind(at))
            }
        };
        if separated {
            push(&mut out, connector);
        }
    }
    write(&mut out, words.get(at), connector);
    out
}

fn begins_a_part(kind: Option<Kind>) -> bool {
    kind.is_some_and(|k| !matches!(k, Kind::Connector | Kind::Punctuation))
}

/// Writes the small letters and numbers from `at` on and tells where they end.
fn write_run(out: &mut Bytes, words: &[Word<'_>], mut at: usize, connector: char) -> usize {
    while let Some(word) = words.get(at)
        && matches!(word.kind, Kind::Small | Kind::Number)
    {
        write(out, Some(word), connector);
        at += 1;
    }
    at
}

fn write(out: &mut Bytes, word: Option<&Word<'_>>, connector: char) {
    let Some(word) = word else { return };
    for (character, own) in word.characters {
        match word.kind {
            Kind::Connector => push(out, connector),
            Kind::Capital => push(out, lower(*character)),
            _ => out.extend_from_slice(own),
        }
    }
}

/// The characters with their bytes; broken bytes are counted to the character after them, or the last one.
fn whole_characters(text: &[u8]) -> Vec<(char, Bytes)> {
    let mut found: Vec<(char, Bytes)> = Vec::new();
    let mut broken = Vec::new();
    for (character, own) in runes(text) {
        broken.extend_from_slice(own);
        if character != REPLACEMENT {
            found.push((character, std::mem::take(&mut broken)));
        }
    }
    if !broken.is_empty() {
        let last = found.last().map_or(REPLACEMENT, |(c, _)| *c);
        found.push((last, broken));
    }
    found
}

fn is_alphabetic(character: char) -> bool {
    let ideograph =
        matches!(character, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}');
    is_letter(character) && !ideograph
}

fn kind_of(character: char) -> Kind {
    match character {
        REPLACEMENT => Kind::Broken,
        c if is_connector(c) => Kind::Connector,
        c if is_punctuation(c) => Kind::Punctuation,
        c if is_upper(c) => Kind::Capital,
        c if is_alphabetic(c) => Kind::Small,
        c if c.is_numeric() => Kind::Number,
        _ => Kind::Other,
    }
}

fn words(characters: &[(char, Bytes)]) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = characters;
    while let Some((first, _)) = rest.first() {
        let kind = kind_of(*first);
        let run = |from: usize, wanted: &dyn Fn(char) -> bool| {
            rest.iter().skip(from).take_while(|(c, _)| wanted(*c)).count() + from
        };
        let small = |c: char| is_alphabetic(c) && !is_upper(c);
        let length = match kind {
            Kind::Broken => rest.len(),
            Kind::Capital => match run(1, &is_upper) {
                1 => run(1, &small),
                // The last of several capitals begins the next word if letters follow it: `HTTP`, `Status`.
                capitals if rest.get(capitals).is_some_and(|(c, _)| is_alphabetic(*c)) => capitals - 1,
                capitals => capitals,
            },
            Kind::Small => run(1, &small),
            Kind::Number => run(1, &char::is_numeric),
            Kind::Connector => run(1, &is_connector),
            Kind::Punctuation => run(1, &is_punctuation),
            Kind::Other => run(1, &|c| {
                !(is_connector(c) || is_alphabetic(c) || c.is_numeric() || is_punctuation(c))
            }),
        };
        let (characters, after) = rest.split_at(length.clamp(1, rest.len()));
        found.push(Word { kind, characters });
        rest = after;
    }
    found
}
