//! RE2's grammar, read and written anew in the grammar of the `regex` crate.

use super::Error;
use super::class;

/// Groups inside one another that are still read; Go stops at a thousand.
pub(super) const DEEPEST: u32 = 400;
/// The highest count of a repetition; nested ones are multiplied.
const MOST_REPETITIONS: u32 = 1_000;

/// The pattern in the crate's grammar, and the names of the groups.
pub(super) fn translated(pattern: &str) -> Result<(String, Vec<String>), Error> {
    let mut reader = Reader {
        pattern,
        rest: pattern,
        names: Vec::new(),
    };
    let (translated, _) = reader.alternation(0)?;
    if !reader.rest.is_empty() {
        return Err(Error::new("unexpected )", pattern));
    }
    Ok((translated, reader.names))
}

/// A pattern that is being read.
pub(super) struct Reader<'a> {
    pattern: &'a str,
    pub(super) rest: &'a str,
    names: Vec<String>,
}

/// What the last thing read allows after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last<'a> {
    /// Nothing that could be repeated.
    Nothing,
    /// Something that can be repeated.
    Term,
    /// A repetition, which cannot be repeated itself; from its operator on.
    Repetition(&'a str),
}

impl<'a> Reader<'a> {
    /// What was read between `from` and here.
    pub(super) fn read_since(&self, from: &'a str) -> &'a str {
        from.get(..from.len() - self.rest.len()).unwrap_or(from)
    }

    /// Takes the next character.
    pub(super) fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// Takes a text if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Reads up to the end of the group. Gives the translation and the highest product of counts in it.
    fn alternation(&mut self, depth: u32) -> Result<(String, u32), Error> {
        if depth > DEEPEST {
            return Err(Error::new("expression nests too deeply", self.pattern));
        }
        let mut out = String::new();
        let mut counts = 1_u32;
        // The counts inside the last term, for multiplying them when it is repeated.
        let mut last_counts = 1_u32;
        let mut last = Last::Nothing;
        while let Some(next) = self.rest.chars().next() {
            let mut term_counts = 1_u32;
            let state = match next {
                ')' => break,
                '|' => {
                    self.next();
                    out.push('|');
                    Last::Nothing
                }
                '(' => {
                    if let Some((group, inner)) = self.group(depth)? {
                        out.push_str(&group);
                        term_counts = inner;
                        Last::Term
                    } else {
                        // Flags change what follows and are no term.
                        out.push_str(&self.flags_for_the_rest()?);
                        Last::Nothing
                    }
                }
                '[' => {
                    out.push_str(&class::bracketed(self)?);
                    Last::Term
                }
                '\\' => {
                    let term = self.escape_outside_class()?;
                    out.push_str(&term);
                    // An empty quotation leaves the last term where it was.
                    if term.is_empty() { last } else { Last::Term }
                }
                '*' | '+' | '?' => {
                    let before = self.rest;
                    self.next();
                    out.push_str(self.operator(last, before)?);
                    Last::Repetition(before)
                }
                '{' => {
                    let before = self.rest;
                    if let Some((low, high)) = self.repetition() {
                        out.push_str(self.operator(last, before)?);
                        let product = last_counts.max(1).saturating_mul(high.unwrap_or(low).max(1));
                        if high.is_some_and(|high| low > high) || low.max(product) > MOST_REPETITIONS {
                            return Err(Error::new("invalid repeat count", self.read_since(before)));
                        }
                        term_counts = product;
                        Last::Repetition(before)
                    } else {
                        self.next();
                        out.push_str("\\{");
                        Last::Term
                    }
                }
                '.' | '^' | '$' => {
                    self.next();
                    out.push(next);
                    Last::Term
                }
                _ => {
                    self.next();
                    push_literal(&mut out, next);
                    Last::Term
                }
            };
            counts = counts.max(term_counts);
            last_counts = term_counts;
            last = state;
        }
        Ok((out, counts))
    }

    /// The repetition operator that began at `before`, with the `?` that makes it lazy.
    fn operator(&mut self, last: Last<'a>, before: &'a str) -> Result<&'a str, Error> {
        self.take("?");
        let operator = self.read_since(before);
        match last {
            Last::Term => Ok(operator),
            Last::Nothing => Err(Error::new("missing argument to repetition operator", operator)),
            Last::Repetition(first) => Err(Error::new(
                "invalid nested repetition operator",
                self.read_since(first),
            )),
        }
    }

