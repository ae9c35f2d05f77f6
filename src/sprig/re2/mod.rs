//! Regular expressions with Go's syntax and meaning, over bytes.
//!
//! Go's syntax is RE2's. The `regex` crate has the same matching rules (leftmost-first, linear time) but another
//! grammar: `\d` is Unicode there, `[a&&b]` an intersection, `a{` an error. So a pattern is parsed by RE2's rules and
//! written anew in the crate's grammar ([`syntax`]).

mod class;
mod syntax;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::runes::first_rune;
use crate::gotemplate::{Failure, deadline, memory};

/// The most memory that one compiled expression may take, in bytes: a counted repetition of a Unicode class needs
/// some 100 KiB for each ten counts.
const COMPILED_CAP: usize = 8 << 20;
/// What one match takes beside the places of its groups, in bytes.
const MATCH: usize = 48;
/// How many compiled expressions a thread keeps; charts have at most some dozens.
const KEPT: usize = 256;

/// Why a pattern is no regular expression, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {problem}: `{part}`")]
pub struct Error {
    problem: &'static str,
    part: String,
}

impl Error {
    fn new(problem: &'static str, part: &str) -> Self {
        let part = excerpt(part);
        Self { problem, part }
    }
}

/// What a pattern gave when it was compiled.
type Compiled = Result<Rc<Regex>, Error>;

/// A compiled regular expression.
#[derive(Debug)]
pub(super) struct Regex {
    compiled: regex::bytes::Regex,
    /// The names of the groups, from group 1 on; empty where a group has none.
    names: Vec<String>,
}

thread_local! {
    static COMPILED: RefCell<HashMap<Vec<u8>, Compiled>> = RefCell::new(HashMap::new());
}

/// Compiles a pattern, or gives the one compiled before.
pub(super) fn compile(pattern: &[u8]) -> Compiled {
    if let Some(known) = COMPILED.with_borrow(|kept| kept.get(pattern).cloned()) {
        return known;
    }
    let compiled = Regex::new(pattern).map(Rc::new);
    COMPILED.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_vec(), compiled.clone());
    });
    compiled
}

/// Whether an expression of Go's grammar matches anywhere in a text.
///
/// # Errors
/// Says, in Go's words, why the pattern is none.
pub fn matches(pattern: &str, text: &str) -> Result<bool, Error> {
    Ok(compile(pattern.as_bytes())?.is_match(text.as_bytes()))
}

impl Regex {
    fn new(pattern: &[u8]) -> Result<Self, Error> {
        let Ok(pattern) = std::str::from_utf8(pattern) else {
            return Err(Error {
                problem: "invalid UTF-8",
                part: String::from_utf8_lossy(pattern).into_owned(),
            });
        };
        let (translated, names) = syntax::translated(pattern)?;
        let compiled = regex::bytes::RegexBuilder::new(&translated)
            .size_limit(COMPILED_CAP)
            .dfa_size_limit(COMPILED_CAP)
            .nest_limit(10 * syntax::DEEPEST)
            .build();
        let compiled = compiled.map_err(|error| Error {
            problem: match error {
                regex::Error::CompiledTooBig(_) => "expression too large",
                // What the translation lets through and the crate does not know: names of Unicode classes.
                _ => "invalid character class range",
            },
            part: excerpt(pattern),
        })?;
        Ok(Self { compiled, names })
    }

