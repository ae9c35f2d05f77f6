//! The reading half of the distribution protocol.

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LINK};
use hyper::{HeaderMap, StatusCode};
use serde_json::json;

use super::answer::{self, Answer, Code};
use super::catalog::{Catalog, Shelf};
use super::content;
use super::route::Wanted;
use crate::bundle::{self, Bundle};
use crate::causes::chain;
use crate::digest::Digest;
use crate::mirrors::Resolution;
use crate::oci::media_type;
use crate::reference::{Reference, Repository, Tag};

/// The digest of what is sent; registries say it and clients compare it.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// Which filters a referrers list went through.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// The query of a request, as far as this registry reads one.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// containerd's `ns`: the upstream host.
    pub(super) namespace: Option<String>,
    /// How many names a page has; the text is what the client wrote.
    pub(super) page: Option<Result<usize, String>>,
    /// The last name of the page before.
    pub(super) last: Option<String>,
    /// Only referrers of this type.
    pub(super) artifact_type: Option<String>,
}

impl Query {
    pub(super) fn parse(text: Option<&str>) -> Self {
        let mut query = Self::default();
        for (key, value) in url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            match key.as_ref() {
                "ns" => query.namespace = Some(value.into_owned()),
                "n" => query.page = Some(value.parse().map_err(|_| value.into_owned())),
                "last" => query.last = Some(value.into_owned()),
                "artifactType" => query.artifact_type = Some(value.into_owned()),
                _ => {}
            }
        }
        query
    }
}

/// One bundle, asked by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registry<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) catalog: &'a Catalog,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a Query,
}

impl<'a> Registry<'a> {
    /// `/v2/_catalog`
    pub(super) fn catalog(&self) -> Answer {
        let names: Vec<_> = self.catalog.names().collect();
        self.page(&names, "/v2/_catalog", |names| json!({ "repositories": names }))
    }

    /// `/v2/<name>/tags/list`
    pub(super) fn tags(&self, name: &str) -> Answer {
        self.within(name, |_, shelf| {
            let tags: Vec<_> = shelf.tags().keys().map(Tag::as_str).collect();
            self.page(
                &tags,
                &format!("/v2/{name}/tags/list"),
                |tags| json!({ "name": name, "tags": tags }),
            )
        })
    }

    /// `/v2/<name>/manifests/<tag or digest>`
    pub(super) fn manifest(&self, name: &str, wanted: &Wanted) -> Answer {
        self.within(name, |repository, shelf| {
            let digest = match wanted {
                Wanted::Digest(digest) => Some(*digest),
                Wanted::Tag(tag) => shelf.tags().get(tag).copied(),
            };
            let found = digest.and_then(|digest| Some((digest, shelf.media_type(&digest)?)));
            let Some((digest, media_type)) = found else {
                return answer::absent(Code::ManifestUnknown, &self.why_absent(repository, wanted));
            };
            let etag = format!("\"{digest}\"");
            if let Some(answer) = content::unchanged(self.headers, &etag) {
                return with_digest(answer, &digest);
            }
            match self.bundle.manifest(&digest) {
                Ok(bytes) => {
                    let mut answer = answer::bytes(StatusCode::OK, media_type, bytes);
                    answer::header(&mut answer, ETAG, &etag);
                    if matches!(wanted, Wanted::Digest(_)) {
                        immutable(&mut answer);
                    }
                    with_digest(answer, &digest)
                }
                Err(error) => from_bundle(&error, Code::ManifestUnknown),
            }
        })
    }

    /// `/v2/<name>/blobs/<digest>`
    pub(super) fn blob(&self, name: &str, digest: &Digest) -> Answer {
        self.within(name, |_, _| match self.bundle.blob(digest) {
            Ok(blob) => {
                let mut answer = content::part(blob, self.headers, Some(&format!("\"{digest}\"")));
                if answer.status().is_success() {
                    answer::header(&mut answer, CONTENT_TYPE, "application/octet-stream");
                    immutable(&mut answer);
                }
                with_digest(answer, digest)
            }
            Err(error) => from_bundle(&error, Code::BlobUnknown),
        })
    }

