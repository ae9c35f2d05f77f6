//! `values.schema.json`: whether the values are what a chart says it takes.

mod formats;
mod outside;
mod patterns;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use outside::Outside;

use super::live;
use super::tree::Instance;
use crate::gotemplate::{Map, Value};
use crate::helm::error::Error;
use crate::secret::printable;

/// A value that is longer is not repeated in a violation.
const VALUE_SHOWN: usize = 200;

/// How many characters of a problem and of its place are shown.
const PROBLEM_SHOWN: usize = 500;

/// How many violations of one chart are named.
const NAMED: usize = 20;

/// How deep a schema may be nested.
const DEPTH: usize = 200;

/// Stack of the thread that checks, in bytes: schemas and values may be nested as deep as their limits let them.
const STACK: usize = 64 << 20;

/// What is wrong with the values of one chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The chart.
    pub chart: String,
    /// One line for each thing that is wrong, or why the schema cannot be used.
    pub details: Vec<String>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.chart)?;
        self.details.iter().try_for_each(|d| write!(f, "\n- {d}"))
    }
}

/// Checks the values of every chart of the tree against the chart's own schema; all of it may take so long.
pub(super) fn check(root: &Instance<'_>, values: &Map, time: Duration) -> Result<(), Error> {
    let mut violations = Vec::new();
    check_chart(root, values, Instant::now() + time, &mut violations);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Error::Schema { violations })
    }
}

fn check_chart(chart: &Instance<'_>, values: &Map, end: Instant, violations: &mut Vec<Violation>) {
    if let Some(schema) = &chart.chart.schema {
        let details = check_in_time(schema, values, end);
        if !details.is_empty() {
            violations.push(Violation {
                chart: chart.name.clone(),
                details,
            });
        }
    }
    for below in &chart.below {
        match values.get(below.name.as_bytes()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(table)) => check_chart(below, &table, end, violations),
            Some(other) => violations.push(Violation {
                chart: below.name.clone(),
                details: vec![format!(
                    "invalid type for values: expected object (map), got {}",
                    other.type_name()
                )],
            }),
        }
    }
}

/// References that double at every level ask for more steps than there is time, and the validator cannot be stopped:
/// it gets a thread of its own, which is left behind when the time is over.
fn check_in_time(schema: &Arc<[u8]>, values: &Map, end: Instant) -> Vec<String> {
    let schema = Arc::clone(schema);
    let values = live::to_json(&Value::Map(values.clone()));
    let (tell, told) = mpsc::channel();
    let checker = thread::Builder::new().name("schema".to_owned()).stack_size(STACK);
    let started = checker.spawn(move || tell.send(check_values(&schema, &values)));
    let failed = match started {
        Err(e) => format!("there is no thread to check the values in: {e}"),
        Ok(_) => match told.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(details) => return details,
            Err(RecvTimeoutError::Timeout) => {
                "checking the values against the schema takes longer than the render may (limit: time)"
                    .to_owned()
            }
            Err(RecvTimeoutError::Disconnected) => "the schema's validator broke down".to_owned(),
        },
    };
    vec![failed]
}

fn check_values(schema: &[u8], values: &serde_json::Value) -> Vec<String> {
    let schema: serde_json::Value = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(e) => return vec![format!("the schema is no JSON: {e}")],
    };
    if deeper_than(&schema, DEPTH) {
        return vec![format!("the schema is nested more than {DEPTH} levels deep")];
    }
    let validator = match validator(schema, values) {
        Ok(validator) => validator,
        Err(why) => {
            let why = printable(&why, PROBLEM_SHOWN);
            return vec![format!("the schema cannot be used: {why}")];
        }
    };
    validator
        .iter_errors(values)
        .take(NAMED)
        .map(|e| told(&e))
        .collect()
}

/// The validator, told what Helm's reads in another way.
fn validator(
    mut schema: serde_json::Value,
    values: &serde_json::Value,
) -> Result<jsonschema::Validator, String> {
    patterns::rewrite(&mut schema, values)?;
    let outside = Outside::default();
    formats::add(jsonschema::options())
        .with_retriever(outside.clone())
        .with_keyword(outside::KEYWORD, |_, uri, _| outside::keyword(uri))
        .with_keyword(patterns::PATTERN, |_, pattern, _| patterns::keyword(pattern))
        // Helm's takes both for remarks.
        .without_content_encoding_support("base64")
        .without_content_media_type_support("application/json")
        .build(&schema)
        .map_err(|error| outside.explained(&error))
}

