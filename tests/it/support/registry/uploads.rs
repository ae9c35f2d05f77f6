//! Upload sessions, in all dialects.

use bytes::Bytes;
use carrack::digest::{Algorithm, Digest};
use hyper::{Response, StatusCode};

use super::answer::{Body, empty, full, refuse, with};
use super::faults::Fault;
use super::store::{Logged, State};

/// An upload that has begun.
#[derive(Clone, Debug)]
pub(super) struct Session {
    repository: String,
    bytes: Vec<u8>,
    first_chunk: Option<usize>,
}

/// `POST /v2/<name>/blobs/uploads/`
pub(super) fn begin(
    state: &mut State,
    request: &Logged,
    repository: &str,
    faults: &[Fault],
) -> Response<Body> {
    if state.mounts
        && let (Some(mount), Some(from)) = (request.parameter("mount"), request.parameter("from"))
        && let Ok(digest) = mount.parse::<Digest>()
        && let Some(bytes) = state.find_blob(&from, &digest)
    {
        state.repository(repository).blobs.insert(digest, bytes);
        let location = format!("/v2/{repository}/blobs/{digest}");
        return with(StatusCode::CREATED, &[("location", &location)], full(""));
    }
    let id = format!("upload-{}", state.next());
    let session = Session {
        repository: repository.to_owned(),
        bytes: Vec::new(),
        first_chunk: None,
    };
    state.uploads.insert(id.clone(), session);
    let location = location(state, repository, &id, faults);
    with(
        StatusCode::ACCEPTED,
        &[("location", &location), ("range", "0-0")],
        full(""),
    )
}

/// A place with an opaque state that changes with each step, as real registries have it.
fn location(state: &mut State, repository: &str, id: &str, faults: &[Fault]) -> String {
    let step = state.next();
    let path = format!("/v2/{repository}/blobs/uploads/{id}?_state=a%2Bb%3D{step}");
    for fault in faults {
        match fault {
            Fault::RelativeLocation => return path,
            Fault::LocationAt(url) => return url.clone(),
            _ => {}
        }
    }
    format!("http://{}{path}", state.host)
}

/// `PATCH`, `PUT`, `GET` and `DELETE` of a session.
pub(super) fn step(
    state: &mut State,
    request: &Logged,
    id: &str,
    body: &Bytes,
    faults: &[Fault],
) -> Response<Body> {
    if faults.iter().any(|fault| matches!(fault, Fault::LosesUpload)) {
        state.uploads.remove(id);
    }
    let Some(mut session) = state.uploads.remove(id) else {
        return refuse(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
    };
    if !request.query.contains("_state=a%2Bb%3D") {
        return refuse(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID");
    }
    match request.method.as_str() {
        "PATCH" => patch(state, request, id, session, body, faults),
        "PUT" => {
            let whole = faults.iter().find_map(|fault| match fault {
                Fault::RefusesWhole(status) if !body.is_empty() => Some(*status),
                _ => None,
            });
            if let Some(status) = whole {
                state.uploads.insert(id.to_owned(), session);
                return refuse(StatusCode::from_u16(status).unwrap(), "SIZE_INVALID");
            }
            session.bytes.extend_from_slice(body);
            close(state, request, session, faults)
        }
        "GET" => {
            let range = range(&session, 0, faults);
            let repository = session.repository.clone();
            state.uploads.insert(id.to_owned(), session);
            let location = location(state, &repository, id, faults);
            with(
                StatusCode::NO_CONTENT,
                &[("range", &range), ("location", &location)],
                full(""),
            )
        }
        _ => empty(StatusCode::NO_CONTENT),
    }
}

fn patch(
    state: &mut State,
    request: &Logged,
    id: &str,
    mut session: Session,
    body: &Bytes,
    faults: &[Fault],
) -> Response<Body> {
    let cap = faults.iter().find_map(|fault| match fault {
        Fault::ChunkCap(cap) => Some(*cap),
        _ => None,
    });
    if cap.is_some_and(|cap| body.len() > cap) {
        state.uploads.insert(id.to_owned(), session);
        let text = "chunk exceeds the maximum of 4.00MiB";
        return with(StatusCode::RANGE_NOT_SATISFIABLE, &[], full(text));
    }
    let start = request
        .header("content-range")
        .and_then(|range| range.split_once('-'))
        .and_then(|(start, _)| start.parse::<usize>().ok());
    if start.is_some_and(|start| start != session.bytes.len()) {
        let range = range(&session, 0, &[]);
        state.uploads.insert(id.to_owned(), session);
        return with(StatusCode::RANGE_NOT_SATISFIABLE, &[("range", &range)], full(""));
    }
    session.bytes.extend_from_slice(body);
    session.first_chunk.get_or_insert(body.len());
    let range = range(&session, body.len(), faults);
    let amazon = faults.iter().any(|fault| matches!(fault, Fault::StaleRange));
    let status = if amazon {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    };
    let repository = session.repository.clone();
    state.uploads.insert(id.to_owned(), session);
    let location = location(state, &repository, id, faults);
    with(status, &[("location", &location), ("range", &range)], full(""))
}

fn range(session: &Session, chunk: usize, faults: &[Fault]) -> String {
    let mut length = session.bytes.len();
    for fault in faults {
        match fault {
            Fault::StaleRange => length = session.first_chunk.unwrap_or(length),
            Fault::RangeOfChunk if chunk > 0 => length = chunk,
            _ => {}
        }
    }
    format!("0-{}", length.saturating_sub(1))
}

fn close(state: &mut State, request: &Logged, session: Session, faults: &[Fault]) -> Response<Body> {
    let Some(Ok(digest)) = request.parameter("digest").map(|text| text.parse::<Digest>()) else {
        return refuse(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
    };
    let algorithm: Algorithm = digest.algorithm();
    if Digest::of(algorithm, &session.bytes) != digest {
        state.bad_pushes += 1;
        return refuse(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
    }
    if !faults.iter().any(|fault| matches!(fault, Fault::LiesStored)) {
        let blobs = &mut state.repository(&session.repository).blobs;
        blobs.insert(digest, session.bytes.into());
    }
    let location = format!("/v2/{}/blobs/{digest}", session.repository);
    with(StatusCode::CREATED, &[("location", &location)], full(""))
}
