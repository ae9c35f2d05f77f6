//! Every template under `fixtures/gotemplate` gives what Go gave when the vectors were recorded: the same bytes, or the
//! same error text with the same place.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use serde_json::Value as Json;

use super::*;

fn bytes_of(json: &Json) -> Vec<u8> {
    let text = json.as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// The value that a vector's JSON stands for: numbers are `float64`, other types are named by `$t`.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float(number.as_f64().unwrap()),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => List::any(items.iter().map(value).collect()).into(),
        Json::Object(entries) => match entries.get("$t").and_then(Json::as_str) {
            Some(name) => typed(name, &entries["v"]),
            None => entries
                .iter()
                .map(|(k, v)| (k.as_str(), value(v)))
                .collect::<Map>()
                .into(),
        },
    }
}

fn typed(name: &str, json: &Json) -> Value {
    let texts = || json.as_array().unwrap().iter().map(|t| t.as_str().unwrap());
    match name {
        "int" => Value::Int(json.as_i64().unwrap(), IntKind::Int),
        "int8" => Value::Int(json.as_i64().unwrap(), IntKind::Int8),
        "int32" => Value::Int(json.as_i64().unwrap(), IntKind::Int32),
        "int64" => Value::Int(json.as_i64().unwrap(), IntKind::Int64),
        "uint" => Value::Uint(json.as_u64().unwrap(), UintKind::Uint),
        "uint8" => Value::Uint(json.as_u64().unwrap(), UintKind::Uint8),
        "uint16" => Value::Uint(json.as_u64().unwrap(), UintKind::Uint16),
        "uint32" => Value::Uint(json.as_u64().unwrap(), UintKind::Uint32),
        "uint64" => Value::Uint(json.as_u64().unwrap(), UintKind::Uint64),
        "bytes" => Value::Bytes(bytes_of(json).into()),
        "string" => Value::String(bytes_of(json).into()),
        "[]string" => List::strings(texts()).into(),
        "[]int" => List::ints(json.as_array().unwrap().iter().map(|n| n.as_i64().unwrap())).into(),
        "map[string]string" => {
            let map = Map::typed(Type::STRING_MAP);
            for (key, text) in json.as_object().unwrap() {
                map.insert(key.as_str(), Value::from(text.as_str().unwrap()))
                    .unwrap();
            }
            map.into()
        }
        "nilmap" => Map::nil(Type::ANY_MAP).into(),
        "nilslice" => List::nil(Type::ANYS).into(),
        "complex" => Value::Complex(json[0].as_f64().unwrap(), json[1].as_f64().unwrap()),
        other => panic!("vectors have no type {other}"),
    }
}

fn count(length: usize) -> Value {
    Value::int(i64::try_from(length).unwrap())
}

/// The functions that the vectors were recorded with.
fn functions() -> Functions {
    let mut table = builtins();
    table.add([
        Function::variadic("list", &[], Type::ANY, |a| Ok(List::any(a.all().to_vec()).into())),
        Function::variadic("dict", &[], Type::ANY, |a| {
            let map = Map::any();
            for pair in a.all().chunks_exact(2) {
                map.insert(fmt::text_of(&pair[0])?, pair[1].clone())?;
            }
            Ok(map.into())
        }),
        Function::plain("upper", &[Type::STRING], |a| {
            Ok(Value::string(a.text(0)?.to_text().to_uppercase()))
        }),
        Function::plain("trunc", &[Type::INT, Type::STRING], |a| {
            let length = usize::try_from(a.int(0)?).unwrap_or(0);
            Ok(Value::string(a.text(1)?.get(..length).unwrap_or(a.text(1)?)))
        }),
        Function::plain("half", &[Type::FLOAT64], |a| Ok(Value::Float(a.float(0)? / 2.0))),
        Function::plain("wide", &[Type::INT64], |a| Ok(a.value(0)?.clone())),
        Function::plain("small", &[Type::INT8], |a| Ok(a.value(0)?.clone())),
        Function::plain("nat", &[Type::UINT], |a| Ok(a.value(0)?.clone())),
        Function::plain("flag", &[Type::BOOL], |a| Ok(a.value(0)?.clone())),
        Function::plain("cplx", &[Type::COMPLEX128], |a| Ok(a.value(0)?.clone())),
        Function::plain("bytes", &[Type::BYTES], |a| Ok(count(a.bytes(0)?.len()))),
        Function::plain("keys", &[Type::ANY_MAP], |a| Ok(count(a.map(0)?.len()))),
        Function::plain("items", &[Type::ANYS], |a| Ok(count(a.list(0)?.len()))),
        Function::plain("null", &[], |_| Ok(Value::Nil)),
        Function::plain("fail", &[Type::STRING], |a| {
            Err(Failure::from(a.text(0)?.to_text()))
        }),
        Function::plain("boom", &[], |_| Err(Failure::from("boom"))),
        Function::variadic("pair", &[Type::STRING], Type::INT, |a| {
            let rest = List::typed(Type::INTS, a.from(1).to_vec());
            Ok(fmt::sprint(&[a.value(0)?.clone(), rest.into()])?.into())
        }),
    ]);
    table
}

fn run(case: &Json, shared: &Json, functions: &Arc<Functions>) -> Result<Vec<u8>, Error> {
    let mode = match case["missing"].as_str() {
        Some("zero") => MissingKey::Zero,
        Some("error") => MissingKey::Error,
        _ => MissingKey::Invalid,
    };
    let mut templates = Templates::new(Arc::clone(functions)).missing_key(mode);
    templates.parse("main", case["text"].as_str().unwrap())?;
    let data = case.get("data").unwrap_or(shared);
    Render::new(&templates).run("main", &value(data))
}

fn expected(case: &Json) -> Result<Vec<u8>, String> {
    if let Some(error) = case["error"].as_str() {
        return Err(error.to_owned());
    }
    Ok(match case["output"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => bytes_of(&case["bytes"]),
    })
}

fn shown(result: &Result<Vec<u8>, String>) -> String {
    match result {
        Ok(bytes) => format!("prints {}", bytes.escape_ascii()),
        Err(error) => format!("fails: {error}"),
    }
}

fn check(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/gotemplate")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let functions = Arc::new(functions());
    let mut shared = Json::Null;
    let mut wrong = Vec::new();
    let mut total = 0;
    for line in text.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        if let Some(data) = case.get("shared") {
            shared = data.clone();
            continue;
        }
        total += 1;
        let got = run(&case, &shared, &functions).map_err(|e| e.to_string());
        let wanted = expected(&case);
        if got != wanted {
            wrong.push(format!(
                "{}\n   go {}\n  got {}",
                case["text"],
                shown(&wanted),
                shown(&got)
            ));
        }
    }
    assert!(total > 100, "{name} has only {total} vectors");
    assert!(
        wrong.is_empty(),
        "{} of {total} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn templates_evaluate_as_in_go() {
    check("evaluate.jsonl");
}

#[test]
fn broken_templates_are_refused_in_go_s_words() {
    check("syntax.jsonl");
}

#[test]
fn values_print_as_in_go() {
    check("fmt.jsonl");
}

#[test]
fn templates_that_a_fuzzer_found_do_as_in_go() {
    check("fuzzed.jsonl");
}
