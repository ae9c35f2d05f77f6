//! Which request is which.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use carrack::digest::Digest;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde_json::json;

use super::answer::{Body, content, empty, full, instead, refuse, with};
use super::faults::Fault;
use super::profile::ReferrersApi;
use super::store::{Logged, State};
use super::tokens::{self, Need};
use super::uploads;

/// Where redirected content is served without any credential.
const ELSEWHERE: &str = "/elsewhere";

/// Answers a request, or breaks the connection with an error.
pub(super) async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let logged = logged(&request);
    let faults = state.lock().unwrap().admit(&logged);
    let mut limit = None;
    for fault in &faults {
        match fault {
            Fault::Silence(pause) => tokio::time::sleep(*pause).await,
            Fault::CutUploadAfter(bytes) => limit = Some(*bytes),
            _ => {}
        }
    }
    let body = read(request.into_body(), limit).await?;
    let mut state = state.lock().unwrap();
    Ok(route(&mut state, &logged, &body, &faults))
}

fn logged(request: &Request<Incoming>) -> Logged {
    let headers = request.headers().iter();
    Logged {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
    }
}

async fn read(mut body: Incoming, limit: Option<usize>) -> Result<Bytes, io::Error> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
        if limit.is_some_and(|limit| bytes.len() >= limit) {
            return Err(io::Error::other("cut by the test"));
        }
    }
    Ok(bytes.freeze())
}

fn route(state: &mut State, request: &Logged, body: &Bytes, faults: &[Fault]) -> Response<Body> {
    if request.path == state.token_path {
        return instead(faults).unwrap_or_else(|| tokens::give(state, request, body));
    }
    if let Some(path) = request.path.strip_prefix(ELSEWHERE) {
        let inner = Logged {
            path: path.to_owned(),
            ..request.clone()
        };
        return repository_route(state, &inner, body, faults);
    }
    let need = need(&request.method, &request.path);
    if let Some(refusal) = tokens::keep_out(state, request, need.as_ref()) {
        return refusal;
    }
    if let Some(answer) = instead(faults) {
        return answer;
    }
    if faults.iter().any(|fault| matches!(fault, Fault::RedirectHere)) {
        let location = format!("{ELSEWHERE}{}", request.path);
        return with(
            StatusCode::TEMPORARY_REDIRECT,
            &[("location", &location)],
            full("moved"),
        );
    }
    if matches!(request.path.as_str(), "/v2/" | "/v2") {
        return with(
            StatusCode::OK,
            &[("content-type", "application/json")],
            full("{}"),
        );
    }
    if let Some(path) = request.path.strip_prefix("/api/v2.0/") {
        return harbor(state, request, path, body);
    }
    let project = request
        .path
        .strip_prefix("/v2/")
        .and_then(|path| path.split('/').next());
    let is_missing =
        |projects: &std::collections::BTreeSet<String>| !projects.contains(project.unwrap_or_default());
    if request.method == "POST" && state.projects.as_ref().is_some_and(is_missing) {
        return refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    }
    let named = need.map(|need| need.repository);
    let is_there = |name: &str| state.makes_repositories || state.repositories.contains_key(name);
    if request.method == "POST" && !named.is_some_and(is_there) {
        return refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
    }
    repository_route(state, request, body, faults)
}

/// Harbor's own API; any other registry has none.
fn harbor(state: &mut State, request: &Logged, path: &str, body: &Bytes) -> Response<Body> {
    let Some(projects) = &mut state.projects else {
        return empty(StatusCode::NOT_FOUND);
    };
    match (request.method.as_str(), path) {
        ("GET", "ping") => with(StatusCode::OK, &[("content-type", "text/plain")], full("Pong")),
        ("HEAD", "projects") => {
            let name = request.parameter("project_name").unwrap_or_default();
            empty(if projects.contains(&name) {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            })
        }
        ("POST", "projects") => {
            let document: serde_json::Value = serde_json::from_slice(body).unwrap();
            projects.insert(document["project_name"].as_str().unwrap().to_owned());
            empty(StatusCode::CREATED)
        }
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn need<'a>(method: &str, path: &'a str) -> Option<Need<'a>> {
    let rest = path.strip_prefix("/v2/")?;
    let end = ["/blobs/", "/manifests/", "/tags/", "/referrers/"]
        .iter()
        .filter_map(|part| rest.rfind(part))
        .max()?;
    let action = if matches!(method, "GET" | "HEAD") && !rest.contains("/uploads/") {
        "pull"
    } else {
        "push"
    };
    let repository = rest.get(..end)?;
    // A session's URL has `/blobs/uploads/`, whose first part ends the name.
    Some(Need { repository, action })
}

