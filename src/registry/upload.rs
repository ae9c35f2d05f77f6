//! One upload session: a place that the registry names anew after each step.

use std::sync::Arc;
use std::time::Duration;

use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, Kind};
use super::scope::Scopes;
use crate::digest::Digest;
use crate::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use crate::http::{Body, Lane, Method, Request, Response, Source, StatusCode, Url};
use crate::oci::Descriptor;
use crate::secret::{printable, redact_url};

/// The chunk that is tried first. GitHub's registry takes no more than this, and every other one that wants chunks does.
const CHUNK: u64 = 4 << 20;

/// A proxy that turns this down will not take a layer at all.
const SMALLEST_CHUNK: u64 = 256 << 10;

/// A registry hashes and moves the whole blob before it answers: for each second it is believed to do this many bytes.
const SLOW_STORE: u64 = 8 << 20;

/// Steps of one session that may end without progress before it is given up.
const STANDSTILLS: u32 = 3;

/// An upload that the registry has accepted.
#[derive(Debug)]
pub(super) struct Upload {
    asked: Asked,
    scopes: Scopes,
    url: Url,
    least: u64,
}

/// What became of a chunk.
enum Step {
    /// The registry has everything up to here.
    At(u64),
    /// The chunk is too large for a registry or a proxy on the way.
    TooLarge(Error),
}

impl Upload {
    pub(super) fn new(asked: Asked, scopes: Scopes, url: Url, least: Option<u64>) -> Self {
        Self {
            asked,
            scopes,
            url,
            least: least.unwrap_or(0).min(1 << 30),
        }
    }

    /// Sends everything in one request.
    pub(super) async fn whole(
        &mut self,
        client: &Client,
        descriptor: &Descriptor,
        source: &Arc<dyn Source>,
    ) -> Result<(), Error> {
        let body = Body::Part {
            source: Arc::clone(source),
            offset: 0,
            length: descriptor.size,
        };
        self.close(client, descriptor, body).await
    }

    /// Sends chunk after chunk, and closes.
    pub(super) async fn in_chunks(
        &mut self,
        client: &Client,
        descriptor: &Descriptor,
        source: &Arc<dyn Source>,
    ) -> Result<(), Error> {
        let mut chunk = CHUNK.max(self.least);
        let mut position = 0;
        let mut standstills = 0;
        let mut believes_us = false;
        while position < descriptor.size {
            let length = chunk.min(descriptor.size - position);
            match self
                .patch(client, source, position, length, &mut believes_us)
                .await?
            {
                Step::At(reached) if reached > position && reached <= descriptor.size => position = reached,
                Step::At(reached) => {
                    standstills += 1;
                    if standstills > STANDSTILLS || reached > descriptor.size {
                        return Err(Error::new(&self.asked, Kind::SessionLost));
                    }
                    position = reached;
                }
                Step::TooLarge(error) => {
                    chunk /= 2;
                    if chunk < SMALLEST_CHUNK.max(self.least) {
                        return Err(error);
                    }
                }
            }
        }
        self.close(client, descriptor, Body::Empty).await
    }

