//! URLs of mirrors as engines write them.

use url::Url;

use crate::reference::Repository;

/// A mirror's root: scheme, host, and the path under which repositories lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) is_plain: bool,
    /// Below `/v2/`, without slashes at its ends; empty for the root.
    pub(super) path: String,
}

/// What is wrong with a URL of a mirror.
pub(super) type Problem = String;

impl Endpoint {
    /// Reads `https://mirror.lan`, or the same without a scheme. `keeps_path` says that the URL's path is the API's own
    /// (containerd's `override_path`); otherwise `/v2` is put behind it, which only works at the root.
    pub(super) fn parse(text: &str, keeps_path: bool) -> Result<Self, Problem> {
        let shown = crate::secret::printable(&crate::secret::redact_url(text), 120);
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&whole).map_err(|error| format!("`{shown}` is no URL: {error}"))?;
        let is_plain = match url.scheme() {
            "http" => true,
            "https" => false,
            _ => return Err(format!("`{shown}` is no http or https URL")),
        };
        let host = url.host_str().ok_or_else(|| format!("`{shown}` has no host"))?;
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = url.path().trim_matches('/');
        let path = match path.strip_prefix("v2") {
            Some(below) if below.is_empty() || below.starts_with('/') => below.trim_matches('/'),
            _ if path.is_empty() && !keeps_path => "",
            _ if keeps_path => {
                return Err(format!(
                    "`{shown}` is asked as it stands, and no registry answers there: its path must begin with /v2"
                ));
            }
            _ => {
                return Err(format!(
                    "`{shown}` gets /v2 put behind its path, where no registry answers: set override_path and begin the path with /v2"
                ));
            }
        };
        if !path.is_empty() && !keeps_path {
            return Err(format!(
                "`{shown}` gets /v2 put behind its path, where no registry answers: override_path is not set"
            ));
        }
        Ok(Self {
            host,
            is_plain,
            path: path.to_owned(),
        })
    }

    /// The repository at `path` below this endpoint.
    pub(super) fn repository(&self, path: &str) -> Result<Repository, Problem> {
        let whole = if self.path.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.path)
        };
        Repository::new(&self.host, &whole)
            .map_err(|error| format!("`{}/{whole}` is no repository: {error}", self.host))
    }
}
