//! The bundle's chart repositories as files: `/charts/<host>/<path>/index.yaml`, archives and provenance.

use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, StatusCode};

use super::answer::{self, Answer, Code};
use super::content;
use crate::bundle::{self, Bundle};

/// The file at `path` below the bundle's charts. Only names that a chart repository has are looked for.
pub(super) fn file(bundle: &Bundle, path: &str, headers: &HeaderMap) -> Answer {
    let Some(media_type) = media_type(path) else {
        return answer::absent(Code::NameUnknown, "no chart repository has a file of this name");
    };
    match bundle.chart_file(path) {
        Ok(file) => {
            let mut answer = content::part(file, headers, None);
            if answer.status() != StatusCode::RANGE_NOT_SATISFIABLE {
                answer::header(&mut answer, CONTENT_TYPE, media_type);
            }
            answer
        }
        Err(bundle::Error::Disk(error)) if error.is_absent() => {
            answer::absent(Code::NameUnknown, "the bundle has no such chart file")
        }
        Err(error) => answer::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Unknown,
            &error.to_string(),
        ),
    }
}

/// The media type, if every component is a plain name and the last one is a chart repository's.
fn media_type(path: &str) -> Option<&'static str> {
    let plain = |component: &str| {
        !component.is_empty()
            && !component.starts_with('.')
            && component
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'~'))
    };
    if !path.split('/').all(plain) {
        return None;
    }
    let (_, name) = path.rsplit_once('/')?;
    match name.rsplit_once('.')?.1 {
        "yaml" => Some("application/yaml"),
        "tgz" => Some("application/gzip"),
        "prov" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_a_chart_repository_are_looked_for() {
        assert_eq!(
            media_type("charts.example.com/stable/index.yaml"),
            Some("application/yaml")
        );
        assert_eq!(media_type("a/x-1.0.0+build.1.tgz"), Some("application/gzip"));
        for path in [
            "../index.json.yaml",
            "a/../../carrack/inventory.yaml",
            "a//x.tgz",
            "/etc/x.yaml",
            "a/.hidden.tgz",
            "a/x.tar",
            "x.tgz",
            "a/x\0.tgz",
            "a/x.tgz/",
            "",
        ] {
            assert_eq!(media_type(path), None, "{path}");
        }
    }
}
