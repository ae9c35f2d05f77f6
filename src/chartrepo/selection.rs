//! Which charts of a repository are wanted, and which of their versions.

use std::str::FromStr;

use jiff::Timestamp;

use super::{Entry, Error, Index};
use crate::version::Constraint;

/// Charts by name, with the versions wanted of them: `argo-*@>=7`.
#[derive(Clone, Debug)]
pub struct Pattern {
    glob: String,
    versions: Option<Constraint>,
    /// The range as it was written.
    range: Option<String>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.glob == other.glob && self.range == other.range
    }
}

impl Pattern {
    /// One chart, with the versions wanted of it.
    pub(super) fn of_chart(name: &str, range: &str) -> Result<Self, Error> {
        Ok(Self {
            glob: name.to_owned(),
            versions: Some(parse_range(range)?),
            range: Some(range.to_owned()),
        })
    }
}

impl FromStr for Pattern {
    type Err = Error;

    /// `NAME` or `NAME@RANGE`; `*` and `?` in the name stand for any characters and for one.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (glob, range) = match text.trim().split_once('@') {
            None => (text.trim(), None),
            Some((glob, range)) => (glob, Some(range)),
        };
        Ok(Self {
            glob: if glob.is_empty() {
                "*".to_owned()
            } else {
                glob.to_owned()
            },
            versions: range.map(parse_range).transpose()?,
            range: range.map(str::to_owned),
        })
    }
}

/// Reads a range of versions as Helm does.
pub fn parse_range(text: &str) -> Result<Constraint, Error> {
    Constraint::parse(text).map_err(|source| Error::BadRange {
        range: crate::secret::printable(text, 120),
        source,
    })
}

/// What is wanted of every repository of a run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The charts; none means all.
    pub charts: Vec<Pattern>,
    /// The versions of charts whose pattern does not say.
    pub versions: Option<Constraint>,
    /// At most so many of the highest versions of each chart. Without it: one if no range is given, else all.
    pub latest: Option<usize>,
    /// Every version; `latest` still counts.
    pub all_versions: bool,
    /// Pre-releases too, as `helm --devel`.
    pub prereleases: bool,
    /// Only versions of this application version; `*` and `?` are patterns.
    pub app_version: Option<String>,
    /// Only versions that the index calls younger than this.
    pub created_after: Option<Timestamp>,
}

/// Reads a day, `2024-05-31`, or a moment, `2024-05-31T12:00:00Z`. A day begins at midnight, UTC.
pub fn parse_moment(text: &str) -> Result<Timestamp, Error> {
    let bad = || Error::BadMoment {
        text: crate::secret::printable(text, 80),
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day: jiff::civil::Date = text.parse().map_err(|_| bad())?;
    jiff::tz::TimeZone::UTC
        .to_timestamp(day.at(0, 0, 0, 0))
        .map_err(|_| bad())
}

/// What a selection finds in one repository.
#[derive(Debug, Default)]
pub struct Selected<'a> {
    /// The entries, by name and highest version first.
    pub entries: Vec<&'a Entry>,
    /// Patterns and charts for which there is nothing, one line each.
    pub nothing: Vec<String>,
    /// What could not be compared with what was asked for, one line each.
    pub notes: Vec<String>,
}

