//! A policy in the words of CRI-O and podman, so that nodes ask for signatures by themselves.
//!
//! Their scopes are hosts, paths and domains, and the longest one counts; ours are patterns, and the first one counts. So
//! each repository of an import gets a scope of its own where it would not inherit what its rule asks. Patterns that
//! are a host, a path on one or a domain become scopes as well: what comes later meets them. What is left is a gap, told.

use std::collections::{BTreeMap, BTreeSet};

use super::vetting::Policed;
use crate::mirrors::engines::{Demand, Identity, Person, Verification};
use crate::mirrors::{Mapping, Target};
use crate::reference::Repository;
use crate::trust::{Keyring, Pattern, Policy, Signature};

/// A name that no repository and no host has: what a rule says of it, it says of all that nobody knows yet.
const UNKNOWN: &str = "~";

/// What nodes ask of images; `None` if a policy asks for nothing that they could check.
pub(super) fn verification(
    policed: &Policed,
    target: &Target,
    mapping: &Mapping,
    repositories: &BTreeSet<&Repository>,
) -> Option<Verification> {
    let mut writer = Writer {
        policed,
        scopes: BTreeMap::new(),
        gaps: unasked(policed),
    };
    let others = writer.demands(&format!("{UNKNOWN}/{UNKNOWN}"), Name::Original);
    for scope in writer.patterns() {
        writer.pattern(&scope, target, mapping);
    }
    for repository in repositories {
        writer.repository(repository, target, mapping, &others);
    }
    let asks = !others.is_empty() || writer.scopes.values().any(|demands| !demands.is_empty());
    asks.then(|| Verification {
        others,
        scopes: writer.scopes,
        gaps: writer.gaps.into_iter().collect(),
    })
}

/// Under which name an image is asked for.
#[derive(Clone, Copy)]
enum Name<'a> {
    /// Its own.
    Original,
    /// A place on the mirror of this repository.
    OfRepository(&'a str),
    /// A place on the mirror, beginning with the first, of names that begin with the second.
    OfPrefix(&'a str, &'a str),
}

struct Writer<'p> {
    policed: &'p Policed,
    scopes: BTreeMap<String, Vec<Demand>>,
    gaps: BTreeSet<String>,
}

impl Writer<'_> {
    /// What every policy asks of a repository, `host/path`.
    fn demands(&mut self, repository: &str, name: Name<'_>) -> Vec<Demand> {
        let mut demands = Vec::new();
        for (policy, keyring) in self.policed.policies() {
            match demand(policy, keyring, repository, name) {
                Ok(demand) => demands.extend(demand),
                Err(gap) => {
                    self.gaps.insert(gap);
                    demands.push(Demand::Refused);
                }
            }
        }
        demands
    }

    /// The scopes that patterns are, without those that cover everything.
    fn patterns(&mut self) -> BTreeSet<String> {
        let mut scopes = BTreeSet::new();
        for (policy, _) in self.policed.policies() {
            let hosts = policy.registries.iter().flatten().map(Pattern::as_str);
            let repositories = policy.images.iter().map(|rule| rule.pattern.as_str());
            for pattern in hosts.chain(repositories).filter(|p| !matches!(*p, "*" | "*/*")) {
                match scope(pattern) {
                    Some(scope) => {
                        scopes.insert(scope.to_owned());
                    }
                    None => {
                        self.gaps.insert(format!(
                            "nodes know the pattern {pattern} by the repositories of this import only: write them anew after the next one"
                        ));
                    }
                }
            }
        }
        scopes
    }

    fn pattern(&mut self, scope: &str, target: &Target, mapping: &Mapping) {
        let is_known = |policy: &Policy| policy.images.iter().any(|rule| rule.pattern.as_str() == scope);
        // A pattern without a star is one repository, everything else begins the name of one.
        let repository = if self.policed.policies().iter().any(|(policy, _)| is_known(policy)) {
            scope.to_owned()
        } else {
            format!("{}/{UNKNOWN}", scope.replacen('*', UNKNOWN, 1))
        };
        let demands = self.demands(&repository, Name::Original);
        self.scopes.insert(scope.to_owned(), demands);
        if let Some(place) = place(scope, target, mapping) {
            let demands = self.demands(&repository, Name::OfPrefix(&place, scope));
            self.scopes.entry(place).or_insert(demands);
        }
    }

    fn repository(&mut self, repository: &Repository, target: &Target, mapping: &Mapping, others: &[Demand]) {
        let name = repository.to_string();
        let demands = self.demands(&name, Name::Original);
        if demands != self.inherited(&name, others) {
            self.scopes.insert(name.clone(), demands);
        }
        for path in mapping.paths_of(repository) {
            let place = format!("{}/{path}", target.registry());
            let demands = self.demands(&name, Name::OfRepository(&name));
            if place != name && demands != self.inherited(&place, others) {
                self.scopes.insert(place, demands);
            }
        }
    }

    /// What engines ask of a repository by the scopes so far: the longest path, then the host, then its domains.
    fn inherited<'s>(&'s self, name: &str, others: &'s [Demand]) -> &'s [Demand] {
        let paths = std::iter::successors(Some(name), |name| Some(name.rsplit_once('/')?.0));
        let host = name.split('/').next().unwrap_or_default();
        let domains = std::iter::successors(Some(host), |host| Some(host.split_once('.')?.1));
        let domains = domains.skip(1).map(|domain| format!("*.{domain}"));
        let mut scopes = paths.map(str::to_owned).chain(domains);
        scopes
            .find_map(|scope| self.scopes.get(&scope))
            .map_or(others, Vec::as_slice)
    }
}

