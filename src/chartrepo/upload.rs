//! Charts into a repository that takes uploads: ChartMuseum, and Harbor's chart museum up to version 2.7.
//!
//! A repository at `/PATH` takes archives at `/api/PATH/charts`: `/api/charts` of a ChartMuseum with one repository,
//! `/api/ORG/REPO/charts` of one with many, `/api/chartrepo/PROJECT/charts` of Harbor. A ChartMuseum that was told a context
//! path has its API below that: `/PATH/api/charts`.

use bytes::Bytes;
use url::Url;

use super::archive::Archive;
use super::fetch::{Site, classic};
use super::{Error, Fetcher, NotSent, Source};
use crate::digest::Digest;
use crate::http::header::{CONTENT_TYPE, HeaderValue};
use crate::http::{Body, Lane, Method, Request, StatusCode};
use crate::secret::redact_url;

/// An archive larger than this is no chart's.
const ARCHIVE_CAP: u64 = 100 << 20;

/// Of an error's page, this much is shown.
const SAID_CAP: usize = 300;

/// A chart that a repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Where its archive is.
    pub url: String,
    /// Whether it was there already.
    pub was_there: bool,
}

impl Fetcher {
    /// Brings one archive into the repository at `repository`, the address that `helm repo add` takes, with its
    /// provenance file if there is one.
    ///
    /// A version that is there with another archive is an error: versions do not change.
    pub async fn upload(
        &self,
        repository: &Source,
        archive: Bytes,
        provenance: Option<Bytes>,
    ) -> Result<Uploaded, Error> {
        let described = Archive::read(&archive)?;
        let Some((url, login)) = classic(repository) else {
            return Err(Error::NoUpload {
                url: repository.to_string(),
            });
        };
        let mut base = url.clone();
        base.set_path(&format!("{}/", url.path().trim_end_matches('/')));
        let site = self.site(&base, login).await?;
        let file = format!("{}-{}.tgz", described.name, described.version);
        let at = site.resolve(&format!("charts/{file}"))?;
        let url = redact_url(at.as_str());
        if self.has(&site, &at, &archive).await? {
            return Ok(Uploaded { url, was_there: true });
        }
        let (content_type, body) = form(&file, &archive, provenance.as_ref());
        let mut sent = Err(Error::NoUpload {
            url: redact_url(base.as_str()),
        });
        for api in apis(&base) {
            sent = self.post(&site, &api, &content_type, &body).await;
            if !matches!(&sent, Err(error) if error.is_absent()) {
                break;
            }
        }
        match sent {
            Ok(()) => Ok(Uploaded {
                url,
                was_there: false,
            }),
            Err(error) if error.is_absent() => Err(Error::NoUpload {
                url: redact_url(base.as_str()),
            }),
            // Someone was faster, or our own try went through and its answer was lost.
            Err(error) if error.is_conflict() => match self.has(&site, &at, &archive).await {
                Ok(true) => Ok(Uploaded {
                    url,
                    was_there: false,
                }),
                Ok(false) => Err(error),
                Err(taken) => Err(taken),
            },
            Err(error) => Err(error),
        }
    }

    /// Whether the repository has this very archive. Another one in its place is an error.
    async fn has(&self, site: &Site, at: &Url, archive: &Bytes) -> Result<bool, Error> {
        match self.get(site, at, "a chart archive", ARCHIVE_CAP).await {
            Ok(there) if there == *archive => Ok(true),
            Ok(there) => Err(Error::VersionTaken {
                reference: redact_url(at.as_str()),
                ours: Digest::sha256(archive),
                theirs: NotSent::Other(Digest::sha256(&there)),
            }),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn post(
        &self,
        site: &Site,
        api: &Url,
        content_type: &HeaderValue,
        body: &Bytes,
    ) -> Result<(), Error> {
        let mut request = Request::new(Method::POST, api.clone());
        request.headers.insert(CONTENT_TYPE, content_type.clone());
        request.body = Body::Bytes(body.clone());
        request.lane = Lane::Write;
        // A redirect would lead to a page for people.
        request.follow = false;
        self.ask(site, request, |request| self.post_once(request)).await
    }

    async fn post_once(&self, request: Request) -> Result<(), Error> {
        let url = redact_url(request.url.as_str());
        let sent = self.send(&request).await;
        let response = sent.map_err(|source| Error::Http {
            url: url.clone(),
            source,
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = response.retry_after();
        let said = response.head(SAID_CAP).await;
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) || said.is_empty() {
            return Err(Error::Refused {
                url,
                status,
                retry_after,
            });
        }
        Err(Error::NotTaken {
            url,
            status,
            said: crate::secret::printable(&String::from_utf8_lossy(&said), SAID_CAP),
            retry_after,
        })
    }
}

/// Where a repository takes uploads, the likeliest first.
fn apis(base: &Url) -> Vec<Url> {
    let path = base.path().trim_matches('/');
    let mut paths = vec![format!("/api/{path}/charts").replace("//", "/")];
    if !path.is_empty() {
        paths.push(format!("/{path}/api/charts"));
    }
    let at = |path: String| {
        let mut url = base.clone();
        url.set_path(&path);
        url
    };
    paths.into_iter().map(at).collect()
}

/// The form that both take, `multipart/form-data`: the archive, and its provenance file.
fn form(file: &str, archive: &Bytes, provenance: Option<&Bytes>) -> (HeaderValue, Bytes) {
    // A text that stands in no file which does not hold its own digest.
    let boundary = format!("carrack-{}", Digest::sha256(archive).hex());
    let mut body = Vec::with_capacity(archive.len() + 1024);
    let parts = [
        ("chart", String::new(), Some(archive)),
        ("prov", ".prov".to_owned(), provenance),
    ];
    for (field, end, bytes) in parts {
        if let Some(bytes) = bytes {
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file}{end}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let value = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
    (
        value.unwrap_or_else(|_| HeaderValue::from_static("multipart/form-data")),
        body.into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_repository_has_its_own_place_for_uploads() {
        for (base, expected) in [
            ("https://h.lan/", vec!["/api/charts"]),
            (
                "https://h.lan/org/repo/",
                vec!["/api/org/repo/charts", "/org/repo/api/charts"],
            ),
            (
                "https://h.lan/chartrepo/team/",
                vec!["/api/chartrepo/team/charts", "/chartrepo/team/api/charts"],
            ),
        ] {
            let found: Vec<_> = apis(&base.parse().unwrap())
                .iter()
                .map(|url| url.path().to_owned())
                .collect();
            assert_eq!(found, expected);
        }
    }
}
