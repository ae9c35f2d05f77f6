//! Lists of images: one reference a line.

use super::super::Error;
use super::Reader;
use crate::reference::Reference;

/// The lines with something on them, without comments, numbered from 1.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter_map(|(number, line)| {
        let line = line.split(" #").next().unwrap_or_default().trim();
        (!line.is_empty() && !line.starts_with('#')).then_some((number, line))
    })
}

pub(super) fn is_one(text: &str) -> bool {
    let is_entry = |line: &str| {
        let word =
            !line.contains(char::is_whitespace) && !line.ends_with(':') && !line.starts_with(['-', '{', '[']);
        word && (line.contains('/') || line.parse::<Reference>().is_ok())
    };
    let mut lines = entries(text).peekable();
    lines.peek().is_some() && lines.all(|(_, line)| is_entry(line))
}

impl Reader<'_> {
    pub(super) fn list(&mut self, text: &str) -> Result<(), Error> {
        entries(text).try_for_each(|(number, line)| self.image(line, number))
    }
}