/// What one policy asks of a repository; the gap, if engines have no word for it.
fn demand(
    policy: &Policy,
    keyring: &Keyring,
    repository: &str,
    name: Name<'_>,
) -> Result<Option<Demand>, String> {
    let host = repository.split('/').next().unwrap_or_default();
    if !policy.allows(host) {
        return Ok(Some(Demand::Refused));
    }
    let rule = policy.rule_of(repository);
    let Some((rule, signature)) = rule.and_then(|rule| Some((rule, rule.signature.as_ref()?))) else {
        return Ok(None);
    };
    let identity = identity(signature, name).map_err(|pattern| {
        format!(
            "nodes refuse what {} matches, because they cannot ask for signatures made for {pattern}: name one repository in `signed-as`",
            rule.pattern
        )
    })?;
    if !signature.identities.is_empty() {
        return keyless(signature, keyring, identity).map(Some).ok_or_else(|| {
            format!(
                "nodes refuse what {} matches, because they know keyless signers only as one e-mail address with one issuer, without patterns and with no keys beside it",
                rule.pattern
            )
        });
    }
    let keys = keyring.pems(&signature.keys).into_iter().map(str::to_owned);
    Ok(Some(Demand::Signed {
        keys: keys.collect(),
        identity,
    }))
}

/// A rule over identities in the words of engines; `None`, if they have no words for it.
fn keyless(signature: &Signature, keyring: &Keyring, identity: Identity) -> Option<Demand> {
    let [signer] = signature.identities.as_slice() else {
        return None;
    };
    let (issuer, email) = (signer.issuer.as_str(), signer.subject.as_str());
    // Addresses have no colon; URIs of workflows may have an @.
    let is_email = email.contains('@') && !email.contains(':');
    if !signature.keys.is_empty() || has_wildcard(issuer) || has_wildcard(email) || !is_email {
        return None;
    }
    let root = keyring.root(signature.trusted_root.as_deref()?)?;
    Some(Demand::Keyless {
        signer: Person {
            email: email.to_owned(),
            issuer: issuer.to_owned(),
        },
        authorities: root.authority_pems(),
        logs: root.log_pems()?.into_iter().map(str::to_owned).collect(),
        identity,
    })
}

fn identity(signature: &Signature, name: Name<'_>) -> Result<Identity, String> {
    if let Some(pattern) = &signature.signed_as {
        let text = pattern.as_str().to_owned();
        return if has_wildcard(&text) {
            Err(text)
        } else {
            Ok(Identity::Repository(text))
        };
    }
    Ok(match name {
        Name::Original => Identity::Same,
        Name::OfRepository(original) => Identity::Repository(original.to_owned()),
        Name::OfPrefix(from, to) => Identity::Renamed {
            from: from.to_owned(),
            to: to.to_owned(),
        },
    })
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The scope that has the meaning of a pattern: `host/path` for `host/path/*`, `*.domain`, or a name as it is.
fn scope(pattern: &str) -> Option<&str> {
    let scope = pattern.strip_suffix("/*").unwrap_or(pattern);
    let domain = scope.strip_prefix("*.").filter(|domain| !domain.contains('/'));
    (!has_wildcard(domain.unwrap_or(scope))).then_some(scope)
}

/// Where on the mirror the names lie that begin with a scope, if it is one place of theirs alone.
fn place(scope: &str, target: &Target, mapping: &Mapping) -> Option<String> {
    let (host, path) = scope.split_once('/').unwrap_or((scope, ""));
    let below = if path.is_empty() { UNKNOWN_PATH } else { path };
    let repository = Repository::new(host, below).ok()?;
    let placed = mapping.path_of(&repository);
    let place = if path.is_empty() {
        placed.strip_suffix(UNKNOWN_PATH)?.trim_end_matches('/')
    } else {
        placed.as_str()
    };
    let place = format!("{}/{place}", target.registry());
    (!place.ends_with('/') && place != scope).then_some(place)
}

/// A legal path that stands for any.
const UNKNOWN_PATH: &str = "x";

/// What policies ask for that engines have no words for.
fn unasked(policed: &Policed) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for rule in policed.policies().iter().flat_map(|(policy, _)| &policy.images) {
        for (is_asked, word) in [
            (!rule.attestations.is_empty(), "attestations"),
            (!rule.latest, "latest"),
            (rule.pinned, "pinned"),
            (!rule.digests.is_empty(), "digests"),
            (rule.max_age_days.is_some(), "max-age-days"),
        ] {
            words.extend(is_asked.then_some(word));
        }
    }
    let words: Vec<&str> = words.into_iter().collect();
    let gap = || {
        format!(
            "nodes do not ask what the policy says by {}: the import did",
            words.join(", ")
        )
    };
    let mut gaps: BTreeSet<String> = (!words.is_empty()).then(gap).into_iter().collect();
    let mut rules = policed.policies().iter().flat_map(|(policy, _)| &policy.images);
    if rules.any(|rule| rule.signature.as_ref().is_some_and(|s| !s.identities.is_empty())) {
        gaps.insert(
            "nodes ask of keyless signatures neither the log of certificates (SCT) nor when an authority or a log counted: the import did"
                .to_owned(),
        );
    }
    gaps
}

#[cfg(test)]
mod tests;
