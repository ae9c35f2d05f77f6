//! The patterns of `.Files.Glob`: `*` within a component, `**` across them, `?`, `[a-z]`, `[!a]`, `{one,two}`.

use regex::Regex;

/// Compiles a pattern; a malformed one fits every name, as Helm has it.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    let text = translate(pattern)?;
    // Go anchors at both ends; so do we. A pattern too large for the engine counts as malformed.
    Regex::new(&format!("(?s)\\A(?:{text})\\z")).ok()
}

/// Whether `name` fits what [`compile`] gave.
pub(super) fn fits(compiled: Option<&Regex>, name: &str) -> bool {
    compiled.is_none_or(|r| r.is_match(name))
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut open = 0;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => class(&mut rest, &mut out)?,
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '\\' => exact(rest.next(), &mut out),
            other => exact(Some(other), &mut out),
        }
    }
    // What is left open ends with the pattern.
    out.extend(std::iter::repeat_n(')', open));
    Some(out)
}

fn exact(character: Option<char>, out: &mut String) {
    if let Some(c) = character {
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

/// What stands between brackets: one range, or a list of characters in which nothing but `\` is special.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    let not = rest.next_if_eq(&'!').is_some();
    let mut members = Vec::new();
    let first = rest.next()?;
    if rest.next_if_eq(&'-').is_some() {
        let high = rest.next()?;
        if rest.next()? != ']' || high < first {
            return None;
        }
        members.push((first, high));
    } else {
        let mut next = Some(first);
        loop {
            match next? {
                ']' => break,
                '\\' => {
                    let c = rest.next()?;
                    members.push((c, c));
                }
                c => members.push((c, c)),
            }
            next = rest.next();
        }
    }
    if members.is_empty() {
        return None;
    }
    out.push_str(if not { "[^" } else { "[" });
    for (low, high) in members {
        exact(Some(low), out);
        out.push('-');
        exact(Some(high), out);
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &str, name: &str) -> bool {
        fits(compile(pattern).as_ref(), name)
    }

    #[test]
    fn stars_and_separators() {
        assert!(fit("config/*.yaml", "config/a.yaml"));
        assert!(!fit("config/*.yaml", "config/b/a.yaml"));
        assert!(fit("config/**.yaml", "config/b/a.yaml"));
        assert!(fit("**", "a/b") && !fit("*", "a/b"));
    }

    #[test]
    fn alternatives_and_classes() {
        assert!(fit("a.{yaml,json}", "a.json") && !fit("a.{yaml,json}", "a.xml"));
        assert!(fit("[a-c].txt", "b.txt") && !fit("[!a-c].txt", "b.txt"));
        assert!(fit("[xy].txt", "y.txt"));
        assert!(fit("a+b(c).txt", "a+b(c).txt"));
    }

    #[test]
    fn a_malformed_pattern_fits_everything() {
        assert!(fit("[", "any/thing"));
        assert!(fit("[z-a]", "any/thing"));
    }
}