fn repository_route(state: &mut State, request: &Logged, body: &Bytes, faults: &[Fault]) -> Response<Body> {
    let known = need(&request.method, &request.path).map(|need| need.repository.to_owned());
    let Some(name) = known else {
        state.unknown.push(request.to_string());
        return empty(StatusCode::NOT_FOUND);
    };
    let rest = request
        .path
        .get("/v2/".len() + name.len()..)
        .unwrap_or_default()
        .to_owned();
    let rest = rest.as_str();
    match (request.method.as_str(), rest) {
        ("POST", "/blobs/uploads/" | "/blobs/uploads") => uploads::begin(state, request, &name, faults),
        (_, session) if session.starts_with("/blobs/uploads/") => {
            let id = session.trim_start_matches("/blobs/uploads/");
            uploads::step(state, request, id, body, faults)
        }
        ("GET" | "HEAD", blob) if blob.starts_with("/blobs/") => {
            blob_answer(state, request, &name, blob.trim_start_matches("/blobs/"), faults)
        }
        ("GET" | "HEAD", at) if at.starts_with("/manifests/") => manifest_answer(
            state,
            request,
            &name,
            at.trim_start_matches("/manifests/"),
            faults,
        ),
        ("PUT", at) if at.starts_with("/manifests/") => take_manifest(
            state,
            request,
            &name,
            at.trim_start_matches("/manifests/"),
            body,
            faults,
        ),
        ("GET", "/tags/list") => tags(state, request, &name, faults),
        ("GET", of) if of.starts_with("/referrers/") => {
            let subject = of.trim_start_matches("/referrers/");
            referrers(state, request, &name, subject, faults)
        }
        _ => {
            state.unknown.push(request.to_string());
            empty(StatusCode::NOT_FOUND)
        }
    }
}

