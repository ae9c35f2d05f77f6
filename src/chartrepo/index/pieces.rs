//! A long index in two pieces, each read by a thread of its own.
//!
//! It is cut where a chart's list begins. Whatever makes it doubtful that the pieces mean what the whole means, such as an
//! error in one of them, leaves it to whoever reads the whole.

use super::lists::{KEY, Lists};
use crate::goyaml::{Map, Value};

/// An index of so many bytes is worth a second thread; of much longer ones the second piece, which is copied, would take
/// too much memory.
const LONG: std::ops::Range<usize> = 128 << 10..64 << 20;

/// The document without its lists, and the lists; `None` if the whole is to be read.
pub(super) fn read(bytes: &[u8], limit: usize) -> Option<(Value, Lists)> {
    let is_alone = std::thread::available_parallelism().is_ok_and(|threads| threads.get() == 1);
    if is_alone { None } else { by_two(bytes, limit) }
}

fn by_two(bytes: &[u8], limit: usize) -> Option<(Value, Lists)> {
    if !LONG.contains(&bytes.len()) {
        return None;
    }
    let (first, rest) = bytes.split_at_checked(cut(bytes)?)?;
    let second = [format!("{KEY}:\n").as_bytes(), rest].concat();
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(move || Lists::read_whole(&second, limit));
        let first = Lists::read_whole(first, limit);
        let second = second.join();
        (
            first,
            second.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    let ((Some(Value::Map(document)), mut lists), (Some(Value::Map(rest)), more)) =
        (first.ok()?, second.ok()?)
    else {
        return None;
    };
    if more.begun != 1 {
        return None;
    }
    lists.join(more);
    Some((Value::Map(joined(document, rest)?), lists))
}

/// Both pieces as one document; `None` if a key is in both, where the later one would count alone.
fn joined(mut document: Map, mut rest: Map) -> Option<Map> {
    let (Value::Map(charts), Value::Map(more)) = (document.get_mut(KEY)?, rest.remove(KEY)?) else {
        return None;
    };
    let is_twice = more.keys().any(|name| charts.contains_key(name));
    charts.extend(more);
    let is_twice = is_twice || rest.keys().any(|key| document.contains_key(key));
    document.extend(rest);
    (!is_twice).then_some(document)
}

/// Where the second piece begins: the first line behind the middle that begins a list of the mapping of lists.
fn cut(bytes: &[u8]) -> Option<usize> {
    let mut found = None;
    let mut begun = false;
    let mut is_within = false;
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if breaks(text) {
            return None;
        }
        match text.first() {
            None | Some(b'#') => {}
            Some(b' ') => {
                if found.is_none() && is_within && offset >= bytes.len() / 2 && is_name(text) {
                    found = Some(offset);
                }
            }
            // A mark of a document, a directive, an indentation that is none, a byte order mark.
            Some(b'-' | b'.' | b'%' | b'\t' | 0x80..) => return None,
            Some(_) => {
                is_within = text.strip_suffix(b":") == Some(KEY.as_bytes());
                if is_within && std::mem::replace(&mut begun, true) {
                    return None;
                }
            }
        }
        offset += line.len();
    }
    found
}

/// Whether what looks like one line has other breaks of lines in it, or no text at all.
fn breaks(line: &[u8]) -> bool {
    line.contains(&b'\r')
        || line.contains(&0)
        || !line.is_ascii()
            && (line.windows(2).any(|bytes| bytes == [0xc2, 0x85])
                || line
                    .windows(3)
                    .any(|bytes| matches!(bytes, [0xe2, 0x80, 0xa8 | 0xa9])))
}

