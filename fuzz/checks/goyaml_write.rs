//! What is written is read again as what it was.

use carrack::goyaml;

pub(super) fn check(data: &[u8]) {
    let Ok(value) = goyaml::parse_json_style(data) else {
        return;
    };
    let json = goyaml::to_json(&value).expect("a value from JSON has a form in JSON");
    assert_eq!(goyaml::from_json(json.as_bytes()).as_ref(), Ok(&value));
    let _ = goyaml::to_yaml_pretty(&value);
    // Some characters survive JSON but not the way through YAML, and a next line is folded on it.
    let Ok(yaml) = goyaml::to_yaml(&value) else {
        return;
    };
    // toYaml cuts the last line break off. go-yaml's own writer loses text at some line separators of Unicode, and leaves
    // a key `<<` without quotes, so that it is read as a merge.
    let lost = ["\\u2028", "\\u2029", r#""\u003c\u003c""#];
    if !json.contains(['\u{85}', '\u{feff}']) && !lost.iter().any(|lost| json.contains(lost)) {
        assert_eq!(
            goyaml::parse_json_style(format!("{yaml}\n").as_bytes()).as_ref(),
            Ok(&value),
            "{yaml}"
        );
    }
}
