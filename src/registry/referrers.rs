//! What refers to a manifest: the referrers API, the tags that stand in for it, and the list that a client keeps where
//! there is no API.
//!
//! "It has none" is only what a registry says itself. A refusal, a server's fault and a missing answer are errors, because
//! an image whose signatures were lost looks like one that nobody signed.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::TagOrDigest;
use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, Kind, What};
use super::listing::Pages;
use super::manifest::Manifest;
use super::scope::{Access, Scopes};
use crate::digest::Digest;
use crate::http::header::{ACCEPT, HeaderValue, WWW_AUTHENTICATE};
use crate::http::{Request, StatusCode, Url};
use crate::oci::{Attachment, Descriptor, Document, MANIFEST_CAP, media_type};
use crate::reference::{Repository, Tag};

/// Referrers of one manifest that are read: endless attestations are an attack (CVE-2023-46737).
const REFERRERS: usize = 1_000;

/// How often a list is written when others write it at the same time.
const WRITES: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexPage {
    /// Always there in an index; an answer without it is some other document.
    #[serde(rename = "schemaVersion")]
    _schema_version: u64,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

/// One answer of the referrers API.
enum Answer {
    Page(IndexPage, Option<Url>),
    /// The registry does not have the API.
    Unsupported,
    /// The registry does not have the API for this repository.
    UnsupportedHere,
}

impl Client {
    /// What the referrers API lists for the manifest `subject`, which the registry is known to have; `None` where there
    /// is no such API. A registry that was found to have none is not asked again, nor while the first question to it is
    /// on its way.
    pub async fn listed_referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let first = self.first_question(repository.host());
        let mut own = None;
        first
            .get_or_init(async || own = Some(self.ask_for_referrers(repository, subject).await))
            .await;
        match own {
            Some(answer) => answer,
            None => self.ask_for_referrers(repository, subject).await,
        }
    }

    /// Set once a host was asked for referrers for the first time, however it answered.
    fn first_question(&self, host: &str) -> Arc<OnceCell<()>> {
        let asked = self.inner.asked_for_referrers.lock();
        let mut asked = asked.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(asked.entry(host.to_owned()).or_default())
    }

    async fn ask_for_referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        if self.has_no_api(repository) {
            return Ok(None);
        }
        let asked = Asked::of(repository, What::Referrers(*subject));
        let url = self.url(&asked, &format!("v2/{}/referrers/{subject}", repository.path()))?;
        let mut pages = Pages::starting(url);
        let mut found: Vec<Descriptor> = Vec::new();
        while let Some(url) = pages.turn(&asked)? {
            let (page, next) = match self.referrer_page(&asked, repository, &url).await? {
                Answer::Page(page, next) => (page, next),
                Answer::Unsupported => {
                    self.note_no_api(repository.host().to_owned());
                    return Ok(None);
                }
                Answer::UnsupportedHere => {
                    self.note_no_api(repository.to_string());
                    return Ok(None);
                }
            };
            pages.next = next;
            found.extend(page.manifests.unwrap_or_default());
            check_count(&asked, found.len())?;
        }
        Ok(Some(found))
    }

    /// What refers to the manifest `subject`: signatures, SBOMs, attestations. From the referrers API where the registry
    /// has it, otherwise from the tag that stands in for it. Of cosign's own tags nothing is said.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        if let Some(found) = self.listed_referrers(repository, subject).await? {
            return Ok(found);
        }
        let asked = Asked::of(repository, What::Referrers(*subject));
        let tag = list_tag(&asked, subject)?;
        let Some(list) = self.manifest_if_any(repository, &tag).await? else {
            return Ok(Vec::new());
        };
        let document = list.document().map_err(|error| Error::new(&asked, error))?;
        check_count(&asked, document.manifests.len())?;
        Ok(document.manifests)
    }

    fn has_no_api(&self, repository: &Repository) -> bool {
        let known = self.inner.without_referrers.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.contains(repository.host()) || known.contains(&repository.to_string())
    }

    fn note_no_api(&self, place: String) {
        let mut known = self
            .inner
            .without_referrers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert(place);
    }

    async fn referrer_page(
        &self,
        asked: &Asked,
        repository: &Repository,
        url: &Url,
    ) -> Result<Answer, Error> {
        let scopes = Scopes::repository(repository.path(), Access::Pull);
        self.retrying(asked, || async {
            let mut request = Request::get(url.clone());
            request
                .headers
                .insert(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX));
            let response = self.call(asked, &scopes, request).await?;
            match response.status() {
                StatusCode::OK => {
                    let (page, next) = self.page(asked, response, "a list of referrers").await?;
                    Ok(Answer::Page(page, next))
                }
                StatusCode::METHOD_NOT_ALLOWED => Ok(Answer::Unsupported),
                // Harbor before 2.8 answers so to a path that it does not know.
                StatusCode::UNAUTHORIZED if !response.headers().contains_key(WWW_AUTHENTICATE) => {
                    Ok(Answer::Unsupported)
                }
                StatusCode::BAD_REQUEST => Ok(Answer::UnsupportedHere),
                status => {
                    let refused = refusal(asked, response).await;
                    match status {
                        // A registry that knows the path speaks of the repository or the manifest.
                        StatusCode::NOT_FOUND if refused.is_absent() => Ok(Answer::UnsupportedHere),
                        StatusCode::NOT_FOUND => Ok(Answer::Unsupported),
                        _ => Err(refused),
                    }
                }
            }
        })
        .await
    }

    /// The manifest of a tag, `None` if the registry itself says that it has no such tag.
    pub async fn manifest_if_any(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<Manifest>, Error> {
        match self.manifest(repository, &TagOrDigest::Tag(tag.clone())).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tags of a repository that attach something to a manifest, from its list of tags; `None` if the list is longer
    /// than `pages` pages or is not given out, which says nothing about the tags.
    pub async fn attaching_tags(
        &self,
        repository: &Repository,
        pages: usize,
    ) -> Result<Option<BTreeSet<Tag>>, Error> {
        let mut found = BTreeSet::new();
        let keep = |tag: Tag| {
            if Attachment::of_tag(&tag).is_some() {
                found.insert(tag);
            }
        };
        match self.read_tags(repository, pages, keep).await {
            Ok(true) => Ok(Some(found)),
            Ok(false) => Ok(None),
            // A token may let us pull and not list, and a cache may not know the list at all: the tags themselves are
            // asked for then. A limit that is reached and a server that is ill concern those questions as well.
            Err(error) => match error.status() {
                Some(status) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    /// Sees to it that the list of what refers to `subject` has all of `own`, in a registry without the referrers API.
    ///
    /// What is listed already stays. `original` is the list as upstream has it: where it says all that is to be said, its
    /// bytes are used. The list is read again after it was written, because others may write it at the same time.
    pub async fn keep_list(
        &self,
        repository: &Repository,
        subject: &Digest,
        own: &[Descriptor],
        original: Option<&Bytes>,
    ) -> Result<(), Error> {
        let asked = Asked::of(repository, What::Referrers(*subject));
        let tag = list_tag(&asked, subject)?;
        for _ in 0..WRITES {
            let there = self.manifest_if_any(repository, &tag).await?;
            let there = there.as_ref().map(|manifest| &manifest.bytes);
            let merged = merged(there, own, original)
                .map_err(|problem| Error::new(&asked, Kind::Protocol { problem }))?;
            let Some(bytes) = merged else {
                return Ok(());
            };
            let at = TagOrDigest::Tag(tag.clone());
            self.push_manifest(repository, &bytes, media_type::OCI_INDEX, &at)
                .await?;
        }
        let problem = "others keep overwriting the list of referrers";
        Err(Error::new(&asked, Kind::Protocol { problem }))
    }
}

fn check_count(asked: &Asked, found: usize) -> Result<(), Error> {
    if found > REFERRERS {
        let cap = REFERRERS;
        return Err(Error::new(asked, Kind::TooManyReferrers { cap }));
    }
    Ok(())
}

fn list_tag(asked: &Asked, subject: &Digest) -> Result<Tag, Error> {
    let problem = "the digest makes no fallback tag";
    let tag = Attachment::List.tag(subject);
    tag.ok_or_else(|| Error::new(asked, Kind::Protocol { problem }))
}

/// The bytes of a list that has all of `there` and all of `own`; `None` if `there` has it all.
fn merged(
    there: Option<&Bytes>,
    own: &[Descriptor],
    original: Option<&Bytes>,
) -> Result<Option<Bytes>, &'static str> {
    let present = there.map(listed).transpose()?.unwrap_or_default();
    let missing: Vec<&Descriptor> = own.iter().filter(|d| !present.contains(&d.digest)).collect();
    if there.is_some() && missing.is_empty() {
        return Ok(None);
    }
    if let Some(original) = original {
        let all = listed(original)?;
        if present.is_subset(&all) && own.iter().all(|d| all.contains(&d.digest)) {
            return Ok(Some(original.clone()));
        }
    }
    let mut list = match there {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| NO_INDEX)?,
        None => serde_json::json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_INDEX,
            "manifests": [],
        }),
    };
    let manifests = list
        .get_mut("manifests")
        .and_then(Value::as_array_mut)
        .ok_or(NO_INDEX)?;
    for descriptor in missing {
        manifests.push(serde_json::to_value(descriptor).map_err(|_| NO_INDEX)?);
    }
    let bytes = serde_json::to_vec(&list).map_err(|_| NO_INDEX)?;
    if bytes.len() as u64 > MANIFEST_CAP {
        return Err("the list of referrers would be larger than a manifest may be");
    }
    Ok(Some(bytes.into()))
}