/// A violation in one line of bounded length. A long value is not repeated: what the schema wants must stay readable.
fn told(error: &jsonschema::ValidationError<'_>) -> String {
    let problem = match error.instance().to_string().len() {
        0..=VALUE_SHOWN => error.to_string(),
        _ => error.masked_with("the value").to_string(),
    };
    format!(
        "at '{}': {}",
        printable(&error.instance_path().to_string(), PROBLEM_SHOWN),
        printable(&problem, PROBLEM_SHOWN)
    )
}

fn deeper_than(value: &serde_json::Value, limit: usize) -> bool {
    let Some(limit) = limit.checked_sub(1) else {
        return true;
    };
    match value {
        serde_json::Value::Array(items) => items.iter().any(|v| deeper_than(v, limit)),
        serde_json::Value::Object(fields) => fields.values().any(|v| deeper_than(v, limit)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(schema: &str, values: &str) -> Vec<String> {
        let values = crate::goyaml::parse_json_style(values.as_bytes()).unwrap();
        let values = live::table(values.as_map().unwrap());
        check_in_time(
            &schema.as_bytes().into(),
            &values,
            Instant::now() + Duration::from_secs(2),
        )
    }

    #[test]
    fn what_a_schema_forbids_is_named_with_its_place() {
        let schema = r#"{"properties": {"a": {"properties": {"b": {"type": "integer"}}}}}"#;
        assert!(complaints(schema, "a: {b: 3}").is_empty());
        let found = complaints(schema, "a: {b: text}");
        assert!(found.first().unwrap().contains("/a/b"), "{found:?}");
    }

    #[test]
    fn a_long_value_is_not_repeated_in_what_is_said_of_it() {
        let schema = r#"{"properties": {"a": {"type": "integer"}}}"#;
        let told = complaints(schema, &format!(r#"{{"a": "{}"}}"#, "x".repeat(30_000)));
        assert_eq!(told, [r#"at '/a': the value is not of type "integer""#]);
    }

    #[test]
    fn patterns_are_read_by_go_s_grammar_in_every_draft() {
        for draft in [
            "http://json-schema.org/draft-07/schema#",
            "https://json-schema.org/draft/2020-12/schema",
        ] {
            for (pattern, text) in [
                ("^(?i)(debug|info)$", "DEBUG"),
                (r"^[\\w-\\.]+$", "a-b.c"),
                ("^[[:alnum:]]+$", "ab1"),
                (r"\\Aab\\z", "ab"),
                ("(?P<n>a)", "a"),
                (r"\\pL", "é"),
            ] {
                let schema =
                    format!(r#"{{"$schema": "{draft}", "properties": {{"a": {{"pattern": "{pattern}"}}}}}}"#);
                assert!(complaints(&schema, &format!("a: {text}")).is_empty(), "{schema}");
                let told = complaints(&schema, "a: '%%'");
                assert!(told.iter().all(|t| t.contains("does not match")), "{told:?}");
                assert_eq!(told.len(), 1, "{schema}");
                let schema = format!(
                    r#"{{"$schema": "{draft}", "patternProperties": {{"{pattern}": {{"type": "integer"}}}}, "additionalProperties": false}}"#
                );
                assert!(complaints(&schema, &format!("{text}: 1")).is_empty(), "{schema}");
                assert!(!complaints(&schema, &format!("{text}: x")).is_empty(), "{schema}");
                assert!(!complaints(&schema, "'%%': 1").is_empty(), "{schema}");
            }
            for place in [
                r#""properties": {"a": {"pattern": "^(?!x)"}}"#,
                r#""patternProperties": {"^(?!x)": true}"#,
                r#""definitions": {"a": {"pattern": "^(?!x)"}}"#,
            ] {
                let told = complaints(&format!(r#"{{"$schema": "{draft}", {place}}}"#), "a: 1");
                assert!(told.first().unwrap().contains("error parsing regexp"), "{told:?}");
            }
        }
    }

    #[test]
    fn a_name_of_odd_characters_meets_the_schemas_of_all_its_patterns() {
        let schema = r#"{"patternProperties": {"^.": {"type": "integer"}, ".$": {"minimum": 3}}}"#;
        let odd = r##"'!"#$%&()*+,-./:;<=>?@[\]^_`{|}~ é'"##;
        assert!(complaints(schema, &format!("{odd}: 3")).is_empty());
        assert_eq!(complaints(schema, &format!("{odd}: 2.5")).len(), 2);
    }

    #[test]
    fn what_is_a_value_in_a_schema_keeps_its_pattern() {
        let schema = r#"{"properties": {"a": {"enum": [{"pattern": "x"}]}, "default": {"pattern": "^b$"}}}"#;
        assert!(complaints(schema, "{a: {pattern: x}, default: b}").is_empty());
        assert_eq!(complaints(schema, "{a: {}, default: c}").len(), 2);
    }

    #[test]
    fn a_reference_out_of_the_chart_is_refused_and_never_followed() {
        for place in ["https://example.com/s.json", "file:///dev/zero", "other.json"] {
            let found = complaints(&format!(r#"{{"$ref": "{place}"}}"#), "a: 1");
            assert!(!found.is_empty(), "{place} was followed");
        }
        assert!(complaints(r#"{"$ref": "urn:example:any"}"#, "a: 1").is_empty());
    }

    #[test]
    fn a_reference_out_of_the_chart_that_nothing_leads_to_does_no_harm() {
        for place in [
            "https://example.com/s.json",
            "https://example.com/s.json#/definitions/x",
            "other.json#/x",
        ] {
            let schema = |more: &str| {
                format!(r#"{{"definitions": {{"x": {{"$ref": "{place}"}}}}, "properties": {{"a": {more}}}}}"#)
            };
            assert!(
                complaints(&schema(r#"{"type": "integer"}"#), "a: 1").is_empty(),
                "{place}"
            );
            let reached = complaints(&schema(r##"{"$ref": "#/definitions/x"}"##), "a: 1");
            let told = reached.first().unwrap();
            assert!(
                told.contains("is outside the chart, and schemas are read without"),
                "{told}"
            );
        }
    }

    #[test]
    fn how_a_text_is_encoded_is_a_remark() {
        let schema = |more: &str| {
            format!(
                r#"{{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {{"a": {more}}}}}"#
            )
        };
        for more in [
            r#"{"contentEncoding": "base64"}"#,
            r#"{"contentMediaType": "application/json"}"#,
            r#"{"contentEncoding": "base64", "contentMediaType": "application/json"}"#,
        ] {
            assert!(complaints(&schema(more), "a: '!!'").is_empty(), "{more}");
        }
    }

    /// Where a message finds something wrong.
    fn places(told: &str) -> Vec<String> {
        let places = told.lines().filter_map(|line| line.split_once("at '/"));
        let mut places: Vec<_> = places
            .filter_map(|(_, rest)| Some(rest.split_once('\'')?.0.to_owned()))
            .collect();
        places.sort();
        places
    }

    #[test]
    fn texts_miss_their_formats_where_helm_says_so() {
        let rule =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/render/schema-formats-violated");
        let read = |name: &str| std::fs::read_to_string(rule.join(name)).unwrap();
        let ours = complaints(&read("chart/values.schema.json"), &read("chart/values.yaml"));
        assert_eq!(places(&ours.join("\n")), places(&read("failed-helm4")));
        assert_eq!(places(&ours.join("\n")), places(&read("failed-helm3")));
    }

    #[test]
    fn references_that_double_at_every_level_end_in_time() {
        let schema = r##"{"$defs": {"x": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/x"}]}}}},
            "$ref": "#/$defs/x"}"##;
        // Four million steps: too many for this test, few enough for the thread that is left behind to end.
        let values = format!("{}1{}", "{a: ".repeat(22), "}".repeat(22));
        let values = crate::goyaml::parse_json_style(values.as_bytes()).unwrap();
        let values = live::table(values.as_map().unwrap());
        let found = check_in_time(
            &schema.as_bytes().into(),
            &values,
            Instant::now() + Duration::from_millis(10),
        );
        assert!(found.first().unwrap().contains("limit: time"), "{found:?}");
    }

    #[test]
    fn references_in_a_circle_and_deep_schemas_do_no_harm() {
        complaints(r##"{"$ref": "#"}"##, "a: 1");
        complaints(
            r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}"##,
            "a: 1",
        );
        let deep = format!("{}true{}", r#"{"not":"#.repeat(100), "}".repeat(100));
        complaints(&deep, "a: 1");
        let deeper = format!("{}true{}", r#"{"not":"#.repeat(10_000), "}".repeat(10_000));
        assert!(!complaints(&deeper, "a: 1").is_empty());
    }
}
