//! Slash-separated paths. The `os` forms are the same: Helm's answers are those of Linux.

use super::Bytes;
use crate::gotemplate::{Function, Plain, Type, Value};

pub(super) fn functions() -> Vec<Function> {
    let bodies: [(&'static str, &'static str, Plain); 5] = [
        ("base", "osBase", |a| Ok(Value::string(base(a.text(0)?)))),
        ("dir", "osDir", |a| Ok(Value::string(dir(a.text(0)?)))),
        ("clean", "osClean", |a| Ok(Value::string(clean(a.text(0)?)))),
        ("ext", "osExt", |a| Ok(Value::string(ext(a.text(0)?)))),
        ("isAbs", "osIsAbs", |a| Ok(a.text(0)?.starts_with(b"/").into())),
    ];
    let both = |(name, os_name, body)| [name, os_name].map(|n| Function::plain(n, &[Type::STRING], body));
    bodies.into_iter().flat_map(both).collect()
}

/// The last element; `.` for the empty path.
fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
    let trimmed = path.get(..end).unwrap_or_default();
    trimmed
        .rsplit(|b| *b == b'/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or(b"/")
}

/// All but the last element, cleaned.
fn dir(path: &[u8]) -> Bytes {
    let end = path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// From the last dot of the last element on.
fn ext(path: &[u8]) -> &[u8] {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let dot = name.iter().rposition(|b| *b == b'.');
    dot.and_then(|dot| name.get(dot..)).unwrap_or_default()
}

/// The shortest path of the same meaning, found by looking at the text alone.
fn clean(path: &[u8]) -> Bytes {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for element in path.split(|b| *b == b'/') {
        match element {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => {
                kept.pop();
            }
            b".." if rooted => {}
            _ => kept.push(element),
        }
    }
    let joined = kept.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
