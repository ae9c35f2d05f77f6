//! Lists of images: one reference a line.

use super::super::Error;
use super::Reader;
use crate::reference::lines;

pub(super) fn is_one(text: &str) -> bool {
    lines(text).is_some()
}

impl Reader<'_> {
    pub(super) fn list(&mut self, text: &str) -> Result<(), Error> {
        lines(text)
            .unwrap_or_default()
            .into_iter()
            .try_for_each(|line| self.image(line.text, line.number as usize))
    }
}
