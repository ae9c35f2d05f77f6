//! `ImageDigestMirrorSet` and `ImageTagMirrorSet` of `OpenShift`, which its nodes read as a `registries.conf`.

use super::registries_conf::{Entry, Prefixes};
use super::{Access, By, Error, Lookup, Node, Reader, Table, ends_in, reach};
use crate::goyaml::{self, Value};
use crate::reference::Repository;

/// The entries for tags and those for digests.
#[derive(Debug, Default)]
pub(super) struct Sets {
    tags: Prefixes,
    digests: Prefixes,
}

pub(super) fn read(reader: &Reader<'_>) -> Result<Option<Node>, Error> {
    let mut sets = Sets::default();
    let mut accesses = Vec::new();
    let mut is_there = false;
    for name in reader.names("")? {
        if !ends_in(&name, "yaml") {
            continue;
        }
        let Some(text) = reader.text(&name)? else {
            continue;
        };
        let documents = goyaml::documents(text.as_bytes()).map_err(|error| reader.malformed(&name, error))?;
        for document in documents {
            let document = document.map_err(|error| reader.malformed(&name, error))?;
            let (field, table) = match document.get("kind").and_then(Value::as_str) {
                Some("ImageDigestMirrorSet") => ("imageDigestMirrors", &mut sets.digests),
                Some("ImageTagMirrorSet") => ("imageTagMirrors", &mut sets.tags),
                _ => continue,
            };
            is_there = true;
            let rows = document.get("spec").and_then(|spec| spec.get(field));
            for row in rows.and_then(Value::as_seq).unwrap_or_default() {
                let entry = entry(row)
                    .ok_or_else(|| reader.malformed(&name, "an entry has no source or no mirrors"))?;
                for (location, ..) in &entry.mirrors {
                    let host = location.split('/').next().unwrap_or_default();
                    reach(
                        &mut accesses,
                        Access {
                            host: host.to_owned(),
                            is_plain: false,
                            authorities: Vec::new(),
                            login: None,
                        },
                    );
                }
                table.put(entry);
            }
        }
    }
    Ok(is_there.then_some(Node {
        engine: reader.engine,
        table: Table::Sets(sets),
        accesses,
        auth_files: Vec::new(),
    }))
}

fn entry(row: &Value) -> Option<Entry> {
    let source = row.get("source")?.as_str()?.to_owned();
    let mirrors = row.get("mirrors")?.as_seq()?.iter();
    let mirrors: Vec<_> = mirrors
        .filter_map(|mirror| Some((mirror.as_str()?.to_owned(), true, true)))
        .collect();
    let never = row.get("mirrorSourcePolicy").and_then(Value::as_str) == Some("NeverContactSource");
    let mut mirrors = mirrors.into_iter();
    if never {
        // Blocked after its mirrors: the last of them stands in the source's place.
        let mut rest: Vec<_> = mirrors.by_ref().collect();
        let (location, ..) = rest.pop()?;
        return Some(Entry {
            prefix: source,
            mirrors: rest,
            location,
            is_blocked: false,
        });
    }
    Some(Entry {
        prefix: source.clone(),
        mirrors: mirrors.collect(),
        location: source,
        is_blocked: false,
    })
}

impl Sets {
    pub(super) fn lookup(&self, repository: &Repository, by: By) -> Lookup {
        match by {
            By::Tag => self.tags.lookup(repository, by),
            By::Digest => self.digests.lookup(repository, by),
        }
    }
}
