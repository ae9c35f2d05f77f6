//! `registries.conf` of CRI-O, podman, buildah and skopeo, with its drop-in files.

use serde::Deserialize;

use super::{Access, By, Error, Lookup, Node, Reader, Table, Then, ends_in, reach};
use crate::mirrors::engines::Engine;
use crate::reference::Repository;

const MAIN: &str = "etc/containers/registries.conf";
const DROP_INS: &str = "etc/containers/registries.conf.d";
const CERTIFICATES: &str = "etc/containers/certs.d";

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    registry: Vec<WireRegistry>,
    /// The format before 2019, which the engines refuse beside the new one.
    registries: Option<toml::Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireRegistry {
    prefix: Option<String>,
    location: Option<String>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<WireMirror>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireMirror {
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    pull_from_mirror: Option<String>,
}

/// What begins with a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) prefix: String,
    /// Locations with whether they may be asked by tag and by digest, in order.
    pub(super) mirrors: Vec<(String, bool, bool)>,
    /// What stands in the prefix's place after the mirrors.
    pub(super) location: String,
    pub(super) is_blocked: bool,
}

/// Entries of one node; the longest prefix decides.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Vec<Entry>);

pub(super) fn read(reader: &Reader<'_>) -> Result<Option<Node>, Error> {
    let mut paths = vec![MAIN.to_owned()];
    let drop_ins = reader.names(DROP_INS)?;
    paths.extend(
        drop_ins
            .into_iter()
            .filter(|name| ends_in(name, "conf"))
            .map(|name| format!("{DROP_INS}/{name}")),
    );
    let mut table = Prefixes::default();
    let mut accesses = Vec::new();
    let mut is_there = false;
    for path in paths {
        let Some(text) = reader.text(&path)? else {
            continue;
        };
        is_there = true;
        let wire: Wire = toml::from_str(&text).map_err(|error| reader.malformed(&path, error))?;
        if wire.registries.is_some() {
            let problem = "it has [registries.search] or its like, the format before 2019";
            return Err(reader.malformed(&path, problem));
        }
        for registry in wire.registry {
            access_of(reader, &registry, &mut accesses)?;
            let entry = entry(registry).map_err(|problem| reader.malformed(&path, problem))?;
            table.put(entry);
        }
    }
    if !is_there {
        return Ok(None);
    }
    Ok(Some(Node {
        engine: reader.engine,
        table: Table::Prefixes(table),
        accesses,
        auth_files: auth_files(reader)?,
    }))
}

fn entry(registry: WireRegistry) -> Result<Entry, &'static str> {
    let location = registry.location.unwrap_or_default();
    let prefix = registry.prefix.unwrap_or_else(|| location.clone());
    if prefix.is_empty() {
        return Err("a [[registry]] has neither prefix nor location");
    }
    let location = if location.is_empty() {
        prefix.clone()
    } else {
        location
    };
    let mirrors = registry.mirror.into_iter().map(|mirror| {
        let (by_tag, by_digest) = match mirror.pull_from_mirror.as_deref() {
            Some("digest-only") => (false, true),
            Some("tag-only") => (true, false),
            _ => (!registry.mirror_by_digest_only, true),
        };
        (mirror.location, by_tag, by_digest)
    });
    Ok(Entry {
        mirrors: mirrors.collect(),
        prefix,
        location,
        is_blocked: registry.blocked,
    })
}

fn access_of(reader: &Reader<'_>, registry: &WireRegistry, accesses: &mut Vec<Access>) -> Result<(), Error> {
    let own = registry
        .location
        .iter()
        .map(|location| (location, registry.insecure));
    let mirrors = registry
        .mirror
        .iter()
        .map(|mirror| (&mirror.location, mirror.insecure));
    for (location, insecure) in mirrors.chain(own) {
        let host = location.split('/').next().unwrap_or_default();
        reach(
            accesses,
            Access {
                host: host.to_owned(),
                is_plain: insecure,
                authorities: reader.authorities(CERTIFICATES, host)?,
                login: None,
            },
        );
    }
    Ok(())
}

/// Where the engine keeps credentials.
fn auth_files(reader: &Reader<'_>) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Wire {
        crio: Option<Crio>,
    }
    #[derive(Deserialize)]
    struct Crio {
        image: Option<Image>,
    }
    #[derive(Deserialize)]
    struct Image {
        global_auth_file: Option<String>,
    }
    if reader.engine != Engine::Crio {
        return Ok(vec!["root/.config/containers/auth.json".to_owned()]);
    }
    let mut paths = vec!["etc/crio/crio.conf".to_owned()];
    let drop_ins = reader.names("etc/crio/crio.conf.d")?;
    paths.extend(
        drop_ins
            .into_iter()
            .map(|name| format!("etc/crio/crio.conf.d/{name}")),
    );
    let mut found = None;
    for path in paths {
        let Some(text) = reader.text(&path)? else {
            continue;
        };
        let wire: Wire = toml::from_str(&text).map_err(|error| reader.malformed(&path, error))?;
        let image = wire.crio.and_then(|crio| crio.image);
        found = image.and_then(|image| image.global_auth_file).or(found);
    }
    let path = found.unwrap_or_else(|| "/var/lib/kubelet/config.json".to_owned());
    Ok(vec![path.trim_start_matches('/').to_owned()])
}

impl Prefixes {
    /// A later file replaces what an earlier one says of the same prefix.
    pub(super) fn put(&mut self, entry: Entry) {
        self.0.retain(|known| known.prefix != entry.prefix);
        self.0.push(entry);
    }

    pub(super) fn lookup(&self, repository: &Repository, by: By) -> Lookup {
        let name = repository.to_string();
        let found = self
            .0
            .iter()
            .filter_map(|entry| Some((entry, rest(&entry.prefix, &name)?)))
            .max_by_key(|(entry, _)| entry.prefix.len());
        let Some((entry, rest)) = found else {
            return Lookup::upstream();
        };
        let mut lookup = Lookup {
            places: Vec::new(),
            then: Then::Stop,
            problems: Vec::new(),
        };
        if entry.is_blocked {
            lookup.problems.push(format!("{} is blocked", entry.prefix));
            return lookup;
        }
        let mirrors = entry.mirrors.iter().filter(|(_, by_tag, by_digest)| match by {
            By::Tag => *by_tag,
            By::Digest => *by_digest,
        });
        let locations = mirrors.map(|(location, ..)| location).chain([&entry.location]);
        for location in locations {
            match place(location, rest) {
                Ok(place) if place == *repository => lookup.then = Then::Upstream,
                Ok(place) => lookup.places.push(place),
                Err(problem) => lookup.problems.push(problem),
            }
        }
        lookup
    }
}

/// What follows a prefix in a repository's name. A prefix is a host, a host with a path, or `*.domain`.
fn rest<'a>(prefix: &str, name: &'a str) -> Option<&'a str> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let (host, _) = name.split_once('/')?;
        return host.ends_with(domain).then(|| name.get(host.len()..)).flatten();
    }
    let rest = name.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn place(location: &str, rest: &str) -> Result<Repository, String> {
    let whole = format!("{location}{rest}");
    let (host, path) = whole
        .split_once('/')
        .ok_or_else(|| format!("`{whole}` is no repository"))?;
    Repository::new(host, path).map_err(|error| format!("`{whole}` is no repository: {error}"))
}