    async fn patch(
        &mut self,
        client: &Client,
        source: &Arc<dyn Source>,
        position: u64,
        length: u64,
        believes_us: &mut bool,
    ) -> Result<Step, Error> {
        let mut request = request(Method::PATCH, self.url.clone());
        octets(&mut request);
        let end = position + length;
        // Without the `bytes` of other ranges: that is how the distribution specification writes it.
        if let Ok(range) = HeaderValue::from_str(&format!("{position}-{}", end - 1)) {
            request.headers.insert(CONTENT_RANGE, range);
        }
        request.body = Body::Part {
            source: Arc::clone(source),
            offset: position,
            length,
        };
        let response = client.call(&self.asked, &self.scopes, request).await?;
        match response.status() {
            // 202 by the specification, 201 by Amazon's registry, 204 by old ones.
            StatusCode::ACCEPTED | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                let reached = received(&response);
                self.follow(&response)?;
                if reached.is_none_or(|reached| reached == end) || *believes_us {
                    return Ok(Step::At(end));
                }
                // Amazon's `Range` sticks at the first chunk and Alibaba's counts within the chunk. Ask once; if the
                // answer is no better, go on by our own count: the digest at the end decides.
                let status = self.status(client).await?;
                if status == Some(end) || status == reached {
                    *believes_us = status == reached;
                    return Ok(Step::At(end));
                }
                Ok(Step::At(status.unwrap_or(end)))
            }
            StatusCode::PAYLOAD_TOO_LARGE => Ok(Step::TooLarge(refusal(&self.asked, response).await)),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let error = refusal(&self.asked, response).await;
                // GitHub's registry says 416 for a chunk that is too large.
                if matches!(error.kind(), Kind::Refused { message, .. } if message.contains("exceed")) {
                    return Ok(Step::TooLarge(error));
                }
                match self.status(client).await? {
                    Some(reached) => Ok(Step::At(reached)),
                    None => Err(error),
                }
            }
            StatusCode::NOT_FOUND => Err(Error::new(&self.asked, Kind::SessionLost)),
            _ => Err(refusal(&self.asked, response).await),
        }
    }

    /// How many bytes the registry says that it has.
    async fn status(&mut self, client: &Client) -> Result<Option<u64>, Error> {
        let mut request = request(Method::GET, self.url.clone());
        request.lane = Lane::Write;
        let response = client.call(&self.asked, &self.scopes, request).await?;
        match response.status() {
            StatusCode::NO_CONTENT | StatusCode::OK | StatusCode::ACCEPTED => {
                let reached = received(&response);
                self.follow(&response)?;
                Ok(reached)
            }
            StatusCode::NOT_FOUND => Err(Error::new(&self.asked, Kind::SessionLost)),
            _ => Ok(None),
        }
    }

    async fn close(&mut self, client: &Client, descriptor: &Descriptor, body: Body) -> Result<(), Error> {
        let mut request = request(Method::PUT, with_digest(&self.url, &descriptor.digest));
        octets(&mut request);
        if matches!(body, Body::Empty) {
            request
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request.body = body;
        let usual = client.inner.http.settings().answer_timeout;
        request.answer_timeout = Some(usual + Duration::from_secs(descriptor.size / SLOW_STORE));
        let response = client.call(&self.asked, &self.scopes, request).await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            StatusCode::NOT_FOUND => Err(Error::new(&self.asked, Kind::SessionLost)),
            _ => Err(refusal(&self.asked, response).await),
        }
    }

    /// Tells the registry that nothing more will come. It forgets the session by itself if this is lost.
    pub(super) async fn abort(&mut self, client: &Client) {
        let request = request(Method::DELETE, self.url.clone());
        let _ = client.call(&self.asked, &self.scopes, request).await;
    }

    /// Takes the session's next place, if the answer names one.
    fn follow(&mut self, response: &Response) -> Result<(), Error> {
        if let Some(location) = response.headers().get(LOCATION) {
            self.url = session_url(response.url(), location.as_bytes(), &self.asked)?;
        }
        Ok(())
    }
}

fn request(method: Method, url: Url) -> Request {
    let mut request = Request::new(method, url);
    request.lane = Lane::Write;
    request
}

fn octets(request: &mut Request) {
    request
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
}

/// The bytes that a `Range: 0-N` header reports, with or without `bytes=` before it. No bytes are written `0-0` by some
/// and `0--1` by others; the former cannot be told from one byte, which no chunk has.
fn received(response: &Response) -> Option<u64> {
    received_in(response.header(RANGE)?)
}

