//! `registries.yaml` of k3s and RKE2.

use std::collections::BTreeMap;

use regex::Regex;

use super::endpoint::Endpoint;
use super::{Access, Error, Lookup, Node, Reader, Table, Then, ends_in, reach};
use crate::goyaml::{self, Value};
use crate::reference::Repository;
use crate::secret::Secret;

/// A pattern larger than this when compiled is refused.
const PATTERN_CAP: usize = 1 << 20;

#[derive(Debug)]
struct Mirror {
    endpoints: Vec<Result<Endpoint, String>>,
    rewrites: Vec<(Regex, String)>,
}

/// The mirrors by host; `*` stands for every other one.
#[derive(Debug)]
pub(super) struct Mirrors {
    by_host: BTreeMap<String, Mirror>,
    asks_upstream: bool,
}

pub(super) fn read(reader: &Reader<'_>) -> Result<Option<Node>, Error> {
    let folder = format!("etc/rancher/{}", reader.engine);
    let path = format!("{folder}/registries.yaml");
    let Some(text) = reader.text(&path)? else {
        return Ok(None);
    };
    let document = goyaml::parse(text.as_bytes()).map_err(|error| reader.malformed(&path, error))?;
    let mut by_host = BTreeMap::new();
    for (host, value) in entries(document.get("mirrors")) {
        by_host.insert(host.clone(), mirror(reader, &path, &value)?);
    }
    let mut accesses = Vec::new();
    for mirror in by_host.values() {
        for endpoint in mirror
            .endpoints
            .iter()
            .filter_map(|endpoint| endpoint.as_ref().ok())
        {
            let settings = document
                .get("configs")
                .and_then(|configs| configs.get(&endpoint.host));
            reach(&mut accesses, access(endpoint, settings));
        }
    }
    Ok(Some(Node {
        engine: reader.engine,
        table: Table::Rewrites(Mirrors {
            by_host,
            asks_upstream: !is_fallback_off(reader, &folder)?,
        }),
        accesses,
        auth_files: Vec::new(),
    }))
}

fn entries(value: Option<&Value>) -> Vec<(String, Value)> {
    let map = value.and_then(Value::as_map);
    map.into_iter()
        .flat_map(|map| map.iter())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::coerced_text)
}

fn mirror(reader: &Reader<'_>, path: &str, value: &Value) -> Result<Mirror, Error> {
    let endpoints = value.get("endpoint").and_then(Value::as_seq).unwrap_or_default();
    let endpoints = endpoints.iter().map(|endpoint| {
        let text = endpoint.coerced_text().unwrap_or_default();
        // A path stands as it is; without one it is /v2.
        let has_path = text
            .split_once("://")
            .is_some_and(|(_, rest)| rest.trim_end_matches('/').contains('/'));
        Endpoint::parse(&text, has_path)
    });
    let mut rewrites = Vec::new();
    for (pattern, replacement) in entries(value.get("rewrite")) {
        let compiled = regex::RegexBuilder::new(&pattern)
            .size_limit(PATTERN_CAP)
            .build()
            .map_err(|error| reader.malformed(path, error))?;
        rewrites.push((compiled, replacement.coerced_text().unwrap_or_default()));
    }
    Ok(Mirror {
        endpoints: endpoints.collect(),
        rewrites,
    })
}

fn access(endpoint: &Endpoint, settings: Option<&Value>) -> Access {
    let auth = settings.and_then(|settings| settings.get("auth"));
    let user = text_of(auth.and_then(|auth| auth.get("username")));
    let password = text_of(auth.and_then(|auth| auth.get("password")));
    let tls = settings.and_then(|settings| settings.get("tls"));
    let authority = text_of(tls.and_then(|tls| tls.get("ca_file")));
    Access {
        host: endpoint.host.clone(),
        is_plain: endpoint.is_plain,
        authorities: authority
            .iter()
            .map(|path| path.trim_start_matches('/').to_owned())
            .collect(),
        login: user
            .zip(password)
            .map(|(user, password)| (user, Secret::new(password))),
    }
}

/// Whether `disable-default-registry-endpoint` is set.
fn is_fallback_off(reader: &Reader<'_>, folder: &str) -> Result<bool, Error> {
    let mut paths = vec![format!("{folder}/config.yaml")];
    let drop_ins = reader.names(&format!("{folder}/config.yaml.d"))?;
    paths.extend(
        drop_ins
            .into_iter()
            .filter(|name| ends_in(name, "yaml"))
            .map(|name| format!("{folder}/config.yaml.d/{name}")),
    );
    let mut off = false;
    for path in paths {
        let Some(text) = reader.text(&path)? else {
            continue;
        };
        let document = goyaml::parse(text.as_bytes()).map_err(|error| reader.malformed(&path, error))?;
        if let Some(value) = document.get("disable-default-registry-endpoint") {
            off = value.coerced_text().as_deref() == Some("true");
        }
    }
    Ok(off)
}

impl Mirrors {
    pub(super) fn lookup(&self, repository: &Repository) -> Lookup {
        let mirror = self
            .by_host
            .get(repository.host())
            .or_else(|| self.by_host.get("*"));
        let Some(mirror) = mirror else {
            return Lookup::upstream();
        };
        let mut lookup = Lookup {
            places: Vec::new(),
            then: if self.asks_upstream {
                Then::Upstream
            } else {
                Then::Stop
            },
            problems: Vec::new(),
        };
        let path = match mirror.rewritten(repository.path()) {
            Ok(path) => path,
            Err(problem) => {
                lookup.problems.push(problem);
                return lookup;
            }
        };
        for endpoint in &mirror.endpoints {
            match endpoint.clone().and_then(|endpoint| endpoint.repository(&path)) {
                Ok(place) if place == *repository => lookup.then = Then::Upstream,
                Ok(place) => lookup.places.push(place),
                Err(problem) => lookup.problems.push(problem),
            }
        }
        lookup
    }
}

impl Mirror {
    /// The path after the rewrites. The engine keeps them without an order and uses the first that changes something, so
    /// that two that do not agree make a lottery of it.
    fn rewritten(&self, path: &str) -> Result<String, String> {
        let mut results: Vec<String> = self
            .rewrites
            .iter()
            .map(|(pattern, replacement)| pattern.replace_all(path, replacement.as_str()).into_owned())
            .filter(|result| result != path)
            .collect();
        results.sort();
        results.dedup();
        match results.as_slice() {
            [] => Ok(path.to_owned()),
            [one] => Ok(one.clone()),
            several => Err(format!(
                "several rewrites fit {path} and the engine keeps no order of them: {}",
                several.join(" or ")
            )),
        }
    }
}
