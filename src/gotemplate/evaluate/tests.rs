//! What vectors cannot say: objects, probes, `include` and `tpl`, and places of errors.

use std::any::Any;
use std::sync::Arc;

use crate::gotemplate::{
    Arguments, Engine, Failure, Function, Functions, GoString, Kind, List, Map, MissingKey, Object, Outcome,
    Probe, Render, Signature, Site, State, Templates, Type, Value, builtins,
};

static VERSION: Type = Type::named("*chart.Version", Kind::Pointer);
static SET: Type = Type::named_slice("chart.VersionSet", Type::STRING);

#[derive(Debug)]
struct Version;

impl Object for Version {
    fn go_type(&self) -> &'static Type {
        &VERSION
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        (name == b"Major").then(|| Value::from("1"))
    }

    fn fields(&self) -> &'static [&'static str] {
        &["Major"]
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        const ONE: Signature = Signature::of(&[Type::STRING]);
        (name == b"With").then_some(&ONE)
    }

    fn call(&self, _: &[u8], arguments: Arguments<'_>, _: &mut dyn Engine) -> Result<Value, Failure> {
        match arguments.text(0)?.as_bytes() {
            b"" => Err(Failure::from("no suffix")),
            suffix => Ok(Value::string([b"1.", suffix].concat())),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct Set(List);

impl Object for Set {
    fn go_type(&self) -> &'static Type {
        &SET
    }

    fn underlying(&self) -> Option<Value> {
        Some(self.0.clone().into())
    }

    fn display(&self) -> Option<GoString> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn functions() -> Functions {
    let mut table = builtins();
    table.add([
        Function::with_engine("include", Signature::of(&[Type::STRING, Type::ANY]), |e, a| {
            Ok(e.include(a.text(0)?, a.value(1)?)?.into())
        }),
        Function::with_engine("tpl", Signature::of(&[Type::STRING, Type::ANY]), |e, a| {
            Ok(e.evaluate(b"root", a.text(0)?, a.value(1)?)?.into())
        }),
        Function::with_engine("seed", Signature::of(&[]), |e, _| {
            Ok(Value::int(*e.state().get::<i64>().unwrap_or(&0)))
        }),
        Function::plain("versions", &[Type::STRINGS], |a| {
            Ok(Value::int(i64::try_from(a.list(0)?.len()).unwrap_or(0)))
        }),
    ]);
    table
}

fn templates(text: &str) -> Templates {
    let mut templates = Templates::new(Arc::new(functions()))
        .missing_key(MissingKey::Zero)
        .called("root");
    templates.parse("page", text).unwrap();
    templates
}

fn data() -> Value {
    let inner: Map = [("enabled", Value::Bool(false)), ("kind", "a".into())]
        .into_iter()
        .collect();
    let map: Map = [
        ("v", Value::Object(std::rc::Rc::new(Version))),
        (
            "set",
            Value::Object(std::rc::Rc::new(Set(List::strings(["x", "y"])))),
        ),
        ("m", inner.into()),
    ]
    .into_iter()
    .collect();
    map.into()
}

fn run(text: &str) -> Result<String, String> {
    let templates = templates(text);
    let mut state = State::default();
    state.insert(7_i64);
    let printed = Render::new(&templates).state(state).run("page", &data());
    printed
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|e| e.to_string())
}

#[test]
fn objects_have_fields_and_methods() {
    assert_eq!(
        run("{{ .v.Major }} {{ .v.With \"2\" }} {{ \"3\" | .v.With }}").unwrap(),
        "1 1.2 1.3"
    );
    assert_eq!(
        run("{{ .v }} {{ printf \"%+v %T\" .v .v }}").unwrap(),
        "&{1} &{Major:1} *chart.Version"
    );
    assert_eq!(
        run("{{ .v.With \"\" }}").unwrap_err(),
        "template: page:1:5: executing \"page\" at <.v.With>: error calling With: no suffix"
    );
    assert_eq!(
        run("{{ .v.With }}").unwrap_err(),
        "template: page:1:5: executing \"page\" at <.v.With>: wrong number of args for With: want 1 got 0"
    );
    assert_eq!(
        run("{{ .v.Minor }}").unwrap_err(),
        "template: page:1:5: executing \"page\" at <.v.Minor>: can't evaluate field Minor in type interface {}"
    );
    assert_eq!(
        run("{{ .v.Major 1 }}").unwrap_err(),
        "template: page:1:5: executing \"page\" at <.v.Major>: Major has arguments but cannot be invoked as function"
    );
}

#[test]
fn a_named_slice_is_a_slice() {
    let text = "{{ range .set }}{{ . }}{{ end }} {{ len .set }} {{ index .set 1 }} {{ .set }} {{ printf \"%T\" .set }} {{ versions .set }}";
    assert_eq!(run(text).unwrap(), "xy 2 y [x y] chart.VersionSet 2");
}

#[test]
fn what_a_text_defines_is_visible_inside_its_call_only() {
    let text = r#"{{ define "a" }}outer{{ end }}{{ tpl "{{ define \"a\" }}inner{{ end }}{{ include \"a\" . }}" . }} {{ include "a" . }}"#;
    assert_eq!(run(text).unwrap(), "inner outer");
    let nested = r#"{{ tpl "{{ define \"b\" }}B{{ end }}{{ tpl `{{ include \"b\" . }}` . }}" . }}"#;
    assert_eq!(run(nested).unwrap(), "B");
    assert_eq!(
        run(r#"{{ tpl "{{ define \"b\" }}{{ end }}" . }}{{ include "b" . }}"#).unwrap_err(),
        "template: page:1:44: executing \"page\" at <include \"b\" .>: error calling include: template: no template \"b\" \
         associated with template \"root\""
    );
}

#[test]
fn a_template_without_data_has_empty_fields() {
    let define = r#"{{ define "a" }}[{{ .x.y }}{{ $.x.y }}]{{ end }}"#;
    for call in [r#"{{ include "a" .none }}"#, r#"{{ include "a" nil }}"#] {
        let printed = run(&format!("{define}{call}")).unwrap();
        assert_eq!(printed, "[<no value><no value>]", "{call}");
    }
    assert_eq!(run(r#"{{ tpl "{{ .x.y }}" nil }}"#).unwrap(), "<no value>");
    // A nil that lies in the data is another thing.
    let below = run(&format!(r#"{define}{{{{ include "a" .m }}}}"#)).unwrap_err();
    assert!(
        below.ends_with("<.x.y>: nil pointer evaluating interface {}.y"),
        "{below}"
    );
}

#[test]
fn functions_reach_the_state_of_the_render() {
    assert_eq!(run("{{ seed }}").unwrap(), "7");
}

#[test]
fn an_error_knows_its_place_through_includes() {
    let templates = templates("line\n{{ define \"x\" }}\n  {{ .m.kind.deep }}{{ end }}{{ include \"x\" . }}");
    let error = Render::new(&templates).run("page", &data()).unwrap_err();
    assert_eq!(error.line(), Some(3));
    let inner = error.inner().unwrap();
    assert_eq!((inner.line(), inner.file()), (Some(3), Some("page")));
    assert_eq!(inner.place().unwrap().context.as_deref(), Some(".m.kind.deep"));
    assert_eq!(inner.message(), "can't evaluate field deep in type interface {}");
    let span = inner.span().unwrap();
    assert_eq!(span.len(), ".m.kind.deep".len());
}

#[derive(Default)]
struct Watch {
    seen: Vec<String>,
}

impl Probe for Watch {
    fn read(&mut self, _: &Map, key: &[u8]) {
        self.seen.push(format!("read {}", String::from_utf8_lossy(key)));
    }

    fn leave_condition(&mut self, site: Site<'_>, outcome: Option<Outcome>) {
        self.seen
            .push(format!("{}:{} {outcome:?}", site.file, site.offset));
    }

    fn compared(&mut self, values: &[Value]) {
        self.seen.push(format!("compared {}", values.len()));
    }

    fn read_variable(&mut self, variable: u64) {
        self.seen.push(format!("variable {variable}"));
    }
}

#[test]
fn a_probe_sees_what_is_read_and_decided() {
    let templates =
        templates("{{ $k := .m.kind }}{{ if .m.enabled }}x{{ end }}{{ if eq $k \"a\" }}y{{ end }}");
    let mut render = Render::watched(&templates, Watch::default());
    render.run("page", &data()).unwrap();
    assert_eq!(
        render.into_probe().seen,
        [
            "read m",
            "read kind",
            "read m",
            "read enabled",
            "page:25 Some(Otherwise)",
            "variable 1",
            "compared 2",
            "page:54 Some(Body)"
        ]
    );
}

#[test]
fn maps_are_shared_between_templates_of_a_run() {
    let mut table = functions();
    table.add([Function::plain(
        "set",
        &[Type::ANY_MAP, Type::STRING, Type::ANY],
        |a| {
            a.map(0)?.insert(a.text(1)?.clone(), a.value(2)?.clone())?;
            Ok(Value::from(""))
        },
    )]);
    let mut templates = Templates::new(Arc::new(table));
    templates.parse("one", "{{ set .m \"late\" 1 }}").unwrap();
    templates.parse("two", "{{ .m.late }}").unwrap();
    let data = data();
    let mut render = Render::new(&templates);
    render.run("one", &data).unwrap();
    assert_eq!(render.run("two", &data).unwrap(), b"1");
}
