//! Patterns over registries and repositories.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pattern over a name: `*` stands for any text, slashes too, and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern as it is written in a policy.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        // Where to go on when a `*` must swallow one byte more. Names are ASCII, as registries write them.
        let (mut p, mut n, mut again) = (0, 0, None);
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    again = Some((p, n));
                    p += 1;
                }
                Some(b'?') => (p, n) = (p + 1, n + 1),
                Some(byte) if Some(byte) == name.get(n) => (p, n) = (p + 1, n + 1),
                _ => {
                    let Some((star, from)) = again else { return false };
                    again = Some((star, from + 1));
                    (p, n) = (star + 1, from + 1);
                }
            }
        }
        pattern.iter().skip(p).all(|byte| *byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_any_text_and_a_question_mark_one_character() {
        let covers = |pattern: &str, name: &str| Pattern::new(pattern).matches(name);
        for (pattern, name) in [
            ("*", ""),
            ("*", "quay.io/a/b"),
            ("quay.io/*", "quay.io/a/b"),
            ("*.suse.com", "registry.suse.com"),
            ("quay.io/*/b", "quay.io/x/y/b"),
            ("a*b*c", "a-b-b-c"),
            ("registry?.lan", "registry1.lan"),
        ] {
            assert!(covers(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("quay.io", "quay.io.evil.example"),
            ("quay.io/*", "quay.io"),
            ("*.suse.com", "suse.com"),
            ("quay.io/*/b", "quay.io/b"),
            ("a?c", "ac"),
        ] {
            assert!(!covers(pattern, name), "{pattern} {name}");
        }
    }
}
