//! Go's `filepath.Match`: the patterns of `.helmignore` and `--show-only`.

/// A pattern that is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::helm) struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// `*`: any characters but `/`.
    Any,
    /// `?`: one character but `/`.
    One,
    /// `[a-z]`, `[^a-z]`.
    Class { not: bool, ranges: Vec<(char, char)> },
    /// The character itself.
    Exact(char),
}

impl Pattern {
    /// Reads a pattern; `None` if Go would call it malformed.
    pub(in crate::helm) fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            pieces.push(match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => Piece::Exact(rest.next()?),
                '[' => {
                    let not = rest.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    loop {
                        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
                            break;
                        }
                        let low = bound(&mut rest)?;
                        let high = if rest.next_if_eq(&'-').is_some() {
                            bound(&mut rest)?
                        } else {
                            low
                        };
                        ranges.push((low, high));
                    }
                    Piece::Class { not, ranges }
                }
                other => Piece::Exact(other),
            });
        }
        Some(Self(pieces))
    }

    /// Whether the whole of `name` fits.
    pub(in crate::helm) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut piece) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(piece), name.get(at)) {
                (None, None) => return true,
                (Some(Piece::Any), _) => {
                    star = Some((piece, at));
                    piece += 1;
                    continue;
                }
                (Some(p), Some(c)) if p.takes(*c) => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            // Give the last star one character more, if there is one that it may have.
            match star {
                Some((p, a)) if name.get(a).is_some_and(|c| *c != '/') => {
                    star = Some((p, a + 1));
                    piece = p + 1;
                    at = a + 1;
                }
                _ => return false,
            }
        }
    }
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => c != '/',
            Self::Exact(e) => *e == c,
            Self::Class { not, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not
            }
        }
    }
}

/// One end of a range within brackets.
fn bound(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let c = match rest.next()? {
        '-' | ']' => return None,
        '\\' => rest.next()?,
        c => c,
    };
    // A class that nothing closes is malformed.
    rest.peek().is_some().then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).is_some_and(|p| p.matches(name))
    }

    #[test]
    fn a_star_stays_within_one_component() {
        assert!(is_match("templates/*.yaml", "templates/a.yaml"));
        assert!(!is_match("templates/*.yaml", "templates/b/a.yaml"));
        assert!(is_match("*", "abc"));
        assert!(is_match("a*b*c", "aXbYbZc"));
        assert!(!is_match("a*b*c", "aXbYbZ"));
    }

    #[test]
    fn brackets_and_escapes_are_read_as_go_reads_them() {
        assert!(is_match("[a-c]?", "bz"));
        assert!(is_match("[^a-c]", "z"));
        assert!(is_match("\\*", "*"));
        for wrong in ["[", "[]", "[a", "[a-", "[-]", "a\\", "[a-]"] {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
    }
}