impl Selection {
    /// Selects from an index.
    pub fn of<'a>(&self, index: &'a Index) -> Selected<'a> {
        let mut selected = Selected::default();
        let mut met = vec![false; self.charts.len()];
        for (name, versions) in index.charts() {
            let patterns: Vec<_> = self
                .charts
                .iter()
                .enumerate()
                .filter(|(_, pattern)| glob_matches(&pattern.glob, name))
                .collect();
            if patterns.is_empty() && !self.charts.is_empty() {
                continue;
            }
            for (number, _) in &patterns {
                if let Some(met) = met.get_mut(*number) {
                    *met = true;
                }
            }
            let before = selected.entries.len();
            if patterns.is_empty() {
                self.choose(versions, None, &mut selected.entries);
            }
            for (_, pattern) in patterns {
                self.choose(versions, pattern.versions.as_ref(), &mut selected.entries);
            }
            if self.created_after.is_some() {
                let without = versions.iter().filter(|entry| created(entry).is_none()).count();
                if without > 0 {
                    selected.notes.push(format!(
                        "{name}: {without} of its {} versions do not say when they were made, and are passed over",
                        versions.len()
                    ));
                }
            }
            if selected.entries.len() == before {
                selected
                    .nothing
                    .push(format!("{name}: {}", self.why_nothing(versions)));
            }
        }
        for (pattern, _) in self.charts.iter().zip(met).filter(|(_, met)| !met) {
            selected
                .nothing
                .push(format!("no chart is called `{}`", pattern.glob));
        }
        selected
    }

    fn choose<'a>(&self, versions: &'a [Entry], own: Option<&Constraint>, chosen: &mut Vec<&'a Entry>) {
        let range = own.or(self.versions.as_ref());
        let limit = match (self.latest, range, self.all_versions) {
            (Some(limit), ..) => limit,
            (None, None, false) => 1,
            (None, ..) => usize::MAX,
        };
        let fits = |entry: &&Entry| {
            let stable = entry.version().prerelease().is_empty();
            let in_range = range.map_or(stable, |range| range.matches(entry.version()));
            let devel = self.prereleases && !stable && range.is_none_or(|range| in_devel_range(range, entry));
            (in_range || devel) && self.is_of_app_version(entry) && self.is_young_enough(entry)
        };
        for entry in versions.iter().filter(fits).take(limit) {
            if !chosen.iter().any(|other| std::ptr::eq(*other, entry)) {
                chosen.push(entry);
            }
        }
    }

    fn is_of_app_version(&self, entry: &Entry) -> bool {
        self.app_version.as_ref().is_none_or(|wanted| {
            entry
                .text("appVersion")
                .is_some_and(|version| glob_matches(wanted, &version))
        })
    }

    fn is_young_enough(&self, entry: &Entry) -> bool {
        self.created_after
            .is_none_or(|after| created(entry).is_some_and(|created| created > after))
    }

    fn why_nothing(&self, versions: &[Entry]) -> String {
        let only_prereleases = versions
            .iter()
            .all(|entry| !entry.version().prerelease().is_empty());
        if only_prereleases && !self.prereleases {
            "it has pre-releases only, which must be asked for".to_owned()
        } else {
            let highest = versions.first().map(|entry| entry.version().original());
            format!(
                "none of its {} versions is asked for (the highest is {})",
                versions.len(),
                highest.unwrap_or("unknown")
            )
        }
    }
}

/// When the index says that the version was made.
fn created(entry: &Entry) -> Option<Timestamp> {
    entry.text("created")?.parse().ok()
}

/// A range does not match pre-releases by itself; asked for, they count by the release they lead to.
fn in_devel_range(range: &Constraint, entry: &Entry) -> bool {
    let version = entry.version();
    let release = format!("{}.{}.{}", version.major(), version.minor(), version.patch());
    crate::version::Version::parse(&release).is_ok_and(|release| range.matches(&release))
}

