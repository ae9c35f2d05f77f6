//! Which charts of a repository are wanted, and which of their versions.

use std::fmt;
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

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.glob)?;
        self.range.as_ref().map_or(Ok(()), |range| write!(f, "@{range}"))
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

impl fmt::Display for Selection {
    /// What is chosen, for people and as the selection's name in a lock: `redis@^18, latest 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.charts.as_slice() {
            [] => f.write_str("every chart")?,
            [first, others @ ..] => {
                first.fmt(f)?;
                others.iter().try_for_each(|other| write!(f, ", {other}"))?;
            }
        }
        if let Some(range) = &self.versions {
            write!(f, ", versions {range}")?;
        }
        if let Some(count) = self.latest {
            write!(f, ", latest {count}")?;
        }
        if self.all_versions {
            f.write_str(", all versions")?;
        }
        if self.prereleases {
            f.write_str(", pre-releases too")?;
        }
        if let Some(version) = &self.app_version {
            write!(f, ", of application version {version}")?;
        }
        match &self.created_after {
            Some(moment) => write!(f, ", younger than {moment}"),
            None => Ok(()),
        }
    }
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
mod tests;
