//! What `charts pull` is told to fetch from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use super::{Error, NO_REPOSITORY, Pattern, Selection};
use crate::digest::Digest;
use crate::reference::Repository;
use crate::secret::{Secret, printable, redact_url};

/// A place that charts come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A classic repository: a folder of a web server that has an `index.yaml`.
    Classic {
        /// The folder, ending in `/`, without user and password.
        url: Url,
        /// The user and password that the URL carried.
        login: Option<(String, Secret)>,
        /// The charts wanted of it, from the URL's fragment: `#argo-cd@>=7`.
        pattern: Option<Pattern>,
    },
    /// One chart of an OCI registry: `oci://ghcr.io/org/charts/name[:version]`.
    Oci {
        /// The repository; its last component is the chart's name.
        repository: Repository,
        /// The version or the range wanted.
        range: Option<String>,
    },
    /// A repository that Helm knows by name: `@argo[/CHART[@RANGE]]`.
    Named {
        /// Its name in `repositories.yaml`.
        name: String,
        /// The charts wanted of it.
        pattern: Option<Pattern>,
    },
    /// Charts on disk: an archive, the folder of a chart, or a folder of archives.
    Local {
        /// Where.
        path: PathBuf,
    },
}

impl Source {
    /// The classic repository at `url`, with the charts wanted of it.
    pub(super) fn classic(url: &str, pattern: Option<Pattern>) -> Result<Self, Error> {
        match parse_classic(url)? {
            Self::Classic {
                url,
                login,
                pattern: own,
            } => Ok(Self::Classic {
                url,
                login,
                pattern: pattern.or(own),
            }),
            other => Ok(other),
        }
    }

    /// A selection, narrowed by what the source itself says.
    pub(super) fn narrowed(&self, selection: &Selection) -> Result<Selection, Error> {
        let mut selection = selection.clone();
        match self {
            Self::Classic {
                pattern: Some(pattern),
                ..
            } => selection.charts = vec![pattern.clone()],
            Self::Oci { range, repository } => {
                let name = repository.path().rsplit('/').next().unwrap_or_default();
                let range = range
                    .as_ref()
                    .map(|range| format!("@{range}"))
                    .unwrap_or_default();
                selection.charts = vec![format!("{name}{range}").parse()?];
            }
            _ => {}
        }
        Ok(selection)
    }

    /// Where its charts lie below the folder of all repositories: `host/path`, each part a name that every file system
    /// holds. Different sources have different places, also where capitals are not told from small letters.
    pub fn place(&self) -> String {
        let (host, segments): (String, Vec<String>) = match self {
            Self::Local { .. } => return NO_REPOSITORY.to_owned(),
            Self::Named { name, .. } => (name.clone(), Vec::new()),
            Self::Classic { url, .. } => {
                let host = url.host_str().unwrap_or_default();
                let host = url
                    .port()
                    .map_or_else(|| host.to_owned(), |port| format!("{host}-{port}"));
                let path = url.path_segments().into_iter().flatten();
                (
                    host,
                    path.filter(|part| !part.is_empty()).map(str::to_owned).collect(),
                )
            }
            Self::Oci { repository, .. } => {
                let folder = repository
                    .path()
                    .rsplit_once('/')
                    .map_or("", |(folder, _)| folder);
                let parts = folder.split('/').filter(|part| !part.is_empty());
                (
                    repository.host().replace(':', "-"),
                    parts.map(str::to_owned).collect(),
                )
            }
        };
        let parts = std::iter::once(host.as_str()).chain(segments.iter().map(String::as_str));
        parts.map(safe_name).collect::<Vec<_>>().join("/")
    }
}

/// Whether Windows takes the name for a device, whatever follows its first dot; such a file on an exFAT or NTFS drive
/// cannot be read there.
pub(super) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// A name of `[a-z0-9._-]` for any text; what has to be changed gets a mark of its own, so that two texts stay two.
fn safe_name(text: &str) -> String {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let plain = text.len() <= 100
        && text.chars().all(legal)
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !is_device(text);
    if plain && !text.is_empty() {
        return text.to_owned();
    }
    let shown: String = text
        .chars()
        .take(60)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if legal(c) { c } else { '-' })
        .collect();
    let shown = shown.trim_matches(['.', '-']);
    let mark: String = Digest::sha256(text.as_bytes()).hex().chars().take(8).collect();
    if shown.is_empty() {
        mark
    } else if is_device(shown) {
        // Windows looks no further than the first dot.
        format!("{mark}-{shown}")
    } else {
        format!("{shown}-{mark}")
    }
}

impl FromStr for Source {
    type Err = Error;

    /// `https://HOST/PATH[#CHART[@RANGE]]`, `oci://HOST/PATH/CHART[:VERSION|@RANGE]`, `@NAME[/CHART[@RANGE]]`, or a path.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("oci://") {
            return parse_oci(text, rest);
        }
        if let Some(rest) = text.strip_prefix('@').or_else(|| text.strip_prefix("alias:")) {
            return parse_named(text, rest);
        }
        match text.strip_prefix("file://") {
            Some(path) => Ok(Self::Local { path: path.into() }),
            None if text.contains("://") => parse_classic(text),
            None if text.is_empty() => Err(bad(text, "it is empty")),
            None => Ok(Self::Local { path: text.into() }),
        }
    }
}

fn bad(text: &str, problem: &'static str) -> Error {
    Error::BadSource {
        source_text: printable(&redact_url(text), 160),
        problem,
    }
}

