use super::*;

fn typed_line(line: &str) -> Result<String, Error> {
    let mut map = Map::new();
    set(line, Style::Typed, Profile::Helm4, &mut map)?;
    Ok(goyaml::to_json(&Value::Map(map)).unwrap())
}

#[test]
fn values_get_the_types_that_helm_gives_them() {
    let line = "a=1,b=true,c=null,d=0,e=012,f=1.5,g=,h=-3,i=TRUE,j=abc";
    assert_eq!(
        typed_line(line).unwrap(),
        r#"{"a":1,"b":true,"c":null,"d":0,"e":"012","f":"1.5","g":"","h":-3,"i":true,"j":"abc"}"#
    );
}

#[test]
fn paths_lists_and_escapes() {
    assert_eq!(
        typed_line(r"a.b=1,a.c[1].d=x,l={1,b},m\.n=o\,p").unwrap(),
        r#"{"a":{"b":1,"c":[null,{"d":"x"}]},"l":[1,"b"],"m.n":"o,p"}"#
    );
    assert_eq!(typed_line("a[0][1]=x,a[0][0]=y").unwrap(), r#"{"a":[["y","x"]]}"#);
    assert_eq!(typed_line("a=1,").unwrap(), r#"{"a":1}"#);
}

#[test]
fn lines_that_helm_refuses_are_refused() {
    for line in [
        "a",
        "a,b=1",
        "a.=1",
        "a[x]=1",
        "a[-1]=1",
        "a[0]x=1",
        "a={1",
        "a=1,a.b=2",
        "a=1,a[0]=2",
    ] {
        assert!(typed_line(line).is_err(), "{line} was taken");
    }
}

#[test]
fn hostile_paths_end_in_an_error_and_not_in_memory_or_stack() {
    // CVE-2022-23524 and CVE-2022-36055.
    assert!(matches!(
        typed_line(&format!("{}a=1", "a.".repeat(100_000))),
        Err(Error::TooDeep { .. })
    ));
    assert!(matches!(
        typed_line(&format!("a{}=1", "[0]".repeat(100_000))),
        Err(Error::TooDeep { .. })
    ));
    assert!(matches!(
        typed_line("a[99999999]=1"),
        Err(Error::IndexTooLarge { .. })
    ));
}

#[test]
fn json_values_are_floats_and_may_stand_in_a_row() {
    let mut map = Map::new();
    set(
        r#"a={"x":[1,2]} ,b="t,u",c=,d=3"#,
        Style::Json,
        Profile::Helm4,
        &mut map,
    )
    .unwrap();
    assert_eq!(map.get("d"), Some(&Value::Float(3.0)));
    assert_eq!(
        goyaml::to_json(&Value::Map(map)).unwrap(),
        r#"{"a":{"x":[1,2]},"b":"t,u","c":null,"d":3}"#
    );
}

#[test]
fn a_literal_goes_to_the_end_of_the_line() {
    let mut map = Map::new();
    set(r"a.b=x,y=\z{1}", Style::Literal, Profile::Helm4, &mut map).unwrap();
    assert_eq!(
        goyaml::to_json(&Value::Map(map)).unwrap(),
        r#"{"a":{"b":"x,y=\\z{1}"}}"#
    );
}

#[test]
fn the_files_of_set_file_are_named_in_order() {
    assert_eq!(
        set_file_paths("a=x.txt,b.c=y,d={p,q}").unwrap(),
        ["x.txt", "y", "p", "q"]
    );
    let mut map = Map::new();
    let files = [("x.txt".to_owned(), b"text\n".to_vec())];
    set("a=x.txt", Style::File(&files), Profile::Helm4, &mut map).unwrap();
    assert_eq!(map.get("a"), Some(&Value::from("text\n")));
    assert!(set("a=other", Style::File(&files), Profile::Helm4, &mut map).is_err());
}

#[test]
fn a_line_that_ends_before_its_value_sets_nothing_but_the_lists_on_its_way() {
    for (line, values) in [
        ("a[1]", r#"{"a":[]}"#),
        ("a[0].", r#"{"a":[]}"#),
        ("a.", "{}"),
        ("a.b.c[0].", r#"{"a":{"b":{"c":[]}}}"#),
        ("a={x},a[0]", r#"{"a":["x"]}"#),
        ("a={x},a[0].", r#"{"a":[{}]}"#),
        ("a[0].c=1,a[0].b[1].", r#"{"a":[{"b":[],"c":1}]}"#),
        ("a[0].b[1]", r#"{"a":[]}"#),
    ] {
        assert_eq!(typed_line(line).unwrap(), values, "{line}");
    }
    assert!(typed_line("a=1,a.").is_err());
}

#[test]
fn an_index_without_its_end_is_an_error_in_helm_3_and_the_end_of_the_line_in_helm_4() {
    for (line, values) in [
        ("l[1=x,b=2", "{}"),
        ("a=1,l[", r#"{"a":1}"#),
        ("l[0][1=x", r#"{"l":[]}"#),
        ("a=1,a[0", r#"{"a":1}"#),
    ] {
        assert_eq!(typed_line(line).unwrap(), values, "{line}");
        let mut map = Map::new();
        assert!(matches!(
            set(line, Style::Typed, Profile::Helm3, &mut map),
            Err(Error::Index { .. })
        ));
    }
}