    /// `/v2/<name>/referrers/<digest>`
    pub(super) fn referrers(&self, name: &str, subject: &Digest) -> Answer {
        self.within(name, |_, shelf| {
            let wanted = self.query.artifact_type.as_deref();
            let manifests: Vec<_> = shelf
                .referrers(subject)
                .iter()
                .filter(|found| wanted.is_none() || found.artifact_type.as_deref() == wanted)
                .collect();
            let index =
                json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
            let mut answer = answer::bytes(StatusCode::OK, media_type::OCI_INDEX, index.to_string());
            if wanted.is_some() {
                answer::header(&mut answer, FILTERS_APPLIED, "artifactType");
            }
            answer
        })
    }

    /// Finds the repository that a name stands for, or tells why there is none.
    fn within(&self, name: &str, then: impl FnOnce(&'a Repository, &'a Shelf) -> Answer) -> Answer {
        let found = match self.catalog.resolve(name, self.query.namespace.as_deref()) {
            Resolution::One(repository) => self.catalog.shelf(repository).map(|shelf| (repository, shelf)),
            Resolution::Ambiguous(several) => {
                let several: Vec<_> = several.iter().map(ToString::to_string).collect();
                let message = format!(
                    "this name is short for {}: ask for one of them by host and path",
                    several.join(" and for ")
                );
                return answer::absent(Code::NameUnknown, &message);
            }
            Resolution::Unknown => None,
        };
        match found {
            Some((repository, shelf)) => then(repository, shelf),
            None => answer::absent(Code::NameUnknown, "the bundle has no repository of this name"),
        }
    }

    fn why_absent(&self, repository: &Repository, wanted: &Wanted) -> String {
        match wanted {
            Wanted::Tag(tag) => {
                let reference = Reference::tagged(repository.clone(), tag.clone());
                format!("the bundle does not have {reference}")
            }
            Wanted::Digest(digest) => {
                let chosen = self
                    .catalog
                    .inventory()
                    .is_some_and(|inventory| inventory.absent.contains_key(digest));
                if chosen {
                    format!("{digest} was left out of the bundle by choice, such as for another platform")
                } else {
                    format!("the bundle does not have {repository}@{digest}")
                }
            }
        }
    }

    /// A page of names with the link to the next one. Without `n` the page has all names.
    fn page(
        &self,
        names: &[&str],
        path: &str,
        document: impl FnOnce(&[&str]) -> serde_json::Value,
    ) -> Answer {
        let start = self
            .query
            .last
            .as_deref()
            .map_or(0, |last| names.partition_point(|name| *name <= last));
        let rest = names.get(start..).unwrap_or_default();
        let size = match &self.query.page {
            None => rest.len(),
            Some(Ok(size)) => (*size).min(rest.len()),
            Some(Err(_)) => {
                let message = "n is no number of names";
                return answer::error(StatusCode::BAD_REQUEST, Code::PaginationNumberInvalid, message);
            }
        };
        let page = rest.get(..size).unwrap_or_default();
        let mut answer = answer::json(&document(page));
        if let (true, Some(last)) = (size < rest.len(), page.last()) {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query
                .append_pair("n", &size.to_string())
                .append_pair("last", last);
            if let Some(namespace) = &self.query.namespace {
                query.append_pair("ns", namespace);
            }
            answer::header(
                &mut answer,
                LINK,
                &format!("<{path}?{}>; rel=\"next\"", query.finish()),
            );
        }
        answer
    }
}

/// What the bundle said. Only "it is not here" is absence; a damaged or unreadable file is an error of the server.
fn from_bundle(error: &bundle::Error, code: Code) -> Answer {
    let message = chain(error);
    match error {
        bundle::Error::BlobMissing { .. } => answer::absent(code, &message),
        _ => answer::error(StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown, &message),
    }
}

fn with_digest(mut answer: Answer, digest: &Digest) -> Answer {
    answer::header(&mut answer, CONTENT_DIGEST, &digest.to_string());
    answer
}

/// What is asked for by digest never changes.
fn immutable(answer: &mut Answer) {
    answer::header(answer, CACHE_CONTROL, "max-age=31536000, immutable");
}