fn blob_answer(
    state: &mut State,
    request: &Logged,
    name: &str,
    digest: &str,
    faults: &[Fault],
) -> Response<Body> {
    let found = digest.parse::<Digest>().ok();
    let found = found.and_then(|digest| Some((digest, state.find_blob(name, &digest)?)));
    let Some((digest, bytes)) = found else {
        return refuse(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
    };
    let head = request.method == "HEAD";
    let mut headers = vec![
        ("content-type", "application/octet-stream".to_owned()),
        ("docker-content-digest", digest.to_string()),
        ("accept-ranges", "bytes".to_owned()),
    ];
    let start = request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes="))
        .and_then(|range| range.strip_suffix('-'))
        .and_then(|start| start.parse::<usize>().ok());
    let ignored = faults.iter().any(|fault| matches!(fault, Fault::IgnoresRange));
    let Some(start) = start.filter(|_| !ignored) else {
        return content(StatusCode::OK, &headers, bytes, head, faults);
    };
    if start >= bytes.len() {
        return refuse(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID");
    }
    for fault in faults {
        if let Fault::WrongRange(text) = fault {
            if !text.is_empty() {
                headers.push(("content-range", (*text).to_owned()));
            }
            return content(StatusCode::PARTIAL_CONTENT, &headers, bytes, head, faults);
        }
    }
    let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
    headers.push(("content-range", range));
    content(
        StatusCode::PARTIAL_CONTENT,
        &headers,
        bytes.slice(start..),
        head,
        faults,
    )
}

fn manifest_answer(
    state: &mut State,
    request: &Logged,
    name: &str,
    at: &str,
    faults: &[Fault],
) -> Response<Body> {
    let known = state.repositories.contains_key(name);
    let Some((digest, manifest)) = state.find_manifest(name, at) else {
        let code = if known { "MANIFEST_UNKNOWN" } else { "NAME_UNKNOWN" };
        return refuse(StatusCode::NOT_FOUND, code);
    };
    let accepted = request.header("accept").unwrap_or_default();
    if !accepted.contains(&manifest.media_type) && !accepted.contains("*/*") {
        return refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
    }
    let headers = [
        ("content-type", manifest.media_type),
        ("docker-content-digest", digest.to_string()),
    ];
    let head = request.method == "HEAD";
    content(StatusCode::OK, &headers, manifest.bytes, head, faults)
}

fn take_manifest(
    state: &mut State,
    request: &Logged,
    name: &str,
    at: &str,
    body: &Bytes,
    faults: &[Fault],
) -> Response<Body> {
    let digest = Digest::sha256(body);
    let tag = match at.parse::<Digest>() {
        Ok(asked) if asked != Digest::of(asked.algorithm(), body) => {
            state.bad_pushes += 1;
            return refuse(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
        }
        Ok(_) => None,
        Err(_) => Some(at),
    };
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let digests = |field: &str| -> Vec<Digest> {
        let list = parsed
            .get(field)
            .and_then(|list| list.as_array())
            .cloned()
            .unwrap_or_default();
        list.iter()
            .filter_map(|d| d.get("digest")?.as_str()?.parse().ok())
            .collect()
    };
    let config = parsed
        .pointer("/config/digest")
        .and_then(|d| d.as_str()?.parse::<Digest>().ok());
    let takes_sparse = state.takes_sparse;
    let repository = state.repository(name);
    let blobs = digests("layers").into_iter().chain(config);
    let children = digests("manifests");
    // Whole before visible: what is pushed in the wrong order is refused.
    if blobs
        .into_iter()
        .any(|blob| !repository.blobs.contains_key(&blob))
        || !takes_sparse
            && children
                .iter()
                .any(|child| !repository.manifests.contains_key(child))
    {
        return refuse(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN");
    }
    if !faults.iter().any(|fault| matches!(fault, Fault::LiesStored)) {
        let media_type = request.header("content-type").unwrap_or_default().to_owned();
        state.put_manifest(name, tag, &media_type, body.clone());
    }
    let mut digest = digest.to_string();
    if faults
        .iter()
        .any(|fault| matches!(fault, Fault::WrongDigestHeader))
    {
        digest = Digest::sha256(b"something else").to_string();
    }
    let location = format!("/v2/{name}/manifests/{digest}");
    let mut headers = vec![
        ("location", location.as_str()),
        ("docker-content-digest", digest.as_str()),
    ];
    let subject = parsed.pointer("/subject/digest").and_then(|d| d.as_str());
    if let Some(subject) = subject.filter(|_| state.referrers == ReferrersApi::Full) {
        headers.push(("oci-subject", subject));
    }
    with(StatusCode::CREATED, &headers, full(""))
}

fn tags(state: &mut State, request: &Logged, name: &str, faults: &[Fault]) -> Response<Body> {
    let page = state.page_size;
    let Some(repository) = state.repositories.get(name) else {
        return refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
    };
    let last = request.parameter("last").unwrap_or_default();
    let mut tags: Vec<_> = repository
        .tags
        .keys()
        .filter(|tag| **tag > last)
        .cloned()
        .collect();
    let more = tags.len() > page;
    tags.truncate(page);
    let mut link = tags.last().filter(|_| more).map(|last| {
        // Relative, as distribution writes it.
        format!("</v2/{name}/tags/list?last={last}&n={page}>; rel=\"next\"")
    });
    for fault in faults {
        if let Fault::LinkTo(url) = fault {
            link = Some(format!("<{url}>; rel=\"next\""));
        }
    }
    let body = json!({"name": name, "tags": tags}).to_string();
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(link.map(|link| ("link", link)));
    content(StatusCode::OK, &headers, body.into(), false, faults)
}

fn referrers(
    state: &mut State,
    request: &Logged,
    name: &str,
    digest: &str,
    faults: &[Fault],
) -> Response<Body> {
    if let ReferrersApi::Absent(status) = state.referrers {
        return empty(StatusCode::from_u16(status).unwrap());
    }
    let manifests = state
        .repositories
        .get(name)
        .into_iter()
        .flat_map(|repository| &repository.manifests);
    let mut found: Vec<_> = manifests
        .filter_map(|(own, manifest)| {
            let parsed: serde_json::Value = serde_json::from_slice(&manifest.bytes).ok()?;
            let subject = parsed.pointer("/subject/digest")?.as_str()?;
            let kind = parsed.get("artifactType").or_else(|| parsed.pointer("/config/mediaType"));
            let size = manifest.bytes.len();
            let mut descriptor = json!({
                "mediaType": manifest.media_type, "digest": own.to_string(), "size": size, "artifactType": kind,
            });
            if let Some(annotations) = parsed.get("annotations") {
                descriptor["annotations"] = annotations.clone();
            }
            (subject == digest).then_some((own.to_string(), descriptor))
        })
        .collect();
    let last = request.parameter("last").unwrap_or_default();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.retain(|(own, _)| *own > last);
    let more = found.len() > state.page_size;
    found.truncate(state.page_size);
    let mut link = found
        .last()
        .filter(|_| more)
        .map(|(last, _)| format!("</v2/{name}/referrers/{digest}?last={last}>; rel=\"next\""));
    for fault in faults {
        if let Fault::LinkTo(url) = fault {
            link = Some(format!("<{url}>; rel=\"next\""));
        }
    }
    let manifests: Vec<_> = found.into_iter().map(|(_, descriptor)| descriptor).collect();
    let index = "application/vnd.oci.image.index.v1+json";
    let body = json!({"schemaVersion": 2, "mediaType": index, "manifests": manifests}).to_string();
    let mut headers = vec![("content-type", index.to_owned())];
    headers.extend(link.map(|link| ("link", link)));
    content(StatusCode::OK, &headers, body.into(), false, faults)
}
