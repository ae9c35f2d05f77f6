//! What the registry has and what it was asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use bytes::Bytes;
use carrack::digest::Digest;

use super::Mode;
use super::faults::{Armed, Fault};
use super::profile::ReferrersApi;
use super::uploads::Session;
use crate::support::images::Image;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Logged {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    /// All parameters of this name.
    pub(crate) fn parameters(&self, name: &str) -> Vec<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if self.query.is_empty() {
            Ok(())
        } else {
            write!(f, "?{}", self.query)
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) bytes: Bytes,
    pub(super) media_type: String,
}

#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) manifests: HashMap<Digest, Manifest>,
    pub(super) tags: BTreeMap<String, Digest>,
    pub(super) blobs: HashMap<Digest, Bytes>,
}

/// A token that was given out.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) scopes: Vec<String>,
    pub(super) used: u32,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) host: String,
    pub(super) mode: Mode,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: HashMap<String, Session>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) faults: Vec<Armed>,
    pub(super) log: Vec<Logged>,
    pub(super) unknown: Vec<String>,
    pub(super) page_size: usize,
    pub(super) referrers: ReferrersApi,
    pub(super) token_path: &'static str,
    /// Whether it links blobs from one repository to another.
    pub(super) mounts: bool,
    /// Whether a push makes the repository that it goes to.
    pub(super) makes_repositories: bool,
    /// Bodies that came under a digest that is not theirs.
    pub(super) bad_pushes: usize,
    /// Whether an index may name manifests that are not there.
    pub(super) takes_sparse: bool,
    pub(super) counter: u64,
    pub(super) connections: usize,
    /// Harbor's projects; none is no Harbor.
    pub(super) projects: Option<BTreeSet<String>>,
}

impl State {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            host: String::new(),
            mode,
            repositories: BTreeMap::new(),
            uploads: HashMap::new(),
            tokens: HashMap::new(),
            faults: Vec::new(),
            log: Vec::new(),
            unknown: Vec::new(),
            page_size: 1000,
            referrers: ReferrersApi::Full,
            token_path: "/token",
            mounts: true,
            makes_repositories: true,
            bad_pushes: 0,
            takes_sparse: false,
            counter: 0,
            connections: 0,
            projects: None,
        }
    }

    /// A number that was not there before.
    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Logs a request and tells which faults meet it.
    pub(super) fn admit(&mut self, request: &Logged) -> Vec<Fault> {
        self.log.push(request.clone());
        self.faults
            .iter_mut()
            .filter_map(|armed| armed.meet(request))
            .collect()
    }

    pub(super) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(super) fn seed(&mut self, repository: &str, tag: Option<&str>, image: &Image) {
        for child in &image.children {
            self.seed(repository, None, child);
        }
        for blob in &image.blobs {
            let blobs = &mut self.repository(repository).blobs;
            blobs.insert(blob.descriptor.digest, blob.bytes.clone());
        }
        self.put_manifest(repository, tag, &image.media_type, image.manifest.clone());
    }

    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: Bytes,
    ) -> Digest {
        let digest = Digest::sha256(&bytes);
        let media_type = media_type.to_owned();
        let repository = self.repository(repository);
        repository
            .manifests
            .insert(digest, Manifest { bytes, media_type });
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest);
        }
        digest
    }

    pub(super) fn find_blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.repositories.get(repository)?.blobs.get(digest).cloned()
    }

    pub(super) fn find_manifest(&self, repository: &str, at: &str) -> Option<(Digest, Manifest)> {
        let repository = self.repositories.get(repository)?;
        let digest = match at.parse::<Digest>() {
            Ok(digest) => digest,
            Err(_) => *repository.tags.get(at)?,
        };
        Some((digest, repository.manifests.get(&digest)?.clone()))
    }
}
