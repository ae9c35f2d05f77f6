//! The line of a file that an error is about, drawn with a mark under the place.

use std::fmt;

/// How many characters of a long line are shown around the mark: line and mark fit on a screen of 80 columns.
const WINDOW: usize = 48;

/// One line of a source text with a mark under a span of it.
///
/// ```
/// use carrack::excerpt::Excerpt;
///
/// let excerpt = Excerpt::new("a: 1\nb: {{ .Values.x }}\n", 2, 7, 9);
/// assert_eq!(excerpt.to_string(), "   2 | b: {{ .Values.x }}\n     |       ^^^^^^^^^");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    line: usize,
    text: String,
    offset: usize,
    length: usize,
}

impl Excerpt {
    /// The given line (from 1) of `source`, marked from `column` (from 1, in characters) for `length` characters.
    ///
    /// A place past the end of the text gives an empty line: an excerpt never fails, it belongs to an error already.
    pub fn new(source: &str, line: usize, column: usize, length: usize) -> Self {
        let full = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let column = column.max(1) - 1;
        let start = if column < WINDOW { 0 } else { column - WINDOW / 2 };
        let text: String = full
            .chars()
            .skip(start)
            .take(WINDOW + WINDOW / 2)
            .map(|c| if c == '\t' { ' ' } else { c })
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        let offset = column - start;
        let length = length.clamp(1, text.chars().count().saturating_sub(offset).max(1));
        Self {
            line,
            text,
            offset,
            length,
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>4} | {}", self.line, self.text.trim_end())?;
        write!(
            f,
            "     | {:offset$}{}",
            "",
            "^".repeat(self.length),
            offset = self.offset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let source = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let shown = Excerpt::new(&source, 1, 501, 4).to_string();
        let (text, mark) = shown.split_once('\n').unwrap();
        assert_eq!(text.find("HERE"), mark.find("^^^^"));
        assert!(text.len() < 200);
    }

    #[test]
    fn a_place_outside_the_text_does_no_harm() {
        assert_eq!(Excerpt::new("one line", 7, 90, 3).to_string().lines().count(), 2);
    }
}
