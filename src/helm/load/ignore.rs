//! `.helmignore`: which files of a directory are no part of the chart.

use super::pattern::Pattern;

/// The rules of one file, and Helm's own: no dot files in `templates/`.
#[derive(Clone, Debug)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    /// None, and nothing fits, where the rule is no pattern without the slash at its end: `conf\/`.
    pattern: Option<Pattern>,
    /// `!`: everything that does *not* fit is ignored. Not what git means by it, but what Helm does.
    not: bool,
    directories_only: bool,
    /// A rule without a slash is about the last component alone.
    last_component: bool,
}

/// A rule that Helm refuses.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadRule {
    /// `**` is not supported.
    #[error("line {line}: double-star (**) syntax is not supported")]
    DoubleStar {
        /// From 1.
        line: usize,
    },
    /// The pattern is malformed.
    #[error("line {line}: {rule:?} is no pattern")]
    Malformed {
        /// From 1.
        line: usize,
        /// The rule.
        rule: String,
    },
}

impl Rules {
    /// Reads the text of a `.helmignore`.
    pub(super) fn parse(text: &str) -> Result<Self, BadRule> {
        let mut rules = Vec::new();
        for (index, line) in text.lines().chain(["templates/.?*"]).enumerate() {
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            rules.push(Rule::parse(text, index + 1)?);
        }
        Ok(Self(rules))
    }

    /// Whether the file or directory of this name (relative, with `/`) is left out. The first rule that fits decides.
    pub(super) fn ignore(&self, name: &str, is_directory: bool) -> bool {
        self.0.iter().any(|rule| {
            let fits = (is_directory || !rule.directories_only) && rule.fits(name);
            fits != rule.not
        })
    }
}

impl Rule {
    fn parse(text: &str, line: usize) -> Result<Self, BadRule> {
        if text.contains("**") {
            return Err(BadRule::DoubleStar { line });
        }
        if Pattern::parse(text).is_none() {
            let rule = text.to_owned();
            return Err(BadRule::Malformed { line, rule });
        }
        let (not, rest) = text.strip_prefix('!').map_or((false, text), |r| (true, r));
        let (directories_only, rest) = rest.strip_suffix('/').map_or((false, rest), |r| (true, r));
        let (last_component, rest) = match rest.strip_prefix('/') {
            Some(anchored) => (false, anchored),
            None => (!rest.contains('/'), rest),
        };
        Ok(Self {
            pattern: Pattern::parse(rest),
            not,
            directories_only,
            last_component,
        })
    }

    fn fits(&self, name: &str) -> bool {
        let subject = if self.last_component {
            name.rsplit('/').next().unwrap_or(name)
        } else {
            name
        };
        self.pattern.as_ref().is_some_and(|p| p.matches(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_as_helm_reads_them() {
        let rules = Rules::parse("# note\n*.bak\n/top.txt\nci/\nsub/*.md\n").unwrap();
        assert!(rules.ignore("a/b.bak", false));
        assert!(rules.ignore("top.txt", false) && !rules.ignore("x/top.txt", false));
        assert!(rules.ignore("ci", true) && !rules.ignore("ci", false));
        assert!(rules.ignore("sub/a.md", false) && !rules.ignore("x/sub/a.md", false));
        assert!(rules.ignore("templates/.hidden", false));
    }

    #[test]
    fn an_exclamation_mark_ignores_all_that_does_not_fit() {
        let rules = Rules::parse("!*.yaml").unwrap();
        assert!(rules.ignore("README.md", false));
        assert!(!rules.ignore("Chart.yaml", false));
    }

    #[test]
    fn a_rule_that_is_no_pattern_without_its_last_slash_fits_nothing() {
        let rules = Rules::parse("conf\\/\n").unwrap();
        assert!(!rules.ignore("conf", true) && !rules.ignore("conf/a", false));
        assert_eq!(
            Rules::parse("conf\\").unwrap_err(),
            BadRule::Malformed {
                line: 1,
                rule: "conf\\".to_owned()
            }
        );
    }

    #[test]
    fn a_double_star_is_an_error_with_its_line() {
        assert_eq!(
            Rules::parse("a\n**/b").unwrap_err(),
            BadRule::DoubleStar { line: 2 }
        );
    }
}