    /// Whether the expression matches anywhere.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.compiled.is_match(text)
    }

    /// The first match.
    pub(super) fn find<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let found = self.matches(text, 1).ok()?;
        found.first().and_then(|m| m.whole(text))
    }

    /// The matches in order, at most `limit` of them. An empty match that touches the match before it does not count.
    ///
    /// Fails where the places of the matches would take more memory than the render may hold.
    pub(super) fn matches(&self, text: &[u8], limit: usize) -> Result<Vec<Match>, Failure> {
        let mut found = Vec::new();
        let mut slots = self.compiled.capture_locations();
        let cost = MATCH + slots.len() * size_of::<Option<(usize, usize)>>();
        let (mut at, mut previous_end) = (0, None);
        while at <= text.len() && found.len() < limit {
            deadline::check()?;
            let Some(whole) = self.compiled.captures_read_at(&mut slots, text, at) else {
                break;
            };
            if let Some(inside) = inside_character(text, whole.start()) {
                at = inside;
                continue;
            }
            let empty = whole.start() == whole.end();
            if !empty || previous_end != Some(whole.start()) {
                let groups = (0..slots.len()).map(|group| slots.get(group)).collect();
                found.push(Match { groups });
                memory::reserve(found.len().saturating_mul(cost))?;
            }
            previous_end = Some(whole.end());
            at = whole.end();
            if empty {
                let step = text.get(at..).and_then(first_rune);
                at += step.map_or(1, |(_, length)| length);
            }
        }
        Ok(found)
    }

    /// Appends `template` with `$1`, `${name}` and `$$` filled in from a match.
    ///
    /// Fails where that would take more memory than the render may hold: groups may be far longer than the template.
    pub(super) fn expand(
        &self,
        template: &[u8],
        text: &[u8],
        found: &Match,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut rest = template;
        while let Some(dollar) = rest.iter().position(|b| *b == b'$') {
            let (before, after) = rest.split_at(dollar);
            out.extend_from_slice(before);
            rest = after.get(1..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix(b"$") {
                out.push(b'$');
                rest = after;
            } else if let Some((name, after)) = reference(rest) {
                let group = self.group(name, text, found);
                memory::reserve(out.len().saturating_add(group.len()))?;
                out.extend_from_slice(group);
                rest = after;
            } else {
                out.push(b'$');
            }
        }
        out.extend_from_slice(rest);
        memory::reserve(out.len())
    }

    /// What the group of that number or name matched.
    fn group<'t>(&self, name: &[u8], text: &'t [u8], found: &Match) -> &'t [u8] {
        let digits = std::str::from_utf8(name)
            .ok()
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let matched = match digits {
            Some(digits) => digits.parse().ok().and_then(|group| found.group(group, text)),
            // Of several groups of a name, the first one that matched.
            None => (1..)
                .zip(&self.names)
                .filter(|(_, known)| known.as_bytes() == name)
                .find_map(|(group, _)| found.group(group, text)),
        };
        matched.unwrap_or_default()
    }
}

/// Where one match and its groups lie.
#[derive(Clone, Debug)]
pub(super) struct Match {
    groups: Vec<Option<(usize, usize)>>,
}

impl Match {
    /// The bytes of the whole match.
    pub(super) fn whole<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        self.group(0, text)
    }

    /// Beginning and end of the whole match.
    pub(super) fn bounds(&self) -> (usize, usize) {
        self.groups.first().copied().flatten().unwrap_or_default()
    }

    fn group<'t>(&self, group: usize, text: &'t [u8]) -> Option<&'t [u8]> {
        let (start, end) = self.groups.get(group).copied().flatten()?;
        text.get(start..end)
    }
}

/// Where the character ends in whose middle `at` lies.
fn inside_character(text: &[u8], at: usize) -> Option<usize> {
    let is_continuation = |b: &u8| *b & 0xc0 == 0x80;
    if !text.get(at).is_some_and(is_continuation) {
        return None;
    }
    (1..=3).find_map(|back| {
        let start = at.checked_sub(back)?;
        let (_, length) = first_rune(text.get(start..)?)?;
        (length > back).then_some(start + length)
    })
}

/// The name after a `$`, with or without braces, and the rest.
fn reference(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let braced = text.strip_prefix(b"{");
    let inside = braced.unwrap_or(text);
    let mut length = 0;
    while let Some((character, own)) = inside.get(length..).and_then(first_rune)
        && (character == '_' || character.is_alphanumeric())
    {
        length += own;
    }
    if length == 0 {
        return None;
    }
    let (name, rest) = inside.split_at(length);
    match braced {
        Some(_) => Some((name, rest.strip_prefix(b"}")?)),
        None => Some((name, rest)),
    }
}

/// A pattern shortened for a message.
fn excerpt(pattern: &str) -> String {
    pattern.chars().take(200).collect()
}
