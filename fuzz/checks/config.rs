//! carrack.yaml, and other tools' files read as one: what was read from them can be written and read as the same.

use carrack::config::{Config, foreign, is_config};

pub(super) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = is_config(text);
    match Config::parse(text, "carrack.yaml") {
        Ok(config) => assert_eq!(Config::parse(text, "again.yaml").expect("the same text"), config),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Some(format) = foreign::format(text)
        && let Ok(foreign) = foreign::read(text, format, "theirs.yaml")
    {
        let lines = 1 + text.matches('\n').count();
        for note in &foreign.notes {
            assert!(note.line <= lines && !note.text.contains('\n'), "{note:?}");
        }
        again(&foreign.config);
    }
}

fn again(config: &Config) {
    let remarks = ["look\nat this".to_owned()];
    let text = config.to_commented("a fuzzer", &remarks);
    let again = Config::parse(&text, "carrack.yaml");
    assert!(again.is_ok(), "{again:?}:\n{text}");
    let again = again.expect("it was asked just now");
    assert_eq!(again.to_commented("a fuzzer", &remarks), text);
    assert_eq!(again.charts.len(), config.charts.len(), "{text}");
}
