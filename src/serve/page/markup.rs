//! Text of strangers as HTML shows it.

use std::fmt::{self, Display, Write as _};

/// Text as HTML shows it, control characters escaped first.
pub(super) struct Safe<T>(pub(super) T);

impl<T: Display> Display for Safe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in crate::secret::printable(&self.0.to_string(), 600).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Text of several lines as HTML shows it.
pub(super) fn block(text: &str) -> String {
    text.lines()
        .map(|line| Safe(line).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}
