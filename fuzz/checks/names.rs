//! References, repositories, tags, digests, places and versions: what is read and printed is read as the same again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use carrack::digest::Digest;
use carrack::layouts::LocalSource;
use carrack::mirrors::{Mapping, Names, Place, PullSource, Rule, Target};
use carrack::reference::{Reference, Repository, Tag};
use carrack::version::{Constraint, Version};

pub(super) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(reference) = again::<Reference>(text) {
        let repository = reference.repository();
        assert_eq!(
            Repository::new(repository.host(), repository.path()).as_ref(),
            Ok(repository)
        );
        assert!(reference.tag().is_some() || reference.digest().is_some());
        safe(repository.path());
        let host = repository.host();
        assert!(
            !host.is_empty() && !host.contains(['/', '\\', '@', ' ']) && !host.chars().any(char::is_control)
        );
        let mapping = Mapping::new(Place::ByHost);
        for path in mapping.paths_of(repository) {
            safe(&path);
        }
        let _ = Names::new([repository], &mapping);
    }
    again::<Repository>(text);
    again::<Tag>(text);
    if let Some(digest) = again::<Digest>(text) {
        safe(&digest.hex());
    }
    again::<Target>(text);
    if let Some(rule) = again::<Rule>(text) {
        let mapping = Mapping::new(Place::ByHost).with_rules([rule.clone()]);
        let path = rule.path().unwrap_or("app");
        let repository = Repository::new(rule.host(), path).expect("a rule is about repositories");
        for path in mapping.paths_of(&repository) {
            safe(&path);
        }
    }
    let _ = text.parse::<PullSource>();
    let _ = text.parse::<LocalSource>();
    let version = again::<Version>(text);
    if let (Some(range), Some(version)) = (again::<Constraint>(text), version) {
        let _ = range.matches(&version);
    }
}

/// Reads the text; what it prints must be read as the same.
fn again<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let read = text.parse::<T>().ok()?;
    let printed = read.to_string();
    assert_eq!(
        printed.parse::<T>().expect("what was printed"),
        read,
        "{printed:?}"
    );
    Some(read)
}

/// No part of the path leads up, is hidden or is empty.
fn safe(path: &str) {
    let good =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_graphic());
    assert!(path.split('/').all(good) && !path.contains('\\'), "{path:?}");
}
