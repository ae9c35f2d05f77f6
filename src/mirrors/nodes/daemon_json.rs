//! `daemon.json` of Docker, and of SUSE's Docker.

use serde::Deserialize;

use super::endpoint::{Endpoint, Problem};
use super::{Access, Error, Lookup, Node, Reader, Table, Then, reach};
use crate::mirrors::engines::Engine;
use crate::reference::{DOCKER_HUB, Repository};

const PATH: &str = "etc/docker/daemon.json";
const CERTIFICATES: &str = "etc/docker/certs.d";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wire {
    #[serde(default)]
    registry_mirrors: Vec<String>,
    #[serde(default)]
    registries: Vec<WireRegistry>,
    #[serde(default)]
    insecure_registries: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireRegistry {
    prefix: String,
    #[serde(default)]
    mirrors: Vec<WireMirror>,
}

#[derive(Deserialize)]
struct WireMirror {
    #[serde(rename = "URL")]
    url: String,
}

/// Mirrors by the host that they stand in for.
#[derive(Debug)]
pub(super) struct Daemon(Vec<(String, Vec<Result<Endpoint, Problem>>)>);

pub(super) fn read(reader: &Reader<'_>) -> Result<Option<Node>, Error> {
    let Some(text) = reader.text(PATH)? else {
        return Ok(None);
    };
    let wire: Wire = serde_json::from_str(&text).map_err(|error| reader.malformed(PATH, error))?;
    let endpoints = |urls: Vec<String>| -> Vec<Result<Endpoint, Problem>> {
        urls.iter().map(|url| Endpoint::parse(url, false)).collect()
    };
    let mut table = vec![(DOCKER_HUB.to_owned(), endpoints(wire.registry_mirrors))];
    // Another Docker does not start with this key.
    if reader.engine == Engine::DockerSuse {
        for registry in wire.registries {
            let host = Endpoint::parse(&registry.prefix, false)
                .map_err(|problem| reader.malformed(PATH, problem))?
                .host;
            // Any repository canonicalises its host.
            let host = Repository::new(&host, "x").map_or(host, |known| known.host().to_owned());
            let urls = registry.mirrors.into_iter().map(|mirror| mirror.url);
            table.push((host, endpoints(urls.collect())));
        }
    }
    let mut accesses = Vec::new();
    for endpoint in table.iter().flat_map(|(_, endpoints)| endpoints).flatten() {
        let insecure = wire.insecure_registries.contains(&endpoint.host);
        reach(
            &mut accesses,
            Access {
                host: endpoint.host.clone(),
                is_plain: endpoint.is_plain || insecure,
                authorities: reader.authorities(CERTIFICATES, &endpoint.host)?,
                login: None,
            },
        );
    }
    Ok(Some(Node {
        engine: reader.engine,
        table: Table::Daemon(Daemon(table)),
        accesses,
        auth_files: Vec::new(),
    }))
}

impl Daemon {
    /// After its mirrors Docker always asks the original host.
    pub(super) fn lookup(&self, repository: &Repository) -> Lookup {
        let mut lookup = Lookup {
            places: Vec::new(),
            then: Then::Upstream,
            problems: Vec::new(),
        };
        let endpoints = self.0.iter().filter(|(host, _)| host == repository.host());
        for endpoint in endpoints.flat_map(|(_, endpoints)| endpoints) {
            match endpoint
                .clone()
                .and_then(|endpoint| endpoint.repository(repository.path()))
            {
                Ok(place) => lookup.places.push(place),
                Err(problem) => lookup.problems.push(problem),
            }
        }
        lookup
    }
}
