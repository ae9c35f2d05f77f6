//! `WWW-Authenticate`: several challenges in one or many headers, quoted strings with escapes, unknown schemes.

use std::collections::BTreeMap;

/// One challenge. Its scheme and the names of its parameters are lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// Every challenge of the header values, in their order. What cannot be read is left out.
pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for value in values {
        Reader { rest: value }.challenges(&mut challenges);
    }
    challenges
}

/// A cursor over one header value.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn challenges(&mut self, found: &mut Vec<Challenge>) {
        loop {
            self.skip(b" \t,");
            let Some(word) = self.token() else { return };
            let spaced = self.skip(b" \t");
            if self.peek() == Some(b'=')
                && let Some(current) = found.last_mut()
            {
                // A parameter of the challenge before.
                self.take();
                self.skip(b" \t");
                let Some(value) = self.value() else { return };
                // The first one counts, so that an appended copy cannot change it.
                current
                    .parameters
                    .entry(word.to_ascii_lowercase())
                    .or_insert(value);
                continue;
            }
            found.push(Challenge {
                scheme: word.to_ascii_lowercase(),
                parameters: BTreeMap::new(),
            });
            if spaced {
                self.skip_token68();
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, set: &[u8]) -> bool {
        let length = self.rest.iter().take_while(|b| set.contains(b)).count();
        self.rest = self.rest.get(length..).unwrap_or_default();
        length > 0
    }

    fn token(&mut self) -> Option<String> {
        let word = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
        let length = self.rest.iter().take_while(|b| word(b)).count();
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        (!token.is_empty()).then(|| String::from_utf8_lossy(token).into_owned())
    }

    /// A token or a quoted string. Some registries leave a value with `/` and `:` unquoted: it ends at a comma or space.
    fn value(&mut self) -> Option<String> {
        if self.peek() != Some(b'"') {
            let length = self.rest.iter().take_while(|b| !b", \t\"".contains(b)).count();
            let (value, rest) = self.rest.split_at(length);
            self.rest = rest;
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        self.take();
        let mut value = Vec::new();
        loop {
            match self.take()? {
                b'"' => return Some(String::from_utf8_lossy(&value).into_owned()),
                b'\\' => value.push(self.take()?),
                byte => value.push(byte),
            }
        }
    }

    /// Skips the opaque token of schemes such as `Negotiate`, which has no name and may end in `=`.
    fn skip_token68(&mut self) {
        let word = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(b);
        let length = self.rest.iter().take_while(|b| word(b)).count();
        let padding = self
            .rest
            .get(length..)
            .unwrap_or_default()
            .iter()
            .take_while(|b| **b == b'=')
            .count();
        let after = self
            .rest
            .get(length + padding..)
            .unwrap_or_default()
            .trim_ascii_start();
        if length > 0 && matches!(after.first(), None | Some(b',')) {
            self.rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[&str]) -> Vec<String> {
        parse(values.iter().map(|value| value.as_bytes()))
            .into_iter()
            .map(|c| {
                let parameters: Vec<_> = c.parameters.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("{} {}", c.scheme, parameters.join("|")).trim().to_owned()
            })
            .collect()
    }

    #[test]
    fn the_challenge_of_docker_hub_is_read() {
        assert_eq!(
            shown(&[
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#
            ]),
            [
                "bearer realm=https://auth.docker.io/token|scope=repository:library/nginx:pull|service=registry.docker.io"
            ]
        );
    }

    #[test]
    fn commas_in_quotes_and_escapes_are_part_of_the_value() {
        assert_eq!(
            shown(&[r#"Bearer realm="a\"b\\c",scope="repository:x:pull,push" , error="invalid_token""#]),
            [r#"bearer error=invalid_token|realm=a"b\c|scope=repository:x:pull,push"#]
        );
    }

    #[test]
    fn many_challenges_in_one_header_or_in_many_are_all_read() {
        let expected = ["negotiate", "basic realm=x", "bearer realm=y"];
        assert_eq!(
            shown(&[r#"Negotiate, Basic realm="x", Bearer realm="y""#]),
            expected
        );
        assert_eq!(
            shown(&["Negotiate", r#"basic realm="x""#, r#"BEARER Realm="y""#]),
            expected
        );
        assert_eq!(
            shown(&["Negotiate abc/def==, Basic realm=x"]),
            ["negotiate", "basic realm=x"]
        );
        assert_eq!(
            shown(&[r#"Digest realm="x", qop="auth,auth-int", Basic realm="y""#]),
            ["digest qop=auth,auth-int|realm=x", "basic realm=y"]
        );
    }

    #[test]
    fn bad_quoting_loses_the_rest_and_nothing_before_it() {
        assert_eq!(
            shown(&[r#"Basic realm="x", Bearer realm="unclosed"#]),
            ["basic realm=x", "bearer"]
        );
        assert_eq!(
            shown(&["Bearer realm=https://a.io/token,service=a.io"]),
            ["bearer realm=https://a.io/token|service=a.io"]
        );
        assert_eq!(shown(&["", ",,,", "=", "\"", "Bearer ="]).len(), 1);
    }

    #[test]
    fn an_appended_copy_of_a_parameter_does_not_count() {
        assert_eq!(shown(&[r#"Bearer realm="a", realm="thief""#]), ["bearer realm=a"]);
    }
}
