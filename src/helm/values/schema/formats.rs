//! Formats that Helm's validator reads in its own way, or that ours does not know in every draft.
//!
//! Which texts pass was found by asking real Helm; `fixtures/render` holds answers under `schema-formats`
//! and `schema-formats-violated`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use jsonschema::{ValidationOptions, Validator};
use regex::Regex;
use serde_json::json;

use crate::sprig::{UrlParts, regex_matches, url_parts};

static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    let date = "(?:[0-9]+Y(?:[0-9]+M)?(?:[0-9]+D)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)";
    let time = "T(?:[0-9]+H(?:[0-9]+M)?(?:[0-9]+S)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)";
    expression(&format!("^P(?:[0-9]+W|{date}(?:{time})?|{time})$"))
});

static HOSTNAME: LazyLock<Regex> = LazyLock::new(|| {
    let label = "[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?";
    expression(&format!(r"^{label}(?:\.{label})*$"))
});

static SEMVER: LazyLock<Regex> = LazyLock::new(|| {
    let number = "(?:0|[1-9][0-9]*)";
    let part = format!("(?:{number}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)");
    let build = "[0-9A-Za-z-]+";
    expression(&format!(
        r"^{number}\.{number}\.{number}(?:-{part}(?:\.{part})*)?(?:\+{build}(?:\.{build})*)?$"
    ))
});

static UUID: LazyLock<Regex> =
    LazyLock::new(|| expression("^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"));

static DATE_TIME: LazyLock<Known> = LazyLock::new(|| Known::of("date-time"));
static JSON_POINTER: LazyLock<Known> = LazyLock::new(|| Known::of("json-pointer"));
static RELATIVE_JSON_POINTER: LazyLock<Known> = LazyLock::new(|| Known::of("relative-json-pointer"));

/// A format that the validator knows itself, where its own draft does not ask for it.
struct Known(Option<Validator>);

impl Known {
    fn of(format: &str) -> Self {
        Self(jsonschema::draft7::new(&json!({ "format": format })).ok())
    }

    fn is_match(&self, text: &str) -> bool {
        let text = json!(text);
        self.0.as_ref().is_some_and(|check| check.is_valid(&text))
    }
}

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a constant expression")
}

/// The longest name of a host, without the dot at its end.
const HOSTNAME_LENGTH: usize = 253;

/// The longest address of a mailbox, and its part before the `@`.
const EMAIL_LENGTH: usize = 254;
const MAILBOX_LENGTH: usize = 64;

/// Adds the formats to what the validator knows.
pub(super) fn add(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    options
        .with_format("duration", |text: &str| DURATION.is_match(text))
        .with_format("email", is_email)
        .with_format("hostname", is_hostname)
        .with_format("iri", is_uri)
        .with_format("iri-reference", is_uri_reference)
        .with_format("json-pointer", |text: &str| JSON_POINTER.is_match(text))
        .with_format("period", is_period)
        .with_format("regex", |text: &str| regex_matches(text, "").is_ok())
        .with_format("relative-json-pointer", |text: &str| {
            RELATIVE_JSON_POINTER.is_match(text)
        })
        .with_format("semver", |text: &str| SEMVER.is_match(text))
        .with_format("uri", is_uri)
        .with_format("uri-reference", is_uri_reference)
        .with_format("uri-template", is_uri_template)
        .with_format("uuid", |text: &str| UUID.is_match(text))
}

/// The parts of an address that Go can parse and whose host is a name or an address without a zone.
fn parts(text: &str) -> Option<UrlParts> {
    url_parts(text).filter(|parts| !parts.hostname.contains(':') || is_ipv6(&parts.hostname))
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

fn is_uri(text: &str) -> bool {
    parts(text).is_some_and(|parts| parts.is_absolute)
}

fn is_uri_reference(text: &str) -> bool {
    !text.contains('\\') && parts(text).is_some()
}

/// Braces come in pairs in each segment of the path, and nobody looks what stands in them.
fn is_uri_template(text: &str) -> bool {
    parts(text).is_some_and(|parts| parts.written_path.split('/').all(has_pairs_of_braces))
}

fn has_pairs_of_braces(segment: &str) -> bool {
    let mut inside = false;
    for character in segment.chars() {
        match character {
            '{' if inside => return false,
            '}' if !inside => return false,
            '{' | '}' => inside = !inside,
            _ => {}
        }
    }
    !inside
}

fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= HOSTNAME_LENGTH && HOSTNAME.is_match(name)
}

fn is_email(text: &str) -> bool {
    let Some((mailbox, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= EMAIL_LENGTH && is_mailbox(mailbox) && is_mail_domain(domain)
}

fn is_mailbox(text: &str) -> bool {
    if text.len() > MAILBOX_LENGTH {
        return false;
    }
    // Only the first quote is looked for; what stands in place of the second one may be anything.
    let mut quoted = text.strip_prefix('"').unwrap_or_default().chars();
    if quoted.next_back().is_some() {
        return !quoted.as_str().contains(['"', '\\']);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    text.chars().all(plain) && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..")
}

fn is_mail_domain(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        None => is_hostname(text),
        Some(address) => match address.strip_prefix("IPv6:") {
            Some(address) => is_ipv6(address),
            None => address.parse::<Ipv4Addr>().is_ok(),
        },
    }
}

/// Two points in time, or one and how long it is to or from it.
fn is_period(text: &str) -> bool {
    text.split_once('/').is_some_and(|(start, end)| {
        (DATE_TIME.is_match(start) && (DATE_TIME.is_match(end) || DURATION.is_match(end)))
            || (DURATION.is_match(start) && DATE_TIME.is_match(end))
    })
}
