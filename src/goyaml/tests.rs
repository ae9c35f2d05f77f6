//! Hostile texts end in an error, and soon.

use super::*;

fn message(text: &[u8]) -> String {
    parse(text).unwrap_err().to_string()
}

/// `count` lists, each of which repeats the one before nine times.
fn bomb(count: usize) -> String {
    let first = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    let others = (1..count).map(|number| {
        let before = format!("*a{}, ", number - 1).repeat(9);
        format!("a{number}: &a{number} [{before}]\n")
    });
    std::iter::once(first).chain(others).collect::<Vec<_>>().concat()
}

#[test]
fn an_alias_bomb_is_refused_and_a_modest_repetition_is_not() {
    assert_eq!(
        message(bomb(9).as_bytes()),
        "yaml: document contains excessive aliasing"
    );
    assert!(located::parse(bomb(9).as_bytes()).is_err());
    assert!(parse(bomb(3).as_bytes()).is_ok());
}

#[test]
fn aliases_cannot_repeat_a_long_text_without_end() {
    let text = format!("a: &a {}\nb:\n{}", "x".repeat(1 << 20), "- *a\n".repeat(1 << 10));
    assert_eq!(
        message(text.as_bytes()),
        "yaml: document contains excessive aliasing"
    );
}

#[test]
fn an_anchor_in_itself_is_refused() {
    assert_eq!(message(b"a: &x [*x]"), "yaml: anchor 'x' value contains itself");
}

#[test]
fn nesting_ends_somewhere() {
    for text in ["[", "{", "- ", "? ", "{a: ", "[{"] {
        let deep = text.repeat(1 << 16);
        assert!(message(deep.as_bytes()).contains("exceeded max depth"), "{text}");
    }
    assert!(from_json("[".repeat(1 << 16).as_bytes()).is_err());
    let within = format!(
        "{}{}",
        "[".repeat(limits::DEPTH_CAP),
        "]".repeat(limits::DEPTH_CAP)
    );
    let value = parse(within.as_bytes()).unwrap();
    assert_eq!(to_json(&value).unwrap(), within);
    assert!(to_yaml(&value).is_ok());
}

#[test]
fn aliases_do_not_nest_beyond_the_depth_either() {
    let half = limits::DEPTH_CAP / 2 + 1;
    let text = format!("a: &a {0}{1}\nb: {0}*a {1}\n", "[".repeat(half), "]".repeat(half));
    assert!(message(text.as_bytes()).contains("exceeded max depth"));
}

#[test]
fn a_short_text_cannot_fill_the_memory() {
    let text = format!("[{}]", "{a},".repeat(1 << 18));
    assert!(matches!(parse(text.as_bytes()), Err(Error::TooHeavy { .. })));
    let json = format!("[{}1]", r#"{"":1},"#.repeat(1 << 18));
    assert!(matches!(from_json(json.as_bytes()), Err(Error::TooHeavy { .. })));
}

#[test]
fn a_text_may_end_anywhere() {
    let whole = "%TAG !e! tag:x,1:\n---\n&a !e!%C3%A9 \"\\x41\\u00e9 b\\\n c\": |2-\n   é\n? [a, {b: 'c''d'}]\n: >+\n f\n\n...\n";
    for end in 0..=whole.len() {
        let bytes = whole.as_bytes().get(..end).unwrap();
        let _ = parse(bytes);
        let _ = located::parse(bytes);
        let _ = from_json(bytes);
    }
}

#[test]
fn utf_16_is_read_too() {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend("é: 1\n---\nb: 2\n".encode_utf16().flat_map(u16::to_le_bytes));
    let all: Vec<_> = documents(&bytes).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 2);
    assert_eq!(all.first().and_then(|first| first.get("é")), Some(&Value::Int(1)));
}

#[test]
fn documents_end_with_the_first_error() {
    let mut documents = documents(b"a: 1\n---\nb: [\n---\nc: 3\n").unwrap();
    assert!(documents.next().is_some_and(|document| document.is_ok()));
    assert!(documents.next().is_some_and(|document| document.is_err()));
    assert!(documents.next().is_none());
}

#[test]
fn a_control_character_that_json_leaves_alone_has_no_yaml() {
    for text in ["a\u{7f}", "\u{80}", "\u{ffff}"] {
        assert!(to_yaml(&Value::from(text)).is_err(), "{text:?}");
        assert!(to_json(&Value::from(text)).is_ok());
    }
    // A next line (U+0085) is folded when the JSON is read as YAML.
    assert_eq!(to_yaml(&Value::from("a \u{85} b")).unwrap(), "a b");
}

#[test]
fn a_text_takes_the_form_that_a_typed_field_asks_for() {
    let value = parse(b"[1.10, 7, yes, 'x', ~]").unwrap();
    let texts: Vec<_> = value.as_seq().unwrap().iter().map(Value::coerced_text).collect();
    assert_eq!(
        texts,
        [
            Some("1.1".to_owned()),
            Some("7".to_owned()),
            Some("true".to_owned()),
            Some("x".to_owned()),
            None
        ]
    );
}
