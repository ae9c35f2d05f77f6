//! One question to a registry: who we are, one renewal of the token, and what a refusal says.

use std::future::Future;
use std::sync::PoisonError;

use serde::Deserialize;

use super::challenge;
use super::client::{Client, connection_host};
use super::error::{Asked, Error, Kind};
use super::scope::Scopes;
use crate::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use crate::http::{Request, Response, StatusCode, same_origin};
use crate::observe::Event;
use crate::secret::printable;

/// Of the body of a refusal this much is read.
const REFUSAL_CAP: usize = 64 << 10;

/// Of a registry's message this much is shown.
const MESSAGE_CAP: usize = 300;

/// A limit of which no more than this is left is told.
const NEARLY_SPENT: u64 = 10;

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: serde_json::Value,
}

impl Client {
    /// Sends `request` once, with the credential that its host asks for; a 401 is answered once. Other statuses are for
    /// the caller to judge. A request that does not go to the registry itself never carries a credential.
    pub(super) async fn call(
        &self,
        asked: &Asked,
        scopes: &Scopes,
        mut request: Request,
    ) -> Result<Response, Error> {
        let at_home = same_origin(&self.origin(asked)?, &request.url);
        let used = if at_home {
            self.inner.auth.header(asked, scopes).await?
        } else {
            None
        };
        if let Some(header) = &used {
            request.headers.insert(AUTHORIZATION, header.clone());
        }
        let response = self.send(asked, &request).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !at_home {
            return Ok(response);
        }
        let values = response.headers().get_all(WWW_AUTHENTICATE);
        let challenges = challenge::parse(values.iter().map(HeaderValue::as_bytes));
        if challenges.is_empty() {
            return Ok(response);
        }
        let refused = refusal(asked, response).await;
        let auth = &self.inner.auth;
        let Some(answer) = auth.answer(asked, scopes, &challenges, used.as_ref()).await? else {
            return Err(refused);
        };
        request.headers.insert(AUTHORIZATION, answer.header);
        let response = self.send(asked, &request).await?;
        // Only what was seen to work is sent unasked the next time.
        if !matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            auth.learn(asked, answer.scheme);
        }
        Ok(response)
    }

    async fn send(&self, asked: &Asked, request: &Request) -> Result<Response, Error> {
        let answer = self.inner.http.send(request).await;
        let response = answer.map_err(|error| Error::new(asked, error))?;
        if let Some(left) = response.header("ratelimit-remaining").and_then(pulls_left) {
            self.tell_of_limit(asked, left);
        }
        Ok(response)
    }

    /// Warns once for each host whose limit of pulls is nearly reached: what fails next will fail for hours.
    fn tell_of_limit(&self, asked: &Asked, left: u64) {
        let mut warned = self
            .inner
            .nearly_spent
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if left <= NEARLY_SPENT && warned.insert(asked.host.clone()) {
            self.inner.http.tell(&Event::Warning {
                text: format!(
                    "{} allows {left} more pulls before its limit; sign in to raise it",
                    asked.host
                ),
            });
        }
    }

    /// Runs `operation` until it succeeds or is given up; the error then tells the effort.
    pub(super) async fn retrying<T, F>(
        &self,
        asked: &Asked,
        mut operation: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let outcome = self
            .inner
            .http
            .retrying(connection_host(&asked.host), |_| operation())
            .await;
        outcome.map_err(|failed| failed.error.after(failed.tries, failed.elapsed))
    }
}

/// The pulls that Docker Hub still allows, from `100;w=21600`.
fn pulls_left(header: &str) -> Option<u64> {
    header.split(';').next()?.trim().parse().ok()
}

/// The error that a refusal is: status, the registry's own code and message if the body has them.
pub(super) async fn refusal(asked: &Asked, response: Response) -> Error {
    let status = response.status();
    let retry_after = response.retry_after();
    let body = response.head(REFUSAL_CAP).await;
    let (code, message) = explain(&body);
    let kind = Kind::Refused {
        status,
        code,
        message,
        retry_after,
    };
    Error::new(asked, kind)
}

/// Code and message of an error body. Proxies and rate limiters answer with plain text or HTML: text is shown, HTML is
/// not.
fn explain(body: &[u8]) -> (Option<String>, String) {
    if let Ok(wire) = serde_json::from_slice::<Wire>(body)
        && let Some(error) = wire.errors.into_iter().next()
    {
        let code = error.code.as_str().filter(|code| !code.is_empty());
        let message = error.message.as_str().unwrap_or_default();
        return (
            code.map(|code| printable(code, 60)),
            printable(message, MESSAGE_CAP),
        );
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with(['<', '{', '[']) {
        return (None, String::new());
    }
    (
        None,
        printable(text.lines().next().unwrap_or_default(), MESSAGE_CAP),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_the_registrys_own_words() {
        let body =
            br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}"#;
        assert_eq!(
            explain(body),
            (Some("MANIFEST_UNKNOWN".into()), "manifest unknown".into())
        );
    }

    #[test]
    fn the_pulls_that_are_left_are_read() {
        assert_eq!(pulls_left("7;w=21600"), Some(7));
        assert_eq!(pulls_left("100"), Some(100));
        assert_eq!(pulls_left("many"), None);
    }

    #[test]
    fn html_is_not_shown_and_text_is_shown_harmlessly() {
        assert_eq!(explain(b"<html>\n<h1>502</h1>"), (None, String::new()));
        assert_eq!(
            explain(b"toomanyrequests: slow down\x1b[2J\nmore").1,
            "toomanyrequests: slow down\\u{1b}[2J"
        );
        assert_eq!(explain(br#"{"errors":"#), (None, String::new()));
        assert_eq!(
            explain(br#"{"errors":[{"code":7,"message":null}]}"#),
            (None, String::new())
        );
        assert_eq!(explain(&[0xff; 1000]).1.chars().count(), MESSAGE_CAP + 1);
    }
}
