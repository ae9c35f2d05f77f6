//! Content as a client asks for it: the whole, a part, or nothing because the client has it.

use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG};
use hyper::{HeaderMap, Response, StatusCode};

use super::answer::{self, Answer, Code};
use super::body::{Content, FilePart};
use super::conditions::{self, Part};
use crate::bundle::Blob;

/// A file of the bundle, or the part of it that the request asks for. `etag` is quoted; none means that the content
/// may change under its name.
pub(super) fn part(blob: Blob, headers: &HeaderMap, etag: Option<&str>) -> Answer {
    if let Some(answer) = etag.and_then(|etag| unchanged(headers, etag)) {
        return answer;
    }
    let size = blob.size();
    let (status, first, length) = match conditions::part(headers, size, etag.unwrap_or_default()) {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Bytes { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Unsatisfiable => {
            let message = "the content has no byte in this range";
            let mut answer = answer::error(StatusCode::RANGE_NOT_SATISFIABLE, Code::RangeInvalid, message);
            answer::header(&mut answer, CONTENT_RANGE, &format!("bytes */{size}"));
            return answer;
        }
    };
    let mut answer = Response::new(Content::File(FilePart::new(blob, first, length)));
    *answer.status_mut() = status;
    answer::header(&mut answer, ACCEPT_RANGES, "bytes");
    if let Some(etag) = etag {
        answer::header(&mut answer, ETAG, etag);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{size}", first + length - 1);
        answer::header(&mut answer, CONTENT_RANGE, &range);
    }
    answer
}

/// 304, if the client says that it has the content with this `ETag`.
pub(super) fn unchanged(headers: &HeaderMap, etag: &str) -> Option<Answer> {
    conditions::is_known_to_client(headers, etag).then(|| {
        let mut answer = answer::empty(StatusCode::NOT_MODIFIED);
        answer::header(&mut answer, ETAG, etag);
        answer
    })
}
