//! What a request carries and no message may repeat: servers that refuse a request sometimes say what they were sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};

use crate::secret::Secret;

/// A shorter password is found in too many words; together with its user's name it is hidden all the same.
const SHORTEST: usize = 4;

/// Stands where a secret was.
const HIDDEN: &[u8] = b"***";

/// The secrets of a request with these headers, which has `more` in its body; the longest first.
pub(super) fn secrets(headers: &HeaderMap, more: &[Secret]) -> Vec<Secret> {
    let mut found: Vec<String> = more.iter().map(|secret| secret.expose().to_owned()).collect();
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((_, sent)) = sent.and_then(|sent| sent.split_once(' ')) {
        found.push(sent.to_owned());
        let pair = STANDARD
            .decode(sent)
            .ok()
            .and_then(|pair| String::from_utf8(pair).ok());
        if let Some(pair) = pair {
            let password = pair.split_once(':').map(|(_, password)| password.to_owned());
            found.extend(password.filter(|password| password.len() >= SHORTEST));
            found.push(pair);
        }
    }
    found.retain(|secret| !secret.is_empty());
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.into_iter().map(Secret::from).collect()
}

/// The text without the secrets.
pub(super) fn without(text: Bytes, secrets: &[Secret]) -> Bytes {
    let mut text = text;
    for secret in secrets {
        let secret = secret.expose().as_bytes();
        let mut hidden = Vec::new();
        let mut rest: &[u8] = &text;
        while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
            let (before, from) = rest.split_at(at);
            hidden.extend_from_slice(before);
            hidden.extend_from_slice(HIDDEN);
            rest = from.get(secret.len()..).unwrap_or_default();
        }
        if !hidden.is_empty() {
            hidden.extend_from_slice(rest);
            text = hidden.into();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(authorization: &str, more: &[&str], text: &str) -> String {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())]);
        let more: Vec<Secret> = more.iter().map(|secret| Secret::new(*secret)).collect();
        let text = without(Bytes::copy_from_slice(text.as_bytes()), &secrets(&headers, &more));
        String::from_utf8(text.to_vec()).unwrap()
    }

    #[test]
    fn a_password_that_is_repeated_is_hidden_in_each_of_its_forms() {
        let basic = format!("Basic {}", STANDARD.encode("me:sesame"));
        let text = format!("no me:sesame, nor sesame, nor {}", STANDARD.encode("me:sesame"));
        assert_eq!(shown(&basic, &[], &text), "no ***, nor ***, nor ***");
        let short = format!("Basic {}", STANDARD.encode("me:a"));
        assert_eq!(shown(&short, &[], "an apple for me:a"), "an apple for ***");
    }

    #[test]
    fn a_token_and_what_the_body_carries_are_hidden_too() {
        let text = "token abc.def for refresh-me is over";
        assert_eq!(
            shown("Bearer abc.def", &["refresh-me"], text),
            "token *** for *** is over"
        );
        assert_eq!(shown("Bearer abc.def", &[""], "nothing"), "nothing");
    }
}
