//! Who is let in: Basic, and tokens with scopes from the registry's own token server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::Mode;
use super::answer::{Body, full, refuse, with};
use super::store::{Logged, State, Token};

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What a request to a repository needs.
pub(super) struct Need<'a> {
    pub(super) repository: &'a str,
    pub(super) action: &'a str,
}

/// The refusal of a request that is not let in.
pub(super) fn keep_out(
    state: &mut State,
    request: &Logged,
    need: Option<&Need<'_>>,
) -> Option<Response<Body>> {
    let sent = request.header("authorization").unwrap_or_default();
    match state.mode.clone() {
        Mode::Open => None,
        Mode::Basic { user, password } => {
            (sent != basic(&user, &password)).then(|| challenge("Basic realm=\"test, registry\""))
        }
        Mode::Bearer { uses, realm, .. } => {
            let token = sent.strip_prefix("Bearer ").unwrap_or_default();
            if let Some(known) = state.tokens.get_mut(token) {
                known.used += 1;
                if (uses == 0 || known.used <= uses) && need.is_none_or(|need| known.allows(need)) {
                    return None;
                }
            }
            let own = || format!("http://{}{}", state.host, state.token_path);
            let realm = realm.unwrap_or_else(own);
            let scope = need.map_or_else(String::new, |need| {
                let actions = if need.action == "push" {
                    "pull,push"
                } else {
                    "pull"
                };
                format!(",scope=\"repository:{}:{actions}\"", need.repository)
            });
            Some(challenge(&format!(
                "Bearer realm=\"{realm}\",service=\"test\"{scope}"
            )))
        }
    }
}

fn challenge(text: &str) -> Response<Body> {
    let mut response = refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    response
        .headers_mut()
        .insert("www-authenticate", text.parse().unwrap());
    response
}

impl Token {
    fn allows(&self, need: &Need<'_>) -> bool {
        self.scopes.iter().any(|scope| {
            let mut parts = scope.rsplitn(2, ':');
            let actions = parts.next().unwrap_or_default();
            let resource = parts.next().unwrap_or_default();
            resource == format!("repository:{}", need.repository)
                && actions.split(',').any(|action| action == need.action)
        })
    }
}

/// The token server.
pub(super) fn give(state: &mut State, request: &Logged, body: &Bytes) -> Response<Body> {
    let Mode::Bearer {
        login,
        anonymous_pull,
        identity,
        ..
    } = state.mode.clone()
    else {
        return refuse(StatusCode::NOT_FOUND, "NOT_FOUND");
    };
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let mut scopes = request.parameters("scope");
    let known = match (&login, request.method.as_str()) {
        (_, "POST") => {
            scopes = field("scope")
                .unwrap_or_default()
                .split(' ')
                .map(str::to_owned)
                .collect();
            identity.is_some() && field("refresh_token") == identity
        }
        (Some((user, password)), _) => {
            request.header("authorization") == Some(basic(user, password).as_str())
        }
        (None, _) => true,
    };
    if !known {
        let sent_wrong = request.header("authorization").is_some() || request.method == "POST";
        if sent_wrong || !anonymous_pull {
            return refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
        }
        scopes = scopes
            .into_iter()
            .map(|scope| scope.replace("pull,push", "pull"))
            .collect();
    }
    let token = format!("token-{}", state.next());
    state.tokens.insert(token.clone(), Token { scopes, used: 0 });
    let body = json!({"token": token, "expires_in": 300, "issued_at": "2020-01-01T00:00:00Z"});
    with(
        StatusCode::OK,
        &[("content-type", "application/json")],
        full(body.to_string()),
    )
}