const NO_INDEX: &str = "the tag that lists referrers is no index";

fn listed(bytes: &Bytes) -> Result<BTreeSet<Digest>, &'static str> {
    let document = Document::parse(bytes, None).map_err(|_| NO_INDEX)?;
    if document.is_index() {
        Ok(document.manifests.iter().map(|d| d.digest).collect())
    } else {
        Err(NO_INDEX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(content: &str) -> Descriptor {
        let mut descriptor = Descriptor::new(
            media_type::OCI_MANIFEST,
            Digest::sha256(content.as_bytes()),
            content.len() as u64,
        );
        descriptor.artifact_type = Some("application/spdx+json".to_owned());
        descriptor
    }

    fn list(of: &[&str]) -> Bytes {
        let manifests: Vec<Descriptor> = of.iter().map(|content| descriptor(content)).collect();
        let list =
            serde_json::json!({"schemaVersion": 2, "annotations": {"kept": "yes"}, "manifests": manifests});
        serde_json::to_vec_pretty(&list).unwrap().into()
    }

    #[test]
    fn a_list_that_has_it_all_is_not_written() {
        assert_eq!(
            merged(Some(&list(&["a", "b"])), &[descriptor("a")], None),
            Ok(None)
        );
    }

    #[test]
    fn upstreams_own_list_keeps_its_bytes_where_it_says_everything() {
        let original = list(&["a", "b"]);
        let own = [descriptor("a"), descriptor("b")];
        assert_eq!(merged(None, &own, Some(&original)), Ok(Some(original.clone())));
        assert_eq!(
            merged(Some(&list(&["b"])), &own, Some(&original)),
            Ok(Some(original.clone()))
        );
    }

    #[test]
    fn what_a_site_has_listed_itself_stays() {
        let bytes = merged(Some(&list(&["site"])), &[descriptor("a")], Some(&list(&["a"])));
        let bytes = bytes.unwrap().unwrap();
        let document = Document::parse(&bytes, None).unwrap();
        assert_eq!(document.manifests, [descriptor("site"), descriptor("a")]);
        assert_eq!(document.annotations["kept"], "yes");
    }

    #[test]
    fn a_tag_that_is_no_list_is_not_overwritten() {
        let image = Bytes::from_static(br#"{"schemaVersion":2,"layers":[]}"#);
        assert_eq!(merged(Some(&image), &[descriptor("a")], None), Err(NO_INDEX));
    }
}
