//! How a text can be written: plain, between quotes, or as a block.

use crate::goyaml::resolve::{self, Scalar};

use super::write::Dialect;

/// The ways to write a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Characters that end a line in YAML 1.1.
pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Characters that go-yaml writes as they are; those beyond the basic plane are not among them.
pub(super) fn is_printable(character: char) -> bool {
    matches!(
        character,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}'
    )
}

/// Whether the text has more than one line.
pub(super) fn is_multiline(text: &str) -> bool {
    text.chars().any(is_break)
}

/// The style that go-yaml takes. `simple_key` is a key before its colon.
pub(super) fn style(text: &str, dialect: Dialect, simple_key: bool) -> Style {
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if is_plain_string(text) {
        Style::Plain
    } else {
        Style::Double
    };
    if wanted == Style::Double {
        return wanted;
    }
    let shape = Shape::of(text, dialect);
    if simple_key && shape.multiline {
        return Style::Double;
    }
    match wanted {
        Style::Literal if shape.literal && !simple_key => Style::Literal,
        Style::Plain if shape.plain => Style::Plain,
        Style::Plain if shape.single => Style::Single,
        _ => Style::Double,
    }
}

/// Whether a reader would take the plain text for a string.
fn is_plain_string(text: &str) -> bool {
    resolve::plain(text) == Scalar::Text && !is_base_60(text)
}

/// Whether YAML 1.1 reads the text as a number to the base 60, such as `12:30:45`.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((first, rest)) = unsigned.split_once(':') else {
        return false;
    };
    let mut first = first.bytes();
    if !first.next().is_some_and(|byte| byte.is_ascii_digit())
        || !first.all(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        return false;
    }
    let (groups, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let is_group = |group: &str| matches!(group.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    groups.split(':').all(is_group) && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// Which styles leave a text what it is.
struct Shape {
    multiline: bool,
    plain: bool,
    single: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str, dialect: Dialect) -> Self {
        if text.is_empty() {
            return Self {
                multiline: false,
                plain: true,
                single: true,
                literal: false,
            };
        }
        let mut indicators = starts_with_indicator(text);
        let mut special = false;
        let mut tab = false;
        let mut multiline = false;
        let mut break_then_space = false;
        let mut space_then_break = false;
        let mut before = Before::Start;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' => {
                    before = Before::Other;
                    continue;
                }
                ':' if characters.peek().is_none_or(|next| matches!(next, ' ' | '\t')) => {
                    indicators = true;
                }
                '#' if before != Before::Other => indicators = true,
                '\t' if dialect == Dialect::V3 => tab = true,
                _ if !is_printable(character) => special = true,
                _ => {}
            }
            before = if character == ' ' {
                break_then_space |= before == Before::Break;
                Before::Space
            } else if is_break(character) {
                multiline = true;
                space_then_break |= before == Before::Space;
                Before::Break
            } else if character == '\t' {
                Before::Tab
            } else {
                Before::Other
            };
        }
        let at_edge = |character: Option<char>| character.is_some_and(|c| c == ' ' || is_break(c));
        let edges = at_edge(text.chars().next()) || at_edge(text.chars().next_back());
        let block = !space_then_break && !special;
        Self {
            multiline,
            plain: block && !tab && !break_then_space && !multiline && !edges && !indicators,
            single: block && !tab && !break_then_space,
            literal: block && !text.ends_with(' '),
        }
    }
}

/// What stands before a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Start,
    Space,
    Tab,
    Break,
    Other,
}

fn starts_with_indicator(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    let second = characters.next();
    let before_blank = second.is_none_or(|second| matches!(second, ' ' | '\t'));
    match first {
        Some(
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
        ) => true,
        Some('?' | ':') => before_blank,
        Some('-') => before_blank || text.starts_with("---"),
        Some('.') => text.starts_with("..."),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_60_is_seen() {
        for text in ["1:00", "12:30:45", "-1:2", "1_0:59.5_"] {
            assert!(is_base_60(text), "{text}");
        }
        for text in ["1:60", "a:1", "1:", ":1", "1:000", "1"] {
            assert!(!is_base_60(text), "{text}");
        }
    }
}
