use super::*;

#[test]
fn control_characters_leave_the_text() {
    let mut text = "a\u{1b}[31m b\nc\u{202e}".to_owned();
    sanitise(&mut text);
    assert_eq!(text, "a[31m b c");
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    for name in [".", "..", "a/b", "/"] {
        let mut metadata = Metadata {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            api_version: "v2".to_owned(),
            ..Metadata::default()
        };
        assert!(metadata.validate().is_err(), "{name} was taken");
    }
}
