//! Which tags of a repository are carried: chosen by a pattern, by a range of versions, or the newest so many.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;

use futures_util::stream::{self, StreamExt as _};
use regex::Regex;
use tokio_util::sync::CancellationToken;

use crate::causes::chain;
use crate::reference::{Reference, Repository, Tag};
use crate::version::{self, Constraint, Version};

use super::{Error, Source, Wanted};

/// Why a filter of tags cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TagFilterError {
    /// The pattern is no regular expression.
    #[error("`{pattern}` is no regular expression")]
    Pattern {
        /// What was read.
        pattern: String,
        /// Where it breaks the grammar.
        #[source]
        source: regex::Error,
    },
    /// The range is none.
    #[error("`{range}` is no range of versions, such as `>=1.2, <2` or `~3.1`")]
    Range {
        /// What was read.
        range: String,
        /// Why it is none.
        #[source]
        source: version::Error,
    },
}

/// A choice among tags. Every part that is set must hold; one without any part takes every tag.
#[derive(Clone, Debug, Default)]
pub struct TagFilter {
    pattern: Option<Regex>,
    range: Option<(String, Constraint)>,
    newest: Option<NonZeroUsize>,
}

impl TagFilter {
    /// Only tags that the regular expression matches anywhere; `^` and `$` tie it to the ends.
    pub fn matching(self, pattern: &str) -> Result<Self, TagFilterError> {
        let pattern = Regex::new(pattern).map_err(|source| TagFilterError::Pattern {
            pattern: crate::secret::printable(pattern, 200),
            source,
        })?;
        Ok(Self {
            pattern: Some(pattern),
            ..self
        })
    }

    /// Only tags that are versions, loosely written (`v1.27`, `1.27.3`), within the range. A pre-release is in it only
    /// if the range names one itself: `1.27-alpine` is a pre-release.
    pub fn in_range(self, range: &str) -> Result<Self, TagFilterError> {
        let constraint = Constraint::parse(range).map_err(|source| TagFilterError::Range {
            range: crate::secret::printable(range, 200),
            source,
        })?;
        Ok(Self {
            range: Some((range.to_owned(), constraint)),
            ..self
        })
    }

    /// Only the so many highest versions of those that the other parts leave. Tags that are no versions do not count,
    /// and pre-releases only where a pattern or a range let them in.
    #[must_use]
    pub fn newest(self, count: NonZeroUsize) -> Self {
        Self {
            newest: Some(count),
            ..self
        }
    }

    /// The tags that are chosen: in their own order, or with [`newest`](Self::newest) from the highest version down.
    pub fn choose(&self, tags: &[Tag]) -> Vec<Tag> {
        let matches = |tag: &&Tag| self.pattern.as_ref().is_none_or(|p| p.is_match(tag.as_str()));
        let matching = tags.iter().filter(matches);
        if self.range.is_none() && self.newest.is_none() {
            return matching.cloned().collect();
        }
        let mut versions: Vec<(Version, &Tag)> = matching
            .filter_map(|tag| Some((Version::parse(tag.as_str()).ok()?, tag)))
            .filter(|(version, _)| match &self.range {
                Some((_, range)) => range.matches(version),
                None => self.pattern.is_some() || version.prerelease().is_empty(),
            })
            .collect();
        if let Some(count) = self.newest {
            versions.sort_by(|a, b| b.cmp(a));
            versions.truncate(count.get());
        }
        versions.into_iter().map(|(_, tag)| tag.clone()).collect()
    }
}

impl fmt::Display for TagFilter {
    /// What is chosen, for people and as the filter's name in a lock: `tags that match ^1, newest 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Some(pattern) => write!(f, "tags that match {pattern}")?,
            None => f.write_str("all tags")?,
        }
        if let Some((range, _)) = &self.range {
            write!(f, ", versions {range}")?;
        }
        match self.newest {
            Some(count) => write!(f, ", newest {count}"),
            None => Ok(()),
        }
    }
}

/// Tags of one repository that are wanted, whichever they are today.
#[derive(Clone, Debug)]
pub struct TagSelection {
    /// The repository, as it is known upstream.
    pub repository: Repository,
    /// Which of its tags.
    pub filter: TagFilter,
    /// Who asks for them, for the inventory: a file, `command line`.
    pub source: String,
}

/// What a selection came to.
#[derive(Debug)]
pub struct Expansion {
    /// What was asked for.
    pub selection: TagSelection,
    /// The tags that are chosen, at least one; or why the registry's list gives none.
    pub tags: Result<Vec<Tag>, Error>,
}

