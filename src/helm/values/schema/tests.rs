//! Schemas, and what is said of values that do not keep to them.

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
        format!(r#"{{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {{"a": {more}}}}}"#)
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
