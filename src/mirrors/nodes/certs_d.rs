//! containerd's `certs.d`: a `hosts.toml` for each host, and one for all others.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::{Access, By, Error, Lookup, Node, Reader, Table, Then, reach};
use crate::reference::Repository;
use crate::secret::Secret;

const FOLDER: &str = "etc/containerd/certs.d";
const DEFAULT: &str = "_default";

#[derive(Deserialize)]
struct Wire {
    server: Option<String>,
    #[serde(flatten)]
    of_server: WireHost,
    #[serde(default)]
    host: toml::Table,
}

#[derive(Default, Deserialize)]
struct WireHost {
    capabilities: Option<Vec<String>>,
    #[serde(default)]
    override_path: bool,
    #[serde(default)]
    ca: Option<OneOrMany>,
    #[serde(default)]
    header: BTreeMap<String, OneOrMany>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// One place of a `hosts.toml`.
#[derive(Debug)]
struct Stop {
    endpoint: Result<Endpoint, String>,
    /// May turn a tag into a digest.
    resolves: bool,
    /// May give content.
    pulls: bool,
}

#[derive(Debug)]
struct File {
    stops: Vec<Stop>,
    /// There is no `server`: after the others the original host is asked.
    asks_upstream: bool,
}

/// The folders by their names.
#[derive(Debug)]
pub(super) struct Hosts(BTreeMap<String, File>);

pub(super) fn read(reader: &Reader<'_>) -> Result<Option<Node>, Error> {
    let mut table = BTreeMap::new();
    let mut accesses = Vec::new();
    for name in reader.files.folders(FOLDER)? {
        let path = format!("{FOLDER}/{name}/hosts.toml");
        if let Some(text) = reader.text(&path)? {
            let wire: Wire = toml::from_str(&text).map_err(|error| reader.malformed(&path, error))?;
            let file = file(reader, &path, wire, &mut accesses)?;
            table.insert(name, file);
        }
    }
    if table.is_empty() {
        return Ok(None);
    }
    Ok(Some(Node {
        engine: reader.engine,
        table: Table::Hosts(Hosts(table)),
        accesses,
        auth_files: Vec::new(),
    }))
}

fn file(reader: &Reader<'_>, path: &str, wire: Wire, accesses: &mut Vec<Access>) -> Result<File, Error> {
    let mut stops = Vec::new();
    // The tables stand in the order of the file, which is the order in which containerd asks.
    for (url, value) in wire.host {
        let host: WireHost = value.try_into().map_err(|error| reader.malformed(path, error))?;
        stops.push(stop(&url, host, accesses));
    }
    let asks_upstream = wire.server.is_none();
    if let Some(server) = wire.server {
        stops.push(stop(&server, wire.of_server, accesses));
    }
    Ok(File { stops, asks_upstream })
}

fn stop(url: &str, host: WireHost, accesses: &mut Vec<Access>) -> Stop {
    let endpoint = Endpoint::parse(url, host.override_path);
    if let Ok(endpoint) = &endpoint {
        let authorities = host.ca.map(OneOrMany::all).unwrap_or_default();
        reach(
            accesses,
            Access {
                host: endpoint.host.clone(),
                is_plain: endpoint.is_plain,
                authorities: authorities
                    .iter()
                    .map(|path| path.trim_start_matches('/').to_owned())
                    .collect(),
                login: login(host.header),
            },
        );
    }
    let can = |what: &str| {
        let named = host.capabilities.as_ref();
        named.is_none_or(|capabilities| capabilities.iter().any(|name| name == what))
    };
    Stop {
        resolves: can("resolve"),
        pulls: can("pull"),
        endpoint,
    }
}

/// Name and password of an `authorization` header.
fn login(headers: BTreeMap<String, OneOrMany>) -> Option<(String, Secret)> {
    let value = headers
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?
        .1;
    let value = value.all().into_iter().next()?;
    let encoded = value.strip_prefix("Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded.trim())
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

impl Hosts {
    pub(super) fn lookup(&self, repository: &Repository, by: By) -> Lookup {
        let host = repository.host();
        let written = match host.rsplit_once(':') {
            Some((name, port)) => format!("{name}_{port}_"),
            None => host.to_owned(),
        };
        let folders = [written.as_str(), host, DEFAULT];
        let Some(file) = folders.iter().find_map(|name| self.0.get(*name)) else {
            return Lookup::upstream();
        };
        let mut lookup = Lookup {
            places: Vec::new(),
            then: if file.asks_upstream {
                Then::Upstream
            } else {
                Then::Stop
            },
            problems: Vec::new(),
        };
        for stop in &file.stops {
            if !stop.pulls || (by == By::Tag && !stop.resolves) {
                continue;
            }
            let place = stop
                .endpoint
                .clone()
                .and_then(|endpoint| endpoint.repository(repository.path()));
            match place {
                Ok(place) if place == *repository => lookup.then = Then::Upstream,
                Ok(place) if lookup.places.contains(&place) => {}
                Ok(place) => lookup.places.push(place),
                Err(problem) if lookup.problems.contains(&problem) => {}
                Err(problem) => lookup.problems.push(problem),
            }
        }
        lookup
    }
}
