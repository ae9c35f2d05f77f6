//! Harbor's own API, as far as an import needs it: whether a project is there, and making one.
//!
//! Harbor has repositories only inside of projects, and says of a push into none that it is forbidden.

use bytes::Bytes;
use serde_json::json;

use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, What};
use crate::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use crate::http::{Body, Method, Request, Response, StatusCode};

/// Harbor answers its ping with `Pong`; nothing longer is one.
const PONG_CAP: usize = 64;

impl Client {
    /// Whether the registry at `host` is a Harbor.
    pub async fn is_harbor(&self, host: &str) -> Result<bool, Error> {
        let asked = api(host);
        let response = self.ask_harbor(&asked, Method::GET, "ping", None).await?;
        if response.status() != StatusCode::OK {
            return Ok(false);
        }
        Ok(response.head(PONG_CAP).await.trim_ascii() == b"Pong")
    }

    /// Whether Harbor has a project. One that we may not see counts as there.
    pub async fn has_project(&self, host: &str, name: &str) -> Result<bool, Error> {
        let asked = api(host);
        let path = format!("projects?project_name={name}");
        let response = self.ask_harbor(&asked, Method::HEAD, &path, None).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() || status == StatusCode::FORBIDDEN => Ok(true),
            _ => Err(refusal(&asked, response).await),
        }
    }

    /// Makes a project. One that is there already is left as it is.
    pub async fn create_project(&self, host: &str, name: &str, is_public: bool) -> Result<(), Error> {
        let asked = api(host);
        let public = if is_public { "true" } else { "false" };
        let document = json!({ "project_name": name, "metadata": { "public": public } });
        let response = self
            .ask_harbor(
                &asked,
                Method::POST,
                "projects",
                Some(document.to_string().into()),
            )
            .await?;
        match response.status() {
            StatusCode::CONFLICT => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refusal(&asked, response).await),
        }
    }

    async fn ask_harbor(
        &self,
        asked: &Asked,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Response, Error> {
        self.retrying(asked, || async {
            let mut url = self.origin(asked)?;
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            url.set_path(&format!("api/v2.0/{path}"));
            url.set_query((!query.is_empty()).then_some(query));
            let mut request = Request::new(method.clone(), url);
            // A redirect would lead to the web pages for people.
            request.follow = false;
            // The API takes the password itself, never a registry's token.
            if let Some(header) = self.inner.auth.basic(asked).await? {
                request.headers.insert(AUTHORIZATION, header);
            }
            if let Some(body) = &body {
                request
                    .headers
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                request.body = Body::Bytes(body.clone());
            }
            let sent = self.inner.http.send(&request).await;
            sent.map_err(|error| Error::new(asked, error))
        })
        .await
    }
}

fn api(host: &str) -> Asked {
    Asked {
        host: host.to_owned(),
        repository: String::new(),
        what: What::Projects,
    }
}
