//! Lists that come in pages, such as the tags of a repository.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;

use super::call::refusal;
use super::client::Client;
use super::error::{Asked, Error, Kind, What};
use super::scope::{Access, Scopes};
use crate::http::header::LINK;
use crate::http::{Request, Response, StatusCode, Url, same_origin};
use crate::observe::Event;
use crate::oci::MANIFEST_CAP;
use crate::reference::{Repository, Tag};
use crate::secret::{printable, redact_url};

/// A page of a list that is longer is refused.
const PAGE_CAP: u64 = 16 << 20;

/// Pages of one list that are read.
const PAGES: usize = 10_000;

#[derive(Deserialize)]
struct TagPage {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// A list that is being read.
pub(super) struct Pages {
    pub(super) next: Option<Url>,
    seen: HashSet<Url>,
}

impl Pages {
    pub(super) fn starting(url: Url) -> Self {
        Self {
            next: Some(url),
            seen: HashSet::new(),
        }
    }

    /// The page to read now.
    pub(super) fn turn(&mut self, asked: &Asked) -> Result<Option<Url>, Error> {
        let Some(url) = self.next.take() else {
            return Ok(None);
        };
        if self.seen.len() >= PAGES || !self.seen.insert(url.clone()) {
            let page = self.seen.len();
            return Err(Error::new(asked, Kind::Endless { page }));
        }
        Ok(Some(url))
    }
}

impl Client {
    /// All tags of a repository, sorted. Entries that are no tags are left out with a warning.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        let mut tags = BTreeSet::new();
        let keep = |tag| {
            tags.insert(tag);
        };
        // More pages than are read at all are an error of their own.
        self.read_tags(repository, PAGES + 1, keep).await?;
        Ok(tags.into_iter().collect())
    }

    /// Reads at most so many pages of a repository's list of tags; tells whether that was all of it.
    pub(super) async fn read_tags(
        &self,
        repository: &Repository,
        pages: usize,
        mut keep: impl FnMut(Tag) + Send,
    ) -> Result<bool, Error> {
        let asked = Asked::of(repository, What::Tags);
        let mut url = self.url(&asked, &format!("v2/{}/tags/list", repository.path()))?;
        url.set_query(Some("n=1000"));
        let mut list = Pages::starting(url);
        for _ in 0..pages {
            let Some(url) = list.turn(&asked)? else {
                return Ok(true);
            };
            let (page, next) = self.tag_page(&asked, repository, &url).await?;
            list.next = next;
            for text in page.tags.unwrap_or_default() {
                match text.parse() {
                    Ok(tag) => keep(tag),
                    Err(_) => self.inner.http.tell(&Event::Warning {
                        text: format!("{repository} lists `{}`, which is no tag", printable(&text, 128)),
                    }),
                }
            }
        }
        Ok(list.next.is_none())
    }

    async fn tag_page(
        &self,
        asked: &Asked,
        repository: &Repository,
        url: &Url,
    ) -> Result<(TagPage, Option<Url>), Error> {
        let scopes = Scopes::repository(repository.path(), Access::Pull);
        self.retrying(asked, || async {
            let response = self.call(asked, &scopes, Request::get(url.clone())).await?;
            if response.status() != StatusCode::OK {
                return Err(refusal(asked, response).await);
            }
            self.page(asked, response, "a list of tags").await
        })
        .await
    }

    /// Reads a page, and where the next one is.
    pub(super) async fn page<T: serde::de::DeserializeOwned>(
        &self,
        asked: &Asked,
        response: Response,
        what: &'static str,
    ) -> Result<(T, Option<Url>), Error> {
        let next = self.next(asked, &response)?;
        let body = response.bytes(what, PAGE_CAP.max(MANIFEST_CAP)).await;
        let body = body.map_err(|error| Error::new(asked, error))?;
        let problem = "the list is not well formed";
        let page =
            serde_json::from_slice(&body).map_err(|_| Error::new(asked, Kind::Protocol { problem }))?;
        Ok((page, next))
    }

    /// The next page that a `Link` header names. It must be at the registry itself.
    fn next(&self, asked: &Asked, response: &Response) -> Result<Option<Url>, Error> {
        let links = response.headers().get_all(LINK).iter();
        let Some(target) = links.filter_map(|value| value.to_str().ok()).find_map(next_link) else {
            return Ok(None);
        };
        let bad = |problem| {
            let target = printable(&redact_url(&target), 200);
            Error::new(asked, Kind::BadLink { target, problem })
        };
        let mut url = response.url().join(&target).map_err(|_| bad("which is no URL"))?;
        let home = self.origin(asked)?;
        if url.scheme() == "http" && home.scheme() == "https" && url.host() == home.host() {
            // A proxy that ends TLS hides it from the registry behind it.
            let _ = url.set_scheme("https");
            let _ = url.set_port(home.port());
        }
        if !same_origin(&home, &url) {
            return Err(bad("which is another host"));
        }
        Ok(Some(url))
    }
}

/// The target of `<target>; rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, parameters) = after.split_once('>')?;
        let own = parameters.split('<').next().unwrap_or_default();
        let is_next = own.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = parameters;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        for (header, expected) in [
            (
                r#"</v2/a/tags/list?last=b&n=2>; rel="next""#,
                Some("/v2/a/tags/list?last=b&n=2"),
            ),
            ("</x>;rel=next", Some("/x")),
            (
                r#"</first>; rel="first", </n,ext>; title="a"; rel="next""#,
                Some("/n,ext"),
            ),
            (r#"</x>; rel="prev""#, None),
            ("</x", None),
            ("", None),
        ] {
            assert_eq!(next_link(header).as_deref(), expected, "{header}");
        }
    }
}
