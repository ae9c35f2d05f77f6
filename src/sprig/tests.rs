//! Every line of `fixtures/sprig/*.jsonl` is an expression and what Helm 4 makes of it; ours must be the same.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::runes::repaired;
use super::{Keys, Surroundings};
use crate::gotemplate::{Limits, Map, MissingKey, Render, State, Templates, Type, Value, builtins};
use crate::goyaml;
use crate::observe::FixedClock;

/// An expression, and its type, text and JSON, or the error.
#[derive(Deserialize)]
struct Recorded {
    expr: String,
    out: Option<String>,
    error: Option<String>,
}

static VALUES: Type = Type::named_map("common.Values", Type::ANY);

/// The data that Helm gave to the recorded expressions.
fn data() -> Value {
    let values = goyaml::parse_json_style(include_bytes!("../../fixtures/sprig/values.yaml")).unwrap();
    let Value::Map(values) = super::from_yaml_value(values) else {
        panic!("the values are no map");
    };
    let data: Map = [("Values", values.retyped(&VALUES).into())].into_iter().collect();
    data.into()
}

fn render(expression: &str) -> Result<String, String> {
    static FUNCTIONS: LazyLock<Arc<crate::gotemplate::Functions>> = LazyLock::new(|| {
        let mut functions = builtins();
        functions.add(super::functions());
        Arc::new(functions)
    });
    let text = if expression.starts_with("{{") {
        expression.to_owned()
    } else {
        format!("{{{{ $x := {expression} }}}}{{{{ typeOf $x }}}}|{{{{ $x }}}}|{{{{ toJson $x }}}}")
    };
    let mut templates = Templates::new(Arc::clone(&FUNCTIONS)).missing_key(MissingKey::Zero);
    templates.parse("t", &text).map_err(|error| error.to_string())?;
    let mut state = State::default();
    let clock = Arc::new(FixedClock(
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    ));
    state.insert(Surroundings::new(clock, 1, Keys::Shared).in_zone(TimeZone::UTC));
    let limits = Limits {
        memory: 64 << 20,
        ..Limits::default()
    };
    let mut render = Render::new(&templates).state(state).limits(limits);
    let out = render.run("t", &data()).map_err(|error| error.to_string())?;
    Ok(repaired(&out).replace("<no value>", ""))
}

/// Where ours is known to differ, and does.
const KNOWN: [&str; 5] = [
    // goyaml's texts are characters, so that go-yaml's tag for bytes that are none does not come up.
    r#"toYamlPretty (b64dec "/w==")"#,
    // A number that no float can hold: Go keeps what it read before it, and looks at the outer type first.
    r#"fromJson "{\"a\":1e400}""#,
    r#"fromJsonArray "{\"a\":1e400}""#,
    // Both fail; the words about what is wrong inside the DER are ours.
    r#"{{ $c := genCA "x" 1 }}{{ buildCustomCert (b64enc $c.Key) (b64enc $c.Key) | typeOf }}"#,
    r#"genSelfSignedCertWithKey "x" nil nil 1 "-----BEGIN RSA PRIVATE KEY-----\nYQ==\n-----END RSA PRIVATE KEY-----" | typeOf"#,
];

/// What a function said, without the place that Helm writes before it.
fn said(error: &str) -> Option<&str> {
    error.rsplit_once("error calling ").map(|(_, said)| said.trim())
}

fn check(recorded: &str, at_least: usize) {
    let (mut count, mut wrong) = (0, String::new());
    let mut differing = 0;
    for line in recorded.lines() {
        let recorded: Recorded = serde_json::from_str(line).unwrap();
        count += 1;
        let ours = render(&recorded.expr);
        let same = match (&ours, &recorded.out, &recorded.error) {
            (Ok(ours), Some(theirs), _) => ours == theirs,
            (Err(ours), None, Some(theirs)) => match (said(ours), said(theirs)) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => true,
            },
            _ => false,
        };
        if same == KNOWN.contains(&recorded.expr.as_str()) {
            differing += 1;
            let theirs = recorded.out.or(recorded.error);
            writeln!(
                wrong,
                "{}\n   ours   {ours:?}\n   theirs {theirs:?}",
                recorded.expr
            )
            .unwrap();
        }
    }
    assert!(count >= at_least, "only {count} expressions were recorded");
    assert!(wrong.is_empty(), "{differing} of {count} differ:\n{wrong}");
}

macro_rules! recorded {
    ($($name:ident: $file:literal, $at_least:literal;)*) => {
        $(
            #[test]
            fn $name() {
                check(include_str!(concat!("../../fixtures/sprig/", $file, ".jsonl")), $at_least);
            }
        )*
    };
}

recorded! {
    functions_on_strings_answer_as_in_helm: "strings", 3000;
    names_change_their_style_as_in_helm: "casing", 700;
    functions_on_lists_answer_as_in_helm: "list", 2000;
    functions_on_dictionaries_answer_as_in_helm: "dict", 4000;
    defaults_are_taken_as_in_helm: "defaults", 800;
    numbers_are_calculated_as_in_helm: "numeric", 4000;
    types_are_told_as_in_helm: "reflect", 1000;
    documents_are_read_and_written_as_in_helm: "encoding", 600;
    base_64_and_32_are_read_and_written_as_in_helm: "base64", 300;
    regular_expressions_match_as_in_helm: "regex", 4000;
    versions_are_compared_as_in_helm: "semver", 150;
    paths_are_taken_apart_as_in_helm: "paths", 300;
    addresses_are_read_and_written_as_in_helm: "url", 150;
    keys_and_certificates_are_made_as_in_helm: "crypto", 150;
    dates_are_written_and_read_as_in_helm: "date", 700;
    toml_is_read_and_written_as_in_helm: "toml", 50;
}

#[test]
fn what_would_fill_the_memory_ends_in_an_error() {
    for expression in [
        "repeat 1000000000 \"ab\"",
        "until 1000000000",
        "untilStep 0 9000000000000000000 1",
        "seq 1 1000000000",
        "indent 1000000000 \"a\"",
        "nindent 1000000000 (repeat 1000 \"\\n\")",
        "randAlphaNum 1000000000",
        "randBytes 1000000000",
        "replace \"\" (repeat 100000 \"x\") (repeat 100000 \"y\")",
        "regexReplaceAll \"\" (repeat 100000 \"x\") (repeat 100000 \"y\")",
        "join (repeat 100000 \"x\") (until 100000)",
        "regexFindAll \"\" (repeat 1000000 \"x\") -1",
        "splitList \"\" (repeat 30000000 \"x\")",
        "{{ $x := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}",
        "{{ $x := dict \"a\" 1 }}{{ range until 40 }}{{ $x = dict \"a\" $x \"b\" $x }}{{ end }}{{ toYaml $x }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d | len }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ mustMerge $d $d | len }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ mustToJson $d | len }}",
        "mulf 1e300 1e300 | toString | fail",
    ] {
        assert!(render(expression).is_err(), "{expression}");
    }
}

#[test]
fn a_seed_makes_chance_repeatable() {
    for expression in [
        "randAlphaNum 20",
        "uuidv4",
        "randInt 0 1000000",
        "shuffle \"abcdefghijkl\"",
        "randBytes 9",
    ] {
        assert_eq!(render(expression), render(expression), "{expression}");
    }
    assert_ne!(render("randAlphaNum 20"), render("randAlphaNum 21"));
}
