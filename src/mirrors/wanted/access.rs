//! Access logs of registries, of proxies before them, and of `carrack serve`: requests for manifests that were answered
//! with 404.

use regex::Regex;

use super::Said;
use crate::mirrors::Mapping;
use crate::reference::{Reference, Repository};

/// How requests and statuses are written.
#[derive(Debug)]
pub(super) struct Patterns {
    request: Regex,
    statuses: Vec<Regex>,
}

impl Patterns {
    pub(super) fn new() -> Self {
        let compile = |pattern: &str| Regex::new(pattern).expect("the pattern is one");
        Self {
            request: compile(
                r#"/v2/(?P<name>[a-z0-9][a-z0-9._/-]*)/manifests/(?P<at>[A-Za-z0-9_][A-Za-z0-9._:%-]*)(?:\?(?P<query>[^\s"\\]*))?"#,
            ),
            statuses: vec![
                // Common and combined log format; behind the request in quotes.
                compile(r#"HTTP/[0-9.]+\\*" (?P<status>[0-9]{3})\b"#),
                // logfmt and JSON: http.response.status=404, "statusCode":404, "status":"404"
                compile(r#"(?i)status(?:_?code)?\\*"?[=:]\s*\\*"?(?P<status>[0-9]{3})\b"#),
                // carrack serve: `10.0.0.7 GET /v2/… 404 61 B in 0 ms`
                compile(r"^\S+ [A-Z]+ /v2/\S+ (?P<status>[0-9]{3}) "),
            ],
        }
    }

    /// What a line says; `None` if it is no row of an access log about a manifest.
    pub(super) fn read(&self, line: &str, mapping: &Mapping) -> Option<Said> {
        let request = self.request.captures(line)?;
        let status = self.statuses.iter().find_map(|pattern| pattern.captures(line))?;
        let is_got = match status.name("status")?.as_str() {
            "404" => false,
            "200" | "304" => true,
            _ => return None,
        };
        let (name, at) = (request.name("name")?.as_str(), request.name("at")?.as_str());
        let query = request.name("query").map_or("", |query| query.as_str());
        let namespace = url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == "ns")
            .map(|(_, value)| value.into_owned());
        let Some(repository) = mapping.source_of(name, namespace.as_deref()) else {
            return (!is_got).then(|| Said::Unplaced(written(name, at)));
        };
        let reference = reference(&repository, at)?;
        Some(if is_got {
            Said::Got(reference)
        } else {
            Said::Missed(reference)
        })
    }
}

fn reference(repository: &Repository, at: &str) -> Option<Reference> {
    let at = at.replace("%3A", ":").replace("%3a", ":");
    written(&repository.to_string(), &at).parse().ok()
}

fn written(name: &str, at: &str) -> String {
    let separator = if at.contains(':') { '@' } else { ':' };
    format!("{name}{separator}{at}")
}
