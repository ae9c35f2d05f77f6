//! Answering challenges: Basic, and tokens from the server that the registry names.
//!
//! A registry chooses its token server, so a hostile or taken-over registry could name one of its own and collect
//! passwords. A credential goes only to the registry's own host or to a server that is known to be its partner; any
//! other server is asked for an anonymous token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::challenge::Challenge;
use super::error::{Asked, Error, Kind, What};
use super::realm::{self, Trust};
use super::scope::Scopes;
use super::session::{Known, Session, Token};
use crate::credentials::{Credential, Store};
use crate::http::header::{AUTHORIZATION, HeaderValue};
use crate::http::{self, Body, Lane, Method, Request, StatusCode, Url};
use crate::observe::Event;
use crate::reference::Repository;
use crate::secret::{Secret, printable, redact_url};

/// Longer answers are no tokens.
const TOKEN_CAP: u64 = 1 << 20;

/// What the specification of tokens says where a server says nothing.
const USUAL_LIFETIME: Duration = Duration::from_secs(60);

/// How we are let in at a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    /// User and password with every request.
    Basic,
    /// A token of this server.
    Bearer {
        /// The token server.
        realm: Url,
        /// What the registry calls itself there.
        service: Option<String>,
    },
}

/// What answers a challenge.
pub(super) struct Answer {
    /// The header to send.
    pub(super) header: HeaderValue,
    /// The scheme that it is of: to be [learned](Auth::learn) if it lets the request in.
    pub(super) scheme: Scheme,
}

/// All sessions with all hosts.
#[derive(Debug)]
pub(super) struct Auth {
    http: http::Client,
    credentials: Store,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

#[derive(serde::Deserialize)]
struct Wire {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

impl Auth {
    pub(super) fn new(http: http::Client, credentials: Store) -> Self {
        Self {
            http,
            credentials,
            sessions: Mutex::default(),
        }
    }

    /// The header that the host is known to ask for; `None` before its first challenge and where it asks for none.
    pub(super) async fn header(&self, asked: &Asked, scopes: &Scopes) -> Result<Option<HeaderValue>, Error> {
        let session = self.session(&asked.host);
        let (scheme, is_proven) = match session.scheme(&asked.repository) {
            None => return Ok(None),
            Some(Known::Proven(scheme)) => (scheme, true),
            Some(Known::Guessed(scheme)) => (scheme, false),
        };
        let header = match &scheme {
            Scheme::Basic => self.basic(asked).await,
            Scheme::Bearer { .. } => self.bearer(asked, &session, &scheme, scopes, scopes, None).await,
        };
        match header {
            // What another repository's token server says of this one is no word of this one's: it is asked itself.
            Err(error) if !is_proven && !error.is_transient() => Ok(None),
            header => header,
        }
    }

    /// Remembers for a repository what let a request in.
    pub(super) fn learn(&self, asked: &Asked, scheme: Scheme) {
        self.session(&asked.host).learn(&asked.repository, scheme);
    }

    /// What answers `challenges`, which came in answer to a request that carried `used`. `None` if there is nothing
    /// better than what was sent.
    pub(super) async fn answer(
        &self,
        asked: &Asked,
        scopes: &Scopes,
        challenges: &[Challenge],
        used: Option<&HeaderValue>,
    ) -> Result<Option<Answer>, Error> {
        let bearer = challenges
            .iter()
            .find(|c| c.scheme == "bearer" && c.parameter("realm").is_some());
        let (scheme, header) = if let Some(challenge) = bearer {
            let scheme = Scheme::Bearer {
                realm: self.realm(asked, challenge.parameter("realm").unwrap_or_default())?,
                service: challenge.parameter("service").map(str::to_owned),
            };
            let asking = challenge
                .parameter("scope")
                .map_or_else(|| scopes.clone(), |challenged| scopes.and_challenged(challenged));
            let session = self.session(&asked.host);
            let header = self
                .bearer(asked, &session, &scheme, scopes, &asking, used)
                .await?;
            (scheme, header)
        } else if challenges.iter().any(|c| c.scheme == "basic") {
            let header = self.basic(asked).await?;
            (Scheme::Basic, header.filter(|header| Some(header) != used))
        } else {
            return Ok(None);
        };
        Ok(header.map(|header| Answer { header, scheme }))
    }

    fn session(&self, host: &str) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(host) {
            return Arc::clone(session);
        }
        Arc::clone(sessions.entry(host.to_owned()).or_default())
    }

    async fn credential(&self, asked: &Asked) -> Result<Option<Credential>, Error> {
        let found = match Repository::new(&asked.host, &asked.repository) {
            Ok(repository) => self.credentials.for_repository(&repository).await,
            Err(_) => self.credentials.for_host(&asked.host).await,
        };
        found.map_err(|error| Error::new(asked, error))
    }

    /// The user and password that are kept for the host, if it has any.
    pub(super) async fn basic(&self, asked: &Asked) -> Result<Option<HeaderValue>, Error> {
        match self.credential(asked).await? {
            Some(Credential::Basic { user, password }) => {
                Ok(Some(basic_header(asked, &user, password.expose())?))
            }
            _ => Ok(None),
        }
    }

