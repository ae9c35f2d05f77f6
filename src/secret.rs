//! Secrets that cannot be printed, and URLs that are safe to show.

use std::fmt;

/// A password, token or key. `Debug` prints `<redacted>`; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Only the code that puts it on the wire calls this.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A URL as an error message or a log may show it: without user info and with the values of its query hidden.
///
/// Presigned URLs carry their signature in the query, so no query value is shown at all. What does not parse as a URL
/// is cut at the first `?` and loses anything before an `@`.
pub fn redact_url(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.has_host() => {
            if !url.username().is_empty() || url.password().is_some() {
                // Cannot fail for a URL that has a host.
                let _ = url.set_username("");
                let _ = url.set_password(None);
            }
            if url.query().is_some() {
                url.set_query(Some("…"));
            }
            url.set_fragment(None);
            url.to_string().replace("%E2%80%A6", "…")
        }
        _ => {
            let head = text.split('?').next().unwrap_or_default();
            head.rsplit('@').next().unwrap_or_default().to_owned()
        }
    }
}

/// A message without the logins of URLs that are quoted in it, as `user:password@` in a word that was mistyped.
///
/// Digests (`@sha256:…`) and versions of charts (`#harbour@^1`) stay; in doubt something is hidden.
pub fn without_logins(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for word in
        message.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '`' | '\'' | '"' | '\u{1b}'))
    {
        match login_in(word) {
            Some((before, behind)) => {
                shown.push_str(before);
                shown.push_str("***@");
                shown.push_str(behind);
            }
            None => shown.push_str(word),
        }
    }
    shown
}

/// What stands before and behind the login of a word, if it has one.
fn login_in(word: &str) -> Option<(&str, &str)> {
    let (head, behind) = word.rsplit_once('@')?;
    if behind.starts_with("sha") {
        return None;
    }
    let (start, has_scheme) = match (head.find("://"), head.find('=')) {
        (Some(at), _) => (at + 3, true),
        (None, Some(at)) => (at + 1, false),
        (None, None) => (0, false),
    };
    let (before, login) = head.split_at_checked(start)?;
    let host = login.split(['/', '#', '?']).next().unwrap_or_default();
    let is_path = host.len() < login.len()
        && host
            .split_once(':')
            .is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let is_login = !is_path && (has_scheme || login.contains(':'));
    is_login.then_some((before, behind))
}

/// Text from outside as a terminal or a log may show it: control characters escaped, at most `limit` characters.
///
/// Chart descriptions, registry error bodies and file names come from strangers; an escape sequence in one of them must
/// not reach the operator's terminal (CVE-2021-21303).
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            shown.push('…');
            break;
        }
        let bidirectional =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || bidirectional {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "<redacted>");
    }

    #[test]
    fn a_url_loses_its_password_and_its_signature() {
        assert_eq!(
            redact_url("https://user:hunter2@s3.example.com/blob?X-Amz-Signature=abc"),
            "https://s3.example.com/blob?…"
        );
        assert_eq!(redact_url("user:hunter2@host/path?token=abc"), "host/path");
        assert_eq!(
            redact_url("https://charts.example.com/index.yaml"),
            "https://charts.example.com/index.yaml"
        );
    }

    #[test]
    fn a_message_loses_the_logins_that_are_quoted_in_it() {
        for (message, shown) in [
            (
                "'https://user:hunter2@host/a' is bad",
                "'https://***@host/a' is bad",
            ),
            ("`user:hunter2@host` is none", "`***@host` is none"),
            ("docker.io=user:hun=ter2@cache:5000", "docker.io=***@cache:5000"),
            (
                "https://token@host https://u:a/b@h",
                "https://***@host https://***@h",
            ),
            ("https://user:p@ss@host", "https://***@host"),
        ] {
            assert_eq!(without_logins(message), shown);
        }
        for message in [
            "nginx:1.27@sha256:abc",
            "localhost:5000/a/b:1@sha256:abc and https://charts.example.com/stable#harbour@^1",
            "https://host#chart@1 @name/chart me@example.com https://h:8080/path@v1",
        ] {
            assert_eq!(without_logins(message), message);
        }
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mred", 80), "a\\u{1b}[31mred");
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}
