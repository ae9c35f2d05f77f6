//! Rules that are clearer as sentences than as recorded vectors.

use super::*;
use crate::goyaml::value::Map;

fn yaml(value: impl Into<Value>) -> String {
    to_yaml(&value.into()).unwrap()
}

#[test]
fn texts_that_would_mean_something_else_are_between_double_quotes() {
    for text in [
        "true",
        "012",
        "1e3",
        "2020-01-02",
        "12:30:45",
        "0x1F",
        "~",
        "",
        "n",
        "+1",
        ".inf",
    ] {
        assert_eq!(yaml(text), format!("\"{text}\""));
    }
    for text in ["=", "<<", "2020-13-01", "1.2.3", "a:b"] {
        assert_eq!(yaml(text), text);
    }
}

#[test]
fn a_list_stands_at_the_indent_of_its_key() {
    let map = Map::from([("a".to_owned(), Value::from(vec![Value::from("b")]))]);
    assert_eq!(yaml(map.clone()), "a:\n- b");
    assert_eq!(to_yaml_pretty(&map.into()).unwrap(), "a:\n  - b");
}

#[test]
fn a_float_without_a_fraction_becomes_an_integer_behind_json() {
    assert_eq!(yaml(1e6), "1000000");
    assert_eq!(yaml(-0.0), "0");
    assert_eq!(yaml(1e20), "1e+20");
    assert_eq!(to_yaml_pretty(&Value::from(1e6)).unwrap(), "1e+06");
}

#[test]
fn an_infinity_has_no_form_behind_json() {
    assert!(to_yaml(&Value::from(f64::INFINITY)).is_err());
    assert_eq!(to_yaml_pretty(&Value::from(f64::INFINITY)).unwrap(), ".inf");
}

#[test]
fn a_value_without_end_is_an_error() {
    let mut value = Value::Null;
    for _ in 0..2_000 {
        value = Value::Seq(vec![value]);
    }
    assert!(matches!(to_yaml(&value), Err(Error::TooDeep { .. })));
}