/// `*` stands for any characters, `?` for one.
pub(super) fn glob_matches(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut g, mut n) = (0, 0);
    // Where to go on if what follows the last star does not fit: after the star, one character later.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(character) = name.get(n) {
        match glob.get(g) {
            Some('*') => {
                retry = Some((g + 1, n));
                g += 1;
            }
            Some(wanted) if wanted == character || *wanted == '?' => {
                g += 1;
                n += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else {
                    return false;
                };
                retry = Some((after_star, from + 1));
                g = after_star;
                n = from + 1;
            }
        }
    }
    glob.iter().skip(g).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn index() -> Index {
        let mut text = String::from("apiVersion: v1\nentries:\n");
        for (name, versions) in [
            ("argo-cd", &["7.1.0", "7.0.0", "6.2.0", "8.0.0-rc.1"][..]),
            ("argo-events", &["2.0.0"]),
            ("young", &["0.1.0-alpha"]),
        ] {
            writeln!(text, "  {name}:").unwrap();
            for version in versions {
                writeln!(
                    text,
                    "  - {{name: {name}, version: {version}, urls: [x], appVersion: v{version}}}"
                )
                .unwrap();
            }
        }
        Index::parse(text.as_bytes()).unwrap()
    }

    fn chosen(selection: &Selection) -> Vec<String> {
        let index = index();
        selection
            .of(&index)
            .entries
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn patterns(texts: &[&str]) -> Selection {
        Selection {
            charts: texts.iter().map(|text| text.parse().unwrap()).collect(),
            ..Selection::default()
        }
    }

    #[test]
    fn without_more_words_the_highest_release_of_each_chart_is_taken() {
        assert_eq!(
            chosen(&Selection::default()),
            ["argo-cd-7.1.0", "argo-events-2.0.0"]
        );
        let index = index();
        assert_eq!(
            Selection::default().of(&index).nothing,
            ["young: it has pre-releases only, which must be asked for"]
        );
    }

    #[test]
    fn a_range_takes_all_that_it_matches_and_latest_cuts_it() {
        assert_eq!(
            chosen(&patterns(&["argo-cd@>=6"])),
            ["argo-cd-7.1.0", "argo-cd-7.0.0", "argo-cd-6.2.0"]
        );
        let selection = Selection {
            latest: Some(2),
            ..patterns(&["argo-cd@>=6"])
        };
        assert_eq!(chosen(&selection), ["argo-cd-7.1.0", "argo-cd-7.0.0"]);
        assert_eq!(
            chosen(&patterns(&["argo-*"])),
            ["argo-cd-7.1.0", "argo-events-2.0.0"]
        );
    }

    #[test]
    fn prereleases_come_when_asked_for() {
        let selection = Selection {
            prereleases: true,
            ..Selection::default()
        };
        assert_eq!(
            chosen(&selection),
            ["argo-cd-8.0.0-rc.1", "argo-events-2.0.0", "young-0.1.0-alpha"]
        );
        assert_eq!(chosen(&patterns(&["argo-cd@>=8.0.0-0"])), ["argo-cd-8.0.0-rc.1"]);
        let selection = Selection {
            prereleases: true,
            ..patterns(&["argo-cd@>=8"])
        };
        assert_eq!(chosen(&selection), ["argo-cd-8.0.0-rc.1"]);
    }

    #[test]
    fn what_finds_nothing_is_told() {
        let index = index();
        assert_eq!(
            patterns(&["argo-cd@>=9", "other"]).of(&index).nothing,
            [
                "argo-cd: none of its 4 versions is asked for (the highest is 8.0.0-rc.1)",
                "no chart is called `other`"
            ]
        );
        assert!("a@not a range".parse::<Pattern>().is_err());
    }

    #[test]
    fn all_versions_and_the_application_version() {
        let all = Selection {
            all_versions: true,
            ..Selection::default()
        };
        assert_eq!(chosen(&all).len(), 4);
        let app = Selection {
            app_version: Some("v7.0.0".into()),
            ..patterns(&["argo-cd"])
        };
        assert_eq!(chosen(&app), ["argo-cd-7.0.0"]);
        let app = Selection {
            app_version: Some("v6.*".into()),
            ..patterns(&["argo-cd"])
        };
        assert_eq!(chosen(&app), ["argo-cd-6.2.0"]);
    }

    #[test]
    fn what_was_made_after_a_day_and_what_does_not_say() {
        let index = Index::parse(
            b"apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 3.0.0, urls: [x], created: '2024-06-01T00:00:00.5+02:00'}\n  - {name: a, version: 2.0.0, urls: [x], created: '2024-05-30T12:00:00Z'}\n  - {name: a, version: 1.0.0, urls: [x], created: never}\n",
        )
        .unwrap();
        let selection = Selection {
            all_versions: true,
            created_after: Some(parse_moment("2024-05-31").unwrap()),
            ..Selection::default()
        };
        let selected = selection.of(&index);
        let chosen: Vec<_> = selected.entries.iter().map(ToString::to_string).collect();
        assert_eq!(chosen, ["a-3.0.0"]);
        assert_eq!(
            selected.notes,
            ["a: 1 of its 3 versions do not say when they were made, and are passed over"]
        );
        assert!(parse_moment("yesterday").is_err());
        assert!(parse_moment("2024-05-30T12:00:00Z").is_ok());
    }

    #[test]
    fn a_glob_goes_back_to_its_star() {
        for (glob, name, fits) in [
            ("a*b", "axxb", true),
            ("a*b*c", "abbc", true),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*ab", "aab", true),
            ("a*", "ba", false),
        ] {
            assert_eq!(glob_matches(glob, name), fits, "{glob} {name}");
        }
    }
}
