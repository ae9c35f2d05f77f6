//! Hostile templates end in an error that names the limit, soon and without much memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

fn include(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(engine.include(arguments.text(0)?, arguments.value(1)?)?.into())
}

fn tpl(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(engine
        .evaluate(b"main", arguments.text(0)?, arguments.value(1)?)?
        .into())
}

fn set(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    map.insert(arguments.text(1)?.clone(), arguments.value(2)?.clone())?;
    Ok(map.clone().into())
}

fn templates(text: &str) -> Result<Templates, Error> {
    let mut functions = builtins();
    functions.add([
        Function::with_engine("include", Signature::of(&[Type::STRING, Type::ANY]), include),
        Function::with_engine("tpl", Signature::of(&[Type::STRING, Type::ANY]), tpl),
        Function::variadic("list", &[], Type::ANY, |a| Ok(List::any(a.all().to_vec()).into())),
        Function::plain("dict", &[], |_| Ok(Map::any().into())),
        Function::plain("set", &[Type::ANY_MAP, Type::STRING, Type::ANY], set),
    ]);
    let mut templates = Templates::new(Arc::new(functions));
    templates.parse("main", text)?;
    Ok(templates)
}

fn ends_by(text: &str) -> Option<Limit> {
    let limits = Limits {
        depth: 1000,
        steps: 300_000,
        output: 8 << 20,
        time: Duration::from_secs(30),
        memory: 16 << 20,
    };
    let started = Instant::now();
    let templates = match templates(text) {
        Ok(templates) => templates,
        Err(error) => return error.limit(),
    };
    let data: Map = [("s", Value::from("{{ tpl .s . }}"))].into_iter().collect();
    let error = Render::new(&templates)
        .limits(limits)
        .run("main", &data.into())
        .unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(40),
        "{text} took too long"
    );
    assert!(error.to_string().len() < 10_000);
    error.limit()
}

#[test]
fn templates_that_call_themselves_are_stopped() {
    assert_eq!(ends_by("{{ template \"main\" . }}"), Some(Limit::Depth));
    assert_eq!(ends_by("{{ include \"main\" . }}"), Some(Limit::Depth));
    assert_eq!(ends_by("{{ tpl .s . }}"), Some(Limit::Depth));
}

#[test]
fn endless_loops_are_stopped() {
    assert_eq!(ends_by("{{ range 1000000000000 }}{{ end }}"), Some(Limit::Steps));
    let nested = "{{ range 100000 }}".repeat(4) + "x" + &"{{ end }}".repeat(4);
    assert_eq!(ends_by(&nested), Some(Limit::Steps));
}

#[test]
fn long_output_is_stopped() {
    let text = format!("{{{{ range 100000 }}}}{}{{{{ end }}}}", "x".repeat(1000));
    assert_eq!(ends_by(&text), Some(Limit::Output));
}

#[test]
fn values_that_grow_are_stopped() {
    let doubling = "{{ $s := \"x\" }}{{ range 64 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}";
    assert_eq!(ends_by(doubling), Some(Limit::Memory));
    let quoting = "{{ $s := \"\\\\\" }}{{ range 64 }}{{ $s = printf \"%q%q\" $s $s }}{{ end }}";
    assert_eq!(ends_by(quoting), Some(Limit::Memory));
    let html = "{{ $s := \"<\" }}{{ range 64 }}{{ $s = print (html $s) \"<\" (html $s) }}{{ end }}";
    assert_eq!(ends_by(html), Some(Limit::Memory));
    let lists = "{{ $l := list }}{{ range 64 }}{{ $l = list $l $l }}{{ end }}{{ print $l }}";
    assert_eq!(ends_by(lists), Some(Limit::Memory));
}

#[test]
fn texts_whose_trees_would_be_large_are_refused() {
    let error = templates(&"{{ 1 }}".repeat(300_000)).unwrap_err();
    assert!(error.to_string().contains("tokens in one text"), "{error}");
    let inner = "{{ 1 }}".repeat(40_000);
    assert_eq!(
        ends_by(&format!("{{{{ tpl `{inner}` . }}}}")),
        Some(Limit::Memory)
    );
}

#[test]
fn errors_through_many_templates_stay_readable() {
    use std::fmt::Write as _;
    let mut texts = String::new();
    for n in 0..900 {
        let next = n + 1;
        write!(
            texts,
            r#"{{{{ define "a{n}" }}}}{{{{ include "a{next}" . }}}}{{{{ end }}}}"#
        )
        .unwrap();
    }
    let text = texts + "{{ define \"a900\" }}{{ .s.none }}{{ end }}{{ include \"a0\" . }}";
    let templates = templates(&text).unwrap();
    let data: Map = [("s", Value::from("x"))].into_iter().collect();
    let told = Render::new(&templates)
        .run("main", &data.into())
        .unwrap_err()
        .to_string();
    assert!(told.len() < 10_000, "{} bytes", told.len());
    assert!(
        told.starts_with("template: main:") && told.ends_with("in type interface {}"),
        "{told}"
    );
}

#[test]
fn wide_patterns_are_stopped() {
    let arguments = "1 ".repeat(200);
    let pattern = "%1000000d".repeat(200);
    assert_eq!(
        ends_by(&format!("{{{{ printf \"{pattern}\" {arguments} }}}}")),
        Some(Limit::Memory)
    );
}

#[test]
fn values_inside_themselves_are_stopped() {
    let one = "{{ $d := dict }}{{ $d = set $d \"a\" $d }}{{ $d }}";
    assert!(ends_by(one).is_none());
    let two = "{{ $d := dict }}{{ $_ := set $d \"a\" $d }}{{ $_ = set $d \"b\" $d }}{{ print $d }}";
    assert!(matches!(ends_by(two), Some(Limit::Memory) | None));
}

#[test]
fn deep_nesting_is_a_syntax_error_and_no_crash() {
    for (open, close) in [
        ("(", ")"),
        ("{{ if 1 }}", "{{ end }}"),
        ("{{ if 0 }}{{ else ", ""),
    ] {
        let inner = if open == "(" { "1" } else { "x" };
        let text = open.repeat(100_000) + inner + &close.repeat(100_000);
        let text = if open == "(" {
            format!("{{{{ {text} }}}}")
        } else {
            text
        };
        let error = templates(&text).unwrap_err();
        assert!(error.to_string().len() < 1000);
    }
    assert!(templates(&"{{/* comment */}}".repeat(200_000)).is_ok());
    let chain = "{{ if 0 }}a".to_owned() + &"{{ else if 0 }}b".repeat(100_000) + "{{ end }}";
    assert_eq!(templates(&chain).unwrap_err().limit(), Some(Limit::Depth));
}

#[test]
fn many_variables_are_parsed_in_little_time() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for i in 0..40_000 {
        write!(text, "{{{{ $v{i} := 1 }}}}").unwrap();
    }
    text.push_str(&"{{ if $v0 }}{{ end }}".repeat(40_000));
    let started = Instant::now();
    templates(&text).unwrap();
    assert!(started.elapsed() < Duration::from_secs(40));
}
