//! Every vector that a real Helm recorded under `fixtures/goyaml` comes out the same.

use std::fs;
use std::path::Path;

use carrack::goyaml::{self, Error, Map, Value};
use serde::Deserialize;

/// A line of `recorded.jsonl`.
#[derive(Deserialize)]
struct Vector {
    function: String,
    input: serde_json::Value,
    output: String,
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/goyaml/recorded.jsonl");
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What Helm's template functions do with an error of a mapping.
fn map_or_error(read: Result<Map, Error>) -> Value {
    Value::Map(read.unwrap_or_else(|error| Map::from([("Error".to_owned(), Value::from(error.to_string()))])))
}

/// What Helm's template functions do with an error of a sequence.
fn seq_or_error(read: Result<Vec<Value>, Error>) -> Value {
    Value::Seq(read.unwrap_or_else(|error| vec![Value::from(error.to_string())]))
}

fn run(vector: &Vector) -> String {
    let text = vector.input.as_str().unwrap_or_default().as_bytes();
    let value = goyaml::from_json(vector.input.to_string().as_bytes()).unwrap();
    let json = |value: &Value| goyaml::to_json(value).unwrap();
    match vector.function.as_str() {
        "fromYaml" => json(&map_or_error(goyaml::from_yaml(text))),
        "fromYamlArray" => json(&seq_or_error(goyaml::from_yaml_array(text))),
        "fromJson" => json(&map_or_error(goyaml::from_json_map(text))),
        "fromJsonArray" => json(&seq_or_error(goyaml::from_json_array(text))),
        // Helm's functions answer an error with nothing.
        "toYaml" => goyaml::to_yaml(&value).unwrap_or_default(),
        "toYamlPretty" => goyaml::to_yaml_pretty(&value).unwrap_or_default(),
        "toJson" => goyaml::to_json(&value).unwrap_or_default(),
        "toRawJson" => goyaml::to_raw_json(&value).unwrap_or_default(),
        "toPrettyJson" => goyaml::to_pretty_json(&value).unwrap_or_default(),
        other => unreachable!("the record has no function {other}"),
    }
}

#[test]
fn every_recorded_vector_comes_out_as_helm_has_it() {
    let vectors = vectors();
    assert!(vectors.len() > 2_500, "only {} vectors", vectors.len());
    let wrong: Vec<_> = vectors
        .iter()
        .filter_map(|vector| {
            let ours = run(vector);
            (ours != vector.output).then(|| {
                format!(
                    "{} of {}\n  helm: {:?}\n  ours: {ours:?}",
                    vector.function, vector.input, vector.output
                )
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} vectors differ:\n{}",
        wrong.len(),
        vectors.len(),
        wrong.join("\n")
    );
}
