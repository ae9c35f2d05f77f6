//! Any bytes are an index or an error; an entry's file lies where it should, and what is written is read again.

use carrack::chartrepo::Index;

pub(super) fn check(data: &[u8]) {
    let Ok(index) = Index::parse(data) else { return };
    for (name, entries) in index.charts() {
        for entry in entries {
            // The list may be under another name, which no file is called by.
            assert!(
                !["", ".", ".."].contains(&entry.name()),
                "{:?} under {name:?}",
                entry.name()
            );
            let file = entry.file_name();
            assert!(
                file.strip_suffix(".tgz").is_some() && !file.starts_with('/') && file.len() < 512,
                "{file:?}"
            );
            assert!(
                file.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b)),
                "{file:?} is no file of a repository"
            );
        }
        let highest_first = entries
            .windows(2)
            .all(|pair| pair[0].version() >= pair[1].version());
        assert!(highest_first, "{name}");
    }
    for problem in index.problems() {
        let shown = problem.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    let text = index.to_yaml().expect("what was read can be written");
    let again = Index::parse(text.as_bytes()).expect("what was written can be read");
    assert_eq!(again.charts(), index.charts(), "{text}");
    assert_eq!(again.to_yaml().expect("and written again"), text);
}
