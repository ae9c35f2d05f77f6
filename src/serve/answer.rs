//! Answers, with the errors of the distribution protocol.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::Content;

/// An answer before it is counted and sent.
pub(super) type Answer = Response<Content>;

/// Error codes of the distribution specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    NameUnknown,
    ManifestUnknown,
    BlobUnknown,
    DigestInvalid,
    Unauthorized,
    Unsupported,
    PaginationNumberInvalid,
    RangeInvalid,
    Unknown,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Unsupported => "UNSUPPORTED",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::RangeInvalid => "RANGE_INVALID",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// An answer that carries bytes of a media type.
pub(super) fn bytes(status: StatusCode, media_type: &str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Content::Bytes(bytes.into()));
    *answer.status_mut() = status;
    header(&mut answer, CONTENT_TYPE, media_type);
    answer
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Content::empty());
    *answer.status_mut() = status;
    answer
}

/// JSON with status 200.
pub(super) fn json(value: &serde_json::Value) -> Answer {
    bytes(StatusCode::OK, "application/json", value.to_string())
}

/// An error as registries tell it.
pub(super) fn error(status: StatusCode, code: Code, message: &str) -> Answer {
    let document = serde_json::json!({ "errors": [{ "code": code.text(), "message": message }] });
    bytes(status, "application/json", document.to_string())
}

/// What is not here.
pub(super) fn absent(code: Code, message: &str) -> Answer {
    error(StatusCode::NOT_FOUND, code, message)
}

/// Puts a header on; a value that is no header's value is left out.
pub(super) fn header(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// The same answer without its body, as HEAD gets it. The length stays that of the body.
pub(super) fn without_body(answer: Answer) -> Answer {
    use hyper::body::Body as _;
    let length = answer.body().size_hint().exact();
    let (mut parts, _) = answer.into_parts();
    if let Some(length) = length.filter(|_| !parts.headers.contains_key(CONTENT_LENGTH)) {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Content::empty())
}