    /// A token for `scopes`, from the session or from the scheme's server, which is asked for `asking`.
    async fn bearer(
        &self,
        asked: &Asked,
        session: &Session,
        scheme: &Scheme,
        scopes: &Scopes,
        asking: &Scopes,
        used: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Error> {
        let Scheme::Bearer { realm, service } = scheme else {
            return Ok(None);
        };
        let slot = session.slot(scheme, scopes);
        // Whoever comes while the token is fetched waits for it instead of fetching another one.
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref()
            && token.is_fresh()
            && Some(&token.header) != used
        {
            return Ok(Some(token.header.clone()));
        }
        *slot = None;
        let credential = self.credential(asked).await?;
        if let Some(Credential::RegistryToken(token)) = &credential {
            let header = bearer_header(asked, token.expose())?;
            return Ok(Some(header).filter(|header| Some(header) != used));
        }
        let token = self
            .fetch(asked, realm, service.as_deref(), asking, credential.as_ref())
            .await?;
        let header = token.header.clone();
        *slot = Some(token);
        Ok(Some(header))
    }

    /// The realm, if it is one that may be asked at all.
    fn realm(&self, asked: &Asked, text: &str) -> Result<Url, Error> {
        let bad = |problem| {
            let realm = printable(&redact_url(text), 200);
            Error::new(asked, Kind::BadRealm { realm, problem })
        };
        let registry = super::client::connection_host(&asked.host);
        realm::parse(text, registry, |host| self.http.is_plain(host)).map_err(bad)
    }

    async fn fetch(
        &self,
        asked: &Asked,
        realm: &Url,
        service: Option<&str>,
        asking: &Scopes,
        credential: Option<&Credential>,
    ) -> Result<Token, Error> {
        let asked = Asked {
            what: What::Token,
            ..asked.clone()
        };
        let registry = super::client::connection_host(&asked.host);
        let trusted = self.credentials.token_servers(&asked.host);
        let credential = match realm::trust(realm, registry, trusted) {
            Trust::Credentials => credential,
            Trust::Anonymous => {
                if credential.is_some() {
                    self.tell_distrust(&asked, realm);
                }
                None
            }
        };
        let request = match credential {
            Some(Credential::IdentityToken(token)) => refresh(realm, service, asking, token.expose()),
            Some(Credential::Basic { user, password }) => {
                let mut request = plain(realm, service, asking);
                let header = basic_header(&asked, user, password.expose())?;
                request.headers.insert(AUTHORIZATION, header);
                request
            }
            _ => plain(realm, service, asking),
        };
        let response = self
            .http
            .send(&request)
            .await
            .map_err(|error| Error::new(&asked, error))?;
        if response.status() != StatusCode::OK {
            if response.status().is_redirection() {
                let problem = "which sends on to another place; tokens are not fetched from there";
                let realm = redact_url(realm.as_str());
                return Err(Error::new(&asked, Kind::BadRealm { realm, problem }));
            }
            return Err(super::call::refusal(&asked, response).await);
        }
        let body = response.bytes("a token", TOKEN_CAP).await;
        let body = body.map_err(|error| Error::new(&asked, error))?;
        token(&asked, &body)
    }

    fn tell_distrust(&self, asked: &Asked, realm: &Url) {
        let server = realm.host_str().unwrap_or_default();
        self.http.tell(&Event::Warning {
            text: format!(
                "{} names {} as its token server; your credential is not sent there, access is anonymous \
                 (--token-server {}={} allows it)",
                asked.host, server, asked.host, server
            ),
        });
    }
}

fn plain(realm: &Url, service: Option<&str>, scopes: &Scopes) -> Request {
    let mut url = realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        for scope in scopes.each() {
            query.append_pair("scope", &scope);
        }
    }
    if url.query() == Some("") {
        url.set_query(None);
    }
    token_request(Method::GET, url)
}

/// The OAuth form: registries of the large clouds hand out identity tokens that only it takes.
fn refresh(realm: &Url, service: Option<&str>, scopes: &Scopes, token: &str) -> Request {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("client_id", "carrack");
    if let Some(service) = service {
        form.append_pair("service", service);
    }
    let scopes: Vec<_> = scopes.each().collect();
    if !scopes.is_empty() {
        form.append_pair("scope", &scopes.join(" "));
    }
    form.append_pair("refresh_token", token);
    let mut request = token_request(Method::POST, realm.clone());
    request.body = Body::Bytes(form.finish().into());
    request.secrets.push(Secret::new(token));
    request.headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    request
}

fn token_request(method: Method, url: Url) -> Request {
    let mut request = Request::new(method, url);
    request.lane = Lane::Token;
    request.follow = false;
    request
}

fn token(asked: &Asked, body: &[u8]) -> Result<Token, Error> {
    let bad = || {
        let problem = "the token server's answer has no token";
        Error::new(asked, Kind::Protocol { problem })
    };
    let wire: Wire = serde_json::from_slice(body).map_err(|_| bad())?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let text = given(wire.token)
        .or_else(|| given(wire.access_token))
        .ok_or_else(bad)?;
    let lifetime = wire
        .expires_in
        .as_ref()
        .and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()))
        .filter(|seconds| *seconds > 0.0)
        // A year is as good as for ever, and fits every clock.
        .map_or(USUAL_LIFETIME, |seconds| {
            Duration::from_secs_f64(seconds.min(31_536_000.0))
        });
    Ok(Token {
        header: bearer_header(asked, &text)?,
        until: Instant::now() + lifetime.mul_f64(0.9),
    })
}

fn basic_header(asked: &Asked, user: &str, password: &str) -> Result<HeaderValue, Error> {
    sensitive(
        asked,
        &format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
    )
}

fn bearer_header(asked: &Asked, token: &str) -> Result<HeaderValue, Error> {
    sensitive(asked, &format!("Bearer {token}"))
}

fn sensitive(asked: &Asked, text: &str) -> Result<HeaderValue, Error> {
    let problem = "a token has characters that no header may have";
    let mut value = HeaderValue::from_str(text).map_err(|_| Error::new(asked, Kind::Protocol { problem }))?;
    value.set_sensitive(true);
    Ok(value)
}
