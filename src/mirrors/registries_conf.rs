//! `registries.conf` of podman and skopeo, read as places to pull from.
//!
//! Version 2 of the format: `[[registry]]` with `prefix`, `location`, `blocked` and its `[[registry.mirror]]`s. The
//! mirrors are asked in their order, then the location itself. `insecure` is not taken over: TLS is left out only where
//! the command line says so.

use serde::Deserialize;

use super::pull::{Alternative, Place, Prefix, PullSourceError, Rule};

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    registry: Vec<Registry>,
    /// Version 1 of the format.
    registries: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Registry {
    prefix: Option<String>,
    location: Option<String>,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<Mirror>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mirror {
    location: String,
    #[serde(default)]
    pull_from_mirror: Use,
}

/// Which requests a mirror is asked for.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Use {
    #[default]
    #[serde(alias = "")]
    All,
    DigestOnly,
    TagOnly,
}

/// Reads the rules of one file. `name` is the file's, for errors.
pub(super) fn rules(name: &str, text: &str) -> Result<Vec<Rule>, PullSourceError> {
    let bad = |problem: String| PullSourceError::BadFile {
        name: name.to_owned(),
        problem,
    };
    let wire: Wire = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
    if wire.registries.is_some() {
        return Err(bad(
            "`[registries.…]` is version 1 of the format: write `[[registry]]` tables".to_owned(),
        ));
    }
    wire.registry
        .into_iter()
        .map(|registry| rule(registry, &bad))
        .collect()
}

fn rule(registry: Registry, bad: &impl Fn(String) -> PullSourceError) -> Result<Rule, PullSourceError> {
    let Some(prefix) = registry.prefix.as_deref().or(registry.location.as_deref()) else {
        return Err(bad(
            "a `[[registry]]` has neither `prefix` nor `location`".to_owned()
        ));
    };
    let prefix = Prefix::parse(prefix)?;
    let mut places = Vec::new();
    for mirror in registry.mirror {
        let (tags, digests) = match mirror.pull_from_mirror {
            Use::All => (!registry.mirror_by_digest_only, true),
            Use::DigestOnly => (false, true),
            Use::TagOnly => (true, false),
        };
        let place = Place::parse(&mirror.location)?;
        places.push(Alternative { place, tags, digests });
    }
    if let Some(location) = registry
        .location
        .as_deref()
        .filter(|location| !location.is_empty())
    {
        places.push(Alternative::always(Place::parse(location)?));
    } else if let Some(own) = prefix.place() {
        places.push(Alternative::always(own));
    } else {
        return Err(bad("a `prefix` with `*.` needs a `location`".to_owned()));
    }
    Ok(Rule {
        prefix,
        places,
        blocked: registry.blocked,
    })
}