fn received_in(text: &str) -> Option<u64> {
    let text = text.trim();
    let range = text.strip_prefix("bytes=").unwrap_or(text);
    let (first, last) = range.split_once('-')?;
    if first.parse() != Ok(0_u64) {
        return None;
    }
    match last.parse::<u64>() {
        Ok(0) => Some(0),
        Ok(last) => last.checked_add(1),
        Err(_) => (last == "-1").then_some(0),
    }
}

/// Where an upload goes on. `Location` may be relative or absolute and is opaque; only two things are looked at.
///
/// A registry behind a proxy often writes `http` though it is reached by `https`: on its own host that is mended. On
/// another host it is a downgrade, which is refused.
pub(super) fn session_url(from: &Url, location: &[u8], asked: &Asked) -> Result<Url, Error> {
    let text = String::from_utf8_lossy(location);
    let bad = |problem| {
        let target = printable(&redact_url(&text), 200);
        Error::new(asked, Kind::BadLink { target, problem })
    };
    let mut url = from.join(text.trim()).map_err(|_| bad("which is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("which is no http or https URL"));
    }
    if from.scheme() == "https" && url.scheme() == "http" {
        if url.host() != from.host() {
            return Err(bad("which is plain http on another host"));
        }
        let port = if url.port().is_none() || url.port() == from.port() {
            from.port()
        } else {
            url.port()
        };
        if url.set_scheme("https").is_err() || url.set_port(port).is_err() {
            return Err(bad("which cannot be reached with TLS"));
        }
    }
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(url)
}

/// The session's URL with the digest that closes it. What the registry put there stays as it is.
fn with_digest(url: &Url, digest: &Digest) -> Url {
    let mut url = url.clone();
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::error::What;

    fn asked() -> Asked {
        Asked {
            host: "r.example".into(),
            repository: "a".into(),
            what: What::Ping,
        }
    }

    fn session(from: &str, location: &str) -> Result<String, String> {
        session_url(&from.parse().unwrap(), location.as_bytes(), &asked())
            .map(|url| url.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_location_may_be_relative_absolute_or_elsewhere() {
        let from = "https://r.example:5000/v2/a/blobs/uploads/";
        for (location, expected) in [
            (
                "/v2/a/blobs/uploads/1?_state=x%2By%3D",
                "https://r.example:5000/v2/a/blobs/uploads/1?_state=x%2By%3D",
            ),
            (
                "2?_state=x",
                "https://r.example:5000/v2/a/blobs/uploads/2?_state=x",
            ),
            ("https://other.example/up?sig=1", "https://other.example/up?sig=1"),
            ("http://r.example:5000/up", "https://r.example:5000/up"),
            ("https://me:pw@r.example:5000/up", "https://r.example:5000/up"),
        ] {
            assert_eq!(session(from, location).unwrap(), expected, "{location}");
        }
        assert_eq!(
            session("https://r.example/v2/", "http://r.example/up").unwrap(),
            "https://r.example/up"
        );
    }

    #[test]
    fn a_location_that_leaves_tls_for_another_host_is_refused() {
        for location in [
            "http://thief.example/up",
            "ftp://r.example/up",
            "file:///etc/passwd",
        ] {
            assert!(session("https://r.example/v2/", location).is_err(), "{location}");
        }
    }

    #[test]
    fn the_digest_is_added_to_what_the_registry_wrote() {
        let digest = Digest::sha256(b"");
        for (url, expected) in [
            (
                "http://h/up?_state=a%2Bb%3D%3D",
                format!("http://h/up?_state=a%2Bb%3D%3D&digest={digest}"),
            ),
            ("http://h/up", format!("http://h/up?digest={digest}")),
        ] {
            assert_eq!(with_digest(&url.parse().unwrap(), &digest).as_str(), expected);
        }
    }

    #[test]
    fn a_range_header_is_read_in_all_its_dialects() {
        for (text, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", Some(0)),
            ("0--1", Some(0)),
            ("5-99", None),
            ("", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(received_in(text), expected, "{text}");
        }
    }
}