fn parse_named(text: &str, rest: &str) -> Result<Source, Error> {
    let (name, pattern) = match rest.split_once(['/', '#']) {
        Some((name, pattern)) => (name, Some(pattern.parse()?)),
        None => (rest, None),
    };
    if name.is_empty() {
        return Err(bad(
            text,
            "expected @NAME of a repository that `helm repo add` knows",
        ));
    }
    Ok(Source::Named {
        name: name.to_owned(),
        pattern,
    })
}

fn parse_classic(text: &str) -> Result<Source, Error> {
    let mut url = Url::parse(text).map_err(|error| {
        let problem = match error {
            url::ParseError::InvalidPort => "its port is no number up to 65535",
            _ => "expected https://HOST/PATH or oci://HOST/PATH/CHART",
        };
        bad(text, problem)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(text, "its scheme is none of https, http and oci"));
    }
    if !url.has_host() {
        return Err(bad(text, "it names no host"));
    }
    let decode = |text: &str| {
        let pair = format!("x={}", text.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let login = (!url.username().is_empty()).then(|| {
        let password = url.password().map(decode).unwrap_or_default();
        (decode(url.username()), Secret::new(password))
    });
    let pattern = url
        .fragment()
        .map(|fragment| decode(fragment).parse())
        .transpose()?;
    // Neither can fail: the URL has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let folder = url
        .path()
        .trim_end_matches("index.yaml")
        .trim_end_matches('/')
        .to_owned();
    url.set_path(&format!("{folder}/"));
    Ok(Source::Classic { url, login, pattern })
}

fn parse_oci(text: &str, rest: &str) -> Result<Source, Error> {
    let (name, range) = match rest.split_once('@') {
        Some((name, range)) => (name, Some(range)),
        None => match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        },
    };
    let Some((host, path)) = name.trim_end_matches('/').split_once('/') else {
        return Err(bad(text, "it names no chart: expected oci://HOST/PATH/CHART"));
    };
    let repository = Repository::new(host, path).map_err(|source| Error::BadReference {
        name: printable(name, 160),
        source,
    })?;
    Ok(Source::Oci {
        repository,
        // A tag has `_` where the version has `+`.
        range: range.map(|range| range.replace('_', "+")),
    })
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classic { url, .. } => f.write_str(redact_url(url.as_str()).trim_end_matches('/')),
            Self::Oci { repository, .. } => write!(f, "oci://{repository}"),
            Self::Named { name, .. } => write!(f, "@{}", printable(name, 120)),
            Self::Local { path } => f.write_str(&printable(&path.to_string_lossy(), 400)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        text.parse().unwrap()
    }

    #[test]
    fn a_repository_is_a_folder_with_or_without_its_slash_and_index() {
        for text in [
            "https://argoproj.github.io/argo-helm",
            "https://argoproj.github.io/argo-helm/",
            "https://argoproj.github.io/argo-helm/index.yaml",
        ] {
            let source = source(text);
            assert_eq!(source.place(), "argoproj.github.io/argo-helm");
            assert_eq!(source.to_string(), "https://argoproj.github.io/argo-helm");
        }
        assert_eq!(source("http://localhost:8080/").place(), "localhost-8080");
    }

    #[test]
    fn a_password_is_taken_out_of_the_url() {
        let Source::Classic { url, login, .. } = source("https://user:p%40ss+word@charts.example.com/x")
        else {
            panic!("not classic");
        };
        assert_eq!(url.as_str(), "https://charts.example.com/x/");
        let (user, password) = login.unwrap();
        assert_eq!((user.as_str(), password.expose()), ("user", "p@ss+word"));
        let error = "ftp://user:secret@x/y".parse::<Source>().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_name_of_helms_list_and_a_path_are_told_from_urls() {
        for (text, name, shown) in [
            ("@argo", "argo", "@argo"),
            ("alias:argo/argo-cd@>=7", "argo", "@argo"),
        ] {
            let source = source(text);
            assert!(
                matches!(&source, Source::Named { name: found, .. } if found == name),
                "{text}"
            );
            assert_eq!(source.to_string(), shown);
        }
        assert!("@".parse::<Source>().is_err());
        for text in [
            "./umbrella",
            "/srv/umbrella-1.0.0.tgz",
            "umbrella",
            "file://../common",
        ] {
            let source = source(text);
            assert!(matches!(source, Source::Local { .. }), "{text}");
            assert_eq!(source.place(), "local");
        }
    }

    #[test]
    fn a_chart_of_a_registry_lies_beside_its_neighbours() {
        let source = source("oci://ghcr.io/argoproj/argo-helm/argo-cd:7.0.0_build");
        assert_eq!(source.place(), "ghcr.io/argoproj/argo-helm");
        assert!(matches!(source, Source::Oci { range: Some(range), .. } if range == "7.0.0+build"));
        assert!("oci://ghcr.io".parse::<Source>().is_err());
    }

    #[test]
    fn sources_that_differ_have_places_that_differ_on_every_file_system() {
        let places = [
            "https://h.example/a/B",
            "https://h.example/a/b",
            "https://h.example/a/%2e%2e%2fb",
            "https://h.example/a/b%20c",
            "https://h.example/a/b-c",
            "https://h.example/a/.hidden",
            "https://h.example/a/aux",
            "https://h.example/a/com1.x",
        ]
        .map(|text| source(text).place().to_ascii_lowercase());
        let distinct: std::collections::BTreeSet<_> = places.iter().collect();
        assert_eq!(distinct.len(), places.len(), "{places:?}");
        for place in &places {
            assert!(!place.split('/').any(is_device), "{place}");
            assert!(
                !place
                    .split('/')
                    .any(|part| part.is_empty() || part.starts_with('.')),
                "{place}"
            );
        }
    }
}
