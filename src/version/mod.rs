//! Versions and version ranges with the grammar that Helm accepts (Masterminds semver 3.5).
//!
//! Helm reads versions in three places: a chart's own `version` (strict), the versions in an index and in
//! `semverCompare` (loose: `1.27`, `v1.27.3-gke.1`), and the ranges of dependencies and `kubeVersion`
//! ([`Constraint`]). The rules differ from Cargo's and npm's in what a pre-release matches, in what a missing
//! number means, and in which separators join comparators; `fixtures/version` holds what the Go library answers.

mod constraint;
mod kubernetes;
mod order;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use constraint::Constraint;
pub use kubernetes::kubernetes_numbers;

/// The longest text that is read as a version, in bytes.
pub const LONGEST_VERSION: usize = 256;
/// The longest text that is read as a constraint, in bytes.
pub const LONGEST_CONSTRAINT: usize = 512;
/// The most alternatives (`||`) that a constraint may have.
pub const MOST_ALTERNATIVES: usize = 32;

/// Why a text is no version or no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no text at all.
    #[error("version string empty")]
    Empty,
    /// The text is longer than [`LONGEST_VERSION`].
    #[error("version string is too long (max {LONGEST_VERSION} bytes)")]
    TooLong,
    /// The text has not the shape of a version.
    #[error("invalid semantic version")]
    NotAVersion,
    /// One of the three numbers has something else than digits.
    #[error("invalid characters in version")]
    InvalidCharacters,
    /// A number begins with a zero and has more digits.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// A number does not fit 64 bits.
    #[error("error parsing version segment: {digits:?} does not fit 64 bits")]
    NumberTooLarge {
        /// The digits.
        digits: String,
    },
    /// The part after `-` is wrong.
    #[error("invalid prerelease string")]
    InvalidPrerelease,
    /// The part after `+` is wrong.
    #[error("invalid metadata string")]
    InvalidMetadata,
    /// The constraint is longer than [`LONGEST_CONSTRAINT`].
    #[error("constraint string is too long (max {LONGEST_CONSTRAINT} bytes)")]
    ConstraintTooLong,
    /// The constraint has more than [`MOST_ALTERNATIVES`] alternatives.
    #[error("too many constraint groups (max {MOST_ALTERNATIVES})")]
    TooManyAlternatives,
    /// An alternative of a constraint is no list of comparators.
    #[error("improper constraint: {text:?}")]
    ImproperConstraint {
        /// The alternative as it was written.
        text: String,
    },
    /// A comparator's version cannot be read, though the comparator has the right shape.
    #[error("constraint parser error")]
    ImproperOperand,
}

/// A version: three numbers, a pre-release and metadata.
///
/// Comparison, equality and hashing follow precedence, as the semantic versioning specification has it: metadata
/// does not count.
#[derive(Clone, Debug)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: String,
    metadata: String,
    original: String,
}

impl Version {
    /// Reads a version that has all three numbers, no `v` in front and no leading zeros.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > LONGEST_VERSION {
            return Err(Error::TooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::NotAVersion);
        };
        let (rest, metadata) = split_once_or_all(rest, '+');
        let (patch, prerelease) = split_once_or_all(rest, '-');
        if let Some(metadata) = metadata {
            check_metadata(metadata)?;
        }
        if let Some(prerelease) = prerelease {
            check_prerelease(prerelease)?;
        }
        for digits in [major, minor, patch] {
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Error::InvalidCharacters);
            }
            if digits.len() > 1 && digits.starts_with('0') {
                return Err(Error::LeadingZero);
            }
        }
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// Reads a version that may begin with `v`, may lack its last one or two numbers (they count as zero) and may
    /// have leading zeros.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST_VERSION {
            return Err(Error::TooLong);
        }
        let (shape, rest) = Shape::read(text, |c| c.is_ascii_digit()).ok_or(Error::NotAVersion)?;
        if !rest.is_empty() {
            return Err(Error::NotAVersion);
        }
        let version = Self {
            major: number(shape.major)?,
            minor: shape.minor.map_or(Ok(0), number)?,
            patch: shape.patch.map_or(Ok(0), number)?,
            prerelease: shape.prerelease.unwrap_or_default().to_owned(),
            metadata: shape.metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        };
        if let Some(prerelease) = shape.prerelease {
            check_prerelease(prerelease)?;
        }
        if let Some(metadata) = shape.metadata {
            check_metadata(metadata)?;
        }
        Ok(version)
    }

    /// Go's zero value: 0.0.0, read from no text.
    pub fn zero() -> Self {
        Self {
            major: 0,
            minor: 0,
            patch: 0,
            prerelease: String::new(),
            metadata: String::new(),
            original: String::new(),
        }
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.major
    }

    /// The second number.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// The third number.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// What stands after `-`, without it; empty for a release.
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// What stands after `+`, without it; empty where there is none.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text that was read, a leading `v` included.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The `v` in front of the text that was read, or nothing.
    fn prefix(&self) -> &'static str {
        if self.original.starts_with('v') { "v" } else { "" }
    }

    /// The release after this one in the same minor line; the release itself for a pre-release. None where the
    /// number has no successor.
    pub fn next_patch(&self) -> Option<Self> {
        let step = u64::from(self.prerelease.is_empty());
        Some(self.release(self.major, self.minor, self.patch.checked_add(step)?))
    }

    /// The first release of the next minor line. None where the number has no successor.
    pub fn next_minor(&self) -> Option<Self> {
        Some(self.release(self.major, self.minor.checked_add(1)?, 0))
    }

    /// The first release of the next major line. None where the number has no successor.
    pub fn next_major(&self) -> Option<Self> {
        Some(self.release(self.major.checked_add(1)?, 0, 0))
    }

    fn release(&self, major: u64, minor: u64, patch: u64) -> Self {
        Self {
            major,
            minor,
            patch,
            prerelease: String::new(),
            metadata: String::new(),
            original: format!("{}{major}.{minor}.{patch}", self.prefix()),
        }
    }

    /// The same version with another pre-release (without its `-`; empty for none).
    pub fn with_prerelease(&self, prerelease: &str) -> Result<Self, Error> {
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        let mut changed = self.clone();
        prerelease.clone_into(&mut changed.prerelease);
        changed.original = format!("{}{changed}", self.prefix());
        Ok(changed)
    }

    /// The same version with other metadata (without its `+`; empty for none).
    pub fn with_metadata(&self, metadata: &str) -> Result<Self, Error> {
        if !metadata.is_empty() {
            check_metadata(metadata)?;
        }
        let mut changed = self.clone();
        metadata.clone_into(&mut changed.metadata);
        changed.original = format!("{}{changed}", self.prefix());
        Ok(changed)
    }
}

