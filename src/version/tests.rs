use std::cmp::Ordering;

use serde::Deserialize;

use super::*;

/// What Masterminds semver 3.5.0 answers, recorded by a Go program.
#[derive(Deserialize)]
struct Recorded {
    versions: Vec<RecordedVersion>,
    constraints: Vec<RecordedConstraint>,
}

#[derive(Deserialize)]
struct RecordedVersion {
    text: String,
    loose: Option<String>,
    strict: bool,
    next_patch: Option<String>,
    next_minor: Option<String>,
    next_major: Option<String>,
    /// One of `<=>` for each version that can be read, in their order.
    order: Option<String>,
}

#[derive(Deserialize)]
struct RecordedConstraint {
    text: String,
    error: Option<String>,
    /// `0` or `1` for each version that can be read, in their order.
    matches: Option<String>,
    shown: Option<String>,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("../../fixtures/version/masterminds.json")).unwrap()
}

fn readable(recorded: &Recorded) -> Vec<Version> {
    let readable = recorded.versions.iter().filter(|v| v.loose.is_some());
    readable.map(|v| Version::parse(&v.text).unwrap()).collect()
}

#[test]
fn versions_are_read_as_the_go_library_reads_them() {
    let recorded = recorded();
    assert!(recorded.versions.len() > 100);
    for expected in &recorded.versions {
        let loose = Version::parse(&expected.text).ok();
        assert_eq!(
            loose.as_ref().map(ToString::to_string),
            expected.loose,
            "{:?}",
            expected.text
        );
        assert_eq!(
            Version::parse_strict(&expected.text).is_ok(),
            expected.strict,
            "strict {:?}",
            expected.text
        );
        let (Some(version), Some(next_patch)) = (loose, &expected.next_patch) else {
            continue;
        };
        assert_eq!(version.next_patch().unwrap().original(), next_patch);
        assert_eq!(
            version.next_minor().unwrap().original(),
            expected.next_minor.as_ref().unwrap()
        );
        assert_eq!(
            version.next_major().unwrap().original(),
            expected.next_major.as_ref().unwrap()
        );
    }
}

#[test]
fn versions_have_the_order_of_the_go_library() {
    let recorded = recorded();
    let others = readable(&recorded);
    for expected in recorded.versions.iter().filter(|v| v.loose.is_some()) {
        let version = Version::parse(&expected.text).unwrap();
        let order: String = others
            .iter()
            .map(|other| match version.cmp(other) {
                Ordering::Less => '<',
                Ordering::Equal => '=',
                Ordering::Greater => '>',
            })
            .collect();
        assert_eq!(Some(order), expected.order, "{:?}", expected.text);
    }
}

#[test]
fn constraints_match_what_the_go_library_matches() {
    let recorded = recorded();
    let versions = readable(&recorded);
    assert!(recorded.constraints.len() > 900);
    let mut wrong = Vec::new();
    for expected in &recorded.constraints {
        let (matches, shown, error) = match Constraint::parse(&expected.text) {
            Ok(constraint) => {
                let answer = |v| if constraint.matches(v) { '1' } else { '0' };
                let matches = versions.iter().map(answer).collect::<String>();
                (Some(matches), Some(constraint.to_string()), None)
            }
            Err(error) => (None, None, Some(error.to_string())),
        };
        // How a quoted text writes control characters is the language's own matter.
        let kind = |error: &Option<String>| error.as_ref().map(|e| e.split(':').next().map(str::to_owned));
        if (&matches, kind(&error)) != (&expected.matches, kind(&expected.error))
            || shown.unwrap_or_default() != expected.shown.clone().unwrap_or_default()
        {
            wrong.push(format!(
                "{:?}:\n  ours   {matches:?} {error:?}\n  theirs {:?} {:?}",
                expected.text, expected.matches, expected.error
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn only_one_full_version_is_exact() {
    for (text, exact) in [
        ("1.2.3", true),
        ("=1.2.3", true),
        ("v1.2.3-rc.1", true),
        ("1.2", false),
        ("1.2.x", false),
        (">=1.2.3", false),
        ("1.2.3 || 2.0.0", false),
    ] {
        assert_eq!(Constraint::parse(text).unwrap().is_exact(), exact, "{text}");
    }
}

#[test]
fn pre_release_and_metadata_can_be_replaced() {
    let version = Version::parse("v1.2").unwrap();
    assert_eq!(version.with_prerelease("rc.1").unwrap().original(), "v1.2.0-rc.1");
    assert_eq!(version.with_metadata("b5").unwrap().to_string(), "1.2.0+b5");
    assert_eq!(version.with_prerelease("a..b"), Err(Error::InvalidPrerelease));
    assert_eq!(version.with_metadata("a_b"), Err(Error::InvalidMetadata));
}
