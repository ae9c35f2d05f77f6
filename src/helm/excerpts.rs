//! The engine's failures in Helm's words, with the line they are about.

use std::fmt::Write as _;

use super::error::Error;
use super::functions::{authors_message, unmarked};
use super::profile::Profile;
use crate::excerpt::Excerpt;
use crate::gotemplate;

/// A file that does not parse.
pub(super) fn parsing<'s>(
    file: &str,
    error: gotemplate::Error,
    source: impl Fn(&str) -> Option<&'s [u8]>,
) -> Error {
    let text = error.to_string();
    let parts: Vec<&str> = text.split(": ").collect();
    let message = match (parts.get(1), parts.last()) {
        (Some(place), Some(message)) => format!("parse error at ({place}): {message}"),
        _ => format!("parse error in ({file}): {text}"),
    };
    Error::Template {
        message,
        excerpt: excerpt(&error, source),
        source: Box::new(error),
    }
}

/// A file that does not run.
pub(super) fn executing<'s>(
    file: &str,
    error: gotemplate::Error,
    profile: Profile,
    source: impl Fn(&str) -> Option<&'s [u8]>,
) -> Error {
    let text = error.to_string();
    let message = match (authors_message(&text), error.place()) {
        (Some(message), Some(place)) => format!("execution error at ({}): {message}", located(place)),
        (Some(message), None) => format!("execution error in ({file}): {message}"),
        (None, Some(_)) if profile.is_helm4() => chain(&error),
        _ => text,
    };
    let excerpt = excerpt(&error, source);
    let unmarked = unmarked(error.message());
    Error::Template {
        message,
        excerpt,
        source: Box::new(error.saying(unmarked)),
    }
}

fn located(place: &gotemplate::Place) -> String {
    match place.column {
        Some(column) => format!("{}:{}:{column}", place.file, place.line),
        None => format!("{}:{}", place.file, place.line),
    }
}

/// Helm 4's form: a line for the place, one for the expression and one for what happened, for each call on the way.
fn chain(error: &gotemplate::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.message();
        let own = message.split_once(" template:").map_or(message, |(own, _)| own);
        if let Some(place) = error.place() {
            let _ = writeln!(text, "{}", located(place));
            if let (Some(template), Some(context)) = (&place.template, &place.context) {
                let _ = writeln!(text, "  executing {template} at <{context}>:");
            }
            let _ = writeln!(text, "    {own}");
        } else {
            let _ = writeln!(text, "{error}");
        }
        next = error.inner();
    }
    text.truncate(text.trim_end().len());
    text
}

/// The line of the innermost failure that happened in a file of the chart.
fn excerpt<'s>(error: &gotemplate::Error, source: impl Fn(&str) -> Option<&'s [u8]>) -> Option<Excerpt> {
    let chain = std::iter::successors(Some(error), |e| e.inner());
    let (place, text) = chain
        .filter_map(|e| e.place())
        .filter_map(|p| Some((p, source(&p.file)?)))
        .last()?;
    let text = String::from_utf8_lossy(text);
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    // Go counts bytes from zero, people characters from one.
    let before = line
        .char_indices()
        .take_while(|(at, _)| *at < place.column.unwrap_or(0));
    Some(Excerpt::new(
        &text,
        place.line,
        before.count() + 1,
        place.span.len(),
    ))
}