impl fmt::Display for Version {
    /// The three numbers, pre-release and metadata: never a leading `v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

fn split_once_or_all(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn number(digits: &str) -> Result<u64, Error> {
    if digits.is_empty() {
        return Err(Error::NotAVersion);
    }
    digits.parse().map_err(|_| Error::NumberTooLarge {
        digits: digits.to_owned(),
    })
}

fn is_identifier_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

fn check_prerelease(text: &str) -> Result<(), Error> {
    for identifier in text.split('.') {
        if identifier.is_empty() || !identifier.chars().all(is_identifier_character) {
            return Err(Error::InvalidPrerelease);
        }
        let number = identifier.bytes().all(|b| b.is_ascii_digit());
        if number && identifier.len() > 1 && identifier.starts_with('0') {
            return Err(Error::LeadingZero);
        }
    }
    Ok(())
}

fn check_metadata(text: &str) -> Result<(), Error> {
    let fine = |identifier: &str| !identifier.is_empty() && identifier.chars().all(is_identifier_character);
    text.split('.')
        .all(fine)
        .then_some(())
        .ok_or(Error::InvalidMetadata)
}

/// The pieces of a loosely written version, uninterpreted.
#[derive(Clone, Copy, Debug)]
struct Shape<'a> {
    major: &'a str,
    minor: Option<&'a str>,
    patch: Option<&'a str>,
    prerelease: Option<&'a str>,
    metadata: Option<&'a str>,
}

impl<'a> Shape<'a> {
    /// Reads as much of a version as stands at the beginning of `text`; `in_number` tells which characters the three
    /// numbers may have. Gives the pieces and the rest.
    fn read(text: &'a str, in_number: fn(char) -> bool) -> Option<(Self, &'a str)> {
        let (major, mut rest) = leading(text.strip_prefix('v').unwrap_or(text), in_number)?;
        let mut after_dot = || {
            let (digits, after) = leading(rest.strip_prefix('.')?, in_number)?;
            rest = after;
            Some(digits)
        };
        let minor = after_dot();
        // Without a minor number the next dot cannot begin a patch number either.
        let patch = minor.and_then(|_| after_dot());
        let (prerelease, rest) = identifiers(rest, '-');
        let (metadata, rest) = identifiers(rest, '+');
        let shape = Self {
            major,
            minor,
            patch,
            prerelease,
            metadata,
        };
        Some((shape, rest))
    }
}

/// The longest non-empty beginning whose characters are all `wanted`, and the rest.
fn leading(text: &str, wanted: fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The dotted identifiers after `mark` at the beginning of `text`, where there are any, and the rest.
fn identifiers(text: &str, mark: char) -> (Option<&str>, &str) {
    let Some(list) = text.strip_prefix(mark) else {
        return (None, text);
    };
    let mut length = 0;
    let mut rest = list;
    while let Some((identifier, after)) = leading(rest, is_identifier_character) {
        length += identifier.len() + usize::from(length > 0);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => break,
        }
    }
    if length == 0 {
        return (None, text);
    }
    let (found, rest) = list.split_at(length);
    (Some(found), rest)
}
