//! The grammar of the distribution project, and Docker's short forms.

use std::borrow::Cow;

use super::{DOCKER_HUB, Error, Repository};

/// Other names under which Docker Hub answers.
const DOCKER_HUB_ALIASES: [&str; 3] = [
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// The longest repository name that registries must accept.
const LONGEST_NAME: usize = 255;

/// Zeros before a port's digits make it no longer than this.
const LONGEST_PORT: usize = 5;

pub(super) fn strip(text: &str) -> &str {
    let mut text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            text = inner.trim();
        }
    }
    ["docker://", "oci://", "docker-pullable://"]
        .into_iter()
        .find_map(|p| text.strip_prefix(p))
        .unwrap_or(text)
}

/// Splits at the last colon after the last slash, so that a port is no tag.
pub(super) fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((head, tag)) if !tag.contains('/') => (head, Some(tag)),
        _ => (name, None),
    }
}

pub(super) fn parse_repository(name: &str) -> Result<Repository, Error> {
    match name.split_once('/') {
        Some((first, rest)) if is_host(first) => {
            let host = canonical_host(first)?;
            // Docker takes capitals for a host's; in the lower case that hosts have it would be read as a name on Docker Hub.
            if !is_host(&host) {
                return Err(Error::UpperCase {
                    component: shorten(first),
                });
            }
            let path = if host == DOCKER_HUB && !rest.contains('/') {
                Cow::Owned(format!("library/{rest}"))
            } else {
                Cow::Borrowed(rest)
            };
            check_path(&path)?;
            Ok(Repository::joined(&host, &path))
        }
        Some(("", _)) => Err(Error::NoRepository),
        Some(_) => Repository::new(DOCKER_HUB, name),
        None if name.is_empty() => Err(Error::NoRepository),
        None if name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) => Err(Error::ImageId),
        None => Repository::new(DOCKER_HUB, &format!("library/{name}")),
    }
}

/// Whether the first component of a name is a host by the distribution project's rule.
fn is_host(component: &str) -> bool {
    component.contains(['.', ':'])
        || component == "localhost"
        || component.bytes().any(|b| b.is_ascii_uppercase())
}

pub(super) fn canonical_host(host: &str) -> Result<String, Error> {
    let bad = || Error::BadHost { host: shorten(host) };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or_else(bad)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
            (
                format!("[{address}]"),
                after
                    .strip_prefix(':')
                    .or_else(|| after.is_empty().then_some("0")),
            )
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name.to_owned(), Some(port)),
            None => (host.to_owned(), Some("0")),
        },
    };
    let port = port.ok_or_else(bad)?;
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let well_formed = name.starts_with('[') || (name.len() <= 253 && name.split('.').all(label));
    let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if !well_formed || !is_number {
        return Err(bad());
    }
    if port.parse::<u16>().is_err() {
        return Err(Error::BadPort { port: shorten(port) });
    }
    if port.len() > LONGEST_PORT {
        return Err(bad());
    }
    let lower = host.to_ascii_lowercase();
    if DOCKER_HUB_ALIASES.contains(&lower.as_str()) {
        return Ok(DOCKER_HUB.to_owned());
    }
    Ok(lower)
}

pub(super) fn check_path(path: &str) -> Result<(), Error> {
    if path.is_empty() {
        return Err(Error::NoRepository);
    }
    if path.len() > LONGEST_NAME {
        return Err(Error::TooLong { length: path.len() });
    }
    for component in path.split('/') {
        if component.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(Error::UpperCase {
                component: shorten(component),
            });
        }
        if !is_path_component(component) {
            return Err(Error::BadComponent {
                component: shorten(component),
            });
        }
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
pub(super) fn is_path_component(component: &str) -> bool {
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_well = bytes.first().is_some_and(word) && bytes.last().is_some_and(word);
    ends_well
        && bytes
            .split(word)
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

pub(super) fn shorten(text: &str) -> String {
    crate::secret::printable(text, 80)
}
