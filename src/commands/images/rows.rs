//! Rows of the report for people, laid out for a terminal that nobody widened.

use std::collections::BTreeSet;
use std::fmt;

/// The columns that every terminal has.
const COLUMNS: usize = 80;

/// Texts with a remark each. The remark stands beside the text where the row is short enough for both, else below it.
pub(super) fn write(f: &mut fmt::Formatter<'_>, rows: &[(String, String)]) -> fmt::Result {
    let fits = |text: usize, remark: &str| 4 + text + columns(remark) <= COLUMNS;
    let short = rows.iter().filter(|(text, remark)| fits(columns(text), remark));
    let width = short.map(|(text, _)| columns(text)).max().unwrap_or(0);
    for (text, remark) in rows {
        if remark.is_empty() {
            writeln!(f, "  {text}")?;
        } else if fits(width.max(columns(text)), remark) {
            writeln!(f, "  {text:width$}  {remark}")?;
        } else if fits(columns(text), remark) {
            writeln!(f, "  {text}  {remark}")?;
        } else {
            writeln!(f, "  {text}\n      {remark}")?;
        }
    }
    Ok(())
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// What stands before the name of a profile in the conditions of a place.
const PROFILE: &str = "profile ";

/// The conditions of a place as switches and as names of profiles.
pub(super) fn conditions(under: &BTreeSet<String>) -> (Vec<&str>, Vec<&str>) {
    let (profiles, switches): (Vec<&str>, Vec<&str>) = under
        .iter()
        .map(String::as_str)
        .partition(|condition| condition.starts_with(PROFILE));
    let names = profiles
        .iter()
        .filter_map(|condition| condition.strip_prefix(PROFILE));
    (switches, names.collect())
}

/// `profile a`, or `profiles a, b`.
pub(super) fn profiles(names: &[&str]) -> String {
    let end = if names.len() == 1 { "" } else { "s" };
    format!("profile{end} {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rows(Vec<(String, String)>);

    impl fmt::Display for Rows {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, &self.0)
        }
    }

    #[test]
    fn a_remark_stands_beside_a_short_text_and_below_a_long_one() {
        let long = "x".repeat(60);
        let rows = [
            ("ab", "Pod/a"),
            (long.as_str(), "Deployment/a-long-name"),
            ("abcd", "Pod/b"),
            ("e", ""),
        ];
        let rows = rows.map(|(text, remark)| (text.to_owned(), remark.to_owned()));
        assert_eq!(
            Rows(rows.to_vec()).to_string(),
            format!("  ab    Pod/a\n  {long}\n      Deployment/a-long-name\n  abcd  Pod/b\n  e\n")
        );
    }

    #[test]
    fn switches_and_profiles_are_told_apart() {
        let under: BTreeSet<String> = ["a.enabled=true", "profile lab", "profile prod"]
            .map(str::to_owned)
            .into();
        let (switches, names) = conditions(&under);
        assert_eq!(switches, ["a.enabled=true"]);
        assert_eq!(profiles(&names), "profiles lab, prod");
    }
}