impl TagSelection {
    /// The references that chosen tags make.
    pub fn wanted(&self, tags: &[Tag]) -> impl Iterator<Item = Wanted> {
        tags.iter().map(|tag| {
            let reference = Reference::tagged(self.repository.clone(), tag.clone());
            Wanted::new(reference, &self.source)
        })
    }
}

/// Asks for the tags of every repository, once each, and chooses among them. A repository that does not answer, or has
/// no tag that is wanted, is an expansion with an error; an error is only the end of the whole run.
pub async fn expand(
    selections: Vec<TagSelection>,
    source: &Source,
    parallel: usize,
    cancel: &CancellationToken,
) -> Result<Vec<Expansion>, Error> {
    let mut by_repository: BTreeMap<Repository, Vec<TagSelection>> = BTreeMap::new();
    for selection in selections {
        let known = by_repository.entry(selection.repository.clone());
        known.or_default().push(selection);
    }
    let listing = stream::iter(by_repository).map(|(repository, selections)| async move {
        let mut expansions = Vec::with_capacity(selections.len());
        match source.tags(&repository).await {
            Ok(listed) => {
                for selection in selections {
                    let tags = choose(&selection, &listed);
                    expansions.push(Expansion { selection, tags });
                }
            }
            Err(error) => {
                let text = chain(&error);
                let mut first = Some(error);
                for selection in selections {
                    let again = || Error::NotListed {
                        problem: text.clone(),
                    };
                    let tags = Err(first.take().unwrap_or_else(again));
                    expansions.push(Expansion { selection, tags });
                }
            }
        }
        expansions
    });
    let listed = listing.buffered(parallel.max(1)).concat();
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Cancelled),
        expansions = listed => Ok(expansions),
    }
}

fn choose(selection: &TagSelection, listed: &[Tag]) -> Result<Vec<Tag>, Error> {
    let chosen = selection.filter.choose(listed);
    if chosen.is_empty() {
        return Err(Error::NoTag {
            repository: selection.repository.to_string(),
            filter: selection.filter.to_string(),
            listed: listed.len(),
        });
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: [&str; 10] = [
        "1.26.3",
        "1.27",
        "1.27-alpine",
        "1.27.1",
        "1.9.0",
        "latest",
        "sha-1.27.0",
        "v1.27.2",
        "v1.28.0-rc.1",
        "v2",
    ];

    fn chosen(filter: &TagFilter) -> Vec<String> {
        let tags: Vec<Tag> = LISTED.iter().map(|t| t.parse().unwrap()).collect();
        filter.choose(&tags).iter().map(ToString::to_string).collect()
    }

    fn newest(count: usize) -> TagFilter {
        TagFilter::default().newest(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn a_filter_without_parts_takes_every_tag() {
        assert_eq!(chosen(&TagFilter::default()), LISTED);
    }

    #[test]
    fn a_pattern_matches_anywhere_unless_it_is_tied() {
        let filter = TagFilter::default().matching("1\\.27\\.").unwrap();
        assert_eq!(chosen(&filter), ["1.27.1", "sha-1.27.0", "v1.27.2"]);
        let filter = TagFilter::default().matching("^1\\.27$").unwrap();
        assert_eq!(chosen(&filter), ["1.27"]);
    }

    #[test]
    fn a_range_takes_versions_and_no_pre_releases_it_does_not_name() {
        let filter = TagFilter::default().in_range(">=1.26, <2").unwrap();
        assert_eq!(chosen(&filter), ["1.26.3", "1.27", "1.27.1", "v1.27.2"]);
        let filter = TagFilter::default().in_range(">=1.28.0-0").unwrap();
        assert_eq!(chosen(&filter), ["v1.28.0-rc.1", "v2"]);
    }

    #[test]
    fn the_newest_are_counted_by_version_and_not_by_spelling() {
        assert_eq!(chosen(&newest(3)), ["v2", "v1.27.2", "1.27.1"]);
        assert_eq!(chosen(&newest(2).in_range("<1.27").unwrap()), ["1.26.3", "1.9.0"]);
        assert_eq!(chosen(&newest(1).matching("-alpine$").unwrap()), ["1.27-alpine"]);
    }

    #[test]
    fn what_is_no_pattern_or_range_says_so() {
        let error = TagFilter::default().matching("1.(").unwrap_err();
        assert!(error.to_string().contains("`1.(` is no regular expression"));
        let error = TagFilter::default().in_range("newest please").unwrap_err();
        assert!(error.to_string().contains("`newest please` is no range"));
    }
}
