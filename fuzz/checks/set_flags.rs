//! `--set` and its kin: any expression is values or an error, without much stack, memory or time.

use carrack::goyaml;
use carrack::helm::{Profile, ValuesSource, asked_for, set_file_paths};

/// Each line is an expression, as each of the five flags takes it.
pub(super) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let lines = || text.split('\n').take(8);
    for profile in [Profile::Helm3, Profile::Helm4] {
        for flag in [
            ValuesSource::Set,
            ValuesSource::SetString,
            ValuesSource::SetJson,
            ValuesSource::SetLiteral,
        ] {
            let sources: Vec<_> = lines().map(|line| flag(line.to_owned())).collect();
            let values = asked_for(&sources, profile);
            assert_eq!(asked_for(&sources, profile).ok(), values.as_ref().ok().cloned());
            if let Ok(values) = values {
                let json = goyaml::to_json(&goyaml::Value::Map(values)).expect("values have a form in JSON");
                assert!(json.len() < (16 << 20), "{} bytes of {}", json.len(), text.len());
            }
        }
        let file = |line: &str| {
            let paths = set_file_paths(line).ok()?;
            Some(ValuesSource::SetFile {
                expression: line.to_owned(),
                contents: paths
                    .into_iter()
                    .map(|path| (path, b"content".to_vec()))
                    .collect(),
            })
        };
        let sources: Vec<_> = lines().filter_map(file).collect();
        let _ = asked_for(&sources, profile);
    }
}