/// Whether the line is a plain name with two spaces before it and a list below it.
fn is_name(line: &[u8]) -> bool {
    let name = line.strip_prefix(b"  ").and_then(|name| name.strip_suffix(b":"));
    name.is_some_and(|name| {
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// A long index in which some of everything is wrong.
    fn text() -> String {
        let mut text = String::from("apiVersion: v1\nentries:\n");
        for chart in 0..100 {
            writeln!(text, "  chart-{chart}:").unwrap();
            for version in 0..7 {
                let number = ["1.0.", "not ", "2.0.0-"][version % 3];
                writeln!(text, "  - name: chart-{chart}\n    version: {number}{version}").unwrap();
                writeln!(
                    text,
                    "    description: \"{}\"\n    urls: [x]",
                    "words ".repeat(30)
                )
                .unwrap();
            }
            text.push_str("  - no mapping\n");
        }
        text.push_str("generated: \"2026-01-01T00:00:00Z\"\n");
        assert!(LONG.contains(&text.len()));
        text
    }

    fn pieces(text: &str) -> Option<(Value, Lists)> {
        by_two(text.as_bytes(), 1_000_000)
    }

    #[test]
    fn two_pieces_say_what_the_whole_says() {
        let text = text();
        for text in [
            text.clone(),
            text.replace('\n', "\r\n"),
            format!("# a comment\n\n{text}other: {{a: 1}}\n"),
            text.replace("\"words", "\"wörds"),
            text.replacen("  chart-10:", "  9:", 1),
            text.replacen("  chart-90:", "  \"9\":", 1),
            text.replacen("  chart-20:", "  chart-10:", 1),
            text.replacen("  chart-90:", "  chart-80:", 1),
        ] {
            let whole = Lists::read_whole(text.as_bytes(), 1_000_000).unwrap();
            let (document, mut lists) = pieces(&text).expect("it is read in pieces");
            lists.begun = whole.1.begun;
            assert_eq!((Some(document), lists), whole);
        }
    }

    #[test]
    fn what_is_doubtful_is_read_as_a_whole() {
        let text = text();
        let last = "  chart-90:\n";
        for (instead, why) in [
            ("  chart-10:\n", "a name on both sides"),
            ("entries:\n  chart-90:\n", "the lists begin twice"),
            (
                "\"entries\":\n  chart-90:\n",
                "the lists begin twice, differently",
            ),
            ("apiVersion: v2\n", "a key on both sides"),
            ("---\n", "another document"),
            ("...\n", "the end of the document"),
            ("%TAG\n", "a directive"),
            ("  chart-90: [\n", "an error"),
            ("  chart-90: &a\n", "an anchor"),
            ("  chart-90: *a\n", "an alias"),
            ("  \u{2028}other:\n  chart-90:\n", "another break of a line"),
            ("  x:\rother:\n  chart-90:\n", "another break of a line"),
            ("\u{85}\n  chart-90:\n", "another break of a line"),
        ] {
            assert!(pieces(&text.replacen(last, instead, 1)).is_none(), "{why}");
        }
        for depth in [900, 20_000] {
            let deep = format!("  chart-90:\n  - {}{}\n", "[".repeat(depth), "]".repeat(depth));
            let is_read = pieces(&text.replacen(last, &deep, 1)).is_some();
            assert_eq!(
                is_read,
                depth < 1000,
                "a depth of {depth}, on the other thread's stack"
            );
        }
        let quoted = text.replacen("  chart-49:\n", "  chart-49:\n  - name: \"\n", 1);
        let quoted = quoted.replacen("  chart-70:\n", "   \"\n  chart-70:\n", 1);
        for (text, why) in [
            (quoted, "a quoted text goes on behind the cut"),
            (
                text.replacen("apiVersion", "\u{feff}apiVersion", 1),
                "a byte order mark",
            ),
            (
                text.replacen("  chart-10:\n", "others:\n  chart-10:\n", 1),
                "the middle is in another mapping",
            ),
            (
                text.replacen("entries:", "entries: # all", 1),
                "no plain beginning",
            ),
            (text.chars().take(1000).collect(), "it is short"),
        ] {
            assert!(pieces(&text).is_none(), "{why}");
        }
    }
}