    /// Reads `{2}`, `{2,}` or `{2,5}`; `None` where the brace stands for itself.
    fn repetition(&mut self) -> Option<(u32, Option<u32>)> {
        let (inside, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        let (low, high) = match inside.split_once(',') {
            None => (inside, Some(inside)),
            Some((low, "")) => (low, None),
            Some((low, high)) => (low, Some(high)),
        };
        let low = count(low)?;
        let high = match high {
            Some(high) => Some(count(high)?),
            None => None,
        };
        self.rest = rest;
        Some((low, high))
    }

    /// Reads a group; `None` where it only sets flags, with nothing read.
    fn group(&mut self, depth: u32) -> Result<Option<(String, u32)>, Error> {
        let start = self.rest;
        self.next();
        let mut opening = "(".to_owned();
        if self.take("?P<") || self.take("?<") {
            let name = self.group_name(start)?;
            self.names.push(name);
        } else if self.rest.starts_with('?') {
            let Some(flags) = self.flags(start)? else {
                self.rest = start;
                return Ok(None);
            };
            opening = format!("(?{flags}:");
        } else {
            self.names.push(String::new());
        }
        let (inside, counts) = self.alternation(depth + 1)?;
        if !self.take(")") {
            return Err(Error::new("missing closing )", self.pattern));
        }
        Ok(Some((format!("{opening}{inside})"), counts)))
    }

    fn group_name(&mut self, start: &'a str) -> Result<String, Error> {
        let Some((name, rest)) = self.rest.split_once('>') else {
            return Err(Error::new("invalid named capture", start));
        };
        self.rest = rest;
        let fine = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !fine {
            return Err(Error::new("invalid named capture", self.read_since(start)));
        }
        Ok(name.to_owned())
    }

    /// Reads `?i-s:` and gives the flags; `None` where they end with `)`.
    fn flags(&mut self, start: &'a str) -> Result<Option<String>, Error> {
        self.next();
        let (mut on, mut off) = (String::new(), None);
        while let Some(next) = self.next() {
            match (next, &mut off) {
                ('i' | 'm' | 's' | 'U', None) => add_once(&mut on, next),
                ('i' | 'm' | 's' | 'U', Some(off)) => {
                    on.retain(|c| c != next);
                    add_once(off, next);
                }
                ('-', off @ None) => *off = Some(String::new()),
                (':' | ')', off) if off.as_ref().is_none_or(|off| !off.is_empty()) => {
                    let off = off.take().map(|off| format!("-{off}")).unwrap_or_default();
                    let flags = format!("{on}{off}");
                    return Ok((next == ':').then_some(flags));
                }
                _ => {
                    return Err(Error::new(
                        "invalid or unsupported Perl syntax",
                        self.read_since(start),
                    ));
                }
            }
        }
        Err(Error::new("invalid or unsupported Perl syntax", start))
    }

    /// Reads `(?i)`, which [`group`](Self::group) left unread.
    fn flags_for_the_rest(&mut self) -> Result<String, Error> {
        let start = self.rest;
        self.next();
        self.flags(start)?;
        let flags = self.read_since(start);
        let (mut on, mut off) = (String::new(), String::new());
        let mut negative = false;
        for flag in flags.chars() {
            match flag {
                '-' => negative = true,
                'i' | 'm' | 's' | 'U' if negative => {
                    on.retain(|c| c != flag);
                    add_once(&mut off, flag);
                }
                'i' | 'm' | 's' | 'U' => add_once(&mut on, flag),
                _ => {}
            }
        }
        Ok(match (on.is_empty(), off.is_empty()) {
            (true, true) => String::new(),
            (_, true) => format!("(?{on})"),
            _ => format!("(?{on}-{off})"),
        })
    }

    /// Reads what a backslash begins; nothing for an empty quotation.
    fn escape_outside_class(&mut self) -> Result<String, Error> {
        let start = self.rest;
        let mut out = String::new();
        if self.take("\\Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            // A repetition that follows is of the last character only.
            quoted
                .chars()
                .for_each(|character| push_literal(&mut out, character));
            return Ok(out);
        }
        for (name, translated) in [
            ("\\A", "\\A"),
            ("\\z", "\\z"),
            ("\\b", "(?-u:\\b)"),
            ("\\B", "(?-u:\\B)"),
        ] {
            if self.take(name) {
                return Ok(translated.to_owned());
            }
        }
        if let Some(set) = class::named_set(self)? {
            return Ok(set);
        }
        push_literal(&mut out, self.escaped_character(start)?);
        Ok(out)
    }

    /// Reads an escape that stands for one character.
    pub(super) fn escaped_character(&mut self, start: &'a str) -> Result<char, Error> {
        self.next();
        let Some(letter) = self.next() else {
            return Err(Error::new("trailing backslash at end of expression", ""));
        };
        let invalid = |reader: &Self| Error::new("invalid escape sequence", reader.read_since(start));
        Ok(match letter {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.hexadecimal().ok_or_else(|| invalid(self))?,
            // One octal digit alone would be a reference to a group, which RE2 does not have.
            '1'..='7' if !self.rest.starts_with(|c: char| c.is_digit(8)) => return Err(invalid(self)),
            '0'..='7' => {
                let mut number = letter.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    if let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) {
                        number = number * 8 + digit;
                        self.next();
                    }
                }
                char::from_u32(number).ok_or_else(|| invalid(self))?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return Err(invalid(self)),
        })
    }

    /// Reads `7F` or `{10FFFF}`.
    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.take("{") {
            let (digits, rest) = self.rest.split_once('}')?;
            self.rest = rest;
            digits
        } else {
            let digits = self.rest.get(..2)?;
            self.rest = self.rest.get(2..)?;
            digits
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }
}

fn add_once(flags: &mut String, flag: char) {
    if !flags.contains(flag) {
        flags.push(flag);
    }
}

/// A count as RE2 reads it: decimal digits without leading zeros. One that is too large is a large one.
fn count(digits: &str) -> Option<u32> {
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    (number && !leading_zero).then(|| digits.parse().unwrap_or(u32::MAX))
}

/// Writes a character that stands for itself.
pub(super) fn push_literal(out: &mut String, character: char) {
    if "\\.+*?()|[]{}^$#&-~".contains(character) {
        out.push('\\');
    }
    out.push(character);
}
