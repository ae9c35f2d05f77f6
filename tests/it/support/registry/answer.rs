//! Answers, and bodies that break where a fault says.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::faults::Fault;

pub(super) type Body = BoxBody<Bytes, io::Error>;

pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed()
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    with(status, &[], full(Bytes::new()))
}

/// An answer with headers and a body.
pub(super) fn with(status: StatusCode, headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap()
}

/// A registry's own refusal.
pub(super) fn refuse(status: StatusCode, code: &str) -> Response<Body> {
    let body = json!({"errors": [{"code": code, "message": code.to_ascii_lowercase().replace('_', " "), "detail": null}]});
    with(
        status,
        &[("content-type", "application/json")],
        full(body.to_string()),
    )
}

/// A body that is announced as `announced` bytes and breaks off after those in `bytes`.
fn cut(bytes: Bytes) -> Body {
    // The pause lets the bytes out before the connection is gone.
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(io::Error::other("cut by the test"))
    });
    let start = stream::once(async move { Ok(Frame::data(bytes)) });
    BodyExt::boxed(StreamBody::new(start.chain(end)))
}

/// A body whose length nobody announces.
fn unannounced(bytes: Bytes) -> Body {
    let whole = stream::once(async move { Ok(Frame::data(bytes)) });
    BodyExt::boxed(StreamBody::new(whole))
}

fn stalled(bytes: &Bytes, pause: Duration) -> Body {
    let middle = bytes.len() / 2;
    let (first, second) = (bytes.slice(..middle), bytes.slice(middle..));
    let start = stream::once(async move { Ok(Frame::data(first)) });
    let end = stream::once(async move {
        tokio::time::sleep(pause).await;
        Ok(Frame::data(second))
    });
    BodyExt::boxed(StreamBody::new(start.chain(end)))
}

/// Content as the faults have it. `head` leaves the body out and keeps its length.
pub(super) fn content(
    status: StatusCode,
    headers: &[(&str, String)],
    bytes: Bytes,
    head: bool,
    faults: &[Fault],
) -> Response<Body> {
    let mut bytes = bytes;
    let mut announced = true;
    let mut broken = None;
    let mut headers: Vec<(String, String)> = headers
        .iter()
        .map(|(k, v)| ((*k).to_owned(), v.clone()))
        .collect();
    let set = |headers: &mut Vec<(String, String)>, name: &str, value: &str| {
        headers.retain(|(header, _)| header != name);
        if !value.is_empty() {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    for fault in faults {
        match fault {
            Fault::WrongBytes => {
                let mut changed = bytes.to_vec();
                if let Some(first) = changed.first_mut() {
                    *first ^= 1;
                }
                bytes = changed.into();
            }
            Fault::WrongLength => bytes = bytes.slice(..bytes.len().saturating_sub(1)),
            Fault::NoLength => announced = false,
            Fault::CleanEndAfter(length) => {
                bytes = bytes.slice(..bytes.len().min(*length));
                announced = false;
            }
            Fault::ExtraBytes(length) => {
                bytes = [bytes.to_vec(), vec![b'x'; *length]].concat().into();
                announced = false;
            }
            Fault::CutAfter(length) => broken = Some(cut(bytes.slice(..bytes.len().min(*length)))),
            Fault::Stall(pause) => broken = Some(stalled(&bytes, *pause)),
            Fault::Encoded => set(&mut headers, "content-encoding", "gzip"),
            Fault::ContentType(text) => set(&mut headers, "content-type", text),
            Fault::NoDigestHeader => set(&mut headers, "docker-content-digest", ""),
            Fault::WrongDigestHeader => {
                let other = carrack::digest::Digest::sha256(b"something else").to_string();
                set(&mut headers, "docker-content-digest", &other);
            }
            _ => {}
        }
    }
    if announced {
        set(&mut headers, "content-length", &bytes.len().to_string());
    }
    let body = match broken {
        _ if head && !announced => unannounced(Bytes::new()),
        _ if head => full(Bytes::new()),
        Some(broken) => broken,
        None if announced => full(bytes),
        None => unannounced(bytes),
    };
    let headers: Vec<_> = headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    with(status, &headers, body)
}

/// The answer that a fault gives in place of the registry's own.
pub(super) fn instead(faults: &[Fault]) -> Option<Response<Body>> {
    faults.iter().find_map(|fault| {
        let status = |code: u16| StatusCode::from_u16(code).unwrap();
        Some(match fault {
            Fault::Status {
                status: code,
                code: name,
                retry_after,
            } => {
                let mut response = if name.is_empty() {
                    empty(status(*code))
                } else {
                    refuse(status(*code), name)
                };
                if let Some(value) = retry_after {
                    response
                        .headers_mut()
                        .insert("retry-after", value.parse().unwrap());
                }
                response
            }
            Fault::HtmlErrorBody(code) => {
                let page = "<html><body><h1>Bad Gateway</h1></body></html>";
                with(status(*code), &[("content-type", "text/html")], full(page))
            }
            Fault::HugeErrorBody(code) => with(status(*code), &[], full(vec![b'x'; 8 << 20])),
            Fault::TextErrorBody(code, text) => with(status(*code), &[], full(*text)),
            Fault::Challenge(challenges) => {
                let mut response = refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
                for challenge in challenges {
                    response
                        .headers_mut()
                        .append("www-authenticate", challenge.parse().unwrap());
                }
                response
            }
            Fault::Answer {
                status: code,
                headers,
                body,
            } => {
                let headers: Vec<_> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                with(status(*code), &headers, full(body.clone()))
            }
            Fault::RedirectTo(url) => with(StatusCode::TEMPORARY_REDIRECT, &[("location", url)], full("")),
            _ => return None,
        })
    })
}
